"""What a command must know to reach a sidecar and its store, whatever else is wrong.

The sidecar that runs began with settings that were right, and a command that asks it must work
while somebody changes them, or when a secret's file is gone.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from frontdesk import ConfigurationError
from frontdesk.settings import PREFIX, capture_of
from frontdesk_sidecar.settings import DEFAULT_TARGET, Http, Keeping, examine

#: What no command can do without; a problem begins with its name.
_NEEDED: Final = (
    *("store", "store.path", "http", "http.host", "http.port", "http.socket", "sap.target"),
)
_JOURNAL: Final = (f"{PREFIX}JOURNAL", "FRONTDESK_JOURNAL")


@dataclass(frozen=True, slots=True)
class Reach:
    """Where sidecar, store and journal are.

    `targets` are address and client by name, the default one last; of what is wrong both are
    empty. `refused` is what is wrong elsewhere.
    """

    store: Keeping
    rest_s: float
    http: Http
    journal: Path
    targets: Mapping[str, tuple[str, str]]
    refused: tuple[str, ...] = ()
    names_a_file: bool = True


def load_reach(path: str | None = None, environ: Mapping[str, str] = os.environ) -> Reach:
    """Read it from `path` (else `FRONTDESK_CONFIG`) and the environment.

    Raises ConfigurationError with what is wrong of it, and when the file cannot be read.
    """
    found = examine(path, environ)
    needed = [one for one in found.problems if one.partition(":")[0] in _NEEDED]
    try:
        journal = _journal(found.document, environ)
    except ConfigurationError as error:
        raise ConfigurationError([*error.problems, *needed]) from None
    if needed:
        raise ConfigurationError(needed)
    return Reach(
        store=found.keeping,
        rest_s=found.values["forward.rest_s"],
        http=found.http,
        journal=Path(journal),
        targets=_named(found.document)
        | {
            target.name: (target.destination.entity_url, target.destination.client_id)
            for target in found.targets
        },
        refused=found.problems,
        names_a_file=bool(path or environ.get("FRONTDESK_CONFIG")),
    )


def _journal(document: Mapping[str, Any], environ: Mapping[str, str]) -> str:
    capture = document.get("capture", {})
    if isinstance(capture, dict):
        capture = {key: value for key, value in capture.items() if key == "journal"}
    given = {name: environ[name] for name in _JOURNAL if name in environ}
    return capture_of({"capture": capture}, given).journal


def _named(document: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Those that are wrong too: their customers are not anybody's to drop."""
    sap = document.get("sap")
    tables = sap.get("target", {}) if isinstance(sap, dict) else {}
    return dict.fromkeys((*tables, DEFAULT_TARGET), ("", ""))
