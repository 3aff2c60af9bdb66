"""A file of customers, read: tables and lines; what is wrong is named by its line alone."""

from __future__ import annotations

import csv
import io
from itertools import pairwise

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk_sidecar.backfill.handing import MOST_DUE, Patience, chunks, fits
from frontdesk_sidecar.backfill.reading import BadFile, Line, from_lines, from_table, is_table

cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")).filter(
    lambda text: text.strip() == text and text
)


def table(text: str) -> list[tuple[int, object]]:
    """Each row's line and message."""
    rows = from_table(io.StringIO(text, newline=""))
    return [(number, orjson.loads(message)) for number, message in rows]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_a_table(separator: str) -> None:
    """A row of names, then customers; what is not a trait by its name is none."""
    rows = [
        ["User ID", "Email", "first_name", "timestamp", "site"],
        ["u-1", "ann@example.com", "Ann", "2026-01-02T03:04:05Z", "toys"],
        ["", "", "", "", ""],
        [" ", "joe@example.com", "", "", ""],
    ]
    text = "\r\n".join(separator.join(row) for row in rows)
    ann = {
        "userId": "u-1",
        "timestamp": "2026-01-02T03:04:05Z",
        "context": {"site": "toys"},
        "traits": {"Email": "ann@example.com", "first_name": "Ann"},
    }
    assert table(text) == [(2, ann), (4, {"traits": {"Email": "joe@example.com"}})]


@given(st.lists(st.tuples(cells, cells), min_size=1, max_size=5))
def test_whatever_stands_in_a_cell_comes_out_of_it(rows: list[tuple[str, str]]) -> None:
    """Also separators, quotes and ends of lines."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([("email", "name"), *rows])
    text.seek(0)
    read = [orjson.loads(message)["traits"] for _, message in from_table(text)]
    assert [(one["email"], one["name"]) for one in read] == rows


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("email,name,email\n", "line 1: expected a name for each column, and each name once"),
        ("email,,\n", "line 1: expected a name for each column, and each name once"),
        ("email\nann@example.com,marked\n", "line 2: has more cells than line 1 has names"),
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


def test_an_empty_table() -> None:
    """Holds nobody."""
    assert table("") == []
    assert table("email\n") == []


def test_lines() -> None:
    """As they are, but for the empty ones."""
    text = io.StringIO('{"a":1}\n\n  {"b":2}  \n')
    assert list(from_lines(text)) == [(1, b'{"a":1}'), (3, b'{"b":2}')]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("c.csv", True), ("C.CSV", True), ("c.tsv", True), ("c.ndjson", False), ("c.json", False)],
)
def test_which_files_are_tables(name: str, expected: bool) -> None:
    """By what their name ends with."""
    assert is_table(name) is expected


@given(st.lists(st.integers(1, 40_000), max_size=60))
def test_requests_hold_what_fits(sizes: list[int]) -> None:
    """All of it, in order, in as few requests as may be; each of a size that is taken."""
    lines = [Line(number, b"x" * size) for number, size in enumerate(sizes)]
    parts = list(chunks(lines))
    assert [line for part in parts for line in part] == lines
    assert all(len(orjson.dumps([m.decode() for _, m in part])) < 62_000 for part in parts)
    for one, other in pairwise(parts):
        together = [m.decode() for _, m in (*one, other[0])]
        assert len(orjson.dumps(together)) > 61_000 or len(one) == 500


def test_a_line_that_no_request_holds() -> None:
    """Quotes count twice."""
    assert fits(Line(1, b"x" * 60_000))
    assert not fits(Line(1, b'"' * 32_000))


def test_few_wait_at_a_time() -> None:
    """Nothing more is handed over before SAP has most of it; from time to time that is told."""
    now, told, slept = [0.0], [], []
    due = iter([MOST_DUE + 400, MOST_DUE + 200, MOST_DUE + 1, MOST_DUE, 0])

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += 4.0

    patience = Patience(
        lambda operation: {"customers": {"due": next(due)}},
        lambda waiting, status: told.append(waiting),
        clock=lambda: now[0],
        sleep=sleep,
    )
    patience.wait()
    assert len(slept) == 3
    assert told == [MOST_DUE + 1]
    patience.wait()
    assert len(slept) == 3
