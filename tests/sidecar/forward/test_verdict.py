"""Verdicts: what an outcome means for the customer's row."""

from __future__ import annotations

import itertools
from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk_sidecar.customer import Customer
from frontdesk_sidecar.forward.pace import Pace
from frontdesk_sidecar.forward.verdict import (
    OTHERS,
    SECOND,
    Culprits,
    judged,
    settlement_of_failure,
)
from frontdesk_sidecar.sap.advice import advice_for
from frontdesk_sidecar.sap.answer import Answer
from frontdesk_sidecar.sap.outcome import AMBIGUOUS_KEYS, Kind, Outcome, classify
from frontdesk_sidecar.store import Claim, Dead, Release, Retry, Settlement

NOW = 1_795_176_000 * SECOND
PACE = Pace()
CLAIM = Claim(
    customer=Customer("jane@example.com", None, None, None, None, {}),
    revision=3,
    attempts=0,
    sent_revision=0,
    sent_hash=None,
    sent_at=None,
    code=None,
    token="t",
    lease_until=NOW + 600 * SECOND,
)
REJECTED = Outcome(Kind.REJECTED, "odata.invalid_property", "refused")
TRANSIENT = Outcome(Kind.TRANSIENT, "http.500", "HTTP 500")
UNKNOWN = Outcome(Kind.TRANSIENT, "timeout", "no answer in time", is_unknown=True)
SETUP = Outcome(Kind.SETUP, "http.403", "HTTP 403")
THROTTLED = Outcome(Kind.THROTTLED, "http.429", "HTTP 429")


def claimed(attempts: int = 0, code: str | None = None) -> Claim:
    """A customer that failed so often, the last time with this code."""
    return replace(CLAIM, attempts=attempts, code=code)


def verdict(
    outcome: Outcome,
    claim: Claim = CLAIM,
    *,
    counts: bool = True,
    pace: Pace = PACE,
    elapsed_s: float = 0.0,
    chance: float = 0.999,
    is_shared: bool = False,
) -> Settlement:
    """What becomes of it."""
    return settlement_of_failure(
        claim,
        outcome,
        "m-1",
        now=NOW,
        elapsed_s=elapsed_s,
        counts=counts,
        is_shared=is_shared,
        pace=pace,
        chance=lambda: chance,
    )


@pytest.mark.parametrize(
    ("outcome", "counts", "attempts", "code", "expected"),
    [
        # refused: a few tries with the same code
        (REJECTED, True, 0, None, "counted"),
        (REJECTED, True, 1, REJECTED.code, "counted"),
        (REJECTED, True, 2, REJECTED.code, "dead"),
        (REJECTED, True, 9, REJECTED.code, "dead"),
        (REJECTED, True, 2, "timeout", "counted"),
        (REJECTED, False, 0, None, "uncounted"),
        (REJECTED, False, 99, REJECTED.code, "uncounted"),
        # a mapping that fails for these traits fails again
        (replace(REJECTED, code="mapping"), True, 0, None, "dead"),
        (replace(REJECTED, code="mapping"), True, 1, "timeout", "dead"),
        (replace(REJECTED, code="mapping"), False, 0, None, "uncounted"),
        # failed: many tries, if it is the customer's own failure
        (TRANSIENT, True, 0, None, "counted"),
        (TRANSIENT, True, 18, "timeout", "counted"),
        (TRANSIENT, True, 19, "timeout", "dead"),
        (TRANSIENT, False, 19, TRANSIENT.code, "uncounted"),
        (TRANSIENT, False, 10**6, TRANSIENT.code, "uncounted"),
        # everybody's fault: the gate waits, not the customer
        (SETUP, False, 0, None, "released"),
        (SETUP, False, 99, SETUP.code, "released"),
        (THROTTLED, False, 0, None, "released"),
        (THROTTLED, False, 99, THROTTLED.code, "released"),
    ],
)
def test_the_table(
    outcome: Outcome, counts: bool, attempts: int, code: str | None, expected: str
) -> None:
    """Each outcome, counted or not, after so many attempts, means one thing."""
    settlement = verdict(outcome, claimed(attempts, code), counts=counts)
    match settlement:
        case Dead(_, said, text, message_id):
            found = "dead"
            assert (said, text, message_id) == (outcome.code, outcome.text, "m-1")
        case Retry(_, due_at, said, text, message_id, counted):
            found = "counted" if counted else "uncounted"
            assert (said, text, message_id) == (outcome.code, outcome.text, "m-1")
            assert due_at >= NOW
        case Release(_, due_at):
            found = "released"
            assert due_at == NOW
        case _:
            found = "?"
    assert found == expected


