"""`[sap]` and `[sap.target.NAME]` of the settings: where customers go, and what is sent there."""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeAlias

from frontdesk.event import EVENTS
from frontdesk_sidecar.mapping import AttributeMapping, MappingError, compile_mapping
from frontdesk_sidecar.sap.destination import Destination, is_header_value, parse_base_url
from frontdesk_sidecar.sap.tls import load_certificate
from frontdesk_sidecar.secret_files import check_secret, read_secret
from frontdesk_sidecar.settings_types import DEFAULT_TARGET, Target

#: Tables of `[sap]`, beside its plain settings.
TABLES: Final = ("mapping", "event_mapping", "headers", "target")
#: What a target has beside the settings of `[sap]`: who goes there.
CHOOSING: Final = ("sites", "events")
#: SAP Commerce Cloud's proxy gives up on a request after this long.
PROXY_LIMIT_S: Final = 60.0
_TARGET_NAME: Final = re.compile("[a-z0-9](?:[a-z0-9_-]{0,30}[a-z0-9])?")

#: Reads settings by `section.key` from a section, of which some are a target's own and win over
#: the environment; appends what is wrong with them.
Reader: TypeAlias = Callable[[Mapping[str, Any], Collection[str], list[str]], dict[str, Any]]


def read_targets(
    section: object, concurrency: int, read: Reader, problems: list[str]
) -> tuple[Target, ...]:
    """The targets, the default one last; appends what is wrong, and leaves out what cannot be."""
    sap = section if isinstance(section, dict) else {}
    tables = sap.get("target", {})
    if not isinstance(tables, dict) or not all(isinstance(one, dict) for one in tables.values()):
        problems.append("sap.target: expected a table of tables")
        tables = {}
    found = [
        _named(name, table, sap, concurrency, read, problems) for name, table in tables.items()
    ]
    default = partial(_read_own, read, ())
    found.append(_target(DEFAULT_TARGET, sap, {}, concurrency, default, problems))
    return tuple(target for target in found if target is not None)


def _named(
    name: str,
    table: Mapping[str, Any],
    sap: Mapping[str, Any],
    concurrency: int,
    read: Reader,
    problems: list[str],
) -> Target | None:
    where = f"sap.target.{name}"
    own: list[str] = []
    if not _TARGET_NAME.fullmatch(name) or name == DEFAULT_TARGET:
        own.append("sap: expected a name of lower-case letters, digits, - and _, but not default")
    if "target" in table:
        own.append("sap.target: is not a setting")
    choosing = {key: _texts(table, key, own) for key in CHOOSING}
    unknown = choosing["events"] - set(EVENTS)
    if unknown:
        own.append(f"sap.events: expected some of {', '.join(EVENTS)}")
    if not any(choosing.values()):
        own.append("sap: needs sites or events, or nobody else goes anywhere")
    rest = {key: value for key, value in table.items() if key not in CHOOSING}
    inherited = {key: value for key, value in sap.items() if key not in ("target", *_other(rest))}
    reader = partial(_read_own, read, rest)
    target = _target(name, inherited | rest, choosing, concurrency, reader, own)
    problems += [re.sub("^sap", where, problem, count=1) for problem in own]
    return target


def _read_own(
    read: Reader, own: Collection[str], section: Mapping[str, Any], problems: list[str]
) -> dict[str, Any]:
    return read(section, own, problems)


def _other(table: Mapping[str, Any]) -> tuple[str, ...]:
    """What is not inherited beside what is given: the other way to give the same."""
    if "client_secret" in table or "client_secret_file" in table:
        return ("client_secret", "client_secret_file")
    return ()


def _target(
    name: str,
    table: Mapping[str, Any],
    choosing: Mapping[str, frozenset[str]],
    concurrency: int,
    read: Callable[[Mapping[str, Any], list[str]], dict[str, Any]],
    problems: list[str],
) -> Target | None:
    before = len(problems)
    plain = {key: value for key, value in table.items() if key not in TABLES}
    values = read(plain, problems)
    check_secret("sap.client_secret", values, problems, needed=True)
    if values["sap.total_timeout_s"] >= PROXY_LIMIT_S:
        problems.append(f"sap.total_timeout_s: expected less than {PROXY_LIMIT_S:.0f}")
    _check_tls(values, problems)
    mapping = _mapping(table, problems)
    headers = _headers(table.get("headers", {}), problems)
    destination = _destination(values, headers, concurrency, problems)
    if destination is None or len(problems) > before:
        return None
    path = values["sap.client_secret_file"]
    return Target(
        name,
        destination,
        mapping,
        None if path is None else Path(path),
        metadata_s=values["sap.metadata_s"],
        **choosing,
    )


