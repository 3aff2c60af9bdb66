"""The watch over one request: what passes is noted, and when the answer is complete, judged.

Fed messages of ASGI's shape (HTTP & WebSocket message format 2.5); `wsgi` makes such ones.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any, Final

from frontdesk.desk import Desk
from frontdesk.exchange import Body, Exchange, Message
from frontdesk.routes import Group
from frontdesk.rules import Finding

Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_log = logging.getLogger("frontdesk")


class Watch:
    """One watched request: what passes is noted, and handed on as it is and when it comes."""

    __slots__ = ("_desk", "_exchange", "_group", "_send", "is_watching")

    def __init__(self, desk: Desk, group: Group, exchange: Exchange, send: Send) -> None:
        self._desk = desk
        self._group = group
        self._exchange = exchange
        self._send = send
        self.is_watching = True

    def receiving(self, receive: Receive) -> Receive:
        """A `receive` that notes the body the app pulls."""

        async def receive_noting() -> Message:
            message = await receive()
            if self.is_watching:
                try:
                    if message["type"] == "http.request":
                        self._exchange.request.feed(message)
                except Exception as error:  # noqa: BLE001 - see failed()
                    self.fail(error)
            return message

        return receive_noting

    def reading(self, stream: Any) -> Reading:
        """A `wsgi.input` that notes the body the app reads."""
        self._exchange.request.read_headers()  # the length alone tells that it is complete
        return Reading(stream, self)

    def take(self, chunk: bytes, *, is_end: bool) -> None:
        """Note what the app has read of the request's body; with a length, only that ends it."""
        request = self._exchange.request
        if not request.complete:
            more = not is_end or request.expected is not None
            request.feed({"body": chunk, "more_body": more})

    def take_again(self) -> None:
        """The app goes back in the request's body, to its start."""
        if not self._exchange.request.complete:
            self._exchange.request = body = Body(self._exchange.scope["headers"])
            body.read_headers()

    def send(self, message: Message) -> Awaitable[None]:
        """Note one message of the response, then hand it to the server, this very object."""
        if self.is_watching:
            try:
                kind = message["type"]
                if kind == "http.response.body":
                    response = self._exchange.response
                    if response.feed(message):
                        self._conclude()
                    elif response.is_stream:
                        self._skip("stream")
                elif kind == "http.response.start":
                    group = self._group
                    if message["status"] >= 400 and not group.takes_errors:
                        self._skip("status")
                    elif group.has_operations and not group.concerns(self._exchange):
                        self._stop()  # no rule's operation: as if the route were no rule's
                    elif self._exchange.respond(message):
                        self._conclude()
            except Exception as error:  # noqa: BLE001 - see failed()
                self.fail(error)
        return self._send(message)

    def end(self, reason: str = "unfinished") -> None:
        """The app is done, with an exception perhaps; an answer that is not complete is none."""
        if self.is_watching:
            try:
                self._skip(reason)
            except Exception as error:  # noqa: BLE001 - see failed()
                self.fail(error)

    def fail(self, error: Exception) -> None:
        """An error of ours; the watch is over."""
        self._stop()
        failed(self._desk, error)

    def _conclude(self) -> None:
        """What completes the answer is about to leave: the login goes into the journal before."""
        exchange = self._exchange
        found = (self._group.only or self._group).judge(exchange)
        self._stop()
        if type(found) is Finding:
            self._desk.note(found, exchange.traceparent)
            return
        for result in found if isinstance(found, list) else (found,):
            if isinstance(result, Finding):
                self._desk.note(result, exchange.traceparent)
            else:
                self._count(result)

    def _skip(self, reason: str) -> None:
        self._stop()
        self._count(reason)

    def _count(self, reason: str) -> None:
        if reason == "told":
            return  # it was captured, by somebody who knows better
        self._desk.count(f"skipped.{reason}")
        if _log.isEnabledFor(logging.DEBUG):
            rule = self._group.rules[0].name
            told = {"event": "capture_skipped", "fields": {"rule": rule, "reason": reason}}
            _log.debug("skipped %s: %s", rule, reason, extra=told)

    def _stop(self) -> None:
        """Nothing of the bodies is held while the app goes on, in a background task perhaps."""
        self.is_watching = False
        self._exchange = _OVER


#: What a watch that is over looks at: nothing.
_OVER: Final = Exchange({})


class Reading:
    """A request's body as WSGI has it: what the app reads is noted, and only the app reads.

    Whatever the server's stream can do beyond PEP 3333, this one can.
    """

    __slots__ = ("_stream", "_watch")

    def __init__(self, stream: Any, watch: Watch) -> None:
        self._stream = stream
        self._watch = watch

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # how `copy` asks; it does before there is a stream
            raise AttributeError(name)
        found = getattr(self._stream, name)
        return partial(self._read, name, found) if name in _READS else found

    def __iter__(self) -> Iterator[bytes]:
        for line in self._stream:
            yield self._noted("readline", line)
        self._noted("readline", b"")

    def __next__(self) -> bytes:
        line: bytes = self._noted("readline", next(self._stream))
        return line

    def _read(self, name: str, read: Callable[..., Any], /, *given: Any, **named: Any) -> Any:
        return self._noted(name, read(*given, **named), *given, *named.values())

    def _noted(self, name: str, got: Any, limit: Any = -1, *_: Any) -> Any:
        watch = self._watch
        if watch.is_watching:
            try:
                if name == "seek":
                    watch.take_again()
                elif name in ("read", "readlines"):
                    chunk = got if name == "read" else b"".join(got)
                    is_all = limit is None or limit < 0
                    watch.take(chunk, is_end=is_all or (not chunk and limit > 0))
                elif name in ("readinto", "readinto1"):
                    watch.take(bytes(memoryview(limit).cast("B")[: got or 0]), is_end=not got)
                else:
                    watch.take(got, is_end=not got)
            except Exception as error:  # noqa: BLE001 - see failed()
                watch.fail(error)
        return got


_READS: Final = frozenset(
    ("read", "read1", "readinto", "readinto1", "readline", "readlines", "seek")
)


def failed(desk: Desk, error: Exception) -> None:
    """An error of ours: counted and logged by its type alone, since its text may hold a trait."""
    desk.count("error")
    frames, frame = [], error.__traceback__
    while frame is not None:
        frames.append(f"{frame.tb_frame.f_code.co_name}:{frame.tb_lineno}")
        frame = frame.tb_next
    desk.complain("error", f"{type(error).__name__} in {' > '.join(frames)}")
