"""What only the SQLite store does: the file, its schema, its lock, crashes and full disks."""

from __future__ import annotations

import os
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from frontdesk.event import Identify
from frontdesk_sidecar import customer
from frontdesk_sidecar.store import (
    DEFAULT_TARGET,
    Dead,
    Delivered,
    Retry,
    Settled,
    StoreError,
    StoreFailed,
    StoreFull,
    StoreLocked,
    StoreTooNew,
    Which,
)
from frontdesk_sidecar.store import sqlite_sql as sql
from frontdesk_sidecar.store.sqlite import SQLiteStore
from frontdesk_sidecar.store.sqlite_file import SQLiteFile

NOW = 1_795_176_000_000_000
LEASE = 60_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a store may be made; the directory is not there yet."""
    return tmp_path / "var" / "store.db"


def login(name: str, at: int = NOW, **traits: object) -> Identify:
    """A login of a customer at a time in microseconds."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at)
    return Identify(f"{name}-{at}", moment, name, {"email": f"{name}@example.com", **traits})


def mode(path: Path) -> int:
    """The permission bits."""
    return path.stat().st_mode & 0o777


def test_the_files_are_private(path: Path) -> None:
    """Directory 0700, file and log 0600, whatever the umask; a laxer file is tightened."""
    before = os.umask(0)
    try:
        with SQLiteStore.open(path) as store:
            store.absorb([login("ann")], {}, NOW)
            assert mode(path.parent) == 0o700
            assert [mode(file) for file in sorted(path.parent.iterdir())] == [0o600, 0o600]
        path.chmod(0o666)
        SQLiteStore.open(path).close()
        assert mode(path) == 0o600
    finally:
        os.umask(before)


def test_closing_leaves_one_file(path: Path) -> None:
    """The log is moved into the file; there is never a shared-memory file."""
    with SQLiteStore.open(path) as store:
        store.absorb([login("ann")], {}, NOW)
        assert [file.name for file in sorted(path.parent.iterdir())] == ["store.db", "store.db-wal"]
        assert store.counts(NOW).bytes == sum(f.stat().st_size for f in path.parent.iterdir())
    assert [file.name for file in path.parent.iterdir()] == ["store.db"]


def test_a_checkpoint_empties_the_log(path: Path) -> None:
    """Afterwards everything is in the file itself."""
    with SQLiteStore.open(path) as store:
        store.absorb([login("ann")], {}, NOW)
        store.checkpoint()
        assert path.with_name("store.db-wal").stat().st_size == 0
        assert len(store.claim(10, NOW, LEASE)) == 1


def test_a_commit_is_synced(path: Path) -> None:
    """The settings that durability and privacy hang on are in force."""
    with closing(SQLiteFile.open(path, sql.MIGRATIONS)) as file:

        def pragma(name: str) -> object:
            return file.connection.execute(f"PRAGMA {name}").fetchone()[0]

        assert pragma("journal_mode") == "wal"
        assert pragma("synchronous") == 2
        assert pragma("locking_mode") == "exclusive"
        assert pragma("secure_delete") == 1


def test_a_second_opener_is_told(path: Path) -> None:
    """Neither this process nor another one gets in, and the first goes on unharmed."""
    code = f"""
import pathlib
from frontdesk_sidecar.store import StoreLocked
from frontdesk_sidecar.store.sqlite import SQLiteStore
try:
    SQLiteStore.open(pathlib.Path({str(path)!r}))
except StoreLocked:
    print("locked")
"""
    with SQLiteStore.open(path) as store:
        with pytest.raises(StoreLocked):
            SQLiteStore.open(path)
        assert run(code) == "locked\n"
        assert store.absorb([login("ann")], {}, NOW).changed == 1
    SQLiteStore.open(path).close()


def run(code: str) -> str:
    """What a Python process prints."""
    command = [sys.executable, "-c", code]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_everything_is_there_after_reopening(path: Path) -> None:
    """Rows, hashes, attempts, reasons and offsets survive."""
    with SQLiteStore.open(path) as store:
        store.absorb([login("ann", phone="1"), login("joe")], {"s1": 10}, NOW)
        ann, joe = sorted(store.claim(10, NOW, LEASE), key=lambda claim: claim.key)
        store.settle([Delivered(ann, b"hash"), Retry(joe, NOW + 5, "500", "server error")], NOW)
        counts = store.counts(NOW)
    with SQLiteStore.open(path) as store:
        assert store.offsets() == {"s1": 10}
        again = store.counts(NOW)
        assert (again.pending, again.clean, again.due) == (counts.pending, counts.clean, 0)
        store.absorb([login("ann", at=NOW + 1)], {}, NOW + 1)
        fresh = store.claim(10, NOW + 5, LEASE)
        failed = store.claim(10, NOW + 5, LEASE, failed=True)
        ann, joe = sorted(fresh + failed, key=lambda claim: claim.key)
        assert (ann.sent_hash, ann.customer.traits["phone"]) == (b"hash", "1")
        assert joe.attempts == 1


