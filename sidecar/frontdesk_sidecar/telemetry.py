"""What is counted, logged and traced of the sidecar's work, in one place to review.

See `metrics`, `logs.events` and `tracing`. Nothing here takes a trait: customers appear masked,
errors by code and by texts that were made safe.
"""

from __future__ import annotations

import time
from collections import Counter as Tally
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from frontdesk.event import COUNTS, EVENTS
from frontdesk_sidecar.customer import since_login
from frontdesk_sidecar.journal.lines import CAPTURED, OTHER, Batch
from frontdesk_sidecar.logs.speaking import Voice
from frontdesk_sidecar.metrics import MATCHED, SHUT_REASONS, Metrics
from frontdesk_sidecar.plan import Plan
from frontdesk_sidecar.recent import Recent
from frontdesk_sidecar.sap.outcome import Kind, Outcome
from frontdesk_sidecar.store import DEFAULT_TARGET, Absorbed, Claim, Counts, Settlement
from frontdesk_sidecar.telling import Outage, Teller, label
from frontdesk_sidecar.tracing import PASSING, Tracer

#: What a web process may have counted; any other name is `other`.
_WEB: Final = COUNTS | {CAPTURED}


class Telemetry:
    """The counters of one sidecar, its log, and its tracer.

    `clock` is monotonic seconds, `now` microseconds since the epoch.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        *,
        now: Callable[[], int] = lambda: time.time_ns() // 1000,
        targets: Sequence[str] = (DEFAULT_TARGET,),
    ) -> None:
        self._metrics = Metrics(targets)
        self.registry = self._metrics.registry
        self._clock, self._now = clock, now
        self._log = Voice("frontdesk.sidecar", clock)
        self._teller = Teller(self._log, has_several=len(targets) > 1)
        #: begins the span of each attempt
        self.tracer: Tracer = PASSING
        self._shut: set[str] = set()
        self._is_held = False
        #: when something was last read from the journal: seconds since the epoch
        self.heard_at: float | None = None
        self._recent = {target: Recent(clock) for target in targets}

    def recent(self, target: str = DEFAULT_TARGET) -> Recent:
        """What came of the attempts to deliver to a target lately."""
        return self._recent[target]

    def exposition(self, counts: Mapping[str, Counts], accept: str = "") -> bytes:
        """All metrics, with the store's counts by target, in the format that is asked for."""
        return self._metrics.exposition(counts, accept)

    def started(self, address: str, journal: str, store: str, target: str) -> None:
        """The sidecar is ready."""
        self._log.say("started", http=address, journal=journal, store=store, sap=target)

    def stopping(self) -> None:
        """A signal asked for the end."""
        self._log.say("stopping", "finishing what is under way")

    def hurried(self) -> None:
        """Another signal asked for the end at once."""
        self._log.say("stopping_at_once", "what is under way is sent again by the next start")

    def draining(self, customers: int, journal_bytes: int, left_s: float) -> None:
        """What is due is still delivered, for so many seconds at most; once a second."""
        self._log.say(
            "draining",
            "still to deliver",
            customers=customers,
            journal_bytes=journal_bytes,
            left_s=round(left_s),
        )

    def left(self, customers: int, journal_bytes: int) -> None:
        """What SAP does not have at the end; it waits for the next start, if the store is kept."""
        self._log.say("left", customers=customers, journal_bytes=journal_bytes)

    def stopped(self) -> None:
        """The end: everything is committed."""
        self._log.say("stopped")

    def reloaded(self, changed: Sequence[str]) -> None:
        """Other settings are in force; `changed` are their names."""
        self._metrics.reloaded.set(1)
        self._log.say("reloaded", changed=", ".join(changed) or "nothing")

    def reload_refused(self, problems: Sequence[str]) -> None:
        """Other settings were refused, and nothing changed; the problems hold no value."""
        self._metrics.reloaded.set(0)
        self._log.say("reload_refused", "nothing changed", problems="; ".join(problems))

    def retarget(self, targets: Sequence[str]) -> None:
        """Customers go to these from now on; what is known of the others is kept."""
        self._teller.has_several = len(targets) > 1
        self._metrics.retarget(targets)
        for target in targets:
            self._recent.setdefault(target, Recent(self._clock))
        self._shut &= set(targets)
        self._tell_degraded()

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
            self._log.say("journal_rejected", reasons=dict(batch.rejected))
        if self._log.hears("absorbed"):
            self._log.say(
                "absorbed",
                messages=len(batch.messages),
                customers=absorbed.merged,
                changed=absorbed.changed,
                ms=round(seconds * 1e3, 1),
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
        self._teller.described(target, plan)

    def not_described(self, target: str, code: str, text: str) -> None:
        """SAP did not say what the object looks like."""
        self._teller.not_described(target, code, text)

    def salvaged(self, report: str) -> None:
        """The store was damaged; `report` says in words what became of it."""
        self._metrics.salvages.inc()
        self._log.say("store_salvaged", report=report)

    def store_full(self) -> None:
        """The store takes no more; what is in the journal stays there and is tried again."""
        self._log.say("store_full", "free disk space, the journal fills up", reason="no room")

    def intake_held(self, reason: str | None) -> None:
        """Why nothing is taken in, or None; once a second, and at the start."""
        if reason is not None:
            self._log.say("store_full", "what comes stays in the journal", reason=reason)
        elif self._is_held:
            self._log.say("intake_goes_on", "there is room again")
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
            self._log.say(
                "journal_segments_unreadable",
                "run the sidecar in the group that owns them",
                segments=len(unreadable),
                reasons=sorted(set(unreadable.values())),
            )

    def journal_unreadable(self, error: OSError) -> None:
        """The journal's directory cannot be read; it is tried again."""
        what = "is the directory shared with the web processes?"
        self._log.say("journal_unreadable", what, reason=error.strerror)

    def delivered(
        self, claim: Claim, outcome: Outcome, settlement: Settlement, seconds: float
    ) -> None:
        """An attempt came to an end."""
        code, target = label(outcome.code), claim.target
        self._metrics.attempted(outcome.kind, code, target)
        self._recent[target].note(outcome.kind, code)
        if outcome.kind is not Kind.UNCHANGED:
            self._metrics.took(seconds, target)
        if outcome.kind is Kind.DELIVERED:
            latency_s = since_login(claim.customer, self._now())
            if latency_s is not None:
                self._metrics.arrived(latency_s, target)
        self._teller.attempted(claim, outcome, settlement, seconds)

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
            self._teller.goes_on(target)
        else:
            self._teller.shut(target, why, code, text, advice)

    def still_shut(self, target: str, outage: Outage) -> None:
        """Nothing is sent to a target, still."""
        self._teller.still_shut(target, outage)

    def stuck(self, target: str, reason: str) -> None:
        """`/livez` fails."""
        self._teller.stuck(target, reason)

    def watch(self, target: str, stuck: Callable[[], str | None]) -> None:
        """Ask this for the metric that says whether a target gets anywhere."""
        self._metrics.watch(target, stuck)

    def spans_not_exported(self, missing: str) -> None:
        """There is an endpoint for spans, and not what exports them."""
        self._log.say("spans_not_exported", 'pip install "frontdesk[otel]"', missing=missing)

    def spans_refused(self, error: str) -> None:
        """What exports spans cannot do with its own settings."""
        self._log.say("spans_not_exported", "a variable OTEL_… is wrong", error=error)

    def dead_discarded(self, number: int) -> None:
        """Dead letters were deleted: beyond the limit, or too old."""
        self._metrics.discarded.inc(number)
        self._log.say("dead_letters_deleted", "beyond the limit or too old", number=number)
