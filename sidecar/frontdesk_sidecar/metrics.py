"""Every metric of the sidecar: names, helps, labels, buckets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
)
from prometheus_client.exposition import choose_encoder

from frontdesk import __version__
from frontdesk_sidecar.journal.lines import CAPTURED
from frontdesk_sidecar.store import Counts

_STATES: Final = ("pending", "due", "leased", "dead", "clean")
_COMMIT_BUCKETS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5)
#: from 50 ms to a day
_ARRIVAL_BUCKETS: Final = (
    *(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 14_400, 43_200, 86_400),
)
_DELIVERY_BUCKETS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

#: Why nothing is sent: the reasons of `forward.gate.Why`.
SHUT_REASONS: Final = ("throttled", "failing", "setup", "rejections", "hand")
#: All that rules were about: each name of `frontdesk_web` but the calls of `identify()`.
MATCHED: Final = "matched"


class Metrics:
    """The instruments of one sidecar; of nothing personal, and none grows without a bound.

    `targets` are the names of those that customers are sent to.
    """

    def __init__(self, targets: Sequence[str]) -> None:
        self._targets = targets
        disable_created_metrics()  # type: ignore[no-untyped-call] # half of the output, of no use
        self.registry = CollectorRegistry()
        registry = self.registry
        Gauge(
            "frontdesk_build_info", "Version of the sidecar.", ["version"], registry=registry
        ).labels(__version__).set(1)
        self.messages = Counter(
            "frontdesk_messages",
            "Identify messages taken from the journal.",
            ["event"],
            registry=registry,
        )
        self.door_messages = Counter(
            "frontdesk_ingest_messages",
            "Messages that came to the Segment door, by kind and by what became of them.",
            ["type", "verdict"],
            registry=registry,
        )
        self.door_requests = Counter(
            "frontdesk_ingest_requests",
            "Requests to the Segment door, by the status of the answer.",
            ["status"],
            registry=registry,
        )
        self.rejected = Counter(
            "frontdesk_journal_rejected",
            "Journal lines that are no usable identify message, by reason.",
            ["reason"],
            registry=registry,
        )
        self.web = Counter(
            "frontdesk_web",
            "Requests that rules were about, by what came of them, as web processes counted.",
            ["name"],
            registry=registry,
        )
        for name in (MATCHED, CAPTURED):
            self.web.labels(name)  # zero is an answer: no rule was about anything yet
        self.lag = Gauge(
            "frontdesk_journal_lag_bytes", "Bytes in the journal not read yet.", registry=registry
        )
        self.unreadable = Gauge(
            "frontdesk_journal_unreadable_segments",
            "Segments that cannot be opened.",
            registry=registry,
        )
        self.heard = Gauge(
            "frontdesk_journal_last_line_timestamp_seconds",
            "When something was last read from the journal, as Unix time; 0 before that.",
            registry=registry,
        )
        self.held = Gauge(
            "frontdesk_intake_held",
            "1 while nothing is taken in because the store or its disk is full.",
            registry=registry,
        )
        self.commit = Histogram(
            "frontdesk_commit_seconds",
            "Time from reading a batch to its commit.",
            buckets=_COMMIT_BUCKETS,
            registry=registry,
        )
        self.deliveries = Counter(
            "frontdesk_deliveries",
            "Attempts, by outcome and code.",
            ["outcome", "code", "target"],
            registry=registry,
        )
        self.delivery = Histogram(
            "frontdesk_delivery_seconds",
            "Time of one attempt, token included.",
            ["target"],
            buckets=_DELIVERY_BUCKETS,
            registry=registry,
        )
        self.arrival = Histogram(
            "frontdesk_login_to_sap_seconds",
            "Time from the customer's last login or registration until SAP took it.",
            ["target"],
            buckets=_ARRIVAL_BUCKETS,
            registry=registry,
        )
        self.stuck = Gauge(
            "frontdesk_stuck",
            "1 while /livez fails: customers are due and nothing gets done.",
            ["target"],
            registry=registry,
        )
        self.customers = Gauge(
            "frontdesk_customers",
            "Customers in the store, by state.",
            ["state", "target"],
            registry=registry,
        )
        self.oldest = Gauge(
            "frontdesk_oldest_pending_seconds",
            "Age of the oldest undelivered data.",
            ["target"],
            registry=registry,
        )
        self.bytes = Gauge("frontdesk_store_bytes", "Size of the store.", registry=registry)
        self.salvages = Counter(
            "frontdesk_store_salvages",
            "Damaged stores that were set aside and salvaged.",
            registry=registry,
        )
        self.shut = Gauge(
            "frontdesk_gate_shut",
            "1 for the reason for which nothing is sent to SAP.",
            ["reason", "target"],
            registry=registry,
        )
        self.retarget(targets)
        self.degraded = Gauge(
            "frontdesk_degraded",
            "1 while customers of any target do not get to SAP, or nothing is taken in.",
            registry=registry,
        )
        self.discarded = Counter(
            "frontdesk_dead_discarded",
            "Dead letters deleted because there were too many or they were too old.",
            registry=registry,
        )

        self.reloaded = Gauge(
            "frontdesk_reload_successful",
            "0 after settings were refused while the sidecar ran, until some are taken again.",
            registry=registry,
        )
        self.reloaded.set(1)

        # For every customer: to look an instrument up takes longer than to count.
        self._deliveries_of = lru_cache(maxsize=None)(self.deliveries.labels)
        self._delivery_of = lru_cache(maxsize=None)(self.delivery.labels)
        self._arrival_of = lru_cache(maxsize=None)(self.arrival.labels)

    def retarget(self, targets: Sequence[str]) -> None:
        """These are the targets from now on; of one that is gone nothing is shut."""
        for target in self._targets:
            if target not in targets:
                for reason in SHUT_REASONS:
                    self.shut.remove(reason, target)
                self.stuck.remove(target)
        for target in targets:
            for reason in SHUT_REASONS:
                self.shut.labels(reason, target)  # zero is an answer
        self._targets = targets

    def attempted(self, outcome: str, code: str, target: str) -> None:
        """An attempt came to an end; of codes there must be a known number."""
        self._deliveries_of(outcome, code, target).inc()

    def took(self, seconds: float, target: str) -> None:
        """It was one that SAP was asked about."""
        self._delivery_of(target).observe(seconds)

    def arrived(self, seconds: float, target: str) -> None:
        """SAP took a customer, so long after the login."""
        self._arrival_of(target).observe(seconds)

    def watch(self, target: str, stuck: Callable[[], str | None]) -> None:
        """Ask this each time for whether a target gets anywhere."""
        self.stuck.labels(target).set_function(lambda: float(stuck() is not None))

    def exposition(self, counts: Mapping[str, Counts], accept: str = "") -> bytes:
        """All, with the store's counts of this moment by target.

        In OpenMetrics for who asks for it in `Accept`, else in the Prometheus text format.
        """
        self.customers.clear()  # a target of which nothing is left
        self.oldest.clear()
        nothing = Counts.together((), 0)
        for target in dict.fromkeys((*self._targets, *counts)):
            found = counts.get(target, nothing)
            for state in _STATES:
                self.customers.labels(state, target).set(getattr(found, state))
            self.oldest.labels(target).set((found.oldest_us or 0) / 1e6)
        for found in counts.values():
            self.bytes.set(found.bytes)
        encode, _ = choose_encoder(accept)
        return encode(self.registry)


def media_type(accept: str) -> str:
    """That of the exposition for this `Accept`."""
    return choose_encoder(accept)[1]
