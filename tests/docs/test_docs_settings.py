"""docs/settings.md has every setting with its variable; UPDATE_DOCS=1 writes it."""

from __future__ import annotations

from itertools import groupby

import pytest

from docs_support import CAPTURE, DOCS, IN_FILE, assert_generated, default_of
from frontdesk import ConfigurationError
from frontdesk_sidecar import settings
from frontdesk_sidecar.settings_table import SETTINGS

PAGE = DOCS / "settings.md"
#: Section -> where to read on.
ABOUT = {
    "capture": "Read by the web process, and by the sidecar for the journal's place. "
    "[How capture decides](capture.md), [consent, drop and hash](privacy.md).",
    "sap": "Where customers go, and who asks. [Mapping, targets, credentials](mapping.md).",
    "store": "What is kept, and for how long. [The store](store.md), [personal data](privacy.md).",
    "forward": "The pace at which SAP is spoken to. [What is sent when](delivery.md).",
    "http": "The sidecar's own address. [HTTP API](http-api.md).",
    "ingest": "The Segment door. [How to open it](segment.md).",
}
HEAD = ("| key | variable | default | |", "|---|---|---|---|")


def reference() -> str:
    """A table for each section of the file."""
    tables = {"capture": [row(key, default_of(value), text) for key, value, text in CAPTURE]}
    for section, group in groupby(SETTINGS, key=lambda one: one.section):
        tables[section] = [row(one.name, default_of(one.default), one.help) for one in group]
    for key, default, text in IN_FILE:
        tables["sap"].append(row(key, default, f"{text}; in the file only"))
    lines: list[str] = []
    for section, rows in tables.items():
        lines += [f"## [{section}]", ""]
        lines += [ABOUT[section], ""] if section in ABOUT else []
        lines += [*HEAD, *rows, ""]
    return "\n".join(lines)


def row(name: str, default: str, text: str) -> str:
    """One setting; the variable is left out where the file alone can say it."""
    variable = "" if text.endswith("in the file only") else f"`{variable_of(name)}`"
    return f"| `{name}` | {variable} | {default} | {text} |"


def variable_of(name: str) -> str:
    """The environment variable of `section.key`."""
    section, _, key = name.partition(".")
    return f"FRONTDESK_{section.upper()}__{key.upper()}"


def test_the_settings_are_the_codes() -> None:
    """Each section with its keys, variables and defaults."""
    assert_generated(PAGE, "settings", reference())


def test_the_variables_are_read() -> None:
    """None of them is refused as unknown, and one that does not exist is."""
    names = [one.name for one in SETTINGS]
    names += [key for key, _, text in CAPTURE if not text.endswith("in the file only")]
    for name in (*names, "sap.nothing", "capture.nothing"):
        with pytest.raises(ConfigurationError) as caught:
            settings.load(None, {variable_of(name): "\t"})
        unknown = [one for one in caught.value.problems if "is not a setting" in one]
        assert bool(unknown) == name.endswith(".nothing"), (name, unknown)
