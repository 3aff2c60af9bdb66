"""Whether an existing file is whole, as far as SQLite can tell.

`integrity_check` rather than `quick_check`: the latter does not compare indexes with their table,
and a row that is missing from an index makes a later statement fail, start after start.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from frontdesk_sidecar.store.errors import StoreTooNew
from frontdesk_sidecar.store.sqlite_errors import code, is_damage

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
    """Whether the file is empty and its log is not; SQLite would delete such a log."""
    log = path.with_name(path.name + "-wal")
    if path.exists() and path.stat().st_size == 0 and log.exists() and log.stat().st_size > 0:
        return Damage(path.stat().st_ino, "the file is empty, and its log is not")
    return None


def find(path: Path, connection: sqlite3.Connection, migrations: Migrations) -> Damage | None:
    """Read everything; the first thing that is wrong.

    Raises StoreTooNew, and sqlite3.Error for what is no damage. Nothing is written.
    """
    inode, version = os.stat(path).st_ino, None
    known = [schema(migrations[:number]) for number in range(len(migrations) + 1)]
    try:
        (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > len(migrations):
            raise StoreTooNew(version, len(migrations))
        if version < 0 or not _fits(connection, known[version], known[-1]):
            return Damage(inode, "the schema is not that of any version")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
    except sqlite3.Error as error:
        if is_damage(error):
            # Its text may quote what is in the file.
            return Damage(inode, getattr(error, "sqlite_errorname", "not UTF-8"))
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
