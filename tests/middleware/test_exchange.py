"""One exchange: bodies as chunks, within bounds, read whatever their form."""

import gzip
import zlib
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asgi_support import FORM, JSON, chunk, exchange_of, said, scope_of, started
from frontdesk.exchange import (
    MAX_BODY_BYTES,
    MAX_FIELDS,
    MAX_UNPACKED_BYTES,
    Body,
    Exchange,
    fields,
)
from frontdesk.headers import cookies, header
from frontdesk.multipart import AMBIGUOUS

DOCUMENT = '{"user": {"email": "zoë@example.com"}}'.encode()


def body(content: bytes, kind: bytes = JSON, coding: bytes | None = None) -> Body:
    """A complete body of one chunk."""
    headers = [(b"content-type", kind)]
    if coding is not None:
        headers.append((b"content-encoding", coding))
    found = Body(headers)
    found.feed(chunk(content))
    return found


@pytest.mark.parametrize(
    ("kind", "is_json", "is_form", "is_stream"),
    [
        (b"application/json", True, False, False),
        (b"application/json; charset=utf-8", True, False, False),
        (b" Application/JSON ;charset=utf-8", True, False, False),
        (b"application/problem+json", True, False, False),
        (b"application/vnd.api+json", True, False, False),
        (b"text/json", False, False, False),
        (b"application/x-www-form-urlencoded", False, True, False),
        (b"multipart/form-data; boundary=x", False, True, False),
        (b"text/event-stream", False, False, True),
        (b"text/html", False, False, False),
        (b"", False, False, False),
    ],
    ids=range(11),
)
def test_media_types(kind: bytes, is_json: bool, is_form: bool, is_stream: bool) -> None:
    """A body is JSON, a form, a stream or of no interest."""
    found = Body([(b"content-type", kind)])
    assert (found.is_json, found.is_form, found.is_stream) == (is_json, is_form, is_stream)


def test_header_names_in_any_case() -> None:
    """Apps should send lower-case names; those that do not are understood."""
    found = Body([(b"Content-Type", JSON), (b"CONTENT-ENCODING", b"GZIP")])
    found.feed(chunk(gzip.compress(DOCUMENT)))
    assert found.json()["user"]["email"] == "zoë@example.com"


def test_every_split_reads_the_same() -> None:
    """It makes no difference where the chunks end, not even inside a character."""
    for end in range(len(DOCUMENT) + 1):
        found = Body([(b"content-type", JSON)])
        found.feed(chunk(DOCUMENT[:end], more=True))
        found.feed(chunk(DOCUMENT[end:], more=True))
        assert found.json() is None or not found.complete
        found = Body([(b"content-type", JSON)])
        found.feed(chunk(DOCUMENT[:end], more=True))
        found.feed(chunk(DOCUMENT[end:], more=True))
        found.feed(chunk())
        assert found.json() == {"user": {"email": "zoë@example.com"}}


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=8), st.booleans())
def test_chunking_never_matters(content: bytes, cuts: list[int], is_form: bool) -> None:
    """Any bytes cut anywhere are read as the whole would be, and never raise."""
    kind = FORM if is_form else JSON
    whole, pieces = body(content, kind), Body([(b"content-type", kind)])
    places = [0, *sorted(min(cut, len(content)) for cut in cuts), len(content)]
    for begin, end in pairwise(places):
        pieces.feed(said(content[begin:end], more=True))
    pieces.feed({"type": "http.request"})
    assert repr(pieces.json()) == repr(whole.json())  # NaN is not equal to itself
    assert pieces.form() == whole.form()


def test_optional_keys() -> None:
    """A body message without its keys is the empty end."""
    found = Body(())
    found.feed({"type": "http.response.body"})
    assert found.complete
    assert found.is_empty
    assert found.json() is None
    assert found.form() == {}