def test_leases_of_a_former_process_are_over(path: Path) -> None:
    """Who opens the file is its only user: leased rows are due at once, old tokens are stale."""
    with SQLiteStore.open(path) as store:
        store.absorb([login("ann")], {}, NOW)
        (lost,) = store.claim(10, NOW, LEASE)
    with SQLiteStore.open(path) as store:
        assert store.counts(NOW).oldest_us == 0
        assert store.settle([Delivered(lost)], NOW) == Settled(0, 1)
        (again,) = store.claim(10, NOW, LEASE)
        assert again.attempts == 0


def test_lease_tokens_come_from_the_factory(path: Path) -> None:
    """Randomness is an argument."""
    tokens = iter(["one", "two"])
    with SQLiteStore.open(path, token=lambda: next(tokens)) as store:
        store.absorb([login("ann"), login("joe")], {}, NOW)
        assert [store.claim(1, NOW, LEASE)[0].token for _ in range(2)] == ["one", "two"]


def test_migrations_bring_an_old_file_up_to_date(path: Path) -> None:
    """Only the missing steps are run, each once."""
    steps = [["CREATE TABLE a (x)"], ["CREATE TABLE b (x)", "INSERT INTO b VALUES (7)"]]
    SQLiteFile.open(path, steps[:1]).close()
    SQLiteFile.open(path, steps).close()
    with closing(SQLiteFile.open(path, steps)) as file:
        assert file.connection.execute("SELECT x FROM b").fetchall() == [(7,)]
        assert file.connection.execute("PRAGMA user_version").fetchone() == (2,)


def test_a_failing_migration_leaves_the_file_as_it_was(path: Path) -> None:
    """A step and its number are one transaction."""
    steps = [["CREATE TABLE a (x)"], ["CREATE TABLE b (x)", "CREATE nonsense"]]
    with pytest.raises(StoreError, match="nonsense"):
        SQLiteFile.open(path, steps)
    with closing(SQLiteFile.open(path, steps[:1])) as file:
        names = file.connection.execute("SELECT name FROM sqlite_schema").fetchall()
        assert names == [("a",)]


def test_a_newer_file_is_refused(path: Path) -> None:
    """A file that a later version wrote is left alone, and the message says what to do."""
    newer = [*sql.MIGRATIONS, ["CREATE TABLE later (x)"]]
    SQLiteFile.open(path, newer).close()
    with pytest.raises(StoreTooNew, match="upgrade frontdesk") as caught:
        SQLiteStore.open(path)
    assert (caught.value.found, caught.value.known) == (
        len(sql.MIGRATIONS) + 1,
        len(sql.MIGRATIONS),
    )
    SQLiteFile.open(path, newer).close()


def test_a_file_that_is_no_database_is_set_aside(path: Path) -> None:
    """It is neither overwritten nor taken for an empty store, and it is told."""
    path.parent.mkdir()
    path.write_bytes(b"not a database" * 100)
    with SQLiteStore.open(path) as store:
        assert store.report is not None
        aside = store.report.aside
    assert aside.read_bytes() == b"not a database" * 100


def test_salvaged_rows_that_cannot_be_worked_with_are_left_behind(path: Path) -> None:
    """SQLite has no checksums: facts that are no JSON would fail at each claim."""
    with SQLiteStore.open(path) as store:
        store.absorb([login("ann"), login("joe")], {}, NOW)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE customers SET facts = x'7b' WHERE key LIKE 'joe%'")
        connection.execute("DROP TABLE segments")
    with SQLiteStore.open(path) as store:
        assert store.report is not None
        assert [claim.key for claim in store.claim(10, NOW, LEASE)] == ["ann@example.com"]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """A file where the directory should be is an error that names the setting."""
    (tmp_path / "var").touch()
    with pytest.raises(StoreError, match=r"store\.path"):
        SQLiteStore.open(tmp_path / "var" / "store.db")


