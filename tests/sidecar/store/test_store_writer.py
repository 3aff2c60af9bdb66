"""The writer: one thread, shared commits, each piece of work by itself."""

from __future__ import annotations

import resource
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import anyio
import pytest
from anyio import create_task_group, to_thread, wait_all_tasks_blocked

from frontdesk.event import Identify
from frontdesk_sidecar.store import Store, StoreError, StoreFailed, StoreFull
from frontdesk_sidecar.store.sqlite import SQLiteStore
from frontdesk_sidecar.store.sqlite_file import SQLiteFile
from frontdesk_sidecar.store.sqlite_sql import MIGRATIONS
from frontdesk_sidecar.store.writer import Writer

NOW = 1_795_176_000_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the store is."""
    return tmp_path / "store.db"


@pytest.fixture
def store(path: Path) -> Iterator[SQLiteStore]:
    """An empty store."""
    with SQLiteStore.open(path) as opened:
        yield opened


def note(store: SQLiteStore, name: str) -> str:
    """A piece of work that leaves a trace."""
    store.absorb([], {name: 1}, NOW)
    return name


def fail(store: SQLiteStore, name: str) -> None:
    """A piece of work that leaves a trace and then fails."""
    note(store, name)
    raise LookupError(name)


class Gate:
    """A piece of work that holds the writer's thread until it is opened."""

    def __init__(self) -> None:
        self._reached = threading.Event()
        self._opened = threading.Event()

    def __call__(self, store: SQLiteStore) -> None:
        self._reached.set()
        assert self._opened.wait(10)

    async def wait_reached(self) -> None:
        """Until the thread is held."""
        await to_thread.run_sync(self._reached.wait, 10)

    def open(self) -> None:
        """Let the thread go on."""
        self._opened.set()


async def test_work_is_done_on_one_other_thread(store: SQLiteStore) -> None:
    """Results come back; the event loop's thread never touches the store."""
    async with Writer(store) as writer:
        assert await writer.run(note, "a") == "a"
        assert await writer.run(note, name="b") == "b"
        assert await writer.run(lambda store: store.offsets()) == {"a": 1, "b": 1}
        threads = {await writer.run(lambda _: threading.get_ident()) for _ in range(5)}
    assert len(threads) == 1
    assert threading.get_ident() not in threads


async def test_a_method_of_the_protocol_is_the_stores_own(store: SQLiteStore) -> None:
    """Whoever knows no engine hands in the protocol's methods."""
    async with Writer(store) as writer:
        await writer.run(Store.absorb, [], {"a": 1}, now=NOW)
        await writer.run(Store.forget_segments, ["b"])
        assert await writer.run(Store.offsets) == {"a": 1}
        assert await writer.run(Store.scrub, NOW, limit=5) == 0


async def test_work_that_gathers_shares_a_commit(store: SQLiteStore) -> None:
    """What is handed in during one commit goes into the next one, all of it, in order."""
    gate, order = Gate(), list[str]()

    def record(store: SQLiteStore, name: str) -> None:
        order.append(note(store, name))

    async with Writer(store) as writer, create_task_group() as tasks:
        tasks.start_soon(writer.run, gate)
        await gate.wait_reached()
        names = [f"s{number:02}" for number in range(50)]
        for name in names:
            tasks.start_soon(writer.run, record, name)
        await wait_all_tasks_blocked()
        assert writer.statistics().waiting == 51
        gate.open()
    statistics = writer.statistics()
    assert (statistics.commits, statistics.pieces, statistics.waiting) == (2, 51, 0)
    assert order == names
    assert sorted(store.offsets()) == names


async def test_a_group_is_bounded(store: SQLiteStore) -> None:
    """More work than fits into one commit takes several; more than may wait waits outside."""
    gate = Gate()
    async with Writer(store, max_group=4, max_waiting=9) as writer, create_task_group() as tasks:
        tasks.start_soon(writer.run, gate)
        await gate.wait_reached()
        for number in range(20):
            tasks.start_soon(writer.run, note, f"s{number}")
        await wait_all_tasks_blocked()
        assert writer.statistics().waiting == 9
        gate.open()
    assert writer.statistics().commits >= 6
    assert len(store.offsets()) == 20


async def test_a_failing_piece_fails_alone(store: SQLiteStore) -> None:
    """Its caller gets the exception, its changes are undone, its neighbours are committed."""
    gate, caught = Gate(), list[LookupError]()

    async with Writer(store) as writer, create_task_group() as tasks:

        async def run_failing() -> None:
            with pytest.raises(LookupError, match="bad") as info:
                await writer.run(fail, "bad")
            caught.append(info.value)

        tasks.start_soon(writer.run, gate)
        await gate.wait_reached()
        tasks.start_soon(writer.run, note, "before")
        tasks.start_soon(run_failing)
        tasks.start_soon(writer.run, note, "after")
        await wait_all_tasks_blocked()
        gate.open()
    assert len(caught) == 1
    assert writer.statistics().commits == 2
    assert sorted(store.offsets()) == ["after", "before"]


