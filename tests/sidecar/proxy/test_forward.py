"""What passes the proxy: bytes, order, chunks as they come, and every way to end."""

import asyncio
import gzip
import socket
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import pytest

from asgi_support import said, scope_of
from frontdesk import CaptureMiddleware
from frontdesk.exchange import Message
from frontdesk.settings import Capture
from frontdesk_sidecar.proxy.app import create_app
from frontdesk_sidecar.proxy.forward import Forwarder
from proxy_support import OK, Seen, Wire, answering, connected, options, proxied, raw_upstream
from server_support import free_port, wait_until

GET = b"GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n"


def asked(seen: list[Seen]) -> Seen:
    """The only request that came."""
    [request] = seen
    return request


def test_what_arrives_is_what_was_sent(journal: Path) -> None:
    """Target, order, duplicates, cookies and bytes beyond ASCII; the way here stands at the end."""
    seen: list[Seen] = []
    with raw_upstream(answering(OK, seen)) as raw, proxied(raw.url, journal) as url:
        wire = connected(url)
        wire.send(
            b"POST /a//b/../%2e%2F/%zz;p=1?q=%20&q=+?&r HTTP/1.1\r\n"
            b"X-B: 2\r\nHost: shop.example:81\r\n"
            b"Cookie: a=1\r\nX-A: \xe4\r\nx-b: 1\r\nCookie: b=2\r\nAccept-Encoding: br\r\n"
            b"Content-Length: 3\r\nContent-Encoding: gzip\r\n\r\n\x00\xff\n"
        )
        assert wire.answer().body == b"ok"
    request = asked(seen)
    assert request.line == b"POST /a//b/../%2e%2F/%zz;p=1?q=%20&q=+?&r HTTP/1.1"
    assert request.body == b"\x00\xff\n"
    assert request.fields == [
        (b"x-b", b"2"),
        (b"host", b"shop.example:81"),
        (b"cookie", b"a=1"),
        (b"x-a", b"\xe4"),
        (b"x-b", b"1"),
        (b"cookie", b"b=2"),
        (b"accept-encoding", b"br"),
        (b"content-length", b"3"),
        (b"content-encoding", b"gzip"),
        (b"x-forwarded-for", b"127.0.0.1"),
        (b"x-forwarded-proto", b"http"),
        (b"x-forwarded-host", b"shop.example:81"),
        (b"via", b"1.1 frontdesk"),
    ]


def test_what_is_answered_is_what_arrives(journal: Path) -> None:
    """Cookies, redirects and compressed bodies untouched, in order; what is for the hop is not."""
    packed = gzip.compress(b"x" * 1000, mtime=0)
    answer = (
        b"HTTP/1.1 302 Found\r\nServer: shop\r\nSet-Cookie: a=1; Path=/\r\nX-N: \xe4\r\n"
        b"Set-Cookie: b=2; HttpOnly\r\nLocation: //elsewhere/?a=b#c\r\nConnection: X-Hop, close\r\n"
        b"X-Hop: 1\r\nKeep-Alive: timeout=7\r\nContent-Encoding: gzip\r\n"
        b"Proxy-Authenticate: Basic\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (len(packed), packed)
    )
    with raw_upstream(answering(answer)) as raw, proxied(raw.url, journal) as url:
        wire = connected(url)
        wire.send(GET)
        got = wire.answer()
    assert got.line == b"HTTP/1.1 302 Found"
    assert got.body == packed
    *fields, (last, _) = got.fields
    assert last == b"date", "it is added where there is none"
    assert [(name.lower(), value) for name, value in fields] == [
        (b"server", b"shop"),
        (b"set-cookie", b"a=1; Path=/"),
        (b"x-n", b"\xe4"),
        (b"set-cookie", b"b=2; HttpOnly"),
        (b"location", b"//elsewhere/?a=b#c"),
        (b"content-encoding", b"gzip"),
        (b"content-length", b"%d" % len(packed)),
    ]


