"""One HTTP/1.1 connection to the upstream: a request, its answer as events, and again.

h11 reads the answers. What is sent is framed by `messages`, so that h11 only hears which method
was asked: by it an answer has a body or none (RFC 9112 section 6.3).
"""

from __future__ import annotations

import asyncio
import re
from typing import Final, TypeAlias

import h11

from frontdesk_sidecar.proxy.link import Link
from frontdesk_sidecar.proxy.trouble import Cause, Trouble

Event: TypeAlias = h11.InformationalResponse | h11.Response | h11.Data | h11.EndOfMessage

MAX_HEAD_BYTES: Final = 262_144
_timeout_of: Final = re.compile(rb"\btimeout\s*=\s*(\d{1,9})", re.IGNORECASE).search
_FRAMINGS: Final = frozenset((b"content-length", b"transfer-encoding"))
#: An idle connection is given up this long before the upstream says it would.
_MARGIN_S: Final = 1.0


class Connection:
    """One exchange at a time. Trouble is raised for whatever the upstream does wrong."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._loop = asyncio.get_running_loop()
        self._parser = _parser_for(b"GET")
        self._is_new = True
        self._peeked: Event | None = None
        #: whether it lay idle before this exchange, so that the upstream may have closed it
        self.was_idle = False
        #: whether the request was sent to its end
        self.is_sent = False
        #: bytes that came for this exchange
        self.received = 0
        #: when the last byte was handed over, by the loop's clock
        self.sent_at = 0.0
        #: how long the upstream keeps it, when it said so
        self.keeps_s: float | None = None

    @property
    def is_fresh(self) -> bool:
        """Whether the next request may go over it, as far as can be seen."""
        return self._link.is_fresh

    @property
    def is_finished(self) -> bool:
        """Whether both sides came to their end and the upstream keeps the connection."""
        parser = self._parser
        return (
            self.is_sent
            and parser.their_state is h11.DONE
            and not parser.trailing_data[0]
            and self._link.is_fresh
            and (self.keeps_s is None or self.keeps_s > 0)
        )

    def begin(self, method: bytes) -> None:
        """Expect the answer to a request with this method; nothing is sent yet."""
        if method == b"HEAD" or not self._is_new:
            self._parser = _parser_for(method)
        self._is_new = False
        self._peeked = None
        self.is_sent = False
        self.received = 0
        self.sent_at = self._loop.time()

    def rest(self) -> None:
        """Be idle; what the next exchange needs is made now, when nobody waits."""
        self._parser, self._is_new = _parser_for(b"GET"), True
        self.was_idle = True

    async def send(self, data: bytes, within_s: float) -> None:
        """Hand over bytes of the request. Raises ConnectionError and TimeoutError."""
        self.sent_at = self._loop.time()
        if not self._link.put(data):
            async with asyncio.timeout(within_s):
                await self._link.drained()
            self.sent_at = self._loop.time()

    async def next_event(self, within_s: float) -> Event:
        """The answer's next event. Raises Trouble, and TimeoutError when nothing comes in time."""
        event, self._peeked = self._peeked or self._parse(), None
        while event is None:
            await self._read(within_s)
            event = self._parse()
        if isinstance(event, h11.Response):
            self._note_how_long(event)
        return event

    def ends_here(self) -> bool:
        """Whether what is known already ends the answer; nothing is waited for."""
        if self._peeked is None:
            self._peeked = self._parse()
        return isinstance(self._peeked, h11.EndOfMessage)

    def abort(self) -> None:
        """End it at once; whoever waits for the answer is told."""
        self._link.abort()

    def close(self) -> None:
        """End it in order."""
        self._link.close()

    async def _read(self, within_s: float) -> None:
        try:
            data = await self._link.read(within_s)
        except ConnectionError:
            raise Trouble(Cause.CLOSED) from None
        if not data and not self.received:
            raise Trouble(Cause.CLOSED)
        self.received += len(data)
        self._parser.receive_data(data)

    def _parse(self) -> Event | None:
        try:
            event = self._parser.next_event()
        except h11.RemoteProtocolError:
            # An answer that ends too early is one that the other side broke off.
            cut = self._parser.trailing_data[1]
            raise Trouble(Cause.CLOSED if cut else Cause.MALFORMED) from None
        if isinstance(event, h11.InformationalResponse | h11.Response | h11.Data):
            return event
        if isinstance(event, h11.EndOfMessage):
            return event
        if event is h11.NEED_DATA:
            return None
        raise Trouble(Cause.CLOSED if event is not h11.PAUSED else Cause.MALFORMED)

    def _note_how_long(self, response: h11.Response) -> None:
        """`Keep-Alive: timeout=5` (RFC 2068 section 19.7.1.1), which Node and others send.

        A length beside chunks may be somebody's attempt to split answers: the connection is not
        used again (RFC 9112 section 6.3).
        """
        framings = set()
        for name, value in response.headers:
            if name in _FRAMINGS:
                framings.add(name)
            elif name == b"keep-alive" and (match := _timeout_of(value)):
                self.keeps_s = int(match[1]) - _MARGIN_S
        if framings == _FRAMINGS:
            self.keeps_s = 0


def _parser_for(method: bytes) -> h11.Connection:
    parser = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD_BYTES)
    parser.send(h11.Request(method=method, target=b"/", headers=[(b"host", b"")]))
    parser.send(h11.EndOfMessage())
    return parser
