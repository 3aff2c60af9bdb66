"""Any sequence of operations on a store agrees with a dictionary that does the same."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
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
from frontdesk_sidecar.store import Claim, Dead, Delivered, Release, Retry, Settlement, Store, Which
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
    sent_at: int | None = None
    attempts: int = 0
    history: list[int] = field(default_factory=list)
    code: str | None = None
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
        elif self.state == "pending" and self.code is None:
            self.due_at = min(self.due_at or 0, now)

    def wait(self, due_at: int, since: int | None) -> None:
        """Pending until then."""
        self.state, self.due_at, self.since, self.token = "pending", due_at, since, None

    def fail(self, code: str, now: int) -> None:
        """One more failed attempt."""
        self.code, self.history = code, [*self.history, now][-5:]

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
            case Delivered(claim, sent_hash, sent_at):
                self.attempts, self.history, self.code = 0, [], None
                self.sent_revision, self.sent_hash = claim.revision, sent_hash
                self.sent_at = now if sent_at is None else sent_at
                self.finish("clean", claim, now)
            case Retry(_, due_at, code, counted=counted):
                self.attempts += counted
                self.fail(code, now)
                self.wait(due_at, self.since)
            case Dead(claim, code):
                self.attempts += 1
                self.fail(code, now)
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
        for message in in_time(messages, now):
            key = message.key
            assert key is not None
            facts = customer.from_message(message)
            row = self.rows.get(key)
            if row is None:
                self.rows[key] = Row(facts, due_at=now, since=now, changed_at=now)
                changed.add(key)
                continue
            merged = customer.merge(row.facts, facts, now)
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

    def dead(self, code: str | None, since: int | None) -> list[str]:
        """Dead letters, the earliest to die first where the times differ."""
        rows = [
            (row.settled_at, key)
            for key, row in self.rows.items()
            if row.state == "dead" and code in (None, row.code) and row.settled_at >= (since or 0)
        ]
        return [key for _, key in sorted(rows)]


def in_time(messages: list[Identify], now: int) -> list[Identify]:
    """None is later than now; of each customer the latest is at that time, the next before it."""
    found = list(messages)
    for name in {message.user_id for message in messages}:
        ahead = [
            (message.timestamp, place)
            for place, message in enumerate(messages)
            if message.user_id == name and customer.microseconds(message.timestamp) > now
        ]
        for before, (_, place) in enumerate(sorted(ahead, reverse=True)):
            found[place] = replace(messages[place], timestamp=EPOCH + now * TICK - before * TICK)
    return found


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TICK = timedelta(microseconds=1)
names = st.sampled_from(["ann", "joe"])
values = st.sampled_from([None, "1", "2"])
#: Who, how long after now, phone, title.
Saying: TypeAlias = tuple[str, int, str | None, str | None]
saying: st.SearchStrategy[Saying] = st.tuples(names, st.integers(-20, 5), values, values)
steps = st.sampled_from([0, 1, 2, 5, LEASE])
kinds = st.sampled_from(["delivered", "unchanged", "retry", "uncounted", "dead", "dead", "release"])
codes = st.sampled_from(["400", "500"])
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
        self.note: int | None = None
        self.store = self.open()

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            shutil.rmtree(self.directory)

    @rule(step=st.sampled_from([1, 5, LEASE]))
    def set_the_clock_back(self, step: int) -> None:
        self.now -= step

    @rule(age=steps)
    def bring_forward(self, age: int) -> None:
        latest = self.now + age
        rows = self.model.rows.values()
        late = [row for row in rows if row.state == "pending" and (row.due_at or 0) > latest]
        assert self.store.bring_forward(latest) == len(late)
        for row in late:
            row.due_at = latest

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

    @rule(limit=st.integers(1, 4), failed=st.booleans(), untried=st.booleans(), target=claims)
    def claim(self, limit: int, failed: bool, untried: bool) -> MultipleResults[Claim]:
        everybody = self.model.due(self.now)
        assert self.store.is_due(self.now) is bool(everybody)
        due = {
            key: row
            for key, row in everybody.items()
            if (row.attempts > 0) is failed and not (untried and row.code)
        }
        before = sorted((row.due_at or 0 for row in due.values()), reverse=untried)
        claims = self.store.claim(limit, self.now, LEASE, failed=failed, untried=untried)
        assert [due[claim.key].due_at for claim in claims] == before[:limit]
        for claim in claims:
            self.check_claim(claim, self.model.rows[claim.key])
        results: MultipleResults[Claim] = multiple(*claims)
        return results

    def check_claim(self, claim: Claim, row: Row) -> None:
        assert claim.customer == Customer.of(claim.key, row.facts)
        assert (claim.revision, claim.attempts) == (row.revision, row.attempts)
        assert (claim.sent_revision, claim.sent_hash) == (row.sent_revision, row.sent_hash)
        assert (claim.sent_at, claim.code) == (row.sent_at, row.code)
        assert claim.token != row.token
        row.state, row.token, row.due_at = "leased", claim.token, self.now + LEASE

    @rule(claim=consumes(claims), how=kinds, sent_hash=hashes, step=steps, code=codes)
    def settle_once(
        self, claim: Claim, how: str, sent_hash: bytes | None, step: int, code: str
    ) -> None:
        kinds: dict[str, Settlement] = {
            "delivered": Delivered(claim, sent_hash),
            "unchanged": Delivered(claim, claim.sent_hash, claim.sent_at),
            "retry": Retry(claim, self.now + step, code, "server error", "id-1"),
            "uncounted": Retry(claim, self.now + step, code, "nobody's", counted=False),
            "dead": Dead(claim, code, "bad", "id-2"),
            "release": Release(claim, self.now + step),
        }
        self.settle(kinds[how])

    @rule(claim=claims)
    def settle_and_keep_the_claim(self, claim: Claim) -> None:
        self.settle(Delivered(claim, b"kept"))

    def settle(self, settlement: Settlement) -> None:
        row = self.model.rows.get(settlement.claim.key)
        fenced = row is None or row.token != settlement.claim.token
        settled = self.store.settle([settlement], self.now)
        assert (settled.settled, settled.stale) == (int(not fenced), int(fenced))
        if row is not None and not fenced:
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

    @rule(code=st.none() | codes, age=st.none() | steps)
    def revive(self, code: str | None, age: int | None) -> None:
        since = None if age is None else self.now - age
        chosen = self.model.dead(code, since)
        assert self.store.revive(Which(code=code, since=since), self.now) == len(chosen)
        for key in chosen:
            row = self.model.rows[key]
            row.attempts = 0
            row.wait(self.now, self.now)

    @rule(code=st.none() | codes, limit=st.integers(1, 2))
    def discard(self, code: str | None, limit: int) -> None:
        chosen = self.model.dead(code, None)
        before = {key: self.model.rows[key].settled_at for key in chosen}
        assert self.store.discard(Which(code=code), limit) == min(limit, len(chosen))
        left = {letter.key for letter in self.store.dead(Which(code=code), 9)}
        gone = before.keys() - left
        assert sorted(before[key] for key in gone) == sorted(before.values())[: len(gone)]
        for key in gone:
            del self.model.rows[key]

    @rule(name=names)
    def forget(self, name: str) -> None:
        known = self.model.rows.pop(f"{name}@example.com", None)
        assert self.store.forget(f"{name}@example.com") is (known is not None)

    @rule(value=st.none() | st.integers(-9, 9))
    def remember(self, value: int | None) -> None:
        self.store.remember("note", value)
        self.note = value

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
        assert counts.oldest_us == (max(0, self.now - min(since)) if since else None)
        assert self.store.offsets() == self.model.offsets
        letters = self.store.dead(Which(), 9)
        dead = {(one.key, one.code, one.attempts, one.died_at) for one in letters}
        assert dead == {
            (key, row.code, row.attempts, row.settled_at)
            for key, row in self.model.rows.items()
            if row.state == "dead"
        }
        for letter in letters:
            row = self.model.rows[letter.key]
            assert letter.customer == Customer.of(letter.key, row.facts)
            assert [attempt.at for attempt in letter.history] == row.history
        by_code = Counter(row.code for row in rows if row.state == "dead")
        assert self.store.dead_codes() == by_code
        assert self.store.recall("note") == self.note


#: The machine as a test case for pytest.
TestStoreMachine = StoreMachine.TestCase
TestStoreMachine.settings = settings(max_examples=120, stateful_step_count=50, deadline=None)
