"""A small HTTP client for load: connections kept open, one request at a time on each."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from time import perf_counter
from typing import Final, cast

from benchmarks.scenes import LOGIN

_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_HEAD: Final = (
    b"POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n"
)
_TIMEOUT_S: Final = 90.0  # for everything that is done with a client


class Connection(asyncio.Protocol):
    """One connection; `answered` is done when the whole answer is there, with its status."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answered: asyncio.Future[int] | None = None
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def ask(self, request: bytes) -> asyncio.Future[int]:
        """Send a request."""
        assert self._transport is not None
        self._answered = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._answered

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer = self._buffer + data if self._buffer else data
        end = buffer.find(b"\r\n\r\n")
        if end < 0 or self._answered is None or self._answered.done():
            return
        found = _LENGTH.search(buffer, 0, end + 2)
        if len(buffer) >= end + 4 + (int(found[1]) if found is not None else 0):
            self._buffer = b""
            self._answered.set_result(int(buffer[9:12]))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(ConnectionError("closed by the server"))

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()


class Client:
    """Several connections and what was measured on them, latencies in milliseconds."""

    def __init__(self, connections: Sequence[Connection], bodies: Sequence[bytes]) -> None:
        path = LOGIN.path.encode()
        self._requests = [_HEAD % (path, len(body)) + body for body in bodies]
        self._free: asyncio.LifoQueue[Connection] = asyncio.LifoQueue()
        for connection in connections:
            self._free.put_nowait(connection)
        self.sent = 0
        self.errors = 0
        self.latencies: list[float] = []

    @classmethod
    @asynccontextmanager
    async def connected(
        cls, port: int, number: int, bodies: Sequence[bytes]
    ) -> AsyncIterator[Client]:
        """Connect to 127.0.0.1, and hang up in the end."""
        loop = asyncio.get_running_loop()
        connections = []
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                for _ in range(number):
                    _, made = await loop.create_connection(Connection, "127.0.0.1", port)
                    connections.append(made)
                yield cls(connections, bodies)
        finally:
            for connection in connections:
                connection.close()

    @property
    def is_free(self) -> bool:
        """True when a connection waits for work."""
        return not self._free.empty()

    async def login(self, since: float | None = None) -> None:
        """One login, timed from `since`, or from when it is sent."""
        connection = await self._free.get()
        request = self._requests[self.sent % len(self._requests)]
        self.sent += 1
        start = perf_counter() if since is None else since
        try:
            status = await connection.ask(request)
        except ConnectionError:
            self.errors += 1  # the connection is not used again
            return
        self._free.put_nowait(connection)
        if status == 200:
            self.latencies.append((perf_counter() - start) * 1e3)
        else:
            self.errors += 1
