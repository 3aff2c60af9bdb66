"""What is measured around an app: ours, its peers, and wrappers that do nothing.

Each is set up as its documentation says, and exports to nothing where it can; what that spares it
is said beside the tables.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.scenes import OnLogin
from frontdesk import CaptureMiddleware
from frontdesk.asgi import ASGIApp, Receive, Send
from frontdesk.disk import is_memory_backed
from frontdesk.exchange import Scope

MEMORY: Final = "/dev/shm"  # noqa: S108 - a private directory is made in it


def nothing() -> None:
    """Nothing to do."""


@dataclass
class Wrapped:
    """An app in a wrapper; `settle` ends what it still has to do, outside the clock."""

    app: ASGIApp
    settle: Callable[[], None] = nothing
    close: Callable[[], None] = nothing
    #: how many logins were delivered, where that can be told
    delivered: Callable[[], int | None] = lambda: None


#: Builds the app around what is called at a login.
MakeApp = Callable[[OnLogin | None], ASGIApp]


def bare(make: MakeApp, stub: str) -> Wrapped:
    """The app itself: what the others are compared with."""
    return Wrapped(make(None))


def noop(make: MakeApp, stub: str) -> Wrapped:
    """An `async def` that hands on: the least an ASGI middleware can be."""
    app = make(None)

    async def wrapper(scope: Scope, receive: Receive, send: Send) -> None:
        await app(scope, receive, send)

    return Wrapped(wrapper)


class _Nothing:
    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


def noop_class(make: MakeApp, stub: str) -> Wrapped:
    """The same as an object with `async def __call__`, as middleware is usually written."""
    return Wrapped(_Nothing(make(None)))


def ours(make: MakeApp, stub: str) -> Wrapped:
    """frontdesk with a journal in memory, as it is deployed."""
    return _ours(make, MEMORY)


def ours_on_disk(make: MakeApp, stub: str) -> Wrapped:
    """frontdesk with a journal on a disk, where a thread of its own writes."""
    return _ours(make, tempfile.gettempdir())


def _ours(make: MakeApp, place: str) -> Wrapped:
    directory = Path(tempfile.mkdtemp(prefix="frontdesk-bench-", dir=place))
    if is_memory_backed(str(directory)) != (place == MEMORY):
        raise RuntimeError(f"{place} is not the kind of file system that this row is about")
    middleware = CaptureMiddleware(make(None), journal=directory)
    lines = 0

    def settle() -> None:
        nonlocal lines
        if place != MEMORY:
            middleware.desk.journal.close()  # waits for the thread
        lines += clear(directory)

    def close() -> None:
        middleware.desk.journal.close()
        shutil.rmtree(directory)

    return Wrapped(middleware, settle, close, lambda: lines)


def clear(directory: Path) -> int:
    """Do what a reader would have done: count the lines, and remove the segments."""
    lines = 0
    for segment in directory.glob("*.ndjson"):
        lines += segment.read_bytes().count(b"\n")
        segment.unlink()
    return lines


def base_http(make: MakeApp, stub: str) -> Wrapped:
    """Starlette's BaseHTTPMiddleware with a dispatch that hands on."""
    from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
    from starlette.requests import Request
    from starlette.responses import Response

    async def dispatch(request: Request, call_next: RequestResponseEndpoint) -> Response:
        return await call_next(request)

    return Wrapped(BaseHTTPMiddleware(make(None), dispatch=dispatch))


def otel(make: MakeApp, stub: str) -> Wrapped:
    """OpenTelemetry's ASGI middleware; every span is recorded, none is exported."""
    from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
    from opentelemetry.sdk.trace import TracerProvider

    return Wrapped(OpenTelemetryMiddleware(make(None), tracer_provider=TracerProvider()))


def sentry(make: MakeApp, stub: str) -> Wrapped:
    """Sentry's ASGI middleware without tracing: errors alone."""
    return _sentry(make, None)


def sentry_traces(make: MakeApp, stub: str) -> Wrapped:
    """Sentry's ASGI middleware, every request traced."""
    return _sentry(make, 1.0)


def _sentry(make: MakeApp, rate: float | None) -> Wrapped:
    import sentry_sdk
    from sentry_sdk.integrations.asgi import SentryAsgiMiddleware
    from sentry_sdk.transport import Transport

    class Nowhere(Transport):  # type: ignore[misc] # the SDK carries partial types
        def capture_envelope(self, envelope: Any) -> None:
            """Drop it."""

    sentry_sdk.init(
        dsn="http://key@127.0.0.1:9/1",
        transport=Nowhere,
        traces_sample_rate=rate,
        default_integrations=False,
        auto_enabling_integrations=False,
    )
    return Wrapped(SentryAsgiMiddleware(make(None)))


def segment(make: MakeApp, stub: str) -> Wrapped:
    """Segment's client: `identify` in the endpoint, its thread posts batches to the stub."""
    from segment.analytics.client import Client

    logging.getLogger("segment").setLevel(logging.CRITICAL)
    errors: list[Exception] = []
    client = Client(
        "key", host=stub.rstrip("/"), on_error=lambda error, batch: errors.append(error)
    )
    taken = 0

    def identify(user: Mapping[str, Any]) -> None:
        nonlocal taken
        traits = {name: user[name] for name in ("email", "firstName", "lastName")}
        if client.identify(user["id"], traits)[0]:
            taken += 1

    def settle() -> None:
        client.flush()
        if errors:
            raise RuntimeError(f"Segment's client could not post: {errors[0]}")

    return Wrapped(make(identify), settle, client.join, lambda: taken)


def naive_httpx(make: MakeApp, stub: str) -> Wrapped:
    """The naive way: one shared httpx client, the post awaited in the endpoint."""
    import httpx

    client = httpx.AsyncClient()

    async def post(user: Mapping[str, Any]) -> None:
        response = await client.post(stub, json=dict(user))
        response.raise_for_status()

    def identify(user: Mapping[str, Any]) -> Awaitable[None]:
        return post(user)

    return Wrapped(make(identify))


@dataclass(frozen=True)
class Kind:
    """A wrapper, the row it makes, and where it belongs."""

    title: str
    make: Callable[[MakeApp, str], Wrapped]
    login_only: bool = False


WRAPPERS: Final[Mapping[str, Kind]] = {
    "bare": Kind("bare (the method's own error)", bare),
    "noop": Kind("no-op `async def`", noop),
    "noop-class": Kind("no-op object, `async def __call__`", noop_class),
    "ours": Kind("**frontdesk**", ours),
    "ours-disk": Kind("frontdesk, journal on disk", ours_on_disk, login_only=True),
    "base-http": Kind("Starlette BaseHTTPMiddleware", base_http),
    "otel": Kind("OpenTelemetry ASGI", otel),
    "sentry": Kind("Sentry ASGI, errors only", sentry),
    "sentry-traces": Kind("Sentry ASGI, all requests traced", sentry_traces),
    "segment": Kind("Segment `identify()`", segment, login_only=True),
    "httpx": Kind("httpx post, awaited", naive_httpx, login_only=True),
}
