"""The sidecar's own HTTP: `/livez`, `/readyz`, `/metrics`, `/status`, `/admin/*`, `/v1/*`, `/`.

`livez`: the process turns. `readyz`: it takes what the journal holds. Trouble with SAP makes
neither fail: to restart or to route around the sidecar would mend nothing.
"""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import orjson
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from frontdesk_sidecar.admin import http as admin
from frontdesk_sidecar.admin.controls import Controls
from frontdesk_sidecar.dashboard import files
from frontdesk_sidecar.dashboard.desk import Dashboard
from frontdesk_sidecar.sap.destination import is_loopback

Probe = Callable[[], Awaitable[str | None]]
#: takes what `Accept` says; gives the metrics and their media type, or None
Exposition = Callable[[str], Awaitable[tuple[bytes, str] | None]]


def create_app(
    *,
    live: Callable[[], str | None] = lambda: None,
    ready: Probe,
    metrics: Exposition,
    controls: Controls | None = None,
    dashboard: Dashboard | None = None,
    door: ASGIApp | None = None,
    key: str | None = None,
    trusted: bool = False,
) -> Starlette:
    """The app. `live` and `ready` give None or why not.

    `key`, if any, is the bearer key for all but health; `trusted`: whoever gets through to this app
    needs none. Without a key, `/admin` is for trusted ones only. Without `controls` there is
    neither `/status` nor `/admin`; `door` takes what comes to `/v1`, and has keys of its own.
    """

    async def livez(request: Request) -> Response:
        return _health(live())

    async def readyz(request: Request) -> Response:
        return _health(await ready())

    async def exposition(request: Request) -> Response:
        refusal = None if trusted else _refusal_to_tell(request, key)
        if refusal is not None:
            status, why = refusal
            headers = {"www-authenticate": "Bearer"} if status == 401 else None
            return PlainTextResponse(f"{why['error']}\n", status, headers)
        shown = await metrics(request.headers.get("accept", ""))
        if shown is None:
            return PlainTextResponse("the store cannot be asked\n", 503)
        body, media_type = shown
        return Response(body, headers={"content-type": media_type, "vary": "accept"})

    routes: list[BaseRoute] = [
        Route("/livez", livez),
        Route("/readyz", readyz),
        Route("/metrics", exposition),
    ]
    if controls is not None:
        routes += _admin_routes(controls, key, trusted=trusted)
    if dashboard is not None:
        routes += _dashboard_routes(dashboard, key, trusted=trusted)
    if door is not None:
        routes.append(Mount("/v1", door))
    app = Starlette(routes=routes)
    app.router.redirect_slashes = False  # it would repeat whatever Host was asked for
    return app


def _admin_routes(controls: Controls, key: str | None, *, trusted: bool) -> list[Route]:
    async def status(request: Request) -> Response:
        refusal = None if trusted else _refusal_to_tell(request, key)
        return _json(*(refusal or await admin.status(controls)))

    async def perform(request: Request) -> Response:
        refusal = None if trusted else _refusal_to_act(request, key)
        if refusal is None and not _is_json(request):
            # What a page in a browser can send elsewhere without asking first has other types.
            refusal = (415, {"error": "expected the Content-Type application/json"})
        if refusal is not None:
            return _json(*refusal)
        body = await _read(request, admin.MAX_BODY)
        if body is None:
            return _json(413, {"error": f"expected a body of up to {admin.MAX_BODY} bytes"})
        return _json(*await admin.answer(controls, request.path_params["operation"], body))

    return [
        Route("/status", status),
        Route("/admin/{operation}", perform, methods=["POST"]),
    ]


def _dashboard_routes(dashboard: Dashboard, key: str | None, *, trusted: bool) -> list[Route]:
    """The page holds nothing of anybody and is for all; what it shows is told as `/status` is."""

    async def page(request: Request) -> Response:
        name = request.path_params.get("name")
        found = files.page() if name is None else files.file(name)
        if found is None:
            return PlainTextResponse("there is no such file\n", 404)
        if request.headers.get("if-none-match") == found.headers["etag"]:
            return Response(status_code=304, headers=found.headers)
        return Response(found.body, headers=found.headers)

    async def events(request: Request) -> Response:
        refusal = None if trusted else _refusal_to_tell(request, key)
        if refusal is None and request.headers.get("sec-fetch-site") in ("cross-site", "same-site"):
            refusal = (403, {"error": "another site's page does not look"})
        if refusal is not None:
            return _json(*refusal)
        headers = {**files.HEADERS, "cache-control": "no-store", "x-accel-buffering": "no"}
        if request.method == "HEAD":
            return Response(headers=headers, media_type="text/event-stream")
        told = dashboard.stream(may_act=trusted or key is not None)
        return _Seated(dashboard, told, headers=headers, media_type="text/event-stream")

    return [
        Route("/", page),
        Route("/dashboard/events", events),
        Route("/dashboard/{name}", page),
    ]


class _Seated(StreamingResponse):
    """A stream for as many as may look; whoever comes beyond that is told so instead.

    The seat is taken here, where nothing comes between asking for it and having it.
    """

    def __init__(self, dashboard: Dashboard, told: AsyncIterator[bytes], **options: Any) -> None:
        super().__init__(told, **options)
        self._dashboard = dashboard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._dashboard.seat() as is_free:
            if is_free:
                await super().__call__(scope, receive, send)
                return
        await _json(503, {"error": "too many look at the same time"})(scope, receive, send)


def _health(reason: str | None) -> Response:
    return PlainTextResponse("ok\n" if reason is None else f"{reason}\n", 503 if reason else 200)


def _is_allowed(request: Request, key: str | None) -> bool:
    if key is None:
        return True
    given = request.headers.get("authorization", "").removeprefix("Bearer ")
    return hmac.compare_digest(given.encode(), key.encode())


def _refusal_to_tell(request: Request, key: str | None) -> tuple[int, dict[str, Any]] | None:
    """Why status and metrics are not told: nothing personal, but names, paths and versions."""
    if not _is_allowed(request, key):
        return 401, {"error": "a bearer key is needed"}
    if key is None and not _is_for_loopback(request):
        # A page in a browser gets here by a name of its own that resolves to this machine
        # (DNS rebinding), and could then read the answer.
        return 403, {"error": "the Host is not this machine's; with http.key it may be any"}
    return None


def _refusal_to_act(request: Request, key: str | None) -> tuple[int, dict[str, Any]] | None:
    if key is None:
        return 403, {"error": "over TCP only with http.key, which is not set; use the Unix socket"}
    if not _is_allowed(request, key):
        return 401, {"error": "a bearer key is needed"}
    return None


def _is_for_loopback(request: Request) -> bool:
    try:
        host = urlsplit(f"//{request.headers.get('host', '')}").hostname
    except ValueError:
        return False
    return host is not None and is_loopback(host)


def _is_json(request: Request) -> bool:
    media_type = request.headers.get("content-type", "").partition(";")[0]
    return media_type.strip().lower() == "application/json"


async def _read(request: Request, limit: int) -> bytes | None:
    """The body; None when it is longer than the limit."""
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > limit:
                return None
    except ClientDisconnect:
        return b""  # nobody is there to read what is the matter
    return bytes(body)


def _json(status: int, document: Mapping[str, Any]) -> Response:
    headers = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
    if status == 401:
        headers["www-authenticate"] = "Bearer"
    return Response(orjson.dumps(document), status, headers, media_type="application/json")
