"""What every store does, whatever it is made of: the conformance suite."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from frontdesk.event import Identify
from frontdesk_sidecar.store import (
    DEFAULT_TARGET,
    Attempt,
    Claim,
    Counts,
    Dead,
    DeadLetter,
    Delivered,
    Release,
    Retry,
    Settled,
    Settlement,
    Store,
    StoreError,
    Which,
)
from frontdesk_sidecar.store.sqlite import SQLiteStore

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = 1_000_000
LEASE = 60 * SECOND
NOW = 1_795_176_000 * SECOND

#: name -> how to open an empty store. Another engine joins here.
ENGINES: dict[str, Callable[[Path], Store]] = {
    "sqlite": lambda directory: SQLiteStore.open(directory / "store.db"),
}


@pytest.fixture(params=ENGINES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty store of each kind."""
    with closing(ENGINES[request.param](tmp_path)) as opened:
        yield opened


def login(name: str = "jane", at: int = NOW, **traits: object) -> Identify:
    """A login of a customer at a time in microseconds."""
    return Identify(
        message_id=f"{name}-{at}",
        timestamp=EPOCH + timedelta(microseconds=at),
        user_id=f"user-{name}",
        traits={"email": f"{name}@example.com", **traits},
        event="Logged In",
        route="POST /login",
        site="toys",
    )


def put(store: Store, *messages: Identify, now: int = NOW) -> int:
    """Absorb, and how many customers changed."""
    return store.absorb(messages, {}, now).changed


def claim_one(store: Store, now: int = NOW) -> Claim:
    """Claim the only due customer."""
    (claim,) = claim_due(store, now)
    return claim


def claim_due(store: Store, now: int = NOW) -> list[Claim]:
    """Claim all that is due, fresh ones first."""
    return store.claim(10, now, LEASE) + store.claim(10, now, LEASE, failed=True)


def claim_sorted(store: Store) -> list[Claim]:
    """Claim all that is due, by name: among equals the order is the store's."""
    return sorted(claim_due(store), key=lambda claim: claim.key)


def name_of(letter: DeadLetter) -> str:
    """Whose letter it is."""
    return letter.key.partition("@")[0]


def settle(store: Store, *settlements: Settlement, now: int = NOW) -> None:
    """Settle, and nothing of it is stale."""
    assert store.settle(settlements, now) == Settled(len(settlements), 0)


def keys(claims: Sequence[Claim]) -> list[str]:
    """Whom the claims are about, without the domain."""
    return [claim.key.removesuffix("@example.com") for claim in claims]


def test_a_login_becomes_a_claim(store: Store) -> None:
    """What was absorbed is due at once and comes out as the customer's picture."""
    absorbed = store.absorb([login(firstName="Jane")], {"s1": 100}, NOW)
    assert (absorbed.merged, absorbed.changed, absorbed.anonymous) == (1, 1, 0)
    claim = claim_one(store)
    assert claim.key == claim.customer.key == "jane@example.com"
    assert claim.customer.traits == {"email": "jane@example.com", "firstName": "Jane"}
    assert (claim.customer.user_id, claim.customer.event) == ("user-jane", "Logged In")
    assert (claim.customer.route, claim.customer.site) == ("POST /login", "toys")
    assert (claim.revision, claim.attempts, claim.sent_revision) == (1, 0, 0)
    assert claim.sent_hash is None
    assert claim.lease_until == NOW + LEASE


def test_many_logins_are_one_row(store: Store) -> None:
    """A customer's messages are merged, within a batch and across batches, newest first or last."""
    assert put(store, login(at=NOW - 2, phone="1"), login(at=NOW - 3, phone="0", title="Dr")) == 1
    assert put(store, login(at=NOW - 1, phone="2"), login(at=NOW - 4, phone="x")) == 1
    claim = claim_one(store)
    assert claim.revision == 2
    assert claim.customer.traits == {"email": "jane@example.com", "phone": "2", "title": "Dr"}


def test_anonymous_messages_are_counted(store: Store) -> None:
    """Nobody to deliver, nothing to store, and the offset moves on."""
    absorbed = store.absorb([Identify("m", EPOCH, "user-1", {"name": "Nobody"})], {"s1": 9}, NOW)
    assert (absorbed.merged, absorbed.changed, absorbed.anonymous) == (0, 0, 1)
    assert store.offsets() == {"s1": 9}


def test_a_repeated_message_changes_nothing(store: Store) -> None:
    """What is known already makes nobody due and no revision."""
    put(store, login(phone="1"))
    settle(store, Delivered(claim_one(store)))
    absorbed = store.absorb([login(phone="1"), login(at=NOW - SECOND, phone="0")], {}, NOW)
    assert (absorbed.merged, absorbed.changed, absorbed.unchanged) == (1, 0, 1)
    assert claim_due(store) == []


