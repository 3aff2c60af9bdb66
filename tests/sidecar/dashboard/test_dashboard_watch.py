"""What is noted of what happens: counts always, deliveries while somebody looks, never a value."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from frontdesk_sidecar.customer import Customer, since_login
from frontdesk_sidecar.dashboard.trace import veiled
from frontdesk_sidecar.dashboard.watch import KEPT, PER_SECOND, Watch, WatchedTelemetry
from frontdesk_sidecar.journal.lines import Batch
from frontdesk_sidecar.mapping import compile_mapping
from frontdesk_sidecar.plan import Plan
from frontdesk_sidecar.sap.outcome import Kind, Outcome
from frontdesk_sidecar.store import Absorbed, Claim, Dead, Delivered, Release, Retry

NOW = 1_795_176_000_000_000
FINE = Outcome(Kind.DELIVERED, "http.201")
REFUSED = Outcome(Kind.REJECTED, "odata.bad_request", "refused", "look there")
PLAN = Plan(
    compile_mapping({"uid": "email", "addresses": "addresses", "name": "name", "none": "none"})
)


class Clock:
    """Moved by hand."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def watch() -> tuple[Watch, Clock]:
    """One that sends by `PLAN`."""
    clock = Clock()
    made = Watch(clock, lambda: NOW)
    made.plan_of = lambda target: PLAN
    return made, clock


def claim(number: int = 0, *, timestamp: str | None = "2026-11-20T11:59:58.500Z") -> Claim:
    """Of a marked person."""
    traits: dict[str, Any] = {
        "email": f"marked{number}@marked-host.example",
        "name": "Marked Markedson",
        "age": 4711,
        "addresses": [{"street": "Marked Way 1", "marked@marked-host.example": "marked"}],
        "marked@marked-host.example": "marked",
    }
    key = str(traits["email"])
    customer = Customer(key, "marked-user", "Logged In", None, "shop", traits, timestamp)
    return Claim(customer, 1, 0, 0, None, None, None, "t", NOW)


def test_nothing_of_a_delivery_is_kept_while_nobody_looks() -> None:
    """Nor when the last one is gone."""
    made, _ = watch()
    made.delivered(claim(), FINE, Delivered(claim()), 0.1)
    assert not made.traces
    made.begin()
    made.begin()
    made.delivered(claim(), FINE, Delivered(claim()), 0.1)
    made.end()
    assert len(made.traces) == 1
    made.end()
    assert not made.traces
    assert made.history.total(1000.0, "delivered", seconds=60) == 2


@pytest.mark.parametrize(
    ("outcome", "settle", "follows"),
    [
        (FINE, lambda one: Delivered(one), "settled"),
        (REFUSED, lambda one: Dead(one, "odata.bad_request", "refused", "id-1"), "dead"),
        (REFUSED, lambda one: Retry(one, NOW + 2_000_000, "x", "refused", "id-1"), "retry"),
        (REFUSED, lambda one: Release(one, NOW), "again"),
    ],
)
def test_a_trace_tells_the_way_and_no_value(outcome: Outcome, settle: Any, follows: str) -> None:
    """Event, traits and payload masked at any depth, the answer, what follows."""
    made, _ = watch()
    made.begin()
    made.delivered(claim(), outcome, settle(claim()), 0.25)
    ((number, told),) = made.traces
    assert "marked" not in told.decode().lower()
    assert "4711" not in told.decode()
    trace = json.loads(told)
    assert trace["number"] == number == 1
    assert trace["payload"] == {
        "uid": "m•••@m•••.example",
        "addresses": [{"street": "M•••", "m•••@m•••.example": "m•••"}],
        "name": "M•••",
    }
    assert trace["traits"]["name"] == "M•••"
    assert (trace["event"], trace["userId"], trace["site"]) == ("Logged In", "m•••", "shop")
    assert (trace["outcome"], trace["code"]) == (outcome.kind, outcome.code)
    assert trace["next"] == follows
    assert trace["seconds"] == 0.25


def test_of_many_some_are_noted_and_the_rest_counted() -> None:
    """What failed is not pushed out by what did not."""
    made, clock = watch()
    made.begin()
    for number in range(100):
        made.delivered(claim(number), FINE, Delivered(claim(number)), 0.1)
    made.delivered(claim(), REFUSED, Dead(claim(), "x", ""), 0.1)
    assert len(made.traces) == PER_SECOND + 1
    assert made.unseen == 100 - PER_SECOND
    for _ in range(20):
        clock.now += 1
        for number in range(PER_SECOND):
            made.delivered(claim(number), FINE, Delivered(claim(number)), 0.1)
    assert len(made.traces) == KEPT
    numbers = [number for number, _ in made.traces]
    assert numbers == sorted(numbers)


def test_what_cannot_be_shown_is_in_nobodys_way() -> None:
    """A plan that fails, or a target that is gone."""
    made, _ = watch()

    def fail(target: str) -> Plan:
        raise KeyError(target)

    made.plan_of = fail
    made.begin()
    made.delivered(claim(), FINE, Delivered(claim()), 0.1)
    assert (len(made.traces), made.unseen) == (0, 1)
    assert made.history.total(1000.0, "delivered", seconds=60) == 1


def test_the_time_from_login_to_sap() -> None:
    """Of those that arrived; never negative, whatever the clocks."""
    made, _ = watch()
    made.delivered(claim(), FINE, Delivered(claim()), 0.1)
    made.delivered(claim(timestamp="2030-01-01T00:00:00.000Z"), FINE, Delivered(claim()), 0.1)
    made.delivered(claim(timestamp=None), FINE, Delivered(claim()), 0.1)
    made.delivered(claim(), Outcome(Kind.UNCHANGED, "unchanged"), Delivered(claim()), 0.0)
    made.delivered(claim(), REFUSED, Dead(claim(), "x", ""), 0.1)
    assert made.history.latency(1000.0, 5)["count"] == 2
    assert since_login(claim().customer, NOW) == pytest.approx(1.5)


def test_the_telemetry_goes_on_as_it_did() -> None:
    """And the watch hears of it."""
    made, _ = watch()
    telemetry = WatchedTelemetry(made)
    batch = Batch(web=Counter({"captured": 2, "skipped.status": 1, "made up": 5}))
    batch.rejected["torn"] = 1
    telemetry.absorbed(batch, Absorbed(0, 0, 0), 0.01)
    telemetry.delivered(claim(), FINE, Delivered(claim()), 0.1)
    telemetry.door_committed(4, 0.01)
    assert made.history.total(1000.0, "messages", seconds=60) == 4
    assert telemetry.recent().totals()[0]["delivered"] == 1
    assert made.web == {"captured": 2, "skipped.status": 1, "other": 5}
    assert made.history.total(1000.0, "unusable", seconds=60) == 1
    assert made.history.total(1000.0, "delivered", seconds=60) == 1


def test_however_deep_it_is() -> None:
    """And however much."""
    deep: Any = "marked"
    for _ in range(100):
        deep = {"a": [deep]}
    assert "marked" not in json.dumps(veiled(deep))
    assert len(veiled(["marked"] * 1000)) == 40
    assert veiled({"a": None, "b": True, "c": 1.5}) == {"a": None, "b": "•••", "c": "•••"}
