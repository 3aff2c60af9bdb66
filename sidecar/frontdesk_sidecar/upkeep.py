"""What a running sidecar does beside its work: tidying up, and looking whether it gets anywhere."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import anyio
import anyio.lowlevel

from frontdesk_sidecar.forward.forwarder import Forwarder
from frontdesk_sidecar.settings import Keeping
from frontdesk_sidecar.store import Store, StoreFull, Which
from frontdesk_sidecar.store.writer import Writer
from frontdesk_sidecar.telemetry import Telemetry
from frontdesk_sidecar.watchdog import Progress, stuck

TIDY_S: Final = 60.0
#: So many rows in one transaction: others have their turn in between.
TIDY_ROWS: Final = 500
LOOK_S: Final = 1.0
#: A leap of the wall clock that no adjusting makes, and how long it must be steady after one.
_LEAP_S: Final = 180.0
_STEADY_S: Final = 3600.0
#: Whoever was not looked at for so long was stopped, or the machine slept: it begins anew.
_GAP_S: Final = 10.0
#: A clock that was set back by more than this, in microseconds; adjusting takes smaller steps.
_STEP_US: Final = 2_000_000


class Tidying:
    """Erases the values of settled customers, and dead letters that are too old or too many.

    What is too old is left alone after a leap of the wall clock until it was steady for an hour:
    somebody may set it right again. `wall`: seconds since the epoch.
    """

    def __init__(
        self,
        keeping: Keeping,
        writer: Writer[Store],
        telemetry: Telemetry,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._keeping = keeping
        self._writer = writer
        self._telemetry = telemetry
        self._clock, self._wall = clock, wall
        self._ahead_s = wall() - clock()
        self._steady_at = clock()

    def keep(self, keeping: Keeping) -> None:
        """Go by these from now on."""
        self._keeping = keeping

    async def run(self) -> None:
        """Until cancelled. StoreError passes through, but for a full store."""
        while True:
            try:
                await self.tidy()
            except StoreFull:
                self._telemetry.store_full()
            await anyio.sleep(TIDY_S)

    async def tidy(self) -> None:
        """Once."""
        now = self._wall()
        if self._is_steady(now):
            before = int((now - self._keeping.retention_s) * 1e6)
            while await self._writer.run(Store.scrub, before, TIDY_ROWS) == TIDY_ROWS:
                await anyio.lowlevel.checkpoint()
            too_old = Which(before=int((now - self._keeping.dead_retention_s) * 1e6))
            await self._discard(too_old, sys.maxsize)
        counts = await self._writer.run(Store.counts_by_target, int(now * 1e6))
        for target, found in counts.items():
            # Of each target for itself: one that refuses everybody pushes no other's letters out.
            await self._discard(Which(target=target), found.dead - self._keeping.dead_limit)

    def _is_steady(self, now: float) -> bool:
        """Whether the wall clock has told ages right for long enough."""
        clock = self._clock()
        ahead_s = now - clock
        if abs(ahead_s - self._ahead_s) > _LEAP_S:
            self._steady_at = clock + _STEADY_S
        self._ahead_s = ahead_s
        return clock >= self._steady_at

    async def _discard(self, which: Which, most: int) -> None:
        """Delete up to `most`, the earliest first, a few at a time."""
        discarded = 0
        while discarded < most:
            rows = min(TIDY_ROWS, most - discarded)
            number = await self._writer.run(Store.discard, which, rows)
            discarded += number
            if number < rows:
                break
        if discarded > 0:
            self._telemetry.dead_discarded(discarded)


class Lookout:
    """Looks once a second whether a target gets anywhere, and whether secret or clock changed.

    `longest_s`: nobody ever waits for longer. `wall`: microseconds since the epoch.
    """

    def __init__(
        self,
        writer: Writer[Store],
        forwarder: Forwarder,
        *,
        secret_file: Path | None,
        stuck_s: float,
        longest_s: float = 3600.0,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self._writer = writer
        self._forwarder = forwarder
        self._longest_s = longest_s
        self._wall = wall
        self._ahead_us = wall() - int(clock() * 1e6)
        self._secret_file = secret_file
        self._stuck_s = stuck_s
        self._clock = clock
        self._secret = _identity(secret_file)
        self._due_since: float | None = None
        self._open_since: float | None = None
        self._asked_at: float | None = None
        self._looked_at = clock()

    def stuck(self) -> str | None:
        """Why the sidecar should be started anew; None when it need not."""
        progress = Progress(
            self._due_since,
            self._open_since,
            self._forwarder.ledger.completed_at,
            self._asked_at,
        )
        return stuck(progress, self._clock(), self._stuck_s)

    async def run(self) -> None:
        """Until cancelled. StoreError passes through, but for a full store."""
        while True:
            await self.look()
            await anyio.sleep(LOOK_S)

    async def look(self) -> None:
        """One look."""
        now = self._clock()
        if now - self._looked_at > max(_GAP_S, LOOK_S):
            self._due_since = self._open_since = None
        self._looked_at = now
        is_open = self._forwarder.gate.is_open
        self._open_since = (self._open_since or now) if is_open else None
        self._watch_secret(now)
        await self._watch_clock(now)
        self._asked_at = now
        try:
            is_due = await self._writer.run(Store.is_due, self._wall(), self._forwarder.name)
        except StoreFull:
            is_due = False
        self._asked_at = None
        self._looked_at = now = self._clock()
        is_due |= self._forwarder.is_busy
        self._due_since = (self._due_since or now) if is_due else None

    async def _watch_clock(self, now: float) -> None:
        """Where the clock was set back, nobody waits until it is there again."""
        wall_us = self._wall()
        ahead_us = wall_us - int(now * 1e6)
        set_back_us, self._ahead_us = self._ahead_us - ahead_us, ahead_us
        if set_back_us > _STEP_US:
            await self._writer.run(Store.bring_forward, wall_us + int(self._longest_s * 1e6))
            self._forwarder.wake()

    def _watch_secret(self, now: float) -> None:
        """A changed secret may be what was missing: do not wait for the next try."""
        found = _identity(self._secret_file)
        if found != self._secret:
            self._secret = found
            self._forwarder.gate.try_now(now)
            self._forwarder.wake()


def _identity(path: Path | None) -> tuple[int, ...] | None:
    if path is None:
        return None
    try:
        status = os.stat(path)
    except OSError:
        return None
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
