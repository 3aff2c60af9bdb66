"""The sidecar's settings, loaded.

Read from `frontdesk.toml`, then the environment (`FRONTDESK_SECTION__KEY`), which wins. All
problems are reported at once, with the key and what was expected, never with a value.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from frontdesk import Capture, ConfigurationError
from frontdesk.settings import capture_of, read_file
from frontdesk_sidecar.forward.pace import Pace
from frontdesk_sidecar.ingest.options import Options, read_options
from frontdesk_sidecar.sap.destination import is_loopback
from frontdesk_sidecar.secret_files import check_key, check_secret, http_key
from frontdesk_sidecar.settings_table import EXPECTED, REQUIRED, SETTINGS, Setting, read
from frontdesk_sidecar.settings_types import DEFAULT_TARGET, Http, Keeping, Settings, Target
from frontdesk_sidecar.store.ownership import BESIDE
from frontdesk_sidecar.targets import Reader, read_targets

__all__ = ["DEFAULT_TARGET", "Http", "Keeping", "Settings", "Target", "examine", "load"]

#: Settings of which the first must not be larger than the second.
_ORDERED: Final = (
    ("retry_base_s", "retry_cap_s"),
    ("probe_s", "probe_cap_s"),
    ("concurrency_min", "concurrency"),
)


@dataclass(frozen=True, slots=True, repr=False)
class Found:
    """What the settings say: where something is wrong, its default, and the problem.

    `values` are those outside of `[sap]`, by `section.key`.
    """

    document: Mapping[str, Any]
    capture: Capture
    targets: tuple[Target, ...]
    values: Mapping[str, Any]
    ingest: Options
    problems: tuple[str, ...]

    @property
    def http(self) -> Http:
        """Where the sidecar answers."""
        values = self.values
        return Http(
            values["http.host"],
            values["http.port"],
            _path(values["http.socket"]) or Path(values["store.path"] + ".sock"),
            http_key(values),
        )

    @property
    def keeping(self) -> Keeping:
        """Where the store is, and how long it keeps what."""
        return _keeping(self.values)


def load(path: str | None = None, environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings from `path` (else `FRONTDESK_CONFIG`) and the environment.

    Raises ConfigurationError with every problem found.
    """
    found = examine(path, environ)
    if found.problems:
        raise ConfigurationError(found.problems)
    values = found.values
    return Settings(
        capture=found.capture,
        targets=found.targets,
        store=found.keeping,
        pace=Pace(**{name: values[f"forward.{name}"] for name in _PACE}),
        stuck_s=values["forward.stuck_s"],
        drain_s=values["forward.drain_s"],
        http=found.http,
        log_level=values["log.level"],
        ingest=found.ingest,
        log_format=values["log.format"],
        otlp_endpoint=_otlp_endpoint(values["telemetry.otlp_endpoint"], environ),
    )


def _otlp_endpoint(own: str | None, environ: Mapping[str, str]) -> str | None:
    """Ours, or that of OpenTelemetry's variables, which tell all that runs in a pod."""
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return None
    return own or read("endpoint", environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"))


def examine(path: str | None = None, environ: Mapping[str, str] = os.environ) -> Found:
    """The same with the problems beside what was found.

    Raises ConfigurationError when the file cannot be read.
    """
    document = read_file(path or environ.get("FRONTDESK_CONFIG"))
    problems: list[str] = []
    capture = _collect(problems, lambda: capture_of(document, environ)) or Capture()
    _report_unknown(document, environ, problems)
    others: list[str] = []
    values = _values(document, environ, others, tuple(s for s in SETTINGS if s.section != "sap"))
    check_secret("http.key", values, others)
    check_key(values, others)
    ingest = read_options(values, others)
    targets = read_targets(
        document.get("sap"), values["forward.concurrency"], _reader(environ), problems
    )
    problems += others
    problems += [
        f"forward.{low}: expected at most forward.{high}"
        for low, high in _ORDERED
        if values[f"forward.{low}"] > values[f"forward.{high}"]
    ]
    problems += _clashes(values)
    if not is_loopback(values["http.host"]) and http_key(values) is None:
        problems.append("http.key: is needed when http.host is not a loopback address")
    return Found(document, capture, targets, values, ingest, tuple(problems))


#: A request must be due several times before `/livez` calls the sidecar stuck.
_REQUESTS_UNTIL_STUCK: Final = 10


def _clashes(values: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with settings that are each right."""
    rate, stuck_s = values["forward.rate"], values["forward.stuck_s"]
    if rate * stuck_s < _REQUESTS_UNTIL_STUCK:
        least = _REQUESTS_UNTIL_STUCK / stuck_s
        yield (
            f"forward.rate: expected at least {least:.3g} with forward.stuck_s {stuck_s:g}:"
            " a sidecar that slow would be taken for stuck"
        )
    door, store = values["http.socket"], values["store.path"]
    if door is not None and os.path.realpath(door) in {
        os.path.realpath(store) + suffix for suffix in ("", *BESIDE)
    }:
        yield "http.socket: expected a path that is not store.path nor a file beside it"


#: What the settings say of the pace; the rest of it is not for choosing.
_PACE: Final = tuple(
    one.key
    for one in SETTINGS
    if one.section == "forward" and one.key not in ("stuck_s", "drain_s")
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
    document: Mapping[str, Any],
    environ: Mapping[str, str],
    problems: list[str],
    settings: tuple[Setting, ...],
) -> dict[str, Any]:
    """Each setting's value by `section.key`; a wrong one is reported and takes its default."""
    values = {}
    for setting in settings:
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


_OF_SAP: Final = tuple(setting for setting in SETTINGS if setting.section == "sap")


def _reader(environ: Mapping[str, str]) -> Reader:
    """Reads `[sap]`, or what a target makes of it: what a target says itself wins over both."""

    def read_section(
        section: Mapping[str, Any], own: Collection[str], problems: list[str]
    ) -> dict[str, Any]:
        known = {setting.key for setting in _OF_SAP}
        problems += [f"sap.{key}: is not a setting" for key in section if key not in known]
        variables = {one.variable for one in _OF_SAP if one.key in own}
        rest = {name: value for name, value in environ.items() if name not in variables}
        return _values({"sap": section}, rest, problems, _OF_SAP)

    return read_section


def _report_unknown(
    document: Mapping[str, Any], environ: Mapping[str, str], problems: list[str]
) -> None:
    known = {setting.name for setting in SETTINGS}
    sections = {setting.section for setting in SETTINGS} | {"capture", "proxy"}
    for section, table in document.items():
        if section not in sections or not isinstance(table, dict):
            problems.append(f"{section}: is not a section")
        elif section not in ("capture", "sap", "proxy"):  # these are checked where they are read
            names = (f"{section}.{key}" for key in table)
            problems += [f"{name}: is not a setting" for name in names if name not in known]
    variables = {setting.variable for setting in SETTINGS}
    for name in environ:
        # FRONTDESK_PORT and the like are not ours: Kubernetes gives them for a service `frontdesk`.
        is_setting = name.startswith("FRONTDESK_") and "__" in name
        # checked by capture_of, and by what loads the proxy's options
        is_other = name.startswith(("FRONTDESK_CAPTURE__", "FRONTDESK_PROXY__"))
        if is_setting and not is_other and name not in variables:
            problems.append(f"{name}: is not a setting")