def test_an_incomplete_body_is_not_read() -> None:
    """Before the last chunk nothing is known."""
    found = Body([(b"content-type", JSON)])
    found.feed(chunk(DOCUMENT, more=True))
    assert not found.complete
    assert not found.is_empty
    assert found.json() is None


def test_an_answer_is_read_again_for_nothing() -> None:
    """The document is read once, however many rules ask."""
    found = body(DOCUMENT)
    assert found.json() is found.json()


@pytest.mark.parametrize("size", [MAX_BODY_BYTES, MAX_BODY_BYTES + 1])
def test_the_limit(size: int) -> None:
    """A body up to the limit is read, one byte more is forgotten."""
    content = b'{"a":"' + b"x" * (size - 8) + b'"}'
    found = body(content)
    assert found.too_large is (size > MAX_BODY_BYTES)
    assert (found.json() is None) is found.too_large


def test_a_long_body_is_not_held() -> None:
    """Beyond the limit the chunks that passed are let go, and no more are taken."""
    found = Body([(b"content-type", JSON)])
    for _ in range(200):
        found.feed(chunk(b"x" * 1024, more=True))
    found.feed(chunk(b"{}"))
    assert found.too_large
    assert found.complete
    assert not found._chunks
    assert found.json() is None


@pytest.mark.parametrize("coding", [b"gzip", b"x-gzip", b"GZIP", b"deflate", b"identity", b""])
def test_codings(coding: bytes) -> None:
    """Compressed answers are read like plain ones."""
    content = DOCUMENT
    if b"gzip" in coding.lower():
        content = gzip.compress(DOCUMENT)
    elif coding == b"deflate":
        content = zlib.compress(DOCUMENT)
    assert body(content, coding=coding).json() == {"user": {"email": "zoë@example.com"}}


@pytest.mark.parametrize(
    ("content", "coding"),
    [
        (DOCUMENT, b"br"),
        (DOCUMENT, b"zstd"),
        (DOCUMENT, b"gzip, gzip"),
        (DOCUMENT, b"gzip"),
        (gzip.compress(DOCUMENT)[:-4], b"gzip"),
        (gzip.compress(DOCUMENT)[:20], b"gzip"),
        (gzip.compress(DOCUMENT), b"deflate"),
        (b"", b"gzip"),
        (b"\x00" * 100, b"deflate"),
    ],
    ids=range(9),
)
def test_unreadable_codings(content: bytes, coding: bytes) -> None:
    """A coding that is not known, or a broken one, gives nothing."""
    assert body(content, coding=coding).json() is None


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress], ids=["gzip", "deflate"])
def test_bombs(pack: Any) -> None:
    """A small body that unpacks to megabytes is not unpacked beyond the bound."""
    content = pack(b'{"a":"' + b"x" * (60 * MAX_UNPACKED_BYTES) + b'"}')
    assert len(content) < MAX_BODY_BYTES
    coding = b"gzip" if pack is gzip.compress else b"deflate"
    assert body(content, coding=coding).json() is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe{}",
        '{"email": "zoë@example.com"}'.encode("latin-1"),
        '{"email": "zoë@example.com"}'.encode("utf-16"),
        b"[" * 100_000,
        b'{"a":' * 10_000,
        b'{"email": "\\ud800"}',
        b'{"a": NaN}',
        b"<html>",
    ],
    ids=range(10),
)
def test_what_is_no_json(content: bytes) -> None:
    """Malformed, wrongly encoded and bottomless documents are none."""
    assert body(content).json() is None


def test_odd_but_legal_json() -> None:
    """Huge numbers and duplicate keys are read somehow, never raised over."""
    assert body(b'{"a": 1, "a": 2}').json() == {"a": 2}
    assert body(b'{"id": ' + b"9" * 400 + b"}").json() in (None, {"id": float("inf")})
    assert body(b'{"id": 18446744073709551616}').json() == {"id": 2.0**64}


