"""Claimed customers as parcels: who need not be sent, or cannot, is settled without."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from frontdesk_sidecar.forward.courier import Parcel
from frontdesk_sidecar.forward.draw import evenly
from frontdesk_sidecar.forward.fingerprint import Fingerprint
from frontdesk_sidecar.forward.ledger import Ledger
from frontdesk_sidecar.forward.pace import Pace
from frontdesk_sidecar.forward.verdict import SECOND
from frontdesk_sidecar.plan import Plan
from frontdesk_sidecar.sap.advice import advice_for
from frontdesk_sidecar.sap.outcome import Kind, Outcome
from frontdesk_sidecar.store import Claim
from frontdesk_sidecar.telemetry import Telemetry


class Packer:
    """Makes the parcels of one target; `now` gives microseconds since the epoch."""

    def __init__(
        self,
        ledger: Ledger,
        pace: Pace,
        fingerprint: Fingerprint,
        telemetry: Telemetry,
        *,
        now: Callable[[], int],
    ) -> None:
        self._ledger = ledger
        self._resync_us = int(pace.resync_s * SECOND)
        self._fingerprint = fingerprint
        self._telemetry = telemetry
        self._now = now

    def pack(
        self, drawn: Sequence[Sequence[Claim]], plan: Plan | None, batch_size: int, *, is_try: bool
    ) -> list[Sequence[Parcel]]:
        """What has to be sent, in one company or another; the rest is settled already."""
        alone: list[Sequence[Parcel]] = []
        together: list[Parcel] = []
        for claims in drawn:
            for claim in claims:
                parcel = self._parcel(claim, plan, is_try=is_try)
                if parcel is not None and len(claims) > 1:
                    together.append(parcel)
                elif parcel is not None:
                    alone.append([parcel])
        # Most of a backlog may be unchanged: those left fill fewer batches.
        return alone + evenly(together, batch_size)

    def _parcel(self, claim: Claim, plan: Plan | None, *, is_try: bool) -> Parcel | None:
        """The customer as it is sent, or None: nothing changed, or nothing can be made of it."""
        if self._ledger.rests(claim):
            return None
        try:
            payload = _payload(claim, plan)
            if isinstance(payload, Outcome):
                self._ledger.unsendable(claim, payload, is_try=is_try)
                return None
            digest = self._fingerprint.of(payload)
        except Exception as error:  # noqa: BLE001 - one customer's surprise must not end the rest
            code = "internal"
            outcome = Outcome(Kind.REJECTED, code, type(error).__name__, advice_for(code))
            self._ledger.unsendable(claim, outcome, is_try=is_try)
            return None
        if claim.sent_hash == digest and self._is_recent(claim):
            self._ledger.unchanged(claim)
            return None
        return Parcel(claim, payload, digest, tracer=self._telemetry.tracer)

    def _is_recent(self, claim: Claim) -> bool:
        return claim.sent_at is not None and abs(self._now() - claim.sent_at) < self._resync_us


def _payload(claim: Claim, plan: Plan | None) -> dict[str, object] | Outcome:
    if plan is None:
        raise RuntimeError("claimed without a plan")
    return plan.payload(claim.customer, claim.sent_at)
