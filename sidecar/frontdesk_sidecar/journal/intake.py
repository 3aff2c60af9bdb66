"""Intake: moves what the journal holds into the store, a batch to a transaction, for ever."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from typing import Final

import anyio

from frontdesk.boot import this_boot
from frontdesk.event import Identify, Tick
from frontdesk_sidecar.journal.ageing import dated
from frontdesk_sidecar.journal.lines import Batch
from frontdesk_sidecar.journal.tail import REMOVED_AT_ONCE, Tail
from frontdesk_sidecar.store import Absorbed, Store, StoreFull
from frontdesk_sidecar.store.writer import Writer
from frontdesk_sidecar.telemetry import Telemetry

#: How often the journal is looked at. Sooner would wake us for every line, and wake the writers'
#: caches with us; the shopper never waits for it.
POLL_S: Final = 0.01
#: How long after something was taken: a busy shop's logins share a transaction. And how often
#: when nothing was for a while, where most shops are most of the time.
GATHER_S: Final = 0.04
QUIET_S: Final = 1.0
HOUSEKEEPING_S: Final = 1.0
ROTATION_S: Final = 60.0
#: Listing a crowded journal takes at most one part in so many of the time, but is done so often.
_REST: Final = 100
_LONGEST_REST_S: Final = 10.0


class Intake:
    """Reads the journal and commits it; `on_new` is called when customers became due.

    `target_of` says for which target each message is; without it all are for the default one.
    """

    def __init__(
        self,
        tail: Tail,
        writer: Writer[Store],
        telemetry: Telemetry,
        *,
        on_new: Callable[[], None],
        target_of: Callable[[Identify], str] | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], int] = lambda: time.time_ns() // 1000,
        tick: Callable[[], Tick] = lambda: Tick(this_boot(), time.monotonic_ns()),
    ) -> None:
        self._tail = tail
        self._writer = writer
        self._telemetry = telemetry
        self._on_new = on_new
        self._target_of = target_of
        self._clock = clock
        self._now = now
        self._tick = tick
        self._house_at = 0.0
        self._quiet_at = 0.0  # from then on nothing was taken for a while
        self._full: str | None = None  # what the store said the last time, if it took nothing
        self._rotate_at = clock() + ROTATION_S
        self._asked: anyio.Event | None = None  # by whoever waits for the end of the journal

    def assign(self, target_of: Callable[[Identify], str] | None) -> None:
        """Take what is read from now on for other targets."""
        self._target_of = target_of

    async def catch_up(self) -> None:
        """Wait until all is taken in that was written before, or the store takes nothing."""
        asked = self._asked = self._asked or anyio.Event()
        await asked.wait()

    async def run(self) -> None:
        """Until cancelled. StoreError passes through: what cannot be committed is not taken."""
        await self._forget(self._tail.stale_offsets())
        while True:
            # Whoever asks from now on may have written since, and gets a look of his own.
            asked, self._asked = self._asked, None
            if asked is not None:
                await self._take_all()
                asked.set()
                continue
            taken = await self.turn()
            if self._asked is None and not (taken and self._tail.has_more):
                is_brisk = not taken and self._clock() < self._quiet_at
                await anyio.sleep(POLL_S if is_brisk else GATHER_S)

    async def _take_all(self) -> None:
        """All that is there now; what comes meanwhile may never end."""
        self._house_at = 0.0
        mark: Mapping[str, int] = {}
        with contextlib.suppress(OSError):  # which is told by the turn
            self._tail.look(afresh=True)
            mark = self._tail.mark()
        while await self.turn() and not self._tail.has_passed(mark):
            pass

    async def turn(self) -> bool:
        """One look at the journal; True when something was taken and there may be more."""
        housekeeping = self._clock() >= self._house_at
        taken = False
        try:
            if housekeeping:
                self._tail.renew()
            began_s = time.thread_time()
            grown = self._tail.look(afresh=housekeeping)
            rest_s = min(_REST * (time.thread_time() - began_s), _LONGEST_REST_S)
            if grown:
                batch = self._tail.read()
                if batch.offsets:
                    taken = await self._absorb(batch)
            if housekeeping:
                await self._keep_house(max(HOUSEKEEPING_S, rest_s))
        except OSError as error:
            self._telemetry.journal_unreadable(error)
            await anyio.sleep(HOUSEKEEPING_S)
        return taken

    async def _absorb(self, batch: Batch) -> bool:
        started = self._clock()
        self._quiet_at = started + QUIET_S
        now, tick = self._now(), self._tick()
        messages = dated(batch.messages, now, tick)
        try:
            absorbed: Absorbed = await self._writer.run(
                lambda store: store.absorb(messages, batch.offsets, now, self._target_of)
            )
        except StoreFull as error:
            self._full = str(error)
            self._tail.rewind(batch)
            self._telemetry.intake_held(self._full)
            await anyio.sleep(HOUSEKEEPING_S)
            return False
        if self._full is not None:
            self._full = None
            self._telemetry.intake_held(None)
        self._telemetry.absorbed(batch, absorbed, self._clock() - started)
        if absorbed.changed:
            self._on_new()
        return True

    async def _keep_house(self, rest_s: float) -> None:
        self._house_at = self._clock() + rest_s
        removed = self._tail.remove_finished()
        if len(removed) == REMOVED_AT_ONCE:
            self._house_at = self._clock()  # there are more
        if self._clock() >= self._rotate_at:
            self._rotate_at = self._clock() + ROTATION_S
            self._tail.ask_rotation()
        self._telemetry.journal_state(self._tail.lag_bytes, self._tail.unreadable)
        await self._forget(removed)
        self._telemetry.intake_held(await self._held())

    async def _held(self) -> str | None:
        """Why nothing would be taken in, whether or not anything waits."""
        try:
            return await self._writer.run(lambda store: store.held()) or self._full
        except StoreFull as error:
            return str(error)

    async def _forget(self, names: list[str]) -> None:
        if names:
            with contextlib.suppress(StoreFull):  # forgotten at the next start then
                await self._writer.run(lambda store: store.forget_segments(names))
