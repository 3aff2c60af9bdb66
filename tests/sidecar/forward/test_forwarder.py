"""The forwarder: what becomes of each customer, with the real store and a scripted target."""

# ruff: noqa: ASYNC110 - conditions are waited for, with a deadline

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
import pytest

from frontdesk.event import Identify
from frontdesk_sidecar.forwarder import Forwarder, Pace, Upsert
from frontdesk_sidecar.mapping import DEFAULT_MAPPING, AttributeMapping, compile_mapping
from frontdesk_sidecar.outcome import Kind, Outcome
from frontdesk_sidecar.store import (
    Claim,
    Counts,
    Settled,
    Settlement,
    Store,
    StoreError,
    StoreFull,
)
from frontdesk_sidecar.store.sqlite import SQLiteStore
from frontdesk_sidecar.store.writer import Writer
from frontdesk_sidecar.telemetry import Telemetry

NOW = 1_795_176_000_000_000
SECOND = 1_000_000
PACE = Pace(concurrency=3, retry_base_s=2.0, retry_cap_s=60.0, lease_s=120.0)
DELIVERED = Outcome(Kind.DELIVERED, "http.201")
TRANSIENT = Outcome(Kind.TRANSIENT, "http.502", "HTTP 502, text/html")
REJECTED = Outcome(Kind.REJECTED, "odata.invalid_attribute_value", "refused")
MAPPING = compile_mapping(DEFAULT_MAPPING)

Answer = Callable[[str], Awaitable[Outcome]]


class Target:
    """What customers are sent to. One customer is never under way twice."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.payloads: list[Mapping[str, object]] = []
        self.message_ids: list[str] = []
        self.under_way: set[str] = set()
        self.most = 0

    async def __call__(
        self, payload: Mapping[str, object], *, message_id: Callable[[], str]
    ) -> Outcome:
        """One attempt, answered by the script."""
        uid = str(payload["uid"])
        assert uid not in self.under_way
        self.under_way.add(uid)
        self.most = max(self.most, len(self.under_way))
        self.payloads.append(payload)
        self.message_ids.append(message_id())
        try:
            return await self._answer(uid)
        finally:
            self.under_way.remove(uid)

    def uids(self) -> list[object]:
        """Who was sent, in order."""
        return [payload["uid"] for payload in self.payloads]


def always(outcome: Outcome) -> Target:
    """A target with one answer."""

    async def answer(uid: str) -> Outcome:
        return outcome

    return Target(answer)


def in_turn(*outcomes: Outcome) -> Target:
    """A target with one answer after the other."""
    rest = list(outcomes)

    async def answer(uid: str) -> Outcome:
        return rest.pop(0)

    return Target(answer)


class Slow(Target):
    """A target that answers when it is told to."""

    def __init__(self, outcome: Outcome = DELIVERED) -> None:
        self._outcome = outcome
        self._go = anyio.Event()
        super().__init__(self._wait)

    async def _wait(self, uid: str) -> Outcome:
        await self._go.wait()
        return self._outcome

    def go(self) -> None:
        """Answer whoever waits, and make the next ones wait again."""
        self._go.set()
        self._go = anyio.Event()

    def open(self) -> None:
        """Answer everybody from now on."""
        self._go.set()


class Bench:
    """One forwarder at work; `now` is its clock in microseconds."""

    def __init__(self, writer: Writer[Store]) -> None:
        self.now = NOW
        self.writer = writer
        self.telemetry = Telemetry()
        self.forwarder: Forwarder

    async def absorb(self, *names: str, at: int = 0, **traits: object) -> None:
        """These customers logged in, and the forwarder is told."""
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=NOW - SECOND + at)
        messages = [
            Identify(f"{name}-{at}", moment, name, {"email": f"{name}@example.com"} | traits)
            for name in names
        ]
        await self.writer.run(lambda store: store.absorb(messages, {}, self.now))
        self.forwarder.wake()

    async def counts(self) -> Counts:
        """How the rows stand at this moment of the clock."""
        return await self.writer.run(lambda store: store.counts(self.now))

    async def until_counts(self, **wanted: int) -> Counts:
        """Wait until the rows stand so."""
        with anyio.fail_after(10):
            while True:
                counts = await self.counts()
                if all(getattr(counts, name) == value for name, value in wanted.items()):
                    return counts
                await anyio.sleep(0.002)

    def pass_time(self, seconds: float) -> None:
        """Move the clock on and wake the forwarder."""
        self.now += int(seconds * SECOND)
        self.forwarder.wake()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition; TimeoutError when it does not come."""
    with anyio.fail_after(10):
        while not condition():
            await anyio.sleep(0.002)


