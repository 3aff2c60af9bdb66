"""Reading what a client sends: no more than the limit, and not for ever."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, TypeAlias

import anyio

from frontdesk_sidecar.ingest.budget import Share
from frontdesk_sidecar.ingest.inflate import Gzipped, Plain
from frontdesk_sidecar.ingest.proof import Signature

Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]

#: A client whose body takes longer is told to try again; SDKs give up earlier.
BODY_S: Final = 20.0
#: Of a body that is refused so much is read and dropped, and for so long: a client that is still
#: sending would not see the answer.
DRAIN_BYTES: Final = 8 * 1024 * 1024
DRAIN_S: Final = 3.0


class Gone(Exception):  # noqa: N818 - says what is the case
    """The client hung up: nobody is there to be answered."""


class TooSlow(Exception):  # noqa: N818 - says what is the case
    """The body did not come in time."""


class Body:
    """The body of one request, being read."""

    def __init__(self, receive: Receive, *, seconds: float = BODY_S) -> None:
        self._receive = receive
        self._seconds = seconds
        self.is_whole = False

    async def read(
        self, into: Plain | Gzipped, share: Share, signature: Signature | None
    ) -> bytearray:
        """All of it. Raises Gone, TooSlow, TooLarge, Damaged and Busy."""
        with anyio.move_on_after(self._seconds) as scope:
            while not self.is_whole:
                chunk = await self._next()
                if signature is not None:
                    signature.feed(chunk)
                into.feed(chunk)
                share.hold(len(into.body))
        if scope.cancelled_caught:
            raise TooSlow
        return into.finish()

    async def drain(self) -> None:
        """Read what is left of a body that is not wanted, within bounds. Raises Gone."""
        left = DRAIN_BYTES
        with anyio.move_on_after(min(DRAIN_S, self._seconds)):
            while not self.is_whole and left > 0:
                left -= len(await self._next())

    async def _next(self) -> bytes:
        message = await self._receive()
        if message["type"] != "http.request":
            raise Gone
        self.is_whole = not message.get("more_body", False)
        chunk: bytes = message.get("body", b"")
        return chunk
