"""The gate: whether anything may be sent, whatever SAP answers and in whatever order."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from frontdesk_sidecar.forward.gate import FAILURES, Gate, Permit, Why
from frontdesk_sidecar.forward.guard import LEAST, LEAST_AT_FIRST
from frontdesk_sidecar.forward.pace import Pace
from frontdesk_sidecar.sap.outcome import Kind, Outcome

PACE = Pace()
#: What SAP may ask for at most, see `answer.retry_after_s`; longer than every wait of our own.
LONGEST_S = 900.0
DELIVERED = Outcome(Kind.DELIVERED, "http.201")
TRANSIENT = Outcome(Kind.TRANSIENT, "http.502", "HTTP 502", "wait")
REJECTED = Outcome(Kind.REJECTED, "odata.invalid_attribute_value", "refused", "look")
SETUP = Outcome(Kind.SETUP, "http.403", "HTTP 403", "give it rights")
THROTTLED = Outcome(Kind.THROTTLED, "http.429", "HTTP 429", "send less")
OF_KIND = {
    outcome.kind: outcome
    for outcome in (
        DELIVERED,
        TRANSIENT,
        REJECTED,
        SETUP,
        THROTTLED,
        Outcome(Kind.UNCHANGED, "unchanged"),
    )
}


def throttled(retry_after_s: float | None) -> Outcome:
    """A 429 that asks for so much silence."""
    return Outcome(Kind.THROTTLED, "http.429", retry_after_s=retry_after_s)


def shut_for(why: Why, now: float = 0.0, gate: Gate | None = None) -> Gate:
    """A gate that SAP's answers shut for this reason; somebody was taken before."""
    gate = gate or Gate(PACE)
    gate.heed(DELIVERED, "first", now)
    outcomes: dict[Why, tuple[Outcome, int]] = {
        Why.THROTTLED: (THROTTLED, 1),
        Why.SETUP: (SETUP, 1),
        Why.FAILING: (TRANSIENT, FAILURES),
        Why.REJECTIONS: (REJECTED, LEAST),
    }
    outcome, times = outcomes[why]
    for number in range(times):
        assert gate.is_open
        gate.heed(outcome, f"c{number}", now)
    assert gate.shut is not None
    assert gate.shut.why is why
    return gate


def tried(gate: Gate, outcome: Outcome, now: float, key: str = "tried") -> None:
    """The gate's one customer was tried at its time, with this answer."""
    assert gate.permit(now) is Permit.ONE
    gate.begin_try()
    assert gate.permit(now) is Permit.NONE
    gate.heed(outcome, key, now, is_try=True)


def next_in(gate: Gate, now: float) -> float:
    """Seconds until the next try; that there is none sooner is checked."""
    assert gate.shut is not None
    wait_s = gate.shut.next_at - now
    assert gate.permit(gate.shut.next_at - 0.001) is Permit.NONE
    assert gate.permit(gate.shut.next_at) is Permit.ONE
    return wait_s


def waits(why: Why, outcome: Outcome, times: int = 8) -> list[float]:
    """The waits before each of so many tries that all get this answer."""
    gate, now = shut_for(why), 0.0
    found = []
    for _ in range(times):
        found.append(next_in(gate, now))
        now += found[-1]
        tried(gate, outcome, now)
    return found


def test_everything_may_be_sent_at_first() -> None:
    """Nothing is held back before SAP said anything."""
    gate = Gate(PACE)
    assert gate.is_open
    assert gate.permit(0.0) is Permit.ALL
    assert gate.document(0.0) is None


@pytest.mark.parametrize(
    ("why", "outcome", "expected"),
    [
        (Why.SETUP, SETUP, [30, 60, 120, 240, 300, 300, 300, 300]),
        (Why.SETUP, TRANSIENT, [30, 60, 120, 240, 300, 300, 300, 300]),
        (Why.REJECTIONS, REJECTED, [30, 60, 120, 240, 300, 300, 300, 300]),
        (Why.FAILING, TRANSIENT, [10, 20, 40, 60, 60, 60, 60, 60]),
        (Why.THROTTLED, THROTTLED, [10, 20, 40, 80, 120, 120, 120, 120]),
    ],
)
def test_waits_grow_while_tries_fail_up_to_a_cap(
    why: Why, outcome: Outcome, expected: list[float]
) -> None:
    """Nobody is asked more often than that, and never again seldom enough to be forgotten."""
    assert waits(why, outcome) == expected


