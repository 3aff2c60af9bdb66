"""The forwarder: claims due customers, sends what changed, settles what became of it.

It sees a store and something that upserts; it knows neither SQLite nor HTTP. One customer is
one row with one lease, so one request at a time is under way for each, and several customers at
once.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from frontdesk_sidecar.forward.courier import Courier, Delivery, Parcel, Target
from frontdesk_sidecar.forward.draw import Turn, Wish, settle_and_claim
from frontdesk_sidecar.forward.fingerprint import Fingerprint
from frontdesk_sidecar.forward.gate import Gate, Permit, Why
from frontdesk_sidecar.forward.ingress import Ingress
from frontdesk_sidecar.forward.ledger import Ledger
from frontdesk_sidecar.forward.pace import Pace
from frontdesk_sidecar.forward.packing import Packer
from frontdesk_sidecar.forward.verdict import SECOND, briefly
from frontdesk_sidecar.plan import Plan
from frontdesk_sidecar.store import DEFAULT_TARGET, Claim, Release, Store, StoreFull
from frontdesk_sidecar.store.writer import Writer
from frontdesk_sidecar.telemetry import Telemetry

#: How long at most until rows whose back-off ended are noticed.
IDLE_S: Final = 0.5
#: With nothing more due, so long may pass until what has ended is settled: with what else ends
#: meanwhile, or with the claim of what comes, each of which would be a transaction of its own.
SETTLE_S: Final = 0.05
#: How long is waited when the store takes nothing.
FULL_S: Final = 1.0
#: One request in so many is for a customer that failed before, however many fresh ones are due.
FAILED_SHARE: Final = 4


@dataclass(slots=True)
class _Work:
    """What a worker sends in one go."""

    parcels: Sequence[Parcel]
    is_try: bool


class Forwarder:
    """Delivers what is due for one target until told to stop."""

    def __init__(
        self,
        writer: Writer[Store],
        target: Target,
        plan: Plan | None,
        telemetry: Telemetry,
        pace: Pace,
        fingerprint: Fingerprint,
        *,
        name: str = DEFAULT_TARGET,
        ingress: Ingress | None = None,
        now: Callable[[], int] = lambda: time.time_ns() // 1000,
        chance: Callable[[], float] = random.random,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._writer = writer
        #: None as long as nothing may be sent: what customers should look like is being asked
        self.plan = plan
        self._telemetry = telemetry
        self._pace = pace
        self._now, self._clock = now, clock
        self.ledger = Ledger(
            pace, telemetry, now=now, clock=clock, chance=chance, target=name, ingress=ingress
        )
        self._packer = Packer(self.ledger, pace, fingerprint, telemetry, now=now)
        self.courier = Courier(target, pace, begin=self._may_begin, report=self._take, clock=clock)
        self._limiter = anyio.CapacityLimiter(self.ledger.concurrency.limit)
        self._held = 0  # requests that were claimed for and are not answered
        self._turns = 0
        self._stopping = False
        self._kept: Any = None  # what the store remembers of the gate
        self._wake = anyio.Event()
        self._stir = anyio.Event()  # as `_wake`, or something has ended
        self.stopped = anyio.Event()

    @property
    def gate(self) -> Gate:
        """Whether anything may be sent."""
        return self.ledger.gate

    def wake(self) -> None:
        """Something may be due, or may be sent: look now."""
        self._wake.set()
        self._stir.set()

    def use(self, plan: Plan) -> None:
        """Make payloads by this plan from now on; where the one before did not fit, try it now."""
        shut = self.gate.shut
        if shut is not None and shut.code == "mapping.unfit" and not plan.unfit:
            self.gate.try_now(self._clock())
        self.plan = plan
        self.wake()

    def may_repeat(self) -> bool:
        """Whether a request that was begun may be made once more."""
        return not self.gate.is_quiet(self._clock())

    def take_over(self, other: Forwarder) -> None:
        """Go on where another one for this target leaves off, which finishes what it has begun.

        A customer is leased to one of them, so nobody is sent by both at a time.
        """
        self.ledger.take_over(other.ledger)
        self._kept = other._kept
        if other.ledger.ingress is self.ledger.ingress:  # what is under way there counts here
            self._limiter = other._limiter
            self._limiter.total_tokens = self.ledger.concurrency.limit
        other.stop()

    def restore(self, note: Any) -> None:
        """Take up why nothing was sent, as an earlier run of this store left it."""
        if isinstance(note, dict) and isinstance(note.get("at"), int):
            passed_s = (self._now() - note["at"]) / SECOND
            self.gate.restore(note, self._clock(), passed_s=passed_s)
            self._kept = note
            self.ledger.tell()

    @property
    def is_busy(self) -> bool:
        """Whether requests are under way or waiting for their turn."""
        return self._held > 0

    @property
    def is_settled(self) -> bool:
        """Whether nothing is under way, and all that was is handed to the store."""
        return not self._held and not self.ledger.finished

    def stop(self) -> None:
        """Claim no more; `run` returns when what is under way has been settled."""
        self._stopping = True
        self.wake()

    async def run(self) -> None:
        """Until `stop`, or cancelled. StoreError passes through."""
        works, receive = anyio.create_memory_object_stream[_Work](math.inf)
        async with anyio.create_task_group() as tasks:
            for _ in range(self._pace.concurrency):
                tasks.start_soon(self._work_all, receive.clone())
            receive.close()
            async with works:
                while not self._stopping or self._held or self.ledger.finished:
                    await self._turn(works)
        self.stopped.set()

    async def _turn(self, works: MemoryObjectSendStream[_Work]) -> None:
        """Settle what is finished and claim as much as can be sent, in one transaction."""
        self._wake, self._stir = anyio.Event(), anyio.Event()
        permit, ledger = self._permit(), self.ledger
        finished, ledger.finished = ledger.finished, []
        wronged, ledger.wronged_since = ledger.wronged_since, None
        wish, note = self._wish(permit), self._note()
        requests: Sequence[Sequence[Claim]] = ()
        if finished or wish.requests or wronged is not None or note is not False:
            lease_us = int(self._pace.lease_s * SECOND)
            turn = Turn(finished, wish, self._now(), lease_us, wronged, note, self.name)
            try:
                requests = (await self._writer.run(settle_and_claim, turn)).requests
            except StoreFull:
                ledger.finished[:0] = map(briefly, finished)
                ledger.wronged_since = wronged
                self._telemetry.store_full()
                await anyio.sleep(FULL_S)
                return
            self._kept = self._kept if note is False else note
        for parcels in self._pack(requests, is_try=permit is Permit.ONE):
            self._held += 1
            works.send_nowait(_Work(parcels, permit is Permit.ONE))
        is_drained = len(requests) < wish.requests
        if is_drained or not wish.requests:
            await self._rest(may_settle_later=is_drained)

    async def _rest(self, *, may_settle_later: bool) -> None:
        if not self.ledger.finished:
            with anyio.move_on_after(IDLE_S):
                await self._stir.wait()
        # Why nothing may be sent is to outlive the process: that is not put off.
        if may_settle_later and self.ledger.finished and self.gate.is_open:
            with anyio.move_on_after(SETTLE_S):
                await self._wake.wait()

    def _pack(
        self, drawn: Sequence[Sequence[Claim]], *, is_try: bool
    ) -> Sequence[Sequence[Parcel]]:
        packed = self._packer.pack(drawn, self.plan, self.courier.batch_size, is_try=is_try)
        if is_try and packed:
            self.gate.begin_try()
        return packed

    def _permit(self) -> Permit:
        is_held = self._stopping or self.plan is None
        permit = Permit.NONE if is_held else self.gate.permit(self._clock())
        # A try says something only when nothing else is under way.
        return Permit.NONE if permit is Permit.ONE and self._held else permit

    def _wish(self, permit: Permit) -> Wish:
        if permit is not Permit.ALL:
            shut = self.gate.shut
            # Whom SAP refused a while ago shows less than somebody whom it has not seen yet.
            untried_first = shut is not None and shut.why is Why.REJECTIONS
            return Wish(requests=int(permit is Permit.ONE), untried_first=untried_first)
        room = 2 * self.ledger.concurrency.limit - self._held
        if room <= 0:
            return Wish()
        self._turns += 1
        is_their_turn = self._turns % FAILED_SHARE == 0
        share = room // FAILED_SHARE or int(is_their_turn)
        return Wish(room, self.courier.batch_size, self._pace.batch_above, share)

    def _note(self) -> Any:
        """What the store is to remember of the gate; False when it does so already."""
        if self.ledger.is_retired:
            return False
        document = self.gate.document(self._clock())
        kept = self._kept
        if document is None or kept is None:
            return False if document is kept else document and document | {"at": self._now()}
        same = all(document[name] == kept.get(name) for name in ("why", "code", "wait_s"))
        passed_s = (self._now() - kept.get("at", 0)) / SECOND
        grew = document["quiet_s"] > max(0.0, kept.get("quiet_s", 0.0) - passed_s) + 1.0
        return False if same and not grew else document | {"at": self._now()}

    async def _work_all(self, works: MemoryObjectReceiveStream[_Work]) -> None:
        async with works:
            async for work in works:
                await self._work(work)
                self._held -= 1
                self._stir.set()

    async def _work(self, work: _Work) -> None:
        if not self._stopping:  # else what was not begun is given back, and waits for no turn
            await self._send(work)
        now = self._now()
        self.ledger.finished += [
            Release(parcel.claim, now) for parcel in work.parcels if not parcel.is_booked
        ]

    async def _send(self, work: _Work) -> None:
        async with self._limiter:
            if work.is_try:
                await self.courier.try_one(work.parcels[0])
                self.gate.end_try()
            else:
                await self.courier.deliver(work.parcels)

    async def _may_begin(self, is_try: bool) -> bool:
        """Wait for a token of the rate; False when nothing may be sent any more."""
        rate, gate = self.ledger.rate, self.gate
        while not self._stopping and (gate.is_open or (is_try and not gate.by_hand)):
            wait_s = rate.wait_s(self._clock())
            if wait_s <= 0:
                rate.take(self._clock())
                return True
            await anyio.sleep(wait_s)
        return False

    def _take(self, delivery: Delivery) -> None:
        limiter = self._limiter
        self.ledger.take(delivery, busy=limiter.borrowed_tokens >= limiter.total_tokens)
        if not self.ledger.is_retired:
            limiter.total_tokens = self.ledger.concurrency.limit
        for number, parcel in enumerate(delivery.parcels):
            parcel.is_booked = True
            parcel.ended(delivery.outcomes[0 if delivery.shared else number])
        self._stir.set()