def test_offsets_are_remembered_and_forgotten(store: Store) -> None:
    """Each segment has the offset given last, until it is forgotten."""
    store.absorb([], {"s1": 10, "s2": 20}, NOW)
    store.absorb([], {"s1": 15}, NOW)
    assert store.offsets() == {"s1": 15, "s2": 20}
    store.forget_segments(["s2", "unknown"])
    assert store.offsets() == {"s1": 15}


def test_messages_and_offsets_are_kept_together_or_not_at_all(store: Store) -> None:
    """When the transaction around it fails, neither the rows nor the offsets are there."""

    def fail_after_absorbing() -> None:
        with store.transaction():
            store.absorb([login()], {"s1": 10}, NOW)
            raise LookupError

    with pytest.raises(LookupError):
        fail_after_absorbing()
    assert store.offsets() == {}
    assert claim_due(store) == []


def test_an_inner_transaction_fails_alone(store: Store) -> None:
    """Inside a transaction another one is a savepoint."""

    def fail_inside() -> None:
        with store.transaction():
            store.absorb([login("ann")], {}, NOW)
            raise LookupError

    with store.transaction():
        store.absorb([login("joe")], {}, NOW)
        with pytest.raises(LookupError):
            fail_inside()
        store.absorb([login("zoe")], {}, NOW)
    assert keys(claim_sorted(store)) == ["joe", "zoe"]


def test_claims_come_in_order_of_due_time(store: Store) -> None:
    """The longest due first, at most as many as asked for, and none before its time."""
    for place, name in enumerate(["zoe", "ann", "joe"]):
        put(store, login(name), now=NOW + place)
    assert keys(store.claim(2, NOW + 2, LEASE)) == ["zoe", "ann"]
    assert keys(store.claim(2, NOW + 1, LEASE)) == []
    assert keys(store.claim(2, NOW + 2, LEASE)) == ["joe"]


def test_who_fails_more_than_once_is_told(store: Store) -> None:
    """With the most attempts and their code, of that target alone; a first failure is none."""
    put(store, login("jane"))
    put(store, login("joe"))
    for times in range(3):
        now = NOW + times * SECOND
        for claim in store.claim(2, now, LEASE, failed=times > 0):
            code = "500" if claim.key.startswith("jane") else "502"
            if times == 0 or code == "500":
                store.settle([Retry(claim, now + SECOND, code, "")], now)
            else:
                store.settle([Retry(claim, now + SECOND, code, "", counted=False)], now)
        assert store.failing("default") == (None if times == 0 else (1, times + 1, "500"))
    assert store.failing("other") is None


def test_tries_that_do_not_count_are_told_too(store: Store) -> None:
    """As in an outage; not those from before somebody had a dead letter sent again."""
    put(store, login("jane"))
    for times in range(7):
        now = NOW + times * SECOND
        (claim,) = store.claim(1, now, LEASE, failed=times > 0)
        store.settle([Retry(claim, now + SECOND, "503", "down", "id", counted=False)], now)
        told = None if times == 0 else (1, min(times + 1, 5), "503")
        assert store.failing("default") == told
    (claim,) = store.claim(1, NOW + 9 * SECOND, LEASE, failed=True)
    store.settle([Dead(claim, "400", "no")], NOW + 9 * SECOND)
    assert store.revive(Which(), NOW + 10 * SECOND) == 1
    assert store.failing("default") is None


def test_all_that_is_known_of_a_customer(store: Store) -> None:
    """Of each target, and of nobody whose address is alike; by user id page by page."""
    put(store, login("jane"))
    store.absorb([login("jane")], {}, NOW, lambda _: "b2b")
    (first,) = store.claim(1, NOW, LEASE)
    store.settle([Delivered(first, b"h", NOW + 5, "id-7")], NOW + 6)
    key = first.key
    put(store, login("jan"), login("jane2"))
    found = {one.target: one for one in store.known(key)}
    assert set(found) == {"default", "b2b"}
    done, waiting = found["default"], found["b2b"]
    assert (done.state, done.sent_at, done.sent_id) == ("clean", NOW + 5, "id-7")
    assert (waiting.state, waiting.sent_at, waiting.sent_id) == ("pending", None, None)
    assert (waiting.waiting_since, waiting.due_at, waiting.is_erased) == (NOW, NOW, False)
    assert key not in repr(done)
    assert {store.key_of(one.id) for one in found.values()} == {key}
    assert store.known(key[:-1]) == []
    assert store.key_of(77) is None
    ids: list[int] = []
    after: int | None = 0
    while after is not None:
        page, after = store.of_user(done.customer.user_id or "", after, 1)
        ids += page
    assert ids == sorted(one.id for one in found.values())
    assert store.of_user("nobody", 0, 10) == ([], None)
    store.scrub(NOW + SECOND)
    assert next(one for one in store.known(key) if one.target == "default").is_erased


