"""The sidecar's own HTTP: `/livez`, `/readyz`, `/metrics`.

`livez`: the process turns. `readyz`: it takes what the journal holds. Trouble with SAP makes
neither fail: to restart or to route around the sidecar would mend nothing.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

Probe = Callable[[], Awaitable[str | None]]
Exposition = Callable[[], Awaitable[bytes | None]]

_PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"


def create_app(
    *,
    live: Callable[[], str | None] = lambda: None,
    ready: Probe,
    metrics: Exposition,
    controls: Any = None,
    key: str | None = None,
    trusted: bool = False,
) -> Starlette:
    """The app. `live` and `ready` give None or why not.

    `key`, if any, is the bearer key for all but health; `trusted`: whoever gets through to this app
    needs none.
    """

    async def livez(request: Request) -> Response:
        reason = live()
        return PlainTextResponse(
            "ok\n" if reason is None else f"{reason}\n", 503 if reason else 200
        )

    async def readyz(request: Request) -> Response:
        reason = await ready()
        return PlainTextResponse(
            "ok\n" if reason is None else f"{reason}\n", 503 if reason else 200
        )

    async def exposition(request: Request) -> Response:
        if not _is_allowed(request, key):
            return PlainTextResponse(
                "a bearer key is needed\n", 401, {"www-authenticate": "Bearer"}
            )
        body = await metrics()
        if body is None:
            return PlainTextResponse("the store cannot be asked\n", 503)
        return Response(body, media_type=_PROMETHEUS)

    return Starlette(
        routes=[
            Route("/livez", livez),
            Route("/readyz", readyz),
            Route("/metrics", exposition),
        ]
    )


def _is_allowed(request: Request, key: str | None) -> bool:
    if key is None:
        return True
    given = request.headers.get("authorization", "").removeprefix("Bearer ")
    return hmac.compare_digest(given.encode(), key.encode())
