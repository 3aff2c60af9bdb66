"""Any sequence of operations on a store agrees with a dictionary that does the same."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeAlias

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
)

from frontdesk.event import Identify
from frontdesk_sidecar import customer
from frontdesk_sidecar.customer import Customer, Facts
from frontdesk_sidecar.store import Claim, Dead, Delivered, Release, Retry, Settlement, Store
from frontdesk_sidecar.store.sqlite import SQLiteStore

LEASE = 30


@dataclass
class Row:
    """One customer in the model; times are small integers."""

    facts: Facts
    due_at: int | None
    since: int | None
    changed_at: int
    state: str = "pending"
    revision: int = 1
    sent_revision: int = 0
    sent_hash: bytes | None = None
    attempts: int = 0
    token: str | None = None
    settled_at: int = 0
    scrubbed: bool = False

    def change(self, facts: Facts, now: int) -> None:
        """New data."""
        self.facts, self.scrubbed, self.changed_at = facts, False, now
        self.revision += 1
        if self.state in ("clean", "dead"):
            self.attempts = 0
            self.wait(now, now)
        elif self.state == "pending" and self.attempts == 0:
            self.due_at = min(self.due_at or 0, now)

    def wait(self, due_at: int, since: int | None) -> None:
        """Pending until then."""
        self.state, self.due_at, self.since, self.token = "pending", due_at, since, None

    def finish(self, state: str, claim: Claim, now: int) -> None:
        """Clean or dead, unless there is newer data."""
        if self.revision > claim.revision:
            self.attempts = 0
            self.wait(now, self.changed_at)
        else:
            self.state, self.due_at, self.since, self.token = state, None, None, None
            self.settled_at = now

    def settle(self, settlement: Settlement, now: int) -> None:
        """What became of the claim."""
        match settlement:
            case Delivered(claim, sent_hash):
                self.attempts = 0
                self.sent_revision, self.sent_hash = claim.revision, sent_hash
                self.finish("clean", claim, now)
            case Retry(_, due_at):
                self.attempts += 1
                self.wait(due_at, self.since)
            case Dead(claim):
                self.attempts += 1
                self.finish("dead", claim, now)
            case Release(_, due_at):
                self.wait(due_at, self.since)


@dataclass
class Model:
    """The whole store as dictionaries."""

    rows: dict[str, Row] = field(default_factory=dict)
    offsets: dict[str, int] = field(default_factory=dict)

    def absorb(self, messages: list[Identify], now: int) -> int:
        """Message by message, counting the customers that changed."""
        changed = set()
        for message in messages:
            key = message.key
            assert key is not None
            facts = customer.from_message(message, now)
            row = self.rows.get(key)
            if row is None:
                self.rows[key] = Row(facts, due_at=now, since=now, changed_at=now)
                changed.add(key)
                continue
            merged = customer.merge(row.facts, facts)
            if customer.encode(merged) == customer.encode(row.facts):
                continue
            revision = row.revision
            row.change(merged, now)
            if key in changed:  # a batch is one change
                row.revision = revision
            changed.add(key)
        return len(changed)

    def due(self, now: int) -> dict[str, Row]:
        """Whoever may be claimed."""
        rows = self.rows.items()
        return {key: row for key, row in rows if row.due_at is not None and row.due_at <= now}


names = st.sampled_from(["ann", "joe"])
values = st.sampled_from([None, "1", "2"])
#: Who, how long after now, phone, title.
Saying: TypeAlias = tuple[str, int, str | None, str | None]
saying: st.SearchStrategy[Saying] = st.tuples(names, st.integers(-20, 5), values, values)
steps = st.sampled_from([0, 1, 2, 5, LEASE])
kinds = st.sampled_from(["delivered", "retry", "dead", "release"])
hashes = st.sampled_from([None, b"one", b"two"])
offsets = st.dictionaries(st.sampled_from(["s1", "s2"]), st.integers(0, 99), max_size=2)


class StoreMachine(RuleBasedStateMachine):
    """The store against the model; another engine overrides `open` and maybe `reopened`."""

    claims = Bundle[Claim]("claims")

    def open(self) -> Store:
        """Open the store in `self.directory`, for the first time or again."""
        return SQLiteStore.open(self.directory / "store.db")

    def reopened(self) -> None:
        """What opening again does to the model: here, no lease outlives its process."""
        for row in self.model.rows.values():
            if row.state == "leased":
                row.wait(0, row.since)

    @initialize()
    def start(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="frontdesk-"))
        self.model = Model()
        self.now = 1000
        self.store = self.open()

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            shutil.rmtree(self.directory)

    @rule(step=steps)
    def wait(self, step: int) -> None:
        self.now += step

    @rule(said=st.lists(saying, max_size=5), offsets=offsets)
    def absorb(self, said: list[Saying], offsets: dict[str, int]) -> None:
        messages = [self.login(*one) for one in said]
        absorbed = self.store.absorb(messages, offsets, self.now)
        assert absorbed.merged == len({message.key for message in messages})
        assert absorbed.changed == self.model.absorb(messages, self.now)
        self.model.offsets |= offsets

    def login(self, name: str, age: int, phone: str | None, title: str | None) -> Identify:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=self.now + age)
        traits = {"email": f"{name}@example.com", "phone": phone, "title": title}
        return Identify("m", moment, name, traits)

    @rule(name=names, value=values)
    def log_in(self, name: str, value: str | None) -> None:
        self.absorb([(name, 0, value, value)], {})

    @rule(gone=st.sampled_from(["s1", "s2"]))
    def forget_segment(self, gone: str) -> None:
        self.store.forget_segments([gone])
        self.model.offsets.pop(gone, None)

    @rule(limit=st.integers(1, 4), target=claims)
    def claim(self, limit: int) -> MultipleResults[Claim]:
        due = self.model.due(self.now)
        before = [(row.due_at, row.attempts) for row in due.values()]
        claims = self.store.claim(limit, self.now, LEASE)
        assert len(claims) == min(limit, len(due))
        claimed = [(due[claim.key].due_at, due[claim.key].attempts) for claim in claims]
        assert claimed == sorted(before)[: len(claims)]
        for claim in claims:
            self.check_claim(claim, self.model.rows[claim.key])
        results: MultipleResults[Claim] = multiple(*claims)
        return results

    def check_claim(self, claim: Claim, row: Row) -> None:
        assert claim.customer == Customer.of(claim.key, row.facts)
        assert (claim.revision, claim.attempts) == (row.revision, row.attempts)
        assert (claim.sent_revision, claim.sent_hash) == (row.sent_revision, row.sent_hash)
        assert claim.token != row.token
        row.state, row.token, row.due_at = "leased", claim.token, self.now + LEASE

    @rule(claim=consumes(claims), how=kinds, sent_hash=hashes, step=steps)
    def settle_once(self, claim: Claim, how: str, sent_hash: bytes | None, step: int) -> None:
        kinds: dict[str, Settlement] = {
            "delivered": Delivered(claim, sent_hash),
            "retry": Retry(claim, self.now + step, "500", "server error"),
            "dead": Dead(claim, "400", "bad"),
            "release": Release(claim, self.now + step),
        }
        self.settle(kinds[how])

    @rule(claim=claims)
    def settle_and_keep_the_claim(self, claim: Claim) -> None:
        self.settle(Delivered(claim, b"kept"))

    def settle(self, settlement: Settlement) -> None:
        row = self.model.rows[settlement.claim.key]
        fenced = row.token != settlement.claim.token
        settled = self.store.settle([settlement], self.now)
        assert (settled.settled, settled.stale) == (int(not fenced), int(fenced))
        if not fenced:
            row.settle(settlement, self.now)

    @rule(age=steps)
    def scrub(self, age: int) -> None:
        before = self.now - age
        rows = [
            row
            for row in self.model.rows.values()
            if row.state == "clean" and not row.scrubbed and row.settled_at < before
        ]
        assert self.store.scrub(before) == len(rows)
        for row in rows:
            row.facts, row.scrubbed = customer.forgotten(row.facts), True

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = self.open()
        self.reopened()

    @rule(work=st.sampled_from(["absorb", "claim"]))
    def roll_back(self, work: str) -> None:
        undone: dict[str, Callable[[], object]] = {
            "absorb": lambda: self.store.absorb([self.login("new", 0, "3", "3")], {"s3": 1}, 0),
            "claim": lambda: self.store.claim(9, self.now, LEASE),
        }
        try:
            with self.store.transaction():
                undone[work]()
                raise LookupError
        except LookupError:
            pass

    @invariant()
    def the_store_agrees(self) -> None:
        if not hasattr(self, "store"):
            return
        rows = self.model.rows.values()
        states = [row.state for row in rows]
        counts = self.store.counts(self.now)
        for state in ("pending", "leased", "dead", "clean"):
            assert getattr(counts, state) == states.count(state)
        assert counts.due == len(self.model.due(self.now))
        since = [row.since for row in rows if row.since is not None]
        assert counts.oldest_us == (self.now - min(since) if since else None)
        assert self.store.offsets() == self.model.offsets
        dead = {(letter.key, letter.attempts, letter.died_at) for letter in self.store.dead(9)}
        assert dead == {
            (key, row.attempts, row.settled_at)
            for key, row in self.model.rows.items()
            if row.state == "dead"
        }


#: The machine as a test case for pytest.
TestStoreMachine = StoreMachine.TestCase
TestStoreMachine.settings = settings(max_examples=200, stateful_step_count=50, deadline=None)
