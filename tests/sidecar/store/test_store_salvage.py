"""A damaged store opens all the same, with every row of which the page is whole."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frontdesk.event import Identify
from frontdesk_sidecar.store import (
    DEFAULT_TARGET,
    StoreError,
    StoreFailed,
    StoreLocked,
    StoreTooNew,
    damage,
)
from frontdesk_sidecar.store import salvage as salvage_module
from frontdesk_sidecar.store import sqlite_sql as sql
from frontdesk_sidecar.store.pages import PAGE, Pages
from frontdesk_sidecar.store.salvage import SalvageReport
from frontdesk_sidecar.store.sqlite import SQLiteStore
from frontdesk_sidecar.store.sqlite_file import SQLiteFile
from frontdesk_sidecar.store.sqlite_rows import row_key

NOW = 1_795_176_000_000_000
LATER = datetime(2026, 11, 20, 12, 0, 5, tzinfo=UTC)
COUNT = 400
#: Somewhere in a file, modulo its length.
PLACES = st.integers(0, 1 << 30)
#: Where user_version is: another number there is a later version, not damage.
VERSION = range(60, 64)


class Dump(bytes):
    """Bytes that do not fill the screen when a test fails."""

    def __repr__(self) -> str:
        return f"{len(self)} bytes"


def facts(number: int, size: int = 300) -> bytes:
    """Such that the page they are on is known by them."""
    name = f"note-of-{number}-"
    return json.dumps({"note": [name + "x" * size, NOW], "email": [key(number), NOW]}).encode()


def key(number: int) -> str:
    """In another order than the row ids."""
    return row_key(f"{number * 7919 % 1000:03}c{number}@example.com", target(number))


def target(number: int) -> str:
    """Some go elsewhere."""
    return "b2b" if number % 7 == 3 else DEFAULT_TARGET


def trace(number: int) -> str | None:
    """Some came with one."""
    return f"00-{number:032x}-{number:016x}-01" if number % 3 == 0 else None


def build(path: Path, count: int = COUNT, size: int = 300) -> None:
    """A store of customers in several states, some of them with a log of their own."""
    with closing(SQLiteFile.open(path, sql.MIGRATIONS)) as file, file.transaction():
        rows = [
            (n, key(n), target(n), facts(n, size), trace(n), NOW, NOW, NOW, NOW)
            for n in range(1, count + 1)
        ]
        statement = sql.CREATE.replace("(key,", "(id, key,").replace("(?,", "(?, ?,")
        file.connection.executemany(statement, rows)
        file.connection.execute(
            "UPDATE customers SET state = 'dead', due_at = NULL, settled_at = 5 WHERE id % 5 = 0"
        )
        file.connection.execute(
            "UPDATE customers SET state = 'leased', lease_token = 't' WHERE id % 35 = 1"
        )
        file.connection.executemany(sql.SAVE_OFFSET, [(f"segment-{n}", n, NOW) for n in range(5)])
        file.connection.execute(sql.REMEMBER, ("paused", b'"because"'))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a store of several levels, closed properly."""
    path = tmp_path_factory.mktemp("whole") / "store.db"
    build(path)
    return Dump(path.read_bytes())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a store may be made; the directory is there."""
    (tmp_path / "var").mkdir(mode=0o700)
    return tmp_path / "var" / "store.db"


def put(path: Path, data: bytes, log: bytes | None = None) -> None:
    """Let this be the store's file."""
    path.write_bytes(data)
    if log is not None:
        path.with_name(path.name + "-wal").write_bytes(log)


def sound(table: str, row: Mapping[str, Any]) -> bool:
    """What the store itself asks of a row."""
    return table != "customers" or isinstance(json.loads(row["facts"]), dict)


@dataclass
class Opened:
    """What was found when a file was opened."""

    report: SalvageReport | None
    tables: dict[str, dict[Any, tuple[Any, ...]]]

    @property
    def customers(self) -> set[int]:
        """The row ids."""
        return set(self.tables["customers"])