@given(
    outcome=st.sampled_from([REJECTED, TRANSIENT, UNKNOWN, SETUP, THROTTLED]),
    attempts=st.integers(0, 10**6),
    code=st.sampled_from([None, REJECTED.code, TRANSIENT.code]),
    chance=st.floats(0, 1, exclude_max=True),
    elapsed_s=st.floats(0, 1e4),
)
def test_what_is_not_counted_never_dies(
    outcome: Outcome, attempts: int, code: str | None, chance: float, elapsed_s: float
) -> None:
    """However long an outage lasts; and every wait has a bound."""
    claim = claimed(attempts, code)
    settlement = verdict(outcome, claim, counts=False, chance=chance, elapsed_s=elapsed_s)
    assert isinstance(settlement, Retry | Release)
    assert NOW <= settlement.due_at <= NOW + 30 * 1024 * SECOND


@given(
    outcomes=st.lists(st.sampled_from([REJECTED, TRANSIENT, UNKNOWN]), min_size=1),
    first=st.sampled_from(["a", "b"]),
)
def test_what_is_counted_dies_in_the_end(outcomes: list[Outcome], first: str) -> None:
    """Whatever SAP answers in turn, and with whatever codes, nobody is tried for ever."""
    attempts, code = 0, None
    names = itertools.cycle([first, "c"])
    for outcome in itertools.islice(itertools.cycle(outcomes), 50):
        named = replace(outcome, code=next(names))
        settlement = verdict(named, claimed(attempts, code))
        if isinstance(settlement, Dead):
            assert attempts + 1 >= PACE.reject_tries
            return
        attempts, code = attempts + 1, named.code
    raise AssertionError("never a dead letter")


def test_so_many_refusals_as_are_set() -> None:
    """One is enough when the settings say so."""
    assert isinstance(verdict(REJECTED, pace=replace(PACE, reject_tries=1)), Dead)
    five = replace(PACE, reject_tries=5)
    assert isinstance(verdict(REJECTED, claimed(3, REJECTED.code), pace=five), Retry)
    assert isinstance(verdict(REJECTED, claimed(4, REJECTED.code), pace=five), Dead)


def wait_s(settlement: Settlement) -> float:
    """Seconds until it is due again."""
    assert isinstance(settlement, Retry)
    return (settlement.due_at - NOW) / SECOND


def test_refused_customers_wait_longer_each_time() -> None:
    """30 s, a minute, two; half of it by chance, so that they do not come back together."""
    for attempts, most_s in ((0, 30), (1, 60), (2, 120), (10, 30_720), (1000, 30_720)):
        claim = claimed(attempts, "another")
        many = replace(PACE, reject_tries=10**9, retry_tries=10**9)
        least = wait_s(verdict(REJECTED, claim, pace=many, chance=0.0))
        assert least == pytest.approx(most_s / 2)
        most = wait_s(verdict(REJECTED, claim, pace=many, chance=1 - 2**-53))
        assert most == pytest.approx(most_s)


def test_failed_customers_wait_by_chance_up_to_a_cap() -> None:
    """Full jitter: from nothing to twice as long each time."""
    assert wait_s(verdict(TRANSIENT, chance=0.0)) == 0
    for attempts, most_s in ((0, 2), (1, 4), (5, 64), (8, 300), (18, 300)):
        assert wait_s(verdict(TRANSIENT, claimed(attempts), chance=0.5)) == most_s / 2


@pytest.mark.parametrize(
    ("outcome", "elapsed_s", "expected_s"),
    [
        (UNKNOWN, 0.0, 61),
        (UNKNOWN, 45.0, 16),
        (UNKNOWN, 100.0, 1),
        (replace(REJECTED, is_unknown=True), 0.0, 75),
        (replace(REJECTED, is_unknown=True), 50.0, 25),
        (TRANSIENT, 0.0, 1),
    ],
)
def test_who_may_still_be_worked_on_rests(
    outcome: Outcome, elapsed_s: float, expected_s: float
) -> None:
    """Counted from when it was sent; sooner, an older state could arrive after a newer one.

    And not all at once who shared a request.
    """
    chance = 0.5 if outcome.kind is Kind.TRANSIENT else 0.0
    assert wait_s(verdict(outcome, elapsed_s=elapsed_s, chance=chance)) == expected_s


def test_whoever_was_refused_in_company_goes_alone_from_now_on() -> None:
    """A code on the row tells it apart; nothing is counted, and the gate is what waits."""
    settlement = verdict(SETUP, counts=False, is_shared=True)
    assert settlement == Retry(CLAIM, NOW, "http.403", "HTTP 403", "m-1", counted=False)
    assert isinstance(verdict(THROTTLED, counts=False, is_shared=True), Release)
    assert isinstance(verdict(SETUP, counts=False), Release)