def test_scrubbed_values_are_gone_from_the_disk(path: Path) -> None:
    """Not one byte of them is left in the file, free pages and the log included."""
    with SQLiteStore.open(path) as store:
        store.absorb([login("ann", phone="4930-1234567", note="x" * 9000)], {}, NOW)
        store.checkpoint()
        assert b"4930-1234567" in path.read_bytes()
        store.settle([Delivered(claim) for claim in store.claim(10, NOW, LEASE)], NOW)
        assert store.scrub(NOW + 1) == 1
        store.checkpoint()
        for file in path.parent.iterdir():
            assert b"4930-1234567" not in file.read_bytes()
            assert b"xxxxxxxx" not in file.read_bytes()


def test_a_full_store_takes_nothing_half(path: Path) -> None:
    """A batch without room is refused as a whole; what was there still works."""
    file = SQLiteFile.open(path, sql.MIGRATIONS)
    with closing(SQLiteStore(file, token=lambda: "token")) as store:
        store.absorb([login("ann")], {"s1": 1}, NOW)
        file.connection.execute("PRAGMA max_page_count = 30").fetchone()
        with pytest.raises(StoreFull):
            store.absorb([login(f"c{n}", note="x" * 500) for n in range(999)], {"s1": 2}, NOW)
        assert store.offsets() == {"s1": 1}
        (ann,) = store.claim(10, NOW, LEASE)
        assert store.settle([Delivered(ann)], NOW) == Settled(1, 0)


def test_nothing_is_kept_when_sqlite_gives_the_transaction_up(path: Path) -> None:
    """A part without room makes SQLite undo all; later parts are not committed alone."""
    file = SQLiteFile.open(path, sql.MIGRATIONS)
    batch = [login(f"c{n}", note="x" * 500) for n in range(999)]

    def absorb_three(store: SQLiteStore) -> None:
        with store.transaction():
            store.absorb([login("ann")], {"s1": 1}, NOW)
            with pytest.raises(StoreFull):
                store.absorb(batch, {"s1": 2}, NOW)
            with pytest.raises(StoreError, match="rolled back"):
                store.absorb([login("joe")], {"s2": 1}, NOW)

    with closing(SQLiteStore(file, token=lambda: "token")) as store:
        file.connection.execute("PRAGMA max_page_count = 30").fetchone()
        with pytest.raises(StoreError, match="no transaction is active"):
            absorb_three(store)
        assert store.offsets() == {}
        assert store.absorb([login("joe")], {"s2": 1}, NOW).changed == 1


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """No file of this process may grow beyond so many bytes; Python ignores the signal."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_an_io_error_at_commit_ends_the_work(path: Path) -> None:
    """After a failed write nothing more is done until the file is opened again, intact."""
    with SQLiteStore.open(path) as store:
        store.absorb([login("ann")], {"s1": 1}, NOW)
        log = path.with_name("store.db-wal").stat().st_size
        with file_size_limit(log + 100), pytest.raises(StoreFailed):
            store.absorb([login("joe")], {"s1": 2}, NOW)
        with pytest.raises(StoreFailed, match="failed before"):
            store.offsets()
    with SQLiteStore.open(path) as store:
        assert store.offsets() == {"s1": 1}
        assert [claim.customer.user_id for claim in store.claim(10, NOW, LEASE)] == ["ann"]


def test_nothing_is_committed_after_an_io_error(path: Path) -> None:
    """A part that met a bad disk takes the whole transaction with it, even when it was caught."""
    large = [login(f"c{n}", note="x" * 1000) for n in range(8000)]  # more than the cache holds

    def absorb_both(store: SQLiteStore) -> None:
        with store.transaction():
            store.absorb([login("ann")], {"s1": 1}, NOW)
            with file_size_limit(200_000), pytest.raises(StoreFailed):
                store.absorb(large, {"s1": 2}, NOW)

    with SQLiteStore.open(path) as store, pytest.raises(StoreFailed, match="failed before"):
        absorb_both(store)
    with SQLiteStore.open(path) as store:
        assert store.offsets() == {}


#: As those versions wrote a customer who is due; never to be changed.
OLD_ROW = """
INSERT INTO customers (key, facts, due_at, waiting_since, created_at, updated_at)
VALUES (?, ?, ?, ?, ?, ?)
"""


@pytest.mark.parametrize("version", range(1, len(sql.MIGRATIONS)))
def test_a_store_of_an_earlier_schema_is_brought_forward(path: Path, version: int) -> None:
    """What an earlier version wrote is claimed, settled and listed as before: the one target's."""
    old = SQLiteFile.open(path, sql.MIGRATIONS[:version])
    with old.transaction():
        for name in ("ann", "joe"):
            facts = customer.encode(customer.from_message(login(name)))
            row = (f"{name}@example.com", facts, NOW, NOW, NOW, NOW)
            old.connection.execute(OLD_ROW, row)
        old.connection.execute(
            "UPDATE customers SET state = 'dead', due_at = NULL, settled_at = 5, code = '400'"
            " WHERE key LIKE 'joe%'"
        )
    old.close()
    with SQLiteStore.open(path) as store:
        assert store.report is None
        [claim] = store.claim(10, NOW, LEASE)
        assert (claim.key, claim.sent_at, claim.code) == ("ann@example.com", None, None)
        store.settle([Dead(claim, "400", "bad", "id")], NOW)
        letter, earlier = store.dead(Which(target=DEFAULT_TARGET), 10)
        assert [attempt.message_id for attempt in letter.history] == ["id"]
        assert (earlier.key, earlier.target) == ("joe@example.com", DEFAULT_TARGET)
        assert store.absorb([login("ann", phone="1")], {}, NOW, lambda _: "b2b").changed == 1
        assert store.counts_by_target(NOW).keys() == {"b2b", DEFAULT_TARGET}