def test_failures_shut_it_only_in_a_row() -> None:
    """SAP that answers one of them is not down."""
    gate = Gate(PACE)
    for number in range(3 * FAILURES):
        gate.heed(REJECTED if number % FAILURES == 0 else TRANSIENT, f"c{number}", 0.0)
    assert gate.is_open
    gate.heed(TRANSIENT, "x", 0.0)
    assert gate.shut is not None
    assert gate.shut.why is Why.FAILING


def test_one_customer_that_fails_stops_nobody() -> None:
    """On a quiet site SAP may have nobody else to answer for between its failures."""
    gate = Gate(PACE)
    for _ in range(3 * FAILURES):
        gate.heed(TRANSIENT, "sick", 0.0)
    assert gate.is_open
    for number in range(FAILURES - 1):
        gate.heed(TRANSIENT, f"c{number}", 0.0)
    assert gate.shut is not None
    assert gate.shut.why is Why.FAILING


def test_a_wait_that_sap_asks_for_is_kept() -> None:
    """`Retry-After` makes it longer, never shorter."""
    for asked_s, expected in ((None, 10), (0.0, 10), (3.0, 10), (700.0, 700)):
        gate = Gate(PACE)
        gate.heed(throttled(asked_s), "x", 5.0)
        assert next_in(gate, 5.0) == expected


def test_each_late_429_starts_the_silence_anew() -> None:
    """SAP's WAF counts its cool-down from the last request, also from those under way."""
    gate = shut_for(Why.THROTTLED)
    gate.heed(THROTTLED, "late", 8.0)
    assert next_in(gate, 8.0) == 10
    gate.heed(throttled(60.0), "later", 9.0)
    assert next_in(gate, 9.0) == 60
    gate.heed(THROTTLED, "latest", 10.0)
    assert next_in(gate, 9.0) == 60


def test_late_good_news_opens_nothing() -> None:
    """What was sent before it shut says nothing about now; only the try does."""
    for why in (Why.SETUP, Why.REJECTIONS, Why.FAILING, Why.THROTTLED):
        gate = shut_for(why)
        taken = gate.taken
        gate.heed(DELIVERED, "late", 1.0)
        assert gate.taken == taken + 1
        assert gate.shut is not None
        assert gate.shut.why is why


@pytest.mark.parametrize("why", [Why.FAILING, Why.THROTTLED])
def test_late_news_of_a_setup_fault_replaces_a_lesser_reason(why: Why) -> None:
    """What a person must set right is to be said at once."""
    gate = shut_for(why)
    gate.heed(SETUP, "late", 1.0)
    assert gate.shut is not None
    assert (gate.shut.why, gate.shut.code) == (Why.SETUP, SETUP.code)


def test_a_setup_fault_does_not_end_the_silence_early() -> None:
    """Neither that news nor a hand that was quick to set it right spares SAP's cool-down."""
    gate = Gate(PACE)
    gate.heed(throttled(600.0), "x", 0.0)
    gate.heed(SETUP, "late", 1.0)
    assert next_in(gate, 0.0) == 600
    gate.try_now(2.0)
    assert next_in(gate, 0.0) == 600


def test_a_429_of_the_try_is_kept_when_something_is_set_right() -> None:
    """A gate shut for setup that hears 429 late waits for the cool-down, whoever asks."""
    gate = shut_for(Why.SETUP)
    gate.heed(THROTTLED, "late", 1.0)
    gate.try_now(2.0)
    assert next_in(gate, 1.0) == 10


@pytest.mark.parametrize("by_try", [True, False])
def test_mass_refusals_are_noticed_while_it_is_shut_too(by_try: bool) -> None:
    """Refusals that come late, or before anything is sent, count as those before did."""
    gate = Gate(PACE)
    for number in range(LEAST_AT_FIRST - 1):
        gate.heed(REJECTED, f"c{number}", 0.0)
    gate.heed(TRANSIENT if by_try else SETUP, "x", 0.0)
    for number in range(FAILURES):
        gate.heed(TRANSIENT, f"t{number}", 0.0)
    gate.heed(REJECTED, "one more", 1.0)
    assert gate.shut is not None
    assert gate.shut.why is Why.REJECTIONS


#: (why it is shut, what the try got) -> why it stays shut; None: open
AFTER_TRY: dict[tuple[Why, Kind], Why | None] = {
    **{(why, Kind.DELIVERED): None for why in Why},
    **{(why, Kind.UNCHANGED): None for why in Why},
    **{(why, Kind.SETUP): Why.SETUP for why in Why},
    **{(why, Kind.THROTTLED): Why.THROTTLED for why in Why},
    (Why.THROTTLED, Kind.REJECTED): None,
    (Why.FAILING, Kind.REJECTED): None,
    (Why.SETUP, Kind.REJECTED): None,
    (Why.REJECTIONS, Kind.REJECTED): Why.REJECTIONS,
    (Why.THROTTLED, Kind.TRANSIENT): Why.FAILING,
    (Why.FAILING, Kind.TRANSIENT): Why.FAILING,
    (Why.SETUP, Kind.TRANSIENT): Why.SETUP,
    (Why.REJECTIONS, Kind.TRANSIENT): Why.REJECTIONS,
}


