"""The ledger: what gate, limits and rows are told of each delivery."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from frontdesk_sidecar.customer import Customer
from frontdesk_sidecar.forward.courier import Delivery, Parcel
from frontdesk_sidecar.forward.gate import FAILURES, Permit, Why
from frontdesk_sidecar.forward.guard import LEAST, LEAST_AT_FIRST
from frontdesk_sidecar.forward.ledger import Ledger
from frontdesk_sidecar.forward.pace import Pace
from frontdesk_sidecar.forward.verdict import OTHERS
from frontdesk_sidecar.sap.outcome import Kind, Outcome
from frontdesk_sidecar.store import Claim, Dead, Delivered, Release, Retry, Settlement
from frontdesk_sidecar.telemetry import Telemetry

SECOND = 1_000_000
NOW = 1_795_176_000 * SECOND
PACE = Pace(rate=100.0)
DELIVERED = Outcome(Kind.DELIVERED, "http.201")
REJECTED = Outcome(Kind.REJECTED, "odata.invalid_property", "refused")
MAPPING = Outcome(Kind.REJECTED, "mapping", "name: not a text")
TRANSIENT = Outcome(Kind.TRANSIENT, "http.500", "HTTP 500")
SETUP = Outcome(Kind.SETUP, "http.403", "HTTP 403", "give it rights")
THROTTLED = Outcome(Kind.THROTTLED, "http.429", "HTTP 429")


def claimed(name: str, attempts: int = 0, code: str | None = None) -> Claim:
    """A claim."""
    customer = Customer(f"{name}@example.com", None, None, None, None, {})
    return Claim(customer, 1, attempts, 1, b"s" * 16, NOW - 99, code, "t", NOW)


@dataclass
class Bench:
    """A ledger with clocks that are set by hand."""

    pace: Pace = PACE
    now: float = 1000.0
    telemetry: Telemetry = field(default_factory=Telemetry)

    def __post_init__(self) -> None:
        self.ledger = Ledger(
            self.pace,
            self.telemetry,
            now=lambda: NOW + int(self.now * SECOND),
            clock=lambda: self.now,
            chance=lambda: 0.5,
        )

    @property
    def why(self) -> Why | None:
        """Why the gate is shut."""
        shut = self.ledger.gate.shut
        return None if shut is None else shut.why

    def take(
        self,
        outcome: Outcome | Sequence[Outcome],
        *names: str,
        is_try: bool = False,
        attempts: int = 0,
        code: str | None = None,
    ) -> list[Settlement]:
        """A request for these customers was answered; what became of them."""
        before = len(self.ledger.finished)
        parcels = [
            Parcel(claimed(name, attempts, code), {}, b"n" * 16, message_id=f"m-{name}")
            for name in names
        ]
        outcomes = [outcome] if isinstance(outcome, Outcome) else list(outcome)
        self.ledger.take(Delivery(parcels, outcomes, 0.25, is_try), busy=True)
        return self.ledger.finished[before:]

    def unsendable(self, name: str, *, is_try: bool = False) -> Settlement:
        """Nothing could be made of this one."""
        self.ledger.unsendable(claimed(name), MAPPING, is_try=is_try)
        return self.ledger.finished[-1]

    def taken(self, number: int = 1) -> None:
        """SAP takes so many others."""
        for index in range(number):
            self.take(DELIVERED, f"taken-{self.now}-{index}")

    def tried(self, outcome: Outcome, name: str = "tried") -> list[Settlement]:
        """The gate's try, at its time."""
        assert self.ledger.gate.shut is not None
        self.now = self.ledger.gate.shut.next_at
        assert self.ledger.gate.permit(self.now) is Permit.ONE
        self.ledger.gate.begin_try()
        return self.take(outcome, name, is_try=True)


def test_a_delivered_customer_is_settled_with_its_fingerprint() -> None:
    """And with the time of settling."""
    bench = Bench()
    assert bench.take(DELIVERED, "a") == [Delivered(claimed("a"), b"n" * 16, None, "m-a")]
    assert bench.ledger.taken_at == NOW + 1000 * SECOND
    assert bench.ledger.completed_at == 1000.0


