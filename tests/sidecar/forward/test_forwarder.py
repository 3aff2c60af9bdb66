"""The forwarder: what becomes of each customer, with the real store and a scripted target."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from forwarder_support import (
    DELIVERED,
    FINGERPRINT,
    NOW,
    PACE,
    PLAN,
    REJECTED,
    SECOND,
    TRANSIENT,
    Slow,
    Target,
    always,
    in_turn,
    none,
    running,
    until,
)
from frontdesk_sidecar.forward import forwarder as forwarder_module
from frontdesk_sidecar.forward.forwarder import Forwarder
from frontdesk_sidecar.forward.gate import Why
from frontdesk_sidecar.mapping import compile_mapping
from frontdesk_sidecar.plan import Plan
from frontdesk_sidecar.sap.outcome import Kind, Outcome
from frontdesk_sidecar.store import (
    Claim,
    Settled,
    Settlement,
    Store,
    StoreError,
    StoreFull,
    Which,
)
from frontdesk_sidecar.store.sqlite import SQLiteStore
from frontdesk_sidecar.store.writer import Writer
from frontdesk_sidecar.telemetry import Telemetry


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the store is."""
    return tmp_path / "store.db"


@pytest.fixture
def store(path: Path) -> Iterator[SQLiteStore]:
    """An empty store."""
    with SQLiteStore.open(path) as opened:
        yield opened


def claim_later(store: SQLiteStore, seconds: float) -> list[Claim]:
    """What would be due after so many seconds."""
    then = NOW + int(seconds * SECOND)
    return store.claim(100, then, SECOND) + store.claim(100, then, SECOND, failed=True)


async def test_a_delivered_customer_is_clean(store: SQLiteStore) -> None:
    """The payload is what the mapping makes of the traits, and it is sent once."""
    target = always(DELIVERED)
    async with running(store, target) as bench:
        await bench.absorb("ann", firstName="Ann", lastName="Lee")
        await bench.until_counts(clean=1)
        bench.pass_time(3600)
        await bench.until_counts(clean=1, due=0, leased=0, pending=0)
    assert target.payloads == [
        {
            "uid": "ann@example.com",
            "contactEmail": "ann@example.com",
            "name": "Ann Lee",
            "firstName": "Ann",
            "lastName": "Lee",
        }
    ]


async def test_newer_data_that_came_meanwhile_is_delivered_next(store: SQLiteStore) -> None:
    """With the newer payload, after the first is settled, and never both at once."""
    target = Slow()
    async with running(store, target) as bench:
        await bench.absorb("ann", name="Old")
        await until(lambda: len(target.payloads) == 1)
        for number in range(5):
            await bench.absorb("ann", at=number + 1, name=f"New {number}")
        target.go()
        await until(lambda: len(target.payloads) == 2)
        target.go()
        await bench.until_counts(clean=1, pending=0, leased=0)
    assert [payload["name"] for payload in target.payloads] == ["Old", "New 4"]
    assert target.most == 1


async def test_a_failure_with_newer_data_keeps_the_newer_data(store: SQLiteStore) -> None:
    """A rejection of the old payload says nothing about the new one: it gets its try."""
    target = Slow(REJECTED)
    async with running(store, target) as bench:
        await bench.absorb("ann", name="Old")
        await until(lambda: len(target.payloads) == 1)
        await bench.absorb("ann", at=1, name="New")
        target.go()
        await until(lambda: len(target.payloads) == 2)
        target.go()
        await bench.until_counts(dead=1)
    assert [payload["name"] for payload in target.payloads] == ["Old", "New"]


async def test_several_customers_are_under_way_at_once_up_to_the_limit(store: SQLiteStore) -> None:
    """Never more than `concurrency`, and as many as that when there are enough."""
    target = Slow()
    async with running(store, target) as bench:
        await bench.absorb(*(f"c{number}" for number in range(20)))
        await until(lambda: len(target.under_way) == PACE.concurrency)
        target.open()
        await bench.until_counts(clean=20)
    assert target.most == PACE.concurrency
    assert sorted(map(str, target.uids())) == sorted(f"c{n}@example.com" for n in range(20))


