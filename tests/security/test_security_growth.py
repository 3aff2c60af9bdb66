"""Time and memory that somebody else's input takes: linear, and within bounds."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from frontdesk.coding import unpack
from frontdesk.exchange import Body, Exchange, fields
from frontdesk.graphql_lexer import Malformed
from frontdesk.graphql_parser import parse
from frontdesk.multipart import Multipart
from frontdesk.traits import email
from frontdesk_sidecar.ingest.document import read_lines, split_lines
from frontdesk_sidecar.ingest.message import Envelope
from frontdesk_sidecar.journal.lines import Batch
from frontdesk_sidecar.sap.odata import read_error
from frontdesk_sidecar.sap.scrub import scrub

HERE = Path(__file__).parent
#: Sixteen times the input: linear work takes about that, quadratic 256 times as long.
TIMES = 16
MOST = 64.0
LEAST_S = 0.002


@pytest.fixture(scope="module")
def found() -> Any:
    """What the search says of every regular expression; one that never ends is ended."""
    command = [sys.executable, str(HERE / "growth.py")]
    done = subprocess.run(command, check=True, capture_output=True, timeout=100)
    return json.loads(done.stdout)


def test_the_search_finds_what_is_bad(found: Any) -> None:
    """Otherwise it would say nothing of the others."""
    assert found["known"] == ["exponential", "nested", "quadratic", "restarted"]
    assert len(found["names"]) > 50
    assert "frontdesk.traits._EMAIL" in found["names"]
    assert "frontdesk.sources._SECRET" in found["names"]
    assert any(one.endswith("._DELIMITED") for one in found["names"])
    assert found["unused"] == []


def test_every_regular_expression_takes_linear_time(found: Any) -> None:
    """In web processes and in the sidecar, in the ways each is used."""
    assert found["steep"] == []


def multipart(size: int) -> None:
    """Delimiters, headers and parameters without end."""
    kind = b"multipart/form-data; boundary=x"
    for unit in (b"\r\n--x\r\n", b"\r\n--", b"--x" * 2 + b" ", b"a: b; c=\\", b"\r"):
        parts = Multipart(kind)
        parts.feed(b"--x\r\nContent-Disposition: form-data; name=a" + unit * (size // len(unit)))
        parts.fields()
    Multipart(kind + b"; a=" + b'"\\' * (size // 2)).fields()


def graphql(size: int) -> None:
    """Depth, width, escapes and strings without end."""
    for unit in ("{a", "{", "[", '"\\', '"""', "#", "a:", "...", '"\\u', "$a:[", "1e"):
        for begin in ("", "{a(b:", 'mutation{a(b:"'):
            try:
                parse(begin + unit * (size // len(unit)))
            except Malformed:
                continue


def forms(size: int) -> None:
    """Fields and escapes."""
    for unit in (b"a=b&", b"%", b"%41", b"a[", b"&", b"=", b"+"):
        fields(unit * (size // len(unit)))


def cookies(size: int) -> None:
    """One header, or many."""
    for headers in (
        [(b"cookie", b"a=b; " * (size // 5))],
        [(b"cookie", b'"\\' * (size // 2))],
        [(b"content-type", b"application/json;" * (size // 17))] * 2,
        [(b"x", b"y")] * (size // 2),
    ):
        exchange = Exchange({"type": "http", "headers": headers})
        exchange.request.read_headers()


def json_of(size: int) -> None:
    """Depth and width of a JSON body."""
    for unit in (b"[", b'{"a":', b'"\\u0041', b"[],", b'{"a":1},'):
        body = Body([(b"content-type", b"application/json")])
        body.feed({"body": b"[" + unit * (size // len(unit)), "more_body": False})
        body.json()


def members(size: int) -> None:
    """gzip members of nothing, one after the other."""
    empty = bytes.fromhex("1f8b08000000000002ff03000000000000000000")
    unpack(empty * (size // len(empty)), b"gzip", 1 << 18)
    unpack(b"\x1f\x8b" * (size // 2), b"gzip, gzip, gzip", 1 << 18)


def addresses(size: int) -> None:
    """What is nearly one."""
    for unit in ("a.", "a@", ".", "@a.", "-"):
        email("a@" + unit * (size // len(unit)) + ",")


def said_by_sap(size: int) -> None:
    """Quotes, brackets, escapes, addresses: what an error's text may hold."""
    for unit in ("'", "[", "{a=", "&amp;", "\\u0041", "a@b.example ", "1 ", "<a>", "%25", "a='"):
        scrub(unit * (size // len(unit)), ("jane@example.com", "Jane", "O'Neil"))
    for part in (b"<a>", b"<!--", b'{"error":', b"&", b"<![CDATA["):
        read_error(b"<error>" + part * (size // len(part)))
        read_error(part * (size // len(part)))


def lines(size: int) -> None:
    """Of the journal, and of an import."""
    batch = Batch()
    envelope = Envelope(received=datetime(2026, 1, 1, tzinfo=UTC), id="x")
    for unit in (b"\n", b"{}\n", b'{"type":"identify"}\n', b"[" * 50 + b"\n"):
        content = unit * (size // len(unit))
        for line in content.split(b"\n"):
            batch.take(line)
        read_lines(split_lines(content), 1, envelope)


def taken(work: Callable[[int], None], size: int) -> float:
    """Seconds of this process at best."""
    found = []
    for _ in range(3):
        began = time.process_time()
        work(size)
        found.append(time.process_time() - began)
    return min(found)


def squares(size: int) -> None:
    """Known to be quadratic."""
    for length in range(size // 8):
        sum(bytes(length))


@pytest.mark.parametrize(
    "work",
    [multipart, graphql, forms, cookies, json_of, members, addresses, said_by_sap, lines],
)
def test_every_reader_takes_linear_time(work: Callable[[int], None]) -> None:
    """From two kilobytes to thirty-two: what a login's body may have, and what an error's text."""
    assert grows(work) is False


def grows(work: Callable[[int], None]) -> bool:
    """Whether it takes much more than as many times the time; looked at again before it counts."""
    for _ in range(3):
        long = taken(work, 2048 * TIMES)
        if long < LEAST_S or long < MOST * taken(work, 2048):
            return False
    return True


def test_what_grows_is_seen() -> None:
    """Otherwise the others would say nothing."""
    assert grows(squares) is True


def test_a_login_s_body_is_kept_within_a_bound() -> None:
    """Whatever is sent, and whatever the app answers."""
    body = Body([(b"content-type", b"application/json")])
    for _ in range(1000):
        body.feed({"body": b"x" * 65_536, "more_body": True})
    assert body.too_large
    assert body.raw() is None
    parts = Body([(b"content-type", b"multipart/form-data; boundary=x")])
    for _ in range(1000):
        parts.feed({"body": b"--x\r\n" * 1000, "more_body": True})
    assert parts.form() == {}


def test_json_is_as_deep_as_its_reader_allows() -> None:
    """A thousand levels and no more: nothing recurses further."""
    deep = b"[" * 1024 + b"]" * 1024
    orjson.loads(deep)
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(b"[" + deep + b"]")
