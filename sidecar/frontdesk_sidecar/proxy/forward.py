"""The ASGI app that forwards: HTTP by `exchange`, WebSockets by `tunnel`, nothing else decided.

Source: ASGI HTTP & WebSocket message format 2.5; RFC 9110, RFC 9112.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

from frontdesk.asgi import Receive, Send
from frontdesk.exchange import Scope
from frontdesk_sidecar.proxy.exchange import Exchange
from frontdesk_sidecar.proxy.fields import tokens, why_refused
from frontdesk_sidecar.proxy.forwarded import goes_round
from frontdesk_sidecar.proxy.messages import Terms, prepare
from frontdesk_sidecar.proxy.pool import Pool
from frontdesk_sidecar.proxy.tally import Passage, Tally
from frontdesk_sidecar.proxy.trouble import Aborted, Cause, Trouble, page

Inside = Callable[[Scope, Receive, Send], Awaitable[bool]]
Tunnel = Callable[[Scope, Receive, Send], Awaitable[None]]


@dataclass
class Forwarder:
    """Forwards. `inside` answers what is the proxy's own and says whether it did; `route_of`
    names the rule's route that a request is on, for the log.
    """

    terms: Terms
    pool: Pool
    tally: Tally = field(default_factory=Tally)
    answer_s: float = 60.0
    idle_s: float = 300.0
    inside: Inside | None = None
    tunnel: Tunnel | None = None
    route_of: Callable[[Scope], str] = lambda scope: "-"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One call of the server."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "websocket":
            await self._open_tunnel(scope, receive, send)
        elif scope["type"] == "http" and not (
            self.inside is not None and await self.inside(scope, receive, send)
        ):
            await self._pass(scope, receive, send)

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> None:
        tally = self.tally
        passage = Passage(scope["method"], began=tally.clock())
        if tally.logs_access:
            passage.route = self.route_of(scope)
        tally.under_way += 1
        try:
            await self._exchange(scope, receive, send, passage)
        finally:
            tally.under_way -= 1
            tally.ended(passage)

    async def _exchange(self, scope: Scope, receive: Receive, send: Send, passage: Passage) -> None:
        if why_refused(scope) is not None:
            await self._tell(Cause.REFUSED, scope, send, passage)
            return
        pseudonym = self.terms.pseudonym
        if pseudonym and goes_round(scope["headers"], pseudonym):
            await self._tell(Cause.LOOP, scope, send, passage)
            return
        exchange = Exchange(
            prepare(scope, self.terms),
            *(scope, receive, send, passage, self.tally),
            answer_s=self.answer_s,
            idle_s=self.idle_s,
        )
        try:
            await exchange.run(self.pool)
        except Trouble as trouble:
            if exchange.has_begun:
                self.tally.failed(trouble.cause, has_begun=True)
                # Any server closes the connection then, without what would end the message.
                raise Aborted from None
            await self._tell(trouble.cause, scope, send, passage)

    async def _tell(self, cause: Cause, scope: Scope, send: Send, passage: Passage) -> None:
        self.tally.failed(cause)
        # Who waits for a 100 may send the body afterwards, or not: the connection ends.
        expects = scope["http_version"] == "1.1" and bool(tokens(scope["headers"], b"expect"))
        passage.status, fields, body = page(cause, closes=expects)
        fields.append((b"date", formatdate(usegmt=True).encode()))
        start: dict[str, Any] = {"type": "http.response.start", "status": passage.status}
        await send({**start, "headers": fields})
        await send({"type": "http.response.body", "body": body})

    async def _open_tunnel(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.tunnel is None:
            await receive()
            await send({"type": "websocket.close", "code": 1011})
            return
        self.tally.tunnels += 1
        try:
            await self.tunnel(scope, receive, send)
        finally:
            self.tally.tunnels -= 1

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        try:
            await receive()
        except asyncio.CancelledError:
            self.pool.close()
            raise
        self.pool.close()
        await send({"type": "lifespan.shutdown.complete"})