def test_the_id_of_the_last_delivery_stays(store: Store) -> None:
    """When a login brings nothing new."""
    put(store, login("jane"))
    (claim,) = store.claim(1, NOW, LEASE)
    store.settle([Delivered(claim, b"h", None, "id-7")], NOW)
    put(store, login("jane", at=NOW + SECOND), now=NOW + SECOND)
    (claim,) = store.claim(1, NOW + SECOND, LEASE)
    store.settle([Delivered(claim, claim.sent_hash, claim.sent_at)], NOW + SECOND)
    (found,) = store.known(claim.key)
    assert (found.state, found.sent_at, found.sent_id) == ("clean", NOW, "id-7")


def test_customers_that_failed_are_claimed_apart(store: Store) -> None:
    """So that however many of one kind are due, the other kind gets its places."""
    put(store, login("ann"))
    settle(store, Retry(claim_one(store), NOW + SECOND, "500", "server error"))
    put(store, login("zoe"), now=NOW + SECOND)
    assert keys(store.claim(10, NOW + SECOND, LEASE)) == ["zoe"]
    assert keys(store.claim(10, NOW + SECOND, LEASE, failed=True)) == ["ann"]


def test_an_attempt_that_does_not_count_is_remembered(store: Store) -> None:
    """Who failed goes alone, and its time is kept: SAP may still be at work on it."""
    put(store, login())
    uncounted = Retry(claim_one(store), NOW + SECOND, "timeout", "no answer", counted=False)
    settle(store, uncounted)
    put(store, login(at=NOW + 1), now=NOW + 1)
    assert claim_due(store, NOW + SECOND - 1) == []
    assert store.claim(10, NOW + SECOND, LEASE) == []
    [claim] = store.claim(10, NOW + SECOND, LEASE, failed=True)
    assert (claim.attempts, claim.code) == (0, "timeout")


@pytest.mark.parametrize("how", ["retry", "dead", "release"])
def test_after_anything_but_a_delivery_nobody_knows_what_sap_has(store: Store, how: str) -> None:
    """What was sent may have been stored all the same: the hash of an earlier delivery is gone."""
    put(store, login())
    settle(store, Delivered(claim_one(store), b"h" * 16))
    put(store, login(at=NOW + 1, phone="1"), now=NOW + 1)
    [claim] = claim_due(store, NOW + 2)
    assert claim.sent_hash == b"h" * 16
    settlement: Settlement = Release(claim, NOW + 2)
    if how == "retry":
        settlement = Retry(claim, NOW + 2, "http.502", "", "")
    elif how == "dead":
        settlement = Dead(claim, "http.502", "", "")
    settle(store, settlement)
    put(store, login(at=NOW + 3, phone="2"), now=NOW + 3)
    [again] = claim_due(store, NOW + 100) or store.claim(1, NOW + 100, LEASE, failed=True)
    assert again.sent_hash is None


def test_a_new_login_does_not_send_a_waiting_customer_to_the_back(store: Store) -> None:
    """Who was due keeps the place in the queue."""
    put(store, login("zoe"), now=NOW)
    put(store, login("ann"), now=NOW + 1)
    put(store, login("zoe", at=NOW + 2), now=NOW + 2)
    assert keys(store.claim(10, NOW + 2, LEASE)) == ["zoe", "ann"]


def test_a_leased_customer_is_not_claimed_again(store: Store) -> None:
    """Before the lease ends nobody else gets it, whatever comes in; afterwards somebody does."""
    put(store, login())
    first = claim_one(store)
    put(store, login(at=NOW + 1, phone="1"), now=NOW + 1)
    assert store.claim(10, NOW + LEASE - 1, LEASE) == []
    second = claim_one(store, NOW + LEASE)
    assert second.token != first.token
    assert (second.revision, second.attempts) == (2, 0)


def test_every_claim_has_its_own_lease(store: Store) -> None:
    """The fence differs between two claims of the same customer."""
    put(store, login())
    first = claim_one(store)
    settle(store, Release(first, NOW))
    assert claim_one(store).token != first.token


@pytest.mark.parametrize(
    "stale",
    [
        lambda claim: Delivered(claim, b"hash"),
        lambda claim: Retry(claim, NOW, "500", "server error"),
        lambda claim: Dead(claim, "400", "bad"),
        lambda claim: Release(claim, NOW),
    ],
    ids=["delivered", "retry", "dead", "release"],
)
def test_a_stale_settlement_changes_nothing(
    store: Store, stale: Callable[[Claim], Settlement]
) -> None:
    """Whoever lost the lease has no say any more."""
    put(store, login())
    lost = claim_one(store)
    held = claim_one(store, NOW + LEASE)
    assert store.settle([stale(lost)], NOW + LEASE) == Settled(0, 1)
    assert store.counts(NOW + LEASE).leased == 1
    settle(store, Delivered(held), now=NOW + LEASE)
    assert store.settle([stale(held)], NOW + LEASE) == Settled(0, 1)
    assert store.counts(NOW + LEASE).clean == 1


