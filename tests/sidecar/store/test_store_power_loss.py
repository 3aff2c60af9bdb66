"""What of the store is left after a power loss: all that was returned, and nothing by halves.

The store works on a disk that keeps only what was synced (`power_loss`). The power fails between
any two operations; each time the store is opened on what may be left then. The checks themselves
are checked: with weaker settings, and with the journal's offset in a transaction of its own, they
find the loss.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any, Final, Protocol, TypeAlias

import pytest

from apsw_recorder import ApswRecorder
from asgi_support import memory_directory
from frontdesk.event import Identify
from frontdesk_sidecar.store import Dead, Delivered, Retry, StoreError, sqlite_file
from frontdesk_sidecar.store.sqlite import SQLiteStore
from power_loss import EVERYTHING, FATES, Disk, Image, Platter
from sqlite_recorder import LibraryRecorder, Recorder, UnwatchableError

NOW: Final = 1_795_176_000_000_000
SECOND: Final = 1_000_000
LEASE: Final = 60 * SECOND
NAME: Final = "store.db"
SEGMENT: Final = "web-1"
#: Of each of the two runs.
ROUNDS: Final = 3
BATCH: Final = 3
#: Bytes of the journal that a batch takes.
STRIDE: Final = 1000
OPEN_CLEAN_DEAD: Final = ("pending", "clean", "dead")

#: Everything in the tables: name -> rows.
State: TypeAlias = dict[str, list[tuple[Any, ...]]]
#: Verdict -> how many images.
Verdicts: TypeAlias = Counter[str]
#: The offset, and how many customers are open, clean and dead.
Seen: TypeAlias = tuple[int, int, int, int]
Absorb: TypeAlias = Callable[[SQLiteStore, list[Identify], int, int], None]


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    """Watches SQLite; where that cannot be done, there is nothing to test with."""
    with ExitStack() as stack:
        yield watching(stack)


def watching(stack: ExitStack) -> Recorder:
    """The first recorder that works here, installed."""
    reason = ""
    for kind in (LibraryRecorder, ApswRecorder):
        try:
            recorder = kind()
            stack.enter_context(recorder.installed())
        except UnwatchableError as error:
            reason = str(error)
        else:
            return recorder
    pytest.skip(reason)


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    """Where the store is: in memory, for what is kept of it the recorder alone decides."""
    with memory_directory(tmp_path.resolve()) as memory:
        made = memory / "var"
        made.mkdir()
        yield made


#: Of what the disk may have left at any operation, every n-th is tried; POWER_STEP=1: all of it.
STEP = int(os.environ.get("POWER_STEP", "2"))


def alter(monkeypatch: pytest.MonkeyPatch, **values: object) -> None:
    """Let the store ask for these values of some pragmas instead of its own."""
    pragmas = dict(pragma.split(" = ") for pragma in sqlite_file._PRAGMAS)
    for name, value in values.items():
        assert f"PRAGMA {name}" in pragmas
        pragmas[f"PRAGMA {name}"] = str(value)
    altered = tuple(f"{name} = {value}" for name, value in pragmas.items())
    monkeypatch.setattr(sqlite_file, "_PRAGMAS", altered)


def login(name: str, at: int) -> Identify:
    """A login of a customer, large enough that a batch takes some pages."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at)
    traits = {"email": f"{name}@example.com", "note": f"{name} {at} " * 60}
    return Identify(f"{name}-{at}", moment, name, traits)


def absorb(store: SQLiteStore, batch: list[Identify], offset: int, now: int) -> None:
    """As the product does: the customers and the offset are one transaction."""
    store.absorb(batch, {SEGMENT: offset}, now)


def absorb_apart(store: SQLiteStore, batch: list[Identify], offset: int, now: int) -> None:
    """As it should not be done: a power loss may come in between."""
    store.absorb(batch, {}, now)
    store.absorb([], {SEGMENT: offset}, now)


@dataclass(frozen=True)
class Mark:
    """A transaction has returned: how long the record was, what the files and the store held."""

    length: int
    files: Image
    seen: Seen


