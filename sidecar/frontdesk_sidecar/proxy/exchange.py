"""One request and its answer on their way through, both at once, holding no more than a chunk.

Two things run beside each other: the request's body goes up, and after it the client is watched,
so that its leaving ends the upstream's work; the answer comes down. An answer may come before
the request was sent to its end, and then it counts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from email.utils import formatdate
from typing import Any, Final

import h11

from frontdesk.asgi import Receive, Send
from frontdesk_sidecar.proxy.connection import Connection
from frontdesk_sidecar.proxy.fields import end_to_end
from frontdesk_sidecar.proxy.messages import LAST_CHUNK, Framing, Outgoing, answer_fields, chunk
from frontdesk_sidecar.proxy.pool import Pool
from frontdesk_sidecar.proxy.tally import Passage, Tally
from frontdesk_sidecar.proxy.trouble import Cause, Trouble

#: An upstream that says nothing to `Expect: 100-continue` gets the body after so long, as from
#: curl (RFC 9110 section 10.1.1: do not wait for an indefinite period).
CONTINUE_S: Final = 1.0


class Exchange:
    """Passes one request on and its answer back.

    `answer_s`: how long the upstream may take to begin; `idle_s`: how long it may say nothing
    once it has begun.
    """

    def __init__(
        self,
        outgoing: Outgoing,
        scope: Mapping[str, Any],
        receive: Receive,
        send: Send,
        passage: Passage,
        tally: Tally,
        *,
        answer_s: float,
        idle_s: float,
    ) -> None:
        self._outgoing = outgoing
        self._receive, self._send = receive, send
        self._passage, self._tally = passage, tally
        self._answer_s, self._idle_s = answer_s, idle_s
        self._has_trailers = "http.response.trailers" in (scope.get("extensions") or ())
        self._has_early_hints = "http.response.early_hint" in (scope.get("extensions") or ())
        self._may_send = asyncio.Event()
        self._has_asked_client = False
        self._waits_for_client = False
        self._held = b""
        self._is_stalled = False
        self._is_over = False
        self.has_begun = False
        self.has_left = False

    async def run(self, pool: Pool) -> None:
        """All of it. Raises Trouble; after the client left, nothing."""
        try:
            try:
                reused = await self._attempt(pool, is_new=False)
                if reused:
                    await self._attempt(pool, is_new=True)
            except Trouble:
                if not self.has_left:
                    raise
        finally:
            if self.has_left:
                self._tally.client_left()

    async def _attempt(self, pool: Pool, *, is_new: bool) -> bool:
        """True when it has to be repeated: the upstream had closed a connection it had kept.

        Only a question without a body is asked twice, and only when no byte of an answer came
        (RFC 9110 section 9.2.2; RFC 9112 section 9.3.1).
        """
        async with pool.connection(is_new=is_new) as connection:
            try:
                await self._pass(connection)
            except Trouble as trouble:
                was_kept = connection.was_idle and connection.received == 0
                may_repeat = self._outgoing.is_repeatable and not is_new and not self.has_left
                if not (was_kept and may_repeat and trouble.cause is Cause.CLOSED):
                    raise
                return True
        return False

    async def _pass(self, connection: Connection) -> None:
        connection.begin(self._outgoing.method)
        upward = asyncio.create_task(self._go_up(connection))
        try:
            await self._come_down(connection)
        except Trouble:
            if self._is_stalled:
                raise Trouble(Cause.SLOW) from None
            raise
        finally:
            # Not waited for where all went well: the client's next request may be there in the
            # next turn of the loop, and finds the connection in the pool.
            upward.cancel()
            if not self._is_over:
                await asyncio.wait((upward,))

    # The request

    async def _go_up(self, connection: Connection) -> None:
        """Send the request, then watch the client. An error here is for the answer to show."""
        try:
            outgoing = self._outgoing
            self._held = outgoing.head
            if not outgoing.is_small:
                await self._send_on(connection, b"")
            if outgoing.framing is Framing.NONE:
                connection.is_sent = True
            elif not await self._send_body(connection):
                return
            while (await self._receive())["type"] != "http.disconnect":
                pass
            self._leave(connection)
        except (ConnectionError, Trouble):
            return  # the upstream may have answered before it closed
        except TimeoutError:
            self._is_stalled = True
            connection.abort()

    async def _send_body(self, connection: Connection) -> bool:
        """Whether it was sent to its end. Nothing is asked of the client before it is wanted."""
        if self._outgoing.expects_continue and not await self._is_wanted():
            return True
        is_chunked, left = self._outgoing.framing is Framing.CHUNKED, self._outgoing.length
        while True:
            message = await self._receive_body()
            if message["type"] == "http.disconnect":
                self._leave(connection)
                return False
            body, more = message.get("body", b""), message.get("more_body", False)
            left -= len(body)
            if not is_chunked and (left < 0 or (left > 0 and not more)):
                connection.abort()  # not the length that was announced
                return False
            if body or self._held:
                await self._send_on(connection, chunk(body) if body and is_chunked else body)
                self._passage.sent += len(body)
            if not more:
                break
        if is_chunked:
            await self._send_on(connection, LAST_CHUNK)
        connection.is_sent = True
        return True

    async def _receive_body(self) -> Any:
        self._waits_for_client = self._has_asked_client = True
        message = await self._receive()
        self._waits_for_client = False
        return message

    async def _send_on(self, connection: Connection, data: bytes) -> None:
        data, self._held = self._held + data, b""
        await connection.send(data, self._idle_s)

    async def _is_wanted(self) -> bool:
        """Whether the body is to be sent: the upstream said so, or said nothing for a while."""
        try:
            async with asyncio.timeout(CONTINUE_S):
                await self._may_send.wait()
        except TimeoutError:
            return True
        return not self.has_begun

    def _leave(self, connection: Connection) -> None:
        if not self._is_over:  # servers say "disconnect" after a whole answer as well
            self.has_left = True
            connection.abort()

    # The answer

    async def _come_down(self, connection: Connection) -> None:
        head = await self._head(connection)
        while isinstance(head, h11.InformationalResponse):
            await self._pass_interim(head)
            head = await self._head(connection)
        if not isinstance(head, h11.Response) or head.status_code > 599:
            raise Trouble(Cause.MALFORMED)
        self._tally.head_came(self._passage)
        self._passage.status = status = head.status_code
        fields = answer_fields(
            status,
            head.headers.raw_items(),
            has_trailers=self._has_trailers,
            date=formatdate(usegmt=True).encode(),
        )
        if self._leaves_body:
            fields.append((b"connection", b"close"))
        self.has_begun = True
        start = {"type": "http.response.start", "status": status, "headers": fields}
        await self._send({**start, "trailers": True} if self._has_trailers else start)
        self._may_send.set()
        await self._pass_body(connection)

    @property
    def _leaves_body(self) -> bool:
        """Whether the client waits for a 100 that never comes: it may send the body or not.

        What it sends next could be either, so that the connection has to end (RFC 9110 section
        10.1.1).
        """
        return self._outgoing.expects_continue and not self._has_asked_client

    async def _pass_interim(self, head: h11.InformationalResponse) -> None:
        """100 is the server's own to send; ASGI has a place for 103 alone, where the server has."""
        if head.status_code == 100:
            self._may_send.set()
        elif head.status_code == 103 and self._has_early_hints:
            links = [value for name, value in head.headers if name == b"link"]
            await self._send({"type": "http.response.early_hint", "links": links})

    async def _head(self, connection: Connection) -> Any:
        """The next head. The time runs while it is the upstream that is waited for."""
        within_s = self._answer_s
        while True:
            try:
                return await connection.next_event(within_s)
            except TimeoutError:
                now = asyncio.get_running_loop().time()
                within_s = connection.sent_at + self._answer_s - now
                if within_s > 0.01:
                    continue
                is_client = self._waits_for_client
                raise Trouble(Cause.CLIENT_SLOW if is_client else Cause.SLOW) from None

    async def _pass_body(self, connection: Connection) -> None:
        while True:
            try:
                event = await connection.next_event(self._idle_s)
            except TimeoutError:
                raise Trouble(Cause.SLOW) from None
            if isinstance(event, h11.EndOfMessage):
                await self._end(b"", event)
                return
            if not isinstance(event, h11.Data):
                raise Trouble(Cause.MALFORMED)
            data = bytes(event.data)
            self._passage.received += len(data)
            if connection.ends_here():
                await self._end(data, await connection.next_event(0))
                return
            await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def _end(self, data: bytes, event: Any) -> None:
        self._is_over = True
        await self._send({"type": "http.response.body", "body": data, "more_body": False})
        if self._has_trailers:
            trailers = end_to_end(event.headers.raw_items())
            await self._send({"type": "http.response.trailers", "headers": trailers})