async def test_one_slow_customer_does_not_hold_up_the_others(store: SQLiteStore) -> None:
    """Its place is taken; the rest of the places go on."""
    release = anyio.Event()

    async def answer(uid: str) -> Outcome:
        if uid == "slow@example.com":
            await release.wait()
        return DELIVERED

    async with running(store, Target(answer)) as bench:
        await bench.absorb("slow")
        await bench.absorb(*(f"c{number}" for number in range(40)), at=1)
        await bench.until_counts(clean=40, leased=1)
        release.set()
        await bench.until_counts(clean=41)


async def test_what_is_not_settled_is_at_most_twice_the_concurrency(store: SQLiteStore) -> None:
    """A claim is a lease: none is taken long before its turn."""
    target = Slow()
    async with running(store, target) as bench:
        await bench.absorb(*(f"c{number}" for number in range(30)))
        await until(lambda: len(target.under_way) == PACE.concurrency)
        counts = await bench.counts()
        assert counts.leased <= 2 * PACE.concurrency
        assert counts.due == 30 - counts.leased
        target.open()
        await bench.until_counts(clean=30)


async def test_a_rejected_customer_is_a_dead_letter(
    store: SQLiteStore, caplog: pytest.LogCaptureFixture
) -> None:
    """With the code and the text, logged masked; only new data brings it back."""
    target = in_turn(REJECTED, DELIVERED)
    async with running(store, target) as bench:
        await bench.absorb("ann")
        await bench.until_counts(dead=1)
        [letter] = await bench.writer.run(lambda store: store.dead(Which(), 10))
        assert (letter.key, letter.code, letter.text) == (
            "ann@example.com",
            "odata.invalid_attribute_value",
            "refused",
        )
        bench.pass_time(3600)
        await bench.until_counts(dead=1)
        await bench.absorb("ann", at=1, name="Ann")
        await bench.until_counts(clean=1)
    assert len(target.payloads) == 2
    assert [record.getMessage() for record in caplog.records] == [
        (
            "dead_letter customer=a•••@e•••.com code=odata.invalid_attribute_value text=refused"
            " -- see frontdesk_customers for how many there are"
        )
    ]


async def test_a_transient_failure_is_tried_again_later(store: SQLiteStore) -> None:
    """After full jitter; while nobody else is taken it is not the customer's and does not count."""
    target = in_turn(TRANSIENT, TRANSIENT, DELIVERED)
    async with running(store, target, chance=0.5) as bench:
        await bench.absorb("ann")
        for sent in (1, 2):
            await until(lambda sent=sent: len(target.payloads) == sent)  # type: ignore[misc] # bound
            await bench.until_counts(pending=1, due=0, leased=0)
            bench.now += SECOND - 1
            assert (await bench.counts()).due == 0
            assert len(target.payloads) == sent
            bench.now += 1
            bench.forwarder.wake()
        await bench.until_counts(clean=1)
    assert len(target.payloads) == 3


async def test_failures_count_while_others_are_taken(store: SQLiteStore) -> None:
    """Then they are the customer's: the waits grow, and in the end it is a dead letter."""

    async def answer(uid: str) -> Outcome:
        return TRANSIENT if uid == "ann@example.com" else DELIVERED

    target = Target(answer)
    pace = replace(PACE, retry_tries=3)
    async with running(store, target, pace=pace, chance=0.999) as bench:
        await bench.absorb("ann")
        waits = []
        for number in range(3):
            await until(lambda number=number: target.uids().count("ann@example.com") == number + 1)  # type: ignore[misc] # bound
            await bench.until_counts(pending=1, due=0, leased=0)
            await bench.absorb(*(f"c{number}-{n}" for n in range(4)), at=number)
            await bench.until_counts(pending=1, leased=0, clean=4 * number + 4)
            waits.append(await bench.wait_of_the_only_one())
            bench.pass_time(waits[-1])
        await bench.until_counts(dead=1, clean=12)
        [letter] = await bench.writer.run(lambda store: store.dead(Which(), 10))
    assert [round(wait) for wait in waits] == [2, 2, 4]  # the first one may have been anybody's
    assert (letter.code, letter.attempts, len(letter.history)) == ("http.502", 3, 4)
    assert letter.history[-1].message_id == target.message_ids[-1]