@contextmanager
def no_growing(path: Path) -> Iterator[None]:
    """The store's log cannot grow, as on a broken disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = path.with_name("store.db-wal").stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_when_the_commit_fails_every_caller_is_told(path: Path, store: SQLiteStore) -> None:
    """Nothing that is not on disk is reported as done; each caller has its own exception."""
    gate, caught = Gate(), list[Exception]()

    async with Writer(store) as writer, create_task_group() as tasks:

        async def run_in_vain(name: str) -> None:
            with pytest.raises(StoreFailed) as info:
                await writer.run(note, name)
            caught.append(info.value)

        async def run_failing() -> None:
            with pytest.raises(LookupError):
                await writer.run(fail, "bad")

        await writer.run(note, "kept")
        tasks.start_soon(writer.run, gate)
        await gate.wait_reached()
        for name in ("a", "b", "c"):
            tasks.start_soon(run_in_vain, name)
        tasks.start_soon(run_failing)
        await wait_all_tasks_blocked()
        with no_growing(path):
            gate.open()
            await wait_for(caught, 3)
        assert len(set(map(id, caught))) == 3
        with pytest.raises(StoreFailed):
            await writer.run(note, "later")
        assert writer.statistics().failures == 2
    store.close()
    with SQLiteStore.open(path) as reopened:
        assert reopened.offsets() == {"kept": 1}


async def wait_for(things: list[Exception], count: int) -> None:
    """Until there are so many."""
    with anyio.fail_after(10):
        while len(things) < count:
            await anyio.lowlevel.checkpoint()


async def test_a_piece_without_room_does_not_take_the_others_with_it(path: Path) -> None:
    """SQLite undoes the whole group when the disk is full; the small pieces still get through."""
    file, gate = SQLiteFile.open(path, MIGRATIONS), Gate()
    file.connection.execute("PRAGMA max_page_count = 30").fetchone()
    with closing(SQLiteStore(file, token=lambda: "token")) as store:
        async with Writer(store) as writer, create_task_group() as tasks:

            async def run_without_room() -> None:
                with pytest.raises(StoreFull):
                    await writer.run(note, "large" * 100_000)

            tasks.start_soon(writer.run, gate)
            await gate.wait_reached()
            tasks.start_soon(writer.run, note, "a")
            tasks.start_soon(run_without_room)
            tasks.start_soon(writer.run, note, "b")
            await wait_all_tasks_blocked()
            gate.open()
        assert store.offsets() == {"a": 1, "b": 1}


async def test_leaving_waits_for_what_was_handed_in(store: SQLiteStore) -> None:
    """Closing drains; whoever comes later is refused."""
    gate = Gate()
    async with create_task_group() as tasks:
        async with Writer(store) as writer:
            tasks.start_soon(writer.run, gate)
            await gate.wait_reached()
            for number in range(20):
                tasks.start_soon(writer.run, note, f"s{number}")
            await wait_all_tasks_blocked()
            gate.open()
        assert len(store.offsets()) == 20
        with pytest.raises(StoreError, match="closed"):
            await writer.run(note, "late")


async def test_a_cancelled_caller_leaves_its_work_behind(store: SQLiteStore) -> None:
    """What was handed in is done whole, and the writer goes on."""
    gate = Gate()
    async with Writer(store) as writer, create_task_group() as tasks:
        tasks.start_soon(writer.run, gate)
        await gate.wait_reached()
        async with create_task_group() as impatient:
            impatient.start_soon(writer.run, note, "left")
            await wait_all_tasks_blocked()
            impatient.cancel_scope.cancel()
        gate.open()
        assert await writer.run(note, "next") == "next"
    assert sorted(store.offsets()) == ["left", "next"]


async def test_leaving_by_cancellation_drains_too(store: SQLiteStore) -> None:
    """A block that is cancelled still ends with everything committed and the thread gone."""
    gate = Gate()
    async with create_task_group() as tasks:
        tasks.start_soon(cancelled_user, store, gate, tasks.cancel_scope)
    assert sorted(store.offsets()) == ["a", "b"]
    assert "frontdesk-store" not in {thread.name for thread in threading.enumerate()}


async def cancelled_user(store: SQLiteStore, gate: Gate, scope: anyio.CancelScope) -> None:
    """Hand in work, then be cancelled while it waits."""
    async with Writer(store) as writer, create_task_group() as tasks:
        for work in (gate, lambda store: note(store, "a"), lambda store: note(store, "b")):
            tasks.start_soon(writer.run, work)
        await gate.wait_reached()
        await wait_all_tasks_blocked()
        scope.cancel()
        gate.open()


async def test_an_error_in_the_block_is_not_wrapped(store: SQLiteStore) -> None:
    """The writer has no task group of its own that would make a group of it."""
    with pytest.raises(LookupError, match="bad"):
        async with Writer(store) as writer:
            await writer.run(fail, "bad")


async def test_a_message_is_on_disk_when_run_returns(path: Path, store: SQLiteStore) -> None:
    """A real batch through the writer, read back from the log of the store left open."""
    message = Identify("m", datetime(2026, 1, 1, tzinfo=UTC), "u", {"email": "ann@example.com"})
    async with Writer(store) as writer:
        absorbed = await writer.run(SQLiteStore.absorb, [message], {"s1": 10}, NOW)
        assert absorbed.changed == 1
        assert b"ann@example.com" in path.with_name("store.db-wal").read_bytes()
