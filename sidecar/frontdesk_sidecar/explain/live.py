"""Exchanges with a live app: one that is imported and served here, or one that runs elsewhere."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Iterable

import anyio
import httpx
import uvicorn

from frontdesk.asgi import ASGIApp, Receive, Send
from frontdesk.exchange import Exchange, Message, Scope
from frontdesk.explain import Explanation, explain
from frontdesk.notes import MARK, Notes
from frontdesk.routes import RouteTable
from frontdesk_sidecar.explain.recordings import Recorded

_TIMEOUT_S = 30.0
#: What the client of this machine sets itself.
_OWN_HEADERS = frozenset((b"host", b"content-length", b"connection", b"accept-encoding"))


class Explaining:
    """ASGI middleware that explains each exchange and writes nothing anywhere."""

    def __init__(
        self, app: ASGIApp, table: RouteTable, on_explained: Callable[[Explanation], None]
    ) -> None:
        self._app = app
        self._table = table
        self._on_explained = on_explained

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on; explain what was answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = Exchange(scope)
        scope[MARK] = Notes()

        async def receive_noting() -> Message:
            message = await receive()
            if message["type"] == "http.request":
                exchange.request.feed(message)
            return message

        async def send_noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                exchange.respond(message)
            elif message["type"] == "http.response.body":
                exchange.response.feed(message)
            await send(message)

        await self._app(scope, receive_noting, send_noting)
        if _is_worth_telling(self._table, exchange):
            self._on_explained(explain(self._table, exchange))


def _is_worth_telling(table: RouteTable, exchange: Exchange) -> bool:
    """Pages and pictures are no logins; whatever was posted may have been meant as one."""
    return exchange.scope["method"] in ("POST", "PUT", "PATCH") or bool(table.find(exchange.scope))


@contextlib.asynccontextmanager
async def serving(app: ASGIApp, port: int) -> AsyncIterator[str]:
    """Serve an app on loopback; gives its address."""
    listener = socket.create_server(("127.0.0.1", port))
    config = uvicorn.Config(app, log_level="warning", access_log=False)
    server = uvicorn.Server(config)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(server.serve, [listener])
        try:
            with anyio.fail_after(_TIMEOUT_S):
                while not server.started:  # noqa: ASYNC110 - a flag is all it has
                    await anyio.sleep(0.01)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True


async def ask(base: str, recorded: Iterable[Recorded]) -> list[Recorded]:
    """Send each request, as one shopper with one jar of cookies; with the answers."""
    async with httpx.AsyncClient(base_url=base, timeout=_TIMEOUT_S, trust_env=False) as client:
        return [await _asked(client, one) for one in recorded]


async def _asked(client: httpx.AsyncClient, one: Recorded) -> Recorded:
    headers = [pair for pair in one.request_headers if pair[0] not in _OWN_HEADERS]
    answer = await client.request(one.method, one.target, headers=headers, content=one.request_body)
    return Recorded(
        one.method,
        one.target,
        one.request_headers,
        one.request_body,
        answer.status_code,
        tuple((k.lower(), v) for k, v in answer.headers.raw if k.lower() != b"content-encoding"),
        answer.content,
    )
