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
from frontdesk_sidecar.store import (
    DEFAULT_TARGET,
    Claim,
    Counts,
    Dead,
    Delivered,
    Release,
    Retry,
    Settlement,
    Store,
    Which,
)
from frontdesk_sidecar.store.sqlite import SQLiteStore

LEASE = 30
#: A customer, and the target that this row is for.
Who: TypeAlias = tuple[str, str]
TARGETS = (DEFAULT_TARGET, "b2b", "b2c")


@dataclass
class Row:
    """One customer for one target in the model; times are small integers."""

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
            self.wait(self.rested(now), now)
        elif self.state == "pending" and self.code is None:
            self.due_at = min(self.due_at or 0, now)

    def rested(self, now: int) -> int:
        """A dead letter may come back from when it died on, also by a clock that was set back."""
        return max(now, self.settled_at) if self.state == "dead" else now

    def wait(self, due_at: int, since: int | None) -> None:
        """Pending until then."""
        self.state, self.due_at, self.since, self.token = "pending", due_at, since, None

    def fail(self, code: str, now: int) -> None:
        """One more failed attempt."""
        self.code, self.history = code, [*self.history, now][-5:]
        self.sent_hash = None  # nobody knows what SAP has

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
                self.sent_hash = None
                self.wait(due_at, self.since)


@dataclass
class Model:
    """The whole store as dictionaries."""

    rows: dict[Who, Row] = field(default_factory=dict)
    offsets: dict[str, int] = field(default_factory=dict)

    def absorb(self, messages: list[Identify], now: int) -> int:
        """Message by message, counting the rows that changed."""
        changed = set()
        for message in in_time(messages, now):
            assert message.key is not None
            key = (message.key, target_of(message))
            revision = self.rows[key].revision if key in self.rows else 0
            if self.merge(key, customer.from_message(message), now):
                if key in changed:  # a batch is one change
                    self.rows[key].revision = revision
                changed.add(key)
        return len(changed)

    def merge(self, who: Who, facts: Facts, now: int) -> bool:
        """What is new of one; whether there was anything."""
        row = self.rows.get(who)
        if row is None:
            self.rows[who] = Row(facts, due_at=now, since=now, changed_at=now)
            return True
        merged = customer.merge(row.facts, facts, now)
        if customer.encode(merged) == customer.encode(row.facts):
            return False
        row.change(merged, now)
        return True

    def due(self, now: int, target: str) -> dict[str, Row]:
        """Whoever may be claimed for a target."""
        return {
            key: row
            for (key, of), row in self.rows.items()
            if of == target and row.due_at is not None and row.due_at <= now
        }

    def dead(self, code: str | None, since: int | None, target: str | None) -> list[Who]:
        """Dead letters, the earliest to die first where the times differ."""
        rows = [
            (row.settled_at, who)
            for who, row in self.rows.items()
            if row.state == "dead"
            and code in (None, row.code)
            and row.settled_at >= (since or 0)
            and target in (None, who[1])
        ]
        return [key for _, key in sorted(rows)]


def target_of(message: Identify) -> str:
    """Each site has its own."""
    assert message.site is not None
    return message.site


