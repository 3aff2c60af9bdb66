"""How the sidecar serves HTTP: with a bounded number of connections, none of which idles for ever.

A connection costs a file, and a sidecar that has no file left can neither read the journal nor
ask SAP. So whoever reaches the port must not be able to take them all: beyond a number the oldest
connection gives way to a new one, one without a request under way first, and whoever does not send
the head of a request in time is hung up on.
"""

from __future__ import annotations

import asyncio
import logging
import resource
from typing import Any, ClassVar, Final

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

#: Of one listener, at most; fewer where the process may open few files.
MOST_CONNECTIONS: Final = 256
#: So many are accepted before any of them is looked at.
_BACKLOG: Final = 128
#: A head is a packet or two.
HEAD_S: Final = 10.0


class Places:
    """Who is connected, in the order they came; those with a request under way apart."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._idle: dict[Connection, None] = {}
        self._busy: dict[Connection, None] = {}

    def __len__(self) -> int:
        return len(self._idle) + len(self._busy)

    def enter(self, one: Connection) -> None:
        """Give it a place, if need be that of the oldest."""
        if len(self) >= self.most:
            oldest = next(iter(self._idle or self._busy))
            self.leave(oldest)
            oldest.hang_up()
        self._idle[one] = None

    def sort(self, one: Connection, *, is_busy: bool) -> None:
        """Note whether a request is under way. One that has left stays away."""
        before, after = (self._idle, self._busy) if is_busy else (self._busy, self._idle)
        if one in before:
            del before[one]
            after[one] = None

    def leave(self, one: Connection) -> None:
        """It is gone, or going."""
        self._idle.pop(one, None)
        self._busy.pop(one, None)


class Connection(H11Protocol):
    """uvicorn's, with a place among the others and a time for the head of each request.

    h11 and nothing else: httptools reads heads of any size.
    """

    places: ClassVar[Places]
    head_s: ClassVar[float] = HEAD_S

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # Whoever reaches the port would write the log by what is no request.
        self.logger = _log
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # uvicorn's own signature
        super().connection_made(transport)
        self.places.enter(self)
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        self.places.leave(self)
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._look()

    def hang_up(self) -> None:
        """At once, whatever is under way."""
        self._stop_timer()
        self.transport.abort()

    def _look(self) -> None:
        is_busy = self.cycle is not None and not self.cycle.response_complete
        self.places.sort(self, is_busy=is_busy)
        if is_busy or self.transport.is_closing():
            self._stop_timer()
        elif self._head_timer is None:
            self._head_timer = self.loop.call_later(self.head_s, self.hang_up)

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None


class Switch:
    """An app in place of which another one can be put; requests under way stay with the former.

    A connection outlives many requests, so it must not be the connection that has the app.
    """

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer by the app of now."""
        await self.app(scope, receive, send)


_log = logging.getLogger("frontdesk.http")
_log.setLevel(logging.ERROR)


def configure(
    app: ASGIApp, *, most: int = MOST_CONNECTIONS, head_s: float = HEAD_S
) -> uvicorn.Config:
    """uvicorn's configuration for one listener of `app`."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    share = MOST_CONNECTIONS if files == resource.RLIM_INFINITY else files // 4
    members = {"places": Places(min(most, share)), "head_s": head_s}
    return uvicorn.Config(
        app,
        http=type("BoundConnection", (Connection,), members),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=min(_BACKLOG, share),
    )
