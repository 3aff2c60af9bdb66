"""Which tracer a sidecar has: the SDK is imported only where there is somebody to export to."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping

from frontdesk_sidecar.tracing import PASSING, Tracer


@contextlib.contextmanager
def open_tracer(
    endpoint: str | None, urls: Callable[[], Mapping[str, str]], on_missing: Callable[[str], None]
) -> Iterator[Tracer]:
    """The tracer for an OTLP endpoint, or without one; closed at the end.

    `urls` are those of `Exporting`. Where the SDK is not installed the sidecar does its work
    without it, and `on_missing` is told the name of what is missing.
    """
    if endpoint is None:
        yield PASSING
        return
    try:
        from frontdesk_sidecar.tracing.export import Exporting
    except ModuleNotFoundError as error:
        on_missing(error.name or "opentelemetry")
        yield PASSING
        return
    tracer = Exporting(endpoint, urls)
    try:
        yield tracer
    finally:
        tracer.close()
