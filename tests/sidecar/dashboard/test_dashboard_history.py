"""The rings: what is in them, what is not any more, and that they stay as large as they are."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk_sidecar.dashboard.history import EDGES_S, MINUTES, SECONDS, History, Ring, quantile

START = 1_000_000.0


def test_what_was_counted_is_there_and_then_is_gone() -> None:
    """By the second for minutes, by the minute for a day."""
    history = History(START)
    history.count(START, "messages", 3)
    history.count(START + 59, "messages")
    assert history.total(START + 59, "messages", seconds=60) == 4
    assert history.total(START + 60, "messages", seconds=60) == 1
    assert history.total(START + SECONDS + 60, "messages", seconds=SECONDS) == 0
    assert history.total_minutes(START + 60, "messages", 60) == 4
    assert history.total_minutes(START + 86_400 + 120, "messages", MINUTES) == 0


def test_a_series_ends_now_and_knows_when_it_began() -> None:
    """Before the start nothing is known; since then nothing happened is a zero."""
    history = History(START)
    history.count(START + 125, "delivered", 7)
    hour = history.series(START + 125, 60, 1)
    assert len(hour["delivered"]) == 60
    assert hour["delivered"][-4:] == [None, 0, 0, 7]
    assert hour["delivered"][0] is None
    recent = history.recent(START + 125, 5)
    assert len(recent["delivered"]) == SECONDS // 5
    assert recent["delivered"][-1] == 7


def test_a_part_of_what_is_measured_is_its_highest() -> None:
    """None where nobody looked."""
    start = 600_000.0
    history = History(start)
    history.measure(start, "pending", 5)
    history.measure(start + 60, "pending", 9)
    history.measure(start + 60.5, "pending", 2)
    assert history.series(start + 60, 4, 2)["pending"] == [None, 5]
    assert history.series(start + 180, 4, 2)["pending"] == [5, None]
    assert history.recent(start + 60, 5)["pending"][-1] == 2


def test_latencies_come_as_quantiles() -> None:
    """Within the bucket that they fell into."""
    history = History(START)
    assert history.latency(START, 5) == {"count": 0, "p50": None, "p95": None, "p99": None}
    for _ in range(98):
        history.arrived(START, 0.12)
    for _ in range(2):
        history.arrived(START, 700.0)
    told = history.latency(START + 60, 5)
    assert told["count"] == 100
    assert told["p50"] is not None
    assert 0.1 <= told["p50"] <= 0.15
    assert told["p95"] is not None
    assert told["p95"] <= 0.15
    assert told["p99"] is not None
    assert 600 <= told["p99"] <= 1800
    assert history.latencies(START + 60, 5, 1, 0.5)[-1] is None


@given(st.lists(st.integers(0, 50), min_size=len(EDGES_S) + 1, max_size=len(EDGES_S) + 1))
def test_quantiles_are_in_order(buckets: list[int]) -> None:
    """And never beyond the last edge."""
    shares = [quantile(buckets, share) for share in (0.5, 0.95, 0.99)]
    if not any(buckets):
        assert shares == [None] * 3
    else:
        known = [one for one in shares if one is not None]
        assert known == sorted(known)
        assert len(known) == 3
        assert 0 <= known[0] <= known[2] <= EDGES_S[-1]


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 9)), max_size=60))
def test_a_ring_is_as_a_list_that_forgets(events: list[tuple[int, int]]) -> None:
    """Whatever comes, in the order of the clock."""
    ring, clock = Ring(2, 10, [0]), 0
    known: dict[int, int] = {}
    for step, amount in events:
        clock += step
        ring.add(clock, 0, amount)
        known[clock // 2] = known.get(clock // 2, 0) + amount
    last = clock // 2
    rows = [row[0] for row in ring.rows(clock, 10)]
    assert rows == [known.get(number, 0) for number in range(last - 9, last + 1)]


def test_it_stays_as_large_as_it_is() -> None:
    """However much happens."""
    history = History(START)

    def size() -> int:
        rings = (history._seconds, history._minutes, history._latencies)
        return sum(sys.getsizeof(ring._cells) + sys.getsizeof(ring._numbers) for ring in rings)

    before = size()
    for second in range(0, 200_000, 7):
        history.count(START + second, "delivered")
        history.measure(START + second, "pending", second)
        history.arrived(START + second, second / 10)
    assert size() == before < 600_000


@pytest.mark.parametrize("name", ["nothing", ""])
def test_a_name_that_is_none_is_a_mistake(name: str) -> None:
    """There are no columns made up."""
    with pytest.raises(KeyError):
        History(START).count(START, name)
