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

from frontdesk_sidecar.forward.gate import Gate
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
        if not self._fleet.is_settled:
            return True
        open_ = [lane.name for lane in self._fleet.lanes if not self._is_shut(lane.forwarder.gate)]
        names = [lane.name for lane in self._fleet.lanes]

        def is_left(store: Store) -> bool:
            # In one look: what is leased in one moment may be settled, and due, in the next.
            counts = store.counts_by_target(self._now())
            return any(counts[name].leased for name in names if name in counts) or any(
                store.is_due(self._until_us, name) for name in open_
            )

        try:
            return await self._writer.run(is_left)
        except StoreFull:
            return False

    def _is_shut(self, gate: Gate) -> bool:
        """Whether nothing can be sent within the time."""
        return gate.by_hand or (gate.shut is not None and gate.shut.next_at > self._until)

    async def _tell(self) -> None:
        while True:
            left = await self.left()
            left_s = max(0.0, self._until - self._clock())
            self._telemetry.draining(left.customers, left.journal_bytes, left_s)
            await anyio.sleep(_TELL_S)
