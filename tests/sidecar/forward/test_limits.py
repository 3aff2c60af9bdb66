"""Requests a second and at once: within their bounds, less under strain, and more again after."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk_sidecar.forward.limits import DOUBLING_S, RECOVERY_S, Concurrency, Rate

LIMITS = st.floats(min_value=0.01, max_value=10_000)
#: What a monotonic clock may say: seconds since the machine started, or since 1970.
STARTS = st.floats(min_value=0, max_value=4e9)


def sent_greedily(rate: Rate, now: float, seconds: float, most: int = 10_000) -> list[float]:
    """The times at which requests go out when there are always some to send."""
    end = now + seconds
    times: list[float] = []
    while now < end and len(times) < most:
        wait_s = rate.wait_s(now)
        if wait_s > 0:
            now += wait_s
            continue
        rate.take(now)
        times.append(now)
    return times


@given(
    limit=st.floats(min_value=0.05, max_value=200),
    start=STARTS,
    pauses=st.lists(st.tuples(st.integers(0, 40), st.floats(0, 60), st.sampled_from("  rt"))),
)
def test_in_no_window_are_there_more_than_the_limit(
    limit: float, start: float, pauses: list[tuple[int, float, str]]
) -> None:
    """At most `limit * t` and one second's burst within any time `t`, starts anew included."""
    rate, now = Rate(limit, start), start
    times: list[float] = []
    for number, pause_s, what in pauses:
        for _ in range(number):
            while (wait_s := rate.wait_s(now)) > 0:
                now += wait_s
            rate.take(now)
            times.append(now)
        if what != " ":
            rate.restart(now, throttled=what == "t")
        now += pause_s
    capacity = max(1.0, limit)
    for first, last in itertools.combinations(range(len(times)), 2):
        passed_s = times[last] - times[first]
        assert last - first + 1 <= limit * passed_s + capacity + 1e-4 * limit + 1e-6


@given(limit=LIMITS, start=STARTS, restart=st.sampled_from([None, True, False]))
def test_after_the_wait_there_is_a_token(limit: float, start: float, restart: bool | None) -> None:
    """What is waited is enough: nobody wakes in vain, whatever floats make of the sum."""
    rate, now = Rate(limit, start), start
    if restart is not None:
        rate.restart(now, throttled=restart)
    for _ in range(50):
        wait_s = rate.wait_s(now)
        assert 0 <= wait_s < math.inf
        now += wait_s
        assert rate.wait_s(now) == 0
        rate.take(now)


def test_a_second_may_be_sent_at_once_and_then_evenly() -> None:
    """A burst after a pause is one second's worth."""
    times = sent_greedily(Rate(10.0, 0.0), 0.0, 2.0)
    assert times[:10] == [0.0] * 10
    assert times[10:13] == pytest.approx([0.1, 0.2, 0.3])
    assert len(times) == pytest.approx(30, abs=1)


def test_less_than_one_a_second_works_too() -> None:
    """One every 20 seconds, and the first at once."""
    assert sent_greedily(Rate(0.05, 0.0), 0.0, 70.0) == pytest.approx([0.0, 20.0, 40.0, 60.0])


def test_a_new_start_is_slow_and_doubles() -> None:
    """From a twentieth, twice as fast every five seconds, up to the limit."""
    rate = Rate(64.0, 0.0)
    rate.restart(100.0, throttled=False)
    assert rate.current == pytest.approx(3.2)
    for doublings, expected in enumerate([3.2, 6.4, 12.8, 25.6, 51.2, 64.0, 64.0]):
        rate.wait_s(100.0 + doublings * DOUBLING_S)
        assert rate.current == pytest.approx(expected)


def test_after_throttling_half_is_reached_soon_and_all_later() -> None:
    """What SAP bore before is approached with care: five minutes from half of it to all."""
    rate = Rate(100.0, 0.0)
    rate.restart(10.0, throttled=True)
    rate.wait_s(10.0 + 10 * DOUBLING_S)
    assert rate.current == pytest.approx(50.0)
    at = 10.0 + 10 * DOUBLING_S
    rate.wait_s(at + RECOVERY_S / 2)
    assert rate.current == pytest.approx(75.0)
    rate.wait_s(at + RECOVERY_S)
    assert rate.current == pytest.approx(100.0)
    rate.wait_s(at + 10 * RECOVERY_S)
    assert rate.current == 100.0


def test_repeated_throttling_halves_again_down_to_a_floor() -> None:
    """The rate that is come back to falls each time, never to nothing."""
    rate, now, reached = Rate(100.0, 0.0), 0.0, []
    for _ in range(8):
        rate.restart(now, throttled=True)
        for _ in range(200):
            now += 0.1
            rate.wait_s(now)
        reached.append(rate.current)
    assert reached[0] == pytest.approx(50, rel=0.1)
    assert all(after < before for before, after in itertools.pairwise(reached[:4]))
    assert min(reached) >= 5.0


def test_a_start_after_other_failures_does_not_halve() -> None:
    """SAP was down; that says nothing about what it bears."""
    rate = Rate(100.0, 0.0)
    for _ in range(5):
        rate.restart(0.0, throttled=False)
    rate.wait_s(60.0)
    assert rate.current == 100.0


def test_a_new_start_gives_no_token_away() -> None:
    """Who spent the burst has to wait, started anew or not."""
    rate = Rate(10.0, 0.0)
    for _ in range(10):
        rate.take(0.0)
    rate.restart(0.0, throttled=True)
    assert rate.wait_s(0.0) > 0


