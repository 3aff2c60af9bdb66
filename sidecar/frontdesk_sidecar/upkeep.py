"""What a running sidecar does beside its work: tidying up, and looking whether it gets anywhere."""

from __future__ import annotations

import os
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
#: Whoever was not looked at for so long was stopped, or the machine slept: it begins anew.
_GAP_S: Final = 10.0


class Tidying:
    """Erases the values of settled customers, and dead letters that are too old or too many."""

    def __init__(self, keeping: Keeping, writer: Writer[Store], telemetry: Telemetry) -> None:
        self._keeping = keeping
        self._writer = writer
        self._telemetry = telemetry

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
        now = time.time()
        before = int((now - self._keeping.retention_s) * 1e6)
        while await self._writer.run(Store.scrub, before, TIDY_ROWS) == TIDY_ROWS:
            await anyio.lowlevel.checkpoint()
        too_old = Which(before=int((now - self._keeping.dead_retention_s) * 1e6))
        await self._discard(too_old, self._keeping.dead_limit + TIDY_ROWS)
        dead = sum((await self._writer.run(Store.dead_codes)).values())
        await self._discard(Which(), dead - self._keeping.dead_limit)

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
    """Looks once a second whether there is progress, and whether the secret was changed."""

    def __init__(
        self,
        writer: Writer[Store],
        forwarder: Forwarder,
        *,
        secret_file: Path | None,
        stuck_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._writer = writer
        self._forwarder = forwarder
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
        self._asked_at = now
        try:
            is_due = await self._writer.run(Store.is_due, time.time_ns() // 1000)
        except StoreFull:
            is_due = False
        self._asked_at = None
        self._looked_at = now = self._clock()
        is_due |= self._forwarder.is_busy
        self._due_since = (self._due_since or now) if is_due else None

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