def test_a_late_settlement_counts_if_nobody_else_claimed(store: Store) -> None:
    """A lease that ran out is still good as long as it is the last one."""
    put(store, login())
    claim = claim_one(store)
    settle(store, Delivered(claim), now=NOW + 2 * LEASE)
    assert claim_due(store, NOW + 2 * LEASE) == []


def test_delivered_is_clean_and_remembers_the_hash(store: Store) -> None:
    """The next claim knows what was delivered last; attempts start anew."""
    put(store, login())
    settle(store, Retry(claim_one(store), NOW, "500", "server error"))
    settle(store, Delivered(claim_one(store), b"hash"))
    assert store.counts(NOW).clean == 1
    put(store, login(at=NOW + 1), now=NOW + 1)
    claim = claim_one(store, NOW + 1)
    assert (claim.sent_revision, claim.sent_hash, claim.attempts) == (1, b"hash", 0)


def test_delivered_without_a_hash_forgets_the_old_one(store: Store) -> None:
    """An unknown delivery must not be mistaken for the one before."""
    put(store, login())
    settle(store, Delivered(claim_one(store), b"hash"))
    put(store, login(at=NOW + 1), now=NOW + 1)
    settle(store, Delivered(claim_one(store, NOW + 1)))
    put(store, login(at=NOW + 2), now=NOW + 2)
    assert claim_one(store, NOW + 2).sent_hash is None


def test_newer_data_during_a_delivery_is_due_afterwards(store: Store) -> None:
    """What came while the customer was leased is delivered next, and at once."""
    put(store, login())
    claim = claim_one(store)
    put(store, login(at=NOW + 1, phone="1"), now=NOW + 1)
    settle(store, Delivered(claim, b"hash"), now=NOW + 2)
    again = claim_one(store, NOW + 2)
    assert (again.revision, again.sent_revision, again.sent_hash) == (2, 1, b"hash")
    assert again.customer.traits["phone"] == "1"


def test_a_retry_waits_and_counts(store: Store) -> None:
    """Not before its time, and with one attempt more."""
    put(store, login())
    settle(store, Retry(claim_one(store), NOW + SECOND, "500", "server error"))
    assert claim_due(store, NOW + SECOND - 1) == []
    assert claim_one(store, NOW + SECOND).attempts == 1


def test_logins_do_not_defeat_the_back_off(store: Store) -> None:
    """New data, before or after the settlement, leaves the time of a retry alone."""
    put(store, login())
    claim = claim_one(store)
    put(store, login(at=NOW + 1), now=NOW + 1)
    settle(store, Retry(claim, NOW + SECOND, "500", "server error"), now=NOW + 2)
    assert put(store, login(at=NOW + 3), now=NOW + 3) == 1
    assert claim_due(store, NOW + SECOND - 1) == []
    again = claim_one(store, NOW + SECOND)
    assert (again.revision, again.attempts) == (3, 1)


def test_a_release_counts_nothing(store: Store) -> None:
    """Due again at the time given, attempts unchanged; new data makes it due now."""
    put(store, login())
    settle(store, Release(claim_one(store), NOW + SECOND))
    assert claim_due(store) == []
    put(store, login(at=NOW + 1), now=NOW + 1)
    assert claim_one(store, NOW + 1).attempts == 0


def test_a_dead_customer_is_set_aside_with_the_reason(store: Store) -> None:
    """It is never claimed, and listed with what is needed to understand it."""
    put(store, login("ann"), login("joe"))
    ann, joe = claim_sorted(store)
    settle(store, Dead(ann, "400", "uid is missing"), now=NOW + 1)
    settle(store, Dead(joe, "422", "too long"), now=NOW + 2)
    assert claim_due(store, NOW + 2 * LEASE) == []
    latest, first = store.dead(Which(), 10)
    assert (latest.key, latest.died_at) == ("joe@example.com", NOW + 2)
    assert (first.code, first.text, first.attempts) == ("400", "uid is missing", 1)
    assert store.dead(Which(), 1) == [latest]
    assert "joe@" not in repr(latest)