async def test_nobody_dies_of_an_outage(store: SQLiteStore) -> None:
    """However long it takes and however often it is tried."""
    target = always(TRANSIENT)
    pace = replace(PACE, retry_tries=2, breaker_s=1)
    async with running(store, target, pace=pace) as bench:
        await bench.absorb(*(f"c{number}" for number in range(8)))
        for number in range(40):
            await until(lambda number=number: len(target.payloads) > number)  # type: ignore[misc] # bound
            await bench.until_counts(leased=0)
            bench.pass_time(60)
        counts = await bench.counts()
    assert (counts.dead, counts.pending) == (0, 8)
    [claims] = [store.claim(9, NOW * 2, SECOND, failed=True)]
    assert [claim.attempts for claim in claims] == [0] * 8


async def test_a_back_off_has_a_cap(store: SQLiteStore) -> None:
    """However many failures there were."""
    target = always(TRANSIENT)
    pace = replace(PACE, retry_base_s=3, retry_cap_s=3, breaker_s=0.001)
    async with running(store, target, pace=pace, chance=1.0) as bench:
        await bench.absorb("ann")
        for number in range(1, 9):
            await until(lambda number=number: len(target.payloads) == number)  # type: ignore[misc] # bound
            await bench.until_counts(pending=1, due=0, leased=0)
            bench.pass_time(3)
        await until(lambda: len(target.payloads) == 9)


async def test_throttled_waits_at_least_as_long_as_asked(store: SQLiteStore) -> None:
    """`Retry-After` is a minimum; before that nothing at all is sent."""
    throttled = Outcome(Kind.THROTTLED, "http.429", retry_after_s=30.0)
    target = in_turn(throttled, DELIVERED)
    async with running(store, target) as bench:
        await bench.absorb("ann")
        await bench.until_counts(pending=1, leased=0)
        bench.pass_time(29)
        await bench.absorb("bob")
        await bench.until_counts(pending=2, leased=0)
        assert len(target.payloads) == 1
        target.rest_is(DELIVERED)
        bench.pass_time(2)
        await bench.until_counts(clean=2)


async def test_a_mapping_that_fails_is_a_dead_letter(store: SQLiteStore) -> None:
    """With the code `mapping` and the attribute's name, without a value; nothing is sent."""
    plan = Plan(compile_mapping({"uid": "lower(email)", "phone": "lower(phone)"}))
    target = always(DELIVERED)
    async with running(store, target, plan=plan) as bench:
        await bench.absorb("ann", phone=5550199)
        await bench.absorb("bob", phone="555")
        await bench.until_counts(dead=1, clean=1)
        [letter] = await bench.writer.run(lambda store: store.dead(Which(), 10))
    assert letter.code == "mapping"
    assert "phone" in letter.text
    assert "5550199" not in letter.text
    assert target.uids() == ["bob@example.com"]


async def test_a_surprise_is_tried_again_and_ends_nobody_else(
    store: SQLiteStore, caplog: pytest.LogCaptureFixture
) -> None:
    """A bug met by one customer: code `internal`, the exception's type and nothing of its text."""

    async def answer(uid: str) -> Outcome:
        if uid == "ann@example.com":
            raise LookupError("marked ann@example.com")
        return DELIVERED

    async with running(store, Target(answer)) as bench:
        await bench.absorb("ann", "bob", "cid")
        await bench.until_counts(clean=2, pending=1, due=0, leased=0)
    [claim] = claim_later(store, 100)
    assert (claim.key, claim.code) == ("ann@example.com", "internal")
    assert "not_delivered code=internal text=LookupError" in caplog.text
    assert "marked" not in caplog.text


