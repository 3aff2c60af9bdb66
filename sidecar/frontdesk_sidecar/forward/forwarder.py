"""The forwarder: claims due customers, upserts them, settles what became of it.

It sees a store and something that upserts; it knows neither SQLite nor HTTP. One customer is
one row with one lease, so one request at a time is under way for each, and several customers at
once.
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

import anyio
from anyio.abc import ObjectReceiveStream, ObjectSendStream

from frontdesk_sidecar.backoff import full_jitter
from frontdesk_sidecar.mapping import AttributeMapping, MappingError
from frontdesk_sidecar.outcome import Kind, Outcome
from frontdesk_sidecar.store import (
    Claim,
    Dead,
    Delivered,
    Release,
    Retry,
    Settlement,
    Store,
    StoreFull,
)
from frontdesk_sidecar.store.writer import Writer
from frontdesk_sidecar.telemetry import Telemetry

#: How long at most until rows whose back-off ended are noticed.
IDLE_S: Final = 0.5
#: How long is waited when the store takes nothing.
FULL_S: Final = 1.0
SECOND: Final = 1_000_000  # microseconds


class Upsert(Protocol):
    """What delivers one customer, such as `Commerce.upsert`."""

    def __call__(
        self, payload: Mapping[str, object], *, message_id: Callable[[], str]
    ) -> Awaitable[Outcome]: ...


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast: customers under way at once, and how long is waited when it did not work.

    `rest_s`: a customer whose outcome is not known rests this long, since SAP may still be at work
    on it; sooner, an older state could arrive after a newer one. `quiet_s`: nothing at all is sent
    for this long when SAP says that it is too much, or that nothing of ours can work.
    """

    concurrency: int = 4
    retry_base_s: float = 2.0
    retry_cap_s: float = 300.0
    rest_s: float = 60.0
    quiet_s: float = 10.0
    #: The store is this process's alone and ends what it leased at the next start. So leases only
    #: need to outlive every attempt, whatever the clock does.
    lease_s: float = 7 * 86_400.0


class Forwarder:
    """Delivers what is due until told to stop."""

    def __init__(
        self,
        writer: Writer[Store],
        upsert: Upsert,
        mapping: AttributeMapping,
        telemetry: Telemetry,
        pace: Pace,
        *,
        now: Callable[[], int] = lambda: time.time_ns() // 1000,
        chance: Callable[[], float] = random.random,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._writer = writer
        self._upsert = upsert
        self._mapping = mapping
        self._telemetry = telemetry
        self._pace = pace
        self._now = now
        self._chance = chance
        self._clock = clock
        self._finished: list[Settlement] = []
        self._held = 0
        self._failures = 0
        self._quiet_until = 0.0
        self._stopping = False
        self._wake = anyio.Event()
        self.stopped = anyio.Event()

    def wake(self) -> None:
        """Something may be due: look now."""
        self._wake.set()

    def stop(self) -> None:
        """Claim no more; `run` returns when what is under way has been settled."""
        self._stopping = True
        self._wake.set()

    async def run(self) -> None:
        """Until `stop`, or cancelled. StoreError passes through."""
        claims, work = anyio.create_memory_object_stream[Claim](self._pace.concurrency)
        async with anyio.create_task_group() as tasks:
            for _ in range(self._pace.concurrency):
                tasks.start_soon(self._deliver_all, work.clone())
            work.close()
            async with claims:
                while not self._stopping or self._held:
                    await self._turn(claims)
        self.stopped.set()

    async def _turn(self, claims: ObjectSendStream[Claim]) -> None:
        """Settle what is finished and claim as many as there is room for, in one transaction."""
        self._wake = anyio.Event()
        finished, self._finished = self._finished, []
        self._held -= len(finished)
        room = 0 if self._is_silent() else 2 * self._pace.concurrency - self._held
        claimed: list[Claim] = []
        if finished or room:
            try:
                claimed = await self._writer.run(
                    _settle_and_claim, finished, room, self._now(), int(self._pace.lease_s * SECOND)
                )
            except StoreFull:
                self._finished[:0] = finished
                self._held += len(finished)
                self._telemetry.store_full()
                await anyio.sleep(FULL_S)
                return
        self._held += len(claimed)
        for claim in claimed:
            await claims.send(claim)
        if not claimed and not self._finished:
            with anyio.move_on_after(IDLE_S):
                await self._wake.wait()

    async def _deliver_all(self, work: ObjectReceiveStream[Claim]) -> None:
        async with work:
            async for claim in work:
                settlement = (
                    Release(claim, self._now()) if self._is_silent() else await self._deliver(claim)
                )
                # Not in one line with the await: `_turn` puts a new list in place meanwhile.
                self._finished.append(settlement)
                self._wake.set()

    async def _deliver(self, claim: Claim) -> Settlement:
        started = time.perf_counter()
        try:
            payload = self._mapping.apply(claim.customer.traits)
            outcome = await self._upsert(payload, message_id=lambda: str(uuid.uuid4()))
        except MappingError as error:
            outcome = Outcome(Kind.REJECTED, "mapping", str(error))
        except Exception as error:  # noqa: BLE001 - one customer's surprise must not end the rest
            outcome = Outcome(Kind.TRANSIENT, "internal", type(error).__name__)
        elapsed_s = time.perf_counter() - started
        self._heed(outcome)
        settlement = self._settlement(claim, outcome, elapsed_s)
        self._telemetry.delivered(claim, outcome, settlement, elapsed_s)
        return settlement

    def _is_silent(self) -> bool:
        return self._stopping or self._clock() < self._quiet_until

    def _heed(self, outcome: Outcome) -> None:
        """Fall silent where every customer would fare the same."""
        if outcome.kind is Kind.TRANSIENT:
            self._failures += 1
        elif outcome.kind not in (Kind.THROTTLED, Kind.SETUP):
            self._failures = 0
        is_pointless = self._failures >= 2 * self._pace.concurrency
        if is_pointless or outcome.kind in (Kind.THROTTLED, Kind.SETUP):
            # After that, a few customers show whether it is over.
            self._failures = 0
            quiet_s = max(self._pace.quiet_s, outcome.retry_after_s or 0.0)
            self._quiet_until = self._clock() + quiet_s

    def _settlement(self, claim: Claim, outcome: Outcome, elapsed_s: float) -> Settlement:
        if outcome.kind in (Kind.DELIVERED, Kind.UNCHANGED):
            return Delivered(claim, claim.sent_hash)
        if outcome.kind is Kind.REJECTED:
            return Dead(claim, outcome.code, outcome.text)
        wait_s = full_jitter(
            claim.attempts + 1,
            base_s=self._pace.retry_base_s,
            cap_s=self._pace.retry_cap_s,
            random=self._chance,
        )
        wait_s = max(wait_s, outcome.retry_after_s or 0.0)
        if outcome.is_unknown:
            wait_s = max(wait_s, self._pace.rest_s - elapsed_s)
        return Retry(claim, self._now() + int(wait_s * SECOND), outcome.code, outcome.text)


def _settle_and_claim(
    store: Store, finished: list[Settlement], room: int, now: int, lease_us: int
) -> list[Claim]:
    if finished:
        store.settle(finished, now)
    return store.claim(room, now, lease_us) if room > 0 else []
