"""One turn in the store: who is claimed, in which company, and what is settled with it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from frontdesk.event import Identify
from frontdesk_sidecar.customer import Customer
from frontdesk_sidecar.forward.draw import GATE, Draw, Turn, Wish, chunks, settle_and_claim
from frontdesk_sidecar.store import (
    DEFAULT_TARGET,
    Claim,
    Dead,
    Delivered,
    Retry,
    Settlement,
    StoreFull,
    Which,
)
from frontdesk_sidecar.store.sqlite import SQLiteStore

SECOND = 1_000_000
NOW = 1_795_176_000 * SECOND
LEASE = 600 * SECOND


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    """An empty store."""
    with closing(SQLiteStore.open(tmp_path / "store.db")) as opened:
        yield opened


def absorb(store: SQLiteStore, *names: str, at: int = 0) -> None:
    """These customers logged in and are due, one after the other."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=NOW - SECOND)
    for number, name in enumerate(names):
        email = f"{name}@example.com"
        message = Identify(f"{name}-{at}", moment, name, {"email": email, "at": str(at)})
        store.absorb([message], {}, NOW - 1000 + number)


def absorb_failed(store: SQLiteStore, *names: str) -> None:
    """These failed once before and are due again."""
    absorb(store, *names)
    claims = store.claim(len(names), NOW, LEASE)
    assert len(claims) == len(names)
    store.settle([Retry(claim, NOW, "http.500", "") for claim in claims], NOW)


def turn(
    *finished: Settlement,
    wish: Wish | None = None,
    now: int = NOW,
    wronged_since: int | None = None,
    gate: Any = False,
) -> Turn:
    """A turn that does little, unless told to do more."""
    return Turn(finished, wish or Wish(), now, LEASE, wronged_since, gate)


def names(draw: Draw) -> list[list[str]]:
    """Who goes in which request."""
    return [[claim.key.removesuffix("@example.com") for claim in one] for one in draw.requests]


def drawn(store: SQLiteStore, wish: Wish) -> list[list[str]]:
    """Who is drawn by one turn."""
    return names(settle_and_claim(store, turn(wish=wish)))


def test_nothing_is_claimed_unless_wished(store: SQLiteStore) -> None:
    """A turn may settle alone."""
    absorb(store, "a", "b")
    assert drawn(store, Wish()) == []
    assert store.counts(NOW).due == 2


def test_the_longest_due_go_first(store: SQLiteStore) -> None:
    """Nobody is overtaken, and nobody is claimed twice."""
    absorb(store, "c", "a", "b", "d")
    assert drawn(store, Wish(requests=2)) == [["c"], ["a"]]
    assert drawn(store, Wish(requests=2)) == [["b"], ["d"]]
    assert drawn(store, Wish(requests=2)) == []


def test_failed_ones_have_their_places(store: SQLiteStore) -> None:
    """However many fresh ones are due, and no more than their places."""
    absorb_failed(store, "f1", "f2", "f3")
    absorb(store, "a", "b", "c", "d")
    assert drawn(store, Wish(requests=4, failed_first=1)) == [["f1"], ["a"], ["b"], ["c"]]
    assert drawn(store, Wish(requests=4, failed_first=1)) == [["f2"], ["f3"], ["d"]]


def test_fresh_ones_come_before_failed_ones(store: SQLiteStore) -> None:
    """Without places of their own, failed ones get what is left over."""
    absorb_failed(store, "f1", "f2", "f3")
    absorb(store, "a", "b")
    assert drawn(store, Wish(requests=3)) == [["f1"], ["a"], ["b"]]
    assert drawn(store, Wish(requests=3)) == [["f2"], ["f3"]]


def test_places_that_no_failed_one_needs_are_for_fresh_ones(store: SQLiteStore) -> None:
    """No place stays empty while somebody is due."""
    absorb(store, "a", "b", "c")
    assert drawn(store, Wish(requests=3, failed_first=2)) == [["a"], ["b"], ["c"]]


def test_a_backlog_goes_in_even_batches_sorted_by_key(store: SQLiteStore) -> None:
    """As few as can hold them; SAP's locks are then taken in one order."""
    absorb(store, "e", "d", "c", "b", "a", "g", "f")
    wish = Wish(requests=5, per_request=3, batch_above=4)
    assert drawn(store, wish) == [["a", "b"], ["c", "d"], ["e", "f", "g"]]


def test_few_go_one_by_one(store: SQLiteStore) -> None:
    """A registration is not held up by others as long as there are no more than `batch_above`."""
    absorb(store, "e", "d", "c", "b")
    wish = Wish(requests=2, per_request=3, batch_above=4)
    assert drawn(store, wish) == [["e"], ["d"], ["c"], ["b"]]


def test_a_failed_one_never_goes_in_a_batch(store: SQLiteStore) -> None:
    """It could spoil it for the others again."""
    absorb_failed(store, "f1", "f2", "f3")
    absorb(store, *"abcdef")
    wish = Wish(requests=4, per_request=3, batch_above=2, failed_first=1)
    assert drawn(store, wish) == [["f1"], ["f2"], ["a", "b", "c"], ["d", "e", "f"]]


