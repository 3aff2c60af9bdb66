"""Customers in one `$batch`, of whom one spoils it for the others; and answers that were lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from forwarder_support import DELIVERED, PACE, Target, always, none, running, until
from frontdesk_sidecar.forward.pace import Pace
from frontdesk_sidecar.sap.outcome import Kind, Outcome
from frontdesk_sidecar.store.sqlite import SQLiteStore

LOST = Outcome(Kind.TRANSIENT, "http.502", is_unknown=True)
FORBIDDEN = Outcome(Kind.SETUP, "http.403", "HTTP 403, text/html")
IN_BATCHES: Pace = replace(PACE, batch_above=2, batch_size=100, concurrency=1, concurrency_min=1)
EVIL = "evil@example.com"
OTHERS = [f"c{number:02}" for number in range(30)]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    """An empty store."""
    with SQLiteStore.open(tmp_path / "store.db") as opened:
        yield opened


class Memory(Target):
    """SAP as a table of names; it may store what it is sent and lose its answer."""

    def __init__(self) -> None:
        super().__init__(none)
        self.names: dict[object, object] = {}
        self.loses = 0

    async def upsert(
        self,
        payload: Mapping[str, object],
        *,
        message_id: Callable[[], str],
        traceparent: object = None,
    ) -> Outcome:
        """Stored in any case."""
        self.payloads.append(payload)
        self.names[payload["uid"]] = payload["name"]
        if self.loses:
            self.loses -= 1
            return LOST
        return DELIVERED


async def test_what_sap_may_have_is_never_taken_for_unchanged(store: SQLiteStore) -> None:
    """Stored, then changed with the answer lost, then changed back: the last state is sent."""
    sap = Memory()
    async with running(store, sap) as bench:
        await bench.absorb("ann", name="Old")
        await bench.until_counts(clean=1)
        sap.loses = 1
        await bench.absorb("ann", at=1_000, name="New")
        await until(lambda: sap.names["ann@example.com"] == "New")
        await bench.until_counts(pending=1, leased=0)
        await bench.absorb("ann", at=2_000, name="Old")
        bench.pass_time(PACE.rest_s + 10)
        await bench.until_counts(clean=1)
    assert sap.names == {"ann@example.com": "Old"}


class Wall(Target):
    """A firewall before SAP that answers for everybody when one of them is in the request."""

    def __init__(self, answer: Outcome) -> None:
        super().__init__(none)
        self._answer_for_all = answer
        self.sizes: list[int] = []

    async def upsert(
        self,
        payload: Mapping[str, object],
        *,
        message_id: Callable[[], str],
        traceparent: object = None,
    ) -> Outcome:
        """The culprit alone is answered so."""
        self.sizes.append(1)
        self.payloads.append(payload)
        return self._answer_for_all if payload["uid"] == EVIL else DELIVERED

    async def upsert_many(
        self,
        payloads: Sequence[Mapping[str, object]],
        *,
        message_id: Callable[[int], str],
        traceparent: object = None,
        boundary: str,
    ) -> tuple[Outcome, ...] | Outcome:
        """All of them are, when the culprit is among them."""
        self.sizes.append(len(payloads))
        if any(payload["uid"] == EVIL for payload in payloads):
            return self._answer_for_all
        return (DELIVERED,) * len(payloads)


@pytest.mark.parametrize("answer", [FORBIDDEN, LOST], ids=["refused", "connection lost"])
async def test_one_customer_that_spoils_a_batch_spoils_one(
    store: SQLiteStore, answer: Outcome
) -> None:
    """Afterwards each of them goes alone: the others arrive, and it is nobody else's fault."""
    wall = Wall(answer)
    pace = replace(IN_BATCHES, reject_tries=1, retry_tries=3)
    async with running(store, wall, pace=pace) as bench:
        await bench.absorb("evil", *OTHERS)
        await until(lambda: wall.sizes != [])
        for _ in range(30):
            counts = await bench.until_counts(leased=0)
            if counts.clean == len(OTHERS):
                break
            bench.pass_time(PACE.rest_s + 10)
        counts = await bench.until_counts(clean=len(OTHERS), leased=0)
        assert [size for size in wall.sizes if size > 1] == [1 + len(OTHERS)]
        await bench.absorb(*(f"d{number:02}" for number in range(30)), at=5_000)
        bench.pass_time(PACE.rest_s + 10)
        await bench.until_counts(clean=len(OTHERS) + 30)
    assert wall.sizes.count(30) <= 1


async def test_a_backlog_that_sap_does_not_manage_goes_in_smaller_parts(
    store: SQLiteStore,
) -> None:
    """Half as many after each that nobody knows the end of, and slowly more again."""

    class Slow(Wall):
        async def upsert_many(
            self,
            payloads: Sequence[Mapping[str, object]],
            *,
            message_id: Callable[[int], str],
            traceparent: object = None,
            boundary: str,
        ) -> tuple[Outcome, ...] | Outcome:
            self.sizes.append(len(payloads))
            return LOST if len(payloads) > 30 else (DELIVERED,) * len(payloads)

    slow = Slow(LOST)
    async with running(store, slow, pace=IN_BATCHES) as bench:
        await bench.absorb(*(f"c{number:03}" for number in range(400)))
        for _ in range(30):
            counts = await bench.until_counts(leased=0)
            if counts.clean == 400:
                break
            bench.pass_time(PACE.rest_s + 10)
        await bench.until_counts(clean=400)
    failed = [size for size in slow.sizes if size > 30]
    assert len(failed) <= 4
    assert max(size for size in slow.sizes if size <= 30) > 20


async def test_a_death_by_time_out_is_rested_too(tmp_path: Path) -> None:
    """New data revives it, but not while SAP may still be at work on the last attempt."""
    rest_us = int(PACE.rest_s * 1_000_000)
    timeout = Outcome(Kind.REJECTED, "timeout", is_unknown=True)
    with SQLiteStore.open(tmp_path / "store.db", rest_us=rest_us) as store:
        async with running(store, always(timeout)) as bench:
            await bench.absorb("ann")
            await bench.until_counts(dead=1)
            await bench.absorb("ann", at=1_000, name="New")
            counts = await bench.counts()
            assert (counts.pending, counts.due) == (1, 0)
        target = always(DELIVERED)
        async with running(store, target) as bench:
            bench.pass_time(PACE.rest_s)
            await bench.until_counts(clean=1)


async def test_whoever_is_forgotten_meanwhile_rests_too(store: SQLiteStore) -> None:
    """A login right after must not be sent beside a request that is under way."""
    target = always(DELIVERED)
    async with running(store, target) as bench:
        bench.forwarder.ledger.rest("ann@example.com")
        await bench.absorb("ann", "joe")
        await until(lambda: target.uids() == ["joe@example.com"])
        await bench.until_counts(pending=1, due=0, leased=0, clean=1)
        bench.pass_time(PACE.rest_s + 1)
        await bench.until_counts(clean=2)