@given(limit=LIMITS, jumps=st.lists(st.floats(-1e6, 1e6)))
def test_a_clock_that_jumps_does_no_harm(limit: float, jumps: list[float]) -> None:
    """Back and forth: the rate stays within its bounds, and a wait is never endless."""
    rate, now = Rate(limit, 0.0), 0.0
    for number, jump in enumerate(jumps):
        now += jump
        if number % 3 == 0:
            rate.restart(now, throttled=number % 2 == 0)
        assert 0 <= rate.wait_s(now) <= 1 / (0.05 * limit) * 1.01
        assert 0.05 * limit * 0.99 <= rate.current <= limit
        if rate.wait_s(now) == 0:
            rate.take(now)


FAST_S = 0.1


def rounds(
    concurrency: Concurrency,
    number: int,
    elapsed_s: float = FAST_S,
    *,
    customers: int = 1,
    strained: bool = False,
    busy: bool = True,
) -> int:
    """So many rounds of equal answers; the limit after them."""
    for _ in range(number):
        for _ in range(concurrency.limit):
            concurrency.finished(elapsed_s, customers=customers, strained=strained, busy=busy)
    return concurrency.limit


def test_it_rises_by_one_a_round_up_to_the_most() -> None:
    """While all goes well and all of it is used."""
    concurrency = Concurrency(1, 8)
    assert concurrency.limit == 4
    assert [rounds(concurrency, 1) for _ in range(6)] == [5, 6, 7, 8, 8, 8]
    assert concurrency.most == 8


def test_it_does_not_rise_when_it_is_not_used() -> None:
    """A limit that nobody reached was not shown to be borne."""
    concurrency = Concurrency(1, 8)
    assert rounds(concurrency, 20, busy=False) == 4


def test_it_falls_under_strain_down_to_the_least() -> None:
    """A tenth a round; never to none, so that something always goes on."""
    concurrency = Concurrency(1, 20, start=20)
    found = [rounds(concurrency, 1, strained=True) for _ in range(60)]
    assert found[:3] == [18, 16, 14]
    assert found == sorted(found, reverse=True)
    assert found[-1] == 1


def test_one_failure_of_a_round_is_strain() -> None:
    """The round's other answers do not outweigh it."""
    concurrency = Concurrency(1, 20, start=10)
    concurrency.finished(FAST_S, customers=1, strained=True, busy=True)
    for _ in range(9):
        concurrency.finished(FAST_S, customers=1, strained=False, busy=True)
    assert concurrency.limit == 9


def test_it_falls_when_answers_take_longer() -> None:
    """A queue builds up in SAP: that is noticed before anything fails."""
    concurrency = Concurrency(1, 20, start=10)
    rounds(concurrency, 20)
    before = concurrency.limit
    assert rounds(concurrency, 1, 3 * FAST_S) < before


def test_noise_is_not_strain() -> None:
    """Milliseconds more or less do not matter, nor does what varied all the time."""
    concurrency = Concurrency(1, 20, start=10)
    for number in range(30):
        rounds(concurrency, 1, 0.002 + 0.004 * (number % 2))
    assert concurrency.limit == 20
    concurrency = Concurrency(1, 20, start=10)
    for number in range(40):
        rounds(concurrency, 1, FAST_S * (1 + number % 2))
    assert concurrency.limit > 15


def test_a_higher_latency_becomes_the_usual_one() -> None:
    """A SAP that is slower for good is not starved of requests for good."""
    concurrency = Concurrency(1, 20, start=20)
    rounds(concurrency, 20)
    assert rounds(concurrency, 1, 5 * FAST_S) < 20
    assert rounds(concurrency, 30, 5 * FAST_S) == 20


def test_batches_are_compared_with_batches() -> None:
    """That a `$batch` takes longer than a single post is no strain, in either order."""
    concurrency = Concurrency(1, 20, start=4)
    for _ in range(8):
        rounds(concurrency, 1)
        rounds(concurrency, 1, 50 * FAST_S, customers=100)
    assert concurrency.limit == 20


def test_a_larger_batch_may_take_longer() -> None:
    """The time counts for each customer."""
    concurrency = Concurrency(1, 20, start=4)
    for number in range(16):
        customers = 20 + 5 * number
        rounds(concurrency, 1, customers * FAST_S, customers=customers)
    assert concurrency.limit == 20


def test_a_new_start_begins_with_the_fewest() -> None:
    """After a silence, and grows from there."""
    concurrency = Concurrency(2, 8)
    rounds(concurrency, 5)
    concurrency.restart()
    assert concurrency.limit == 2
    assert rounds(concurrency, 10) == 8


def test_half_a_round_from_before_a_new_start_is_forgotten() -> None:
    """Its failures were what the silence was for."""
    concurrency = Concurrency(3, 8)
    concurrency.finished(FAST_S, customers=1, strained=True, busy=True)
    concurrency.restart()
    assert rounds(concurrency, 1) == 4


@given(
    least=st.integers(1, 64),
    most=st.integers(1, 64),
    start=st.integers(0, 100),
    answers=st.lists(
        st.tuples(st.floats(0, 1e6), st.integers(1, 200), st.booleans(), st.booleans()),
        max_size=300,
    ),
    restart_at=st.integers(0, 300),
)
def test_the_bounds_always_hold(
    least: int,
    most: int,
    start: int,
    answers: list[tuple[float, int, bool, bool]],
    restart_at: int,
) -> None:
    """Whatever comes: at least one, at least the least, at most the most."""
    concurrency = Concurrency(least, most, start)
    for number, (elapsed_s, customers, strained, busy) in enumerate(answers):
        assert max(1, min(least, most)) <= concurrency.limit <= most
        if number == restart_at:
            concurrency.restart()
        concurrency.finished(elapsed_s, customers=customers, strained=strained, busy=busy)
    assert max(1, min(least, most)) <= concurrency.limit <= most
