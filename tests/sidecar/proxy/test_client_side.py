"""The client's side of the proxy: clients that are slow, silent, or break the rules half-way."""

import asyncio
import logging
import select
import socket
import threading
from pathlib import Path

import pytest
import uvicorn
from uvicorn.server import ServerState

from frontdesk.asgi import Receive, Send
from frontdesk.exchange import Scope
from frontdesk_sidecar.proxy.client_side import ClientSide
from proxy_support import OK, Seen, Wire, answering, connected, proxied, raw_upstream
from server_support import free_port, wait_until

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
STREAM = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n"
SECRET = b"jane.doe@example.com"


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHo", GET + b"G"])
def test_a_head_that_does_not_come(journal: Path, sent: bytes) -> None:
    """The client is hung up on, at its first request and at a later one; others are served."""
    with (
        raw_upstream(answering(OK)) as raw,
        proxied(raw.url, journal, head_timeout_s=0.2) as url,
    ):
        slow, other = connected(url), connected(url)
        slow.send(sent[: len(GET)])
        if len(sent) > len(GET):
            assert slow.answer().status == 200
            slow.send(sent[len(GET) :])
        other.send(GET)
        assert other.answer().status == 200
        assert slow.rest() == b""


def test_a_head_that_trickles(journal: Path) -> None:
    """Each byte does not buy more time (slow loris)."""
    with (
        raw_upstream(answering(OK)) as raw,
        proxied(raw.url, journal, head_timeout_s=0.3) as url,
    ):
        slow = connected(url)

        def is_hung_up_on() -> bool:
            try:
                slow.send(b"a")
            except ConnectionError:
                return True
            return False

        slow.send(b"GET / HTTP/1.1\r\nX: ")
        wait_until(is_hung_up_on, "it is hung up on")


def test_a_client_that_does_not_read(journal: Path) -> None:
    """It loses its connection, and with it the place at the upstream."""
    gone = threading.Event()

    def handle(wire: Wire) -> None:
        wire.head()
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        try:
            while True:
                wire.send(b"x" * 65_536)
        except ConnectionError:
            gone.set()

    with raw_upstream(handle) as raw, proxied(raw.url, journal, idle_timeout_s=0.3) as url:
        client = connected(url)
        client.send(GET)
        assert gone.wait(10)


def capacity() -> int:
    """How many bytes a socket of this kind takes before somebody reads."""
    one, other = socket.socketpair()
    with one, other:
        one.setblocking(False)
        return one.send(b"x" * 10_000_000)


async def test_a_client_that_does_not_read_the_end() -> None:
    """What was handed over whole, and closed here, but is not taken there, is ended too."""
    body = b"x" * (capacity() + 20_000)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        fields = [(b"content-length", b"%d" % len(body)), (b"connection", b"close")]
        await send({"type": "http.response.start", "status": 200, "headers": fields})
        await send({"type": "http.response.body", "body": body})

    config, state = uvicorn.Config(app, lifespan="off"), ServerState()
    here, there = socket.socketpair()
    await asyncio.get_running_loop().connect_accepted_socket(
        lambda: ClientSide(config, state, {}, stall_s=0.2), here
    )
    with there:
        there.sendall(GET)
        hung_up = select.poll()
        hung_up.register(there, 0)  # the end of the connection is told without being asked for
        assert await asyncio.to_thread(hung_up.poll, 10_000), "the connection is still there"
        wire = Wire(there)
        assert b"200 OK" in (wire.until(b"\r\n\r\n") or b"")
        assert 0 < len(wire.rest()) < len(body)
    assert not state.connections