def test_an_unchanged_customer_keeps_what_was_sent_and_when() -> None:
    """Else nothing would ever be sent again to bring SAP up to date."""
    bench = Bench()
    bench.now += 5
    bench.ledger.unchanged(claimed("a"))
    assert bench.ledger.finished == [Delivered(claimed("a"), b"s" * 16, NOW - 99)]
    assert bench.ledger.completed_at == 1005.0
    assert bench.ledger.taken_at == NOW + 1000 * SECOND
    assert bench.ledger.gate.taken == 0


def test_a_failure_of_a_request_is_heard_once_and_settles_all() -> None:
    """A hundred customers in one batch that timed out are one failure."""
    bench = Bench()
    names = [f"c{number}" for number in range(100)]
    for number in range(FAILURES):
        assert bench.why is None
        settled = bench.take(TRANSIENT, *(f"{name}-{number}" for name in names))
        assert len(settled) == 100
        assert all(isinstance(one, Retry) and not one.counted for one in settled)
    assert bench.why is Why.FAILING


def test_parts_of_a_batch_are_heard_one_by_one() -> None:
    """They are answers about different customers."""
    bench = Bench()
    settled = bench.take([DELIVERED, REJECTED, DELIVERED], "a", "b", "c")
    assert [type(one) for one in settled] == [Delivered, Retry, Delivered]
    bench.take([TRANSIENT] * FAILURES, *"defgh")
    assert bench.why is Why.FAILING


def test_a_fault_of_everybody_s_shuts_the_gate_and_burns_nothing() -> None:
    """Whoever was under way is given back."""
    for outcome, why in ((SETUP, Why.SETUP), (THROTTLED, Why.THROTTLED)):
        bench = Bench()
        settled = [one for name in "abc" for one in bench.take(outcome, name)]
        assert bench.why is why
        assert settled == [Release(claimed(name), NOW + 1000 * SECOND) for name in "abc"]


def test_a_setup_fault_of_one_alone_is_its_own() -> None:
    """The second time, when others were taken meanwhile, it is refused and pauses nobody."""
    bench = Bench()
    bench.take(SETUP, "sick")
    bench.tried(DELIVERED)
    bench.taken(OTHERS)
    (settled,) = bench.take(SETUP, "sick")
    assert bench.why is None
    assert isinstance(settled, Retry)
    assert settled.counted
    bench.taken(OTHERS)
    (settled,) = bench.take(SETUP, "sick", attempts=2, code=SETUP.code)
    assert isinstance(settled, Dead)


def test_a_setup_fault_of_a_whole_batch_is_nobody_s_own() -> None:
    """One that failed before being among them must not hide it from the gate."""
    bench = Bench()
    bench.take(SETUP, "a")
    bench.tried(DELIVERED)
    bench.taken(OTHERS)
    settled = bench.take(SETUP, "a", "b", "c")
    assert bench.why is Why.SETUP
    assert all(isinstance(one, Retry) and not one.counted for one in settled)


def test_failures_count_only_while_others_are_taken() -> None:
    """Then it dies in the end; in an outage nobody does."""
    bench = Bench()
    for number in range(100):
        name = "sick" if number % 2 else f"c{number}"
        (settled,) = bench.take(TRANSIENT, name, attempts=19, code=TRANSIENT.code)
        assert isinstance(settled, Retry)
        assert not settled.counted
        if bench.why is not None:
            bench.tried(TRANSIENT, "other")
    bench.tried(DELIVERED)
    bench.taken(OTHERS)
    (settled,) = bench.take(TRANSIENT, "sick", attempts=19, code=TRANSIENT.code)
    assert isinstance(settled, Dead)