async def test_each_attempt_has_a_message_id_of_its_own(store: SQLiteStore) -> None:
    """SAP wants `integrationMessageId` unique, also for a repetition within one upsert."""
    ids: list[str] = []

    class Asking(Target):
        async def upsert(
            self,
            payload: Mapping[str, object],
            *,
            message_id: Callable[[], str],
            traceparent: object = None,
        ) -> Outcome:
            ids.extend((message_id(), message_id()))
            return TRANSIENT if len(ids) < 6 else DELIVERED

    async with running(store, Asking(none)) as bench:
        await bench.absorb("ann")
        for _ in range(2):
            await bench.until_counts(pending=1, due=0, leased=0)
            bench.pass_time(60)
        await bench.until_counts(clean=1)
    assert len(ids) == len(set(ids)) == 6


async def test_stop_finishes_what_is_under_way_and_releases_the_rest(store: SQLiteStore) -> None:
    """What was claimed but not begun is due at once, and no attempt is counted for it."""
    target = Slow()
    async with running(store, target) as bench:
        await bench.absorb(*(f"c{number}" for number in range(10)))
        await until(lambda: len(target.under_way) == PACE.concurrency)
        await bench.until_counts(leased=2 * PACE.concurrency)
        bench.forwarder.stop()
        assert not bench.forwarder.stopped.is_set()
        target.open()
        with anyio.fail_after(10):
            await bench.forwarder.stopped.wait()
        counts = await bench.counts()
    assert (counts.clean, counts.pending, counts.due, counts.leased) == (3, 7, 7, 0)
    assert len(target.payloads) == 3
    assert [claim.attempts for claim in claim_later(store, 0)] == [0] * 7


async def test_stop_with_nothing_to_do_returns_at_once(store: SQLiteStore) -> None:
    """Also before the first turn."""
    async with running(store, always(DELIVERED)) as bench:
        bench.forwarder.stop()
        with anyio.fail_after(5):
            await bench.forwarder.stopped.wait()


async def test_a_failure_under_way_at_the_stop_is_settled_too(store: SQLiteStore) -> None:
    """Its back-off is on disk before `run` returns."""
    target = Slow(TRANSIENT)
    async with running(store, target) as bench:
        await bench.absorb("ann")
        await until(lambda: len(target.under_way) == 1)
        bench.forwarder.stop()
        target.open()
        with anyio.fail_after(10):
            await bench.forwarder.stopped.wait()
        counts = await bench.counts()
    assert (counts.pending, counts.due, counts.leased) == (1, 0, 0)


async def test_what_was_under_way_when_it_was_cancelled_is_due_after_a_reopening(
    path: Path,
) -> None:
    """Nobody knows whether it arrived; an upsert may be sent again."""
    with SQLiteStore.open(path) as store:
        target = Slow()
        async with running(store, target) as bench:
            await bench.absorb("ann", "bob")
            await until(lambda: len(target.under_way) == 2)
        assert store.counts(NOW).leased == 2
    with SQLiteStore.open(path) as store:
        assert store.counts(NOW).due == 2
        again = always(DELIVERED)
        async with running(store, again) as bench:
            await bench.until_counts(clean=2)
    assert sorted(map(str, again.uids())) == ["ann@example.com", "bob@example.com"]


async def test_rows_whose_back_off_ended_are_noticed_without_a_wake(store: SQLiteStore) -> None:
    """Nobody tells of a time that has come; it is looked for now and then."""
    target = in_turn(TRANSIENT, DELIVERED)
    async with running(store, target) as bench:
        await bench.absorb("ann")
        await bench.until_counts(pending=1, due=0, leased=0)
        bench.now += 60 * SECOND
        await bench.until_counts(clean=1)


