"""Row by row from a damaged file into a new one.

First as SQLite reads it, forward until a page cannot be read and backward from the end; then from
the leaves of the tables, without their trees (`pages`), what is not there yet. What breaks a
constraint of the new file is left out. WITHOUT ROWID tables are read by SQLite alone: in their
leaves, rows look like those of an index.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from frontdesk_sidecar.store.pages import MAX_ROW, Pages
from frontdesk_sidecar.store.sqlite_errors import code

#: Whether a row (column -> value) of a table makes sense beyond what its constraints say.
Sound: TypeAlias = Callable[[str, Mapping[str, Any]], bool]

#: So many rows are one transaction of the new file.
_BATCH: Final = 1000
#: What a row is to blame for, not the disk.
_OF_THE_ROW: Final = frozenset(
    {
        *(sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_TOOBIG),
        sqlite3.SQLITE_ERROR,
    }
)


@dataclass(slots=True)
class Table:
    """A table of the new file, and what became of the old one's rows.

    A row has `least` columns or more: the others have defaults. `order` is what rows are sorted
    by, and `alias` the column that is the rowid. `rejected` are the rowids of rows that were found
    and not whole; `expected` is how many rows an index knows of, if it can be read.
    """

    name: str
    columns: list[str]
    least: int
    has_rowid: bool
    order: list[str]
    alias: str | None
    kept: int = 0
    rejected: set[Any] = field(default_factory=set)
    expected: int | None = None

    @property
    def lost(self) -> int | None:
        """Rows that were there and are not kept; None when that is not known."""
        if self.expected is None:
            return None
        return max(len(self.rejected), self.expected - self.kept)


class Rescue:
    """Fills `target`, which has the schema and no rows. Raises sqlite3.Error of the target only."""

    def __init__(self, target: sqlite3.Connection, sound: Sound) -> None:
        self._target = target
        self._sound = sound
        self._pending = 0
        self.tables = _tables(target)

    def read(self, source: sqlite3.Connection) -> None:
        """What SQLite can read of the damaged file."""
        source.text_factory = _text
        source.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_ROW)
        for table in self.tables:
            there = {row[1] for row in _until_error(source, _info(table.name))}
            columns = [name for name in table.columns if name.encode() in there or name in there]
            for way in ("ASC", "DESC") if columns else ():
                self._read_table(source, table, columns, way)
            query = f"SELECT count(*) FROM {_quoted(table.name)}"  # noqa: S608 - quoted
            table.expected = next((row[0] for row in _until_error(source, query)), None)
        self.commit()

    def _read_table(
        self, source: sqlite3.Connection, table: Table, columns: list[str], way: str
    ) -> None:
        names = ", ".join([_quoted(table.order[0]), *map(_quoted, columns)])
        by = ", ".join(f"{_quoted(name)} {way}" for name in table.order)
        query = f"SELECT {names} FROM {_quoted(table.name)} NOT INDEXED ORDER BY {by}"  # noqa: S608 - quoted
        last: int | None = None
        for place, *values in _until_error(source, query):
            if table.has_rowid:
                # A damaged tree may lead in a circle.
                if last is not None and (place <= last if way == "ASC" else place >= last):
                    return
                last = place
            self._put(table, place, dict(zip(columns, values, strict=True)))

    def scan(self, pages: Pages) -> int:
        """What is in the pages and not kept yet; how many rows were found there."""
        found = 0
        for rowid, values in pages.rows():
            fitting = [table for table in self.tables if _fits(table, values)]
            if len(fitting) != 1:
                continue
            found += 1
            if self._has(fitting[0], rowid):
                continue
            if values is None:
                fitting[0].rejected.add(rowid)
            else:
                columns = fitting[0].columns
                self._put(fitting[0], rowid, dict(zip(columns, values, strict=False)))
        self.commit()
        return found

    def commit(self) -> None:
        """End the batch."""
        self._pending = 0
        if self._target.in_transaction:
            self._target.execute("COMMIT")

    def _put(self, table: Table, place: Any, row: dict[str, Any]) -> None:
        if table.alias is not None:
            row[table.alias] = place
        if not self._target.in_transaction:
            self._target.execute("BEGIN")
        if self._insert(table, row):
            table.kept += 1
            table.rejected.discard(place)
        elif table.has_rowid and not self._has(table, place):
            table.rejected.add(place)
        self._pending += 1
        if self._pending >= _BATCH:
            self.commit()

    def _insert(self, table: Table, row: dict[str, Any]) -> bool:
        try:
            sound = self._sound(table.name, row)
        except Exception:  # noqa: BLE001 (it looks at whatever there is)
            return False
        names, marks = ", ".join(map(_quoted, row)), ", ".join("?" * len(row))
        statement = f"INSERT OR IGNORE INTO {_quoted(table.name)} ({names}) VALUES ({marks})"  # noqa: S608 - quoted
        return sound and self._execute(statement, list(row.values()))

    def _execute(self, statement: str, values: list[Any]) -> bool:
        try:
            return self._target.execute(statement, values).rowcount == 1
        except sqlite3.Error as error:
            if code(error) not in _OF_THE_ROW:
                raise
        except (ValueError, OverflowError):
            pass  # Python's module knows that SQLite has no room for it
        return False

    def _has(self, table: Table, rowid: int) -> bool:
        query = f"SELECT 1 FROM {_quoted(table.name)} WHERE rowid = ?"  # noqa: S608 - quoted
        return self._target.execute(query, (rowid,)).fetchone() is not None


def _tables(target: sqlite3.Connection) -> list[Table]:
    query = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    return [_table(target, name) for (name,) in target.execute(query).fetchall()]


def _table(target: sqlite3.Connection, name: str) -> Table:
    # cid, name, type, not null, default, place in the primary key from 1
    rows = target.execute(_info(name)).fetchall()
    needed = [row[0] + 1 for row in rows if row[3] and row[4] is None]
    key = [row[1] for row in sorted(rows, key=lambda row: row[5]) if row[5]]
    try:
        target.execute(f"SELECT rowid FROM {_quoted(name)} LIMIT 0")  # noqa: S608 - quoted
        has_rowid = True
    except sqlite3.OperationalError:
        has_rowid = False
    integer = has_rowid and [row[2].upper() for row in rows if row[5]] == ["INTEGER"]
    return Table(
        name=name,
        columns=[row[1] for row in rows],
        least=max(needed, default=1),
        has_rowid=has_rowid,
        order=["rowid"] if has_rowid else key,
        alias=key[0] if integer else None,
    )


def _fits(table: Table, values: list[Any] | None) -> bool:
    """Whether a row from a page may be of this table."""
    if not table.has_rowid:
        return False
    return values is None or table.least <= len(values) <= len(table.columns)


def _until_error(source: sqlite3.Connection, query: str) -> Iterator[tuple[Any, ...]]:
    """The rows up to where the file cannot be read."""
    with suppress(sqlite3.Error, UnicodeDecodeError):
        yield from source.execute(query)


def _info(table: str) -> str:
    return f"PRAGMA table_info({_quoted(table)})"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(data: bytes) -> object:
    """TEXT, or something that no column takes."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return ...
