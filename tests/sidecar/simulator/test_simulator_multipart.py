"""The reader of multipart messages."""

from __future__ import annotations

import pytest

from frontdesk_sidecar.simulator.errors import ODataError
from frontdesk_sidecar.simulator.multipart import boundary_of, mime_head, parse_head, split


@pytest.mark.parametrize(
    ("message", "parts"),
    [
        (b"--b\r\none\r\n--b\r\ntwo\r\n--b--", [b"one", b"two"]),
        (b"preamble\r\n--b\r\none\r\n--b--\r\nepilogue\r\n--b\r\n", [b"one"]),
        (b"--b  \r\none\r\n--b-- \t\r\n", [b"one"]),
        (b"--b\r\none\r\n\r\n--b--", [b"one\r\n"]),
        (b"--b\none\n--b--\n", [b"one\n"]),
        (b"--b\r\nx--b\r\n--b--", [b"x--b"]),
        (b"--b\r\n--bb\r\n--b.\r\n--b--", [b"--bb\r\n--b."]),
        (b"--b\r\n--b--", [b""]),
    ],
)
def test_split(message: bytes, parts: list[bytes]) -> None:
    """Delimiters are whole lines; the CRLF before one belongs to it, another line end does not."""
    assert split(message, b"b") == parts


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (b"", "Missing boundary delimiter"),
        (b"--c\r\none\r\n--c--", "Missing boundary delimiter"),
        (b"--b\r\none\r\n", "Missing close delimiter"),
        (b"--b\r\none\r\n--b-", "Missing close delimiter"),
        (b"--b\r\none--b--", "Missing close delimiter"),
        (b"--b--", "No part"),
    ],
)
def test_split_refuses(message: bytes, text: str) -> None:
    """A message without its delimiters is refused."""
    with pytest.raises(ODataError, match=text) as raised:
        split(message, b"b")
    assert (raised.value.status, raised.value.code) == (400, "odata_error")


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ("multipart/mixed; boundary=batch_1-2.3'4+5", b"batch_1-2.3'4+5"),
        ("multipart/mixed;charset=x;BOUNDARY=b", b"b"),
        ('multipart/mixed; boundary="a b:c=(?),/"', b"a b:c=(?),/"),
        ("multipart/mixed; boundary=" + "x" * 70, b"x" * 70),
    ],
)
def test_boundary(content_type: str, boundary: bytes) -> None:
    """Some characters need no quotes, some do (RFC 2046)."""
    assert boundary_of(content_type) == boundary


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/mixed",
        "multipart/mixed; boundary=",
        "multipart/mixed; boundary=a:b",
        "multipart/mixed; boundary=a b",
        'multipart/mixed; boundary="a "',
        "multipart/mixed; boundary=" + "x" * 71,
        "multipart/mixed; boundary=\xe4",
    ],
)
def test_bad_boundary(content_type: str) -> None:
    """Any other boundary is refused."""
    with pytest.raises(ODataError) as raised:
        boundary_of(content_type)
    assert raised.value.status == 400


def test_head() -> None:
    """Names are in lower case, values ISO-8859-1 and trimmed, repeated ones joined."""
    head = b"X-Name: J\xfcrgen \r\nempty:\r\nA:1\r\na: 2"
    assert parse_head(head) == {"x-name": "J\xfcrgen", "empty": "", "a": "1, 2"}


@pytest.mark.parametrize("head", [b"A", b"A : 1", b"A: 1\r\n folded", b"A: 1\nB: 2", b""])
def test_bad_head(head: bytes) -> None:
    """What is no header line ends the headers without a blank line."""
    with pytest.raises(ODataError, match="Missing blank line"):
        parse_head(head)


def test_mime_head() -> None:
    """The kind of a part, its transfer encoding and its Content-Id are told."""
    plain = mime_head(b"Content-Type: multipart/mixed; boundary=c")
    assert (plain.boundary, plain.has_encoding, plain.content_id) == (b"c", False, None)
    full = mime_head(b'content-type: Multipart/Mixed;boundary="c d"\r\nContent-ID: 7')
    assert (full.boundary, full.has_encoding, full.content_id) == (b"c d", False, "7")
    change = mime_head(b"Content-Type: application/http\r\ncontent-transfer-encoding: BINARY")
    assert (change.boundary, change.has_encoding, change.content_id) == (None, True, None)


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Id: 1",
        b"Content-Type: text/plain",
        b"Content-Type: application/http; msgtype=request",
        b"Content-Type: application/http\r\nContent-Transfer-Encoding: 8bit",
        b"Content-Type: application/http\r\nContent-Transfer-Encoding: binary, binary",
        b"Content-Type: multipart/mixed; boundary=a:b",
    ],
)
def test_bad_mime_head(head: bytes) -> None:
    """A part has to say what it is."""
    with pytest.raises(ODataError) as raised:
        mime_head(head)
    assert raised.value.status == 400
