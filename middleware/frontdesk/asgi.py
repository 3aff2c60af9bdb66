"""The ASGI middleware: watches the routes that its rules name, and interferes with none.

Source: ASGI specification 3.0, HTTP & WebSocket message format 2.5.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Sequence

from frontdesk.desk import Desk, desk_of, log_problems
from frontdesk.exceptions import ConfigurationError
from frontdesk.exchange import Exchange, Scope
from frontdesk.notes import MARK, Notes
from frontdesk.routes import RouteTable
from frontdesk.rules import Rule
from frontdesk.settings import Capture, load_capture
from frontdesk.watch import Receive as Receive
from frontdesk.watch import Send as Send
from frontdesk.watch import Watch as Watch
from frontdesk.watch import failed as failed

ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]


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
        settings = given.with_arguments(rules, presets, journal, site)
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
            log_problems(error)
            return Capture(presets=())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the call on; of all that is not a rule's route, with the server's own callables."""
        # One look-up decides for nearly every request, so nothing else stands before it.
        try:
            may_be_ours = scope["path"] in self._paths or scope["root_path"]
        except KeyError:  # a lifespan has no path, and a server need not give a root path
            may_be_ours = scope.get("path") in self._paths
            if scope["type"] == "lifespan":
                await self._live(scope, receive, send)
                return
        if may_be_ours:
            watch = self._watch(scope, send)
            if watch is not None:
                try:
                    await self.app(scope, watch.receiving(receive), watch.send)
                finally:
                    if watch.is_watching:
                        watch.end()
                return
        await self.app(scope, receive, send)

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A lifespan: wrong settings fail it, and at its end the last counts are told.

        Servers end by a signal after it, so that nothing of ours would run later.
        """
        if self._problem is not None:
            await receive()
            await send({"type": "lifespan.startup.failed", "message": str(self._problem)})
            return
        try:
            await self.app(scope, receive, send)
        finally:
            self.desk.tell()

    def _watch(self, scope: Scope, send: Send) -> Watch | None:
        """A watch for a request that a rule is about, else None."""
        try:
            if scope["type"] != "http" or MARK in scope:
                return None
            group = self._table.find(scope)
            if group is None:
                return None
            watch = Watch(self.desk, group, Exchange(scope), send)
            scope[MARK] = Notes()  # not the watch itself: that would be a cycle for the collector
        except Exception as error:  # noqa: BLE001 - an error of ours must not become the shop's
            failed(self.desk, error)
            return None
        return watch
