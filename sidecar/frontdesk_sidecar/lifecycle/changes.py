"""What is different in other settings, by the names that people write. Never by value."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from functools import partial
from typing import Any, Final

from frontdesk_sidecar.settings_types import Settings, Target

#: What a process has opened, and keeps as long as it runs.
FIXED: Final = (
    *("capture.journal", "store.path", "store.max_bytes", "store.ballast_bytes"),
    *("http.host", "http.port", "http.socket", "telemetry.otlp_endpoint"),
)
#: Fields that are not called as the setting is, or that are looked at apart.
_RENAMED: Final = {"rules": "rule"}
_APART: Final = ("client_secret", "headers", "max_connections")
_ABSENT: Final = object()


@dataclass(frozen=True, slots=True)
class Changes:
    """Names of settings: those that changed, and those of them that need a new start."""

    names: tuple[str, ...]
    fixed: tuple[str, ...]


def compare(before: Settings, after: Settings) -> Changes:
    """What changed. A target that came or went is one name, that of its table."""
    old, new = dict(_named(before)), dict(_named(after))
    whole = {f"sap.target.{one.name}" for one in (*before.targets, *after.targets)}
    whole -= old.keys() & new.keys()
    names = [
        name
        for name in dict.fromkeys((*new, *old))
        if old.get(name, _ABSENT) != new.get(name, _ABSENT)
        and not any(name.startswith(f"{table}.") for table in whole)
    ]
    return Changes(tuple(names), tuple(name for name in names if name in FIXED))


def _named(settings: Settings) -> Iterator[tuple[str, object]]:
    for target in settings.targets:
        table = "sap" if target is settings.default else f"sap.target.{target.name}"
        if target is not settings.default:
            yield table, True
        for name, value in _of_target(target):
            yield f"{table}.{name}", value
    yield "sap.target", [target.name for target in settings.targets]  # the order decides
    parts = {
        "store": settings.store,
        "forward": settings.pace,
        "http": settings.http,
        "capture": settings.capture,
    }
    for section, part in parts.items():
        for name, value in _fields(part):
            yield f"{section}.{name}", value
    yield "forward.stuck_s", settings.stuck_s
    yield "forward.drain_s", settings.drain_s
    yield "log.level", settings.log_level
    yield "log.format", settings.log_format
    yield "telemetry.otlp_endpoint", settings.otlp_endpoint
    yield "ingest.write_key", settings.ingest.keys.write()
    yield "ingest.hmac_key", settings.ingest.keys.sign()
    yield "ingest.origins", settings.ingest.origins


def _fields(part: Any) -> Iterator[tuple[str, object]]:
    for one in fields(part):
        if one.name not in _APART:
            value = getattr(part, one.name)
            yield _RENAMED.get(one.name, one.name), list(value) if _is_list(value) else value


def _is_list(value: object) -> bool:
    return isinstance(value, list | tuple)


def _of_target(target: Target) -> Iterator[tuple[str, object]]:
    destination = target.destination
    yield from _fields(destination)
    yield "client_secret_file", target.secret_file
    if target.secret_file is None:
        yield "client_secret", destination.client_secret()
    for header, value in destination.headers.items():
        yield f"headers.{header}", _source(value)
    for name in ("metadata_s", "sites", "events"):
        yield name, getattr(target, name)
    if target.mapping is None:
        return
    for attribute, expression in target.mapping.compiled.items():
        yield f"mapping.{attribute}", expression.expression
    for event, expressions in target.mapping.on.items():
        for attribute, expression in expressions.items():
            yield f"event_mapping.{event}.{attribute}", expression.expression


def _source(value: Callable[[], str]) -> object:
    """Where a value comes from: what stands in a file is asked for anew each time anyway."""
    return (value.func, value.args) if isinstance(value, partial) else value
