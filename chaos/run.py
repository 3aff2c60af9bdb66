"""One chaos run: rounds of faults under load, each some rounds a settlement, and the verdict."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Final

from chaos.book import Book
from chaos.crowd import Crowd
from chaos.faults import Fault, Scene
from chaos.judge import Judge
from chaos.plan import rounds
from chaos.town import READY_S, Town

#: Everything healed, nobody logging in: by then every obligation is settled.
SETTLE_S: Final = 60.0
#: So often the run stops to settle.
CHECK_S: Final = 20.0
_HOLD_S: Final = 2.5
_GAP_S: Final = 0.8
_THREADS: Final = 3


@dataclass(slots=True)
class Story:
    """What happened, second by second; printed as it goes."""

    started: float = field(default_factory=time.monotonic)
    lines: list[str] = field(default_factory=list)

    def say(self, text: str) -> None:
        """Note it and print it."""
        line = f"{time.monotonic() - self.started:7.2f}s  {text}"
        self.lines.append(line)
        print(line, flush=True)


@dataclass(slots=True)
class Run:
    """A run and its figures."""

    seed: int
    seconds: float
    faults: Sequence[Fault]
    town: Town
    story: Story
    crowd: Crowd
    book: Book
    judge: Judge
    rounds: int = 0
    injected: Counter[str] = field(default_factory=Counter)
    settle_s: list[float] = field(default_factory=list)
    dead: dict[str, str] = field(default_factory=dict)

    @classmethod
    def prepare(
        cls,
        seed: int,
        seconds: float,
        customers: int,
        faults: Sequence[Fault],
        town: Town,
        story: Story,
    ) -> Run:
        """A run in this town, whose parts answer."""
        book = Book()
        crowd = Crowd(book, town.web_port, seed, threads=_THREADS, most=customers)
        return cls(seed, seconds, faults, town, story, crowd, book, Judge(book))

    def go(self) -> None:
        """All of it but its conclusion: see `chaos.verdict`."""
        scene = Scene(
            self.town,
            self.crowd,
            self.book,
            self.judge,
            random.Random(f"{self.seed}-scene"),
            threading.Event(),
        )
        self.crowd.start()
        try:
            self._inject_all(scene)
            if not self.judge.violations:
                self.crowd.stop()
                self._settle()
        finally:
            self.crowd.stop()

    def _inject_all(self, scene: Scene) -> None:
        ends = time.monotonic() + self.seconds
        check_at = time.monotonic() + CHECK_S
        for chosen in rounds(self.faults, self.seed):
            if time.monotonic() >= ends or self.judge.violations:
                return
            self._round(chosen, scene)
            if time.monotonic() >= check_at and time.monotonic() < ends:
                with self.crowd.paused():
                    self._settle()
                check_at = time.monotonic() + CHECK_S

    def _round(self, chosen: list[Fault], scene: Scene) -> None:
        self.rounds += 1
        self.story.say(f"round {self.rounds}: {', '.join(one.name for one in chosen)}")
        active: list[AbstractContextManager[None]] = []
        try:
            for one in chosen:
                context = one.enter(scene)
                context.__enter__()
                active.append(context)
                self.injected[one.name] += 1
                scene.pause(_GAP_S)
            scene.pause(_HOLD_S)
        finally:
            scene.chance.shuffle(active)
            for context in active:
                context.__exit__(None, None, None)
        self._look()
        scene.pause(_GAP_S)

    def _look(self) -> None:
        self.judge.take(self.town.sap.commits(self.judge.seen))

    def _settle(self) -> None:
        """Everything is healed: wait until nothing is owed, or report it."""
        started = time.monotonic()
        if said := self.town.keeper.await_ready(READY_S):
            self.judge.violated("not ready", f"a ready sidecar within {READY_S:.0f} s", said)
            return
        while True:
            self._look()
            owed = [one for one in self.judge.owed() if not one.is_poisoned]
            if self.judge.violations:
                return
            if not owed:
                break
            if time.monotonic() - started > SETTLE_S:
                return  # the conclusion says for whom
            time.sleep(0.05)
        self.settle_s.append(time.monotonic() - started)
        self.story.say(
            f"settled in {self.settle_s[-1]:.1f} s: {self.book.logins} logins answered,"
            f" {len(self.judge.marks)} customers in SAP by {self.judge.seen} writes"
        )