def test_a_sick_customer_is_found_out_where_others_come_slowly() -> None:
    """It fails ten times for each of them; not for ever."""
    bench = Bench(pace=replace(PACE, retry_tries=5))
    attempts = 0
    for visitor in range(100):
        for _ in range(10):
            if bench.why is None:
                (settled,) = bench.take(TRANSIENT, "sick", attempts=attempts)
            else:
                (settled,) = bench.tried(TRANSIENT, "sick")
            if isinstance(settled, Dead):
                return
            assert isinstance(settled, Retry)
            attempts += settled.counted
        if bench.why is None:
            bench.take(DELIVERED, f"visitor-{visitor}")
        else:
            bench.tried(DELIVERED, f"visitor-{visitor}")
    raise AssertionError("tried for ever")


@pytest.mark.parametrize("ever_taken", [True, False])
def test_mass_refusals_shut_the_gate_and_bring_the_dead_back(ever_taken: bool) -> None:
    """All who died since SAP last took somebody died of the mapping."""
    bench = Bench()
    start = bench.ledger.taken_at
    if ever_taken:
        bench.now += 50
        bench.taken()
        bench.now += 50
    number = LEAST if ever_taken else LEAST_AT_FIRST
    died = []
    for index in range(number):
        assert bench.ledger.wronged_since is None
        died += bench.take(REJECTED, f"c{index}", attempts=2, code=REJECTED.code)
    assert bench.why is Why.REJECTIONS
    assert bench.ledger.wronged_since == start + (50 * SECOND if ever_taken else 0)
    # The one that made it clear, and those under way, are not blamed any more.
    assert [type(one) for one in died] == [*[Dead] * (number - 1), Retry]
    assert isinstance(died[-1], Retry)
    assert not died[-1].counted
    (late,) = bench.take(REJECTED, "late", attempts=2, code=REJECTED.code)
    assert isinstance(late, Retry)
    assert not late.counted


def test_the_dead_are_brought_back_once() -> None:
    """Refused tries do not bring back those who died for their own reasons."""
    bench = Bench()
    for index in range(LEAST_AT_FIRST):
        bench.take(REJECTED, f"c{index}")
    assert bench.ledger.wronged_since is not None
    bench.ledger.wronged_since = None
    for _ in range(5):
        bench.tried(REJECTED)
    assert bench.why is Why.REJECTIONS
    assert bench.ledger.wronged_since is None


def test_after_a_try_it_begins_slowly() -> None:
    """Rate and concurrency grow from small again; halved only when SAP said it was too much."""
    for outcome, at_most in ((SETUP, 100.0), (THROTTLED, 50.0)):
        bench = Bench()
        bench.take(outcome, "a")
        bench.tried(DELIVERED)
        assert bench.why is None
        ledger = bench.ledger
        assert ledger.concurrency.limit == 1
        assert ledger.rate.current == pytest.approx(5.0)
        bench.now += 40
        ledger.rate.wait_s(bench.now)
        assert ledger.rate.current == pytest.approx(at_most)


@pytest.mark.parametrize("between", [TRANSIENT, SETUP])
def test_throttling_is_not_forgotten_for_what_comes_after(between: Outcome) -> None:
    """SAP said that it was too much, and then that it was down: it was still too much."""
    bench = Bench()
    bench.take(THROTTLED, "a")
    bench.tried(between)
    assert bench.why in (Why.FAILING, Why.SETUP)
    bench.tried(DELIVERED)
    bench.now += 40
    bench.ledger.rate.wait_s(bench.now)
    assert bench.ledger.rate.current == pytest.approx(50.0)
    bench.take(SETUP, "b")
    bench.tried(DELIVERED)
    bench.now += 40
    bench.ledger.rate.wait_s(bench.now)
    assert bench.ledger.rate.current >= 50.0  # halved once, not twice


def test_late_throttling_is_not_forgotten_either() -> None:
    """Heard while the gate was shut for something else."""
    bench = Bench()
    bench.take(SETUP, "a")
    bench.take(THROTTLED, "late")
    bench.tried(DELIVERED)
    bench.now += 40
    bench.ledger.rate.wait_s(bench.now)
    assert bench.ledger.rate.current == pytest.approx(50.0)


