"""The Starlette app: SAP's own paths, and `/_sim/*` to look inside and to set faults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.routing import Mount, Route

from frontdesk_sidecar.simulator.config import SimulatorConfig
from frontdesk_sidecar.simulator.control import Control
from frontdesk_sidecar.simulator.ingress import ROOT, Simulator

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Receive, Scope, Send

TOKEN_PATH = "/authorizationserver/oauth/token"  # noqa: S105 - an address, not a token


class _Endpoint:
    """An ASGI app as Starlette's routes want it: an object, so that any method is let through."""

    def __init__(self, app: Callable[..., Any]) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)


def create_app(config: SimulatorConfig | None = None) -> Starlette:
    """A simulator of its own; its state is `app.state.simulator`, a `Simulator`."""
    simulator = Simulator(config or SimulatorConfig())
    app = Starlette(
        routes=[
            Route(TOKEN_PATH, _Endpoint(simulator.serve_token)),
            Mount(ROOT, _Endpoint(simulator.serve_odata)),
            *Control(simulator).routes(),
        ]
    )
    app.router.redirect_slashes = False
    app.state.simulator = simulator
    return app