@pytest.mark.parametrize(
    ("why", "kind"),
    [*itertools.product([why for why in Why if why is not Why.HAND], Kind)],
)
def test_the_try_decides(why: Why, kind: Kind) -> None:
    """Every outcome of a try has one meaning, for each reason."""
    gate = shut_for(why)
    assert gate.shut is not None
    since = gate.shut.since
    tried(gate, OF_KIND[kind], gate.shut.next_at)
    expected = AFTER_TRY[why, kind]
    assert (gate.shut and gate.shut.why) is expected
    if gate.shut is not None:
        assert gate.shut.since == since


def test_what_is_said_is_the_reason_s_own() -> None:
    """A timeout of the try does not hide that rights are missing."""
    gate = shut_for(Why.SETUP)
    tried(gate, TRANSIENT, 30.0)
    assert gate.shut is not None
    assert (gate.shut.code, gate.shut.text, gate.shut.advice) == (
        SETUP.code,
        SETUP.text,
        SETUP.advice,
    )
    tried(gate, Outcome(Kind.SETUP, "http.404", "HTTP 404"), 90.0)
    assert (gate.shut.code, gate.shut.text, gate.shut.advice) == (
        "http.404",
        "HTTP 404",
        SETUP.advice,
    )


def test_after_opening_it_counts_anew() -> None:
    """What was before it opened does not shut it again."""
    gate = shut_for(Why.FAILING)
    tried(gate, DELIVERED, 10.0)
    for number in range(FAILURES - 1):
        gate.heed(TRANSIENT, f"t{number}", 10.0)
    assert gate.is_open
    gate = shut_for(Why.REJECTIONS)
    tried(gate, DELIVERED, 30.0)
    for number in range(LEAST - 1):
        gate.heed(REJECTED, f"c{number}", 30.0)
    assert gate.is_open


def test_a_try_that_was_not_sent_may_be_made_again() -> None:
    """A try that came to nothing does not block the next one."""
    gate = shut_for(Why.SETUP)
    gate.begin_try()
    assert gate.permit(1000.0) is Permit.NONE
    gate.end_try()
    assert gate.permit(1000.0) is Permit.ONE


@pytest.mark.parametrize(
    ("why", "at_once"),
    [
        (Why.SETUP, True),
        (Why.REJECTIONS, True),
        (Why.FAILING, False),
        (Why.THROTTLED, False),
    ],
)
def test_what_was_set_right_is_tried_at_once(why: Why, at_once: bool) -> None:
    """A new secret helps against a setup fault, not against SAP being down or busy."""
    gate = shut_for(why)
    gate.try_now(1.0)
    assert (gate.permit(1.0) is Permit.ONE) is at_once


@pytest.mark.parametrize(
    ("why", "at_once"),
    [(why, why is not Why.THROTTLED) for why in Why if why is not Why.HAND],
)
def test_a_person_has_everything_tried_but_what_saps_silence_is_for(
    why: Why, at_once: bool
) -> None:
    """Whoever brought SAP back knows it sooner than the next try."""
    gate = shut_for(why)
    gate.try_now(1.0, by_hand=True)
    assert (gate.permit(1.0) is Permit.ONE) is at_once


def test_a_person_does_not_shorten_saps_silence_behind_another_reason() -> None:
    """429 came while SAP failed."""
    gate = shut_for(Why.FAILING)
    gate.heed(THROTTLED, "late", 1.0)
    gate.try_now(2.0, by_hand=True)
    assert gate.permit(10.5) is Permit.NONE


def test_asking_late_does_not_put_the_try_off() -> None:
    """A try that is due already stays due."""
    gate = shut_for(Why.SETUP)
    gate.try_now(100.0)
    assert gate.permit(50.0) is Permit.ONE


def test_trying_now_needs_nothing_shut() -> None:
    """Nothing happens to an open gate."""
    gate = Gate(PACE)
    gate.try_now(1.0)
    assert gate.is_open