@dataclass
class Run:
    """A store at work on a recorded disk, and where in the record its transactions returned."""

    path: Path
    disk: Disk
    absorb: Absorb
    marks: list[Mark] = field(default_factory=list)

    def mark(self, store: SQLiteStore) -> None:
        """Note that a transaction has returned."""
        files = {file.name: file.read_bytes() for file in sorted(self.path.parent.iterdir())}
        counts = store.counts(NOW)
        seen = (
            store.offsets().get(SEGMENT, 0),
            counts.pending + counts.leased,
            counts.clean,
            counts.dead,
        )
        self.marks.append(Mark(len(self.disk.log), files, seen))

    def work(self, rounds: int) -> None:
        """Open the store, go on where it ended, and close it."""
        with SQLiteStore.open(self.path) as store:
            self.mark(store)
            first = store.offsets().get(SEGMENT, 0) // STRIDE
            for number in range(first, first + rounds):
                self.round(store, number)

    def round(self, store: SQLiteStore, number: int) -> None:
        """New customers and a known one, three deliveries, and now and then a checkpoint."""
        now = NOW + number * SECOND
        batch = [login(f"c{number}-{one}", now) for one in range(BATCH)] + [login("c0-0", now)]
        self.absorb(store, batch, (number + 1) * STRIDE, now)
        self.mark(store)
        one, two, three = store.claim(3, now, LEASE)
        self.mark(store)
        store.settle([Delivered(one, b"hash"), Retry(two, now + SECOND, "503", "busy")], now)
        self.mark(store)
        store.settle([Dead(three, "400", "refused")], now)
        self.mark(store)
        if number % 3 == 2:
            store.checkpoint()


class Work(Protocol):
    """Lets a store work, and gives the run."""

    def __call__(self, how: Absorb = absorb) -> Run:
        """`how` it absorbs."""
        raise NotImplementedError


@pytest.fixture
def worked(recorder: Recorder, directory: Path) -> Work:
    """Two runs of a sidecar on one file, recorded together."""

    def work(how: Absorb = absorb) -> Run:
        with recorder.recording(directory) as disk:
            run = Run(directory / NAME, disk, how)
            run.work(ROUNDS)
            run.work(ROUNDS)
        return run

    return work


def recover(path: Path) -> State | None:
    """What the store finds after a power loss; None when it is damaged or will not open."""
    try:
        with SQLiteStore.open(path) as store:
            if store.report is not None:
                return None  # a salvage would hide the damage
        with closing(sqlite3.connect(path)) as connection:
            return dump(connection)
    except (StoreError, sqlite3.DatabaseError):
        return None


def dump(connection: sqlite3.Connection) -> State | None:
    """All tables, if they are sound."""
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")  # or the log would need shared memory
    if connection.execute("PRAGMA quick_check").fetchall() != [("ok",)]:
        return None
    names = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
    return {
        name: connection.execute(f'SELECT * FROM "{name}"').fetchall()  # noqa: S608 - a table's name
        for (name,) in names
    }


def put(image: Image, directory: Path) -> None:
    """Make the directory hold these files alone."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    for name, content in image.items():
        (directory / name).write_bytes(content)


class Inspection:
    """Opens the store on what a power loss leaves, and says what became of the transactions."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._directory = run.path.parent.with_name("image")
        self._found: dict[int, State | None] = {}
        #: What is to be found when the power fails just after each transaction, and all was kept.
        self.expected = [self._state(mark.files) for mark in run.marks]

    def _state(self, image: Image) -> State | None:
        """What the store finds in these files."""
        known = hash(tuple(sorted(image.items())))
        if known not in self._found:
            put(image, self._directory)
            self._found[known] = recover(self._directory / NAME)
        return self._found[known]

    def verdicts(self, step: int = STEP) -> Verdicts:
        """Let the power fail between any two operations; of what may be left, try every n-th."""
        left = islice(images(self.run), 0, None, step)
        return Counter(self._verdict(image, done) for image, done in left)

    def _verdict(self, image: Image, done: int) -> str:
        """`done` transactions had returned; one more may have been under way.

        damaged: does not open, or is not sound; apart: the offset and the customers disagree;
        lost: a transaction that had returned is not there; by halves: there, but not all of it.
        """
        found = self._state(image)
        if found is None:
            return "damaged"
        if not agrees(found):
            return "apart"
        if found in self.expected[max(0, done - 1) : done + 1]:
            return "kept"
        return "lost" if found in self.expected else "by halves"


