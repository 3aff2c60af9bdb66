"""Every metric and every log event of the sidecar, in one place to review.

Nothing here takes a trait: customers appear masked, errors by code and by texts that were made
safe. Levels: `warning` recovered by itself, `error` a person must act.
"""

from __future__ import annotations

import logging
import time
from collections import Counter as Tally
from collections.abc import Callable, Mapping
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

from frontdesk import __version__
from frontdesk.event import COUNTS, EVENTS
from frontdesk.traits import mask
from frontdesk_sidecar.lines import CAPTURED, OTHER, Batch
from frontdesk_sidecar.outcome import Kind, Outcome
from frontdesk_sidecar.outcome_table import find_reason
from frontdesk_sidecar.recent import Recent
from frontdesk_sidecar.store import Absorbed, Claim, Counts, Dead, Settlement

_log = logging.getLogger("frontdesk.sidecar")
_REPEAT_S: Final = 60.0
_STATES: Final = ("pending", "due", "leased", "dead", "clean")
_COMMIT_BUCKETS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5)
_DELIVERY_BUCKETS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

#: Why nothing is sent: the reasons of `forward.gate.Why`.
SHUT_REASONS: Final = ("throttled", "failing", "setup", "rejections", "hand")
#: All that rules were about: each name below but the calls of `identify()`.
_MATCHED: Final = "matched"
#: What a web process may have counted; any other name is `other`.
_WEB: Final = COUNTS | {CAPTURED}