def _texts(table: Mapping[str, Any], key: str, problems: list[str]) -> frozenset[str]:
    given = table.get(key, [])
    if not isinstance(given, list) or not all(isinstance(one, str) and one for one in given):
        problems.append(f"sap.{key}: expected a list of texts")
        return frozenset()
    return frozenset(given)


def _mapping(table: Mapping[str, Any], problems: list[str]) -> AttributeMapping | None:
    """What the settings say; None for the default mapping."""
    given = table.get("mapping")
    on = table.get("event_mapping", {})
    if given is None and not on:
        return None
    if given is None:
        problems.append("sap.mapping: is needed beside sap.event_mapping")
        return None
    if not _is_table_of_texts(given):
        problems.append("sap.mapping: expected a table of attributes to expressions")
        return None
    if not isinstance(on, dict) or not all(map(_is_table_of_texts, on.values())):
        problems.append("sap.event_mapping: expected a table of events to such tables")
        return None
    if not set(on) <= set(EVENTS):
        problems.append(f"sap.event_mapping: expected some of {', '.join(EVENTS)}")
        return None
    try:
        return compile_mapping(given, on)
    except MappingError as error:
        problems += [f"sap.mapping.{problem}" for problem in error.problems]
        return None


def _is_table_of_texts(given: object) -> bool:
    return isinstance(given, Mapping) and all(isinstance(one, str) for one in given.values())


def _headers(given: object, problems: list[str]) -> dict[str, Callable[[], str]]:
    """Values are texts, or tables that name the file with the value."""
    if not isinstance(given, dict):
        problems.append("sap.headers: expected a table of headers to values")
        return {}
    headers: dict[str, Callable[[], str]] = {}
    for name, value in given.items():
        if isinstance(value, str) and value:
            headers[name] = partial(str, value)
        elif isinstance(value, dict) and set(value) == {"file"} and isinstance(value["file"], str):
            headers[name] = partial(read_secret, value["file"])
        else:
            problems.append(f'sap.headers.{name}: expected text, or {{file = "…"}}')
            continue
        _check_header(name, headers[name], problems)
    return headers


def _check_header(name: str, value: Callable[[], str], problems: list[str]) -> None:
    try:
        if not is_header_value(value()):
            problems.append(f"sap.headers.{name}: holds what a header cannot")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        problems.append(f"sap.headers.{name}: cannot be read: {reason}")


def _check_tls(values: Mapping[str, Any], problems: list[str]) -> None:
    if (path := values["sap.ca_file"]) is not None:
        try:
            ssl.create_default_context(cafile=path)
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            reason = getattr(error, "strerror", None) or "is not a PEM file of certificates"
            problems.append(f"sap.ca_file: cannot be used: {reason}")
    if (path := values["sap.client_cert_file"]) is not None:
        try:
            load_certificate(ssl.create_default_context(), path, values["sap.client_key_file"])
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "is no PEM file of certificate and key"
            problems.append(f"sap.client_cert_file: cannot be used: {reason}")


_GIVEN: Final = (
    *("base_url", "integration_object", "entity_set", "client_id", "token_path", "ca_file"),
    *("connect_timeout_s", "total_timeout_s", "client_cert_file", "client_key_file", "auth"),
    *("content_language", "pre_persist_hook", "post_persist_hook", "passport"),
)


def _destination(
    values: Mapping[str, Any],
    headers: Mapping[str, Callable[[], str]],
    concurrency: int,
    problems: list[str],
) -> Destination | None:
    given = {key: values[f"sap.{key}"] for key in _GIVEN}
    if given["base_url"] is None or given["client_id"] is None:
        return None
    try:
        parse_base_url(given["base_url"])
    except ValueError as error:
        problems.append(f"sap.base_url: {error}")
        return None
    inline, path = values["sap.client_secret"], values["sap.client_secret_file"]
    try:
        return Destination(
            **given,
            client_secret=(lambda: read_secret(path)) if path is not None else (lambda: inline),
            max_connections=concurrency + 1,
            headers=headers,
        )
    except ValueError as error:
        problems.append(f"sap.{error}")
        return None
