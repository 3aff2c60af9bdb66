"""docs/observability.md: its tables are the code's."""

from __future__ import annotations

import re

from docs_support import DOCS, assert_generated
from frontdesk_sidecar.logs.events import EVENTS
from frontdesk_sidecar.metrics import Metrics

PAGE = DOCS / "observability.md"


def events_table() -> str:
    """Every event of the log, errors first."""
    rows = [
        "| event | level | of | fields | what it means | what to do |",
        "|---|---|---|---|---|---|",
    ]
    levels = ("error", "warning", "info", "debug")
    for event in sorted(EVENTS.values(), key=lambda one: levels.index(one.level)):
        fields = " ".join(f"`{name}`" for name in event.fields)
        told = (f"`{event.name}`", event.level, event.who, fields, event.means, event.todo)
        rows.append(f"| {' | '.join(told)} |")
    return "\n".join(rows)


def test_the_events_are_those_of_the_code() -> None:
    """UPDATE_DOCS=1 writes the table."""
    assert_generated(PAGE, "events", events_table())


def test_the_metrics_are_those_of_the_code() -> None:
    """Each family with its labels, and none that is not there."""
    families = {}
    for family in Metrics(("default",)).registry.collect():
        name = f"{family.name}_total" if family.type == "counter" else family.name
        families[name] = family.type
    text = PAGE.read_text().partition("## Metrics")[2].partition("\n## ")[0]
    named = re.findall(r"^\| `(frontdesk_\w+)` \|.*?\| (.*) \|$", text, re.MULTILINE)
    assert sorted(name for name, _ in named) == sorted(families)
    for name, what in named:
        assert ("histogram" in what) == (families[name] == "histogram"), name
