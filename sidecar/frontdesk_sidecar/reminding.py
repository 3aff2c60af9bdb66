"""Says again and again that customers do not get to a target: who looks at a log in the middle of
an outage finds a line of the last ten minutes, not only one of its beginning.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, Protocol

import anyio

from frontdesk_sidecar.forward.gate import Gate, Shut, Why
from frontdesk_sidecar.forward.verdict import SECOND
from frontdesk_sidecar.store import Counts, Store, StoreFull
from frontdesk_sidecar.store.writer import Writer
from frontdesk_sidecar.telemetry import Telemetry
from frontdesk_sidecar.telling import Outage

EVERY_S: Final = 600.0
LOOK_S: Final = 1.0
#: What ends by itself when SAP is back.
_BY_ITSELF: Final = (Why.THROTTLED, Why.FAILING)


class HasGate(Protocol):
    """What sends to a target, such as a `Forwarder`."""

    name: str

    @property
    def gate(self) -> Gate:
        """Whether anything may be sent."""


class Reminder:
    """Looks at one target once a second. `paused_us`: since when somebody has paused it.

    `clock` is monotonic seconds, `wall` microseconds since the epoch.
    """

    def __init__(
        self,
        writer: Writer[Store],
        forwarder: HasGate,
        telemetry: Telemetry,
        *,
        paused_us: Callable[[], int | None],
        stuck: Callable[[], str | None],
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self._writer = writer
        self._forwarder = forwarder
        self._telemetry = telemetry
        self._paused_us = paused_us
        self._stuck = stuck
        self._clock, self._wall = clock, wall
        self._next_at: float | None = None

    async def run(self) -> None:
        """Until cancelled. StoreError passes through, but for a full store."""
        while True:
            await self.look()
            await anyio.sleep(LOOK_S)

    async def look(self) -> None:
        """One look."""
        now = self._clock()
        if (reason := self._stuck()) is not None:
            self._telemetry.stuck(self._forwarder.name, reason)
        if self._forwarder.gate.is_open:
            self._next_at = None
        elif self._next_at is None:
            self._next_at = now + EVERY_S
        elif now >= self._next_at:
            self._next_at = now + EVERY_S
            await self._remind(now)

    async def _remind(self, now: float) -> None:
        """Nobody is told of an outage in which nobody waits."""
        name = self._forwarder.name
        try:
            counts = await self._writer.run(Store.counts_by_target, self._wall())
        except StoreFull:
            return
        found = counts.get(name)
        if found is not None and found.pending + found.leased:
            shut, by_hand = self._forwarder.gate.shut, self._forwarder.gate.by_hand
            since_us = self._since_us(shut, now, by_hand=by_hand)
            outage = _outage(None if by_hand else shut, found, since_us, self._wall())
            self._telemetry.still_shut(name, outage)

    def _since_us(self, shut: Shut | None, now: float, *, by_hand: bool) -> int:
        paused_us = self._paused_us() if by_hand else None
        if paused_us is not None:
            return paused_us
        return self._wall() - int((now - shut.since if shut else EVERY_S) * SECOND)


def _outage(shut: Shut | None, found: Counts, since_us: int, now_us: int) -> Outage:
    """`shut` is None where somebody paused it."""
    since = datetime.fromtimestamp(since_us / SECOND, UTC).isoformat(timespec="seconds")
    return Outage(
        why="hand" if shut is None else str(shut.why),
        code="" if shut is None else shut.code,
        text="" if shut is None else shut.text,
        advice="`frontdesk resume` ends it" if shut is None else shut.advice,
        since=since.replace("+00:00", "Z"),
        minutes=max(0, round((now_us - since_us) / SECOND / 60)),
        waiting=found.pending + found.leased,
        oldest_s=(found.oldest_us or 0) // SECOND,
        needs_person=shut is None or shut.why not in _BY_ITSELF,
    )
