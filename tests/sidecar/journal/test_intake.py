"""Intake: from the real journal into the real store, each message once, whatever stands still."""

# ruff: noqa: ASYNC110, ASYNC240 - conditions are waited for; a directory in memory blocks nobody

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from frontdesk.event import Identify, encode_counts
from frontdesk.journal import Journal
from frontdesk_sidecar.journal import intake as intake_module
from frontdesk_sidecar.journal.intake import Intake
from frontdesk_sidecar.journal.tail import READ_BYTES, Tail
from frontdesk_sidecar.store import Absorbed, Counts, Store, StoreError, StoreFull
from frontdesk_sidecar.store.sqlite import SQLiteStore
from frontdesk_sidecar.store.writer import Writer
from frontdesk_sidecar.telemetry import Telemetry

MOMENT = datetime(2026, 11, 20, 12, tzinfo=UTC)
NOW = 1_795_176_000_000_000
NONE = Counts(pending=0, due=0, leased=0, dead=0, clean=0, oldest_us=None, bytes=0)


class Fussy(SQLiteStore):
    """A store that remembers what it was given and is full when it is told to be."""

    full_times = 0
    failure: StoreError | None = None
    taken: Sequence[str] = ()
    batches: Sequence[int] = ()

    def on_absorb(self) -> None:
        """Nothing, unless somebody puts something in its place."""

    def absorb(
        self,
        messages: Sequence[Identify],
        offsets: Mapping[str, int],
        now: int,
        target_of: Callable[[Identify], str] | None = None,
    ) -> Absorbed:
        """Refuse as often as asked, then absorb."""
        if self.failure is not None:
            raise self.failure
        if self.full_times > 0:
            self.full_times -= 1
            raise StoreFull("no room")
        absorbed = super().absorb(messages, offsets, now, target_of)
        self.on_absorb()
        self.taken = [*self.taken, *(message.user_id for message in messages)]
        self.batches = [*self.batches, len(messages)]
        return absorbed


@pytest.fixture
def place() -> Iterator[Path]:
    """A journal's directory in memory."""
    directory = Path(tempfile.mkdtemp(dir="/dev/shm"))
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Fussy]:
    """An empty store."""
    with Fussy.open(tmp_path / "store.db") as opened:
        yield opened


@pytest.fixture
def journal(place: Path) -> Iterator[Journal]:
    """The web process's end of the journal."""
    writer = Journal(place)
    yield writer
    writer.close()


@pytest.fixture(autouse=True)
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Housekeeping many times a second, so that nobody has to wait for it."""
    monkeypatch.setattr(intake_module, "HOUSEKEEPING_S", 0.02)


def line(name: str, counts: Mapping[str, int] | None = None, event: str = "Logged In") -> bytes:
    """A login as a line."""
    traits = {"email": f"{name}@example.com"}
    return Identify(f"id-{name}", MOMENT, name, traits, event, counts=counts or {}).encode()


class Bench:
    """One intake at work and what can be seen of it."""

    def __init__(self, intake: Intake, writer: Writer[Store], telemetry: Telemetry) -> None:
        self.intake, self.writer, self.telemetry = intake, writer, telemetry

    def metric(self, name: str, /, **labels: str) -> float:
        """A metric's value; 0 before there is one."""
        return self.telemetry.registry.get_sample_value(name, labels) or 0.0

    async def customers(self) -> int:
        """How many customers the store has."""
        counts = await self.writer.run(lambda store: store.counts(NOW))
        return counts.pending + counts.clean + counts.leased + counts.dead


@asynccontextmanager
async def opened(
    place: Path,
    store: SQLiteStore,
    *,
    on_new: Callable[[], None] = lambda: None,
    clock: Callable[[], float] = time.monotonic,
) -> AsyncIterator[Bench]:
    """An intake that is not running yet: for tests that take the turns themselves."""
    telemetry = Telemetry()
    async with Writer[Store](store) as writer:
        tail = Tail(place, store.offsets())
        intake = Intake(tail, writer, telemetry, on_new=on_new, clock=clock)
        yield Bench(intake, writer, telemetry)


@asynccontextmanager
async def running(
    place: Path, store: SQLiteStore, *, on_new: Callable[[], None] = lambda: None
) -> AsyncIterator[Bench]:
    """An intake that runs until the block is left."""
    async with opened(place, store, on_new=on_new) as bench, anyio.create_task_group() as tasks:
        tasks.start_soon(bench.intake.run)
        yield bench
        tasks.cancel_scope.cancel()


async def until(condition: Callable[[], bool], within_s: float = 10.0) -> None:
    """Wait for a condition; TimeoutError when it does not come."""
    with anyio.fail_after(within_s):
        while not condition():
            await anyio.sleep(0.002)