def test_throttling_of_an_earlier_run_is_not_forgotten() -> None:
    """A restart is no reason to go at full speed again."""
    before, bench = Bench(), Bench()
    before.take(THROTTLED, "a")
    bench.ledger.gate.restore(before.ledger.gate.document(before.now), bench.now)
    bench.tried(DELIVERED)
    bench.now += 40
    bench.ledger.rate.wait_s(bench.now)
    assert bench.ledger.rate.current == pytest.approx(50.0)


def test_strain_lowers_the_concurrency_and_refusals_do_not() -> None:
    """A refusal is quick and says nothing about load."""
    for outcome, expected in ((TRANSIENT, 3), (THROTTLED, 3), (REJECTED, 5), (SETUP, 5)):
        bench = Bench()
        for number in range(4):
            bench.take(outcome, f"c{number}")
        assert bench.ledger.concurrency.limit == expected


def test_who_cannot_be_mapped_is_dead_at_once() -> None:
    """It would come out the same; nothing is sent, so there is no message id."""
    bench = Bench()
    bench.taken()
    assert bench.unsendable("a") == Dead(claimed("a"), "mapping", MAPPING.text, "")
    assert bench.why is None


@pytest.mark.parametrize("outcome", [SETUP, THROTTLED])
def test_who_cannot_be_mapped_does_not_open_the_gate(outcome: Outcome) -> None:
    """That was found out here; SAP was not asked."""
    bench = Bench()
    bench.taken()
    bench.take(outcome, "a")
    why, shut = bench.why, bench.ledger.gate.shut
    assert shut is not None
    bench.now = shut.next_at
    bench.unsendable("b", is_try=True)
    assert bench.why is why
    assert bench.ledger.gate.permit(bench.now) is Permit.ONE


def test_who_cannot_be_mapped_is_a_try_where_the_mapping_is_to_blame() -> None:
    """The wait grows: else all customers would be gone through at once, again and again."""
    bench = Bench()
    for number in range(LEAST_AT_FIRST):
        bench.unsendable(f"c{number}")
    shut = bench.ledger.gate.shut
    assert shut is not None
    assert shut.why is Why.REJECTIONS
    bench.now = shut.next_at
    assert isinstance(bench.unsendable("b", is_try=True), Retry)
    assert bench.why is Why.REJECTIONS
    assert bench.ledger.gate.permit(bench.now) is Permit.NONE


def test_a_mapping_broken_while_something_else_is_wrong_blames_nobody() -> None:
    """Two faults at once: those who died of it come back."""
    bench = Bench()
    bench.take(SETUP, "a")
    died = [bench.unsendable(f"c{number}", is_try=True) for number in range(LEAST_AT_FIRST)]
    assert bench.why is Why.REJECTIONS
    assert bench.ledger.wronged_since == NOW + 1000 * SECOND
    assert isinstance(died[-1], Retry)


def test_what_is_said_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """A person reads the log: the pause, a new reason, and the end; not each failed try."""
    caplog.set_level(logging.INFO)
    bench = Bench()

    def said() -> list[str]:
        messages = [record.getMessage().split(" --")[0] for record in caplog.records]
        caplog.clear()
        return [one for one in messages if one.startswith(("paused", "sending"))]

    bench.take(SETUP, "a", "b")
    assert said() == ["paused reason=setup code=http.403 text=HTTP 403"]
    bench.tried(SETUP)
    bench.tried(TRANSIENT)
    assert said() == []
    bench.tried(Outcome(Kind.SETUP, "http.404", "HTTP 404"))
    assert said() == ["paused reason=setup code=http.404 text=HTTP 404"]
    bench.tried(DELIVERED)
    assert said() == ["sending: SAP takes customers again"]
    bench.ledger.gate.by_hand = True
    bench.ledger.tell()
    assert said() == ["paused_by_hand: `frontdesk resume` ends it"]


def test_only_the_last_failures_are_remembered() -> None:
    """Settlements are handed over; nothing else grows with the number of customers."""
    bench = Bench(telemetry=Telemetry())
    for number in range(12_000):
        bench.ledger.gate.reopen()
        bench.take(TRANSIENT, f"c{number}")
        bench.ledger.finished.clear()
    assert len(bench.ledger._culprits._failed_at) <= 10_000