@given(
    fresh=st.integers(0, 60),
    failed=st.integers(0, 12),
    requests=st.integers(0, 12),
    per_request=st.integers(1, 20),
    batch_above=st.integers(0, 20),
    failed_first=st.integers(0, 3),
)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_draw_keeps_to_the_wish(
    tmp_path_factory: pytest.TempPathFactory,
    fresh: int,
    failed: int,
    requests: int,
    per_request: int,
    batch_above: int,
    failed_first: int,
) -> None:
    """No more requests than wished, but for a few singles; none too large, nobody twice, and
    nobody left out while there is room."""
    wish = Wish(requests, per_request, batch_above, min(failed_first, requests))
    with closing(SQLiteStore.open(tmp_path_factory.mktemp("draw") / "store.db")) as store:
        store._file.connection.execute("PRAGMA synchronous=OFF")
        with store.transaction():
            absorb_failed(store, *(f"f{number}" for number in range(failed)))
            absorb(store, *(f"a{number}" for number in range(fresh)))
        found = drawn(store, wish)
        left = store.counts(NOW).due
    alone = [one for one in found if one[0].startswith("f")]
    others = [one for one in found if not one[0].startswith("f")]
    everybody = [*itertools.chain.from_iterable(found)]
    assert len(everybody) == len(set(everybody)) == fresh + failed - left
    assert all(len(one) == 1 for one in alone)
    assert all(len(one) <= per_request for one in others)
    assert all(not name.startswith("f") for one in others for name in one)
    assert len(found) <= (max(requests, batch_above + 1 + len(alone)) if requests else 0)
    if sum(map(len, others)) <= batch_above:
        assert all(len(one) == 1 for one in others)
    assert len(alone) >= min(failed, wish.failed_first)
    if len(found) < requests:
        assert left == 0
    sizes = {len(one) for one in others}
    assert not sizes or max(sizes) - min(sizes) <= 1


@given(number=st.integers(0, 500), size=st.integers(1, 100))
def test_chunks_lose_nobody(number: int, size: int) -> None:
    """As few as possible, even, and sorted."""
    claims: list[Claim] = [_claim(f"c{(7 * index) % 503:03}") for index in range(number)]
    parts = chunks(claims, size)
    assert len(parts) == -(-number // size)
    keys = [claim.key for part in parts for claim in part]
    assert keys == (sorted(keys) if size > 1 else [claim.key for claim in claims])
    assert sorted(keys) == sorted(claim.key for claim in claims)
    if parts:
        lengths = [len(part) for part in parts]
        assert max(lengths) <= size
        assert max(lengths) - min(lengths) <= 1


def _claim(key: str) -> Claim:
    customer = Customer(key, None, None, None, None, {})
    return Claim(customer, 1, 0, 0, None, None, None, "t", 0)


def test_what_is_settled_can_be_claimed_in_the_same_turn(store: SQLiteStore) -> None:
    """Newer data that came meanwhile goes out without a turn in between."""
    absorb(store, "a")
    (claim,) = store.claim(1, NOW, LEASE)
    absorb(store, "a", at=1)
    draw = settle_and_claim(store, turn(Delivered(claim, b"h" * 16), wish=Wish(requests=1)))
    assert names(draw) == [["a"]]
    assert draw.requests[0][0].sent_revision == claim.revision


def test_the_wronged_come_back_and_the_others_stay(store: SQLiteStore) -> None:
    """Those who died since then, the one settled in this turn too; and they are due at once."""
    absorb(store, "before", "since", "now")
    before, since, now = store.claim(3, NOW, LEASE)
    store.settle([Dead(before, "mapping", "")], NOW - 10)
    store.settle([Dead(since, "mapping", "")], NOW - 5)
    settled = turn(Dead(now, "mapping", ""), wish=Wish(requests=9), wronged_since=NOW - 5)
    assert sorted(names(settle_and_claim(store, settled))) == [["now"], ["since"]]
    assert [letter.key for letter in store.dead(Which(), 9)] == ["before@example.com"]


def test_the_gate_is_remembered_forgotten_or_left_alone(store: SQLiteStore) -> None:
    """With whatever else the turn does."""
    settle_and_claim(store, turn(gate={"why": "setup"}))
    assert store.recall(GATE) == {"why": "setup"}
    settle_and_claim(store, turn())
    assert store.recall(GATE) == {"why": "setup"}
    settle_and_claim(store, turn(gate=None))
    assert store.recall(GATE) is None


class FullStore(SQLiteStore):
    """A store in which there is no room to lease."""

    def claim(
        self,
        limit: int,
        now: int,
        lease_us: int,
        *,
        target: str = DEFAULT_TARGET,
        failed: bool = False,
        untried: bool = False,
    ) -> list[Claim]:
        """Fails."""
        raise StoreFull("full")


def test_a_turn_that_fails_did_nothing(tmp_path: Path) -> None:
    """Run as the writer does, in one transaction: settling, reviving and remembering included."""
    path = tmp_path / "store.db"
    with closing(SQLiteStore.open(path)) as store:
        absorb(store, "a", "dead")
        a, dead = store.claim(2, NOW, LEASE)
        store.settle([Dead(dead, "mapping", "")], NOW)
        full = FullStore(store._file, lambda: "t")
        wanted = turn(Delivered(a), wish=Wish(requests=1), wronged_since=0, gate={"why": "setup"})
        with pytest.raises(StoreFull), full.transaction():
            settle_and_claim(full, wanted)
        counts = store.counts(NOW)
        assert (counts.leased, counts.dead, counts.clean, counts.pending) == (1, 1, 0, 0)
        assert store.recall(GATE) is None
