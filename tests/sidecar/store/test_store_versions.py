"""Stores of other versions: former ones are brought forward, later ones left alone."""

from __future__ import annotations

import gzip
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from frontdesk import __version__
from frontdesk_sidecar.store import StoreTooNew, Which
from frontdesk_sidecar.store import sqlite_sql as sql
from frontdesk_sidecar.store.sqlite import SQLiteStore
from frontdesk_sidecar.store.sqlite_file import SQLiteFile

RECORDINGS = Path(__file__).parent / "recordings"
FORMER = sorted(file.stem for file in RECORDINGS.glob("*.json"))
#: Opened at this time, in microseconds since the epoch; a day after the recordings.
NOW = 1_795_262_400_000_000
#: What opening does to a customer that was leased.
ENDED = {"state": "pending", "due_at": NOW, "lease_token": None}


def put(name: str, place: Path) -> Path:
    """A recording as the store of a sidecar there."""
    path = place / "var" / "frontdesk.db"
    path.parent.mkdir(mode=0o700)
    path.write_bytes(gzip.decompress((RECORDINGS / f"{name}.db.gz").read_bytes()))
    return path


def dump(path: Path) -> dict[str, list[dict[str, Any]]]:
    """All rows of all tables, as the recordings' dumps have them."""
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        names = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name"
        return {
            table: [
                {key: _plain(row[key]) for key in row.keys()}  # noqa: SIM118 - a Row gives values
                for row in connection.execute(f"SELECT * FROM {table} ORDER BY 1")  # noqa: S608 - a table's name
            ]
            for (table,) in connection.execute(names).fetchall()
        }


def _plain(value: object) -> object:
    return {"hex": value.hex()} if isinstance(value, bytes) else value


def test_there_is_a_recording_of_every_former_schema() -> None:
    """So that a new migration is tried on what is out there."""
    assert [f"schema-{number}" for number in range(1, len(sql.MIGRATIONS))] == FORMER


@pytest.mark.parametrize("name", FORMER)
def test_a_former_store_is_brought_forward(name: str, tmp_path: Path) -> None:
    """Row by row and column by column; leases end, as at every start."""
    path = put(name, tmp_path)
    before = json.loads((RECORDINGS / f"{name}.json").read_text(encoding="utf-8"))
    with SQLiteStore.open(path, quiet_until=NOW) as store:
        assert store.report is None
    after = dump(path)
    notes = {row["name"]: row["value"] for row in after.pop("notes")}
    program = bytes.fromhex(notes.pop("program")["hex"])
    assert json.loads(program) == {"version": __version__}
    assert notes == {row["name"]: row["value"] for row in before.pop("notes", [])}
    assert after["segments"] == before["segments"]
    for was, now in zip(before["customers"], after["customers"], strict=True):
        assert now == {**now, **was, **(ENDED if was["state"] == "leased" else {})}
        added = {column: now[column] for column in now.keys() - was.keys()}
        assert added.pop("target", "default") == "default"
        assert set(added.values()) <= {None}
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (len(sql.MIGRATIONS),)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.mark.parametrize("name", FORMER)
def test_a_former_store_goes_on_working(name: str, tmp_path: Path) -> None:
    """Whoever waited is claimed with all that was known; dead letters and offsets are there."""
    path = put(name, tmp_path)
    with SQLiteStore.open(path, quiet_until=NOW) as store:
        claims = store.claim(99, NOW, 1_000_000) + store.claim(99, NOW, 1_000_000, failed=True)
        found = {claim.key.partition("@")[0]: claim for claim in claims}
        assert set(found) == {"again", "failed", "leased", "pending", "ünï"}
        assert found["pending"].customer.traits == {
            "email": "pending@example.com",
            "firstName": "Pending",
            "phone": "+49 170 1",
            "tags": ["a", "b"],
        }
        assert found["again"].customer.traits["lastName"] == "New"
        assert found["failed"].attempts == 2
        [letter] = store.dead(Which(), 9)
        assert (letter.key, letter.code) == ("dead@example.com", "odata.missing_property")
        assert store.offsets() == {
            "17637264000000000000-41-abc.ndjson": 2048,
            "17637264000000000001-42-def.ndjson": 77,
        }
        elsewhere = [claim.key for claim in store.claim(9, NOW, 1_000_000, target="b2b")]
        assert elsewhere == (["elsewhere@example.com"] if name >= "schema-3" else [])


