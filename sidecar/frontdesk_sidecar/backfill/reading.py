"""A file of customers as messages: one a line, or a table whose first row names the traits.

Pure: from the file's text. Whatever is wrong is told by its line, never by a value.

Source: RFC 4180 (CSV); RFC 7464 is not for this: lines are what NDJSON and JSON Lines call them.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import orjson

_TABLES: Final = (".csv", ".tsv", ".txt")
_SEPARATORS: Final = ",;\t|"
#: A column for the message itself, by its name without case, spaces and `_`; others are traits.
_OWN: Final = {"userid": "userId", "timestamp": "timestamp"}
_SITE: Final = "site"


class BadFile(Exception):  # noqa: N818 - says what is the case
    """A file of which nothing can be read; the text says why, without a value."""


class Line(NamedTuple):
    """A message as JSON, and the number of the line on which it ends."""

    number: int
    message: bytes


def is_table(name: str) -> bool:
    """Whether a file of this name is a table; others have a message on each line."""
    return name.lower().endswith(_TABLES)


def from_lines(text: Iterable[str]) -> Iterator[Line]:
    """The messages of a file of lines, the empty ones left out."""
    for number, line in enumerate(text, 1):
        if line.strip():
            yield Line(number, line.strip().encode())


def from_table(text: Iterable[str]) -> Iterator[Line]:
    """A message for each row of a table. Raises BadFile."""
    rows = iter(text)
    head = next(rows, "")
    separator = max(_SEPARATORS, key=head.count)
    names = [name.strip() for name in next(csv.reader([head], delimiter=separator), [])]
    if len({name.lower() for name in names if name}) < len(names):
        raise BadFile("line 1: expected a name for each column, and each name once")
    reader = csv.reader(rows, delimiter=separator, strict=True)
    try:
        for row in reader:
            number = reader.line_num + 1
            if len(row) > len(names):
                raise BadFile(f"line {number}: has more cells than line 1 has names")
            if any(cell.strip() for cell in row):
                yield Line(number, orjson.dumps(_message(names, row)))
    except csv.Error as error:
        raise BadFile(f"line {reader.line_num + 1}: {error}") from None


def _message(names: Sequence[str], row: Sequence[str]) -> dict[str, Any]:
    """An empty cell says nothing."""
    message: dict[str, Any] = {"traits": {}}
    for name, cell in zip(names, row, strict=False):
        value, plain = cell.strip(), name.lower().replace(" ", "").replace("_", "")
        if not value:
            continue
        if plain in _OWN:
            message[_OWN[plain]] = value
        elif plain == _SITE:
            message["context"] = {_SITE: value}
        else:
            message["traits"][name] = value
    return message