def test_forms() -> None:
    """Values by name, percent-decoded, blank fields left out; what is said twice is not known."""
    found = body(b"email=jane%40example.com&first+name=Jane+M.&a=1&a=1&b=1&b=2&x=", FORM)
    assert found.form() == {
        "email": "jane@example.com",
        "first name": "Jane M.",
        "a": "1",
        "b": AMBIGUOUS,
    }
    assert found.json() is None


@pytest.mark.parametrize(
    ("content", "form"),
    [
        (b"", {}),
        (b"=&=&&", {}),
        (b"email", {}),
        (b"%", {}),
        (b"a=%zz", {"a": "%zz"}),
        (b"a=%E9", {"a": "\ufffd"}),
        (b"a=\xe9", {"a": "\ufffd"}),
        (b"a=%00", {"a": "\x00"}),
        (b"a=1;b=2", {"a": "1;b=2"}),
        (b"&".join(b"f%d=v" % n for n in range(10_000)), {}),
    ],
    ids=range(10),
)
def test_odd_forms(content: bytes, form: dict[str, str]) -> None:
    """Broken and abusive forms give what can be told, or nothing."""
    assert body(content, FORM).form() == form


def test_the_number_of_fields() -> None:
    """As many fields as the limit allows are read."""
    assert len(fields(b"&".join(b"f%d=v" % n for n in range(MAX_FIELDS)))) == MAX_FIELDS
    assert fields(b"&".join(b"f%d=v" % n for n in range(MAX_FIELDS + 1))) == {}


def test_multipart_is_a_form_that_is_not_read() -> None:
    """An upload counts as a form post, its fields are left alone."""
    found = body(b"--x\r\n", b"multipart/form-data; boundary=x")
    assert found.is_form
    assert found.form() == {}


def test_headers() -> None:
    """The first value of a header, by its name in any case."""
    raw = [(b"X-A", b"1"), (b"x-a", b"2"), (b"x-b", b"caf\xe9")]
    assert header(raw, b"x-a") == "1"
    assert header(raw, b"x-b") == "café"
    assert header(raw, b"x-c") is None


def test_cookies() -> None:
    """Cookies by name; what is none is left out."""
    raw = [(b"cookie", b"a=1; b=x=y;; =z;  c = 3 ;d")]
    assert cookies(raw) == {"a": "1", "b": "x=y", "c": "3", "d": ""}
    assert cookies([]) == {}


def test_cookies_in_several_headers() -> None:
    """HTTP/2 may split the cookies over several headers (RFC 9113 section 8.2.3)."""
    assert cookies([(b"cookie", b"a=1"), (b"cookie", b"b=2")]) == {"a": "1", "b": "2"}


def test_a_new_exchange() -> None:
    """Before the response starts nothing is known of it."""
    exchange = Exchange(scope_of())
    assert exchange.status == 0
    assert exchange.response.json() is None
    assert not exchange.response.is_empty


def test_exchanges_share_nothing() -> None:
    """What one exchange is fed never shows in another."""
    first, second = Exchange(scope_of()), exchange_of(response={"a": 1})
    first.request.feed(said(b"{}"))
    first.respond(started())
    first.response.feed(chunk(b'{"b": 2}'))
    assert Exchange(scope_of()).response.json() is None
    assert (first.response.json(), second.response.json()) == ({"b": 2}, {"a": 1})


def test_a_response_without_headers() -> None:
    """`headers` of a start message is optional."""
    exchange = Exchange({"type": "http", "path": "/login", "method": "POST"})
    exchange.respond({"type": "http.response.start", "status": 204})
    assert exchange.status == 204
    assert exchange.response.media_type == b""


def test_a_body_before_its_start_is_not_kept() -> None:
    """What an app sends too early belongs to no answer, least of all to the next exchange's."""
    first, second = Exchange(scope_of()), Exchange(scope_of())
    assert not first.response.feed(chunk(b"early"))
    assert second.response.is_empty is False
    assert not second.response.holds(b"early")
