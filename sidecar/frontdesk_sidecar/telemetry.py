"""What is counted and every log event of the sidecar, in one place to review; see `metrics`.

Nothing here takes a trait: customers appear masked, errors by code and by texts that were made
safe. Levels: `warning` recovered by itself, `error` a person must act.
"""

from __future__ import annotations

import logging
import time
from collections import Counter as Tally
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from frontdesk.event import COUNTS, EVENTS
from frontdesk.traits import mask
from frontdesk_sidecar.journal.lines import CAPTURED, OTHER, Batch
from frontdesk_sidecar.metadata.fit import Level
from frontdesk_sidecar.metrics import MATCHED, SHUT_REASONS, Metrics
from frontdesk_sidecar.plan import Plan
from frontdesk_sidecar.recent import Recent
from frontdesk_sidecar.sap.outcome import Kind, Outcome
from frontdesk_sidecar.sap.outcome_table import find_reason
from frontdesk_sidecar.store import DEFAULT_TARGET, Absorbed, Claim, Counts, Dead, Settlement

_log = logging.getLogger("frontdesk.sidecar")
_REPEAT_S: Final = 60.0
#: What a web process may have counted; any other name is `other`.
_WEB: Final = COUNTS | {CAPTURED}


class Telemetry:
    """The counters of one sidecar and its log."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        *,
        targets: Sequence[str] = (DEFAULT_TARGET,),
    ) -> None:
        self._metrics = Metrics(targets)
        self.registry = self._metrics.registry
        self._clock = clock
        self._said: dict[str, float] = {}
        self._has_several = len(targets) > 1
        self._shut: set[str] = set()
        self._told_of_pause: set[str] = set()
        self._is_held = False
        #: when something was last read from the journal: seconds since the epoch
        self.heard_at: float | None = None
        self._recent = {target: Recent(clock) for target in targets}

    def recent(self, target: str = DEFAULT_TARGET) -> Recent:
        """What came of the attempts to deliver to a target lately."""
        return self._recent[target]

    def exposition(self, counts: Mapping[str, Counts]) -> bytes:
        """All metrics in the Prometheus text format, with the store's counts by target."""
        return self._metrics.exposition(counts)

    def started(self, address: str, journal: str, store: str, target: str) -> None:
        """The sidecar is ready."""
        _log.info("started http=%s journal=%s store=%s sap=%s", address, journal, store, target)

    def stopping(self) -> None:
        """A signal asked for the end."""
        _log.info("stopping: finishing what is under way")

    def stopped(self) -> None:
        """The end: everything is committed."""
        _log.info("stopped")

    def absorbed(self, batch: Batch, absorbed: Absorbed, seconds: float) -> None:
        """A batch is in the store."""
        self.heard_at = time.time()
        self._metrics.heard.set(self.heard_at)
        for event, number in Tally(message.event for message in batch.messages).items():
            self._metrics.messages.labels(event if event in EVENTS else "other").inc(number)
        for reason, number in batch.rejected.items():
            self._metrics.rejected.labels(reason).inc(number)
        for name, number in batch.web.items():
            self._metrics.web.labels(name if name in _WEB else OTHER).inc(number)
            if name in _WEB and not name.startswith("identify."):
                self._metrics.web.labels(MATCHED).inc(number)
        self._metrics.commit.observe(seconds)
        if batch.rejected:
            self._sometimes(logging.WARNING, "journal_rejected", "reasons=%s", dict(batch.rejected))
        _log.debug(
            "absorbed messages=%d customers=%d changed=%d ms=%.1f",
            len(batch.messages),
            absorbed.merged,
            absorbed.changed,
            seconds * 1e3,
        )

    def door_answered(self, status: int) -> None:
        """See `ingest.tally.Tally`, as for the next two."""
        self._metrics.door_requests.labels(status).inc()

    def door_took(self, counts: Mapping[tuple[str, str], int]) -> None:
        for (kind, verdict), number in counts.items():
            self._metrics.door_messages.labels(kind, verdict).inc(number)

    def door_committed(self, messages: int, seconds: float) -> None:
        self._metrics.commit.observe(seconds)

    def described(self, target: str, plan: Plan) -> None:
        """SAP says what the object looks like; there may be something to say about it."""
        if plan.left_out:
            _log.info(
                "mapping target=%s: left out, as the object does not define them: %s",
                target,
                ", ".join(plan.left_out),
            )
        for one in plan.findings:
            if one.level is not Level.NOTICE:
                level = logging.ERROR if one.level is Level.ERROR else logging.WARNING
                _log.log(level, "mapping target=%s: %s -- %s", target, one, one.remedy)

    def not_described(self, target: str, code: str, text: str) -> None:
        """SAP did not say what the object looks like."""
        what = "target=%s code=%s text=%s -- values are sent as the mapping gives them"
        event = f"metadata_unknown {target} {_label(code)}"
        self._sometimes(logging.WARNING, event, what, target, code, text)

    def salvaged(self, report: str) -> None:
        """The store was damaged; `report` says in words what became of it."""
        self._metrics.salvages.inc()
        _log.error("store_salvaged %s", report.replace("\n", " "))

    def store_full(self) -> None:
        """The store takes no more; what is in the journal stays there and is tried again."""
        self._sometimes(
            logging.ERROR,
            "store_full",
            "intake is held: free disk space, the journal fills up",
        )

    def intake_held(self, reason: str | None) -> None:
        """Why nothing is taken in, or None; once a second, and at the start."""
        if reason is not None:
            what = "intake is held, what comes stays in the journal: %s"
            self._sometimes(logging.ERROR, "store_full", what, reason)
        elif self._is_held:
            _log.info("intake_goes_on: there is room again")
        self._is_held = reason is not None
        self._metrics.held.set(int(self._is_held))
        self._tell_degraded()

    def _tell_degraded(self) -> None:
        self._metrics.degraded.set(int(bool(self._shut) or self._is_held))

    def journal_state(self, lag_bytes: int, unreadable: Mapping[str, str]) -> None:
        """How the journal stands, once a second."""
        self._metrics.lag.set(lag_bytes)
        self._metrics.unreadable.set(len(unreadable))
        if unreadable:
            reasons = sorted(set(unreadable.values()))
            self._sometimes(
                logging.ERROR,
                "journal_segments_unreadable",
                "segments=%d reasons=%s: run the sidecar in the group that owns them",
                len(unreadable),
                reasons,
            )

    def journal_unreadable(self, error: OSError) -> None:
        """The journal's directory cannot be read; it is tried again."""
        self._sometimes(
            logging.ERROR,
            "journal_unreadable",
            "reason=%s: is the directory shared with the web processes?",
            error.strerror,
        )

    def delivered(
        self, claim: Claim, outcome: Outcome, settlement: Settlement, seconds: float
    ) -> None:
        """An attempt came to an end."""
        # SAP may make up codes of its own; what counts them must not grow with it.
        code, target = _label(outcome.code), claim.target
        self._metrics.attempted(outcome.kind, code, target)
        self._recent[target].note(outcome.kind, code)
        if outcome.kind is Kind.UNCHANGED:
            if _log.isEnabledFor(logging.DEBUG):
                _log.debug("unchanged customer=%s", mask(claim.key))
            return
        self._metrics.took(seconds, target)
        customer, text = mask(claim.key), outcome.text
        if outcome.kind is Kind.DELIVERED:
            _log.debug("delivered customer=%s ms=%.1f", customer, seconds * 1e3)
        elif isinstance(settlement, Dead):
            self._sometimes(
                logging.ERROR,
                f"dead_letter {target} {code}",
                f"{self._of(target)}customer=%s code=%s text=%s -- %s",
                customer,
                outcome.code,
                text,
                outcome.advice or "see frontdesk_customers for how many there are",
            )
        else:
            level = logging.ERROR if outcome.kind is Kind.SETUP else logging.WARNING
            event = f"not_delivered {target} {code}"
            what = f"{self._of(target)}code=%s text=%s -- %s"
            self._sometimes(level, event, what, outcome.code, text, outcome.advice)

    def _of(self, target: str) -> str:
        """The target as the log names it: not where there is but one."""
        return f"target={target} " if self._has_several else ""

    def gate(
        self,
        why: str | None,
        code: str = "",
        text: str = "",
        advice: str = "",
        *,
        target: str = DEFAULT_TARGET,
    ) -> None:
        """Nothing is sent to a target for a new reason `why`, or everything again: None."""
        for reason in SHUT_REASONS:
            self._metrics.shut.labels(reason, target).set(int(reason == why))
        self._shut = self._shut - {target} if why is None else self._shut | {target}
        self._tell_degraded()
        if why is None:
            if target in self._told_of_pause:
                named = f" target={target}" if self._has_several else ""
                _log.info("sending%s: SAP takes customers again", named)
            self._told_of_pause.discard(target)
        elif self._tell_of_pause(why, code, text, advice, target):
            self._told_of_pause.add(target)

    def _tell_of_pause(self, why: str, code: str, text: str, advice: str, target: str) -> bool:
        """Whether it was logged; the same is logged at most once a minute."""
        of = self._of(target)
        if why == "hand":
            _log.warning("paused %sby hand: `frontdesk resume` ends it", of)
            return True
        if why in ("setup", "rejections"):
            event, what = f"paused {why} {target} {_label(code)}", "reason=%s code=%s text=%s -- %s"
            return self._sometimes(logging.ERROR, event, of + what, why, code, text, advice)
        event, what = f"silent {why} {target}", "code=%s text=%s -- %s"
        return self._sometimes(logging.WARNING, event, of + what, code, text, advice)

    def dead_discarded(self, number: int) -> None:
        """Dead letters were deleted: beyond the limit, or too old."""
        self._metrics.discarded.inc(number)
        self._sometimes(
            logging.WARNING,
            "dead_letters_deleted",
            "number=%d: beyond the limit or too old",
            number,
        )

    def _sometimes(self, level: int, event: str, text: str, *args: object) -> bool:
        """Log an event at most once a minute; whether it was logged now."""
        now = self._clock()
        if now - self._said.get(event, -_REPEAT_S) < _REPEAT_S:
            return False
        self._said[event] = now
        _log.log(level, f"{event.split(' ')[0]} {text}", *args)
        return True


def _label(code: str) -> str:
    """The code, or its family: of these there is a known number."""
    reason = find_reason(code)
    return reason.code if reason is not None else "other"
