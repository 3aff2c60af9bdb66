"""A byte stream to the upstream, with flow control both ways; the transport is asyncio's.

asyncio's own streams do not tell whether bytes wait unread, which decides whether a connection
may be used again.
"""

from __future__ import annotations

import asyncio
from typing import Final, cast

#: Above this nothing more is read until what is there was taken.
HIGH_WATER: Final = 65_536


class Link(asyncio.Protocol):
    """One connection. `read` and `put` raise ConnectionError once it is lost."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._chunks: list[bytes] = []
        self._size = 0
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None
        self._is_write_paused = False
        self._is_read_paused = False
        self._has_ended = False
        self._error: Exception | None = None

    @property
    def is_fresh(self) -> bool:
        """Whether it is open both ways and nothing waits to be read."""
        return not (self._has_ended or self._error or self._size)

    async def read(self, within_s: float) -> bytes:
        """What has come; empty at the end of the stream. Raises TimeoutError."""
        if not self._chunks and not self._has_ended and self._error is None:
            # A timer of our own: asyncio.timeout costs a multiple, at every login.
            self._reader = self._loop.create_future()
            timer = self._loop.call_later(within_s, self._expire)
            try:
                await self._reader
            finally:
                timer.cancel()
                self._reader = None
        if self._chunks:
            return self._take()
        if self._error is not None:
            raise self._error
        return b""

    def put(self, data: bytes) -> bool:
        """Hand over bytes; False when `drained` is to be waited for. Raises ConnectionError."""
        if self._error is not None or self._transport is None:
            raise self._error or ConnectionResetError("not connected")
        self._transport.write(data)
        return not self._is_write_paused

    async def drained(self) -> None:
        """Until more may be handed over. Raises ConnectionError."""
        if self._is_write_paused:
            self._writer = self._loop.create_future()
            try:
                await self._writer
            finally:
                self._writer = None

    def abort(self) -> None:
        """End it at once, both ways; whoever waits for it is told."""
        if self._transport is not None:
            self._transport.abort()
        self._lose(ConnectionAbortedError("ended here"))

    def close(self) -> None:
        """End it when everything was sent."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio: it is open."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """asyncio: bytes came."""
        self._chunks.append(data)
        self._size += len(data)
        if self._size > HIGH_WATER and not self._is_read_paused and self._transport is not None:
            self._is_read_paused = True
            self._transport.pause_reading()
        self._wake(self._reader)

    def eof_received(self) -> None:
        """asyncio: nothing more will come; it closes what is left when all was sent."""
        self._has_ended = True
        self._wake(self._reader)

    def connection_lost(self, error: Exception | None) -> None:
        """asyncio: it is closed."""
        self._has_ended = True
        if not isinstance(error, ConnectionError) and error is not None:
            error = ConnectionResetError(str(error))
        if error is not None or self._writer is not None:
            self._lose(error or ConnectionResetError("closed by the other side"))
        self._transport = None
        self._wake(self._reader)

    def pause_writing(self) -> None:
        """asyncio: enough for now."""
        self._is_write_paused = True

    def resume_writing(self) -> None:
        """asyncio: go on."""
        self._is_write_paused = False
        self._wake(self._writer)

    def _take(self) -> bytes:
        data = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks.clear()
        self._size = 0
        if self._is_read_paused and self._transport is not None:
            self._is_read_paused = False
            self._transport.resume_reading()
        return data

    def _expire(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_exception(TimeoutError())

    def _lose(self, error: Exception) -> None:
        self._error = self._error or error
        self._wake(self._reader)
        if self._writer is not None and not self._writer.done():
            self._writer.set_exception(self._error)

    @staticmethod
    def _wake(waiter: asyncio.Future[None] | None) -> None:
        if waiter is not None and not waiter.done():
            waiter.set_result(None)