@asynccontextmanager
async def running(
    store: SQLiteStore,
    target: Upsert,
    *,
    pace: Pace = PACE,
    mapping: AttributeMapping = MAPPING,
    chance: float = 0.5,
) -> AsyncIterator[Bench]:
    """A forwarder that runs until the block is left."""
    async with Writer[Store](store) as writer:
        bench = Bench(writer)
        bench.forwarder = Forwarder(
            writer,
            target,
            mapping,
            bench.telemetry,
            pace,
            now=lambda: bench.now,
            chance=lambda: chance,
        )
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(bench.forwarder.run)
            yield bench
            tasks.cancel_scope.cancel()


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
    return store.claim(100, NOW + int(seconds * SECOND), SECOND)


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
        [letter] = await bench.writer.run(lambda store: store.dead(10))
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
    """After full jitter over a doubling range; each failure is counted, and not before its time."""
    target = in_turn(TRANSIENT, TRANSIENT, DELIVERED)
    async with running(store, target, chance=0.5) as bench:
        await bench.absorb("ann")
        await bench.until_counts(pending=1, due=0)
        for half_s, sent in ((1.0, 1), (2.0, 2)):  # of 2 s and 4 s
            await bench.until_counts(pending=1, due=0, leased=0)
            bench.now += int(half_s * SECOND) - 1
            assert (await bench.counts()).due == 0
            assert len(target.payloads) == sent
            bench.now += 1
            bench.forwarder.wake()
            await until(lambda sent=sent: len(target.payloads) > sent)  # type: ignore[misc] # bound
        await bench.until_counts(clean=1)
    assert len(target.payloads) == 3


async def test_attempts_are_counted(store: SQLiteStore) -> None:
    """And the last failure stays with the row."""
    target = in_turn(TRANSIENT, Outcome(Kind.SETUP, "http.403"))
    async with running(store, target) as bench:
        await bench.absorb("ann")
        await bench.until_counts(pending=1, due=0)
        bench.pass_time(1)
        await until(lambda: len(target.payloads) == 2)
        await bench.until_counts(pending=1, due=0, leased=0)
    [claim] = claim_later(store, 100)
    assert claim.attempts == 2


async def test_a_back_off_has_a_cap(store: SQLiteStore) -> None:
    """However many failures there were."""
    target = always(TRANSIENT)
    pace = Pace(concurrency=1, retry_base_s=2, retry_cap_s=3, lease_s=60, quiet_s=0)
    async with running(store, target, pace=pace, chance=1.0) as bench:
        await bench.absorb("ann")
        for number in range(1, 5):
            await until(lambda number=number: len(target.payloads) == number)  # type: ignore[misc] # bound
            await bench.until_counts(pending=1, due=0, leased=0)
            bench.pass_time(3)
        await until(lambda: len(target.payloads) == 5)


async def test_throttled_waits_at_least_as_long_as_asked(store: SQLiteStore) -> None:
    """`Retry-After` is a minimum; the back-off still counts."""
    throttled = Outcome(Kind.THROTTLED, "http.429", retry_after_s=30.0)
    async with running(store, in_turn(throttled)) as bench:
        await bench.absorb("ann")
        await bench.until_counts(pending=1, due=0, leased=0)
    assert claim_later(store, 29.999) == []
    assert len(claim_later(store, 30)) == 1