def test_a_dead_letter_tells_its_last_attempts(store: Store) -> None:
    """The last five with time, code, text and message id; delivering forgets them."""
    put(store, login())
    for number in range(7):
        claim = claim_one(store, NOW + number)
        retry = Retry(claim, NOW + number + 1, "500", f"text {number}", f"id-{number}")
        settle(store, retry, now=NOW + number)
    settle(store, Dead(claim_one(store, NOW + 7), "400", "bad", "id-7"), now=NOW + 7)
    [letter] = store.dead(Which(), 10)
    assert letter.attempts == 8
    assert [attempt.message_id for attempt in letter.history] == [f"id-{n}" for n in range(3, 8)]
    assert letter.history[-1] == Attempt(NOW + 7, "400", "bad", "id-7")
    assert store.revive(Which(key=letter.key), NOW + 8) == 1
    settle(store, Delivered(claim_one(store, NOW + 8)), now=NOW + 8)
    put(store, login(at=NOW + 9), now=NOW + 9)
    settle(store, Dead(claim_one(store, NOW + 9), "401", "", ""), now=NOW + 9)
    assert [attempt.code for attempt in store.dead(Which(), 1)[0].history] == ["401"]


def test_dead_letters_are_chosen_by_all_that_is_given(store: Store) -> None:
    """By number, key, code and time; none of it means all of them."""
    put(store, *(login(name) for name in ("ann", "joe", "zoe")))
    for place, claim in enumerate(claim_sorted(store)):
        settle(store, Dead(claim, ("400", "400", "422")[place], ""), now=NOW + place)
    ids = {name_of(letter): letter.id for letter in store.dead(Which(), 10)}

    def chosen(which: Which) -> list[str]:
        return [name_of(letter) for letter in store.dead(which, 10)]

    assert chosen(Which()) == ["zoe", "joe", "ann"]
    assert chosen(Which(ids=(ids["ann"], ids["zoe"], 99))) == ["zoe", "ann"]
    assert chosen(Which(ids=())) == []
    assert chosen(Which(key="joe@example.com")) == ["joe"]
    assert chosen(Which(code="400")) == ["joe", "ann"]
    assert chosen(Which(since=NOW + 1)) == ["zoe", "joe"]
    assert chosen(Which(before=NOW + 1)) == ["ann"]
    assert chosen(Which(code="400", since=NOW + 1)) == ["joe"]
    assert store.dead_codes() == {"400": 2, "422": 1}


def test_discarding_leaves_nothing_and_begins_with_the_oldest(store: Store) -> None:
    """Others than dead letters are never touched."""
    put(store, *(login(name) for name in ("ann", "joe", "zoe")))
    ann, joe, _ = claim_sorted(store)
    settle(store, Dead(ann, "400", ""), now=NOW)
    settle(store, Dead(joe, "400", ""), now=NOW + 1)
    assert store.discard(Which(), 1) == 1
    assert [name_of(letter) for letter in store.dead(Which(), 10)] == ["joe"]
    assert store.discard(Which()) == 1
    assert store.discard(Which()) == 0
    assert store.counts(NOW) == Counts(0, 0, 1, 0, 0, 0, store.counts(NOW).bytes)
    assert put(store, login("ann", at=NOW - 5), now=NOW + 2) == 1


def test_a_forgotten_customer_is_gone_whatever_its_state(store: Store) -> None:
    """Also while it is being delivered: the settlement has no effect any more."""
    put(store, login("ann"), login("joe"))
    ann, joe = claim_sorted(store)
    assert store.forget("ann@example.com")
    assert not store.forget("ann@example.com")
    assert store.settle([Delivered(ann), Delivered(joe)], NOW) == Settled(1, 1)
    assert store.counts(NOW).clean == 1


def test_small_things_are_remembered(store: Store) -> None:
    """Under their names, until dropped."""
    assert store.recall("pause") is None
    store.remember("pause", {"since": NOW})
    assert store.recall("pause") == {"since": NOW}
    store.remember("pause", None)
    assert store.recall("pause") is None


def test_new_data_revives_the_dead(store: Store) -> None:
    """Due at once, as if it had never failed."""
    put(store, login())
    settle(store, Dead(claim_one(store), "400", "bad"))
    assert put(store, login()) == 0
    assert claim_due(store) == []
    assert put(store, login(at=NOW + 1, phone="1"), now=NOW + 1) == 1
    assert claim_one(store, NOW + 1).attempts == 0
    assert store.dead(Which(), 10) == []


def test_newer_data_saves_a_dying_customer(store: Store) -> None:
    """What was rejected is not what is known now, so that gets its try."""
    put(store, login())
    claim = claim_one(store)
    put(store, login(at=NOW + 1, phone="1"), now=NOW + 1)
    settle(store, Dead(claim, "400", "bad"), now=NOW + 2)
    assert store.dead(Which(), 10) == []
    assert claim_one(store, NOW + 2).attempts == 0


def test_settlements_of_all_kinds_go_together(store: Store) -> None:
    """One batch settles each claim its own way."""
    put(store, *(login(name) for name in ("ann", "joe", "kim", "zoe")))
    ann, joe, kim, zoe = claim_sorted(store)
    batch: list[Settlement] = [
        Release(zoe, NOW + 1),
        Delivered(ann),
        Retry(joe, NOW + 1, "500", "server error"),
        Dead(kim, "400", "bad"),
        Delivered(ann),
    ]
    assert store.settle(batch, NOW) == Settled(4, 1)
    counts = store.counts(NOW)
    assert (counts.pending, counts.leased, counts.dead, counts.clean) == (2, 0, 1, 1)