async def test_everything_appended_arrives_once(
    place: Path, store: Fussy, journal: Journal
) -> None:
    """Each message is one customer here; the finished segments go."""
    async with running(place, store) as bench:
        for number in range(500):
            assert journal.append(line(f"c{number}"))
            if number % 100 == 50:
                journal.close()
                await anyio.lowlevel.checkpoint()
        await until(lambda: bench.metric("frontdesk_messages_total", event="Logged In") == 500)
        assert await bench.customers() == 500
        journal.close()
        await until(lambda: not any(place.iterdir()))
        await until(lambda: bench.metric("frontdesk_journal_lag_bytes") == 0)
    assert store.offsets() == {}


async def test_logins_that_follow_one_another_share_a_transaction(
    place: Path, store: Fussy, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the first was taken others gather."""
    monkeypatch.setattr(intake_module, "GATHER_S", 3600.0)
    async with running(place, store):
        journal.append(line("first"))
        await until(lambda: len(store.taken) == 1)
        for number in range(9):
            journal.append(line(f"c{number}"))
        await anyio.wait_all_tasks_blocked()
    async with running(place, store):
        await until(lambda: len(store.taken) == 10)
    assert store.batches == [1, 9]


async def test_more_than_one_reading_holds_is_read_on_at_once(
    place: Path, store: Fussy, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the end of the journal is a time to wait."""
    monkeypatch.setattr(intake_module, "GATHER_S", 3600.0)
    number = 0
    while sum(file.stat().st_size for file in place.iterdir()) < 3 * READ_BYTES:
        assert journal.append(line(f"c{number}"))
        number += 1
    async with running(place, store):
        await until(lambda: len(store.taken) == number)


async def test_a_new_intake_goes_on_where_the_last_one_committed(
    place: Path, store: Fussy, journal: Journal
) -> None:
    """The sidecar is stopped at any time and made anew from the store's own offsets."""
    for round_ in range(5):
        async with running(place, store) as bench:
            for number in range(20):
                assert journal.append(line(f"c{round_}-{number}"))
            await until(lambda: bench.metric("frontdesk_messages_total", event="Logged In") > 0)
    async with running(place, store) as bench:
        journal.close()
        await until(lambda: not any(place.iterdir()))
        assert await bench.customers() == 100
    assert store.taken == [f"c{round_}-{number}" for round_ in range(5) for number in range(20)]


async def test_whoever_waits_for_customers_is_told(
    place: Path, store: Fussy, journal: Journal
) -> None:
    """Once for news, not for what was known already nor for lines that are none."""
    told = []
    async with opened(place, store, on_new=lambda: told.append(True)) as bench:
        journal.append(line("ann"))
        assert await bench.intake.turn()
        assert told == [True]
        journal.append(line("ann"))
        journal.append(b"no message\n")
        assert await bench.intake.turn()
        assert told == [True]
        assert bench.metric("frontdesk_journal_rejected_total", reason="malformed.json") == 1


async def test_a_full_store_holds_the_intake_and_loses_nothing(
    place: Path, store: Fussy, journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    """The journal keeps what the store cannot take; later it goes on by itself."""
    store.full_times = 3
    for number in range(50):
        journal.append(line(f"c{number}", {"skipped.anonymous": 1}))
    journal.append(b"no message\n")
    journal.close()
    async with running(place, store) as bench:
        await until(lambda: bench.metric("frontdesk_messages_total", event="Logged In") == 50)
        assert store.full_times == 0
        assert await bench.customers() == 50
        # What was read several times was counted once.
        assert bench.metric("frontdesk_journal_rejected_total", reason="malformed.json") == 1
        assert bench.metric("frontdesk_web_total", name="skipped.anonymous") == 50
        await until(lambda: not any(place.iterdir()))
        assert bench.metric("frontdesk_intake_held") == 0
    assert [record.getMessage().split()[0] for record in caplog.records] == [
        "store_full",
        "journal_rejected",
    ]


async def test_a_held_intake_is_told_whether_or_not_anything_waits(
    place: Path, store: Fussy, journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    """At the start, while it lasts, and when it is over."""
    caplog.set_level("INFO", "frontdesk.sidecar")
    now, reasons = [0.0], ["the disk is full", "the disk is full", None, None]
    store.held = lambda: reasons[0]  # type: ignore[method-assign] # a store that is full
    async with opened(place, store, clock=lambda: now[0]) as bench:
        for held in (1, 1, 0, 0):
            now[0] += 2 * intake_module.HOUSEKEEPING_S
            await bench.intake.turn()
            assert bench.metric("frontdesk_intake_held") == held
            assert bench.metric("frontdesk_degraded") == held
            reasons.pop(0)
            reasons.append(None)
    told = [one.getMessage().split(" ")[0] for one in caplog.records]
    assert told == ["store_full", "intake_goes_on:"]


async def test_when_something_was_last_heard(place: Path, store: Fussy, journal: Journal) -> None:
    """Of that the web processes write, not of what comes of it."""
    async with opened(place, store) as bench:
        await bench.intake.turn()
        assert bench.telemetry.heard_at is None
        assert bench.metric("frontdesk_journal_last_line_timestamp_seconds") == 0
        before = time.time()
        journal.append(line("ann"))
        await bench.intake.turn()
        heard = bench.metric("frontdesk_journal_last_line_timestamp_seconds")
        assert before <= heard <= time.time()
        assert bench.telemetry.heard_at == heard


async def test_nothing_is_removed_while_the_store_is_full(
    place: Path, store: Fussy, journal: Journal
) -> None:
    """However often it is tried."""
    store.full_times = 1_000_000
    journal.append(line("ann"))
    journal.close()
    async with running(place, store):
        await until(lambda: store.full_times < 1_000_000 - 5)
        assert len(list(place.iterdir())) == 1
        assert store.offsets() == {}
        store.full_times = 0
        await until(lambda: not any(place.iterdir()))


async def test_a_store_that_failed_ends_the_intake(
    place: Path, store: Fussy, journal: Journal
) -> None:
    """What cannot be committed is not taken, and somebody must hear of it."""
    store.failure = StoreError("broken")
    journal.append(line("ann"))
    async with opened(place, store) as bench:
        with pytest.raises(StoreError, match="broken"), anyio.fail_after(10):
            await bench.intake.run()
    assert len(list(place.iterdir())) == 1


async def test_a_journal_that_is_missing_is_waited_for(
    place: Path, store: Fussy, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged once, and what is written when it is back arrives."""
    place.rmdir()
    async with running(place, store) as bench:
        await until(lambda: "journal_unreadable" in caplog.text)
        place.mkdir()
        (place / "1.ndjson").write_bytes(line("ann"))
        await until(lambda: bench.metric("frontdesk_messages_total", event="Logged In") == 1)
        shutil.rmtree(place)
        place.mkdir()
        (place / "2.ndjson").write_bytes(line("bob"))
        await until(lambda: bench.metric("frontdesk_messages_total", event="Logged In") == 2)
    assert caplog.text.count("journal_unreadable") == 1
    assert "No such file or directory" in caplog.text


async def test_segments_that_are_gone_are_forgotten_at_the_start(
    place: Path, store: Fussy, journal: Journal
) -> None:
    """Otherwise the store would keep the name of every segment there ever was."""
    journal.append(line("ann"))
    async with opened(place, store) as bench:
        await bench.intake.turn()
    [name] = store.offsets()
    store.absorb([], {"gone.ndjson": 17}, NOW)
    assert sorted(store.offsets()) == sorted([name, "gone.ndjson"])
    async with running(place, store) as bench:
        with anyio.fail_after(10):
            while set(await bench.writer.run(lambda store: store.offsets())) != {name}:
                await anyio.sleep(0.002)


async def test_what_web_processes_counted_reaches_the_metrics(
    place: Path, store: Fussy, journal: Journal
) -> None:
    """Summed over processes; events are counted by their names, unknown ones together."""
    journal.append(line("ann", {"skipped.anonymous": 2, "dropped.journal_full": 1}))
    journal.append(line("bob", {"skipped.anonymous": 3}, event="Signed Up"))
    journal.append(line("cid", event="Marked Event"))
    async with opened(place, store) as bench:
        await bench.intake.turn()
        assert bench.metric("frontdesk_web_total", name="skipped.anonymous") == 5
        assert bench.metric("frontdesk_web_total", name="dropped.journal_full") == 1
        assert bench.metric("frontdesk_messages_total", event="Signed Up") == 1
        assert bench.metric("frontdesk_messages_total", event="other") == 1
        assert b"Marked" not in bench.telemetry.exposition({"default": NONE})


async def test_counts_alone_are_committed_once(place: Path, store: Fussy, journal: Journal) -> None:
    """A batch without a message is one all the same, also across a full store and a restart."""
    told: list[bool] = []
    alone = encode_counts(MOMENT, {"skipped.no_sign": 3}, None)
    async with opened(place, store, on_new=lambda: told.append(True)) as bench:
        store.full_times = 2
        assert journal.append(alone)
        assert [await bench.intake.turn() for _ in range(4)] == [False, False, True, False]
        assert bench.metric("frontdesk_web_total", name="skipped.no_sign") == 3
        assert bench.metric("frontdesk_web_total", name="matched") == 3
        assert list(store.offsets().values()) == [len(alone)]
        assert await bench.customers() == 0
    async with opened(place, store, on_new=lambda: told.append(True)) as bench:
        assert not await bench.intake.turn()
        assert journal.append(alone)
        assert await bench.intake.turn()
        assert bench.metric("frontdesk_web_total", name="skipped.no_sign") == 3
    assert told == []
    journal.close()
    async with running(place, store):
        await until(lambda: not any(place.iterdir()))


async def test_names_of_counts_that_are_none_of_ours_stay_out_of_the_metrics(
    place: Path, store: Fussy, journal: Journal
) -> None:
    """A journal line is text from outside: its counts carry no value and flood nothing."""
    journal.append(line("ann", {"marked.person@example.com": 1, "Marked Name": 2, "x" * 500: 1}))
    journal.append(line("bob", {f"skipped.invented{number}": 1 for number in range(2000)}))
    async with opened(place, store) as bench:
        await bench.intake.turn()
        shown = bench.telemetry.exposition({"default": NONE})
    assert b"arked" not in shown
    assert b"x" * 100 not in shown
    assert shown.count(b"frontdesk_web_total{") < 200


async def test_finished_segments_go_also_while_there_is_always_more(
    place: Path, store: Fussy, journal: Journal
) -> None:
    """At a peak the journal is never found empty; it must not fill up with what was read."""
    now = [0.0]
    async with opened(place, store, clock=lambda: now[0]) as bench:
        journal.append(line("first"))
        journal.close()
        [first] = place.iterdir()
        for number in range(20):
            journal.append(line(f"c{number}"))
            now[0] += 1.0
            assert await bench.intake.turn()
        assert not first.exists()


async def test_rotation_is_asked_for_after_a_while(
    place: Path, store: Fussy, journal: Journal
) -> None:
    """A worker without logins would otherwise keep what was read in the journal."""
    now = [0.0]
    async with opened(place, store, clock=lambda: now[0]) as bench:
        journal.append(line("ann"))
        await bench.intake.turn()
        await bench.intake.turn()
        assert not (place / "rotate").exists()
        now[0] += intake_module.ROTATION_S + 1
        await bench.intake.turn()
        assert (place / "rotate").exists()


async def test_unreadable_segments_are_told(
    place: Path, store: Fussy, caplog: pytest.LogCaptureFixture
) -> None:
    """As a number in the metrics and, once, as an error that says what to do."""
    (place / "1.ndjson").mkdir()
    (place / "2.ndjson").mkdir()
    async with running(place, store) as bench:
        await until(lambda: bench.metric("frontdesk_journal_unreadable_segments") == 2)
        (place / "1.ndjson").rmdir()
        await until(lambda: bench.metric("frontdesk_journal_unreadable_segments") == 1)
    [record] = caplog.records
    assert record.getMessage() == (
        "journal_segments_unreadable segments=2 reasons=['not a regular file'] -- "
        "run the sidecar in the group that owns them"
    )


async def test_whoever_asks_in_the_middle_of_a_look_gets_another(
    place: Path, store: Fussy, journal: Journal
) -> None:
    """What he wrote before he asked is taken in when he is told so."""
    is_inside, may_go_on = threading.Event(), threading.Event()

    def held() -> None:  # asked by the housekeeping, after the look
        is_inside.set()
        may_go_on.wait(10)

    async with running(place, store) as bench, anyio.create_task_group() as tasks:
        await bench.intake.catch_up()
        store.held = held  # type: ignore[method-assign] # to be there while it is asked
        tasks.start_soon(bench.intake.catch_up)
        await until(is_inside.is_set)
        journal.append(line("late"))
        async with anyio.create_task_group() as second:
            second.start_soon(bench.intake.catch_up)
            await anyio.wait_all_tasks_blocked()
            may_go_on.set()
        assert "late" in store.taken


async def test_catching_up_ends_while_others_write(
    place: Path, store: Fussy, journal: Journal
) -> None:
    """However fast they are: it is about what was there."""
    number = 0

    def one_more() -> None:
        nonlocal number
        number += 1
        assert journal.append(line(f"c{number}"))

    store.on_absorb = one_more  # type: ignore[method-assign] # as it says
    async with running(place, store) as bench:
        one_more()
        await until(lambda: len(store.taken) > 5)
        with anyio.fail_after(10):
            await bench.intake.catch_up()


async def test_catching_up_takes_in_all_that_was_written_before(
    place: Path, store: Fussy, journal: Journal
) -> None:
    """Also what no look has found yet; and it comes to an end where the store takes nothing."""
    async with running(place, store) as bench:
        for number in range(300):
            assert journal.append(line(f"c{number}"))
        with anyio.fail_after(10):
            await bench.intake.catch_up()
        assert await bench.customers() == 300
        store.full_times = 1
        assert journal.append(line("late"))
        with anyio.fail_after(10):
            await bench.intake.catch_up()
        assert store.full_times == 0
        with anyio.fail_after(10):
            await bench.intake.catch_up()
        assert await bench.customers() == 301
