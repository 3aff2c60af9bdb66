"""Requests that two servers could read differently: what of them reaches the upstream.

Source: RFC 9112 sections 2.2, 3, 5.1, 5.2, 6.1, 6.3, 11.2; the shapes are those of the literature
on request smuggling (CL.TE, TE.CL, TE.TE, CL.0, 0.CL).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from proxy_support import (
    OK,
    Raw,
    Seen,
    Wire,
    answering,
    connected,
    hang_up,
    proxied,
    raw_upstream,
)
from server_support import wait_until

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
    "a foreign host in quotes": b'GET http://a";for=6.6.6.6/ HTTP/1.1\r\nHost: a\r\n\r\n',
    "a user in an absolute form": b"GET http://u:p@a/ HTTP/1.1\r\nHost: a\r\n\r\n",
    "a coding in quotes": HEAD + b'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n',
    "a coding with a parameter": HEAD + b"Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n",
    "a coding after a vertical tab": HEAD + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "a coding and nothing": HEAD + b"Transfer-Encoding: \r\n" + CHUNKED + b"\r\n0\r\n\r\n",
    "a length that looks like one": HEAD + b"Content_Length: 5\r\n\r\nhello",
    "a coding that looks like one": HEAD + b"Transfer_Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a length beside what looks like a coding": (
        HEAD + b"Content-Length: 5\r\nTransfer_Encoding: chunked\r\n\r\n0\r\n\r\n"
    ),
    "chunked in HTTP/1.0": b"POST / HTTP/1.0\r\nHost: a\r\n" + CHUNKED + b"\r\n0\r\n\r\n",
}
#: What httptools does not see, which is one reason for h11.
WRONG = {"a user in an absolute form"}
#: Begun and then broken off: the upstream never sees the end of a message.
BROKEN = {
    "a negative chunk": HEAD + CHUNKED + b"\r\n-1\r\nhello\r\n0\r\n\r\n",
    "no size": HEAD + CHUNKED + b"\r\nxyz\r\nhello\r\n0\r\n\r\n",
    "an endless size": HEAD + CHUNKED + b"\r\n" + b"f" * 30 + b"\r\nhello\r\n0\r\n\r\n",
    "bytes after a chunk": HEAD + CHUNKED + b"\r\n5\r\nhelloX\r\n0\r\n\r\n",
    "a line feed in the size": HEAD + CHUNKED + b"\r\n5\n;\r\nhello\r\n0\r\n\r\n",
    "a line feed in an extension": HEAD + CHUNKED + b"\r\n5;a\nb\r\nhello\r\n0\r\n\r\n",
    "a size in the next line": HEAD + CHUNKED + b"\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "a size with 0x": HEAD + CHUNKED + b"\r\n0x5\r\nhello\r\n0\r\n\r\n",
    "a size with a sign": HEAD + CHUNKED + b"\r\n+5\r\nhello\r\n0\r\n\r\n",
}
#: Refused before it comes to the app, where the parser is the proxy's own.
REFUSED_BY_OURS = {
    "lines that end with LF": b"GET / HTTP/1.1\nHost: a\n\n",
    "one line that does": b"GET / HTTP/1.1\r\nHost: a\r\nX: a\nTransfer-Encoding: chunked\r\n\r\n",
    "an end of the head that does": b"GET / HTTP/1.1\r\nHost: a\r\n\n",
    "a folded line": b"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n",
    "a folded coding": HEAD + b"Transfer-Encoding:\r\n\tchunked\r\n\r\n0\r\n\r\n",
    "a large head": b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 70_000,
    "an empty line before": b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "another protocol from the first byte": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS where there is none": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
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


@dataclass
class World:
    """An upstream that does what a test tells it, behind a proxy that keeps no connection to it."""

    raw: Raw
    url: str
    http: str | None

    def client(self, handle: Callable[[Wire], None]) -> Wire:
        """A new connection to the proxy; the upstream does this from now on."""
        self.raw.handle = handle
        return connected(self.url)

    def settle(self) -> None:
        """Until the proxy and the upstream have done with everything."""
        hang_up()
        wait_until(self._is_idle, "the proxy has nothing under way")
        self.raw.settle()

    def _is_idle(self) -> bool:
        wire = connected(self.url)
        ask = b"GET /_frontdesk/metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        wire.send(ask)
        return b"frontdesk_proxy_under_way 0\n" in wire.answer().body


def _world(place: Path, http: str | None) -> Iterator[World]:
    with (
        raw_upstream(lambda wire: None) as raw,
        proxied(raw.url, place, http=http, keepalive_s=0) as url,
    ):
        yield World(raw, url, http)


@pytest.fixture(scope="module", params=[None, "httptools"])
def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """As the proxy is served, and with a parser that lets more through: the app refuses alone."""
    yield from _world(tmp_path_factory.mktemp("journal"), request.param)


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """As the proxy is served."""
    yield from _world(tmp_path_factory.mktemp("journal"), None)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(world: World, name: str) -> None:
    """The client is told, or hung up on; nothing of it is passed on."""
    if world.http == "httptools" and name in WRONG:
        pytest.skip("httptools loses the host of an absolute form")
    got: list[bytes] = []
    client = world.client(recorder(got))
    client.send(REFUSED[name] + b"\r\n\r\n")
    said = client.rest()
    world.settle()
    assert got == [], said
    assert said[9:12] in (b"", b"400", b"501")


@pytest.mark.parametrize("cut", [None, 1])
@pytest.mark.parametrize("name", REFUSED_BY_OURS)
def test_what_our_parser_refuses(ours: World, name: str, cut: int | None) -> None:
    """After a request that was in order, and though its last byte comes alone."""
    got: list[bytes] = []
    sent = REFUSED_BY_OURS[name]
    client = ours.client(recorder(got))
    client.send(b"GET /first HTTP/1.1\r\nHost: a\r\n\r\n")
    assert client.answer().status == 200
    for part in (sent[:-cut], sent[-cut:]) if cut else (sent,):
        client.send(part)
    assert client.rest()[9:12] == b"400"
    ours.settle()
    assert got == [b"GET /first HTTP/1.1"]


@pytest.mark.parametrize("name", BROKEN)
def test_what_breaks_off(world: World, name: str) -> None:
    """A body that cannot be read is no body: the upstream sees that the message is not whole."""
    got: list[bytes] = []
    client = world.client(recorder(got))
    client.send(BROKEN[name])
    said = client.rest()
    world.settle()
    assert set(got) <= {b"broken"}, said
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
    "the same length twice": (
        HEAD + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        *(b"POST /a HTTP/1.1", {b"content-length": [b"5"]}, b"hello"),
    ),
    "a coding in capitals": (
        HEAD + b"Transfer-Encoding: \tCHUNKED \r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        *(b"POST /a HTTP/1.1", {b"transfer-encoding": [b"chunked"]}, b"hello"),
    ),
    "empty values": (
        HEAD + b"X-A:\r\nX-B: \t \r\nCookie:\r\n\r\n",
        *(b"POST /a HTTP/1.1", {b"x-a": [b""], b"x-b": [b""], b"cookie": [b""]}, b""),
    ),
    "an empty host": (
        b"GET / HTTP/1.1\r\nHost:\r\n\r\n",
        *(b"GET / HTTP/1.1", {b"host": [b""]}, b""),
    ),
    "dots and slashes": (
        b"GET /a/..%2f../%2e%2e/b//./c HTTP/1.1\r\nHost: a\r\n\r\n",
        *(b"GET /a/..%2f../%2e%2e/b//./c HTTP/1.1", {b"host": [b"a"]}, b""),
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
        HEAD + b"X_Forwarded_For: 6.6.6.6\r\nX_Real-IP: 6.6.6.6\r\nX_Other: 1\r\n"
        b"X.Forwarded-For: 6.6.6.6\r\nX.Other: 1\r\n\r\n",
        b"POST /a HTTP/1.1",
        {b"x_forwarded_for": [], b"x_real-ip": [], b"x_other": [b"1"]}
        | {b"x.forwarded-for": [], b"x.other": [b"1"]},
        b"",
    ),
}


@pytest.mark.parametrize("name", READ)
def test_what_is_read_in_one_way(ours: World, name: str) -> None:
    """It arrives as one message, in the one way that there is."""
    sent, line, fields, body = READ[name]
    seen: list[Seen] = []
    client = ours.client(answering(OK, seen))
    client.send(sent)
    assert client.answer().status == 200
    ours.settle()
    authority = ours.raw.url.removeprefix("http://").encode()
    [request] = seen
    assert (request.line, request.body, request.trailers) == (line, body, [])
    for field, values in fields.items():
        assert request.all(field) == ([authority] if values is None else values)


def test_an_upgrade_with_a_body(ours: World) -> None:
    """A body stays one where a protocol is offered that nobody takes."""
    sent = HEAD + b"Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 5\r\n\r\nhello"
    seen: list[Seen] = []
    client = ours.client(answering(OK, seen))
    client.send(sent)
    assert client.answer().status == 200
    ours.settle()
    assert [request.body for request in seen] == [b"hello"]


def test_pipelined_requests_stay_apart(world: World) -> None:
    """Each is answered in its turn; none is glued to another."""
    seen: list[Seen] = []
    client = world.client(answering(OK, seen))
    client.send((HEAD + b"Content-Length: 5\r\n\r\nhello") * 3)
    assert [client.answer().body for _ in range(3)] == [b"ok"] * 3
    world.settle()
    assert [(request.line, request.body) for request in seen] == [
        (b"POST /a HTTP/1.1", b"hello")
    ] * 3


def test_a_connection_of_1_0_has_one_request(ours: World) -> None:
    """Whatever it says of itself: what follows is not read."""
    seen: list[Seen] = []
    client = ours.client(answering(OK, seen))
    first = b"GET /first HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n"
    client.send(first + first.replace(b"first", b"second"))
    assert client.rest().count(b"HTTP/1.1 200") == 1
    ours.settle()
    assert [request.line for request in seen] == [b"GET /first HTTP/1.1"]


def test_a_connection_ends_after_what_was_refused(ours: World) -> None:
    """What follows it could be its body, or what somebody hid there."""
    seen: list[Seen] = []
    client = ours.client(answering(OK, seen))
    client.send(REFUSED["CL and TE"] + b"\r\n\r\n" + SMUGGLED + b"\r\n\r\n")
    said = client.rest()
    ours.settle()
    assert (said.count(b"HTTP/1.1 "), said[9:12]) == (1, b"400")
    assert seen == []


#: Answers that end in two ways, or carry what the next client could take for its own.
ANSWERS = {
    "CL and TE": b"Content-Length: 50\r\n" + CHUNKED + b"\r\n2\r\nok\r\n0\r\n\r\n",
    "more than announced": b"Content-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\nevil",
    "named in Connection": b"Connection: Content-Length\r\nContent-Length: 2\r\n\r\nok",
    "a folded line": b"X: a\r\n Content-Length: 50\r\nContent-Length: 2\r\n\r\nok",
    "the same length twice": b"Content-Length: 2\r\nContent-Length: 2\r\n\r\nok",
}


@pytest.mark.parametrize("name", ANSWERS)
def test_answers_that_could_split(world: World, name: str) -> None:
    """The client gets one answer and one framing, and its next request another answer."""
    client = world.client(answering(b"HTTP/1.1 200 OK\r\n" + ANSWERS[name]))
    for _ in range(2):
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        got = client.answer()
        assert got.body == b"ok"
        assert len(got.all(b"content-length") + got.all(b"transfer-encoding")) == 1
    world.settle()


#: Answers after which the connection to the upstream could hold another one.
TAINTED = {
    "CL and TE": ("GET", b"HTTP/1.1 200 OK\r\n" + ANSWERS["CL and TE"]),
    "a body with 204": ("GET", b"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok"),
    "a body with 304": ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\nok"),
    "a body for HEAD": ("HEAD", OK),
    "a second answer": ("GET", OK * 2),
    "HTTP/1.0": ("GET", OK.replace(b"1.1", b"1.0")),
}


@pytest.mark.parametrize("name", TAINTED)
def test_connections_that_could_be_poisoned(journal: Path, name: str) -> None:
    """Nobody else's request goes over them."""
    method, answer = TAINTED[name]
    with raw_upstream(answering(answer)) as raw, proxied(raw.url, journal) as url:
        client = connected(url)
        for number in range(1, 4):
            client.send(b"%b / HTTP/1.1\r\nHost: a\r\n\r\n" % method.encode())
            assert client.answer(method).body in (b"ok", b"")
            assert raw.connections == number