def test_ambiguous_keys_are_a_lost_race_once() -> None:
    """Twice, the uid is somebody else's."""
    outcome = Outcome(Kind.TRANSIENT, AMBIGUOUS_KEYS)
    assert judged(outcome, claimed(), alone=False).kind is Kind.TRANSIENT
    assert judged(outcome, claimed(1, "timeout"), alone=False).kind is Kind.TRANSIENT
    assert judged(outcome, claimed(0, AMBIGUOUS_KEYS), alone=False).kind is Kind.REJECTED
    assert judged(outcome, claimed(1, AMBIGUOUS_KEYS), alone=True).kind is Kind.REJECTED


@pytest.mark.parametrize(
    ("outcome", "alone", "kind"),
    [
        (SETUP, False, Kind.SETUP),
        (SETUP, True, Kind.REJECTED),
        (TRANSIENT, True, Kind.TRANSIENT),
        (THROTTLED, True, Kind.THROTTLED),
        (REJECTED, True, Kind.REJECTED),
        (REJECTED, False, Kind.REJECTED),
    ],
)
def test_what_is_wrong_with_one_alone_is_a_refusal(
    outcome: Outcome, alone: bool, kind: Kind
) -> None:
    """Others do not wait for it; all else stays as it is."""
    found = judged(outcome, claimed(), alone=alone)
    assert found == replace(outcome, kind=kind)


def test_a_culprit_failed_twice_while_others_were_taken() -> None:
    """Once may be chance, and nobody is blamed while nobody is taken."""
    culprits = Culprits()
    assert not culprits.failed("jane", 10)
    assert not culprits.failed("jane", 10)
    assert not culprits.failed("jane", 10 + OTHERS - 1)
    assert culprits.failed("jane", 20 + OTHERS)
    assert not culprits.failed("john", 20 + OTHERS)


def test_a_culprit_is_found_however_slowly_others_come() -> None:
    """One login an hour must do: it may fail many times between two of them."""
    culprits = Culprits()
    found = [culprits.failed("jane", taken) for taken in range(20) for _ in range(10)]
    assert sum(found) >= 5


def test_who_was_taken_is_no_culprit() -> None:
    """It begins anew."""
    culprits = Culprits()
    culprits.failed("jane", 0)
    culprits.succeeded("jane")
    culprits.succeeded("nobody")
    assert not culprits.failed("jane", 100)
    assert culprits.failed("jane", 200)


def test_only_so_many_are_remembered() -> None:
    """An outage with a million customers does not fill the memory."""
    culprits = Culprits()
    for number in range(10_001):
        assert not culprits.failed(f"c{number}", 0)
    assert culprits.failed("c5000", OTHERS)
    assert not culprits.failed("c0", OTHERS)


def refused(code: str, status: int = 400) -> Outcome:
    """SAP's refusal with a code of its own."""
    error = {"error": {"code": code, "message": {"value": "refused"}}}
    return classify(Answer(status, {}, orjson.dumps(error)))


@pytest.mark.parametrize("code", ["Kowalska", "kowalska", "KOWALSKA_refused", "Kowalsk"])
def test_a_code_that_repeats_the_customer_is_none(code: str) -> None:
    """A project's own code may be a trait that is not mapped; the status says enough."""
    traits = {"company": "Kowalska Sp", "nick": "Kowalsk"}
    claim = replace(CLAIM, customer=replace(CLAIM.customer, traits=traits))
    outcome = judged(refused(code), claim, alone=False)
    assert (outcome.code, outcome.kind) == ("http.400", Kind.REJECTED)
    assert outcome.advice == advice_for("http.400")
    assert judged(refused(code), CLAIM, alone=False).code == f"odata.{code}"


def test_a_code_that_is_documented_stays() -> None:
    """Whatever the customer is called."""
    claim = replace(CLAIM, customer=replace(CLAIM.customer, traits={"company": "missing_key"}))
    assert judged(refused("missing_key"), claim, alone=False).code == "odata.missing_key"


def test_a_code_of_its_own_keeps_the_kind_of_its_status() -> None:
    """Also when it is not shown."""
    claim = replace(CLAIM, customer=replace(CLAIM.customer, traits={"company": "Kowalska"}))
    outcome = judged(refused("Kowalska", 500), claim, alone=False)
    assert (outcome.code, outcome.kind) == ("http.500", Kind.TRANSIENT)
