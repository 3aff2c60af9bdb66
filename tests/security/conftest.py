"""Two real sidecars before a simulated SAP, and a client that sends what no library would."""

from __future__ import annotations

import resource
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest

from frontdesk.event import Identify
from frontdesk_sidecar.demo.stack import Stack
from quick_start import QuickStack

KEY = "marked-admin-key-91ab"
WRITE_KEY = "marked-write-key-77cd"
SIGNING_KEY = "marked-signing-key-03ef"


class Sidecar:
    """A sidecar that runs."""

    key = KEY
    write_key = WRITE_KEY
    signing_key = SIGNING_KEY

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.url = stack.sidecar_url
        self.port = urlsplit(stack.sidecar_url).port or 0

    def connect(self) -> socket.socket:
        """A connection, to do with what one likes."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def raw(self, sent: bytes) -> bytes:
        """What comes back to these bytes until it hangs up."""
        with self.connect() as connection:
            connection.sendall(sent)
            return b"".join(iter(lambda: received(connection), b""))

    def ask(self, method: str, path: str, *headers: str, body: bytes = b"") -> tuple[int, bytes]:
        """Status and the whole answer; the headers are exactly these."""
        lines = [f"{method} {path} HTTP/1.1", *headers, "Connection: close"]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        answer = self.raw("\r\n".join((*lines, "", "")).encode("latin-1") + body)
        return int(answer.split(b" ", 2)[1]), answer

    def login(self, address: str, event: str) -> bytes:
        """A line of the journal, as a web process writes it."""
        return Identify("m1", datetime.now(UTC), address, {"email": address}, event).encode()

    def log(self) -> str:
        """What it wrote so far."""
        return self.stack.parts["sidecar"].log.read_text()


def received(connection: socket.socket) -> bytes:
    """The next bytes; none when it was hung up on, however rudely."""
    try:
        return connection.recv(65_536)
    except ConnectionResetError:
        return b""


@contextmanager
def running(
    http: str = "", ingest: str = "", *, make: type[Stack] = QuickStack
) -> Iterator[Sidecar]:
    """A sidecar with more lines in `[http]` and `[ingest]`."""
    stack = make(settings=f"reject_tries = 1\n[ingest]\n{ingest}\n")
    stack.config.write_text(stack.config.read_text().replace("[http]\n", f"[http]\n{http}\n"))
    stack.config.chmod(0o600)
    try:
        stack.start_sap()
        stack.start_sidecar()
        yield Sidecar(stack)
    finally:
        stack.close()


@pytest.fixture(scope="session")
def guarded() -> Iterator[Sidecar]:
    """With an admin key, a write key and one for signatures."""
    keys = f'write_key = "{WRITE_KEY}"\nhmac_key = "{SIGNING_KEY}"\n'
    origins = 'origins = ["https://shop.example", "https://shop.example:8443"]'
    with running(f'key = "{KEY}"', keys + origins) as sidecar:
        yield sidecar


@pytest.fixture(scope="session")
def unguarded() -> Iterator[Sidecar]:
    """As it comes: no key at all, on loopback."""
    with running() as sidecar:
        yield sidecar


@pytest.fixture
def poor() -> Iterator[Sidecar]:
    """May open 128 files; we may open more."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (128, hard))
    try:
        with running(make=Stack) as sidecar:  # limits are inherited
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
            yield sidecar
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))


@pytest.fixture
def open_running() -> Callable[..., AbstractContextManager[Sidecar]]:
    """To start one in a way of one's own."""
    return running