def test_a_hand_wins_over_everything_and_changes_nothing_else() -> None:
    """Paused by hand nothing is sent, and afterwards it stands as if nobody had paused it."""
    gate = Gate(PACE)
    gate.by_hand = True
    assert gate.permit(0.0) is Permit.NONE
    assert not gate.is_open
    gate.heed(SETUP, "late", 0.0)
    assert gate.permit(10_000.0) is Permit.NONE
    gate.try_now(1.0)
    assert gate.permit(1.0) is Permit.NONE
    gate.reopen()
    assert gate.permit(1.0) is Permit.NONE
    gate.by_hand = False
    assert gate.permit(1.0) is Permit.ALL


def restarted(gate: Gate, now: float, later: float, *, passed_s: float = 0.0) -> Gate:
    """The gate of the next process, whose clock says `later`."""
    note = json.loads(json.dumps(gate.document(now)))
    again = Gate(PACE)
    again.restore(note, later, passed_s=passed_s)
    return again


@pytest.mark.parametrize("why", [Why.SETUP, Why.REJECTIONS, Why.FAILING])
def test_a_restart_tries_at_once_and_remembers_why(why: Why) -> None:
    """The restart may be what was missing; if not, the wait goes on growing."""
    gate = shut_for(why, now=100.0)
    assert gate.shut is not None
    again = restarted(gate, 150.0, 7.0, passed_s=20.0)
    assert again.shut is not None
    assert again.shut.since == 7.0 - 50.0 - 20.0
    assert (again.shut.why, again.shut.wait_s) == (why, gate.shut.wait_s)
    assert (again.shut.code, again.shut.text, again.shut.advice) == (
        gate.shut.code,
        gate.shut.text,
        gate.shut.advice,
    )
    outcome = {Why.SETUP: SETUP, Why.REJECTIONS: REJECTED, Why.FAILING: TRANSIENT}[why]
    tried(again, outcome, 7.0)
    assert next_in(again, 7.0) == 2 * gate.shut.wait_s


@pytest.mark.parametrize(
    ("asked_s", "passed_s", "expected"),
    [(None, 0.0, 10), (None, 500.0, 10), (300.0, 0.0, 300), (300.0, 100.0, 200), (300.0, -5, 300)],
)
def test_a_restart_does_not_end_the_silence(
    asked_s: float | None, passed_s: float, expected: float
) -> None:
    """SAP's cool-down goes on, and so does what it asked for; a clock set back changes nothing."""
    gate = Gate(PACE)
    gate.heed(throttled(asked_s), "x", 0.0)
    again = restarted(gate, 0.0, 1000.0, passed_s=passed_s)
    assert next_in(again, 1000.0) == expected


def test_a_restart_does_not_end_a_silence_behind_another_reason() -> None:
    """A late 403 is what is to be set right; SAP wants silence all the same."""
    gate = Gate(PACE)
    gate.heed(throttled(300.0), "x", 0.0)
    gate.heed(SETUP, "y", 1.0)
    assert gate.shut is not None
    assert gate.shut.why is Why.SETUP
    assert gate.is_quiet(299.0)
    again = restarted(gate, 2.0, 1000.0, passed_s=98.0)
    assert next_in(again, 1000.0) == 200.0
    assert again.is_quiet(1199.0)
    assert not again.is_quiet(1200.0)


NOTE: dict[str, Any] = {
    "why": "setup",
    "age_s": 5.0,
    "wait_s": 30.0,
    "code": "http.403",
    "text": "",
    "advice": "",
}


@pytest.mark.parametrize(
    "junk",
    [
        None,
        [],
        "setup",
        7,
        {},
        NOTE | {"why": "bored"},
        NOTE | {"why": None},
        NOTE | {"why": ["setup"]},
        NOTE | {"why": "hand"},
        NOTE | {"wait_s": "soon"},
        NOTE | {"wait_s": None},
        NOTE | {"wait_s": "nan"},
        NOTE | {"wait_s": -1},
        NOTE | {"wait_s": 0},
        NOTE | {"wait_s": 1e300},
        NOTE | {"age_s": {}},
        NOTE | {"age_s": "inf"},
        NOTE | {"age_s": 1e300},
        NOTE | {"age_s": 10**400},
        {name: value for name, value in NOTE.items() if name != "code"},
    ],
)
def test_a_note_that_cannot_be_meant_counts_for_nothing(junk: Any) -> None:
    """The gate is open then: the first answer tells how things are."""
    gate = Gate(PACE)
    gate.restore(junk, 5.0)
    assert gate.is_open


