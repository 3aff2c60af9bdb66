"""Trace Context: what is a `traceparent`, and its way from the request into the journal."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from frontdesk import CaptureMiddleware
from frontdesk.event import Identify
from frontdesk.trace_context import child, is_sampled, traceparent
from frontdesk.wsgi import CaptureMiddleware as WSGIMiddleware

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"
HEADER = f"00-{TRACE}-{SPAN}-01"
BODY = b'{"user":{"id":1,"email":"jane.doe@example.com"}}'


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        (HEADER, HEADER),
        (f"00-{TRACE}-{SPAN}-00", f"00-{TRACE}-{SPAN}-00"),
        (f"00-{TRACE}-{SPAN}-03", f"00-{TRACE}-{SPAN}-03"),
        (f"00-{TRACE}-{SPAN}-ff", f"00-{TRACE}-{SPAN}-03"),
        (f"cc-{TRACE}-{SPAN}-01", HEADER),
        (f"cc-{TRACE}-{SPAN}-01-what-comes", HEADER),
        (f"00-{TRACE}-{SPAN}-01-", None),
        (f"cc-{TRACE}-{SPAN}-01what", None),
        (f"ff-{TRACE}-{SPAN}-01", None),
        (f"00-{'0' * 32}-{SPAN}-01", None),
        (f"00-{TRACE}-{'0' * 16}-01", None),
        (HEADER.upper(), None),
        (f" {HEADER}", None),
        (f"{HEADER}\n", None),
        (f"00_{TRACE}-{SPAN}-01", None),
        (f"00-{TRACE[:-1]}--{SPAN}-01"[:55], None),
        (f"00-{TRACE}-{SPAN}-1", None),
        (f"00-{TRACE[:-1]}g-{SPAN}-01", None),
        (f"00-{TRACE}{SPAN}-01--"[:55], None),
        (f"{HEADER},{HEADER}", None),
        ("", None),
        (None, None),
        (7, None),
    ],
)
def test_the_grammar_is_kept_to(given: Any, taken: str | None) -> None:
    """As bytes and as text; unknown flags go, and so does what only a newer version knows."""
    assert traceparent(given) == taken
    if isinstance(given, str):
        assert traceparent(given.encode()) == taken


_HEX = st.text("0123456789abcdefA-g", min_size=1, max_size=34)


@given(st.lists(_HEX, min_size=1, max_size=5), st.booleans())
@example(["00", TRACE, SPAN, "01"], True)
def test_what_is_taken_fits_the_grammar(parts: list[str], as_bytes: bool) -> None:
    """Whatever comes; the quick way and the grammar agree."""
    text = "-".join(parts)
    taken = traceparent(text.encode() if as_bytes else text)
    assert taken == traceparent(text)
    if taken is not None:
        assert re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-0[0-3]", taken)
        assert traceparent(taken) == taken


def test_a_child_is_of_the_same_trace() -> None:
    """With the flags of its parent."""
    assert child(HEADER, "1" * 16) == f"00-{TRACE}-{'1' * 16}-01"
    assert is_sampled(HEADER)
    assert not is_sampled(f"00-{TRACE}-{SPAN}-02")


async def shop(scope: Any, receive: Any, send: Any) -> None:
    """A login over ASGI."""
    await receive()
    head = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    await send({"type": "http.response.body", "body": BODY})


def log_in(journal: Path, headers: list[tuple[bytes, bytes]]) -> Identify:
    """What the journal holds of one login."""
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/auth/login",
        "root_path": "",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json"), *headers],
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"{}", "more_body": False}

    async def send(message: Any) -> None:
        pass

    app = CaptureMiddleware(shop, journal=journal)
    asyncio.run(app(scope, receive, send))
    return last(journal)


def last(journal: Path) -> Identify:
    """The last message of a journal."""
    [file] = journal.glob("*.ndjson")
    line = file.read_bytes().splitlines()[-1]
    assert (b"traceparent" in line) == (Identify.decode(line).traceparent is not None)
    return Identify.decode(line)


@pytest.mark.parametrize(
    ("headers", "taken"),
    [
        ([], None),
        ([(b"traceparent", HEADER.encode())], HEADER),
        ([(b"Traceparent", HEADER.encode())], HEADER),
        ([(b"traceparent", HEADER.encode()), (b"tracestate", b"a=marked")], HEADER),
        ([(b"traceparent", b"marked@person.example")], None),
        ([(b"traceparent", HEADER.encode())] * 2, None),
        ([(b"traceparens", HEADER.encode())], None),
    ],
)
def test_a_login_takes_its_trace_along(
    journal: Path, headers: list[tuple[bytes, bytes]], taken: str | None
) -> None:
    """One that is valid; `tracestate` never."""
    assert log_in(journal, headers).traceparent == taken
    assert b"marked" not in b"".join(one.read_bytes() for one in journal.glob("*"))


@pytest.mark.parametrize("given", [None, HEADER, "nonsense"])
def test_a_login_over_wsgi_does_too(journal: Path, given: str | None) -> None:
    """The header as PEP 3333 names it."""

    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "application/json")])
        return [BODY]

    environ = {"REQUEST_METHOD": "POST", "PATH_INFO": "/auth/login", "SCRIPT_NAME": ""}
    more = {} if given is None else {"HTTP_TRACEPARENT": given}
    WSGIMiddleware(app, journal=journal)({**environ, **more}, lambda *_: lambda _: None)
    assert last(journal).traceparent == (given if given == HEADER else None)


def test_lines_of_former_and_of_other_writers_are_read() -> None:
    """Without the field, and with one that is none: it says nothing, and the login is taken."""
    line = (
        b'{"type":"identify","messageId":"1","timestamp":"2026-11-20T12:00:00Z","userId":"1",'
        b'"traits":{"email":"jane.doe@example.com"},"context":{}%s}'
    )
    assert Identify.decode(line % b"").traceparent is None
    for odd in (b"7", b"null", b'"nonsense"', b"{}", b'"00-%s-%s-01"' % (b"0" * 32, SPAN.encode())):
        assert Identify.decode(line % (b',"traceparent":' + odd)).traceparent is None
    read = Identify.decode(line % (b',"traceparent":"%s"' % HEADER.encode()))
    assert read.traceparent == HEADER
    assert Identify.decode(read.encode()) == read
