"""Requests that two servers could read differently: what of them reaches the upstream.

Source: RFC 9112 sections 2.2, 3, 5.1, 5.2, 6.1, 6.3, 11.2; the shapes are those of the literature
on request smuggling (CL.TE, TE.CL, TE.TE, CL.0, 0.CL).
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from proxy_support import OK, Seen, Wire, answering, connected, proxied, raw_upstream

HEAD = b"POST /a HTTP/1.1\r\nHost: shop.example\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: shop.example\r\nX: "

#: Refused: nothing of them reaches the upstream.
REFUSED = {
    "CL and TE": HEAD + b"Content-Length: 4\r\n" + CHUNKED + b"\r\n0\r\n\r\n" + SMUGGLED,
    "TE and CL": HEAD + CHUNKED + b"Content-Length: 4\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "two lengths": HEAD + b"Content-Length: 0\r\nContent-Length: 5\r\n\r\nhello",
    "two lengths in one": HEAD + b"Content-Length: 0, 5\r\n\r\nhello",
    "a signed length": HEAD + b"Content-Length: +5\r\n\r\nhello",
    "a negative length": HEAD + b"Content-Length: -5\r\n\r\nhello",
    "a hexadecimal length": HEAD + b"Content-Length: 0x5\r\n\r\nhello",
    "a length with a gap": HEAD + b"Content-Length: 5 5\r\n\r\nhello",
    "an endless length": HEAD + b"Content-Length: 99999999999999999999999\r\n\r\nhello",
    "chunked twice": HEAD + CHUNKED + CHUNKED + b"\r\n0\r\n\r\n",
    "chunked, chunked": HEAD + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "chunked and not last": HEAD + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "another coding": HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "an unknown coding": HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "identity": HEAD + b"Transfer-Encoding: identity\r\nContent-Length: 5\r\n\r\nhello",
    "a space before the colon": HEAD + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "a space in a name": HEAD + b"X Y: 1\r\n\r\n",
    "no name": HEAD + b": 1\r\n\r\n",
    "no colon": HEAD + b"Content-Length\r\n\r\n",
    "NUL in a value": HEAD + b"X: a\0b\r\n\r\n",
    "NUL in a name": HEAD + b"X\0: a\r\n\r\n",
    "CR in a value": HEAD + b"X: a\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a line that starts with a space": b"GET / HTTP/1.1\r\n Host: a\r\nHost: b\r\n\r\n",
    "two hosts": HEAD + b"Host: other.example\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "a host with a path": b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "a host with a user": b"GET / HTTP/1.1\r\nHost: a@b\r\n\r\n",
    "a space in the target": b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
    "bytes beyond ASCII in the target": b"GET /\xe4 HTTP/1.1\r\nHost: a\r\n\r\n",
    "no slash": b"GET admin HTTP/1.1\r\nHost: a\r\n\r\n",
    "another scheme": b"GET file:///etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n",
    "CONNECT": b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n",
    "a version": b"GET / HTTP/3.7\r\nHost: a\r\n\r\n",
    "HTTP/0.9": b"GET /\r\n\r\n",
    "a method with a space": b"GE T / HTTP/1.1\r\nHost: a\r\n\r\n",
    "chunked in HTTP/1.0": b"POST / HTTP/1.0\r\nHost: a\r\n" + CHUNKED + b"\r\n0\r\n\r\n",
}
#: Begun and then broken off: the upstream never sees the end of a message.
BROKEN = {
    "a negative chunk": HEAD + CHUNKED + b"\r\n-1\r\nhello\r\n0\r\n\r\n",
    "no size": HEAD + CHUNKED + b"\r\nxyz\r\nhello\r\n0\r\n\r\n",
    "an endless size": HEAD + CHUNKED + b"\r\n" + b"f" * 30 + b"\r\nhello\r\n0\r\n\r\n",
    "bytes after a chunk": HEAD + CHUNKED + b"\r\n5\r\nhelloX\r\n0\r\n\r\n",
    "a line feed in the size": HEAD + CHUNKED + b"\r\n5\n;\r\nhello\r\n0\r\n\r\n",
}


def recorder(got: list[bytes]) -> Callable[[Wire], None]:
    """A handler that takes all, and answers each whole message."""

    def handle(wire: Wire) -> None:
        while True:
            request = wire.request()
            if request is None:
                return
            got.append(request.line if request.is_whole else b"broken")
            if not request.is_whole:
                return
            wire.send(OK)

    return handle


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(journal: Path, http: str, name: str) -> None:
    """The client is told, or hung up on; nothing of it is passed on."""
    got: list[bytes] = []
    with raw_upstream(recorder(got)) as raw, proxied(raw.url, journal, http=http) as url:
        client = connected(url)
        client.send(REFUSED[name] + b"\r\n\r\n")
        said = client.rest()
    assert got == [], said
    assert said[9:12] in (b"", b"400", b"501")


@pytest.mark.parametrize("name", BROKEN)
def test_what_breaks_off(journal: Path, http: str, name: str) -> None:
    """A body that cannot be read is no body: the upstream sees that the message is not whole."""
    got: list[bytes] = []
    with raw_upstream(recorder(got)) as raw, proxied(raw.url, journal, http=http) as url:
        client = connected(url)
        client.send(BROKEN[name])
        said = client.rest()
    assert got in ([], [b"broken"]), said
    assert b" 200 " not in said


H2C = (
    b"GET /a HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\n"
    b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"
)
#: Allowed, or tolerated by a parser, and read in one way: what the upstream gets instead.
READ: dict[str, tuple[bytes, bytes, Mapping[bytes, list[bytes] | None], bytes]] = {
    "absolute form": (
        b"GET http://other.example:81/a?b HTTP/1.1\r\nHost: shop.example\r\n\r\n",
        *(b"GET /a?b HTTP/1.1", {b"host": [b"other.example:81"]}, b""),
    ),
    "asterisk form": (
        b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
        *(b"OPTIONS * HTTP/1.1", {b"host": [b"a"]}, b""),
    ),
    "HTTP/1.0 without a host": (
        b"GET / HTTP/1.0\r\n\r\n",
        *(b"GET / HTTP/1.1", {b"host": None, b"via": [b"1.0 frontdesk"]}, b""),
    ),
    "chunk extensions and trailers": (
        HEAD + CHUNKED + b"Trailer: X-T\r\n\r\n5;a=b\r\nhello\r\n0\r\nX-T: 1\r\n\r\n",
        *(b"POST /a HTTP/1.1", {b"transfer-encoding": [b"chunked"], b"x-t": []}, b"hello"),
    ),
    "fields for this hop": (
        HEAD + b"Connection: X-A, Keep-Alive, Te\r\nX-A: 1\r\nX-B: 2\r\nKeep-Alive: 1\r\n"
        b"TE: trailers\r\nProxy-Connection: close\r\nProxy-Authorization: x\r\n\r\n",
        b"POST /a HTTP/1.1",
        {name: [] for name in (b"connection", b"x-a", b"keep-alive", b"te", b"proxy-connection")}
        | {b"x-b": [b"2"], b"proxy-authorization": []},
        b"",
    ),
    "fields that Connection cannot take away": (
        HEAD + b"Connection: Host, Content-Length, Content-Type, X-Forwarded-For\r\n"
        b"Content-Type: a/b\r\nContent-Length: 2\r\nX-Forwarded-For: 6.6.6.6\r\n\r\nhi",
        b"POST /a HTTP/1.1",
        {
            b"host": [b"shop.example"],
            b"content-length": [b"2"],
            b"content-type": [b"a/b"],
            b"x-forwarded-for": [b"127.0.0.1"],
        },
        b"hi",
    ),
    "another protocol": (
        H2C,
        *(b"GET /a HTTP/1.1", {b"upgrade": [], b"connection": [], b"http2-settings": []}, b""),
    ),
    "a name with an underscore": (
        HEAD + b"X_Forwarded_For: 6.6.6.6\r\nX_Real-IP: 6.6.6.6\r\nX_Other: 1\r\n\r\n",
        b"POST /a HTTP/1.1",
        {b"x_forwarded_for": [], b"x_real-ip": [], b"x_other": [b"1"]},
        b"",
    ),
}


#: What httptools gets wrong, which is why the proxy is served with h11.
WRONG = {"absolute form", "chunk extensions and trailers"}


@pytest.mark.parametrize("name", READ)
def test_what_is_read_in_one_way(journal: Path, http: str, name: str) -> None:
    """It arrives as one message, in the one way that there is."""
    if http == "httptools" and name in WRONG:
        pytest.skip("httptools does not")
    sent, line, fields, body = READ[name]
    seen: list[Seen] = []
    with raw_upstream(answering(OK, seen)) as raw, proxied(raw.url, journal, http=http) as url:
        client = connected(url)
        client.send(sent)
        assert client.answer().status == 200
        authority = raw.url.removeprefix("http://").encode()
    [request] = seen
    assert (request.line, request.body, request.trailers) == (line, body, [])
    for field, values in fields.items():
        assert request.all(field) == ([authority] if values is None else values)


def test_an_upgrade_with_a_body(journal: Path) -> None:
    """A body stays one where a protocol is offered that nobody takes; with h11, the default.

    httptools takes what follows for the other protocol: then nothing arrives, and nothing else.
    """
    sent = HEAD + b"Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 5\r\n\r\nhello"
    seen: list[Seen] = []
    with raw_upstream(answering(OK, seen)) as raw, proxied(raw.url, journal) as url:
        client = connected(url)
        client.send(sent)
        assert client.answer().status == 200
    assert [request.body for request in seen] == [b"hello"]


def test_pipelined_requests_stay_apart(journal: Path, http: str) -> None:
    """Each is answered in its turn; none is glued to another."""
    seen: list[Seen] = []
    with raw_upstream(answering(OK, seen)) as raw, proxied(raw.url, journal, http=http) as url:
        client = connected(url)
        client.send((HEAD + b"Content-Length: 5\r\n\r\nhello") * 3)
        assert [client.answer().body for _ in range(3)] == [b"ok"] * 3
    assert [(request.line, request.body) for request in seen] == [
        (b"POST /a HTTP/1.1", b"hello")
    ] * 3


#: Answers that end in two ways, or carry what the next client could take for its own.
ANSWERS = {
    "CL and TE": b"Content-Length: 50\r\n" + CHUNKED + b"\r\n2\r\nok\r\n0\r\n\r\n",
    "more than announced": b"Content-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\nevil",
    "named in Connection": b"Connection: Content-Length\r\nContent-Length: 2\r\n\r\nok",
}


@pytest.mark.parametrize("name", ANSWERS)
def test_answers_that_could_split(journal: Path, http: str, name: str) -> None:
    """The client gets one answer and one framing, and its next request another answer."""
    with (
        raw_upstream(answering(b"HTTP/1.1 200 OK\r\n" + ANSWERS[name])) as raw,
        proxied(raw.url, journal, http=http) as url,
    ):
        client = connected(url)
        for _ in range(2):
            client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            got = client.answer()
            assert got.body == b"ok"
            assert len(got.all(b"content-length") + got.all(b"transfer-encoding")) == 1
