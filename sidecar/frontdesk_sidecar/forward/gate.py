"""Whether anything may be sent at all: open, or shut for a reason until a try succeeds.

Pure: times are seconds of a monotonic clock, given by the caller. While the gate is shut, one
customer is tried each time the wait has passed; the wait grows while tries fail. What SAP answered
to that one decides; of what was under way when it shut only bad news counts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from frontdesk_sidecar.forward.guard import RejectionGuard
from frontdesk_sidecar.forward.pace import Pace
from frontdesk_sidecar.sap.outcome import Kind, Outcome

#: Customers that fail in a row shut the gate: one alone may be what SAP fails at.
FAILURES: Final = 5
#: The waits grow up to so many times the first one.
_QUIET_GROWTH: Final = 12.0
_BREAKER_GROWTH: Final = 6.0
#: No time that is remembered is longer.
_MOST_S: Final = 1e10


class Why(StrEnum):
    """Why nothing is sent."""

    THROTTLED = "throttled"
    """SAP said that it is too much: complete silence, then slowly."""
    FAILING = "failing"
    """Many customers failed in a row: SAP is down, or the way there."""
    SETUP = "setup"
    """Every customer would fail the same way; somebody must set something right."""
    REJECTIONS = "rejections"
    """Most customers are refused: the mapping does not fit."""
    HAND = "hand"
    """Somebody said so."""


class Permit(StrEnum):
    """What may be sent now."""

    ALL = "all"
    ONE = "one"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Shut:
    """Why and since when nothing is sent, and when the next try is; `wait_s` leads to it."""

    why: Why
    since: float
    next_at: float
    wait_s: float
    code: str
    text: str
    advice: str


class Gate:
    """Open, or shut for one reason; shut by hand beside that."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._guard = RejectionGuard()
        self._failing: set[str] = set()
        self._trying = False
        self._quiet_until = -math.inf  # the end of SAP's cool-down, whatever else shuts the gate
        self.shut: Shut | None = None
        self.by_hand = False
        #: customers that SAP took
        self.taken = 0

    @property
    def is_open(self) -> bool:
        """Whether everything may be sent."""
        return self.shut is None and not self.by_hand

    def permit(self, now: float) -> Permit:
        """What may be sent at this time."""
        if self.by_hand:
            return Permit.NONE
        if self.shut is None:
            return Permit.ALL
        return Permit.NONE if self._trying or now < self.shut.next_at else Permit.ONE

    def begin_try(self) -> None:
        """The one customer is on its way; to be followed by `heed` or `end_try`."""
        self._trying = True

    def end_try(self) -> None:
        """The try came to nothing: it was not sent."""
        self._trying = False

    def try_now(self, now: float, *, by_hand: bool = False) -> None:
        """Something was set right, perhaps: do not wait for the next try.

        When SAP fails, only a person can know; what SAP asked for is waited for all the same.
        """
        if self.shut is None or self.shut.why is Why.THROTTLED:
            return
        if by_hand or self.shut.why is not Why.FAILING:
            next_at = min(self.shut.next_at, max(now, self._quiet_until))
            self.shut = replace(self.shut, next_at=next_at)

    def reopen(self) -> None:
        """Send everything again."""
        self.shut = None
        self._failing.clear()
        self._guard.clear()

    def heed(self, outcome: Outcome, key: str, now: float, *, is_try: bool = False) -> None:
        """Take note of what came of a customer's attempt."""
        if is_try:
            self._trying = False
        if outcome.kind is Kind.DELIVERED:
            self.taken += 1
            self._guard.taken(key)
        elif outcome.kind is Kind.THROTTLED:
            # Every request starts the cool-down anew, also one that was under way.
            quiet_s = max(self._pace.quiet_s, outcome.retry_after_s or 0.0)
            self._quiet_until = max(self._quiet_until, now + quiet_s)
        if self.shut is None:
            self._heed_open(outcome, key, now)
        elif is_try:
            self._heed_try(self.shut, outcome, key, now)
        else:
            self._heed_late(self.shut, outcome, key, now)

    def _heed_open(self, outcome: Outcome, key: str, now: float) -> None:
        if outcome.kind is Kind.TRANSIENT:
            self._failing.add(key)
            if len(self._failing) >= FAILURES:
                self.shut = self._shut_for(Why.FAILING, outcome, now)
            return
        self._failing.clear()
        if outcome.kind is Kind.REJECTED and self._guard.refused(key):
            self.shut = self._shut_for(Why.REJECTIONS, outcome, now)
        elif outcome.kind is Kind.THROTTLED:
            self.shut = self._shut_for(Why.THROTTLED, outcome, now)
        elif outcome.kind is Kind.SETUP:
            self.shut = self._shut_for(Why.SETUP, outcome, now)

    def _heed_late(self, shut: Shut, outcome: Outcome, key: str, now: float) -> None:
        if outcome.kind is Kind.REJECTED and shut.why is not Why.REJECTIONS:
            if self._guard.refused(key):
                shut = self._shut_for(Why.REJECTIONS, outcome, now)
        elif outcome.kind is Kind.SETUP and shut.why in (Why.FAILING, Why.THROTTLED):
            shut = self._shut_for(Why.SETUP, outcome, now)
        self.shut = replace(shut, next_at=max(shut.next_at, self._quiet_until))

    def _heed_try(self, shut: Shut, outcome: Outcome, key: str, now: float) -> None:
        why = _after_try(shut.why, outcome.kind)
        if why is None:
            self.reopen()
            if outcome.kind is Kind.REJECTED:
                self._guard.refused(key)
        elif why is shut.why:
            self.shut = self._longer(shut, outcome, now)
        else:
            self.shut = replace(self._shut_for(why, outcome, now), since=shut.since)

    def _shut_for(self, why: Why, outcome: Outcome, now: float) -> Shut:
        wait_s = max(self._first_s(why), outcome.retry_after_s or 0.0)
        said = (outcome.code, outcome.text, outcome.advice)
        return Shut(why, now, now + wait_s, wait_s, *said)

    def _longer(self, shut: Shut, outcome: Outcome, now: float) -> Shut:
        wait_s = min(2 * shut.wait_s, self._most_s(shut.why))
        wait_s = max(wait_s, outcome.retry_after_s or 0.0)
        longer = replace(shut, next_at=now + wait_s, wait_s=wait_s)
        if _KINDS[shut.why] is not outcome.kind:
            return longer  # the reason stays what it was
        return replace(
            longer, code=outcome.code, text=outcome.text, advice=outcome.advice or shut.advice
        )

    def _first_s(self, why: Why) -> float:
        pace = self._pace
        return {Why.THROTTLED: pace.quiet_s, Why.FAILING: pace.breaker_s}.get(why, pace.probe_s)

    def _most_s(self, why: Why) -> float:
        if why is Why.THROTTLED:
            return _QUIET_GROWTH * self._pace.quiet_s
        if why is Why.FAILING:
            return _BREAKER_GROWTH * self._pace.breaker_s
        return self._pace.probe_cap_s

    def is_quiet(self, now: float) -> bool:
        """Whether SAP wants silence."""
        return now < self._quiet_until

    def document(self, now: float) -> dict[str, Any] | None:
        """What is to survive a restart, as JSON; times as ages in seconds. None when open."""
        shut = self.shut
        if shut is None:
            return None
        said = {"code": shut.code, "text": shut.text, "advice": shut.advice}
        times = {"age_s": now - shut.since, "wait_s": shut.wait_s}
        return {"why": str(shut.why), **times, "quiet_s": max(0.0, self._quiet_until - now), **said}

    def restore(self, document: Any, now: float, *, passed_s: float = 0.0) -> None:
        """Shut as `document` says, written `passed_s` ago, and try at once.

        A restart may have brought what was missing. Only a cool-down is waited for. What cannot be
        meant counts for nothing.
        """
        passed_s = max(0.0, passed_s)
        try:
            why = Why(document["why"])
            wait_s = float(document["wait_s"])
            age_s = float(document["age_s"]) + passed_s
            quiet_s = float(document.get("quiet_s", wait_s if why is Why.THROTTLED else 0.0))
            said = (str(document["code"]), str(document["text"]), str(document["advice"]))
        except (KeyError, TypeError, ValueError, OverflowError):
            return
        if why not in _KINDS or not (0 < wait_s <= _MOST_S and 0 <= age_s <= _MOST_S):
            return
        if not 0 <= quiet_s <= _MOST_S:
            return
        if why is Why.THROTTLED:
            quiet_s = max(quiet_s, wait_s, self._pace.quiet_s + passed_s)
        self._quiet_until = now + quiet_s - passed_s
        self.shut = Shut(why, now - age_s, max(now, self._quiet_until), wait_s, *said)


_KINDS: Final = {
    Why.THROTTLED: Kind.THROTTLED,
    Why.FAILING: Kind.TRANSIENT,
    Why.SETUP: Kind.SETUP,
    Why.REJECTIONS: Kind.REJECTED,
}


def _after_try(why: Why, kind: Kind) -> Why | None:
    """Why it stays shut after a try with this outcome; None when it opens."""
    match kind:
        case Kind.DELIVERED | Kind.UNCHANGED:
            return None
        case Kind.SETUP:
            return Why.SETUP
        case Kind.THROTTLED:
            return Why.THROTTLED
        case Kind.REJECTED:
            # A refusal shows that SAP is there and works; but not that the mapping fits.
            return why if why is Why.REJECTIONS else None
        case Kind.TRANSIENT:
            # Nothing was learnt about what had to be set right.
            return why if why in (Why.SETUP, Why.REJECTIONS) else Why.FAILING
