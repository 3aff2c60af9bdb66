"""WebSockets through the proxy, between a client and a server that are not ours."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from http import HTTPStatus
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK, InvalidStatus
from websockets.http11 import Request, Response
from websockets.sync.client import connect
from websockets.sync.server import ServerConnection, serve
from websockets.typing import Subprotocol

from proxy_support import proxied
from server_support import free_port, wait_until


@contextlib.contextmanager
def sockets(
    journal: Path,
    handle: Callable[[ServerConnection], None],
    settings: Mapping[str, Any] = MappingProxyType({}),
    **options: object,
) -> Iterator[str]:
    """A WebSocket server behind the proxy with these settings; gives the address to connect to."""
    with serve(handle, "127.0.0.1", 0, max_size=None, **options) as server:  # type: ignore[arg-type] # options of the test
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        port = server.socket.getsockname()[1]
        try:
            with proxied(f"http://127.0.0.1:{port}", journal, **settings) as url:
                yield url.replace("http", "ws")
        finally:
            server.shutdown()
            thread.join(10)


def echo(connection: ServerConnection) -> None:
    """Say everything again."""
    for message in connection:
        connection.send(message)


#: Not one that the environment names.
opened = partial(connect, proxy=None)


def test_texts_and_bytes(journal: Path) -> None:
    """In both directions, in order, large ones and empty ones as well."""
    with sockets(journal, echo) as url, opened(f"{url}/chat?room=1", max_size=None) as client:
        for message in ("hi", b"\0\xff", "", b"", "ä" * 100_000, b"x" * 1_000_000):
            client.send(message)
            assert client.recv() == message


def test_what_the_handshake_says(journal: Path) -> None:
    """Target, fields, cookies and subprotocol reach the server; its own fields the client."""
    seen: list[Request] = []

    def handle(connection: ServerConnection) -> None:
        assert connection.request is not None
        seen.append(connection.request)
        connection.send(str(connection.subprotocol))

    def greet(connection: ServerConnection, request: Request, response: Response) -> Response:
        response.headers["Set-Cookie"] = "a=1"
        response.headers["Set-Cookie"] = "b=2"
        return response

    chat, other = Subprotocol("chat"), Subprotocol("other")
    with (
        sockets(journal, handle, subprotocols=[chat], process_response=greet) as url,
        opened(
            f"{url}/a%20b//c?d=%C3%A4",
            subprotocols=[other, chat],
            origin="https://shop.example",
            additional_headers=[("Cookie", "s=1"), ("X-A", "1"), ("X-A", "2")],
        ) as client,
    ):
        assert client.recv() == "chat"
        assert client.subprotocol == "chat"
        assert client.response is not None
        assert client.response.headers.get_all("set-cookie") == ["a=1", "b=2"]
        assert len(client.response.headers.get_all("date")) == 1
        host = url.removeprefix("ws://")
    [request] = seen
    assert request.path == "/a%20b//c?d=%C3%A4"
    assert request.headers.get_all("x-a") == ["1", "2"]
    assert request.headers.get_all("host") == [host]
    assert request.headers["cookie"] == "s=1"
    assert request.headers["origin"] == "https://shop.example"
    assert request.headers["x-forwarded-for"] == "127.0.0.1"
    assert len(request.headers.get_all("sec-websocket-key")) == 1


@pytest.mark.parametrize(("code", "reason"), [(1000, ""), (1000, "bye"), (4321, "no room")])
def test_the_servers_close(journal: Path, code: int, reason: str) -> None:
    """Its code and its reason."""
    with (
        sockets(journal, lambda connection: connection.close(code, reason)) as url,
        opened(url) as client,
    ):
        with pytest.raises((ConnectionClosedOK, ConnectionClosedError)) as caught:
            client.recv()
        assert caught.value.rcvd is not None
        assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (code, reason)


@pytest.mark.parametrize(("code", "reason"), [(1000, ""), (1001, "away"), (4321, "enough")])
def test_the_clients_close(journal: Path, code: int, reason: str) -> None:
    """Likewise."""
    heard = []
    ended = threading.Event()

    def handle(connection: ServerConnection) -> None:
        with pytest.raises((ConnectionClosedOK, ConnectionClosedError)) as caught:
            connection.recv()
        heard.append(caught.value.rcvd)
        ended.set()

    with sockets(journal, handle) as url:
        with opened(url) as client:
            client.close(code, reason)
        assert ended.wait(10)
    [close] = heard
    assert close is not None
    assert (close.code, close.reason) == (code, reason)


def test_a_server_that_breaks_off(journal: Path) -> None:
    """No clean close is made of it: 1014, bad gateway."""

    def handle(connection: ServerConnection) -> None:
        connection.recv()
        connection.socket.shutdown(socket.SHUT_RDWR)

    with sockets(journal, handle) as url, opened(url) as client:
        client.send("go")
        with pytest.raises(ConnectionClosedError) as caught:
            client.recv()
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1014


def test_a_client_that_breaks_off(journal: Path) -> None:
    """The server's side ends as well."""
    ended = threading.Event()

    def handle(connection: ServerConnection) -> None:
        connection.send("hi")
        with contextlib.suppress(ConnectionClosedOK, ConnectionClosedError):
            connection.recv()
        ended.set()

    with sockets(journal, handle) as url, opened(url) as client:
        assert client.recv() == "hi"
        client.socket.shutdown(socket.SHUT_RDWR)
        assert ended.wait(10)


