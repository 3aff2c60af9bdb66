"""One customer, or many in one `$batch`: from payload to outcomes, whatever `$batch` does.

A `$batch` that is refused as a whole says nothing about its customers. It is halved until the
culprit stands alone, or posted one by one where `$batch` does not work at all.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from frontdesk_sidecar.forward.pace import Pace
from frontdesk_sidecar.sap.advice import advice_for
from frontdesk_sidecar.sap.outcome import Kind, Outcome
from frontdesk_sidecar.store import Claim
from frontdesk_sidecar.tracing import PASSING, Ending, Span, Tracer

#: Where `$batch` does not work, it is tried again after this long.
OFF_S: Final = 600.0
#: A `$batch` that went through lets the next be so much larger.
_GROWTH: Final = 1.1
#: Codes of a whole `$batch`: too many customers; too many, or one that is too large.
_TOO_MANY: Final = "odata.batch_limit_exceeded"
_TOO_LARGE: Final = "http.413"
#: Codes of a whole `$batch` that can mean that there is no `$batch` here.
_NO_BATCH: Final = frozenset(
    (
        *("batch.unreadable", "http.404", "http.405", "http.406", "http.415", "http.501"),
        *("odata.not_found", "odata.method_not_allowed"),
    )
)


class Target(Protocol):
    """What delivers, such as `Commerce`."""

    def upsert(
        self,
        payload: Mapping[str, object],
        *,
        message_id: Callable[[], str],
        traceparent: Callable[[], str | None],
    ) -> Awaitable[Outcome]:
        """One customer. For each attempt `message_id` is asked, and `traceparent` after it."""

    def upsert_many(
        self,
        payloads: Sequence[Mapping[str, object]],
        *,
        message_id: Callable[[int], str],
        traceparent: Callable[[int], str | None],
        boundary: str,
    ) -> Awaitable[tuple[Outcome, ...] | Outcome]:
        """Several; one outcome for each, or one for the whole request."""


@dataclass(slots=True)
class Parcel:
    """A claimed customer with its payload, and the payload's fingerprint.

    `message_id` and `span` are those of the last attempt; `is_booked` once an outcome was reported.
    """

    claim: Claim
    payload: Mapping[str, object] = field(repr=False)
    digest: bytes
    message_id: str = ""
    is_booked: bool = False
    tracer: Tracer = field(default=PASSING, repr=False)
    span: Span | None = field(default=None, repr=False)

    def new_id(self) -> str:
        """An `integrationMessageId` for one more attempt, which is a span of its own."""
        if self.span is not None:  # a token was refused, or a whole batch
            self.span.end(Ending("repeated", "repeated", self.message_id))
        self.message_id = str(uuid.uuid4())
        self.span = self.tracer.begin(self.claim.traceparent, self.claim.target)
        return self.message_id

    def traceparent(self) -> str | None:
        """The header of the attempt that `new_id` began."""
        return None if self.span is None else self.span.traceparent

    def ended(self, outcome: Outcome) -> None:
        """The last attempt came to this."""
        if self.span is not None:
            ending = Ending(outcome.kind, outcome.code, self.message_id, outcome.status)
            self.span.end(ending)
            self.span = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request and what came of it: an outcome for each parcel, or one `shared` by all."""

    parcels: Sequence[Parcel]
    outcomes: Sequence[Outcome]
    elapsed_s: float
    is_try: bool = False

    @property
    def shared(self) -> bool:
        """Whether the outcome is that of the request, not of a customer."""
        return len(self.parcels) > len(self.outcomes)


