"""Which SAP system is asked, and with which credentials: from options, environment and person."""

from __future__ import annotations

import getpass
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto
from pathlib import Path

from frontdesk import ConfigurationError
from frontdesk_sidecar import settings
from frontdesk_sidecar.admin.terminal import Terminal
from frontdesk_sidecar.sap.destination import Destination, parse_base_url
from frontdesk_sidecar.settings import Target


class SecretFrom(Enum):
    """Where the client's secret came from."""

    FILE = auto()
    ENVIRONMENT = auto()
    PERSON = auto()


@dataclass(frozen=True, slots=True)
class Asked:
    """Where to look, and with what; `secret` only when a person typed it."""

    destination: Destination
    secret_from: SecretFrom
    secret_file: Path | None = None
    typed: str = ""


def find_destination(given: Mapping[str, str | None], terminal: Terminal) -> Asked:
    """The destination that options (keys of `[sap]`) and environment describe together.

    A secret that neither has is asked for. Raises ConfigurationError with all that is wrong.
    """
    options = {key: value for key, value in given.items() if value is not None}
    try:
        target = _load(options)
    except ConfigurationError as error:
        return _with_typed(options, error, terminal)
    _compare(options, target)
    where = SecretFrom.FILE if "client_secret_file" in options else SecretFrom.ENVIRONMENT
    return Asked(target.destination, where, target.secret_file)


def _with_typed(options: Mapping[str, str], error: ConfigurationError, terminal: Terminal) -> Asked:
    """If the secret is all that is missing, ask for it; else say what is wrong."""
    try:
        target = _load({**options, "client_secret": "to be asked for"})
    except ConfigurationError:
        raise ConfigurationError(map(_with_option, error.problems)) from None
    _compare(options, target)
    if not terminal.can_ask:
        way = "--client-secret-file FILE, or FRONTDESK_SAP__CLIENT_SECRET"
        raise ConfigurationError([f"the client's secret is missing: give it by {way}"])
    secret = getpass.getpass(f"Secret of the client {options['client_id']} (not shown): ").strip()
    if not secret:
        raise ConfigurationError(["the client's secret is missing: nothing was typed"])
    destination = replace(target.destination, client_secret=lambda: secret)
    return Asked(destination, SecretFrom.PERSON, typed=secret)


def _with_option(problem: str) -> str:
    """With the option that gives what is missing."""
    missing, _, _ = problem.partition(": is required")
    option = {"sap.base_url": "HOST", "sap.client_id": "--client-id ID"}.get(missing)
    return problem if option is None else f"{problem}: {option}"


def _load(options: Mapping[str, str]) -> Target:
    """By the loader itself, so that whatever the environment says holds here too."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "frontdesk.toml"
        rows = (f"{key} = {json.dumps(value)}\n" for key, value in options.items())
        path.write_text("[sap]\n" + "".join(rows), encoding="utf-8")
        path.chmod(0o600)
        return settings.load(str(path)).default


def _compare(options: Mapping[str, str], target: Target) -> None:
    """What the environment says wins; then it must not say something else than was typed."""
    used = target.destination
    problems = []
    if "base_url" in options and parse_base_url(options["base_url"]) != used.base_url:
        problems.append("FRONTDESK_SAP__BASE_URL names another host: unset it, or leave out HOST")
    if options.get("client_id", used.client_id) != used.client_id:
        problems.append("FRONTDESK_SAP__CLIENT_ID names another client: unset it")
    if problems:
        raise ConfigurationError(problems)