@pytest.mark.parametrize(
    ("method", "answer", "status"),
    [
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 12345\r\n\r\n", 200),
        ("GET", b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", 204),
        ("GET", b'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\nContent-Length: 99\r\n\r\n', 304),
        ("GET", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK, 200),
        ("GET", b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" + OK, 200),
        ("GET", b"HTTP/1.1 299 Whatever\r\nContent-Length: 0\r\n\r\n", 299),
        ("GET", b"HTTP/1.0 200 OK\r\n\r\nhello", 200),
    ],
)
def test_answers_with_little_or_no_body(
    journal: Path, method: str, answer: bytes, status: int
) -> None:
    """The connection to the client goes on, which shows that the framing was right."""

    def handle(wire: Wire) -> None:
        while wire.request() is not None:
            wire.send(answer)
            if answer.startswith(b"HTTP/1.0"):
                return

    with raw_upstream(handle) as raw, proxied(raw.url, journal) as url:
        wire = connected(url)
        for _ in range(2):
            wire.send(GET.replace(b"GET", method.encode()))
            got = wire.answer(method)
            assert got.status == status
    lengths = {"HEAD": [b"12345"], "GET 304": [b"99"], "GET 204": []}
    if (expected := lengths.get(method, lengths.get(f"{method} {status}"))) is not None:
        assert got.all(b"content-length") == expected
    assert got.body == {200: answer[-5:] if b"/1.0" in answer else b"ok"}.get(status, b"") or (
        method == "HEAD"
    )


def test_an_upload_passes_as_it_comes(journal: Path) -> None:
    """Each chunk reaches the upstream before the client sends the next; framing is kept."""
    arrived: list[bytes] = []
    more = threading.Event()

    def handle(wire: Wire) -> None:
        head = wire.head()
        assert head is not None
        assert head.all(b"transfer-encoding") == [b"chunked"]
        assert head.all(b"content-length") == []
        for _ in range(3):
            arrived.append(wire.exactly(8))
            more.set()
        assert wire.until(b"\r\n\r\n") == b"0\r\n\r\n"
        wire.send(OK)

    with raw_upstream(handle) as raw, proxied(raw.url, journal) as url:
        client = connected(url)
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        for number in range(3):
            more.clear()
            client.send(b"3\r\nab%d\r\n" % number)
            assert more.wait(10)
        client.send(b"0\r\n\r\n")
        assert client.answer().body == b"ok"
    assert arrived == [b"3\r\nab0\r\n", b"3\r\nab1\r\n", b"3\r\nab2\r\n"]


def test_events_pass_one_by_one(journal: Path) -> None:
    """Each event of a stream reaches the client before the upstream makes the next."""
    next_one = threading.Event()

    def handle(wire: Wire) -> None:
        wire.head()
        wire.send(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        for number in range(3):
            wire.send(b"9\r\ndata: %d\n\n\r\n" % number)
            assert next_one.wait(10)
            next_one.clear()
        wire.send(b"0\r\n\r\n")

    with raw_upstream(handle) as raw, proxied(raw.url, journal) as url:
        client = connected(url)
        client.send(GET)
        assert client.until(b"\r\n\r\n") is not None
        for number in range(3):
            assert client.until(b"\r\ndata: %d\n\n\r\n" % number) is not None
            next_one.set()
        assert client.until(b"0\r\n\r\n") is not None


# 100-continue


def expecting(length: int = 5) -> bytes:
    """A head that asks before it sends."""
    return (
        b"PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n" % length
    )


def test_the_client_sends_when_the_upstream_wants_it(journal: Path) -> None:
    """The expectation is passed on, and 100 comes only after the upstream's."""
    asked, go = threading.Event(), threading.Event()

    def handle(wire: Wire) -> None:
        head = wire.head()
        assert head is not None
        assert head.all(b"expect") == [b"100-continue"]
        asked.set()
        assert go.wait(10)
        wire.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert wire.exactly(5) == b"hello"
        wire.send(OK)

    with raw_upstream(handle) as raw, proxied(raw.url, journal) as url:
        client = connected(url)
        client.send(expecting())
        assert asked.wait(10)
        go.set()
        interim = client.head()
        assert interim is not None
        assert interim.status == 100
        client.send(b"hello")
        assert client.answer().body == b"ok"


def test_the_client_need_not_send_what_is_refused(journal: Path) -> None:
    """The upstream's own refusal arrives, and no 100 before it."""

    def handle(wire: Wire) -> None:
        wire.head()
        wire.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")

    with raw_upstream(handle) as raw, proxied(raw.url, journal) as url:
        client = connected(url)
        client.send(expecting())
        head = client.head()
        assert head is not None
        assert head.status == 413
        assert client.exactly(2) == b"no"


def test_a_connection_ends_when_the_body_was_not_asked_for(journal: Path) -> None:
    """The client may send the body or not: what comes next could be either (0.CL)."""

    def handle(wire: Wire) -> None:
        wire.head()
        wire.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")

    smuggled = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
    with raw_upstream(handle) as raw:
        for upstream in (raw.url, f"http://127.0.0.1:{free_port()}"):
            with proxied(upstream, journal, connect_tries=1) as url:
                client = connected(url)
                client.send(expecting(len(smuggled)))
                got = client.answer()
                assert got.status in (413, 502)
                assert got.all(b"connection") == [b"close"]
                client.sock.shutdown(socket.SHUT_WR)
                assert client.rest() == b""


def test_an_upstream_that_knows_no_expectation(journal: Path) -> None:
    """It gets the body after a second."""
    seen: list[Seen] = []
    with raw_upstream(answering(OK, seen)) as raw, proxied(raw.url, journal) as url:
        client = connected(url)
        client.send(expecting())
        interim = client.head()
        assert interim is not None
        assert interim.status == 100
        client.send(b"hello")
        assert client.answer().body == b"ok"
    assert asked(seen).body == b"hello"


def test_an_answer_before_the_request_has_ended(journal: Path) -> None:
    """It is passed on, and the connection to the upstream is not used again."""

    def handle(wire: Wire) -> None:
        wire.head()
        wire.exactly(3)
        wire.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
        wire.rest()

    with raw_upstream(handle) as raw, proxied(raw.url, journal) as url:
        for _ in range(2):
            client = connected(url)
            client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nabc")
            got = client.answer()
            assert (got.status, got.body) == (413, b"no")
        assert raw.connections == 2


# Ends


@pytest.mark.parametrize(
    "framing",
    [b"Content-Length: 100\r\n\r\nhello", b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"],
)
def test_an_answer_that_breaks_off(journal: Path, framing: bytes) -> None:
    """The client sees that it is not whole: no last chunk, and fewer bytes than announced."""

    def handle(wire: Wire) -> None:
        wire.request()
        wire.send(b"HTTP/1.1 200 OK\r\n" + framing)

    with raw_upstream(handle) as raw, proxied(raw.url, journal) as url:
        client = connected(url)
        client.send(GET)
        got = client.answer()
    assert got.body == b"hello"
    assert not got.is_whole


@pytest.mark.parametrize("upload", [False, True])
def test_a_client_that_leaves_ends_the_upstreams_work(journal: Path, *, upload: bool) -> None:
    """In the middle of the answer, of its own request, and while the upstream thinks."""
    came, gone = threading.Event(), threading.Event()

    def handle(wire: Wire) -> None:
        head = wire.head()
        assert head is not None
        came.set()
        rest = wire.rest()
        assert b"0\r\n\r\n" not in rest, "a request that broke off looks whole"
        gone.set()

    with raw_upstream(handle) as raw, proxied(raw.url, journal) as url:
        client = connected(url)
        start = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
        client.send(start if upload else GET)
        assert came.wait(10)
        client.sock.close()
        assert gone.wait(10)


def test_a_client_that_leaves_in_the_middle_of_a_stream(journal: Path) -> None:
    """The upstream's stream is ended, not pumped into nothing."""
    gone = threading.Event()

    def handle(wire: Wire) -> None:
        wire.head()
        wire.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n")
        wire.rest()
        gone.set()

    with raw_upstream(handle) as raw, proxied(raw.url, journal) as url:
        client = connected(url)
        client.send(GET)
        assert client.until(b"hi\r\n") is not None
        client.sock.close()
        assert gone.wait(10)


# Connections


def test_connections_are_used_again(journal: Path) -> None:
    """One after the other over one."""
    with raw_upstream(answering(OK)) as raw, proxied(raw.url, journal) as url:
        client = connected(url)
        for _ in range(5):
            client.send(GET)
            assert client.answer().status == 200
        assert raw.connections == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\nContent-Length: 2\r\n\r\nok",
        OK + b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    ],
)
def test_connections_that_are_not_used_again(journal: Path, answer: bytes) -> None:
    """Closed by the upstream, about to be, or with bytes on them that nobody asked for."""
    with raw_upstream(answering(answer)) as raw, proxied(raw.url, journal) as url:
        client = connected(url)
        for _ in range(3):
            client.send(GET)
            assert client.answer().body == b"ok"
        assert raw.connections == 3


def closing_when_asked_again(wire: Wire) -> None:
    """A handler whose connections are good for one request, which it does not say."""
    wire.request()
    wire.send(OK)
    wire.head()


def test_a_question_is_asked_again_where_it_was_not_heard(journal: Path) -> None:
    """A kept connection that the upstream closes meanwhile; the client does not notice."""
    with raw_upstream(closing_when_asked_again) as raw, proxied(raw.url, journal) as url:
        client = connected(url)
        for _ in range(3):
            client.send(GET)
            assert client.answer().body == b"ok"
        assert raw.connections == 3


def test_a_login_is_not_sent_twice(journal: Path) -> None:
    """A body may have been heard: the client is told, and decides (RFC 9110 section 9.2.2)."""
    with raw_upstream(closing_when_asked_again) as raw, proxied(raw.url, journal) as url:
        client = connected(url)
        client.send(GET)
        assert client.answer().status == 200
        client.send(b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}")
        assert client.answer().status == 502
        assert raw.connections == 1


@pytest.mark.parametrize("more", [b"", OK.replace(b"ok", b"no")])
def test_a_kept_connection_that_is_good_no_more(journal: Path, more: bytes) -> None:
    """Closed, or with an answer that nobody asked for: not used, not even for a login."""
    go, done = threading.Event(), threading.Event()

    def handle(wire: Wire) -> None:
        wire.request()
        wire.send(OK)
        assert go.wait(10)
        if more:
            wire.send(more)
        else:
            wire.sock.shutdown(socket.SHUT_RDWR)
        done.set()
        wire.rest()

    with raw_upstream(handle) as raw, proxied(raw.url, journal) as url:
        client = connected(url)
        login = b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}"
        for number in range(1, 4):
            done.clear()
            go.clear()
            client.send(login)
            assert client.answer().body == b"ok"
            go.set()
            assert done.wait(10)
            wait_until(lambda: idle(url) == 0, "the proxy has seen it")
            assert raw.connections == number


def idle(url: str) -> int:
    """How many usable connections the proxy keeps, by asking it for its metrics."""
    client = connected(url)
    client.send(b"GET /_frontdesk/metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    body = client.answer().body.decode()
    [line] = [one for one in body.splitlines() if one.startswith("frontdesk_proxy_idle_")]
    return int(line.split()[1])


@pytest.mark.parametrize(
    ("host", "base", "line", "seen_host"),
    [
        ("keep", "", b"GET /a?b HTTP/1.1", b"shop.example"),
        ("upstream", "", b"GET /a?b HTTP/1.1", None),
        ("inner.example:81", "/base/", b"GET /base/a?b HTTP/1.1", b"inner.example:81"),
    ],
)
def test_the_host_that_is_set(
    journal: Path, host: str, base: str, line: bytes, seen_host: bytes | None
) -> None:
    """The client's, the upstream's own, or a name; what was asked for is told beside it."""
    seen: list[Seen] = []
    with (
        raw_upstream(answering(OK, seen)) as raw,
        proxied(raw.url + base, journal, host=host, forwarded=True) as url,
    ):
        client = connected(url)
        client.send(b"GET /a?b HTTP/1.1\r\nHost: shop.example\r\n\r\n")
        assert client.answer().status == 200
        authority = raw.url.removeprefix("http://").encode()
    request = asked(seen)
    assert request.line == line
    assert request.all(b"host") == [seen_host or authority]
    assert request.all(b"x-forwarded-host") == [b"shop.example"]
    assert request.all(b"forwarded") == [b'for=127.0.0.1;host="shop.example";proto=http']


async def answered_to(app: CaptureMiddleware, **extensions: Mapping[str, object]) -> list[Message]:
    """What the app says to a server with these extensions."""
    sent: list[Message] = []
    asked = iter([said(b"")])

    async def receive() -> Message:
        for message in asked:
            return message
        return await asyncio.Future()

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {**scope_of("/page", "GET", headers=[(b"host", b"a")]), "raw_path": b"/page"}
    names = {f"http.response.{name}": value for name, value in extensions.items()}
    await app(scope | {"extensions": names}, receive, send)
    cast(Forwarder, app.app).pool.close()
    await asyncio.sleep(0)
    return sent


async def test_early_hints_where_the_server_has_them(journal: Path) -> None:
    """uvicorn has none; an ASGI server that has gets the links, before the answer."""
    answer = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nLink: </b>\r\nX: 1\r\n\r\n" + OK
    with raw_upstream(answering(answer)) as raw:
        app = create_app(options(raw.url), Capture(journal=str(journal)))
        hint, start, _ = await answered_to(app, early_hint={})
    assert hint == {"type": "http.response.early_hint", "links": [b"</a>", b"</b>"]}
    assert start["status"] == 200


async def test_trailers_where_the_server_has_them(journal: Path) -> None:
    """uvicorn has none; an ASGI server that has gets them, and their announcement."""
    answer = (
        b"HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"2\r\nok\r\n0\r\nX-Sum: 7\r\n\r\n"
    )
    with raw_upstream(answering(answer)) as raw:
        app = create_app(options(raw.url), Capture(journal=str(journal)))
        start, body, trailers = await answered_to(app, trailers={})
    assert start["trailers"] is True
    assert (b"trailer", b"X-Sum") in start["headers"]
    assert (body["body"], body["more_body"]) == (b"ok", False)
    assert trailers == {"type": "http.response.trailers", "headers": [(b"x-sum", b"7")]}
