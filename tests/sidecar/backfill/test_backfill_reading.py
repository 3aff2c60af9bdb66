"""A file of customers, read: tables and lines; what is wrong is named by its line alone."""

from __future__ import annotations

import csv
import io
import os
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk_sidecar.backfill import source
from frontdesk_sidecar.backfill.reading import BadFile, Line, dated, from_table, has_time
from frontdesk_sidecar.backfill.source import File

cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")).filter(
    lambda text: text.strip() == text and text
)
AT = datetime(2026, 3, 1, 10, tzinfo=UTC)


def table(text: str) -> list[tuple[int, object]]:
    """Each row's line and message, or what is wrong with it."""
    rows = from_table(io.StringIO(text, newline=""))
    return [(row.number, row.problem or orjson.loads(row.message)) for row in rows]


def written(directory: Path, content: bytes, name: str = "customers.csv") -> Path:
    """A file of this content."""
    path = directory / name
    path.write_bytes(content)
    return path


def read(path: Path) -> list[tuple[int, object]]:
    """Each line and message."""
    with File(path) as file:
        once = [(one.number, one.problem or orjson.loads(one.message)) for one in file.lines()]
        assert [one.number for one in file.lines()] == [number for number, _ in once]
    return once


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("told", [False, True])
def test_a_table(separator: str, told: bool) -> None:
    """A row of names, then customers; names are known in any usual spelling."""
    rows = [
        ["User ID", "E-Mail", "First Name", "timestamp", "Site", "Shoe size"],
        ["u-1", "ann@example.com", "Ann", "2026-01-02T03:04:05Z", "toys", "38"],
        ["", "", "", "", "", ""],
        [" ", "joe@example.com", "", "", "", ""],
    ]
    text = "\r\n".join(separator.join(row) for row in rows)
    ann = {
        "userId": "u-1",
        "timestamp": "2026-01-02T03:04:05Z",
        "context": {"site": "toys"},
        "traits": {"email": "ann@example.com", "firstName": "Ann", "Shoe size": "38"},
    }
    joe = {"traits": {"email": "joe@example.com"}}
    first = f"sep={separator}\r\n" if told else ""
    assert table(first + text) == [(2 + told, ann), (4 + told, joe)]


@given(st.lists(st.tuples(cells, cells), min_size=1, max_size=5))
def test_whatever_stands_in_a_cell_comes_out_of_it(rows: list[tuple[str, str]]) -> None:
    """Also separators, quotes and ends of lines."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([("email", "na,me"), *rows])
    text.seek(0)
    found = [orjson.loads(row.message)["traits"] for row in from_table(text)]
    assert [(one["email"], one["na,me"]) for one in found] == rows


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("email,name,E-Mail\n", "line 1: these columns are the same: E-Mail, email"),
        ("name,age\nmarked,7\n", "line 1: no column is an e-mail address; name it email"),
        ('email\n"ann"marked\n', "line 2: "),
        ('email,name\nann@example.com,"mar\nked\n', "line 3: "),
    ],
)
def test_a_table_that_is_none(text: str, why: str) -> None:
    """Names the line; nothing of what stands there."""
    with pytest.raises(BadFile) as caught:
        table(text)
    assert str(caught.value).startswith(why)
    assert "marked" not in str(caught.value)


def test_a_cell_without_a_name() -> None:
    """Refuses its row alone; an empty one says nothing."""
    problem = "has a cell for which line 1 has no name"
    joe = {"traits": {"email": "joe@example.com"}}
    text = "email,,\nann@example.com,,marked\njoe@example.com,,,,\nzoe@example.com,,,x\n"
    assert table(text) == [(2, problem), (3, joe), (4, problem)]


def test_an_empty_table() -> None:
    """Holds nobody."""
    assert table("") == []
    assert table("email\n") == []


def test_lines(tmp_path: Path) -> None:
    """As they are, but for the empty ones; a mark of their order of bytes is none."""
    content = b'\xef\xbb\xbf{"a":1}\n\n  {"b":2}  \r\n'
    assert read(written(tmp_path, content, "c.ndjson")) == [(1, {"a": 1}), (3, {"b": 2})]


def test_columns_are_told_as_they_are_taken(tmp_path: Path) -> None:
    """Of a table; a file of lines has none."""
    with File(written(tmp_path, b"E-Mail;Kunde\n", "C.CSV")) as file:
        assert file.columns() == [("E-Mail", "email"), ("Kunde", "Kunde")]
    with File(written(tmp_path, b"{}\n", "c.txt")) as file:
        assert file.columns() == []


def test_what_is_not_utf_8(tmp_path: Path) -> None:
    """Is told, with what to do about it."""
    path = written(tmp_path, "email,name\nann@example.com,Jörg\n".encode("cp1252"))
    with pytest.raises(BadFile, match=r"is not UTF-8.*: save it as CSV UTF-8") as caught:
        read(path)
    assert "ann@" not in str(caught.value)


def test_a_file_without_ends_of_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is not read into memory: an array is no file of lines."""
    monkeypatch.setattr(source, "MOST_CHARS", 20)
    with pytest.raises(BadFile, match="line 2: has no end within 20; expected a message on each"):
        read(written(tmp_path, b'{"a":1}\n[{"a":1},{"a":2},{"a":3}]', "c.json"))


def test_what_is_no_file(tmp_path: Path) -> None:
    """A pipe could not be read twice, and would be waited for."""
    os.mkfifo(tmp_path / "c.csv")
    for path in (tmp_path / "c.csv", tmp_path, Path("/dev/null")):
        with pytest.raises(BadFile, match="is no regular file: write it to one first"):
            File(path)


def test_whether_somebody_writes_meanwhile_is_seen(tmp_path: Path) -> None:
    """By its size and its time."""
    path = written(tmp_path, b"email\n")
    with File(path) as file:
        assert not file.has_changed
        path.write_bytes(b"")
        assert file.has_changed


def test_a_line_without_a_time_gets_one() -> None:
    """The later the further down, so that the last wins; one that it has stays."""
    line = Line(7, b'{"traits":{},"sentAt":"2026-11-11T11:11:11Z"}')
    assert not has_time(line)
    assert orjson.loads(dated(line, AT).message) == {
        "traits": {},
        "timestamp": "2026-03-01T10:00:00.000007+00:00",
    }
    for name in ("timestamp", "originalTimestamp"):
        line = Line(7, b'{"%b":"2025-01-01"}' % name.encode())
        assert has_time(line)
        assert orjson.loads(dated(line, AT).message) == {name: "2025-01-01"}


@pytest.mark.parametrize("message", [b"marked", b"[1]", b"null", b'"x"'])
def test_what_is_no_message_stays_as_it_is(message: bytes) -> None:
    """It is refused where messages are read."""
    assert dated(Line(1, message), AT) == Line(1, message)
