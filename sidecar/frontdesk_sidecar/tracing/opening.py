"""Which tracer a sidecar has: the SDK is imported only where there is somebody to export to."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping

from frontdesk_sidecar.tracing import PASSING, Tracer


@contextlib.contextmanager
def open_tracer(
    endpoint: str | None,
    urls: Callable[[], Mapping[str, str]],
    on_missing: Callable[[str], None],
    on_refused: Callable[[str], None],
) -> Iterator[Tracer]:
    """The tracer for an OTLP endpoint, or without one; closed at the end.

    `urls` are those of `Exporting`. Where the SDK is not installed the sidecar does its work
    without it, and `on_missing` is told the name of what is missing; the same where the SDK cannot
    do with a variable of its own, and `on_refused` is told the type of its error.
    """
    if endpoint is None:
        yield PASSING
        return
    try:
        from frontdesk_sidecar.tracing.export import Exporting

        tracer = Exporting(endpoint, urls)
    except ModuleNotFoundError as error:
        on_missing(error.name or "opentelemetry")
        yield PASSING
        return
    except Exception as error:  # noqa: BLE001 - the SDK's, which says it each time in another way
        on_refused(type(error).__name__)
        yield PASSING
        return
    try:
        yield tracer
    finally:
        tracer.close()