def images(run: Run, seed: int = 1) -> Iterator[tuple[Image, int]]:
    """What may be left after each operation, and how many transactions had returned by then."""
    random, platter = Random(seed), Platter.of(run.disk)
    lengths = [mark.length for mark in run.marks]
    for cut in range(len(run.disk.log) + 1):
        done = bisect_right(lengths, cut)
        yield from ((platter.image(fate, random), done) for fate in FATES)
        if cut < len(run.disk.log):
            platter.apply(run.disk.log[cut])


def agrees(state: State) -> bool:
    """Exactly the customers of the journal up to the offset are there."""
    read = range(offset(state) // STRIDE)
    known = {f"c{number}-{one}@example.com" for number in read for one in range(BATCH)}
    return {row[1] for row in state["customers"]} == known


def offset(state: State) -> int:
    """How far the journal was absorbed."""
    return next((row[1] for row in state["segments"]), 0)


def test_the_record_is_complete(worked: Work) -> None:
    """It tells the files byte by byte, and what is recovered is what the live store showed."""
    run = worked()
    inspection = Inspection(run)
    platter = Platter.of(run.disk)
    done = 0
    for mark, state in zip(run.marks, inspection.expected, strict=True):
        for operation in run.disk.log[done : mark.length]:
            platter.apply(operation)
        done = mark.length
        assert platter.image(EVERYTHING, Random()) == mark.files
        assert state is not None
        assert (offset(state), *states(state)) == mark.seen


def states(state: State) -> list[int]:
    """How many customers are open, clean and dead."""
    count = Counter(
        value for row in state["customers"] for value in row if value in OPEN_CLEAN_DEAD
    )
    return [count[name] for name in OPEN_CLEAN_DEAD]


@pytest.mark.parametrize("pages", [None, 12], ids=["as it is", "many checkpoints"])
def test_a_power_loss_takes_nothing_that_was_returned(
    worked: Work, monkeypatch: pytest.MonkeyPatch, pages: int | None
) -> None:
    """At no time, whatever the disk did with what was not synced; nor is anything there by half."""
    with monkeypatch.context() as patch:
        if pages:
            alter(patch, wal_autocheckpoint=pages)
        run = worked()
    inspection = Inspection(run)
    # Each transaction leaves a state of its own, a start without leases aside: none hides another.
    assert len({repr(state) for state in inspection.expected}) == len(run.marks) - 1
    assert set(inspection.verdicts()) == {"kept"}


def test_a_power_loss_while_recovering_takes_nothing(
    recorder: Recorder, worked: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The power fails again while the store is opened and works on what the first time left."""
    with monkeypatch.context() as patch:
        alter(patch, wal_autocheckpoint=12)
        run = worked()
        left = [image for image, _ in islice(images(run), 0, None, 251)]
    again = run.path.parent.with_name("again")
    for image in left:
        put(image, again)
        with recorder.recording(again) as disk:
            second = Run(again / NAME, disk, absorb)
            second.work(rounds=1)
        assert set(Inspection(second).verdicts()) == {"kept"}


def test_commits_that_are_not_synced_are_missed(
    worked: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With `synchronous = NORMAL` the same check finds losses, nearly every second time."""
    with monkeypatch.context() as patch:
        alter(patch, synchronous="NORMAL")
        run = worked()
    verdicts = Inspection(run).verdicts(step=3)
    assert verdicts.keys() == {"kept", "lost"}
    assert verdicts["lost"] > verdicts.total() // 5, verdicts


def test_damage_is_seen(worked: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any sync the file itself breaks, and the check says so."""
    with monkeypatch.context() as patch:
        alter(patch, synchronous="OFF", wal_autocheckpoint=12)
        run = worked()
    assert Inspection(run).verdicts(step=7)["damaged"]


def test_an_offset_of_its_own_transaction_is_seen(worked: Work) -> None:
    """Were the journal's offset not recorded with the customers, they would not always agree."""
    verdicts = Inspection(worked(absorb_apart)).verdicts(step=3)
    assert verdicts["apart"], verdicts