def open_it(path: Path) -> Opened:
    """Open it and read it all, and see that it is of use. The check is the thorough one."""
    damage.suspect(path)
    file = SQLiteFile.open(path, sql.MIGRATIONS, sound=sound, now=lambda: LATER)
    with closing(file):
        assert file.connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        tables = {
            name: {row[0]: row for row in file.connection.execute(f"SELECT * FROM {name}")}  # noqa: S608 - a table's name
            for name in ("customers", "segments", "notes")
        }
        with file.transaction():
            file.connection.execute(sql.END_LEASES, (NOW,))
            file.connection.execute(sql.CREATE, ("new", "default", b"{}", None, 1, 1, 1, 1))
    assert {one.stat().st_mode & 0o777 for one in path.parent.iterdir()} == {0o600}
    return Opened(file.report, tables)


def pages_of(data: bytes) -> dict[int, int]:
    """customer -> the page its facts are on, from 0."""
    return {int(match[1]): match.start() // PAGE for match in re.finditer(rb"note-of-(\d+)-", data)}


def flipped(data: bytes, *places: int) -> bytes:
    """Each of these bytes is another."""
    damaged = bytearray(data)
    for place in places:
        damaged[place] ^= 0xFF
    return bytes(damaged)


def zeroed(data: bytes, start: int, length: int) -> bytes:
    """So many bytes are zero."""
    return data[:start] + bytes(length) + data[start + length :]


def roots(data: bytes) -> dict[str, int]:
    """Table or index -> its root page, from 1."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "copy.db"
        path.write_bytes(data)
        with closing(sqlite3.connect(path)) as connection:
            return dict(connection.execute("SELECT name, rootpage FROM sqlite_schema").fetchall())


def test_a_whole_store_is_not_salvaged(path: Path, whole: bytes) -> None:
    """There is nothing to report, and no other file."""
    put(path, whole)
    opened = open_it(path)
    assert opened.report is None
    assert opened.customers == set(range(1, COUNT + 1))
    assert [one.name for one in path.parent.iterdir()] == ["store.db"]


@pytest.mark.parametrize("nth", [2, 3, 7, 20])
@pytest.mark.parametrize("seed", [1, 2])
def test_rows_on_whole_pages_are_kept(path: Path, whole: bytes, nth: int, seed: int) -> None:
    """However many other pages are garbage, those of the trees included."""
    random, damaged = Random(seed), whole
    bad = set(range(seed % 2, len(whole) // PAGE, nth))
    for page in bad:
        damaged = zeroed(damaged, page * PAGE, PAGE)
        damaged = damaged[: page * PAGE] + random.randbytes(PAGE) + damaged[(page + 1) * PAGE :]
    put(path, damaged)
    opened = open_it(path)
    expected = {number for number, page in pages_of(whole).items() if page not in bad}
    assert opened.customers >= expected
    assert 0 < len(expected) < COUNT
    assert opened.report is not None
    assert opened.report.tables["customers"].kept == len(opened.customers)


@pytest.mark.parametrize("seed", range(5))
def test_one_bad_byte_a_page_costs_little(path: Path, whole: bytes, seed: int) -> None:
    """In every third page; a row that is kept is as it was, or only its facts are touched."""
    random = Random(seed)
    places = [page * PAGE + random.randrange(PAGE) for page in range(1, len(whole) // PAGE, 3)]
    put(path, flipped(whole, *places))
    opened = open_it(path)
    bad = {place // PAGE for place in places}
    expected = {number for number, page in pages_of(whole).items() if page not in bad}
    assert opened.customers >= expected
    for number in expected:
        row = opened.tables["customers"][number]
        known = (key(number), facts(number), target(number), trace(number))
        assert (*row[1:3], *row[-3:-1]) == known


def rows(whole: bytes) -> dict[str, dict[Any, tuple[Any, ...]]]:
    """What the whole store holds."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store.db"
        put(path, whole)
        return open_it(path).tables


@pytest.mark.parametrize(
    "index",
    [
        "sqlite_autoindex_customers_1",
        "customers_due",
        "customers_dead",
        "customers_unscrubbed",
    ],
)
def test_a_damaged_index_costs_nothing(path: Path, whole: bytes, index: str) -> None:
    """All rows of all tables are the same in the new file."""
    put(path, zeroed(whole, (roots(whole)[index] - 1) * PAGE, PAGE))
    opened = open_it(path)
    assert opened.tables == rows(whole)
    assert opened.report is not None
    assert opened.report.tables["customers"].kept == COUNT
    assert opened.report.tables["customers"].lost in (0, None)


def missing(whole: bytes, index: str) -> bytes:
    """A store of which an index has a wrong entry; its tree is sound."""
    table = (roots(whole)[index] - 1) * PAGE
    assert whole[table] == 0x0A
    cell = table + int.from_bytes(whole[table + 8 : table + 10])
    return flipped(whole, cell + int.from_bytes(whole[cell : cell + 1]))


def test_an_index_that_is_wrong_is_found_after_a_crash(path: Path, whole: bytes) -> None:
    """By the thorough check, which is made when there is a log."""
    put(path, missing(whole, "customers_dead"))
    with closing(SQLiteFile.open(path, sql.MIGRATIONS)) as file:
        assert file.report is None  # after a proper end nobody looks that close
        with file.transaction():
            file.connection.execute(sql.REMEMBER, ("some", b"1"))
        left = path.read_bytes(), path.with_name("store.db-wal").read_bytes()
    put(path, *left)
    with closing(SQLiteFile.open(path, sql.MIGRATIONS)) as file:
        assert file.report is not None
        assert "customers_dead" in file.report.reason
        assert file.report.tables["customers"].lost == 0
    assert path.parent.joinpath("store.db.suspect").exists() is False


def test_an_index_that_is_wrong_does_not_stop_the_store_for_good(path: Path, whole: bytes) -> None:
    """A statement meets it, the store fails, and the next start puts it right."""
    put(path, missing(whole, "customers_dead"))
    file = SQLiteFile.open(path, sql.MIGRATIONS)
    with pytest.raises(StoreFailed), file.transaction():
        file.connection.execute("UPDATE customers SET settled_at = 7 WHERE settled_at = 5")
    file.close()
    with closing(SQLiteFile.open(path, sql.MIGRATIONS)) as file:
        assert file.report is not None
        with file.transaction():
            file.connection.execute("UPDATE customers SET settled_at = 7 WHERE state = 'dead'")


@pytest.mark.parametrize("length", [16, 100, PAGE])
def test_without_a_header_customers_are_kept(path: Path, whole: bytes, length: int) -> None:
    """SQLite reads nothing of such a file; on page 1 there is the schema as well."""
    put(path, zeroed(whole, 0, length))
    opened = open_it(path)
    assert opened.tables["customers"] == rows(whole)["customers"]
    assert opened.report is not None


def test_a_broken_tree_costs_nothing(path: Path, whole: bytes) -> None:
    """The table's root is gone, its leaves are there."""
    put(path, zeroed(whole, (roots(whole)["customers"] - 1) * PAGE, PAGE))
    assert open_it(path).tables == rows(whole)


def test_a_tree_that_leads_in_a_circle_ends(path: Path, whole: bytes) -> None:
    """Every branch of the root leads to the same leaf."""
    damaged = bytearray(whole)
    start = (roots(whole)["customers"] - 1) * PAGE
    assert damaged[start] == 0x05
    child = damaged[start + 8 : start + 12]
    for cell in range(int.from_bytes(damaged[start + 3 : start + 5])):
        place = start + int.from_bytes(damaged[start + 12 + 2 * cell : start + 14 + 2 * cell])
        damaged[place : place + 4] = damaged[start + 12 : start + 12] + child
    put(path, bytes(damaged))
    assert open_it(path).customers == set(range(1, COUNT + 1))


def test_rows_larger_than_a_page_are_kept(path: Path) -> None:
    """And one whose overflow is broken is counted, not kept."""
    build(path, count=20, size=10_000)
    data = path.read_bytes()
    tail = data.rindex(b"x" * 500 + b'", 1795') // PAGE
    damaged = zeroed(zeroed(data, 0, PAGE), tail * PAGE, PAGE)
    put(path, damaged)
    opened = open_it(path)
    assert len(opened.customers) == 19
    assert opened.report is not None
    assert opened.report.tables["customers"].rejected == 1
    for number in opened.customers:
        row = opened.tables["customers"][number]
        assert (row[2], *row[-3:-1]) == (facts(number, 10_000), target(number), trace(number))


@settings(deadline=None)
@given(PLACES)
def test_cut_at_any_point_it_opens(whole: bytes, place: int) -> None:
    """And has the rows of the pages before."""
    length = place % len(whole)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store.db"
        put(path, whole[:length])
        opened = open_it(path)
        expected = {n for n, page in pages_of(whole).items() if (page + 1) * PAGE <= length}
        assert opened.customers >= expected
        assert (opened.report is None) == (length <= 1)  # SQLite takes one byte for none


@settings(deadline=None)
@given(st.lists(st.integers(0, 99) | st.integers(0, PAGE) | PLACES, min_size=1, max_size=20))
def test_with_any_bytes_flipped_it_opens(whole: bytes, anywhere: list[int]) -> None:
    """In the header and the schema most of all."""
    places = {place % len(whole) for place in anywhere} - set(VERSION)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store.db"
        put(path, flipped(whole, *places))
        opened = open_it(path)
        bad = {place // PAGE for place in places}
        assert opened.customers >= {n for n, page in pages_of(whole).items() if page not in bad}


@settings(deadline=None)
@given(st.lists(st.integers(0, 99) | st.integers(0, PAGE) | PLACES, min_size=1, max_size=20))
def test_the_quick_check_lets_it_open_too(whole: bytes, anywhere: list[int]) -> None:
    """Whatever it does not find."""
    places = {place % len(whole) for place in anywhere} - set(VERSION)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store.db"
        put(path, flipped(whole, *places))
        with closing(SQLiteFile.open(path, sql.MIGRATIONS)) as file, file.transaction():
            assert file.connection.execute("SELECT count(*) FROM customers").fetchone()[0] > 0


@settings(deadline=None)
@given(st.binary(min_size=2, max_size=3 * PAGE))
def test_garbage_is_set_aside(garbage: bytes) -> None:
    """Whatever it is, the new store is empty."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store.db"
        put(path, garbage)
        opened = open_it(path)
        assert opened.customers == set()
        assert opened.report is not None
        assert opened.report.aside.read_bytes() == garbage


def test_an_empty_file_is_a_new_store(path: Path) -> None:
    """As after a crash right after it was made."""
    put(path, b"")
    assert open_it(path).report is None


@pytest.fixture(scope="module")
def crashed(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    """A file and its log, as they are when the process dies; all but page 1 is in the log."""
    path = tmp_path_factory.mktemp("crashed") / "store.db"
    file = SQLiteFile.open(path, sql.MIGRATIONS)
    for number in range(1, 101):
        with file.transaction():
            row = (key(number), target(number), facts(number), None, NOW, NOW, NOW, NOW)
            file.connection.execute(sql.CREATE, row)
    log = path.with_name("store.db-wal")
    left = Dump(path.read_bytes()), Dump(log.read_bytes())
    file.close()
    return left


@settings(deadline=None)
@given(PLACES)
def test_with_a_cut_log_it_opens(crashed: tuple[bytes, bytes], place: int) -> None:
    """At the end of some transaction."""
    file, log = crashed
    length = place % (len(log) + 1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store.db"
        put(path, file, log[:length])
        found = open_it(path).customers
        assert found == set(range(1, len(found) + 1))
        assert length < len(log) or len(found) == 100


@settings(deadline=None)
@given(st.lists(st.integers(0, 99) | PLACES, min_size=1, max_size=9))
def test_with_a_flipped_log_it_opens(crashed: tuple[bytes, bytes], anywhere: list[int]) -> None:
    """SQLite takes what is before the first frame that is not whole."""
    file, log = crashed
    places = {place % len(log) for place in anywhere}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store.db"
        put(path, file, flipped(log, *places))
        found = open_it(path).customers
        assert found == set(range(1, len(found) + 1))


def test_a_log_without_its_file_is_read(path: Path, crashed: tuple[bytes, bytes]) -> None:
    """SQLite would delete it."""
    put(path, b"", crashed[1])
    opened = open_it(path)
    assert opened.customers == set(range(1, 101))
    assert opened.report is not None
    assert opened.report.aside.with_name(opened.report.aside.name + "-wal").read_bytes()


def test_a_frame_is_judged_by_itself(path: Path, crashed: tuple[bytes, bytes]) -> None:
    """One that is damaged does not take the later ones with it, as it does for SQLite."""
    file, log = crashed
    put(path, file, flipped(log, 32 + 60 * (PAGE + 24) + 1000))
    with path.open("rb") as pages, path.with_name("store.db-wal").open("rb") as frames:
        found = {rowid for rowid, _ in Pages(pages.fileno(), frames.fileno(), PAGE).rows()}
    assert found >= set(range(90, 101))


@pytest.fixture
def in_use(path: Path, whole: bytes) -> tuple[bytes, bytes]:
    """A file and its log, in which there is more of one customer."""
    put(path, whole)
    file = SQLiteFile.open(path, sql.MIGRATIONS)
    with file.transaction():
        file.connection.execute("UPDATE customers SET code = 'new' WHERE id = 9")
    log = path.with_name("store.db-wal")
    left = Dump(path.read_bytes()), Dump(log.read_bytes())
    file.close()
    path.unlink()
    return left


@pytest.mark.parametrize("place", [0, 100, "customers"])
def test_the_evidence_is_kept_as_it_was(
    path: Path, in_use: tuple[bytes, bytes], place: int | str
) -> None:
    """File and log, byte by byte, under a name with the time."""
    file, log = in_use
    start = (roots(file)[place] - 1) * PAGE if isinstance(place, str) else place
    damaged = zeroed(file, start, 100)
    put(path, damaged, log)
    path.chmod(0o644)
    opened = open_it(path)
    assert opened.report is not None
    aside = path.with_name("store.db.damaged-20261120T120005Z")
    assert opened.report.aside == aside
    assert opened.customers == set(range(1, COUNT + 1))
    assert "new" in opened.tables["customers"][9]
    assert aside.read_bytes() == damaged
    assert aside.with_name(aside.name + "-wal").read_bytes() == log
    assert aside.with_name(aside.name + ".txt").read_text() == f"{opened.report}\n"


def test_what_was_set_aside_before_is_not_overwritten(path: Path, whole: bytes) -> None:
    """Three times in one second."""
    for length in (500, 1000, 1500):
        put(path, zeroed(whole, 0, length))
        open_it(path)
        path.unlink()
    found = sorted(one for one in path.parent.iterdir() if one.suffix != ".txt")
    assert [one.name.rpartition("Z")[2] for one in found] == ["", "-2", "-3"]
    assert [one.read_bytes() for one in found] == [
        zeroed(whole, 0, length) for length in (500, 1000, 1500)
    ]


def test_the_report_names_no_customer(path: Path, whole: bytes) -> None:
    """It tells why, how many, and where the file is."""
    first = pages_of(whole)[1]
    put(path, zeroed(whole, first * PAGE, PAGE))
    report = open_it(path).report
    gone = [number for number, page in pages_of(whole).items() if page == first]
    assert report is not None
    assert (report.tables["customers"].kept, report.tables["customers"].lost) == (
        COUNT - len(gone),
        len(gone),
    )
    assert f"customers: {COUNT - len(gone)} rows kept, {len(gone)} lost." in str(report)
    assert "segments: 5 rows kept, 0 lost." in str(report)
    assert str(report.aside) in str(report)
    assert "example.com" not in str(report)


def test_the_store_goes_on_with_what_was_leased(path: Path, whole: bytes) -> None:
    """Such rows are kept as they are; who opens the store ends the leases."""
    put(path, zeroed(whole, 0, PAGE))
    with SQLiteStore.open(path) as store:
        counts = store.counts(NOW)
        assert (counts.leased, counts.dead) == (0, COUNT // 5)
        assert counts.due == COUNT - COUNT // 5
        b2b = [claim.key for claim in store.claim(COUNT, NOW, 10, target="b2b")]
        totals = {name: one.total for name, one in store.counts_by_target(NOW).items()}
        assert totals == Counter(target(number) for number in range(1, COUNT + 1))
        assert b2b
        assert all(one.endswith("@example.com") for one in b2b)


def test_a_row_whose_key_and_target_do_not_fit_is_left_out(path: Path) -> None:
    """It would be found as one customer's and be another's."""
    with SQLiteStore.open(path) as store:
        store.absorb([Identify("m", LATER, "u", {"email": "ann@example.com"})], {}, NOW)
        store.absorb([Identify("m", LATER, "u", {"email": "joe@example.com"})], {}, NOW, b2b)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE customers SET target = 'b2b' WHERE key LIKE 'ann%'")
        connection.execute("DROP TABLE segments")
    with SQLiteStore.open(path) as store:
        assert store.report is not None
        assert {name: c.total for name, c in store.counts_by_target(NOW).items()} == {"b2b": 1}
        [claim] = store.claim(9, NOW, 10, target="b2b")
        assert claim.key == "joe@example.com"


def test_a_flipped_bit_that_sqlite_does_not_see_ends_no_start_after_another(path: Path) -> None:
    """A text that became bytes is found by the thorough check, and the row is left out."""
    with SQLiteStore.open(path) as store:
        for name in ("ann", "joe"):
            store.absorb([Identify("m", LATER, "u", {"email": f"{name}@example.com"})], {}, NOW)
    data = path.read_bytes()
    place = data.index(b"ann@example.com{")
    serial = 13 + 2 * len("ann@example.com")  # of a text so long; one less is that of bytes
    (header,) = [at for at in range(place - 40, place) if data[at] == serial]
    path.write_bytes(data[:header] + bytes([serial - 1]) + data[header + 1 :])
    damage.suspect(path)
    with SQLiteStore.open(path) as store:
        assert store.report is not None
        assert [claim.key for claim in store.claim(9, NOW, 10)] == ["joe@example.com"]


def b2b(message: Identify) -> str:
    """Everybody goes there."""
    return "b2b"


def test_a_row_that_makes_no_sense_is_left_out(path: Path, whole: bytes) -> None:
    """`sound` has the say where SQLite has none; what it raises is a no."""
    place = whole.index(b"note-of-30-") - 3
    put(path, zeroed(flipped(whole, place), 0, PAGE))
    opened = open_it(path)
    assert opened.customers == set(range(1, COUNT + 1)) - {30}
    assert opened.report is not None
    assert opened.report.tables["customers"].rejected == 1


def test_an_old_store_is_salvaged_and_brought_up_to_date(path: Path) -> None:
    """By the steps that it would have gone otherwise."""
    steps = [
        ["CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT NOT NULL)", "CREATE INDEX tx ON t (x)"],
        ["ALTER TABLE t ADD COLUMN y INTEGER", "UPDATE t SET y = length(x)"],
    ]
    with closing(SQLiteFile.open(path, steps[:1])) as file, file.transaction():
        file.connection.executemany("INSERT INTO t (x) VALUES (?)", [("a" * n,) for n in range(9)])
    put(path, zeroed(path.read_bytes(), 2 * PAGE, PAGE))
    with closing(SQLiteFile.open(path, steps)) as file:
        assert file.report is not None
        assert file.connection.execute("SELECT id, y FROM t").fetchall() == [
            (n + 1, n) for n in range(9)
        ]


#: Opens the store at argv[1] and ends at a call of `os.<argv[2]>`, of a log if argv[3] is "-wal".
CRASH = """
import os, pathlib, sys
from frontdesk_sidecar.store import sqlite_sql as sql
from frontdesk_sidecar.store.sqlite_file import SQLiteFile

real = getattr(os, sys.argv[2])

def crashing(*arguments):
    if str(arguments[0]).endswith(sys.argv[3]):
        os._exit(9)
    return real(*arguments)

setattr(os, sys.argv[2], crashing)
SQLiteFile.open(pathlib.Path(sys.argv[1]), sql.MIGRATIONS)
"""


@pytest.mark.parametrize(
    ("call", "of"), [("fsync", ""), ("rename", ""), ("rename", "-wal"), ("replace", "")]
)
def test_a_crash_on_the_way_loses_nothing(
    path: Path, in_use: tuple[bytes, bytes], call: str, of: str
) -> None:
    """The next start does it again."""
    file, log = in_use
    put(path, zeroed(file, 0, 100), log)
    command = [sys.executable, "-c", CRASH, str(path), call, of]
    assert subprocess.run(command, check=False).returncode == 9
    opened = open_it(path)
    assert opened.customers == set(range(1, COUNT + 1))
    assert "new" in opened.tables["customers"][9]
    (aside,) = path.parent.glob("*.damaged-*Z")
    assert aside.read_bytes() == zeroed(file, 0, 100)
    assert aside.with_name(aside.name + "-wal").read_bytes() == log
    assert sorted(one.name for one in path.parent.iterdir()) == sorted(
        ["store.db", *(aside.name + suffix for suffix in ("", "-wal", ".txt"))]
    )


def test_a_store_that_was_removed_is_not_brought_back(path: Path, whole: bytes) -> None:
    """What was set aside and reported is done with."""
    put(path, zeroed(whole, 0, 100))
    open_it(path)
    path.unlink()
    assert open_it(path).customers == set()


#: Prints the error with which the store at argv[1] is not opened.
OPEN = """
import pathlib, sys
from frontdesk_sidecar.store import StoreError, sqlite_sql as sql
from frontdesk_sidecar.store.sqlite_file import SQLiteFile
try:
    SQLiteFile.open(pathlib.Path(sys.argv[1]), sql.MIGRATIONS)
except StoreError as error:
    print(type(error).__name__)
"""


@pytest.mark.parametrize("where", ["header", "index"])
def test_two_do_not_salvage_at_once(path: Path, whole: bytes, where: str) -> None:
    """The second is told that somebody is at it, and harms nothing."""
    start = 0 if where == "header" else (roots(whole)["customers_due"] - 1) * PAGE
    put(path, zeroed(whole, start, 100))
    said: list[str] = []

    def at_the_first_row(*_: object) -> bool:
        if not said:
            command = [sys.executable, "-c", OPEN, str(path)]
            said.append(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        return True

    with closing(SQLiteFile.open(path, sql.MIGRATIONS, sound=at_the_first_row)) as file:
        assert file.report is not None
        assert file.report.tables["customers"].kept == COUNT
    assert said == ["StoreLocked\n"]
    assert len(list(path.parent.glob("*.damaged-*Z"))) == 1


def test_a_later_schema_is_no_damage(path: Path, whole: bytes) -> None:
    """Not even when the file is damaged: it is left for who knows it."""
    newer = [*sql.MIGRATIONS, ["CREATE TABLE later (x)"]]
    SQLiteFile.open(path, newer).close()
    before = path.read_bytes()
    with pytest.raises(StoreTooNew):
        SQLiteFile.open(path, sql.MIGRATIONS)
    damaged = zeroed(before, (roots(before)["customers_due"] - 1) * PAGE, PAGE)
    put(path, damaged)
    with pytest.raises(StoreTooNew):
        SQLiteFile.open(path, sql.MIGRATIONS)
    assert path.read_bytes() == damaged
    assert len(list(path.parent.iterdir())) == 1


def test_a_locked_file_is_no_damage(path: Path, whole: bytes) -> None:
    """Nor is it looked at."""
    put(path, whole)
    with closing(SQLiteFile.open(path, sql.MIGRATIONS)):
        with pytest.raises(StoreLocked):
            SQLiteFile.open(path, sql.MIGRATIONS)
        assert not list(path.parent.glob("*damaged*"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_without_permission_is_no_damage(path: Path, whole: bytes) -> None:
    """It is an error that names the setting."""
    put(path, whole)
    path.parent.chmod(0o500)
    try:
        with pytest.raises(StoreError):
            SQLiteFile.open(path, sql.MIGRATIONS)
    finally:
        path.parent.chmod(0o700)
    assert path.read_bytes() == whole


def test_a_migration_that_fails_is_no_damage(path: Path, whole: bytes) -> None:
    """The file stays where it is."""
    put(path, whole)
    with pytest.raises(StoreError, match="nonsense"):
        SQLiteFile.open(path, [*sql.MIGRATIONS, ["CREATE nonsense"]])
    assert [one.name for one in path.parent.iterdir()] == ["store.db"]


def test_when_the_new_file_cannot_be_written_the_old_one_stays(
    path: Path, whole: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error of the disk is none of the rows."""
    damaged = zeroed(whole, 0, 100)
    put(path, damaged)

    def fails(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(salvage_module, "_sync", fails)
    with pytest.raises(StoreError, match="Input/output error"):
        SQLiteFile.open(path, sql.MIGRATIONS)
    monkeypatch.undo()
    assert path.read_bytes() == damaged
    assert open_it(path).customers == set(range(1, COUNT + 1))


def test_a_salvage_that_fails_leaves_the_log_as_it_was(
    path: Path, in_use: tuple[bytes, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Closing a file, SQLite moves its log into it; not into a damaged one."""
    file, log = in_use
    damaged = zeroed(file, (roots(file)["customers"] - 1) * PAGE, 100)
    put(path, damaged, log)

    def fails(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(salvage_module, "_sync", fails)
    with pytest.raises(StoreError, match="Input/output error"):
        SQLiteFile.open(path, sql.MIGRATIONS)
    assert {one.name: one.read_bytes() for one in path.parent.iterdir()} == {
        "store.db": damaged,
        "store.db-wal": log,
    }


def test_pages_tell_the_same_rows_as_sqlite(path: Path) -> None:
    """All kinds of values, of all lengths around where they leave the page."""
    sizes = [0, 1, 2, 400, 4050, 4060, 4061, 4062, 4100, 8150, 8200, 70_000]
    values = [None, 0, 1, -1, 127, 128, -129, 2**15, 2**23, -(2**31), 2**40, -(2**63), 0.5, "ä"]
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE t (a, b)")
        connection.executemany(
            "INSERT INTO t (rowid, a, b) VALUES (?, ?, ?)",
            [(n * 3 - 9, bytes(size), "y" * size) for n, size in enumerate(sizes)]
            + [(1000 + 2**n, value, None) for n, value in enumerate(values)],
        )
        connection.commit()
        expected = connection.execute("SELECT rowid, a, b FROM t ORDER BY rowid").fetchall()
    with path.open("rb") as file:
        found = sorted(
            (rowid, *(row or ())) for rowid, row in Pages(file.fileno(), None, PAGE).rows()
        )
    assert found == expected


def test_a_copy_of_the_damaged_file_can_be_opened_again(path: Path, whole: bytes) -> None:
    """As somebody does who looks for more in it."""
    put(path, zeroed(whole, 0, 100))
    report = open_it(path).report
    assert report is not None
    copy = path.parent.with_name("copy") / "store.db"
    copy.parent.mkdir(mode=0o700)
    shutil.copy(report.aside, copy)
    with suppress(StoreFailed):
        assert open_it(copy).customers == set(range(1, COUNT + 1))
