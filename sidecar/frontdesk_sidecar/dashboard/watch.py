"""Takes note of what the sidecar does: counts always, single deliveries only while somebody looks.

A count costs about a microsecond. What is noted of a delivery is masked before it is kept.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

from frontdesk.event import COUNTS
from frontdesk_sidecar.customer import since_login
from frontdesk_sidecar.dashboard.history import History
from frontdesk_sidecar.dashboard.trace import entry
from frontdesk_sidecar.journal.lines import CAPTURED, OTHER, Batch
from frontdesk_sidecar.plan import Plan
from frontdesk_sidecar.sap.outcome import Kind, Outcome
from frontdesk_sidecar.store import Absorbed, Claim, Dead, Settlement
from frontdesk_sidecar.telemetry import Telemetry

#: So many deliveries are kept for whoever begins to look.
KEPT: Final = 50
#: So many are noted in a second, of those that failed and of those that did not.
PER_SECOND: Final = 10
_WEB: Final = COUNTS | {CAPTURED}


class Watch:
    """What was seen since the start. `plan_of` gives a target's plan, to show what was sent."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self.clock, self.now = clock, now
        self.history = History(clock())
        self.web: Counter[str] = Counter()
        self.plan_of: Callable[[str], Plan | None] = lambda target: None
        self.viewers = 0
        #: deliveries as JSON, each with its number
        self.traces: deque[tuple[int, bytes]] = deque(maxlen=KEPT)
        self.unseen = 0
        self._number = 0
        self._second = -1
        self._noted = {True: 0, False: 0}

    def begin(self) -> None:
        """Somebody looks."""
        self.viewers += 1

    def end(self) -> None:
        """Somebody looks no more; when nobody does, nothing of a customer is kept."""
        self.viewers -= 1
        if not self.viewers:
            self.traces.clear()
            self.unseen = 0

    def absorbed(self, batch: Batch) -> None:
        """A batch is in the store."""
        self.taken(len(batch.messages))
        if batch.rejected:
            self.history.count(self.clock(), "unusable", batch.rejected.total())
        for name, number in batch.web.items():
            self.web[name if name in _WEB else OTHER] += number

    def taken(self, messages: int) -> None:
        """So many messages are in the store, by whichever way they came."""
        if messages:
            self.history.count(self.clock(), "messages", messages)

    def delivered(
        self, claim: Claim, outcome: Outcome, settlement: Settlement, seconds: float
    ) -> None:
        """An attempt came to an end."""
        clock, history = self.clock(), self.history
        history.count(clock, outcome.kind)
        if isinstance(settlement, Dead):
            history.count(clock, "dead")
        if outcome.kind is Kind.DELIVERED:
            latency_s = since_login(claim.customer, self.now())
            if latency_s is not None:
                history.arrived(clock, latency_s)
        if self.viewers and self._has_room(clock, outcome):
            self._note(claim, outcome, settlement, seconds)

    def _has_room(self, clock: float, outcome: Outcome) -> bool:
        second = int(clock)
        if second != self._second:
            self._second, self._noted = second, {True: 0, False: 0}
        is_fine = outcome.kind in (Kind.DELIVERED, Kind.UNCHANGED)
        self._noted[is_fine] += 1
        if self._noted[is_fine] <= PER_SECOND:
            return True
        self.unseen += 1
        return False

    def _note(self, claim: Claim, outcome: Outcome, settlement: Settlement, seconds: float) -> None:
        try:
            told = entry(
                claim,
                self._payload(claim),
                outcome,
                settlement,
                now_us=self.now(),
                seconds=seconds,
            )
            self._number += 1
            self.traces.append((self._number, orjson.dumps(told | {"number": self._number})))
        except Exception:  # noqa: BLE001 - to be looked at must never be in a delivery's way
            self.unseen += 1

    def _payload(self, claim: Claim) -> Mapping[str, Any] | Outcome | None:
        """Made once more from the same customer: nothing was kept of what was sent."""
        plan = self.plan_of(claim.target)
        return None if plan is None else plan.payload(claim.customer, claim.sent_at)


class WatchedTelemetry(Telemetry):
    """The same counters and log, and a `Watch` that hears of it."""

    def __init__(self, watch: Watch, **options: Any) -> None:
        super().__init__(**options)
        self._watch = watch

    def absorbed(self, batch: Batch, absorbed: Absorbed, seconds: float) -> None:
        """A batch is in the store."""
        super().absorbed(batch, absorbed, seconds)
        self._watch.absorbed(batch)

    def door_committed(self, messages: int, seconds: float) -> None:
        """What came by HTTP is in the store."""
        super().door_committed(messages, seconds)
        self._watch.taken(messages)

    def delivered(
        self, claim: Claim, outcome: Outcome, settlement: Settlement, seconds: float
    ) -> None:
        """An attempt came to an end."""
        super().delivered(claim, outcome, settlement, seconds)
        self._watch.delivered(claim, outcome, settlement, seconds)