class GateMachine(RuleBasedStateMachine):
    """A gate, and a forwarder that keeps to its permits."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.gate = Gate(PACE)
        self.under_way = 0
        self.trying = False
        self.quiet_until = 0.0
        self.names = itertools.count()

    def answered(self, kind: Kind, wait_s: float | None, *, is_try: bool) -> None:
        """SAP answered a request."""
        outcome = OF_KIND[kind]
        if kind is Kind.THROTTLED:
            outcome = throttled(wait_s)
            self.quiet_until = max(self.quiet_until, self.now + max(PACE.quiet_s, wait_s or 0.0))
        self.gate.heed(outcome, f"c{next(self.names)}", self.now, is_try=is_try)

    @rule(seconds=st.sampled_from([0.0, 0.001, 1.0, 9.99, 10.0, 30.0, 299.0, 900.0]))
    def time_passes(self, seconds: float) -> None:
        """The clock goes on."""
        self.now += seconds

    @precondition(lambda self: self.gate.permit(self.now) is Permit.ALL)
    @rule(number=st.integers(1, 25))
    def send(self, number: int) -> None:
        """Requests go out."""
        self.under_way += number

    @precondition(lambda self: self.under_way > 0)
    @rule(
        kinds=st.lists(st.sampled_from(Kind), min_size=1, max_size=4),
        wait_s=st.sampled_from([None, 0.0, 20.0, LONGEST_S]),
        number=st.integers(1, 25),
    )
    def answer(self, kinds: list[Kind], wait_s: float | None, number: int) -> None:
        """Some come back."""
        for kind in itertools.islice(itertools.cycle(kinds), min(number, self.under_way)):
            self.under_way -= 1
            self.answered(kind, wait_s, is_try=False)

    @precondition(lambda self: self.gate.permit(self.now) is Permit.ONE and not self.under_way)
    @rule()
    def begin_try(self) -> None:
        """The one goes out."""
        assert not self.trying
        self.gate.begin_try()
        self.trying = True

    @precondition(lambda self: self.trying)
    @rule(kind=st.sampled_from(Kind), wait_s=st.none() | st.floats(0, LONGEST_S))
    def answer_try(self, kind: Kind, wait_s: float | None) -> None:
        """The one comes back."""
        self.trying = False
        self.answered(kind, wait_s, is_try=True)
        if kind in (Kind.DELIVERED, Kind.UNCHANGED):
            assert self.gate.shut is None

    @precondition(lambda self: self.trying)
    @rule()
    def give_the_try_up(self) -> None:
        """The one was not sent after all."""
        self.trying = False
        self.gate.end_try()

    @rule()
    def set_something_right(self) -> None:
        """A secret changed."""
        self.gate.try_now(self.now)

    @rule(by_hand=st.booleans())
    def pause_or_resume(self, by_hand: bool) -> None:
        """A person decides."""
        self.gate.by_hand = by_hand

    @rule(later_s=st.floats(-1e6, 1e6))
    def restart(self, later_s: float) -> None:
        """A new process, at once, with another clock."""
        note = json.loads(json.dumps(self.gate.document(self.now)))
        rest_s = max(0.0, self.quiet_until - self.now)
        was = self.gate.shut
        self.now += later_s
        self.gate = Gate(PACE)
        self.gate.restore(note, self.now)
        self.under_way, self.trying = 0, False
        # Of a cool-down that is not the reason, nothing is kept.
        is_kept = was is not None and was.why is Why.THROTTLED
        self.quiet_until = self.now + (min(rest_s, PACE.quiet_s) if is_kept else 0.0)

    @invariant()
    def silence_is_kept(self) -> None:
        """Nothing goes out within a cool-down."""
        if self.now < self.quiet_until:
            assert self.gate.permit(self.now) is Permit.NONE
            # Nor would anything at its end, if only time passed.
            assert self.gate.permit(self.quiet_until - 1e-3) is Permit.NONE

    @invariant()
    def one_try_at_a_time(self) -> None:
        """While one is under way there is no other, and never everything."""
        if self.trying:
            assert self.gate.permit(self.now + 1e9) is Permit.NONE or self.gate.is_open

    @invariant()
    def a_hand_wins(self) -> None:
        """Whatever else there is."""
        if self.gate.by_hand:
            assert self.gate.permit(self.now) is Permit.NONE
            assert self.gate.permit(self.now + 1e9) is Permit.NONE

    @invariant()
    def it_is_never_stuck(self) -> None:
        """Time alone gives a permit, and not too late."""
        if not self.gate.by_hand and not self.trying:
            assert self.gate.permit(self.now + LONGEST_S + 1e-3) is not Permit.NONE


TestGateMachine = GateMachine.TestCase
TestGateMachine.settings = settings(stateful_step_count=30, deadline=None)