def test_a_claim_reads_no_more_than_it_needs(path: Path) -> None:
    """Claims, counts, dead letters and scrubbing are served by their partial indexes."""
    SQLiteStore.open(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.create_function("forgotten", 1, lambda facts: facts, deterministic=True)
        connection.create_function("remembered", 2, lambda *_: None, deterministic=True)

        def plan(statement: str, *values: object, **named: object) -> str:
            rows = connection.execute("EXPLAIN QUERY PLAN " + statement, named or values)
            return "\n".join(row[3] for row in rows)

        due = "customers_due (target=? AND <expr>=? AND due_at>"
        for statement in (sql.DUE, sql.DUE_LATEST):
            assert f"{due}? AND due_at<?)" in plan(statement, "default", 0, 1, 1)
            assert "TEMP B-TREE" not in plan(statement, "default", 0, 1, 1)
        assert plan(sql.IS_DUE, target="default", now=1).count(due) == 2
        assert "COVERING INDEX customers_due" in plan(sql.COUNT_OPEN, 1)
        assert "TEMP B-TREE" not in plan(sql.COUNT_OPEN, 1)
        assert "customers_due" in plan(sql.END_LEASES, 0)
        which = dict.fromkeys(("ids", "key", "code", "since", "before", "target"))
        for statement in (sql.LIST_DEAD, sql.DISCARD):
            assert "customers_dead" in plan(statement, **which, limit=1)
        assert "customers_dead" in plan(sql.REVIVE, **which, now=1, rest=0)
        assert "COVERING INDEX customers_dead" in plan(sql.COUNT_DEAD)
        assert "COVERING INDEX sqlite_autoindex_customers_1" in plan(sql.COUNT_ALL)
        assert "COVERING INDEX customers_elsewhere" in plan(sql.COUNT_ELSEWHERE)
        assert "customers_elsewhere (target=?)" in plan(sql.ELSEWHERE, "b2b", 1)
        assert "customers_unscrubbed (settled_at<?)" in plan(sql.SCRUB, 1, 1)
        assert "(key=?)" in plan(sql.FIND, "[]")
        assert "SCAN customers" not in plan(sql.FORGET, key="k")


def test_a_target_s_claims_pass_over_nobody_else_s(path: Path) -> None:
    """20,000 customers due for a target that is paused cost another one's claims nothing."""
    with SQLiteStore.open(path) as store:
        paused = [login(f"p{number}") for number in range(20_000)]
        store.absorb(paused, {}, NOW - 1, lambda _: "b2b")
        store.absorb([login(f"c{number}") for number in range(10)], {}, NOW)
        connection = store._file.connection
        steps = [0]
        connection.set_progress_handler(lambda: steps.__setitem__(0, steps[0] + 1), 1)
        claims = store.claim(100, NOW, LEASE) + store.claim(100, NOW, LEASE, failed=True)
        assert not store.is_due(NOW)
        connection.set_progress_handler(None, 0)
        assert len(claims) == 10
        assert (
            steps[0] < 2000
        )  # of SQLite's virtual machine; passing over them would be over 100,000
        assert store.is_due(NOW, "b2b")


#: Absorbs generation after generation into the same customers. Each is two batches in one
#: transaction; a line is printed within it and another one after it.
WRITER = """
import pathlib, sys
from datetime import UTC, datetime, timedelta
from frontdesk.event import Identify
from frontdesk_sidecar import customer
from frontdesk_sidecar.store.sqlite import SQLiteStore

store = SQLiteStore.open(pathlib.Path(sys.argv[1]))
first = store.offsets().get("s1", 0) + 1
for generation in range(first, first + 100_000):
    moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=generation)
    batch = [
        Identify("m", moment, "u", {"email": f"c{n}@example.com", "generation": generation})
        for n in range(40)
    ]
    now = 1_800_000_000_000_000
    with store.transaction():
        store.absorb(batch[:20], {"s1": generation}, now)
        print("within", generation, flush=True)
        store.absorb(batch[20:], {"s2": generation}, now)
    print("after", generation, flush=True)
"""


@pytest.mark.parametrize("lines", [1, 2, 3, 8, 21, 60])
def test_rows_and_offsets_agree_after_a_kill(path: Path, lines: int) -> None:
    """Killed at any instant, twice over, the store is at the end of one whole transaction."""
    for _ in range(2):
        committed = kill_after(path, lines)
        with SQLiteStore.open(path) as store:
            offsets = store.offsets()
            claims = store.claim(100, NOW * 2, LEASE)
        generation = offsets.get("s1", 0)
        assert generation >= committed
        assert offsets.get("s2", 0) == generation
        assert {claim.customer.traits["generation"] for claim in claims} <= {generation}
        assert len(claims) == (40 if generation else 0)


def kill_after(path: Path, lines: int) -> int:
    """Run WRITER, SIGKILL it after so many lines; the last generation it said was committed."""
    command = [sys.executable, "-c", WRITER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        said = [child.stdout.readline() for _ in range(lines)]
        child.kill()
        said += child.stdout.readlines()
    return max((int(line.split()[1]) for line in said if line.startswith("after")), default=0)


def test_a_store_that_was_removed_takes_nothing_more(path: Path) -> None:
    """A commit into a file without a name would be lost with the process."""
    with SQLiteStore.open(path) as store:
        store.absorb([login("ann")], {"1": 10}, NOW)
        path.unlink()
        with pytest.raises(StoreFailed, match="removed or replaced"):
            store.absorb([login("bob")], {"1": 20}, NOW)


def test_who_was_leased_when_the_process_died_rests(path: Path) -> None:
    """Its request may still be under way at the target."""
    with SQLiteStore.open(path) as store:
        store.absorb([login("ann"), login("bob")], {}, NOW)
        assert len(store.claim(1, NOW, 10)) == 1
    with SQLiteStore.open(path, quiet_until=NOW + 60) as store:
        assert len(store.claim(9, NOW + 59, 10)) == 1
        assert len(store.claim(9, NOW + 60, 10)) == 1


def test_nobody_waits_for_a_clock_that_was_ahead(path: Path) -> None:
    """A due time beyond the longest wait there is comes from a wrong clock."""
    with SQLiteStore.open(path) as store:
        store.absorb([login("ann")], {}, NOW)
        [claim] = store.claim(1, NOW, 10)
        store.settle([Retry(claim, NOW + 10**12, "http.503", "")], NOW)
    with SQLiteStore.open(path, latest=NOW + 300) as store:
        assert store.claim(1, NOW + 299, 10, failed=True) == []
        assert len(store.claim(1, NOW + 300, 10, failed=True)) == 1


def test_what_is_no_file_is_left_alone(tmp_path: Path) -> None:
    """A directory named by mistake keeps its mode."""
    place = tmp_path / "var"
    place.mkdir(mode=0o755)
    with pytest.raises(StoreError, match=r"is not a file; store\.path"):
        SQLiteStore.open(place)
    assert place.stat().st_mode & 0o777 == 0o755


def test_a_flipped_bit_in_a_text_stops_nobody(path: Path) -> None:
    """SQLite has no checksums: the row is worked with as it is, and a trace that is none goes."""
    with SQLiteStore.open(path) as store:
        store.absorb([login("jane"), login("john")], {}, NOW)
        broken = "UPDATE customers SET trace = CAST(? AS TEXT), code = CAST(? AS TEXT)"
        store._file.connection.execute(broken, (b"\xcf0-57-57-01", b"\xffail"))
        claims = store.claim(10, NOW, LEASE) + store.claim(10, NOW, LEASE, failed=True)
        assert {(claim.traceparent, claim.code) for claim in claims} == {(None, "\ufffdail")}
        assert len(claims) == 2
