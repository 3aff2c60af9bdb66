"""A file of customers as messages: one a line, or a table whose first row names the traits.

Pure. Whatever is wrong is told by its line, never by a value.

Source: RFC 4180 (CSV); the first line `sep=;` is what spreadsheets write and read.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import orjson

from frontdesk.traits import SPELLINGS

_SEPARATORS: Final = ",;\t|"
#: No cell and no line is longer.
MOST_CHARS: Final = 1_000_000
_BETWEEN: Final = re.compile(r"[\s_.-]+")
_TIMES: Final = ("timestamp", "originalTimestamp")


class BadFile(Exception):  # noqa: N818 - says what is the case
    """A file of which nothing can be read; the text says why, without a value."""


class Line(NamedTuple):
    """A message as JSON, the number of the line on which it ends, and what is wrong with it."""

    number: int
    message: bytes
    problem: str = ""


def dated(line: Line, at: datetime) -> Line:
    """The line with a time of its own: of what tells none, `at`, the later the further down.

    So the last of several rows wins, and the same file has the same times again. When an SDK sent
    a message says nothing of a file: its `timestamp` is taken as it is.
    """
    try:
        document = orjson.loads(line.message)
        document.pop("sentAt", None)
        if all(document.get(name) is None for name in _TIMES):
            document["timestamp"] = (at + timedelta(microseconds=line.number)).isoformat()
        return line._replace(message=orjson.dumps(document))
    except (AttributeError, TypeError, ValueError):
        return line  # refused, for what is wrong with it


def has_time(line: Line) -> bool:
    """Whether a message tells when it was so."""
    return any(b'"%b"' % name.encode() in line.message for name in _TIMES)


def from_lines(text: Iterable[str]) -> Iterator[Line]:
    """The messages of a file of lines, the empty ones left out."""
    for number, line in enumerate(text, 1):
        if line.strip():
            yield Line(number, line.strip().encode())


def from_table(text: Iterable[str]) -> Iterator[Line]:
    """A message for each row of a table that says anything. Raises BadFile."""
    table = _Table(text)
    if not table.names:
        return
    columns = [column for _, column in _columns(table.names)]
    if not {"email", "userId"} & set(columns):
        raise BadFile("line 1: no column is an e-mail address; name it email")
    for number, row in table.rows():
        nameless = [cell for cell, name in zip(row, columns, strict=False) if not name]
        if any(cell.strip() for cell in nameless + row[len(columns) :]):
            yield Line(number, b"{}", "has a cell for which line 1 has no name")
        elif any(cell.strip() for cell in row):
            yield Line(number, orjson.dumps(_message(columns, row)))


def columns_of(text: Iterable[str]) -> list[tuple[str, str]]:
    """A table's names, each with what it is to frontdesk. Raises BadFile."""
    return _columns(_Table(text).names)


class _Table:
    """Rows of cells. Raises BadFile."""

    def __init__(self, text: Iterable[str]) -> None:
        self._text = iter(text)
        self._before = 0
        csv.field_size_limit(MOST_CHARS)
        head = next(self._text, "")
        if head.lower().startswith("sep=") and len(head.rstrip("\r\n")) == 5:
            self._before, separator = 1, head[4]
            head = next(self._text, "")
        else:
            separator = max(_SEPARATORS, key=head.count)
        self._reader = csv.reader(self._chained(head), delimiter=separator, strict=True)
        found = next((row for _, row in self.rows()), [])
        self.names = [name.strip() for name in found]

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Each row, and the number of the line on which it ends."""
        try:
            for row in self._reader:
                yield self._before + self._reader.line_num, row
        except csv.Error as error:
            raise BadFile(f"line {self._before + self._reader.line_num}: {error}") from None

    def _chained(self, head: str) -> Iterator[str]:
        yield head
        yield from self._text


def _columns(names: Sequence[str]) -> list[tuple[str, str]]:
    """What each column is: `userId`, `timestamp`, `site`, or a trait by its usual name."""
    found = [(name, _OWN.get(_folded(name), name)) for name in names]
    known = [column for _, column in found if column]
    twice = sorted({name for name, column in found if known.count(column) > 1})
    if twice:
        raise BadFile(f"line 1: these columns are the same: {', '.join(twice)}")
    return found


def _message(columns: Sequence[str], row: Sequence[str]) -> dict[str, Any]:
    """An empty cell says nothing."""
    message: dict[str, Any] = {"traits": {}}
    for column, cell in zip(columns, row, strict=False):
        value = cell.strip()
        if not value:
            continue
        if column in ("userId", "timestamp"):
            message[column] = value
        elif column == "site":
            message["context"] = {"site": value}
        else:
            message["traits"][column] = value
    return message


def _folded(name: str) -> str:
    return _BETWEEN.sub("", name).casefold()


_OWN: Final = {_folded(spelling): trait for spelling, trait in SPELLINGS.items()} | {
    _folded(name): name for name in ("userId", "timestamp", "site")
}
