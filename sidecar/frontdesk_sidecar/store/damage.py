"""Whether an existing file is whole, as far as SQLite can tell.

After a proper end `quick_check` will do, 1.2 s for a million customers. After any other end, or
when the file was found damaged in use, it is `integrity_check`, 5.5 s: it also compares each index
with its table, and a row that an index misses would make one statement fail, start after start.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from frontdesk_sidecar.store import ownership
from frontdesk_sidecar.store.errors import StoreTooNew
from frontdesk_sidecar.store.sqlite_errors import code, is_damage
from frontdesk_sidecar.store.versions import keep_log, program_of

#: Migration n is a sequence of statements and brings the schema to version n.
Migrations: TypeAlias = Sequence[Sequence[str]]
#: name -> SQL
Schema: TypeAlias = dict[str, str]

_SCHEMA: Final = "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL"


@dataclass(frozen=True, slots=True)
class Damage:
    """What is wrong with the file of that inode, without personal data.

    `version` is that of the schema, if it is certain.
    """

    inode: int
    reason: str
    version: int | None = None


def lost_its_file(path: Path) -> Damage | None:
    """Whether the file is empty and its log is not; SQLite would delete such a log.

    One byte is none to SQLite: some file systems need it (unixFileSize in its os_unix.c).
    """
    log = path.with_name(path.name + "-wal")
    if path.exists() and path.stat().st_size <= 1 and log.exists() and log.stat().st_size > 0:
        return Damage(path.stat().st_ino, "the file is empty, and its log is not")
    return None


def suspect(path: Path) -> None:
    """Have the file checked thoroughly when it is opened next. Never raises."""
    with suppress(OSError):
        ownership.create(_mark(path))


def acquit(path: Path) -> None:
    """It was checked, or is another one now. Raises OSError."""
    _mark(path).unlink(missing_ok=True)


def _mark(path: Path) -> Path:
    return path.with_name(path.name + ".suspect")


def _check(path: Path) -> str:
    log = path.with_name(path.name + "-wal")
    ended_well = not _mark(path).exists() and not (log.exists() and log.stat().st_size)
    return "PRAGMA quick_check(1)" if ended_well else "PRAGMA integrity_check(1)"


def find(path: Path, connection: sqlite3.Connection, migrations: Migrations) -> Damage | None:
    """Read everything; the first thing that is wrong.

    Raises StoreTooNew, and sqlite3.Error for what is no damage. Nothing is written.
    """
    inode, version = os.stat(path).st_ino, None
    newest = schema(migrations)
    try:
        (verdict,) = connection.execute(_check(path)).fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > len(migrations):
            keep_log(connection)
            raise StoreTooNew(version, len(migrations), program_of(connection))
        if version < 0 or not _fits(connection, schema(migrations[:version]), newest):
            return Damage(inode, "the schema is not that of any version")
        # The header may say that the file must not be written. Then BEGIN IMMEDIATE alone is fine.
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(f"PRAGMA user_version = {version}")
        connection.execute("ROLLBACK")
    except UnicodeDecodeError:
        return Damage(inode, "its schema is not UTF-8")
    except sqlite3.Error as error:
        if is_damage(error):
            # Its text may quote what is in the file.
            return Damage(inode, getattr(error, "sqlite_errorname", "some text is not UTF-8"))
        if code(error) == sqlite3.SQLITE_READONLY and os.access(path, os.W_OK):
            return Damage(inode, "its header says that it cannot be written", version)
        raise
    return None if verdict == "ok" else Damage(inode, " ".join(verdict.split()), version)


def _fits(connection: sqlite3.Connection, expected: Schema, latest: Schema) -> bool:
    """All that the migrations make is there, and nothing of later ones; other things may be."""
    found = dict(connection.execute(_SCHEMA).fetchall())
    return all(found.get(name) == sql for name, sql in expected.items()) and not any(
        name in found for name in latest.keys() - expected.keys()
    )


def schema(migrations: Migrations) -> Schema:
    """What the migrations make. Raises sqlite3.Error."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        for statements in migrations:
            for statement in statements:
                connection.execute(statement)
        return dict(connection.execute(_SCHEMA).fetchall())