def test_scrubbing_takes_the_values_of_settled_customers(store: Store) -> None:
    """Only of those clean since before the time given; the hash stays and new data works."""
    put(store, login("ann", phone="1"), login("joe"), login("kim"), login("zoe"))
    ann, joe, kim, _ = claim_sorted(store)
    settle(store, Delivered(ann, b"hash"), Dead(kim, "400", "bad"), now=NOW)
    settle(store, Delivered(joe), now=NOW + 1)
    assert store.scrub(NOW + 1) == 1
    assert store.scrub(NOW + 1) == 0
    put(store, login("ann", at=NOW + 2, title="Dr"), now=NOW + 2)
    claim = claim_one(store, NOW + 2)
    assert claim.customer.traits == {"email": "ann@example.com", "title": "Dr"}
    assert (claim.revision, claim.sent_hash) == (2, b"hash")


def test_what_came_after_scrubbing_is_scrubbed_in_turn(store: Store) -> None:
    """New values of a scrubbed customer are kept no longer than the first ones."""
    put(store, login(phone="1"))
    settle(store, Delivered(claim_one(store)))
    assert store.scrub(NOW + 1) == 1
    put(store, login(at=NOW + 2, phone="2"), now=NOW + 2)
    settle(store, Delivered(claim_one(store, NOW + 2)), now=NOW + 2)
    assert store.scrub(NOW + 3) == 1


def test_whoever_was_delivered_can_be_sent_once_more(store: Store) -> None:
    """Page by page, as if nothing had been sent; who is under way afterwards; not the dead."""
    put(store, *(login(name) for name in ("ann", "joe", "kim", "lea", "zoe")))
    ann, joe, kim, lea, zoe = claim_sorted(store)
    settle(store, Delivered(ann, b"hash"), Delivered(kim, b"hash"), Dead(joe, "400", "bad"))
    settle(store, Retry(lea, NOW + 9 * SECOND, "5", "5"))
    later = NOW + SECOND
    found, after = [], 0
    for _ in range(3):
        page, last = store.again(None, after, 2, later)
        found.append((page.due, page.erased))
        after = last or after
    assert last is None
    assert [sum(column) for column in zip(*found, strict=True)] == [4, 0]
    again = claim_due(store, later)
    assert sorted(one.key[:3] for one in again) == ["ann", "kim"]
    assert {(one.sent_hash, one.sent_revision) for one in again} == {(None, 1)}
    assert [one.key[:3] for one in claim_due(store, NOW + 9 * SECOND)] == ["lea"]
    settle(store, Delivered(zoe, b"hash"), now=later)
    assert claim_one(store, later).sent_hash == b"hash"


def test_of_whom_the_values_were_erased_nothing_is_sent_once_more(store: Store) -> None:
    """They are counted."""
    put(store, login("ann"), login("joe"))
    settle(store, *map(Delivered, claim_due(store)))
    assert store.scrub(NOW + 1) == 2
    put(store, login("joe", at=NOW + 2), now=NOW + 2)
    settle(store, Delivered(claim_one(store, NOW + 2)), now=NOW + 2)
    (found, last) = store.again(DEFAULT_TARGET, 0, 10, NOW + 3)
    assert (found.due, found.erased, last) == (1, 1, None)
    assert store.again("b2b", 0, 10, NOW + 3)[0].due == 0


def test_scrubbing_goes_in_steps(store: Store) -> None:
    """No more than asked for at a time, longest settled first."""
    put(store, *(login(name) for name in ("ann", "joe", "zoe")))
    settle(store, *map(Delivered, store.claim(10, NOW, LEASE)))
    assert [store.scrub(NOW + 1, limit=2) for _ in range(3)] == [2, 1, 0]


def test_a_scrubbed_customer_is_not_revived_by_old_news(store: Store) -> None:
    """A late message older than what was delivered, or a repeated one, changes nothing."""
    put(store, login(phone="1"))
    settle(store, Delivered(claim_one(store)))
    store.scrub(NOW + 1)
    assert put(store, login(phone="1"), login(at=NOW - SECOND, phone="0")) == 0


