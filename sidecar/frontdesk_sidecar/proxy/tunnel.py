"""WebSockets: both handshakes end here, messages are passed on one by one.

Subprotocol, header fields, texts, bytes and close codes are passed on; pings and compression are
each side's own. An answer that refuses the upgrade is given as it is.

Source: RFC 6455; ASGI WebSocket message format with the denial response extension.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Final

from websockets.asyncio.client import ClientConnection
from websockets.client import ClientProtocol
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.frames import Close
from websockets.http11 import Request
from websockets.typing import Subprotocol
from websockets.uri import WebSocketURI, parse_uri

from frontdesk.asgi import Receive, Send
from frontdesk.exchange import Scope
from frontdesk_sidecar.proxy.dial import Dialer
from frontdesk_sidecar.proxy.fields import Field, why_refused
from frontdesk_sidecar.proxy.messages import Terms, answer_fields, request_fields, target
from frontdesk_sidecar.proxy.tally import Tally
from frontdesk_sidecar.proxy.trouble import Cause, Trouble, page

#: 1014 of the IANA registry: the upstream broke off.
BAD_GATEWAY: Final = 1014
#: Codes that are never sent (RFC 6455 section 7.4.1).
_UNSENT: Final = frozenset((1004, 1005, 1006, 1015))
_OF_A_HANDSHAKE: Final = b"sec-websocket-"
_CLOSE_S: Final = 5.0


class _Protocol(ClientProtocol):
    """A handshake with the header fields and the target that it is given, and no others."""

    def __init__(
        self, uri: WebSocketURI, path: bytes, fields: list[Field], names: list[str], most: int
    ) -> None:
        asked = [Subprotocol(name) for name in names]
        super().__init__(uri, subprotocols=asked or None, max_size=most)
        self._path, self._fields = path, fields

    def connect(self) -> Request:
        """The request."""
        request = super().connect()
        del request.headers["Host"]
        for name, value in self._fields:
            request.headers[name.decode()] = value.decode("latin-1")
        return Request(self._path.decode("ascii"), request.headers)


@dataclass
class Tunnel:
    """Passes WebSockets on: `at_once` of them, with messages up to `most` bytes."""

    dialer: Dialer
    terms: Terms
    tally: Tally = field(default_factory=Tally)
    most: int = 16_777_216
    at_once: int = 1024
    answer_s: float = 60.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One socket, from its handshake to its end."""
        await receive()  # websocket.connect
        try:
            upstream = await self._ask(scope)
        except InvalidStatus as denial:
            answer = denial.response
            fields = [(n.encode(), v.encode("latin-1")) for n, v in answer.headers.raw_items()]
            await _deny(scope, send, answer.status_code, fields, bytes(answer.body or b""))
        except Trouble as trouble:
            self.tally.failed(trouble.cause)
            await _deny(scope, send, *page(trouble.cause))
        else:
            await self._accept(upstream, receive, send)

    async def _ask(self, scope: Scope) -> ClientConnection:
        """The upstream's side, open. Raises InvalidStatus when it refuses, and Trouble."""
        if self.tally.tunnels > self.at_once:
            raise Trouble(Cause.BUSY)
        request = {**scope, "method": "GET"}
        if why_refused(request) is not None:
            raise Trouble(Cause.REFUSED)
        fields = request_fields(request, self.terms)
        fields = [one for one in fields if not one[0].startswith(_OF_A_HANDSHAKE)]
        path = target(self.terms.base, scope["raw_path"], scope["query_string"])

        def connection() -> ClientConnection:
            uri = parse_uri("ws://upstream/")
            protocol = _Protocol(uri, path, fields, scope["subprotocols"], self.most)
            return ClientConnection(protocol, ping_interval=None, close_timeout=_CLOSE_S)

        opened = await self.dialer.open(connection)
        await self._shake_hands(opened)
        return opened

    async def _shake_hands(self, opened: ClientConnection) -> None:
        try:
            async with asyncio.timeout(self.answer_s):
                await opened.handshake(None, None)
        except InvalidStatus as denial:
            opened.transport.abort()
            if not 200 <= denial.response.status_code <= 599:
                raise Trouble(Cause.MALFORMED) from None
            raise
        except TimeoutError:
            opened.transport.abort()
            raise Trouble(Cause.SLOW) from None
        except (InvalidHandshake, OSError, EOFError):
            opened.transport.abort()
            raise Trouble(Cause.MALFORMED) from None

    async def _accept(self, upstream: ClientConnection, receive: Receive, send: Send) -> None:
        response = upstream.response
        raw = response.headers.raw_items() if response is not None else ()
        fields = [(name.encode().lower(), value.encode("latin-1")) for name, value in raw]
        kept = answer_fields(101, fields, has_trailers=False)
        headers = [one for one in kept if not one[0].startswith(_OF_A_HANDSHAKE)]
        protocol = upstream.subprotocol
        await send({"type": "websocket.accept", "subprotocol": protocol, "headers": headers})
        upward = asyncio.create_task(_go_up(upstream, receive))
        try:
            close = await _come_down(upstream, send)
        finally:
            upward.cancel()
            await asyncio.wait((upward,))
            upstream.transport.abort()
        if upward.cancelled():  # the client has not closed it
            code = BAD_GATEWAY if close is None else close.code
            reason = "" if close is None else close.reason
            code = 1000 if code in _UNSENT else code
            await send({"type": "websocket.close", "code": code, "reason": reason})


async def _go_up(upstream: ClientConnection, receive: Receive) -> None:
    """Pass the client's messages on until it closes, or until it is cancelled."""
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            code = message.get("code", 1005)
            await upstream.close(1000 if code in _UNSENT else code, message.get("reason") or "")
            return
        text = message.get("text")
        try:
            await upstream.send(message["bytes"] if text is None else text)
        except ConnectionClosed:
            await asyncio.Future()  # how it was closed is told by the other direction


async def _come_down(upstream: ClientConnection, send: Send) -> Close | None:
    """Pass the upstream's messages on; how it closed in the end, None when it broke off."""
    try:
        while True:
            message = await upstream.recv()
            kind = "text" if isinstance(message, str) else "bytes"
            await send({"type": "websocket.send", kind: message})
    except ConnectionClosed as closed:
        return closed.rcvd


async def _deny(scope: Scope, send: Send, status: int, fields: list[Field], body: bytes) -> None:
    if "websocket.http.response" not in (scope.get("extensions") or ()):
        await send({"type": "websocket.close", "code": 1008})
        return
    kept = answer_fields(status, fields, has_trailers=False)
    kept = [one for one in kept if one[0] != b"content-length"]
    kept.append((b"content-length", b"%d" % len(body)))
    start = {"type": "websocket.http.response.start", "status": status, "headers": kept}
    await send(start)
    await send({"type": "websocket.http.response.body", "body": body})
