"""The connections to the upstream: how many at once, and which wait to be used again."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from frontdesk_sidecar.proxy.connection import Connection
from frontdesk_sidecar.proxy.dial import Dialer
from frontdesk_sidecar.proxy.link import Link
from frontdesk_sidecar.proxy.trouble import Cause, Trouble

MAX_IDLE: Final = 64


class Pool:
    """Gives out connections, the one used last first, so that the others grow old and end.

    `keep_s`: how long one may lie idle. Shorter than the upstream keeps it, else a request could
    go out just when the upstream closes, and one that is no mere question cannot be repeated.
    """

    def __init__(self, dialer: Dialer, *, most: int, wait_s: float, keep_s: float) -> None:
        self._dialer = dialer
        self._places = asyncio.Semaphore(most)
        self._wait_s = wait_s
        self._keep_s = keep_s
        self._idle: deque[tuple[float, Connection]] = deque()
        self.in_use = 0

    @property
    def idle(self) -> int:
        """How many wait to be used again, and could be."""
        return sum(connection.is_fresh for _, connection in self._idle)

    @asynccontextmanager
    async def connection(self, *, is_new: bool = False) -> AsyncIterator[Connection]:
        """A connection for one exchange; kept if it came to a good end, else ended at once."""
        await self._take_place()
        self.in_use += 1
        connection = None
        try:
            connection = (None if is_new else self._take_idle()) or await self._open()
            yield connection
        finally:
            self.in_use -= 1
            self._places.release()
            if connection is not None:
                self._take_back(connection)

    async def probe(self) -> None:
        """Open a connection and keep it for the next request. Raises Trouble."""
        if not self.idle:
            self._keep(await self._open())

    def close(self) -> None:
        """End those that are idle."""
        while self._idle:
            self._idle.pop()[1].close()

    async def _take_place(self) -> None:
        if not self._places.locked():
            await self._places.acquire()
            return
        try:
            async with asyncio.timeout(self._wait_s):
                await self._places.acquire()
        except TimeoutError:
            raise Trouble(Cause.BUSY) from None

    async def _open(self) -> Connection:
        return Connection(await self._dialer.open(Link))

    def _take_idle(self) -> Connection | None:
        now = asyncio.get_running_loop().time()
        while self._idle:
            until, connection = self._idle.pop()
            if now < until and connection.is_fresh:
                return connection
            connection.close()
        return None

    def _take_back(self, connection: Connection) -> None:
        if connection.is_finished and self._keep_s > 0:
            self._keep(connection)
        else:
            connection.abort()

    def _keep(self, connection: Connection) -> None:
        now = asyncio.get_running_loop().time()
        while self._idle and (self._idle[0][0] <= now or len(self._idle) >= MAX_IDLE):
            self._idle.popleft()[1].close()
        keeps_s = connection.keeps_s
        keep_s = self._keep_s if keeps_s is None else min(self._keep_s, keeps_s)
        connection.rest()
        self._idle.append((now + keep_s, connection))