async def test_a_mapping_that_fails_is_a_dead_letter(store: SQLiteStore) -> None:
    """With the code `mapping` and the attribute's name, without a value; nothing is sent."""
    mapping = compile_mapping({"uid": "lower(email)", "phone": "lower(phone)"})
    target = always(DELIVERED)
    async with running(store, target, mapping=mapping) as bench:
        await bench.absorb("ann", phone=5550199)
        await bench.absorb("bob", phone="555")
        await bench.until_counts(dead=1, clean=1)
        [letter] = await bench.writer.run(lambda store: store.dead(10))
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
    assert (claim.key, claim.attempts) == ("ann@example.com", 1)
    assert "not_delivered code=internal text=LookupError" in caplog.text
    assert "marked" not in caplog.text


async def test_each_attempt_has_a_message_id_of_its_own(store: SQLiteStore) -> None:
    """SAP wants `integrationMessageId` unique, also for a repetition within one upsert."""
    ids: list[str] = []

    async def upsert(payload: Mapping[str, object], *, message_id: Callable[[], str]) -> Outcome:
        ids.extend((message_id(), message_id()))
        return TRANSIENT if len(ids) < 6 else DELIVERED

    async with running(store, upsert) as bench:
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


async def test_a_store_that_failed_ends_the_forwarder(store: SQLiteStore) -> None:
    """It passes through, so that the sidecar ends and is started anew."""
    async with Writer[Store](store) as writer:
        forwarder = Forwarder(writer, always(DELIVERED), MAPPING, Telemetry(), PACE)
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
        labels = {"outcome": "transient", "code": "http.502"}
        assert value("frontdesk_deliveries_total", labels) == 1
        labels = {"outcome": "delivered", "code": "http.201"}
        assert value("frontdesk_deliveries_total", labels) == 1
        assert value("frontdesk_delivery_seconds_count") == 2


async def test_an_outcome_that_is_not_known_rests_the_customer(store: SQLiteStore) -> None:
    """SAP may still be at work on an older state: a newer one sent now could be overtaken."""
    unknown = Outcome(Kind.TRANSIENT, "timeout", is_unknown=True)
    async with running(store, in_turn(unknown)) as bench:
        await bench.absorb("ann")
        await bench.until_counts(pending=1, due=0, leased=0)
        await bench.absorb("ann", at=SECOND // 2, lastName="Newer")
        assert (await bench.counts()).due == 0
    assert claim_later(store, PACE.rest_s - 5) == []
    assert len(claim_later(store, PACE.rest_s)) == 1


@pytest.mark.parametrize("kind", [Kind.THROTTLED, Kind.SETUP])
async def test_silence_when_every_customer_would_fare_the_same(
    store: SQLiteStore, kind: Kind
) -> None:
    """Nothing is sent for a while, and then only a few find out whether it is over."""
    target = always(Outcome(kind, "http.x"))
    async with running(store, target) as bench:
        await bench.absorb(*(f"c{number}" for number in range(50)))
        await until(lambda: len(target.payloads) > 0)
        await bench.until_counts(leased=0)
        sent = len(target.payloads)
        assert sent <= PACE.concurrency
        bench.forwarder.wake()
        await bench.until_counts(leased=0)
        assert len(target.payloads) == sent
        counts = await bench.counts()
    assert counts.pending == 50


async def test_silence_after_many_failures_in_a_row(store: SQLiteStore) -> None:
    """A destination that fails everybody is not asked for everybody."""
    target = always(TRANSIENT)
    async with running(store, target) as bench:
        await bench.absorb(*(f"c{number}" for number in range(100)))
        await until(lambda: len(target.payloads) >= 2 * PACE.concurrency)
        await bench.until_counts(leased=0)
        assert len(target.payloads) <= 4 * PACE.concurrency


async def test_a_clock_that_jumps_does_not_send_twice(store: SQLiteStore) -> None:
    """A customer under way stays under way, whatever the clock says of its lease."""
    target = Slow()
    async with running(store, target, pace=Pace(concurrency=4)) as bench:
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
