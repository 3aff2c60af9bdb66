"""Clients that mean no good, or do no good: memory stays bounded, others are served."""

from __future__ import annotations

import contextlib
import gzip
import os
import resource
import socket
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Final

import httpx
import orjson
import pytest

from frontdesk_sidecar.ingest.budget import LIMIT
from frontdesk_sidecar.ingest.document import MAX_BATCH
from server_support import free_port, running

HERE = Path(__file__).parent
#: Nobody who is only kept waiting by the others is told to be quicker.
BODY_S: Final = 60.0
JANE: Final = {"writeKey": "write-key-1", "traits": {"email": "jane@example.com"}}
GZIP: Final = {"content-encoding": "gzip", "authorization": "Bearer write-key-1"}
MB: Final = 1 << 20


class Server:
    """The door in a process of its own."""

    def __init__(self, port: int, pid: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}/v1"
        self._pid = pid
        self.post("/identify", orjson.dumps(JANE))  # everything is loaded
        self.before = self.peak()

    def peak(self) -> int:
        """Most memory that it ever had."""
        status = Path(f"/proc/{self._pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024

    def grown(self) -> int:
        """How much more than before anybody came."""
        return self.peak() - self.before

    def post(self, path: str, body: Any, **headers: str) -> httpx.Response:
        """One request on a connection of its own."""
        with httpx.Client(trust_env=False, timeout=60) as client:
            return client.post(f"{self.url}{path}", content=body, headers=headers)

    def connect(self) -> socket.socket:
        """A connection, to do with what one likes."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def many(self, number: int, request: Callable[[], httpx.Response]) -> Counter[int]:
        """The same from many at once; how many got which status."""
        with ThreadPoolExecutor(number) as pool:
            asked = [pool.submit(request) for _ in range(number)]
            return Counter(one.result().status_code for one in asked)


@contextlib.contextmanager
def serving_door(place: Path, body_s: float = BODY_S) -> Iterator[Server]:
    """A server with a store in that place; in the end it has complained of nothing."""
    port = free_port()
    environ = {"STORE": str(place / "store.db"), "BODY_S": str(body_s), "PORT": str(port)}
    with running(["served"], port, place / "log", PYTHONPATH=str(HERE), **environ) as process:
        yield Server(port, process.pid)
    assert (place / "log").read_text() == ""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Whoever comes later has to do with the same memory: it is bounded after all of them."""
    with serving_door(tmp_path_factory.mktemp("hostile")) as ready:
        yield ready


def head(length: int) -> bytes:
    """A request's head."""
    return (
        b"POST /v1/identify HTTP/1.1\r\nhost: x\r\nauthorization: Bearer write-key-1\r\n"
        b"content-length: %d\r\n\r\n" % length
    )


def test_a_thousand_idle_connections(server: Server) -> None:
    """Half of them said nothing, the others began and stopped; a client that works is served."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 1200:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    with contextlib.ExitStack() as stack:
        idle: list[socket.socket] = []
        while len(idle) < 1000:  # as many at a time as the system lets wait to be accepted
            idle += [stack.enter_context(server.connect()) for _ in range(100)]
            assert server.post("/identify", orjson.dumps(JANE)).status_code == 200
        for connection in idle[::2]:
            with contextlib.suppress(OSError):  # the oldest had to go
                connection.sendall(head(100)[:40])
        for _ in range(20):
            assert server.post("/identify", orjson.dumps(JANE)).status_code == 200
        assert server.grown() < 64 * MB


def test_slow_bodies(tmp_path: Path) -> None:
    """They are told to be quicker, and hung up on; nobody waits for them."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(serving_door(tmp_path, body_s=1.0))
        slow = [stack.enter_context(server.connect()) for _ in range(100)]
        for connection in slow:
            connection.sendall(head(1000) + b'{"traits":')
        assert server.post("/identify", orjson.dumps(JANE)).status_code == 200
        for connection in slow:
            answer = b"".join(iter(partial(connection.recv, 4096), b""))
            assert answer.startswith(b"HTTP/1.1 408 ")
            assert b'"code":"slow"' in answer
        assert server.grown() < 32 * MB


def test_clients_that_hang_up(server: Server) -> None:
    """In the middle of the body: nothing comes of it, not a line in the log."""
    for _ in range(50):
        with server.connect() as connection:
            connection.sendall(head(1000) + b'{"traits":')
    assert server.post("/identify", orjson.dumps(JANE)).status_code == 200


def test_bombs(server: Server) -> None:
    """A hundred megabytes in a hundred kilobytes, from forty at once."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(packer.compress(b"\0" * MB) for _ in range(100)) + packer.flush()
    assert server.many(40, lambda: server.post("/batch", bomb, **GZIP)) == {413: 40}
    nested = gzip.compress(b"[" * 400_000)
    assert server.many(20, lambda: server.post("/batch", nested, **GZIP)) == {400: 20}
    assert server.grown() < 48 * MB


def test_oversized_bodies(server: Server) -> None:
    """Told or not: the answer gets through, and what follows is not kept."""
    body = b" " * (6 * MB)
    auth = {"authorization": "Bearer write-key-1"}
    assert server.many(20, lambda: server.post("/batch", body, **auth)) == {413: 20}
    chunks = [b" " * 65_536] * 96
    assert server.many(20, lambda: server.post("/batch", iter(chunks), **auth)) == {413: 20}
    assert server.grown() < 48 * MB


def test_an_endless_body_is_cut_off(server: Server) -> None:
    """After some megabytes that are read for the client's sake."""
    sent = 0
    with server.connect() as connection, contextlib.suppress(OSError):
        connection.sendall(head(1 << 40))
        while sent < 200 * MB:
            connection.sendall(b" " * 65_536)
            sent += 65_536
    assert sent < 64 * MB


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\0" * 1000,
        os.urandom(3000),
        b'{"batch":' + b"[" * 200_000,
        b'{"a":' * 100_000,
        b'{"batch":[' + b"[]," * 100_000 + b"[]]}",
        b'{"batch":"' + b"\xed\xa0\x80" * 1000 + b'"}',
        b'{"writeKey":"write-key-1","batch":[' + b"1e999," * 9 + b"1]}",
    ],
)
def test_malformed_bodies(server: Server, body: bytes) -> None:
    """400 with a reason, never 500."""
    answer = server.post("/batch", body, authorization="Bearer write-key-1")
    assert answer.status_code == 400
    assert answer.json()["message"]
    assert server.grown() < 48 * MB


def test_many_full_batches(tmp_path: Path) -> None:
    """As many as fit in memory are taken, the others are told to come again soon."""
    with serving_door(tmp_path) as server:
        fill(server)


def fill(server: Server) -> None:
    """More than is held of those who show their key in the body."""
    number = 4_000
    batch = [
        {"type": "identify", "traits": {"email": f"c{n}@example.com", "x": "y" * 40}}
        for n in range(number)
    ]
    body = orjson.dumps({"writeKey": "write-key-1", "batch": batch})
    assert MAX_BATCH * 0.8 < len(body) < MAX_BATCH
    assert 24 * len(body) > LIMIT // 2
    answers = server.many(24, lambda: server.post("/batch", body))
    assert answers[200] > 0
    assert set(answers) <= {200, 429}
    assert server.grown() < 250 * MB