class Courier:
    """Sends parcels.

    `begin` waits until a request may be sent, False: none may; its argument says that it is the
    try of a shut gate.
    """

    def __init__(
        self,
        target: Target,
        pace: Pace,
        *,
        begin: Callable[[bool], Awaitable[bool]],
        report: Callable[[Delivery], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._target = target
        self._begin = begin
        self._report = report
        self._clock = clock
        self._size = pace.batch_size
        #: how many SAP manages within the time of a request, as far as was seen
        self._manageable = float(pace.batch_size)
        self._off_until = 0.0

    @property
    def batch_size(self) -> int:
        """Customers that one request may carry now."""
        if self._clock() < self._off_until:
            return 1
        return max(1, min(self._size, int(self._manageable)))

    async def deliver(self, parcels: Sequence[Parcel]) -> bool | None:
        """Send them; each request is reported when its answer is there.

        Whether SAP refused anybody's record; None when it was cut short, and then what was not
        reported was not sent. Never raises for what the target does.
        """
        if len(parcels) == 1:
            return await self._deliver_one(parcels[0])
        return await self._deliver_batch(parcels)

    async def try_one(self, parcel: Parcel) -> None:
        """Send this one although the gate is shut, to see whether it may open."""
        await self._deliver_one(parcel, is_try=True)

    async def _deliver_one(self, parcel: Parcel, *, is_try: bool = False) -> bool | None:
        if not await self._begin(is_try):
            return None
        started = time.perf_counter()
        try:
            outcome = await self._target.upsert(
                parcel.payload, message_id=parcel.new_id, traceparent=parcel.traceparent
            )
        except Exception as error:  # noqa: BLE001 - one customer's surprise must not end the rest
            outcome = _surprise(error)
        self._report(Delivery([parcel], [outcome], time.perf_counter() - started, is_try))
        if outcome.kind not in (Kind.DELIVERED, Kind.REJECTED):
            return None
        return outcome.kind is Kind.REJECTED

    async def _deliver_batch(self, parcels: Sequence[Parcel]) -> bool | None:
        if not await self._begin(False):
            return None
        started = time.perf_counter()
        try:
            result = await self._target.upsert_many(
                [parcel.payload for parcel in parcels],
                message_id=lambda number: parcels[number].new_id(),
                traceparent=lambda number: parcels[number].traceparent(),
                boundary=f"batch_{uuid.uuid4().hex}",
            )
        except Exception as error:  # noqa: BLE001 - as above
            result = _surprise(error)
        if isinstance(result, Outcome):
            if result.kind is Kind.REJECTED or result.code in _NO_BATCH:
                return await self._deliver_refused(parcels, result.code)
            result = (result,)
        self._learn(len(parcels), result)
        self._report(Delivery(parcels, result, time.perf_counter() - started))
        return any(outcome.kind is Kind.REJECTED for outcome in result)

    async def _deliver_refused(self, parcels: Sequence[Parcel], code: str) -> bool | None:
        """The request was refused before anything of it was done."""
        half = len(parcels) // 2
        if code in _NO_BATCH:
            parts = [[parcel] for parcel in parcels]
        else:
            parts = [list(parcels[:half]), list(parcels[half:])]
        if code == _TOO_MANY:
            self._send_fewer_than(len(parcels))
        refused = False
        for part in parts:
            found = await self.deliver(part)
            if found is None:
                return None
            refused |= found
        if not refused and code == _TOO_LARGE:
            self._send_fewer_than(len(parcels))
        elif not refused and code != _TOO_MANY:
            self._off_until = self._clock() + OFF_S  # it was not for anybody's record
        return refused

    def _learn(self, number: int, result: Sequence[Outcome]) -> None:
        """Half as many after one without a known end; a tenth more after one that ended."""
        if len(result) == 1 and result[0].is_unknown:
            self._manageable = max(1.0, number / 2)
        elif len(result) == number:
            self._manageable = min(float(self._size), self._manageable * _GROWTH)

    def _send_fewer_than(self, number: int) -> None:
        if number > 2:
            self._size = min(self._size, -(-number // 2))
        else:
            self._off_until = self._clock() + OFF_S


def _surprise(error: Exception) -> Outcome:
    # What is not our own says no more than its type: its text may hold anything.
    code = "internal"
    return Outcome(Kind.TRANSIENT, code, type(error).__name__, advice_for(code), is_unknown=True)
