"""Several targets behind one host: one rate, one silence, and each its own gate."""

from __future__ import annotations

import pytest

from frontdesk_sidecar.customer import Customer
from frontdesk_sidecar.forward.courier import Delivery, Parcel
from frontdesk_sidecar.forward.gate import Permit, Why
from frontdesk_sidecar.forward.ingress import Ingress
from frontdesk_sidecar.forward.ledger import Ledger
from frontdesk_sidecar.forward.pace import Pace
from frontdesk_sidecar.sap.outcome import Kind, Outcome
from frontdesk_sidecar.store import Claim
from frontdesk_sidecar.telemetry import Telemetry

PACE = Pace(rate=100.0)
NAMES = ("b2b", "default")
DELIVERED = Outcome(Kind.DELIVERED, "http.201")
SETUP = Outcome(Kind.SETUP, "http.403", "HTTP 403", "give it rights")
THROTTLED = Outcome(Kind.THROTTLED, "http.429", "HTTP 429")


class Host:
    """Two ledgers at one host, with a clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.telemetry = Telemetry(targets=NAMES)
        self.ingress = Ingress(PACE.rate, self.now)
        self.b2b, self.usual = (
            Ledger(
                PACE,
                self.telemetry,
                now=lambda: int(self.now * 1e6),
                clock=lambda: self.now,
                chance=lambda: 0.5,
                target=name,
                ingress=self.ingress,
            )
            for name in NAMES
        )

    def answered(self, ledger: Ledger, outcome: Outcome, *, is_try: bool = False) -> None:
        """A customer's request was answered so."""
        name = "b2b" if ledger is self.b2b else "default"
        customer = Customer("ann@example.com", None, None, None, None, {})
        claim = Claim(customer, 1, 0, 0, None, None, None, "t", 0, name)
        ledger.take(Delivery([Parcel(claim, {}, b"")], [outcome], 0.1, is_try), busy=False)

    def tried(self, ledger: Ledger, outcome: Outcome) -> None:
        """The gate's try, at its time."""
        assert ledger.gate.shut is not None
        self.now = max(self.now, ledger.gate.shut.next_at)
        assert ledger.gate.permit(self.now) is Permit.ONE
        ledger.gate.begin_try()
        self.answered(ledger, outcome, is_try=True)

    def shut(self, target: str, why: Why) -> float | None:
        """What the metrics say of a gate."""
        labels = {"target": target, "reason": str(why)}
        return self.telemetry.registry.get_sample_value("frontdesk_gate_shut", labels)


def test_all_who_send_to_a_host_share_its_rate() -> None:
    """What one takes, another has not."""
    host = Host()
    assert host.b2b.rate is host.usual.rate
    for _ in range(100):
        assert host.b2b.rate.wait_s(host.now) == 0
        host.b2b.rate.take(host.now)
    assert host.usual.rate.wait_s(host.now) == pytest.approx(0.01)


def test_a_silence_that_sap_asks_for_is_kept_by_all() -> None:
    """Its cool-down begins anew with each request, whoever it is for."""
    host = Host()
    host.answered(host.b2b, THROTTLED)
    for ledger in (host.b2b, host.usual):
        assert ledger.gate.shut is not None
        assert ledger.gate.shut.why is Why.THROTTLED
        assert ledger.gate.permit(host.now + PACE.quiet_s - 0.1) is Permit.NONE
    assert host.shut("default", Why.THROTTLED) == host.shut("b2b", Why.THROTTLED) == 1


def test_a_silence_that_all_kept_slows_the_rate_once() -> None:
    """Half of what was borne, however many begin again; a second silence halves it again."""
    host = Host()
    host.answered(host.b2b, THROTTLED)
    host.tried(host.b2b, DELIVERED)
    host.now += 1
    before = host.ingress.rate.wait_s(host.now), host.ingress.rate.current
    host.tried(host.usual, DELIVERED)
    assert (host.ingress.rate.wait_s(host.now), host.ingress.rate.current) == before
    host.now += 30  # slow start is over
    assert host.ingress.rate.wait_s(host.now) == 0
    assert 50 <= host.ingress.rate.current < 60
    host.answered(host.usual, THROTTLED)
    assert host.b2b.gate.shut is not None
    host.tried(host.usual, DELIVERED)
    assert host.ingress.rate.current == pytest.approx(5.0)
    assert host.b2b.gate.shut is not None  # it has nobody to try with, and waits for no one


def test_a_fault_of_one_is_no_matter_of_the_others() -> None:
    """Neither while its gate is shut nor when it opens: their rate stays what it is."""
    host = Host()
    host.answered(host.b2b, SETUP)
    assert host.usual.gate.is_open
    assert host.shut("b2b", Why.SETUP) == 1
    assert host.shut("default", Why.SETUP) == 0
    for _ in range(3):
        host.tried(host.b2b, SETUP)
    host.tried(host.b2b, DELIVERED)
    assert host.b2b.gate.is_open
    assert host.ingress.rate.current == PACE.rate


def test_whoever_begins_again_alone_begins_slowly() -> None:
    """Where nobody else sends, it is the host's first request in a while."""
    host = Host()
    host.answered(host.usual, SETUP)
    host.b2b.gate.by_hand = True
    host.tried(host.usual, DELIVERED)
    assert host.ingress.rate.current == pytest.approx(5.0)


def test_a_neighbour_s_throttling_leaves_the_reason_of_a_shut_gate() -> None:
    """What must be set right stays what is said; only its try waits for the end of the silence."""
    host = Host()
    host.answered(host.b2b, SETUP)
    host.now += PACE.probe_s - 1
    host.answered(host.usual, THROTTLED)
    shut = host.b2b.gate.shut
    assert shut is not None
    assert (shut.why, shut.next_at) == (Why.SETUP, host.now + PACE.quiet_s)