def test_counts_say_how_it_stands(store: Store) -> None:
    """Each state, what is due, the age of what waits longest, and the size."""
    empty = store.counts(NOW)
    assert (empty.pending, empty.due, empty.clean, empty.oldest_us) == (0, 0, 0, None)
    assert empty.bytes > 0
    put(store, login("ann"), login("joe"), login("kim"), login("lea"), now=NOW)
    ann, joe, kim, _ = claim_sorted(store)
    settle(store, Delivered(ann), Dead(joe, "400", "bad"), Retry(kim, NOW + 5 * SECOND, "5", "5"))
    put(store, login("zoe"), now=NOW + SECOND)
    counts = store.counts(NOW + 3 * SECOND)
    assert (counts.pending, counts.due, counts.leased) == (2, 1, 1)
    assert (counts.dead, counts.clean) == (1, 1)
    assert counts.oldest_us == 3 * SECOND
    assert store.counts(NOW + LEASE).due == 3
    assert store.under_way(None, NOW + 3 * SECOND) == counts.due + counts.leased
    assert store.under_way(DEFAULT_TARGET, NOW + LEASE) == 3
    assert store.under_way("b2b", NOW + LEASE) == 0


def test_the_age_starts_with_the_first_data_not_delivered(store: Store) -> None:
    """Neither further logins nor failures make the waiting look shorter; delivery does."""
    put(store, login(), now=NOW)
    put(store, login(at=NOW + 1), now=NOW + 1)
    claim = claim_one(store, NOW + 1)
    settle(store, Retry(claim, NOW + 2, "500", "server error"), now=NOW + 2)
    assert store.counts(NOW + 10).oldest_us == 10
    claim = claim_one(store, NOW + 2)
    put(store, login(at=NOW + 4), now=NOW + 4)
    settle(store, Delivered(claim), now=NOW + 5)
    assert store.counts(NOW + 10).oldest_us == 6


def test_large_batches_and_odd_keys(store: Store) -> None:
    """Thousands at once, and keys with quotes and other letters, come out as they went in."""
    names = [f"o'neil+{number}%_é" for number in range(3000)]
    assert put(store, *map(login, names)) == 3000
    assert put(store, *map(login, names)) == 0
    assert sorted(keys(store.claim(5000, NOW, LEASE))) == sorted(names)


def by_site(message: Identify) -> str:
    """Each site has a target of its own; toys is the usual one's."""
    return DEFAULT_TARGET if message.site == "toys" else str(message.site)


def at(site: str, name: str = "jane", at: int = NOW, **traits: object) -> Identify:
    """A login at another site."""
    return replace(login(name, at, **traits), site=site)


def claimed(store: Store, target: str, now: int = NOW) -> list[str]:
    """Claim what is due for a target: whom."""
    fresh = store.claim(10, now, LEASE, target=target)
    return keys(fresh + store.claim(10, now, LEASE, target=target, failed=True))


def test_a_customer_has_a_row_for_each_target(store: Store) -> None:
    """Who was at two sites reaches both objects, and neither is told what the other was."""
    messages = [login(phone="1"), at("b2b", title="Dr"), at("b2b", "zoe")]
    absorbed = store.absorb(messages, {"s1": 9}, NOW, by_site)
    assert (absorbed.merged, absorbed.changed) == (3, 3)
    [usual] = store.claim(10, NOW, LEASE)
    business = {claim.key: claim for claim in store.claim(10, NOW, LEASE, target="b2b")}
    assert usual.key == usual.customer.key == "jane@example.com"
    assert usual.customer.traits == {"email": "jane@example.com", "phone": "1"}
    assert business.keys() == {"jane@example.com", "zoe@example.com"}
    jane = business["jane@example.com"]
    assert jane.customer.traits == {"email": "jane@example.com", "title": "Dr"}
    assert (usual.target, jane.target, jane.customer.site) == (DEFAULT_TARGET, "b2b", "b2b")
    assert store.absorb(messages, {}, NOW, by_site).changed == 0


def test_one_target_s_settlement_is_no_other_s(store: Store) -> None:
    """A fence holds for the row it was given for, whoever else it is about."""
    store.absorb([login(), at("b2b")], {}, NOW, by_site)
    [usual] = store.claim(10, NOW, LEASE)
    [business] = store.claim(10, NOW, LEASE, target="b2b")
    mixed: list[Settlement] = [
        Delivered(replace(usual, target="b2b")),
        Dead(replace(business, target="b2c"), "", ""),
    ]
    assert store.settle(mixed, NOW) == Settled(0, 2)
    settle(store, Delivered(usual, b"hash"), Dead(business, "400", "bad"))
    counts = store.counts_by_target(NOW)
    assert (counts[DEFAULT_TARGET].clean, counts[DEFAULT_TARGET].dead) == (1, 0)
    assert (counts["b2b"].clean, counts["b2b"].dead) == (0, 1)
    assert store.counts(NOW) == Counts(0, 0, 0, 1, 1, None, store.size())


