"""The ASGI middleware: watches the routes that its rules name, and interferes with none.

Source: ASGI specification 3.0, HTTP & WebSocket message format 2.5.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from frontdesk.desk import Desk, desk_of
from frontdesk.exceptions import ConfigurationError
from frontdesk.exchange import Exchange, Message, Scope
from frontdesk.rules import RouteTable, Rule
from frontdesk.settings import Capture, load_capture

Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

_log = logging.getLogger("frontdesk")

#: Marks the scope of an exchange that is being watched, so that a second, nested middleware
#: does not report the same login again.
MARK: Final = "frontdesk"


class CaptureMiddleware:
    """Notes who registered or logged in. `app.add_middleware(CaptureMiddleware)` is enough.

    Without arguments everything comes from `frontdesk.toml` (`FRONTDESK_CONFIG`) and the
    environment. `rules` are your own, asked before the built-in ones; `presets=()` switches
    those off; `journal` names the directory shared with the sidecar.

    Raises ConfigurationError for wrong arguments; wrong settings of file or environment fail the
    lifespan's start-up, and without one nothing is captured. In a request nothing is raised: errors
    of our own are counted, the app's and cancellation pass through.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        rules: Sequence[Rule] | None = None,
        presets: Sequence[str] | None = None,
        journal: str | os.PathLike[str] | None = None,
        site: str | None = None,
        settings: Capture | None = None,
    ) -> None:
        self._problem: ConfigurationError | None = None
        given = settings if settings is not None else self._load()
        settings = Capture(
            journal=given.journal if journal is None else os.fspath(journal),
            site=given.site if site is None else site,
            presets=given.presets if presets is None else presets,
            rules=given.rules if rules is None else [*rules, *given.rules],
            journal_limit_bytes=given.journal_limit_bytes,
        )
        self.app = app
        self.desk: Desk = desk_of(settings)
        self._table = RouteTable(settings.all_rules())
        self._paths = self._table.paths

    def _load(self) -> Capture:
        """Settings from file and environment. What is wrong with them is told at the start-up.

        Frameworks make their middleware when the server starts the lifespan, and a server may take
        an exception there for an app without one: it would go on, with every request an error.
        """
        try:
            return load_capture()
        except ConfigurationError as error:
            self._problem = error
            _log.error("configuration: %s", error)
            return Capture(presets=())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the call on; of all that is not a rule's route, with the server's own callables."""
        # One look-up decides for nearly every request, so nothing else stands before it.
        try:
            may_be_ours = scope["path"] in self._paths or scope["root_path"]
        except KeyError:  # a lifespan has no path, and a server need not give a root path
            may_be_ours = scope.get("path") in self._paths
            if self._problem is not None and scope["type"] == "lifespan":
                await receive()
                await send({"type": "lifespan.startup.failed", "message": str(self._problem)})
                return
        if may_be_ours:
            watch = self._watch(scope, send)
            if watch is not None:
                await self.app(scope, watch.receiving(receive), watch.send)
                return
        await self.app(scope, receive, send)

    def _watch(self, scope: Scope, send: Send) -> Watch | None:
        """A watch for a request that a rule is about, else None."""
        try:
            if scope["type"] != "http" or MARK in scope:
                return None
            rules = self._table.find(scope)
            if not rules:
                return None
            watch = Watch(self.desk, rules, Exchange(scope), send)
            scope[MARK] = True  # not the watch itself: that would be a cycle for the collector
        except Exception as error:  # noqa: BLE001 - an error of ours must not become the shop's
            failed(self.desk, error)
            return None
        return watch


class Watch:
    """One watched request: what passes is noted, and handed on as it is and when it comes."""

    __slots__ = ("_desk", "_exchange", "_rules", "_send", "_watching")

    def __init__(self, desk: Desk, rules: Sequence[Rule], exchange: Exchange, send: Send) -> None:
        self._desk = desk
        self._rules = rules
        self._exchange = exchange
        self._send = send
        self._watching = True

    def receiving(self, receive: Receive) -> Receive:
        """A `receive` that notes the body the app pulls."""
        request = self._exchange.request

        async def receive_noting() -> Message:
            message = await receive()
            if self._watching:
                try:
                    if message["type"] == "http.request":
                        request.feed(message)
                except Exception as error:  # noqa: BLE001 - see failed()
                    self._fail(error)
            return message

        return receive_noting

    def send(self, message: Message) -> Awaitable[None]:
        """Note one message of the response, then hand it to the server, this very object."""
        if self._watching:
            try:
                kind = message["type"]
                if kind == "http.response.body":
                    response = self._exchange.response
                    if response.feed(message):
                        self._conclude()
                    elif response.is_stream:
                        self._skip("stream")
                elif kind == "http.response.start":
                    if message["status"] >= 400:
                        self._skip("status")
                    elif self._exchange.respond(message):
                        self._conclude()
            except Exception as error:  # noqa: BLE001 - see failed()
                self._fail(error)
        return self._send(message)

    def _conclude(self) -> None:
        """What completes the answer is about to leave: the login goes into the journal before."""
        reason = ""
        for rule in self._rules:
            found = rule.judge(self._exchange)
            if not isinstance(found, str):
                self._stop()
                self._desk.note(found)
                return
            reason = reason or found
        self._skip(reason)

    def _skip(self, reason: str) -> None:
        self._stop()
        self._desk.count(f"skipped.{reason}")
        _log.debug("skipped %s: %s", self._rules[0].name, reason)

    def _fail(self, error: Exception) -> None:
        self._stop()
        failed(self._desk, error)

    def _stop(self) -> None:
        """Nothing of the bodies is held while the app goes on, in a background task perhaps."""
        self._watching = False
        self._exchange.forget()


def failed(desk: Desk, error: Exception) -> None:
    """An error of ours: counted and logged by its type alone, since its text may hold a trait."""
    desk.count("error")
    frames, frame = [], error.__traceback__
    while frame is not None:
        frames.append(f"{frame.tb_frame.f_code.co_name}:{frame.tb_lineno}")
        frame = frame.tb_next
    desk.complain("error", f"{type(error).__name__} in {' > '.join(frames)}")