async def test_what_ends_is_settled_with_the_claim_of_what_comes(
    store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One transaction for both; somebody new does not wait for it, and a stop does neither."""
    monkeypatch.setattr(forwarder_module, "SETTLE_S", 3600.0)
    target = always(DELIVERED)
    async with running(store, target) as bench:
        await bench.absorb("zoe")  # from now on it waits for somebody new
        await until(lambda: len(target.payloads) == 1 and not bench.forwarder.is_busy)
        await bench.absorb("ann", "bob")
        await until(lambda: len(target.payloads) == 3 and not bench.forwarder.is_busy)
        assert (await bench.counts()).leased == 2
        await bench.absorb("cid")
        await bench.until_counts(clean=3, leased=1)
        bench.forwarder.stop()
        await bench.until_counts(clean=4)


async def test_a_backlog_does_not_wait_for_what_comes(
    store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As long as more is due than may be under way, each end makes room for the next."""
    monkeypatch.setattr(forwarder_module, "SETTLE_S", 3600.0)
    target = always(DELIVERED)
    async with running(store, target) as bench:
        await bench.absorb(*(f"c{number}" for number in range(50)))
        await until(lambda: len(target.payloads) == 50)


async def test_a_store_that_failed_ends_the_forwarder(store: SQLiteStore) -> None:
    """It passes through, so that the sidecar ends and is started anew."""
    async with Writer[Store](store) as writer:
        forwarder = Forwarder(writer, always(DELIVERED), PLAN, Telemetry(), PACE, FINGERPRINT)
    with pytest.raises(BaseExceptionGroup) as caught, anyio.fail_after(10):
        await forwarder.run()
    assert caught.group_contains(StoreError)


async def test_outcomes_are_counted(store: SQLiteStore) -> None:
    """By kind and code."""
    target = in_turn(TRANSIENT, DELIVERED)
    async with running(store, target) as bench:
        await bench.absorb("ann")
        await bench.until_counts(pending=1, due=0, leased=0)
        bench.pass_time(60)
        await bench.until_counts(clean=1)
        value = bench.telemetry.registry.get_sample_value
        labels = {"outcome": "transient", "code": "http.502", "target": "default"}
        assert value("frontdesk_deliveries_total", labels) == 1
        labels = {"outcome": "delivered", "code": "http.201", "target": "default"}
        assert value("frontdesk_deliveries_total", labels) == 1
        assert value("frontdesk_delivery_seconds_count", {"target": "default"}) == 2


async def test_an_outcome_that_is_not_known_rests_the_customer(store: SQLiteStore) -> None:
    """SAP may still be at work on an older state: a newer one sent now could be overtaken."""
    unknown = Outcome(Kind.TRANSIENT, "timeout", is_unknown=True)
    async with running(store, in_turn(unknown)) as bench:
        await bench.absorb("ann")
        await bench.until_counts(pending=1, due=0, leased=0)
        await bench.absorb("ann", at=SECOND // 2, lastName="Newer")
        assert (await bench.counts()).due == 0
    assert claim_later(store, PACE.rest_s - 5) == []
    assert len(claim_later(store, PACE.rest_s + PACE.retry_base_s)) == 1


async def test_a_clock_that_leaps_ahead_does_not_end_a_rest(store: SQLiteStore) -> None:
    """SAP may still be at work on the customer, whatever our clock says."""
    unknown = Outcome(Kind.TRANSIENT, "timeout", is_unknown=True)
    target = in_turn(unknown, DELIVERED)
    async with running(store, target) as bench:
        await bench.absorb("ann")
        await bench.until_counts(pending=1, due=0, leased=0)
        bench.now += 3600 * SECOND
        await bench.absorb("ann", at=SECOND // 2, lastName="Newer")
        await bench.until_counts(pending=1, due=0, leased=0)
        assert len(target.payloads) == 1
        bench.pass_time(PACE.rest_s)
        await bench.until_counts(clean=1)


@pytest.mark.parametrize("kind", [Kind.THROTTLED, Kind.SETUP])
async def test_silence_when_every_customer_would_fare_the_same(
    store: SQLiteStore, kind: Kind
) -> None:
    """Nothing is sent for a while, then one customer shows whether it is over; none is blamed."""
    target = always(Outcome(kind, "http.x"))
    async with running(store, target) as bench:
        await bench.absorb(*(f"c{number}" for number in range(50)))
        await until(lambda: len(target.payloads) > 0)
        await bench.until_counts(leased=0)
        sent = len(target.payloads)
        assert sent <= PACE.concurrency
        for wait_s in (31, 61, 121):
            bench.pass_time(wait_s)
            await until(lambda sent=sent: len(target.payloads) > sent)  # type: ignore[misc] # bound
            await bench.until_counts(leased=0)
            sent += 1
            assert len(target.payloads) == sent
        counts = await bench.counts()
        assert counts.pending == 50
        assert len(set(target.uids()[-3:])) == 3  # one that is odd must not speak for all
        target.rest_is(DELIVERED)
        bench.pass_time(300)
        await bench.until_counts(clean=50)


async def test_silence_after_many_failures_in_a_row(store: SQLiteStore) -> None:
    """A destination that fails everybody is not asked for everybody."""
    target = always(TRANSIENT)
    async with running(store, target) as bench:
        await bench.absorb(*(f"c{number}" for number in range(100)))
        await until(lambda: len(target.payloads) >= 5)
        await bench.until_counts(leased=0)
        assert len(target.payloads) <= 5 + PACE.concurrency
        target.rest_is(DELIVERED)
        bench.pass_time(60)
        await bench.until_counts(clean=100)


async def test_an_unchanged_customer_costs_nothing(store: SQLiteStore) -> None:
    """A login that changes nothing is settled without a call, until the last one is long ago."""
    target = always(DELIVERED)
    async with running(store, target, pace=replace(PACE, resync_s=3600)) as bench:
        await bench.absorb("ann", name="Ann")
        await bench.until_counts(clean=1)
        for number in range(1, 4):
            bench.pass_time(1000)
            await bench.absorb("ann", at=number, name="Ann")
            await bench.until_counts(clean=1, pending=0)
        assert len(target.payloads) == 1
        bench.pass_time(1000)
        await bench.absorb("ann", at=4, name="Ann")
        await until(lambda: len(target.payloads) == 2)
        await bench.until_counts(clean=1)
        await bench.absorb("ann", at=5, name="Anne")
        await until(lambda: len(target.payloads) == 3)
        labels = {"outcome": "unchanged", "code": "unchanged", "target": "default"}
        value = bench.telemetry.registry.get_sample_value("frontdesk_deliveries_total", labels)
        assert value == 3


async def test_a_backlog_goes_in_batches_and_a_few_singly(store: SQLiteStore) -> None:
    """Few requests for many customers; for a few, none waits for another."""
    target = always(DELIVERED)
    pace = replace(PACE, batch_size=40, batch_above=10)
    async with running(store, target, pace=pace) as bench:
        await bench.absorb(*(f"c{number:03d}" for number in range(100)))
        await bench.until_counts(clean=100)
        assert target.batches == [34, 33, 33] or sum(target.batches) > 80
        before = len(target.batches)
        await bench.absorb(*(f"d{number}" for number in range(10)))
        await bench.until_counts(clean=110)
        assert len(target.batches) == before


async def test_unchanged_customers_take_no_places_in_a_batch(store: SQLiteStore) -> None:
    """Nine of ten logins change nothing; the others share one request."""
    target = always(DELIVERED)
    pace = replace(PACE, batch_size=50, batch_above=5)
    names = [f"c{number:03d}" for number in range(200)]
    async with running(store, target, pace=pace) as bench:
        bench.forwarder.gate.by_hand = True
        await bench.absorb(*names, name="Old")
        bench.forwarder.gate.by_hand = False
        bench.forwarder.wake()
        await bench.until_counts(clean=200)
        before = len(target.batches)
        bench.forwarder.gate.by_hand = True
        await bench.absorb(*names, at=1, name="Old")
        await bench.absorb(*names[::10], at=2, name="New")
        bench.forwarder.gate.by_hand = False
        bench.forwarder.wake()
        await bench.until_counts(clean=200, pending=0, leased=0)
    assert target.batches[before:] == [20]


async def test_a_refused_part_of_a_batch_is_that_customer_s_alone(store: SQLiteStore) -> None:
    """The others are delivered; the refused one goes alone the next time."""

    async def answer(uid: str) -> Outcome:
        return REJECTED if uid == "c5@example.com" else DELIVERED

    target = Target(answer)
    pace = replace(PACE, batch_size=50, batch_above=5, reject_tries=2)
    async with running(store, target, pace=pace) as bench:
        await bench.absorb(*(f"c{number}" for number in range(30)))
        await bench.until_counts(clean=29, pending=1, leased=0)
        batches = len(target.batches)
        bench.pass_time(60)
        await bench.until_counts(dead=1, clean=29)
        assert len(target.batches) == batches
        [letter] = await bench.writer.run(lambda store: store.dead(Which(), 10))
    assert [attempt.code for attempt in letter.history] == [REJECTED.code] * 2


async def test_the_rate_is_kept(store: SQLiteStore) -> None:
    """One second's requests at once, then no more than the rate."""
    target = always(DELIVERED)
    async with running(store, target, pace=replace(PACE, rate=10)) as bench:
        started = time.monotonic()
        await bench.absorb(*(f"c{number}" for number in range(20)))
        await bench.until_counts(clean=20)
        assert time.monotonic() - started >= 0.99
    assert len(target.payloads) == 20


async def test_failed_customers_do_not_starve_fresh_ones_nor_the_other_way_round(
    store: SQLiteStore,
) -> None:
    """However many of the others are due, each kind has its share of the requests."""
    sick = [f"sick{number:03d}" for number in range(60)]
    pace = replace(PACE, reject_tries=100, reject_base_s=1)

    async def answer(uid: str) -> Outcome:
        return REJECTED if uid.startswith("sick") else DELIVERED

    target = Target(answer)
    async with running(store, target, pace=pace) as bench:
        await bench.absorb(*(f"well{number}" for number in range(60)))
        await bench.until_counts(clean=60)
        await bench.absorb(*sick[:12])
        await bench.until_counts(pending=12, due=0, leased=0)
        sent = len(target.payloads)
        bench.now += 60 * SECOND
        await bench.absorb(*(f"new{number:02d}" for number in range(40)), at=1)
        await bench.until_counts(clean=100)
        later = target.uids()[sent:]
        place = [number for number, uid in enumerate(later) if str(uid).startswith("new")]
        assert place[0] < 6
        assert any(str(uid).startswith("sick") for uid in later[: place[-1]])


async def test_a_mapping_that_is_broken_for_all_blames_nobody(store: SQLiteStore) -> None:
    """Most customers refused is no dead letter for anybody, but a pause until one is taken."""
    target = always(REJECTED)
    async with running(store, target) as bench:
        await bench.absorb(*(f"c{number:02d}" for number in range(60)))
        await until(lambda: bench.forwarder.gate.shut is not None)
        await bench.until_counts(leased=0)
        counts = await bench.counts()
        assert (counts.dead, counts.pending) == (0, 60)
        assert bench.forwarder.gate.shut is not None
        assert bench.forwarder.gate.shut.why is Why.REJECTIONS
        target.rest_is(DELIVERED)
        bench.pass_time(120)
        await bench.until_counts(clean=60)


async def test_whoever_is_refused_does_not_keep_newcomers_from_being_tried(
    store: SQLiteStore,
) -> None:
    """Of those that wait while most are refused, the latest is tried: it was not seen yet."""

    async def answer(uid: str) -> Outcome:
        return REJECTED if uid.startswith("bad") else DELIVERED

    target = Target(answer)
    async with running(store, target) as bench:
        await bench.absorb(*(f"bad{number:03d}" for number in range(80)))
        await until(lambda: bench.forwarder.gate.shut is not None)
        await bench.until_counts(leased=0)
        bench.now += SECOND
        await bench.absorb("good", at=1)
        sent = len(target.payloads)
        bench.pass_time(300)
        await bench.until_counts(clean=1)
        assert target.uids()[sent] == "good@example.com"


async def test_twelve_hours_of_refusal_cost_nobody_anything(store: SQLiteStore) -> None:
    """A try every five minutes at most; no attempt counted, nobody dead, and then all delivered."""
    target = always(Outcome(Kind.SETUP, "http.403"))
    pace = replace(PACE, batch_size=100)
    async with running(store, target, pace=pace) as bench:
        await bench.absorb(*(f"c{number:03d}" for number in range(200)))
        await until(lambda: bench.forwarder.gate.shut is not None)
        await bench.until_counts(leased=0)
        sent = len(target.payloads)
        for minute in range(12 * 60):
            bench.pass_time(60)
            if minute % 10 == 0:  # somebody logs in now and then
                await bench.absorb(f"late{minute}", at=minute)
            await bench.until_counts(leased=0)
        tries = len(target.payloads) - sent
        assert 12 * 60 / 6 - 5 <= tries <= 12 * 60 / 5 + 5
        assert (await bench.counts()).dead == 0
        target.rest_is(DELIVERED)
        for _ in range(10):
            bench.pass_time(60)
            await bench.until_counts(leased=0)
        await bench.until_counts(clean=272, pending=0)
    assert all(claim.attempts == 0 for claim in claim_later(store, 10**6))


async def test_a_pause_by_hand_sends_nothing_until_it_is_over(store: SQLiteStore) -> None:
    """Not even a try."""
    target = always(DELIVERED)
    async with running(store, target) as bench:
        bench.forwarder.gate.by_hand = True
        await bench.absorb("ann")
        bench.pass_time(86_400)
        await bench.until_counts(pending=1, due=1)
        assert target.payloads == []
        bench.forwarder.gate.by_hand = False
        bench.forwarder.wake()
        await bench.until_counts(clean=1)


async def test_a_pause_outlives_its_process(path: Path) -> None:
    """The next run says why and since when, and tries at once: it may have been mended."""
    with SQLiteStore.open(path) as store:
        async with running(store, always(Outcome(Kind.SETUP, "http.403", "no", "do"))) as bench:
            await bench.absorb("ann", "bob")
            await until(lambda: bench.forwarder.gate.shut is not None)
            await bench.until_counts(leased=0)
            note = await bench.writer.run(lambda store: store.recall("gate"))
    with SQLiteStore.open(path) as store:
        target = always(DELIVERED)
        async with running(store, target, note=note) as bench:
            shut = bench.forwarder.gate.shut
            assert shut is not None
            assert (shut.why, shut.code, shut.advice) == (Why.SETUP, "http.403", "do")
            await bench.until_counts(clean=2)
            assert await bench.writer.run(lambda store: store.recall("gate")) is None


async def test_a_clock_that_jumps_does_not_send_twice(store: SQLiteStore) -> None:
    """A customer under way stays under way, whatever the clock says of its lease."""
    target = Slow()
    async with running(store, target, pace=replace(PACE, concurrency=4)) as bench:
        await bench.absorb("ann")
        await until(lambda: len(target.payloads) == 1)
        bench.pass_time(3600)
        await bench.absorb("ann", at=SECOND // 2, lastName="Newer")
        assert (await bench.counts()).leased == 1
        assert len(target.payloads) == 1


async def test_a_full_store_keeps_what_is_to_be_settled(
    store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is settled when there is room again, and nobody is delivered twice meanwhile."""
    real = store.settle
    refused: list[Sequence[Settlement]] = []

    def settle(settlements: Sequence[Settlement], now: int) -> Settled:
        if len(refused) < 1:
            refused.append(settlements)
            raise StoreFull("full")
        return real(settlements, now)

    monkeypatch.setattr(store, "settle", settle)
    target = always(DELIVERED)
    async with running(store, target) as bench:
        await bench.absorb("ann")
        await bench.until_counts(clean=1)
    assert refused
    assert len(target.payloads) == 1
