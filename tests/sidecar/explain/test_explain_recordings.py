"""Recorded exchanges: HAR files and the text form."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk_sidecar.explain.recordings import NotARecording, Recorded, read

TEXT = """\
POST /login?next=%2F HTTP/1.1
Content-Type: application/json
Content-Length: 999

{"email": "jane@example.com",
 "password": "x"}

HTTP/1.1 200 OK
Content-Type: application/json
Set-Cookie: a=1
Set-Cookie: b=2

{"user": {"email": "jane@example.com"}}

### the next
GET https://shop.example/callback?code=1

###
"""


def har(**changes: Any) -> dict[str, Any]:
    """A HAR file with one entry."""
    request = {
        "method": "POST",
        "url": "https://shop.example/login?x=1",
        "headers": [
            {"name": ":authority", "value": "shop.example"},
            {"name": "Content-Type", "value": "application/x-www-form-urlencoded"},
        ],
        "postData": {"mimeType": "x", "text": "email=jane%40example.com"},
    }
    response = {
        "status": 302,
        "headers": [
            {"name": "Location", "value": "/account"},
            {"name": "content-encoding", "value": "br"},
            {"name": "set-cookie", "value": "a=1\nb=2"},
        ],
        "content": {"text": "hello"},
    }
    return {"log": {"entries": [{"request": request | changes, "response": response}]}}


def test_the_text_form() -> None:
    """Requests with and without an answer, one after the other."""
    first, second = read(TEXT.encode())
    assert (first.method, first.target, first.status) == ("POST", "/login?next=%2F", 200)
    assert first.request_headers == ((b"content-type", b"application/json"),)
    assert json.loads(first.request_body)["password"] == "x"
    assert [value for name, value in first.response_headers if name == b"set-cookie"] == [
        b"a=1",
        b"b=2",
    ]
    assert json.loads(first.response_body)["user"]["email"] == "jane@example.com"
    assert (second.method, second.target, second.status) == ("GET", "/callback?code=1", None)


def test_windows_lines_and_a_byte_order_mark() -> None:
    """As an editor may have saved it."""
    assert read(b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode()) == read(TEXT.encode())


def test_har() -> None:
    """Bodies are decoded already; one header may be several; pseudo-headers are none."""
    [one] = read(json.dumps(har()).encode())
    assert (one.method, one.target, one.status) == ("POST", "/login?x=1", 302)
    assert one.request_headers == ((b"content-type", b"application/x-www-form-urlencoded"),)
    assert one.request_body == b"email=jane%40example.com"
    assert one.response_headers == (
        (b"location", b"/account"),
        (b"set-cookie", b"a=1"),
        (b"set-cookie", b"b=2"),
    )
    assert one.response_body == b"hello"


def test_har_with_parameters_and_base64() -> None:
    """A form as parameters; a body as base64."""
    params = [{"name": "email", "value": "a b"}, {"name": "empty"}]
    document = har(postData={"params": params})
    document["log"]["entries"][0]["response"]["content"] = {
        "text": base64.b64encode(b"\x00\xff").decode(),
        "encoding": "base64",
    }
    [one] = read(json.dumps(document).encode())
    assert one.request_body == b"email=a+b&empty="
    assert one.response_body == b"\x00\xff"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b'{"log": 5}', "is not a HAR file"),
        (b"{", "is not a HAR file"),
        (b'{"log": {"entries": [{"request": {}}]}}', "is not a HAR file"),
        (b"\xff\xfe", "is neither a HAR file nor text"),
        (b"\n\nhello\n", "line 3: expected a request"),
        (b"POST /x\nno header\n", "line 2: expected a header"),
        (b"POST /x\n\nbody\nHTTP/1.1 200\nsecret-no-header\n", "line 5: expected a header"),
    ],
    ids=range(7),
)
def test_what_is_wrong_is_said(content: bytes, problem: str) -> None:
    """The line and what was expected, never what stands there."""
    with pytest.raises(NotARecording) as caught:
        read(content)
    assert str(caught.value).startswith(problem)
    assert "secret" not in str(caught.value)


@given(
    st.binary(max_size=200) | st.text(alphabet="GET /x:\n\r#HTP1.20{}", max_size=80).map(str.encode)
)
def test_any_file(content: bytes) -> None:
    """A file is read or refused; what was read is an exchange."""
    try:
        recorded = read(content)
    except NotARecording:
        return
    for one in recorded:
        assert one.exchange().status == (one.status or 0)


def test_a_recording_is_not_printed() -> None:
    """It holds a password."""
    assert "jane" not in repr(Recorded("POST", "/login", request_body=b"jane"))