def test_a_target_s_rows_are_claimed_for_it_alone(store: Store) -> None:
    """Fresh ones, failed ones and those of a target that nobody claims for."""
    store.absorb([login(), at("b2b", "ann"), at("gone", "zoe")], {}, NOW, by_site)
    assert claimed(store, "b2b") == ["ann"]
    assert claimed(store, "b2c") == []
    assert claimed(store, DEFAULT_TARGET) == ["jane"]
    assert [store.is_due(NOW, one) for one in ("b2b", "gone", "b2c")] == [False, True, False]
    assert not store.is_due(NOW)
    assert store.counts_by_target(NOW)["gone"].due == 1


def test_dead_letters_are_chosen_by_target(store: Store) -> None:
    """Listed, counted, retried and discarded; by address those of all targets."""
    store.absorb([login(), at("b2b"), at("b2b", "ann")], {}, NOW, by_site)
    claims = [*claim_due(store), *store.claim(9, NOW, LEASE, target="b2b")]
    settle(store, *(Dead(claim, f"code.{claim.target}", "") for claim in claims))
    jane = store.dead(Which(key="jane@example.com"), 9)
    assert {letter.target for letter in jane} == {DEFAULT_TARGET, "b2b"}
    assert store.dead_codes() == {"code.default": 1, "code.b2b": 2}
    assert store.dead_codes("b2b") == {"code.b2b": 2}
    assert store.dead_codes("gone") == {}
    [letter] = store.dead(Which(key="jane@example.com", target="b2b"), 9)
    assert (letter.key, letter.target) == ("jane@example.com", "b2b")
    assert store.revive(Which(target=DEFAULT_TARGET), NOW + 1) == 1
    assert claimed(store, DEFAULT_TARGET, NOW + 1) == ["jane"]
    assert store.discard(Which(key="ann@example.com")) == 1
    assert store.discard(Which(target="b2b")) == 1
    assert store.dead(Which(), 9) == []


def test_a_customer_is_forgotten_for_all_targets(store: Store) -> None:
    """And nobody whose address begins with the same letters."""
    others = [at("b2b", "jane", email=f"jane@example.com{end}") for end in (".au", "a", "\x7f.au")]
    store.absorb([login(), at("b2b"), at("gone"), *others], {}, NOW, by_site)
    before = store.counts(NOW).total
    assert store.forget("jane@example.com")
    assert store.counts(NOW).total == before - 3
    assert not store.forget("jane@example.com")


def test_customers_of_a_target_that_is_no_more_can_be_moved(store: Store) -> None:
    """As if they had logged in there; with what is known there already the newer value wins."""
    old = [at("gone", "ann", phone="1"), at("gone", "joe", phone="1"), at("gone", "zoe")]
    store.absorb([*old, at("b2b", "ann", NOW + 1, phone="2", title="Dr")], {}, NOW + 1, by_site)
    zoe = [one for one in store.claim(9, NOW + 1, LEASE, target="gone") if "zoe" in one.key]
    settle(store, *(Delivered(one, b"hash") for one in zoe), now=NOW + 1)
    assert store.scrub(NOW + 2) == 1
    assert [store.move_target("gone", "b2b", NOW + 3, 2) for _ in range(3)] == [2, 1, 0]
    claims = {claim.key[:3]: claim for claim in store.claim(9, NOW + 3, LEASE, target="b2b")}
    assert claims.keys() == {"ann", "joe"}  # of zoe there is no value that could be sent
    assert claims["ann"].customer.traits["phone"] == "2"
    assert claims["ann"].customer.traits["title"] == "Dr"
    assert (claims["joe"].customer.traits["phone"], claims["joe"].sent_hash) == ("1", None)
    assert store.counts_by_target(NOW).keys() == {"b2b"}


def test_customers_of_a_target_that_is_no_more_can_be_dropped(store: Store) -> None:
    """Whatever their state, a number at a time; the default target's never."""
    store.absorb([login(), *(at("gone", f"c{n}") for n in range(5))], {}, NOW, by_site)
    dead, leased, *_ = store.claim(2, NOW, LEASE, target="gone")
    settle(store, Dead(dead, "400", ""))
    assert [store.drop_target("gone", 3) for _ in range(3)] == [3, 2, 0]
    assert store.drop_target(DEFAULT_TARGET) == 0
    assert store.settle([Delivered(leased)], NOW) == Settled(0, 1)
    assert store.counts_by_target(NOW).keys() == {DEFAULT_TARGET}


def test_a_closed_store_says_so(store: Store) -> None:
    """Closing twice is fine; working afterwards is an error of the store."""
    store.close()
    store.close()
    with pytest.raises(StoreError):
        store.offsets()


def test_nothing_shows_a_value(store: Store) -> None:
    """Claims and settlements are masked wherever they are printed."""
    put(store, login(phone="+49301234"))
    claim = claim_one(store)
    for value in (claim, Delivered(claim), Retry(claim, NOW, "500", "server error")):
        assert "jane@" not in repr(value)
        assert "4930" not in repr(value)
