"""The configuration in force as a person may see it: no secret, no header's value."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from frontdesk_sidecar.settings import Settings, Target
from frontdesk_sidecar.settings_table import SETTINGS

#: What a target says of where it sends.
_DESTINATION: Final = (
    *("base_url", "integration_object", "entity_set", "client_id", "token_path", "auth"),
    *("connect_timeout_s", "total_timeout_s", "ca_file", "client_cert_file", "client_key_file"),
    *("content_language", "pre_persist_hook", "post_persist_hook", "passport"),
)
_STORE: Final = (
    *("path", "max_bytes", "ballast_bytes", "retention_s", "dead_limit", "dead_retention_s"),
)
#: Settings of `[forward]` that are no part of the pace.
_APART: Final = ("stuck_s", "drain_s")
_FORWARD: Final = tuple(one.key for one in SETTINGS if one.section == "forward")


def configuration(settings: Settings) -> list[dict[str, Any]]:
    """Sections, each with its settings as `[name, value]`; None stands for one that is not set."""
    return [{"section": name, "settings": list(rows)} for name, rows in _sections(settings)]


def _sections(settings: Settings) -> Iterator[tuple[str, Iterator[list[Any]]]]:
    for target in settings.targets:
        name = "sap" if target is settings.default else f"sap.target.{target.name}"
        yield name, _target(target)
    yield "forward", _forward(settings)
    yield "store", _of(settings.store, _STORE)
    yield "capture", _capture(settings)
    yield "http", _http(settings)


def _of(part: object, names: tuple[str, ...]) -> Iterator[list[Any]]:
    for name in names:
        yield [name, _shown(getattr(part, name))]


def _target(target: Target) -> Iterator[list[Any]]:
    yield from _of(target.destination, _DESTINATION)
    yield ["client_secret_file", _shown(target.secret_file)]
    yield ["client_secret", "set, not shown"]
    yield ["metadata_s", target.metadata_s]
    for name in ("sites", "events"):
        if chosen := getattr(target, name):
            yield [name, ", ".join(sorted(chosen))]
    if target.destination.headers:
        yield ["headers", f"{', '.join(target.destination.headers)} (values not shown)"]
    if target.mapping is None:
        yield ["mapping", "the default one"]
        return
    for attribute, expression in target.mapping.compiled.items():
        yield [f"mapping.{attribute}", expression.expression]
    for event, expressions in target.mapping.on.items():
        for attribute, expression in expressions.items():
            yield [f"event_mapping.{event}.{attribute}", expression.expression]


def _forward(settings: Settings) -> Iterator[list[Any]]:
    for name in _FORWARD:
        yield [name, getattr(settings if name in _APART else settings.pace, name)]


def _capture(settings: Settings) -> Iterator[list[Any]]:
    capture = settings.capture
    yield ["journal", capture.journal]
    yield ["site", capture.site]
    yield ["presets", ", ".join(capture.presets) or "none"]
    yield ["rules", len(capture.rules)]
    yield ["journal_limit_bytes", capture.journal_limit_bytes]
    for name in ("drop", "hash"):
        yield [name, ", ".join(getattr(capture, name)) or None]


def _http(settings: Settings) -> Iterator[list[Any]]:
    yield from _of(settings.http, ("host", "port", "socket"))
    yield ["key", "not set" if settings.http.key is None else "set, not shown"]
    yield ["log.level", settings.log_level]


def _shown(value: object) -> Any:
    return value if isinstance(value, bool | int | float | None) else str(value)
