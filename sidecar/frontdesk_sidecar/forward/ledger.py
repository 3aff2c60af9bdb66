"""Books outcomes: gate and limits hear of each, the customer's row gets its settlement."""

from __future__ import annotations

from collections.abc import Callable

from frontdesk_sidecar.forward.courier import Delivery
from frontdesk_sidecar.forward.gate import Gate, Shut, Why
from frontdesk_sidecar.forward.ingress import Ingress
from frontdesk_sidecar.forward.limits import Concurrency
from frontdesk_sidecar.forward.pace import Pace
from frontdesk_sidecar.forward.verdict import SECOND, Culprits, judged, settlement_of_failure
from frontdesk_sidecar.sap.outcome import Kind, Outcome
from frontdesk_sidecar.store import DEFAULT_TARGET, Claim, Delivered, Release, Settlement
from frontdesk_sidecar.telemetry import Telemetry


class Ledger:
    """What is decided from one target's outcomes alone; the settlements wait in `finished`.

    `now`: microseconds since the epoch; `clock`: monotonic seconds; `chance`: in [0, 1).
    """

    def __init__(
        self,
        pace: Pace,
        telemetry: Telemetry,
        *,
        now: Callable[[], int],
        clock: Callable[[], float],
        chance: Callable[[], float],
        target: str = DEFAULT_TARGET,
        ingress: Ingress | None = None,
    ) -> None:
        self._pace = pace
        self._telemetry = telemetry
        self._target = target
        self._now, self._clock, self._chance = now, clock, chance
        self._culprits = Culprits()
        self._resting: dict[str, float] = {}
        self.gate = Gate(pace)
        self._ingress = Ingress(pace.rate, clock()) if ingress is None else ingress
        self._ingress.join(self)
        self.rate = self._ingress.rate
        self.concurrency = Concurrency(pace.concurrency_min, pace.concurrency)
        self._was_throttled = False  # since everything was sent
        self.finished: list[Settlement] = []
        #: when SAP last took a customer, or the start: microseconds since the epoch
        self.taken_at = now()
        #: dead letters of this time and later died of what was everybody's, not theirs
        self.wronged_since: int | None = None
        self.completed_at = clock()
        self._is_retired = False

    @property
    def ingress(self) -> Ingress:
        """What it shares with the others that send to its host."""
        return self._ingress

    @property
    def is_retired(self) -> bool:
        """Whether another one speaks for the target now, or nobody."""
        return self._is_retired

    def retire(self) -> None:
        """Only book what is still under way, and say nothing of the target any more."""
        self._is_retired = True

    def take_over(self, other: Ledger) -> None:
        """Speak for the target from now on instead of the other, which retires.

        Nothing is sent sooner for it: whom the other lets rest, also later on, rests here too. What
        stood in the way is of the host, so it says nothing of another one.
        """
        other.retire()
        self._resting = other._resting
        self._was_throttled = other._was_throttled
        self.taken_at = other.taken_at
        self.gate.by_hand = other.gate.by_hand
        now = self._clock()
        document = other.gate.document(now)
        if document is not None and other.ingress is self.ingress:
            self.gate.restore(document, now)
        self.tell()

    def join_silence(self) -> None:
        """Keep the silence, if there is one, that the others at the host keep already."""
        gate, now = self._ingress.silence(self), self._clock()
        if gate is not None and self.gate.shut is None:
            self.gate.restore(gate.document(now), now)
            self.tell()

    def take(self, delivery: Delivery, *, busy: bool) -> None:
        """A request was answered, or failed; `busy`: as many were under way as were allowed."""
        strained = any(
            outcome.kind in (Kind.TRANSIENT, Kind.THROTTLED) for outcome in delivery.outcomes
        )
        self.concurrency.finished(
            delivery.elapsed_s, customers=len(delivery.parcels), strained=strained, busy=busy
        )
        outcomes = list(delivery.outcomes)
        if delivery.shared:
            outcomes *= len(delivery.parcels)
        for number, (parcel, outcome) in enumerate(zip(delivery.parcels, outcomes, strict=True)):
            self._book(
                parcel.claim,
                outcome,
                parcel.message_id,
                digest=parcel.digest,
                elapsed_s=delivery.elapsed_s,
                is_try=delivery.is_try,
                is_shared=delivery.shared,
                is_news=number == 0 or not delivery.shared,
            )

    def rests(self, claim: Claim) -> bool:
        """Whether SAP may still be at work on this customer; it is released then, for later.

        The row says so too, but by the wall clock, which may have leapt ahead.
        """
        until = self._resting.get(claim.key)
        if until is None:
            return False
        left_s = until - self._clock()
        if left_s <= 0:
            del self._resting[claim.key]
            return False
        self.finished.append(Release(claim, self._now() + int(left_s * SECOND)))
        return True

    def unchanged(self, claim: Claim) -> None:
        """SAP has this already."""
        settlement = Delivered(claim, claim.sent_hash, claim.sent_at)
        self._settle(claim, Outcome(Kind.UNCHANGED, "unchanged"), settlement, 0.0)

    def unsendable(self, claim: Claim, outcome: Outcome, *, is_try: bool) -> None:
        """Nothing could be made of this customer's traits; that says nothing about SAP."""
        shut = self.gate.shut
        is_telling = outcome.kind is Kind.SETUP or (shut is not None and shut.why is Why.REJECTIONS)
        self._book(claim, outcome, "", is_try=is_try and is_telling)

    def hear(self, outcome: Outcome) -> None:
        """SAP told somebody else at the same host that it is too much."""
        before = self.gate.shut
        self._was_throttled = True
        self.gate.heed(outcome, "", self._clock())
        if _has_changed(before, self.gate.shut):
            self.tell()

    def tell(self) -> None:
        """Log and show why nothing is sent, or that it is sent again."""
        shut, target = self.gate.shut, self._target
        if self._is_retired:
            return
        if self.gate.by_hand:
            self._telemetry.gate("hand", target=target)
        elif shut is None:
            self._telemetry.gate(None, target=target)
        else:
            self._telemetry.gate(shut.why, shut.code, shut.text, shut.advice, target=target)

    def _book(
        self,
        claim: Claim,
        outcome: Outcome,
        message_id: str,
        *,
        digest: bytes | None = None,
        elapsed_s: float = 0.0,
        is_try: bool = False,
        is_shared: bool = False,
        is_news: bool = True,
    ) -> None:
        if outcome.kind is Kind.DELIVERED:
            self._culprits.succeeded(claim.key)
            self.taken_at = self._now()
            self._heed(outcome, claim.key, is_try=is_try)
            self._settle(claim, outcome, Delivered(claim, digest, message_id=message_id), elapsed_s)
            return
        if outcome.is_unknown:
            self._rest(claim.key, elapsed_s)
        alone = self._culprits.failed(claim.key, self.gate.taken)
        outcome = judged(outcome, claim, alone=alone and not is_shared)
        if is_news:
            self._heed(outcome, claim.key, is_try=is_try)
        settlement = settlement_of_failure(
            claim,
            outcome,
            message_id,
            now=self._now(),
            elapsed_s=elapsed_s,
            counts=self._is_its_own(outcome, alone=alone and not is_shared),
            is_shared=is_shared,
            pace=self._pace,
            chance=self._chance,
        )
        self._settle(claim, outcome, settlement, elapsed_s)

    def rest(self, key: str) -> None:
        """Send nothing for this customer for a while: a request may be under way."""
        self._rest(key, 0.0)

    def _rest(self, key: str, elapsed_s: float) -> None:
        now = self._clock()
        self._resting.pop(key, None)
        self._resting[key] = now + self._pace.rest_s - elapsed_s
        while self._resting and next(iter(self._resting.values())) <= now:
            del self._resting[next(iter(self._resting))]

    def _is_its_own(self, outcome: Outcome, *, alone: bool) -> bool:
        """Whether the failure is this customer's and not everybody's."""
        if outcome.kind is Kind.REJECTED:
            shut = self.gate.shut
            return shut is None or shut.why is not Why.REJECTIONS
        return outcome.kind is Kind.TRANSIENT and alone

    def _heed(self, outcome: Outcome, key: str, *, is_try: bool) -> None:
        before, now = self.gate.shut, self._clock()
        if outcome.kind is Kind.THROTTLED:
            self._was_throttled = True
            self._ingress.throttled(self, outcome)
        self.gate.heed(outcome, key, now, is_try=is_try)
        after = self.gate.shut
        if before is not None and after is None:
            # Whoever was silent begins slowly.
            was_throttled = self._was_throttled or before.why is Why.THROTTLED  # by an earlier run
            self._ingress.reopened(self, before.since, now, throttled=was_throttled)
            self.concurrency.restart()
            self._was_throttled = False
        if _has_changed(before, after):
            self.tell()
            if after is not None and after.why is Why.REJECTIONS:
                self.wronged_since = self.taken_at

    def _settle(
        self, claim: Claim, outcome: Outcome, settlement: Settlement, elapsed_s: float
    ) -> None:
        self.completed_at = self._clock()
        self.finished.append(settlement)
        self._telemetry.delivered(claim, outcome, settlement, elapsed_s)


def _has_changed(before: Shut | None, after: Shut | None) -> bool:
    if before is None or after is None:
        return before is not after
    return (before.why, before.code) != (after.why, after.code)
