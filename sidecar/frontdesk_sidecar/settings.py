"""The sidecar's settings, loaded.

Read from `frontdesk.toml`, then the environment (`FRONTDESK_SECTION__KEY`), which wins. All
problems are reported at once, with the key and what was expected, never with a value.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from frontdesk import Capture, ConfigurationError
from frontdesk.settings import capture_of, read_file
from frontdesk_sidecar.destination import Destination, is_loopback, parse_base_url
from frontdesk_sidecar.forward.pace import Pace
from frontdesk_sidecar.mapping import (
    DEFAULT_MAPPING,
    AttributeMapping,
    MappingError,
    compile_mapping,
)
from frontdesk_sidecar.secret_files import check_secrets, http_key, read_secret
from frontdesk_sidecar.settings_table import EXPECTED, REQUIRED, SETTINGS, read
from frontdesk_sidecar.settings_types import DEFAULT_TARGET, Http, Keeping, Settings, Target

__all__ = ["DEFAULT_TARGET", "Http", "Keeping", "Settings", "Target", "load"]

#: SAP Commerce Cloud's proxy gives up on a request after this long.
PROXY_LIMIT_S: Final = 60.0
#: Settings of which the first must not be larger than the second.
_ORDERED: Final = (
    ("retry_base_s", "retry_cap_s"),
    ("probe_s", "probe_cap_s"),
    ("concurrency_min", "concurrency"),
)


def load(path: str | None = None, environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings from `path` (else `FRONTDESK_CONFIG`) and the environment.

    Raises ConfigurationError with every problem found.
    """
    document = read_file(path or environ.get("FRONTDESK_CONFIG"))
    problems: list[str] = []
    capture = _collect(problems, lambda: capture_of(document, environ)) or Capture()
    values = _values(document, environ, problems)
    mapping = _mapping(document, problems)
    check_secrets(values, problems)
    destination = _destination(values, problems)
    if values["sap.total_timeout_s"] >= PROXY_LIMIT_S:
        problems.append(f"sap.total_timeout_s: expected less than {PROXY_LIMIT_S:.0f}")
    problems += [
        f"forward.{low}: expected at most forward.{high}"
        for low, high in _ORDERED
        if values[f"forward.{low}"] > values[f"forward.{high}"]
    ]
    _check_authorities(values["sap.ca_file"], problems)
    if not is_loopback(values["http.host"]) and http_key(values) is None:
        problems.append("http.key: is needed when http.host is not a loopback address")
    if problems or destination is None or mapping is None:
        raise ConfigurationError(problems)
    return Settings(
        capture=capture,
        targets=(
            Target(
                DEFAULT_TARGET, destination, mapping, _path(values["sap.client_secret_file"])
            ),
        ),
        store=_keeping(values),
        pace=Pace(**{name: values[f"forward.{name}"] for name in _PACE}),
        stuck_s=values["forward.stuck_s"],
        http=Http(
            values["http.host"],
            values["http.port"],
            _path(values["http.socket"]) or Path(values["store.path"] + ".sock"),
            http_key(values),
        ),
        log_level=values["log.level"],
    )


#: What the settings say of the pace; the rest of it is not for choosing.
_PACE: Final = tuple(
    one.key for one in SETTINGS if one.section == "forward" and one.key != "stuck_s"
)


def _keeping(values: Mapping[str, Any]) -> Keeping:
    return Keeping(
        path=Path(values["store.path"]),
        max_bytes=values["store.max_bytes"],
        ballast_bytes=values["store.ballast_bytes"],
        retention_s=values["store.retention_s"],
        dead_limit=values["store.dead_limit"],
        dead_retention_s=values["store.dead_retention_s"],
    )


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(text)


def _collect(problems: list[str], step: Callable[[], Capture]) -> Capture | None:
    try:
        return step()
    except ConfigurationError as error:
        problems += error.problems
        return None


def _values(
    document: Mapping[str, Any], environ: Mapping[str, str], problems: list[str]
) -> dict[str, Any]:
    """Each setting's value by `section.key`; a wrong one is reported and takes its default."""
    _report_unknown(document, environ, problems)
    values = {}
    for setting in SETTINGS:
        section = document.get(setting.section, {})
        given = environ.get(setting.variable)
        if given is None and isinstance(section, dict):
            given = section.get(setting.key)
        value = None if given is None else read(setting.kind, given)
        if given is not None and value is None:
            problems.append(f"{setting.name}: expected {EXPECTED[setting.kind]}")
        elif given is None and setting.default is REQUIRED:
            problems.append(f"{setting.name}: is required")
        default = None if setting.default is REQUIRED else setting.default
        values[setting.name] = default if value is None else value
    return values


def _report_unknown(
    document: Mapping[str, Any], environ: Mapping[str, str], problems: list[str]
) -> None:
    known = {setting.name for setting in SETTINGS} | {"sap.mapping"}
    sections = {setting.section for setting in SETTINGS} | {"capture"}
    for section, table in document.items():
        if section not in sections or not isinstance(table, dict):
            problems.append(f"{section}: is not a section")
        elif section != "capture":
            names = (f"{section}.{key}" for key in table)
            problems += [f"{name}: is not a setting" for name in names if name not in known]
    variables = {setting.variable for setting in SETTINGS}
    for name in environ:
        # FRONTDESK_PORT and the like are not ours: Kubernetes gives them for a service `frontdesk`.
        is_setting = name.startswith("FRONTDESK_") and "__" in name
        is_capture = name.startswith("FRONTDESK_CAPTURE__")  # checked by capture_of
        if is_setting and not is_capture and name not in variables:
            problems.append(f"{name}: is not a setting")


def _mapping(document: Mapping[str, Any], problems: list[str]) -> AttributeMapping | None:
    section = document.get("sap", {})
    table = section.get("mapping", DEFAULT_MAPPING) if isinstance(section, dict) else {}
    if not isinstance(table, Mapping) or not all(isinstance(text, str) for text in table.values()):
        problems.append("sap.mapping: expected a table of attributes to expressions")
        return None
    try:
        return compile_mapping(table)
    except MappingError as error:
        problems += [f"sap.mapping.{problem}" for problem in error.problems]
        return None


def _check_authorities(path: str | None, problems: list[str]) -> None:
    if path is not None:
        try:
            ssl.create_default_context(cafile=path)
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            reason = getattr(error, "strerror", None) or "is not a PEM file of certificates"
            problems.append(f"sap.ca_file: cannot be used: {reason}")


def _destination(values: Mapping[str, Any], problems: list[str]) -> Destination | None:
    given = {key: values[f"sap.{key}"] for key in (
        "base_url", "integration_object", "entity_set", "client_id", "token_path", "ca_file",
        "connect_timeout_s", "total_timeout_s",
    )}  # fmt: skip
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
            max_connections=values["forward.concurrency"] + 1,
        )
    except ValueError as error:
        problems.append(f"sap.{error}")
        return None
