"""One transaction over several stores: all of its writes stay, or none."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Action = Callable[[], object]


class Rollback(Exception):  # noqa: N818 - it asks for something, nothing went wrong
    """Ends a transaction without its writes."""


class Journal:
    """What is to be undone, and what waits for the end. Outside a transaction it keeps nothing."""

    def __init__(self) -> None:
        self._undo: list[Action] | None = None
        self._afterwards: list[Action] = []

    @property
    def is_open(self) -> bool:
        """Whether a transaction runs."""
        return self._undo is not None

    def note(self, undo: Action) -> None:
        """Remembers how a write is undone; only in a transaction."""
        if self._undo is not None:
            self._undo.append(undo)

    def afterwards(self, action: Action) -> None:
        """Does something once the writes are certain: now, or at the end of the transaction."""
        if self._undo is None:
            action()
        else:
            self._afterwards.append(action)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keeps the writes of its block. An exception undoes them; a `Rollback` ends here.

        Within another transaction it is a part of that one, which decides about everything.
        """
        if self.is_open:
            yield
            return
        undo = self._undo = []
        actions = self._afterwards = []
        try:
            yield
        except BaseException as reason:
            for action in reversed(undo):
                action()
            actions.clear()
            if not isinstance(reason, Rollback):
                raise
        finally:
            self._undo = None
        for action in actions:
            action()
