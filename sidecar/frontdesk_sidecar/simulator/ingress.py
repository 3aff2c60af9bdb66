"""The way of one HTTP request: body, faults, token check, service, log, answer.

Plain ASGI, because every request of a load test passes here.
"""

from __future__ import annotations

import time
from array import array
from copy import copy
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import anyio
from starlette.requests import ClientDisconnect

from frontdesk_sidecar.simulator.batch import Batch, BatchProcessor, is_batch
from frontdesk_sidecar.simulator.call import ServiceRequest
from frontdesk_sidecar.simulator.fault_answers import answer_of
from frontdesk_sidecar.simulator.faults import Effects, FaultBoard, Target
from frontdesk_sidecar.simulator.gate import Gate
from frontdesk_sidecar.simulator.media import Answer, page
from frontdesk_sidecar.simulator.monitoring import Monitor
from frontdesk_sidecar.simulator.requests import LOGGED_BODY_BYTES, LoggedRequest, RequestLog
from frontdesk_sidecar.simulator.service import IntegrationService
from frontdesk_sidecar.simulator.subject import uid_of
from frontdesk_sidecar.simulator.tokens import TokenOffice, TokenRequest
from frontdesk_sidecar.simulator.webhooks import Webhook
from frontdesk_sidecar.simulator.wire import cut_connection, read_body, send_answer

if TYPE_CHECKING:
    from collections.abc import Collection

    from starlette.types import Receive, Scope, Send

    from frontdesk_sidecar.simulator.config import SimulatorConfig
    from frontdesk_sidecar.simulator.fault_answers import answer_of
from frontdesk_sidecar.simulator.faults import Fault

ROOT: Final = "/odata2webservices"
_TOO_LARGE = page(413, "413 Request Entity Too Large")
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class _Exchange:
    """One request with its body, and where it goes.

    `service` is the request as the OData service sees it, None for the token endpoint; `batch`
    is set for a `$batch`.
    """

    target: Target
    began: float
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    service: ServiceRequest | None
    batch: Batch | None


class Simulator:
    """The whole simulated system: tokens, service, faults, log."""

    def __init__(self, config: SimulatorConfig) -> None:
        # Switches can be thrown while it runs, and not those of another simulator.
        self.initial_switches = config.switches
        self.config = config = replace(config, switches=copy(config.switches))
        self.tokens = TokenOffice(config)
        self.webhook = None if config.webhook is None else Webhook(config.webhook)
        self.service = IntegrationService(config, self.webhook)
        self._monitor = Monitor(config, self.service)
        self._gate = Gate(config, self.tokens, self.service.find)
        self.faults = FaultBoard()
        self._batches = BatchProcessor(config, self.service, self.faults, self._monitor)
        self.log = RequestLog(config.request_log_size)
        self._waits: set[anyio.CancelScope] = set()
        self._closing = False

    def close(self) -> None:
        """Ends the waits of latency faults: their requests are answered now."""
        self._closing = True
        for wait in self._waits:
            wait.cancel()
        if self.webhook is not None:
            self.webhook.close()

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
        exchange = _exchange(target, scope, body or b"", began, self.config)
        effects = self.faults.consult(
            target,
            lambda: _uids_of(exchange),
            began,
            scope="single" if exchange.batch is None else "batch",
        )
        status = None
        try:
            answer = _TOO_LARGE if body is None else await self._answer(exchange, effects)
            if answer is None:
                await cut_connection(scope, receive, send)
                return
            status = answer.status
            await send_answer(send, answer, began + effects.shift)
        finally:
            duration = (time.perf_counter() - started) * 1000
            self.log.append(_logged(exchange, duration, status, effects))

    async def _answer(self, exchange: _Exchange, effects: Effects) -> Answer | None:
        """The answer; None for a cut connection."""
        await self._wait(effects.wait_before)
        if effects.before is not None:
            return self._struck(effects.before, exchange)
        answer = self._handle(exchange)
        await self._wait(effects.wait_after)
        return answer if effects.after is None else self._struck(effects.after, exchange)

    def _struck(self, fault: Fault, exchange: _Exchange) -> Answer | None:
        if fault.kind == "drop":
            return None
        return answer_of(fault, self.config, _uids_of(exchange))

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
        if exchange.service is None:
            request = TokenRequest(exchange.method, exchange.query, exchange.headers, exchange.body)
            return self.tokens.answer(request)
        user = self._gate.admit(exchange.service)
        if isinstance(user, Answer):
            return user
        exchange.service.user = user
        if exchange.batch is not None:
            return self._batches.answer(exchange.batch, exchange.began)
        answer = self.service.handle(exchange.service)
        self._monitor.note(exchange.service, answer, exchange.service.body, exchange.service)
        return answer


def _exchange(
    target: Target, scope: Scope, body: bytes, began: float, config: SimulatorConfig
) -> _Exchange:
    raw_path: bytes = scope.get("raw_path") or scope["path"].encode()
    method, path = scope["method"], raw_path.decode("latin-1")
    query = scope["query_string"].decode("latin-1")
    headers = {name.decode("latin-1"): one.decode("latin-1") for name, one in scope["headers"]}
    service = batch = None
    if target == "odata":
        host, ports = headers.get("host", "localhost"), config.switches.explicitPort
        base = _base(scope["scheme"], host, ports)
        below = path.removeprefix(ROOT).lstrip("/")
        service = ServiceRequest(method, below, query, headers, body, base)
        batch = Batch(service) if config.batch_enabled and is_batch(below) else None
    return _Exchange(target, began, method, path, query, headers, body, service, batch)


@lru_cache(maxsize=64)
def _base(scheme: str, host: str, explicit_port: bool) -> str:
    """The address of the service in links: like the real ones with a port, unless switched off."""
    has_port = host.rpartition(":")[2].isdigit() and not host.endswith("]")
    port = "" if has_port or not explicit_port else f":{_DEFAULT_PORTS[scheme]}"
    return f"{scheme}://{host}{port}{ROOT}"


def _uids_of(exchange: _Exchange) -> Collection[str]:
    if exchange.batch is not None:
        return exchange.batch.uids()
    request = exchange.service
    uid = None if request is None else uid_of(request.method, request.path, request.body)
    return () if uid is None else (uid,)


def _logged(
    exchange: _Exchange, duration: float, status: int | None, effects: Effects
) -> LoggedRequest:
    batch = exchange.batch
    struck = effects.before or effects.after
    fault = None if batch is None else batch.fault
    if struck is not None:
        fault = struck.kind
    is_odata = exchange.target == "odata"
    is_entry = is_odata and exchange.method == "POST" and batch is None
    # Credentials may stand in a query (classic stack), so only OData's own options are kept.
    options = [part for part in exchange.query.split("&") if part.startswith(("$", "%24"))]
    return LoggedRequest(
        int(exchange.began * 1000),
        round(duration, 3),
        exchange.method,
        exchange.path,
        "&".join(options) if is_odata else "",
        status,
        fault,
        exchange.headers.get("integrationmessageid"),
        exchange.headers.get("sap-passport"),
        exchange.body if is_entry and len(exchange.body) <= LOGGED_BODY_BYTES else b"",
        None if batch is None else batch.count(),
        None if batch is None else array("H", batch.statuses),
        exchange.headers.get("traceparent"),
    )