def test_a_server_that_refuses(journal: Path) -> None:
    """Its own status, fields and body."""

    def refuse(connection: ServerConnection, request: Request) -> Response:
        response = connection.respond(HTTPStatus.FORBIDDEN, "log in first\n")
        response.headers["X-Why"] = "login"
        return response

    with sockets(journal, echo, process_request=refuse) as url:
        with pytest.raises(InvalidStatus) as caught, opened(url):
            pass
        response = caught.value.response
        assert (response.status_code, response.body) == (403, b"log in first\n")
        assert response.headers.get_all("x-why") == ["login"]


def test_more_sockets_than_are_let_in(journal: Path) -> None:
    """503 and when to come again; one that ends leaves its place."""
    with sockets(journal, echo, {"websockets": 1}) as url:
        with opened(url) as first:
            with pytest.raises(InvalidStatus) as caught, opened(url):
                pass
            assert caught.value.response.status_code == 503
            assert caught.value.response.headers["retry-after"] == "1"
            first.send("hi")
            assert first.recv() == "hi"

        def is_let_in() -> bool:
            with contextlib.suppress(InvalidStatus), opened(url):
                return True
            return False

        wait_until(is_let_in, "the place is free")


@pytest.mark.parametrize("from_client", [True, False])
def test_a_message_that_is_too_large(journal: Path, *, from_client: bool) -> None:
    """It is not passed on, and the other side is told that this was no clean end."""

    def handle(connection: ServerConnection) -> None:
        connection.send("small")
        if not from_client:
            connection.send("x" * 2000)
        with pytest.raises(ConnectionClosedError) as caught:
            connection.recv()
        assert caught.value.rcvd is not None
        heard.append(caught.value.rcvd.code)
        ended.set()

    heard: list[int] = []
    ended = threading.Event()
    with sockets(journal, handle, {"websocket_bytes": 1024}) as url, opened(url) as client:
        assert client.recv() == "small"
        if from_client:
            client.send("x" * 2000)
        with pytest.raises(ConnectionClosedError) as caught:
            client.recv()
        assert ended.wait(10)
    assert caught.value.rcvd is not None
    assert (heard, caught.value.rcvd.code) == ([1009], 1009 if from_client else 1014)


def test_a_server_that_is_not_there(journal: Path) -> None:
    """The page that any request gets."""
    with proxied(f"http://127.0.0.1:{free_port()}", journal) as url:
        with pytest.raises(InvalidStatus) as caught, opened(url.replace("http", "ws")):
            pass
        assert caught.value.response.status_code == 502
