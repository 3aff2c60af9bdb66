"""Connections that are opened and never used: they are hung up on, and nobody else notices."""

from __future__ import annotations

import resource
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from frontdesk.event import LOGGED_IN
from frontdesk.journal import Journal
from frontdesk_sidecar.dashboard.hub import MOST_VIEWERS
from frontdesk_sidecar.serving import MOST_CONNECTIONS, configure
from server_support import serving_by, wait_until

MOST = 32
LIVEZ = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def _livez(request: Request) -> Response:
    return PlainTextResponse("ok\n")


async def _take(request: Request) -> Response:
    return PlainTextResponse(f"{len(await request.body())}\n")


APP = Starlette(routes=[Route("/livez", _livez), Route("/take", _take, methods=["POST"])])
SILENT = 3600.0


@contextmanager
def serving(head_s: float = SILENT) -> Iterator[int]:
    """A server for a few; its port."""
    with serving_by(configure(APP, most=MOST, head_s=head_s)) as url:
        yield urlsplit(url).port or 0


def connected(stack: ExitStack, port: int) -> socket.socket:
    """A connection that is closed at the end."""
    return stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))


def is_hung_up_on(one: socket.socket) -> bool:
    """Waits for the end of it; what else comes is an answer."""
    try:
        return one.recv(65_536) == b""
    except ConnectionResetError:
        return True


def test_the_oldest_that_says_nothing_gives_way() -> None:
    """A new one is served, whoever holds on to the old ones."""
    with serving() as port, ExitStack() as stack:
        silent = [connected(stack, port) for _ in range(MOST)]
        for _ in range(3):
            with connected(stack, port) as late:
                late.sendall(LIVEZ)
                assert late.recv(4096).startswith(b"HTTP/1.1 200")
        assert all(is_hung_up_on(one) for one in silent[:1])


def test_whoever_is_at_work_goes_last() -> None:
    """A request under way outlives silent connections that are younger."""
    with serving() as port, ExitStack() as stack:
        busy = connected(stack, port)
        busy.sendall(b"POST /take HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nab")
        silent = [connected(stack, port) for _ in range(2 * MOST)]
        assert is_hung_up_on(silent[0])
        busy.sendall(b"cd")
        assert busy.recv(4096).endswith(b"4\n")


def test_even_all_at_work_keep_nobody_out() -> None:
    """Bodies that never end are requests under way: the oldest gives way all the same."""
    with serving() as port, ExitStack() as stack:
        slow = [connected(stack, port) for _ in range(MOST)]
        for one in slow:
            one.sendall(b"POST /take HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nab")
        late = connected(stack, port)
        late.sendall(LIVEZ)
        assert late.recv(4096).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("sent", [b"", b"GET /livez HTTP/1.1\r\nHost: loc", LIVEZ + b"GET /"])
def test_a_head_that_does_not_come(sent: bytes) -> None:
    """The first one or the next: it is waited for, but not for ever."""
    with serving(head_s=0.1) as port, ExitStack() as stack:
        one = connected(stack, port)
        one.sendall(sent)
        if sent.startswith(LIVEZ):
            assert one.recv(4096).startswith(b"HTTP/1.1 200")
        assert is_hung_up_on(one)


def test_a_body_has_its_own_time() -> None:
    """What has begun is not cut off for being slow: that is for whoever reads the body."""
    with serving(head_s=0.1) as port, ExitStack() as stack:
        slow, silent = connected(stack, port), connected(stack, port)
        slow.sendall(b"POST /take HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nab")
        for one in (silent, connected(stack, port)):
            assert is_hung_up_on(one)
        slow.sendall(b"cd")
        assert slow.recv(4096).endswith(b"4\n")


def test_many_requests_over_one_connection() -> None:
    """Pipelined or one after the other, also after the time for a head."""
    with serving(head_s=0.2) as port, ExitStack() as stack:
        one = connected(stack, port)
        one.sendall(LIVEZ * 50)
        got = b""
        while got.count(b"ok\n") < 50:
            got += one.recv(65_536)
        assert got.count(b"HTTP/1.1 200") == 50


def test_there_are_files_for_something_else() -> None:
    """What is connected, and what is accepted before it is looked at, is at most half of them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        for files in (256, 1024):
            resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
            config = configure(APP)
            assert isinstance(config.http, type)
            most = vars(config.http)["places"].most
            assert 0 < most <= MOST_CONNECTIONS
            assert most + config.backlog <= files // 2
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_it_is_h11() -> None:
    """httptools, where it is installed, takes heads of any length."""
    config = configure(APP)
    config.load()
    assert [one.__module__ for one in config.http_protocol_class.__mro__][2].endswith("h11_impl")
    assert isinstance(config, uvicorn.Config)


def test_a_login_arrives_while_somebody_takes_all_connections(poor: Any) -> None:
    """A sidecar that may open 128 files, and 160 connections that say nothing."""
    with ExitStack() as stack:
        for number in range(160):
            stack.enter_context(poor.connect())
            if number % 16 == 0:
                assert httpx.get(f"{poor.url}/livez", trust_env=False).status_code == 200
        journal = Journal(poor.stack.journal)
        stack.callback(journal.close)
        assert journal.append(poor.login("jane@example.com", LOGGED_IN))
        url = f"{poor.stack.sap_url}/_sim/customers"
        wait_until(lambda: httpx.get(url, trust_env=False).json(), "she is in SAP")
        for path in ("/livez", "/readyz", "/status", "/metrics"):
            assert httpx.get(f"{poor.url}{path}", trust_env=False).status_code == 200
    assert "Too many open files" not in poor.log()
    assert "Traceback" not in poor.log()


def test_no_more_look_than_may(unguarded: Any) -> None:
    """However many ask at the same moment; a HEAD takes no seat."""
    asked = b"GET /dashboard/events HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with ExitStack() as stack:
        head = stack.enter_context(unguarded.connect())
        head.sendall(asked.replace(b"GET", b"HEAD") + LIVEZ)
        got = b""
        while not got.endswith(b"ok\n"):
            got += head.recv(4096)
        lookers = [stack.enter_context(unguarded.connect()) for _ in range(3 * MOST_VIEWERS)]
        for one in lookers:
            one.sendall(asked)
        statuses = Counter(int(one.recv(4096).split(b" ", 2)[1]) for one in lookers)
        assert statuses == {200: MOST_VIEWERS, 503: 2 * MOST_VIEWERS}

    def is_free() -> bool:
        with httpx.stream("GET", f"{unguarded.url}/dashboard/events", trust_env=False) as answer:
            return answer.status_code == 200

    wait_until(is_free, "there are seats again")
