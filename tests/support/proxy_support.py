"""The proxy on real ports between raw sockets: an upstream that says what it is told to.

Requests and answers are read by a few lines of their own, which share nothing with what they judge.
"""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from frontdesk.settings import Capture
from frontdesk_sidecar.proxy.app import create_app
from frontdesk_sidecar.proxy.options import Options, read_options
from frontdesk_sidecar.proxy.serve import server_settings
from server_support import serving

PATIENCE_S = 15.0
Fields = list[tuple[bytes, bytes]]


@dataclass
class Seen:
    """One HTTP message as it came over the wire; `is_whole`: with everything that ends it."""

    line: bytes
    fields: Fields
    body: bytes = b""
    trailers: Fields = field(default_factory=list)
    is_whole: bool = True

    def all(self, name: bytes) -> list[bytes]:
        """Every value of a field, in order."""
        return [value for one, value in self.fields if one.lower() == name]

    @property
    def status(self) -> int:
        """An answer's status."""
        return int(self.line.split()[1])


class Wire:
    """A socket that is read by lines and lengths."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        sock.settimeout(PATIENCE_S)
        self._held = bytearray()

    def send(self, data: bytes) -> None:
        """All of it."""
        self.sock.sendall(data)

    def more(self) -> bool:
        """Wait for bytes; False at the end."""
        try:
            data = self.sock.recv(65536)
        except ConnectionError:
            return False
        self._held += data
        return bool(data)

    def some(self) -> bytes:
        """What is there; waits for the first byte."""
        while not self._held and self.more():
            pass
        return self._take(len(self._held))

    def until(self, mark: bytes) -> bytes | None:
        """Up to and with the mark; None when it ends before."""
        while mark not in self._held:
            if not self.more():
                return None
        return self._take(self._held.index(mark) + len(mark))

    def exactly(self, number: int) -> bytes:
        """So many bytes, fewer at the end."""
        while len(self._held) < number and self.more():
            pass
        return self._take(number)

    def rest(self) -> bytes:
        """All to the end."""
        while self.more():
            pass
        return self._take(len(self._held))

    def _take(self, number: int) -> bytes:
        taken = bytes(self._held[:number])
        del self._held[:number]
        return taken

    def head(self) -> Seen | None:
        """Start line and header fields."""
        text = self.until(b"\r\n\r\n")
        if text is None:
            return None
        line, *lines = text[:-4].split(b"\r\n")
        return Seen(line, [_field(one) for one in lines])

    def request(self) -> Seen | None:
        """A whole request."""
        seen = self.head()
        if seen is not None:
            self._body(seen, is_answer=False)
        return seen

    def answer(self, method: str = "GET") -> Seen:
        """A whole answer; informational ones before it are passed over."""
        seen = self.head()
        while seen is not None and seen.status < 200:
            seen = self.head()
        assert seen is not None, "the connection ended without an answer"
        if method != "HEAD" and seen.status not in (204, 304):
            self._body(seen, is_answer=True)
        return seen

    def _body(self, seen: Seen, *, is_answer: bool) -> None:
        lengths = seen.all(b"content-length")
        if seen.all(b"transfer-encoding"):
            self._chunks(seen)
        elif lengths:
            seen.body = self.exactly(int(lengths[0]))
            seen.is_whole = len(seen.body) == int(lengths[0])
        elif is_answer:
            seen.body = self.rest()

    def _chunks(self, seen: Seen) -> None:
        while True:
            size = self.until(b"\r\n")
            number = int(size.split(b";")[0], 16) if size else 0
            if size is None:
                seen.is_whole = False
                return
            if number == 0:
                break
            seen.body += self.exactly(number)
            self.exactly(2)
        line = self.until(b"\r\n")
        while line not in (None, b"\r\n"):
            assert line is not None
            seen.trailers.append(_field(line[:-2]))
            line = self.until(b"\r\n")
        seen.is_whole = line is not None


def _field(line: bytes) -> tuple[bytes, bytes]:
    name, _, value = line.partition(b":")
    return name, value.strip(b" \t")


_OPEN: list[Wire] = []


def connected(url: str) -> Wire:
    """A connection to a server, until the test ends."""
    _OPEN.append(Wire(socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), 10)))
    return _OPEN[-1]


def hang_up() -> None:
    """End every connection that the test made."""
    while _OPEN:
        _OPEN.pop().sock.close()


Handler = Callable[[Wire], None]


@dataclass
class Raw:
    """An upstream of raw sockets: `handle` is called for each connection, in a thread."""

    handle: Handler
    url: str = ""
    connections: int = 0
    errors: list[BaseException] = field(default_factory=list)
    threads: list[threading.Thread] = field(default_factory=list)

    def settle(self) -> None:
        """Until every connection so far has come to its end."""
        while self.threads:
            thread = self.threads.pop()
            thread.join(PATIENCE_S)
            assert not thread.is_alive(), "a connection does not end"


@contextlib.contextmanager
def raw_upstream(handle: Handler) -> Iterator[Raw]:
    """Serve connections until the block ends. What a handler raises fails the test."""
    raw = Raw(handle)
    wires: list[Wire] = []
    threads = raw.threads

    def one(wire: Wire) -> None:
        try:
            raw.handle(wire)
        except (ConnectionError, TimeoutError):
            pass
        except BaseException as error:  # noqa: BLE001 - shown to the test
            raw.errors.append(error)
        finally:
            wire.sock.close()

    def accept(listener: socket.socket) -> None:
        while True:
            try:
                wire = Wire(listener.accept()[0])
            except OSError:
                return
            raw.connections += 1
            wires.append(wire)
            thread = threading.Thread(target=one, args=(wire,), daemon=True)
            thread.start()
            threads.append(thread)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        raw.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread = threading.Thread(target=accept, args=(listener,), daemon=True)
        thread.start()
        try:
            yield raw
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for wire in wires:
                with contextlib.suppress(OSError):
                    wire.sock.shutdown(socket.SHUT_RDWR)
            for each in (thread, *threads):
                each.join(PATIENCE_S)
    if raw.errors:
        raise raw.errors[0]


def answering(answer: bytes, seen: list[Seen] | None = None) -> Handler:
    """A handler that answers every whole request with these bytes, and notes what it was asked."""

    def handle(wire: Wire) -> None:
        while (request := wire.request()) is not None and request.is_whole:
            if seen is not None:
                seen.append(request)
            wire.send(answer)

    return handle


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def options(upstream: str, **given: Any) -> Options:
    """Options that are right."""
    problems: list[str] = []
    found = read_options({"upstream": upstream, **given}, problems)
    assert found is not None, problems
    return found


@contextlib.contextmanager
def proxied(
    upstream: str,
    journal: Path,
    *,
    http: str | None = None,
    **given: Any,
) -> Iterator[str]:
    """The proxy in front of an upstream, served as it is or otherwise; gives its address."""
    read = options(upstream, **given)
    app = create_app(read, Capture(journal=str(journal)))
    settings = server_settings(read) | ({"http": http} if http else {})
    with serving(app, **settings) as url:
        yield url