LATER = [*sql.MIGRATIONS, ["CREATE TABLE later (x)"]]


def later(path: Path, note: bytes | None = b'{"version":"7.1.0"}') -> None:
    """A store of a later version."""
    with closing(SQLiteFile.open(path, LATER)) as file, file.transaction():
        file.connection.execute("INSERT INTO later VALUES ('marked')")
        if note is not None:
            file.connection.execute(sql.REMEMBER, ("program", note))


def test_a_later_store_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    """To the byte, with nothing made beside it; the words say whose it is and what to do."""
    path = tmp_path / "var" / "frontdesk.db"
    later(path)
    before = {file.name: file.read_bytes() for file in path.parent.iterdir()}
    with pytest.raises(StoreTooNew) as caught:
        SQLiteStore.open(path, ballast_bytes=4096)
    assert str(caught.value) == (
        f"frontdesk 7.1.0 made it schema {len(LATER)}, and this is frontdesk {__version__}, which"
        f" knows up to {len(sql.MIGRATIONS)}; nothing of it was changed. Either upgrade frontdesk,"
        " or put back the copy of the store that was made before"
    )
    assert {file.name: file.read_bytes() for file in path.parent.iterdir()} == before


@pytest.mark.parametrize(
    "note", [None, b"no JSON", b"[]", b'{"version":7}', b'{"version":"7\\n<b>"}', b"\xff"]
)
def test_a_later_store_that_does_not_tell_its_version(tmp_path: Path, note: bytes | None) -> None:
    """What the note holds is somebody else's, and is not repeated unless it is a version."""
    path = tmp_path / "var" / "frontdesk.db"
    later(path, note)
    with pytest.raises(StoreTooNew, match=r"^a later frontdesk made it schema") as caught:
        SQLiteStore.open(path)
    assert caught.value.program is None


def test_a_later_store_that_was_killed_is_refused_too(tmp_path: Path) -> None:
    """Its schema may be in the log alone; all of it is there for the later version again."""
    source, path = tmp_path / "source" / "frontdesk.db", tmp_path / "var" / "frontdesk.db"
    path.parent.mkdir(mode=0o700)
    SQLiteStore.open(source).close()
    with closing(SQLiteFile.open(source, LATER)) as file:
        with file.transaction():
            file.connection.execute("INSERT INTO later VALUES ('marked')")
            file.connection.execute(sql.REMEMBER, ("program", b'{"version":"7.1.0"}'))
        for suffix in ("", "-wal"):  # as a kill leaves them
            path.with_name(path.name + suffix).write_bytes(
                source.with_name(source.name + suffix).read_bytes()
            )
    with pytest.raises(StoreTooNew, match=r"^frontdesk 7\.1\.0 made it"):
        SQLiteStore.open(path)
    with closing(SQLiteFile.open(path, LATER)) as file:
        assert file.report is None
        assert file.connection.execute("SELECT x FROM later").fetchall() == [("marked",)]


def test_the_note_follows_the_version_that_opens(tmp_path: Path) -> None:
    """And costs a start that changes nothing no write."""
    path = tmp_path / "var" / "frontdesk.db"
    with SQLiteStore.open(path) as store:
        assert store.recall("program") == {"version": __version__}
        store.remember("program", {"version": "0.0.1"})
    with SQLiteStore.open(path) as store:
        assert store.recall("program") == {"version": __version__}
