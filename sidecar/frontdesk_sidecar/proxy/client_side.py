"""The client's connection: uvicorn's, with an end to every wait and one reading of every head.

uvicorn waits for a request's head, and for a client that does not read, as long as it takes: some
thousand sockets that stay silent would keep everybody out. h11 takes a head's lines that end with
LF alone or go on in the next line, which a server before us may read otherwise. And an error in
the middle of an answer would be logged with the client's bytes.

Source: RFC 9112 sections 2.2, 3.2.2, 5.2 and 9.5.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any, cast

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from frontdesk_sidecar.proxy.fields import is_head_ambiguous, split_absolute

#: The largest head that is waited for.
MAX_HEAD_BYTES = 65_536


class ClientSide(H11Protocol):
    """One client's connection.

    `head_s`: how long a head may take; `stall_s`: how long a client may not read what it asked for.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        head_s: float = 60.0,
        stall_s: float = 300.0,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.conn = _Connection(h11.SERVER, MAX_HEAD_BYTES)
        self._head_s, self._stall_s = head_s, stall_s
        self._head_timer: asyncio.TimerHandle | None = None
        self._stall_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # uvicorn's own signature
        """asyncio: it is open."""
        super().connection_made(transport)
        self._watch_head()

    def data_received(self, data: bytes) -> None:
        """asyncio: bytes came."""
        super().data_received(data)
        self._watch_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio: it is closed."""
        self._end_head_timer()
        self._end_stall_timer()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """asyncio: the client does not read."""
        super().pause_writing()
        self._stall_timer = self.loop.call_later(self._stall_s, self.transport.abort)

    def resume_writing(self) -> None:
        """asyncio: it does again."""
        self._end_stall_timer()
        super().resume_writing()

    def on_response_complete(self) -> None:
        """uvicorn: an answer was handed over whole."""
        super().on_response_complete()
        self._end_in_time()

    def timeout_keep_alive_handler(self) -> None:
        """uvicorn: no further request came."""
        super().timeout_keep_alive_handler()
        self._end_in_time()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """uvicorn: hand over to the WebSocket's side, which answers only what it can read."""
        names = {name for name, _ in event.headers}
        has_body = not names.isdisjoint((b"content-length", b"transfer-encoding"))
        if event.method != b"GET" or event.http_version != b"1.1" or has_body:
            self.send_400_response("Not a WebSocket's handshake.")
            return
        super().handle_websocket_upgrade(event)
        if not getattr(self.transport.get_protocol(), "handshake_initiated", True):
            self.send_400_response("The handshake is too large.")

    def send_400_response(self, msg: str) -> None:
        """uvicorn: what came cannot be read, be it a head or in the middle of a body."""
        if self.cycle is not None:
            self.cycle.disconnected = True  # whatever it has to say comes too late
            self.cycle.message_event.set()
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            super().send_400_response(msg)
        elif self.conn.our_state is h11.SEND_BODY:
            self.transport.abort()  # else an answer that ends with the connection looked whole
        else:
            self.transport.close()
            self._end_in_time()

    def _watch_head(self) -> None:
        if self.conn.their_state is not h11.IDLE:
            self._end_head_timer()
        elif self._head_timer is None:
            self._head_timer = self.loop.call_later(self._head_s, self.transport.close)

    def _end_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _end_stall_timer(self) -> None:
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None

    def _end_in_time(self) -> None:
        """A connection that was closed here stays while the client does not take the rest."""
        if self.transport.is_closing() and self.transport.get_write_buffer_size():
            self.loop.call_later(self._stall_s, self.transport.abort)


class _Connection(h11.Connection):
    """h11, without heads that can be read in two ways; targets are in origin form."""

    def next_event(self) -> Any:
        """The next event. Raises RemoteProtocolError."""
        if self.their_state is h11.IDLE and is_head_ambiguous(self.trailing_data[0]):
            raise h11.RemoteProtocolError("a line ends with LF alone, or goes on in the next")
        event = super().next_event()
        if isinstance(event, h11.Request) and not event.target.startswith(b"/"):
            return _in_origin_form(event)
        return event


def _in_origin_form(request: h11.Request) -> h11.Request:
    """The same request, so that rules find its path; its authority is the host.

    Source: RFC 9112 section 3.2.2.
    """
    target, mark, query = request.target.partition(b"?")
    authority, path = split_absolute(target)
    if authority is None:
        return request
    fields = [(name, authority if name == b"host" else value) for name, value in request.headers]
    if all(name != b"host" for name, _ in fields):
        fields.insert(0, (b"host", authority))
    return h11.Request(
        method=request.method,
        target=path + mark + query,
        headers=fields,
        http_version=request.http_version,
    )


def client_side(head_s: float, stall_s: float) -> type[asyncio.Protocol]:
    """What uvicorn takes for `http`; a partial, so that it can be sent to workers."""
    return cast("type[asyncio.Protocol]", partial(ClientSide, head_s=head_s, stall_s=stall_s))
