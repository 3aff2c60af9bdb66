"""The end, in order: what the journal holds is taken in, and what is due delivered, for a while.

Nothing depends on it where the store outlives the process. Where it does not, as on a volume that
goes with a pod, what is not delivered here is lost.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

import anyio

from frontdesk_sidecar.forward.verdict import SECOND
from frontdesk_sidecar.lifecycle.fleet import Fleet
from frontdesk_sidecar.store import Store, StoreFull
from frontdesk_sidecar.store.writer import Writer
from frontdesk_sidecar.telemetry import Telemetry

_TELL_S: Final = 1.0
_POLL_S: Final = 0.05


class Journal(Protocol):
    """The journal's reading end, such as `Intake`."""

    async def catch_up(self) -> None:
        """Wait until all is taken in that was written before."""


@dataclass(frozen=True, slots=True)
class Left:
    """What SAP does not have: customers in the store, those of unknown targets too."""

    customers: int
    journal_bytes: int


class Drain:
    """Delivers what is due for at most `drain_s` seconds; with 0 nothing more is begun.

    `lag_bytes` says what the journal holds that was not read. Raises StoreError.
    """

    def __init__(
        self,
        fleet: Fleet,
        journal: Journal,
        lag_bytes: Callable[[], int],
        writer: Writer[Store],
        telemetry: Telemetry,
        drain_s: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self._fleet = fleet
        self._journal = journal
        self._lag_bytes = lag_bytes
        self._writer = writer
        self._telemetry = telemetry
        self.drain_s = drain_s
        self._clock, self._now = clock, now
        self._until = clock() + drain_s
        self._until_us = now() + int(drain_s * SECOND)

    async def run(self) -> None:
        """Until nothing is left that could be delivered in time, or the time is over."""
        if not self.drain_s:
            return
        with anyio.move_on_after(max(0.0, self._until - self._clock())):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._tell)
                await self._journal.catch_up()
                while await self._is_worth_it():
                    await anyio.sleep(_POLL_S)
                    await self._journal.catch_up()
                tasks.cancel_scope.cancel()

    def document(self) -> dict[str, Any]:
        """For the status: the seconds that are left at most."""
        return {"leftSeconds": round(max(0.0, self._until - self._clock()), 1)}

    async def left(self) -> Left:
        """What is left now."""
        counts = (await self._writer.run(Store.counts_by_target, self._now())).values()
        return Left(sum(one.pending + one.leased for one in counts), self._lag_bytes())

    async def _is_worth_it(self) -> bool:
        """Whether anything is under way, or could be sent within the time."""
        for lane in self._fleet.lanes:
            gate = lane.forwarder.gate
            is_shut = gate.by_hand or (gate.shut is not None and gate.shut.next_at > self._until)
            if not is_shut and await self._is_due(lane.name):
                return True
        if not self._fleet.is_settled:
            return True
        # What was settled a moment ago is leased until that is committed, and may then be due.
        counts = await self._writer.run(Store.counts_by_target, self._now())
        return any(counts[lane.name].leased for lane in self._fleet.lanes if lane.name in counts)

    async def _is_due(self, target: str) -> bool:
        try:
            return await self._writer.run(Store.is_due, self._until_us, target)
        except StoreFull:
            return False

    async def _tell(self) -> None:
        while True:
            left = await self.left()
            left_s = max(0.0, self._until - self._clock())
            self._telemetry.draining(left.customers, left.journal_bytes, left_s)
            await anyio.sleep(_TELL_S)
