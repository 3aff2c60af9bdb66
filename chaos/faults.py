"""The faults by name. Each is a generator: up to its `yield` it injects, behind it it heals."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Final

from chaos.book import Book
from chaos.crowd import Crowd
from chaos.judge import Judge
from chaos.town import Town


@dataclass(frozen=True, slots=True)
class Scene:
    """What a fault may touch. `pause` waits for a random part of so many seconds."""

    town: Town
    crowd: Crowd
    book: Book
    judge: Judge
    chance: random.Random
    stop: threading.Event

    def pause(self, most_s: float) -> None:
        """Wait for a random while: the time between two blows, not for anything."""
        self.stop.wait(self.chance.random() * most_s)


Body = Callable[[Scene], Iterator[None]]


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of fault.

    `touches`: faults that touch the same part are not injected together. `needs` says why it
    cannot be injected here, or nothing.
    """

    name: str
    touches: frozenset[str]
    enter: Callable[[Scene], AbstractContextManager[None]]
    needs: Callable[[Town], str | None]


FAULTS: Final[dict[str, Fault]] = {}

#: Not chosen unless asked for by `--only`, and why.
OFF: Final[dict[str, str]] = {}


def fault(
    *touches: str, needs: Callable[[Town], str | None] = lambda town: None
) -> Callable[[Body], Body]:
    """Put a fault into the table, by the name of its function."""

    def register(body: Body) -> Body:
        name = body.__name__
        FAULTS[name] = Fault(name, frozenset(touches), contextmanager(body), needs)
        return body

    return register