@pytest.mark.parametrize("has_begun", [False, True])
def test_a_body_that_turns_bad_is_not_logged(
    journal: Path, caplog: pytest.LogCaptureFixture, *, has_begun: bool
) -> None:
    """Before the answer it is 400; in the middle of one the client is hung up on."""
    caplog.set_level(logging.DEBUG)

    def handle(wire: Wire) -> None:
        wire.head()
        wire.exactly(8)
        if has_begun:
            wire.send(STREAM)
        assert b"0\r\n\r\n" not in wire.rest()

    with raw_upstream(handle) as raw, proxied(raw.url, journal) as url:
        client = connected(url)
        head = b"POST /login HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        client.send(head + b"3\r\nabc\r\n")
        if has_begun:
            assert client.until(b"hi\r\n") is not None
        client.send(b"3\r\nabc" + SECRET + b"\r\n" + SECRET + b"\r\n")
        said = client.rest()
    assert (said == b"") if has_begun else said.startswith(b"HTTP/1.1 400")
    for record in caplog.records:
        assert SECRET.decode() not in caplog.handler.format(record)
        assert record.name != "asyncio" or record.levelno < logging.WARNING


def test_more_clients_than_are_let_in(journal: Path) -> None:
    """503 and the connection's end, as long as there are too many."""
    with (
        raw_upstream(answering(OK)) as raw,
        proxied(raw.url, journal, clients=1) as url,
    ):
        first = connected(url)
        first.send(GET)
        assert first.answer().status == 200
        second = connected(url)
        second.send(GET)
        assert second.answer().status == 503
        assert second.rest() == b""
        first.send(GET)
        assert first.answer().status == 200


# Handshakes

KEY = b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
UPGRADE = b"Host: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" + KEY
HANDSHAKES = {
    "POST": b"POST / HTTP/1.1\r\n" + UPGRADE + b"Content-Length: 2\r\n\r\n{}",
    "POST without a body": b"POST / HTTP/1.1\r\n" + UPGRADE + b"\r\n",
    "a length": b"GET / HTTP/1.1\r\n" + UPGRADE + b"Content-Length: 50\r\n\r\n" + GET,
    "chunks": b"GET / HTTP/1.1\r\n"
    + UPGRADE
    + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    + GET,
    "HTTP/1.0": b"GET / HTTP/1.0\r\n" + UPGRADE + b"\r\n",
    "another version": b"GET / HTTP/1.1\r\n" + UPGRADE.replace(b": 13", b": 7") + b"\r\n" + GET,
    "no key": b"GET / HTTP/1.1\r\n" + UPGRADE.replace(KEY, b"") + b"\r\n" + GET,
    "a large field": b"GET / HTTP/1.1\r\n" + UPGRADE + b"Cookie: " + b"a" * 9_000 + b"\r\n\r\n",
    "many fields": b"GET / HTTP/1.1\r\n" + UPGRADE + b"X: 1\r\n" * 200 + b"\r\n",
}


@pytest.mark.parametrize("name", HANDSHAKES)
def test_handshakes_that_are_none(journal: Path, name: str) -> None:
    """They are answered and end there: nothing, of what follows neither, reaches the upstream."""
    seen: list[Seen] = []
    with raw_upstream(answering(OK, seen)) as raw, proxied(raw.url, journal) as url:
        client = connected(url)
        client.send(HANDSHAKES[name])
        said = client.rest()
    assert said[9:12] in (b"400", b"426"), said
    assert said.count(b"HTTP/1.1") == 1
    assert seen == []


def test_a_handshake_that_the_upstream_refuses_tunnels_nothing(journal: Path) -> None:
    """What the client sends behind it is no request to the upstream, whose connection ends."""
    seen: list[bytes] = []

    def handle(wire: Wire) -> None:
        wire.head()
        wire.send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
        seen.append(wire.rest())

    with raw_upstream(handle) as raw, proxied(raw.url, journal) as url:
        client = connected(url)
        client.send(b"GET / HTTP/1.1\r\n" + UPGRADE + b"\r\n" + GET)
        said = client.rest()
        raw.settle()
    assert said.startswith(b"HTTP/1.1 403")
    assert said.count(b"HTTP/1.1") == 1
    assert seen == [b""]


def test_nobody_listens(journal: Path) -> None:
    """A handshake for an upstream that is not there ends with the page that any request gets."""
    with proxied(f"http://127.0.0.1:{free_port()}", journal, connect_tries=1) as url:
        client = connected(url)
        client.send(b"GET / HTTP/1.1\r\n" + UPGRADE + b"\r\n")
        assert client.answer().status == 502
