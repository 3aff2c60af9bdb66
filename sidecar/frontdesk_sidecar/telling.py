"""What is logged of targets: what stands in the way of customers, in words for operations.

Customers appear masked. SAP's codes tell events of one name apart, by the family in which it puts
codes of its own: of these there is a known number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from frontdesk.traits import mask
from frontdesk_sidecar.logs.speaking import Voice
from frontdesk_sidecar.metadata.fit import Level
from frontdesk_sidecar.plan import Plan
from frontdesk_sidecar.sap.outcome import Kind, Outcome
from frontdesk_sidecar.sap.outcome_table import find_reason
from frontdesk_sidecar.store import Claim, Dead, Settlement


@dataclass(frozen=True, slots=True)
class Outage:
    """That nothing is sent to a target, and for how long: `since` in ISO 8601.

    `waiting` customers are pending or under way, the oldest for `oldest_s`. `needs_person`: it
    does not end by itself.
    """

    why: str
    code: str
    text: str
    advice: str
    since: str
    minutes: int
    waiting: int
    oldest_s: int
    needs_person: bool


class Teller:
    """Says what becomes of targets; with `has_several` of them each line names its own."""

    def __init__(self, voice: Voice, *, has_several: bool) -> None:
        self._log = voice
        self.has_several = has_several
        self._told_of_pause: set[str] = set()

    def _of(self, target: str) -> str | None:
        """The target as the log names it: not where there is but one."""
        return target if self.has_several else None

    def described(self, target: str, plan: Plan) -> None:
        """What there is to say about an object that SAP has described."""
        if plan.left_out:
            self._log.say(
                "mapping_left_out",
                "the object does not define them",
                target=target,
                attributes=", ".join(plan.left_out),
            )
        for one in plan.findings:
            if one.level is not Level.NOTICE:
                name = "mapping_wrong" if one.level is Level.ERROR else "mapping_doubtful"
                apart = f"{target} {one}"
                self._log.say(name, one.remedy, apart=apart, target=target, finding=str(one))

    def not_described(self, target: str, code: str, text: str) -> None:
        """SAP did not say what the object looks like."""
        self._log.say(
            "metadata_unknown",
            "values are sent as the mapping gives them",
            apart=f"{target} {label(code)}",
            target=target,
            code=code,
            text=text,
        )

    def attempted(
        self, claim: Claim, outcome: Outcome, settlement: Settlement, seconds: float
    ) -> None:
        """An attempt came to an end; one that SAP took, or had no need of, is a detail."""
        if outcome.kind is Kind.UNCHANGED:
            if self._log.hears("unchanged"):
                self._log.say("unchanged", customer=mask(claim.key))
        elif outcome.kind is Kind.DELIVERED:
            if self._log.hears("delivered"):
                self._log.say("delivered", customer=mask(claim.key), ms=round(seconds * 1e3, 1))
        else:
            self._failed(claim, outcome, settlement)

    def _failed(self, claim: Claim, outcome: Outcome, settlement: Settlement) -> None:
        of, apart = self._of(claim.target), f"{claim.target} {label(outcome.code)}"
        told: dict[str, Any] = {"code": outcome.code, "text": outcome.text}
        also: dict[str, object] = {"trace_id": claim.traceparent and claim.traceparent[3:35]}
        if isinstance(settlement, Dead):
            advice = outcome.advice or "see frontdesk_customers for how many there are"
            also["message_id"] = settlement.message_id or None
            told = {"customer": mask(claim.key), **told}
            self._log.say("dead_letter", advice, apart=apart, also=also, target=of, **told)
        else:
            advice = outcome.advice
            self._log.say("not_delivered", advice, apart=apart, also=also, target=of, **told)

    def goes_on(self, target: str) -> None:
        """Everything is sent again; said where it was said that nothing is."""
        if target in self._told_of_pause:
            self._log.say("sending", "SAP takes customers again", target=self._of(target))
        self._told_of_pause.discard(target)

    def shut(self, target: str, why: str, code: str, text: str, advice: str) -> None:
        """Nothing is sent for a new reason."""
        of = self._of(target)
        told: dict[str, Any] = {"code": code, "text": text}
        if why == "hand":
            is_said = self._log.say("paused_by_hand", "`frontdesk resume` ends it", target=of)
        elif why in ("setup", "rejections"):
            apart = f"{why} {target} {label(code)}"
            is_said = self._log.say("paused", advice, apart=apart, target=of, reason=why, **told)
        else:
            is_said = self._log.say("silent", advice, apart=f"{why} {target}", target=of, **told)
        if is_said:
            self._told_of_pause.add(target)

    def still_shut(self, target: str, outage: Outage) -> None:
        """Nothing is sent, still."""
        name = "still_paused" if outage.needs_person else "still_failing"
        told: dict[str, Any] = {
            "target": self._of(target),
            "reason": outage.why if outage.needs_person else None,
            "code": outage.code or None,
            "text": outage.text or None,
            "since": outage.since,
            "minutes": outage.minutes,
            "waiting": outage.waiting,
            "oldest_s": outage.oldest_s,
        }
        self._log.say(name, outage.advice, apart=target, **told)

    def stuck(self, target: str, reason: str) -> None:
        """`/livez` fails."""
        self._log.say("stuck", apart=target, target=self._of(target), reason=reason)


def label(code: str) -> str:
    """The code, or its family: SAP may make up codes of its own, and what counts must not grow."""
    reason = find_reason(code)
    return reason.code if reason is not None else "other"