class Telemetry:
    """The counters of one sidecar and its log."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call] # half of the output, of no use
        self.registry = CollectorRegistry()
        self._clock = clock
        self._said: dict[str, float] = {}
        self._told_of_pause = False
        registry = self.registry
        Gauge(
            "frontdesk_build_info", "Version of the sidecar.", ["version"], registry=registry
        ).labels(__version__).set(1)
        self._messages = Counter(
            "frontdesk_messages",
            "Identify messages taken from the journal.",
            ["event"],
            registry=registry,
        )
        self._rejected = Counter(
            "frontdesk_journal_rejected",
            "Journal lines that are no usable identify message, by reason.",
            ["reason"],
            registry=registry,
        )
        self._web = Counter(
            "frontdesk_web",
            "Requests that rules were about, by what came of them, as web processes counted.",
            ["name"],
            registry=registry,
        )
        for name in (_MATCHED, CAPTURED):
            self._web.labels(name)  # zero is an answer: no rule was about anything yet
        self._lag = Gauge(
            "frontdesk_journal_lag_bytes", "Bytes in the journal not read yet.", registry=registry
        )
        self._unreadable = Gauge(
            "frontdesk_journal_unreadable_segments",
            "Segments that cannot be opened.",
            registry=registry,
        )
        self._commit = Histogram(
            "frontdesk_commit_seconds",
            "Time from reading a batch to its commit.",
            buckets=_COMMIT_BUCKETS,
            registry=registry,
        )
        self._deliveries = Counter(
            "frontdesk_deliveries",
            "Attempts, by outcome and code.",
            ["outcome", "code"],
            registry=registry,
        )
        self._delivery = Histogram(
            "frontdesk_delivery_seconds",
            "Time of one attempt, token included.",
            buckets=_DELIVERY_BUCKETS,
            registry=registry,
        )
        self._customers = Gauge(
            "frontdesk_customers", "Customers in the store, by state.", ["state"], registry=registry
        )
        self._oldest = Gauge(
            "frontdesk_oldest_pending_seconds",
            "Age of the oldest undelivered data.",
            registry=registry,
        )
        self._bytes = Gauge("frontdesk_store_bytes", "Size of the store.", registry=registry)
        self._salvages = Counter(
            "frontdesk_store_salvages",
            "Damaged stores that were set aside and salvaged.",
            registry=registry,
        )
        self._shut = Gauge(
            "frontdesk_gate_shut",
            "1 for the reason for which nothing is sent to SAP.",
            ["reason"],
            registry=registry,
        )
        for reason in SHUT_REASONS:
            self._shut.labels(reason).set(0)
        self._degraded = Gauge(
            "frontdesk_degraded", "1 while customers do not get to SAP.", registry=registry
        )
        self._discarded = Counter(
            "frontdesk_dead_discarded",
            "Dead letters deleted because there were too many or they were too old.",
            registry=registry,
        )
        self.recent = Recent(clock)

    def exposition(self, counts: Counts) -> bytes:
        """All metrics in the Prometheus text format, with the store's counts of this moment."""
        for state in _STATES:
            self._customers.labels(state).set(getattr(counts, state))
        self._oldest.set((counts.oldest_us or 0) / 1e6)
        self._bytes.set(counts.bytes)
        return generate_latest(self.registry)

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
        for event, number in Tally(message.event for message in batch.messages).items():
            self._messages.labels(event if event in EVENTS else "other").inc(number)
        for reason, number in batch.rejected.items():
            self._rejected.labels(reason).inc(number)
        for name, number in batch.web.items():
            self._web.labels(name if name in _WEB else OTHER).inc(number)
            if name in _WEB and not name.startswith("identify."):
                self._web.labels(_MATCHED).inc(number)
        self._commit.observe(seconds)
        if batch.rejected:
            self._sometimes(logging.WARNING, "journal_rejected", "reasons=%s", dict(batch.rejected))
        _log.debug(
            "absorbed messages=%d customers=%d changed=%d ms=%.1f",
            len(batch.messages),
            absorbed.merged,
            absorbed.changed,
            seconds * 1e3,
        )

    def salvaged(self, report: str) -> None:
        """The store was damaged; `report` says in words what became of it."""
        self._salvages.inc()
        _log.error("store_salvaged %s", report.replace("\n", " "))

    def store_full(self) -> None:
        """The store takes no more; what is in the journal stays there and is tried again."""
        self._sometimes(
            logging.ERROR,
            "store_full",
            "intake is held: free disk space, the journal fills up",
        )

    def journal_state(self, lag_bytes: int, unreadable: Mapping[str, str]) -> None:
        """How the journal stands, once a second."""
        self._lag.set(lag_bytes)
        self._unreadable.set(len(unreadable))
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
        code = _label(outcome.code)
        self._deliveries.labels(outcome.kind, code).inc()
        self.recent.note(outcome.kind, code)
        if outcome.kind is Kind.UNCHANGED:
            if _log.isEnabledFor(logging.DEBUG):
                _log.debug("unchanged customer=%s", mask(claim.key))
            return
        self._delivery.observe(seconds)
        customer, text = mask(claim.key), outcome.text
        if outcome.kind is Kind.DELIVERED:
            _log.debug("delivered customer=%s ms=%.1f", customer, seconds * 1e3)
        elif isinstance(settlement, Dead):
            self._sometimes(
                logging.ERROR,
                f"dead_letter {code}",
                "customer=%s code=%s text=%s -- %s",
                customer,
                outcome.code,
                text,
                outcome.advice or "see frontdesk_customers for how many there are",
            )
        else:
            level = logging.ERROR if outcome.kind is Kind.SETUP else logging.WARNING
            what = "code=%s text=%s -- %s"
            self._sometimes(
                level, f"not_delivered {code}", what, outcome.code, text, outcome.advice
            )

    def gate(self, why: str | None, code: str = "", text: str = "", advice: str = "") -> None:
        """Nothing is sent for a new reason `why`, or everything again: None."""
        for reason in SHUT_REASONS:
            self._shut.labels(reason).set(int(reason == why))
        self._degraded.set(int(why is not None))
        if why is None:
            if self._told_of_pause:
                _log.info("sending: SAP takes customers again")
            self._told_of_pause = False
        elif why == "hand":
            _log.warning("paused by hand: `frontdesk resume` ends it")
            self._told_of_pause = True
        elif why in ("setup", "rejections"):
            what = "reason=%s code=%s text=%s -- %s"
            self._told_of_pause |= self._sometimes(
                logging.ERROR, f"paused {why} {_label(code)}", what, why, code, text, advice
            )
        else:
            self._told_of_pause |= self._sometimes(
                logging.WARNING, f"silent {why}", "code=%s text=%s -- %s", code, text, advice
            )

    def dead_discarded(self, number: int) -> None:
        """Dead letters were deleted: beyond the limit, or too old."""
        self._discarded.inc(number)
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