def in_time(messages: list[Identify], now: int) -> list[Identify]:
    """None is later than now; of each row the latest is at that time, the next before it."""
    found = list(messages)
    for who in {(message.user_id, message.site) for message in messages}:
        ahead = [
            (message.timestamp, place)
            for place, message in enumerate(messages)
            if (message.user_id, message.site) == who
            and customer.microseconds(message.timestamp) > now
        ]
        for before, (_, place) in enumerate(sorted(ahead, reverse=True)):
            found[place] = replace(messages[place], timestamp=EPOCH + now * TICK - before * TICK)
    return found


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TICK = timedelta(microseconds=1)
names = st.sampled_from(["ann", "joe"])
values = st.sampled_from([None, "1", "2"])
targets = st.sampled_from(TARGETS)
#: Who, how long after now, phone, title, for which target.
Saying: TypeAlias = tuple[str, int, str | None, str | None, str]
saying: st.SearchStrategy[Saying] = st.tuples(names, st.integers(-20, 5), values, values, targets)
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
                row.sent_hash = None

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
        absorbed = self.store.absorb(messages, offsets, self.now, target_of)
        assert absorbed.merged == len({(message.key, message.site) for message in messages})
        assert absorbed.changed == self.model.absorb(messages, self.now)
        self.model.offsets |= offsets

    def login(
        self, name: str, age: int, phone: str | None, title: str | None, target: str
    ) -> Identify:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=self.now + age)
        traits = {"email": f"{name}@example.com", "phone": phone, "title": title}
        return Identify("m", moment, name, traits, site=target)

    @rule(name=names, value=values, of=targets)
    def log_in(self, name: str, value: str | None, of: str) -> None:
        self.absorb([(name, 0, value, value, of)], {})

    @rule(gone=st.sampled_from(["s1", "s2"]))
    def forget_segment(self, gone: str) -> None:
        self.store.forget_segments([gone])
        self.model.offsets.pop(gone, None)

    @rule(
        limit=st.integers(1, 4),
        failed=st.booleans(),
        untried=st.booleans(),
        of=targets,
        target=claims,
    )
    def claim(self, limit: int, failed: bool, untried: bool, of: str) -> MultipleResults[Claim]:
        everybody = self.model.due(self.now, of)
        assert self.store.is_due(self.now, of) is bool(everybody)
        due = {key: row for key, row in everybody.items() if (row.code is not None) is failed}
        before = sorted((row.due_at or 0 for row in due.values()), reverse=untried)
        claims = self.store.claim(limit, self.now, LEASE, target=of, failed=failed, untried=untried)
        assert [due[claim.key].due_at for claim in claims] == before[:limit]
        for claim in claims:
            assert claim.target == of
            self.check_claim(claim, self.model.rows[claim.key, of])
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
        row = self.model.rows.get((settlement.claim.key, settlement.claim.target))
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

    @rule(of=st.none() | targets)
    def again(self, of: str | None) -> None:
        there = [row for (_, target), row in self.model.rows.items() if of in (None, target)]
        chosen = [row for row in there if row.state != "dead" and not row.scrubbed]
        found, last = self.store.again(of, 0, 1000, self.now)
        assert (found.due, last) == (len(chosen), None)
        assert found.erased == sum(row.state == "clean" and row.scrubbed for row in there)
        for row in chosen:
            row.sent_hash = None
            if row.state == "clean":
                row.wait(self.now, self.now)
            elif row.state == "leased":
                row.revision, row.changed_at = row.revision + 1, self.now

    @rule(code=st.none() | codes, age=st.none() | steps, of=st.none() | targets)
    def revive(self, code: str | None, age: int | None, of: str | None) -> None:
        since = None if age is None else self.now - age
        chosen = self.model.dead(code, since, of)
        which = Which(code=code, since=since, target=of)
        assert self.store.revive(which, self.now) == len(chosen)
        for who in chosen:
            row = self.model.rows[who]
            row.attempts = 0
            row.wait(row.rested(self.now), self.now)

    @rule(code=st.none() | codes, limit=st.integers(1, 2), of=st.none() | targets)
    def discard(self, code: str | None, limit: int, of: str | None) -> None:
        chosen = self.model.dead(code, None, of)
        before = {who: self.model.rows[who].settled_at for who in chosen}
        assert self.store.discard(Which(code=code, target=of), limit) == min(limit, len(chosen))
        letters = self.store.dead(Which(code=code, target=of), 99)
        gone = before.keys() - {(letter.key, letter.target) for letter in letters}
        assert sorted(before[who] for who in gone) == sorted(before.values())[: len(gone)]
        for who in gone:
            del self.model.rows[who]

    @rule(name=names)
    def forget(self, name: str) -> None:
        key = f"{name}@example.com"
        known = [self.model.rows.pop((key, target), None) for target in TARGETS]
        assert self.store.forget(key) is any(known)

    @rule(of=targets)
    def drop_target(self, of: str) -> None:
        chosen = self.elsewhere(of)
        assert self.store.drop_target(of) == len(chosen)
        for who in chosen:
            del self.model.rows[who]

    @rule(of=targets, to=targets)
    def move_target(self, of: str, to: str) -> None:
        if of == to:
            return
        chosen = self.elsewhere(of)
        assert self.store.move_target(of, to, self.now) == len(chosen)
        for who in chosen:
            moved = self.model.rows.pop(who)
            if not moved.scrubbed:
                self.model.merge((who[0], to), moved.facts, self.now)

    def elsewhere(self, of: str) -> list[Who]:
        """The rows of a target other than the default one."""
        return [who for who in self.model.rows if who[1] == of != DEFAULT_TARGET]

    @rule(value=st.none() | st.integers(-9, 9))
    def remember(self, value: int | None) -> None:
        self.store.remember("note", value)
        self.note = value

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = self.open()
        self.reopened()

    @rule(work=st.sampled_from(["absorb", "claim", "move"]))
    def roll_back(self, work: str) -> None:
        undone: dict[str, Callable[[], object]] = {
            "absorb": lambda: self.store.absorb(
                [self.login("new", 0, "3", "3", "b2c")], {"s3": 1}, 0, target_of
            ),
            "claim": lambda: self.store.claim(9, self.now, LEASE, target="b2b"),
            "move": lambda: self.store.move_target("b2b", "b2c", self.now),
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
        rows = self.model.rows
        found = self.store.counts_by_target(self.now)
        assert found.keys() == {target for _, target in rows}
        for target, counts in found.items():
            own = [row for (_, of), row in rows.items() if of == target]
            states = [row.state for row in own]
            for state in ("pending", "leased", "dead", "clean"):
                assert getattr(counts, state) == states.count(state)
            assert counts.due == len(self.model.due(self.now, target))
            since = [row.since for row in own if row.since is not None]
            assert counts.oldest_us == (max(0, self.now - min(since)) if since else None)
            by_code = Counter(row.code for row in own if row.state == "dead")
            assert self.store.dead_codes(target) == by_code
        assert self.store.counts(self.now) == Counts.together(found.values(), self.store.size())
        assert self.store.offsets() == self.model.offsets
        letters = self.store.dead(Which(), 99)
        dead = {(one.key, one.target, one.code, one.attempts, one.died_at) for one in letters}
        assert dead == {
            (*who, row.code, row.attempts, row.settled_at)
            for who, row in rows.items()
            if row.state == "dead"
        }
        for letter in letters:
            row = rows[letter.key, letter.target]
            assert letter.customer == Customer.of(letter.key, row.facts)
            assert [attempt.at for attempt in letter.history] == row.history
        assert self.store.dead_codes() == Counter(letter.code for letter in letters)
        assert self.store.recall("note") == self.note


#: The machine as a test case for pytest.
TestStoreMachine = StoreMachine.TestCase
TestStoreMachine.settings = settings(stateful_step_count=50, deadline=None)
