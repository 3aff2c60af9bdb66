"""What a lane takes over from the one before it, so that nothing is sent too soon or by both."""

from __future__ import annotations

import pytest

from frontdesk_sidecar.customer import Customer
from frontdesk_sidecar.forward.courier import Delivery, Parcel
from frontdesk_sidecar.forward.gate import Permit, Why
from frontdesk_sidecar.forward.ingress import Ingress
from frontdesk_sidecar.forward.ledger import Ledger
from frontdesk_sidecar.forward.limits import Rate
from frontdesk_sidecar.forward.pace import Pace
from frontdesk_sidecar.sap.outcome import Kind, Outcome
from frontdesk_sidecar.store import Claim, Delivered, Release
from frontdesk_sidecar.telemetry import Telemetry

PACE = Pace(rate=100.0, quiet_s=10.0, rest_s=60.0)
NOW_US = 1_795_176_000_000_000
DELIVERED = Outcome(Kind.DELIVERED, "http.201")
SETUP = Outcome(Kind.SETUP, "http.403", "HTTP 403", "give it rights")
THROTTLED = Outcome(Kind.THROTTLED, "http.429", "HTTP 429")
UNKNOWN = Outcome(Kind.TRANSIENT, "timeout", is_unknown=True)


class Desk:
    """Ledgers of one target, one after the other, by a clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.telemetry = Telemetry()
        self.ingress = Ingress(PACE.rate, self.now)

    def ledger(self, pace: Pace = PACE) -> Ledger:
        """One more that sends to the host."""
        return Ledger(
            pace,
            self.telemetry,
            now=lambda: NOW_US,
            clock=lambda: self.now,
            chance=lambda: 0.5,
            ingress=self.ingress,
        )

    def shut(self, reason: str) -> float | None:
        """The metric of a reason for which nothing is sent."""
        labels = {"reason": reason, "target": "default"}
        return self.telemetry.registry.get_sample_value("frontdesk_gate_shut", labels)


def claim(name: str = "ann") -> Claim:
    """A claim."""
    return Claim(
        Customer(f"{name}@example.com", None, None, None, None, {}),
        *(1, 0, 1, b"s" * 16, NOW_US, None, "t", NOW_US),
    )


def take(ledger: Ledger, outcome: Outcome, name: str = "ann") -> None:
    """A request for one customer was answered."""
    ledger.take(Delivery([Parcel(claim(name), {}, b"n" * 16)], [outcome], 0.1), busy=True)


@pytest.fixture
def desk() -> Desk:
    """One with nothing on it."""
    return Desk()


def test_a_reason_is_taken_over_and_tried_at_once(desk: Desk) -> None:
    """New settings may have brought what was missing."""
    old, new = desk.ledger(), desk.ledger()
    take(old, SETUP)
    assert old.gate.permit(desk.now) is Permit.NONE
    new.take_over(old)
    assert new.gate.shut is not None
    assert new.gate.shut.why is Why.SETUP
    assert new.gate.permit(desk.now) is Permit.ONE


def test_a_silence_that_sap_asked_for_is_kept(desk: Desk) -> None:
    """However often settings are read anew."""
    old = desk.ledger()
    take(old, THROTTLED)
    for _ in range(3):
        new = desk.ledger()
        new.take_over(old)
        assert new.gate.permit(desk.now + 9.9) is Permit.NONE
        old = new
    assert old.gate.permit(desk.now + 30.0) is Permit.ONE


def test_another_target_at_the_host_keeps_its_silence(desk: Desk) -> None:
    """One that came later, or has another name now; what else stands in the way is not its own."""
    old = desk.ledger()
    take(old, SETUP)
    new = desk.ledger()
    new.join_silence()
    assert new.gate.permit(desk.now) is Permit.ALL
    old.gate.reopen()
    take(old, THROTTLED)
    newest = desk.ledger()
    newest.join_silence()
    assert newest.gate.permit(desk.now + 9.9) is Permit.NONE
    assert newest.gate.permit(desk.now + 30.0) is Permit.ONE
    assert desk.shut("throttled") == 1.0


def test_whoever_is_still_answered_too_much_silences_the_successor(desk: Desk) -> None:
    """Its request was under way; the next would begin the cool-down anew."""
    old, new = desk.ledger(), desk.ledger()
    new.take_over(old)
    assert new.gate.permit(desk.now) is Permit.ALL
    take(old, THROTTLED)
    assert new.gate.permit(desk.now + 9.9) is Permit.NONE
    desk.ingress.leave(old)
    take(new, THROTTLED)  # and nobody is missed


def test_whoever_rests_there_rests_here(desk: Desk) -> None:
    """Also when it is found out only afterwards: SAP may be at work on the customer."""
    old, new = desk.ledger(), desk.ledger()
    take(old, UNKNOWN, "ann")
    new.take_over(old)
    take(old, UNKNOWN, "bob")
    assert new.rests(claim("ann"))
    assert new.rests(claim("bob"))
    assert not new.rests(claim("cyd"))
    assert all(isinstance(one, Release) for one in new.finished)


def test_a_predecessor_books_and_says_nothing_more(desk: Desk) -> None:
    """What it meets with the former credentials says nothing of the target any more."""
    old, new = desk.ledger(), desk.ledger()
    new.take_over(old)
    take(old, SETUP)
    take(old, DELIVERED, "bob")
    assert isinstance(old.finished[-1], Delivered)
    assert desk.shut("setup") == 0
    assert new.gate.is_open
    take(new, SETUP)
    assert desk.shut("setup") == 1


def test_a_pause_by_hand_is_taken_over(desk: Desk) -> None:
    """It ends by hand."""
    old, new = desk.ledger(), desk.ledger()
    old.gate.by_hand = True
    new.take_over(old)
    assert new.gate.permit(desk.now) is Permit.NONE
    assert desk.shut("hand") == 1


@pytest.mark.parametrize("limit", [0.5, 20.0, 100.0, 500.0])
def test_another_rate_holds_from_now_on(limit: float) -> None:
    """Fewer tokens than a second's worth are kept, and none are given."""
    rate = Rate(100.0, 0.0)
    for _ in range(40):
        rate.take(0.0)
    rate.change(limit, 0.0)
    assert rate.current == rate.limit == limit
    sent = 0
    while rate.wait_s(0.0) == 0:
        rate.take(0.0)
        sent += 1
    assert sent == min(60, max(1, int(limit)))


@pytest.mark.parametrize(("limit", "soon"), [(10.0, 10.0), (50.0, 50.0), (400.0, 50.0)])
def test_another_rate_gives_back_nothing_that_throttling_took(limit: float, soon: float) -> None:
    """It is regained as before, up to the new limit."""
    rate = Rate(100.0, 0.0)
    rate.restart(0.0, throttled=True)
    rate.change(limit, 0.0)
    assert rate.current == 5.0
    rate.wait_s(60.0)
    assert rate.current == pytest.approx(soon, rel=0.7)
    assert rate.current <= limit
    rate.wait_s(60.0 + 1200.0)
    assert rate.current == limit
