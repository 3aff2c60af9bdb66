"""The exporter of spans: OTLP over HTTP, by OpenTelemetry's SDK. The only module that knows it.

The SDK's own settings hold: `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`,
`OTEL_TRACES_SAMPLER`, `OTEL_BSP_*`, `OTEL_EXPORTER_OTLP_HEADERS`, `…_CERTIFICATE` and so on.
Names of attributes: https://opentelemetry.io/docs/specs/semconv/http/http-spans/; what has no name
there begins with `frontdesk.`.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import (
    NonRecordingSpan,
    NoOpTracer,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)
from opentelemetry.trace import Span as OpenTelemetrySpan

from frontdesk import __version__
from frontdesk_sidecar.tracing import PASSING, Ending, Span

NAME: Final = "upsert customer"
_PATH: Final = "v1/traces"
#: At the end so long is waited for what was not exported yet.
_CLOSE_S: Final = 2.0
#: An answer of a collector holds a few counts at most; more of it is not read.
MOST_ANSWER_BYTES: Final = 64 * 1024


class Exporting:
    """The tracer with an exporter; `urls` gives the addresses that targets are sent to, by name.

    A request without a trace gets one of its own. A trace that is not sampled is handed on and not
    exported. Spans are sent by a thread of their own and dropped when the collector does not keep
    up: a delivery never waits for it.
    """

    def __init__(self, endpoint: str, urls: Callable[[], Mapping[str, str]]) -> None:
        own = Resource({"service.name": "frontdesk", "service.version": __version__})
        self._provider = TracerProvider(
            resource=own.merge(OTELResourceDetector().detect()), shutdown_on_exit=False
        )
        exporter = OTLPSpanExporter(f"{endpoint.rstrip('/')}/{_PATH}", session=_session())
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("frontdesk", __version__)
        self._is_off = isinstance(self._tracer, NoOpTracer)  # OTEL_SDK_DISABLED
        self._urls = urls

    def begin(self, parent: str | None, target: str) -> Span:
        """See `Tracer`."""
        if self._is_off:  # its spans have the id of their parent, or none
            return PASSING.begin(parent, target)
        context = Context() if parent is None else _remote(parent)
        attributes = _attributes(target, self._urls().get(target, ""))
        return _Exported(
            self._tracer.start_span(NAME, context, kind=SpanKind.CLIENT, attributes=attributes)
        )

    def close(self) -> None:
        """Send what is left, for two seconds at most."""
        ending = threading.Thread(target=self._provider.shutdown, daemon=True)
        ending.start()
        ending.join(_CLOSE_S)


class _Exported:
    """A span of the SDK's."""

    __slots__ = ("_span", "traceparent")

    def __init__(self, span: OpenTelemetrySpan) -> None:
        self._span = span
        of = span.get_span_context()
        self.traceparent: str | None = (
            f"00-{of.trace_id:032x}-{of.span_id:016x}-{int(of.trace_flags) & 3:02x}"
        )

    def end(self, ending: Ending) -> None:
        """See `Span`."""
        span = self._span
        if span.is_recording():
            span.set_attribute("frontdesk.outcome", ending.outcome)
            span.set_attribute("frontdesk.code", ending.code)
            span.set_attribute("frontdesk.message_id", ending.message_id)
            if ending.status is not None:
                span.set_attribute("http.response.status_code", ending.status)
            if not ending.is_fine:
                span.set_attribute("error.type", ending.code)
                span.set_status(Status(StatusCode.ERROR, ending.code))
        span.end()


def _session() -> requests.Session:
    """Else an answer would be read into memory whole, and one may have no end."""
    session = requests.Session()
    session.hooks["response"] = [_cut]
    return session


def _cut(response: requests.Response, *args: Any, **options: Any) -> None:
    beginning = response.raw.read(MOST_ANSWER_BYTES)
    response.close()
    response.raw = io.BytesIO(beginning)


def _remote(parent: str) -> Context:
    """The caller's span, from a `traceparent` of version 00."""
    _, trace_id, span_id, flags = parent.split("-")
    of = SpanContext(
        int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16))
    )
    return set_span_in_context(NonRecordingSpan(of), Context())


@lru_cache(maxsize=64)
def _attributes(target: str, url: str) -> dict[str, str | int]:
    where = urlsplit(url)
    port = where.port or (443 if where.scheme == "https" else 80)
    return {
        "frontdesk.target": target,
        "http.request.method": "POST",
        "server.address": where.hostname or "",
        "server.port": port,
    }
