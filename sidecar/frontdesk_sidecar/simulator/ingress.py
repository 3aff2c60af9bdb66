"""The way of one HTTP request: body, faults, token check, service, log, answer.

Plain ASGI, because every request of a load test passes here.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote_plus

import anyio
import orjson
from starlette.requests import ClientDisconnect

from frontdesk_sidecar.simulator.call import ServiceRequest
from frontdesk_sidecar.simulator.faults import Effects, FaultBoard, Target
from frontdesk_sidecar.simulator.keys import KeyFormatError
from frontdesk_sidecar.simulator.media import Answer, page
from frontdesk_sidecar.simulator.paths import parse_path
from frontdesk_sidecar.simulator.service import IntegrationService
from frontdesk_sidecar.simulator.state import LOGGED_BODY_BYTES, LoggedRequest, RequestLog
from frontdesk_sidecar.simulator.tokens import TokenOffice, TokenRequest
from frontdesk_sidecar.simulator.wire import cut_connection, read_body, send_answer

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from frontdesk_sidecar.simulator.config import SimulatorConfig
    from frontdesk_sidecar.simulator.faults import Fault

ROOT: Final = "/odata2webservices"
_UNAUTHORIZED = page(
    401, "HTTP Status 401 - Unauthorized", (("WWW-Authenticate", 'Bearer realm="hybris"'),)
)
_INVALID_TOKEN = page(
    401,
    "HTTP Status 401 - Unauthorized",
    (("WWW-Authenticate", 'Bearer realm="hybris", error="invalid_token"'),),
)
_TOO_LARGE = page(413, "413 Request Entity Too Large")
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class _Exchange:
    """One request with its body, and where it goes."""

    target: Target
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    scheme: str


class Simulator:
    """The whole simulated system: tokens, service, faults, log."""

    def __init__(self, config: SimulatorConfig) -> None:
        self.config = config
        self.tokens = TokenOffice(config)
        self.service = IntegrationService(config)
        self.faults = FaultBoard()
        self.log = RequestLog(config.request_log_size)
        self._waits: set[anyio.CancelScope] = set()
        self._closing = False

    def close(self) -> None:
        """Ends the waits of latency faults: their requests are answered now."""
        self._closing = True
        for wait in self._waits:
            wait.cancel()

    async def serve_token(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The token endpoint as an ASGI app."""
        await self._serve("token", scope, receive, send)

    async def serve_odata(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Everything below `/odata2webservices` as an ASGI app."""
        await self._serve("odata", scope, receive, send)

    async def _serve(self, target: Target, scope: Scope, receive: Receive, send: Send) -> None:
        began, started = self.config.clock(), time.perf_counter()
        try:
            body = await read_body(receive, self.config.max_body_bytes)
        except ClientDisconnect:
            return
        exchange = _exchange(target, scope, body or b"")
        effects = self.faults.consult(target, lambda: _uid_of(exchange), began)
        status = None
        fault = effects.before or effects.after
        try:
            answer = _TOO_LARGE if body is None else await self._answer(exchange, effects)
            if answer is None:
                await cut_connection(scope, receive, send)
                return
            status = answer.status
            await send_answer(send, answer)
        finally:
            duration = (time.perf_counter() - started) * 1000
            kind = None if fault is None else fault.kind
            self.log.append(_logged(exchange, began, duration, status, kind))

    async def _answer(self, exchange: _Exchange, effects: Effects) -> Answer | None:
        """The answer; None for a cut connection."""
        await self._wait(effects.wait_before)
        if effects.before is not None:
            return _struck(effects.before)
        answer = self._handle(exchange)
        await self._wait(effects.wait_after)
        return answer if effects.after is None else _struck(effects.after)

    async def _wait(self, seconds: float) -> None:
        if not seconds or self._closing:
            return
        with anyio.CancelScope() as scope:
            self._waits.add(scope)
            try:
                await self.config.sleep(seconds)
            finally:
                self._waits.discard(scope)

    def _handle(self, exchange: _Exchange) -> Answer:
        method, query, headers = exchange.method, exchange.query, exchange.headers
        if exchange.target == "token":
            return self.tokens.answer(TokenRequest(method, query, headers, exchange.body))
        authorization = headers.get("authorization", "")
        if not self.tokens.is_good(authorization):
            is_bearer = authorization[:7].lower() == "bearer "
            return _INVALID_TOKEN if is_bearer else _UNAUTHORIZED
        base = _base(exchange.scheme, headers.get("host", "localhost"))
        path = exchange.path.removeprefix(ROOT).lstrip("/")
        return self.service.handle(
            ServiceRequest(method, path, query, headers, exchange.body, base)
        )


def _exchange(target: Target, scope: Scope, body: bytes) -> _Exchange:
    raw_path: bytes = scope.get("raw_path") or scope["path"].encode()
    return _Exchange(
        target,
        scope["method"],
        raw_path.decode("latin-1"),
        scope["query_string"].decode("latin-1"),
        {name.decode("latin-1"): one.decode("latin-1") for name, one in scope["headers"]},
        body,
        scope["scheme"],
    )


def _struck(fault: Fault) -> Answer | None:
    return None if fault.kind == "drop" else fault.answer()


@lru_cache(maxsize=64)
def _base(scheme: str, host: str) -> str:
    """The address of the service in links: always with a port, like the real ones."""
    has_port = host.rpartition(":")[2].isdigit() and not host.endswith("]")
    return f"{scheme}://{host}{'' if has_port else f':{_DEFAULT_PORTS[scheme]}'}{ROOT}"


def _uid_of(exchange: _Exchange) -> str | None:
    """The uid an OData request is about, as far as it can be told without the service."""
    if exchange.target == "token":
        return None
    if exchange.method == "POST":
        return _uid_in(exchange.body)
    try:
        predicate = parse_path(exchange.path.removeprefix(ROOT).lstrip("/")).predicate
    except KeyFormatError:
        return None
    return None if predicate is None else unquote_plus(predicate[1:-1])


def _uid_in(body: bytes) -> str | None:
    try:
        entry = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if isinstance(entry, dict):
        entry = entry.get("d", entry)
    uid = entry.get("uid") if isinstance(entry, dict) else None
    return uid if isinstance(uid, str) else None


def _logged(
    exchange: _Exchange, began: float, duration: float, status: int | None, fault: str | None
) -> LoggedRequest:
    is_odata = exchange.target == "odata"
    keeps_body = is_odata and exchange.method == "POST" and len(exchange.body) <= LOGGED_BODY_BYTES
    # Credentials may stand in a query (classic stack), so only OData's own options are kept.
    options = [part for part in exchange.query.split("&") if part.startswith(("$", "%24"))]
    return LoggedRequest(
        int(began * 1000),
        round(duration, 3),
        exchange.method,
        exchange.path,
        "&".join(options) if is_odata else "",
        status,
        fault,
        exchange.headers.get("integrationmessageid"),
        exchange.headers.get("sap-passport"),
        exchange.body if keeps_body else b"",
    )
