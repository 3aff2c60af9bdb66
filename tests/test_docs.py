"""The documents say what is the case."""

from __future__ import annotations

import re
from pathlib import Path

from docs_support import CAPTURE, DOCS, IN_FILE, README, ROOT, assert_generated, default_of
from frontdesk import Rule
from frontdesk.event import COUNTS
from frontdesk.presets import names
from frontdesk.reasons import REASONS
from frontdesk_sidecar.sap.outcome_table import REASONS as OUTCOMES
from frontdesk_sidecar.settings_table import SETTINGS

DELIVERY = DOCS / "delivery.md"
REASONS_PAGE = DOCS / "capture.md"


def settings_table() -> str:
    """The README's table of settings, from the code's."""
    rows = ["| key | default | |", "|---|---|---|"]
    rows += [f"| `{key}` | {default_of(default)} | {text} |" for key, default, text in CAPTURE]
    rows += [f"| `{one.name}` | {default_of(one.default)} | {one.help} |" for one in SETTINGS]
    rows += [
        f"| `{key}` | {default} | {text}; in the file only |" for key, default, text in IN_FILE
    ]
    return "\n".join(rows)


def test_the_settings_table_is_true() -> None:
    """README's table is what the code reads; UPDATE_DOCS=1 writes it."""
    assert_generated(README, "settings", settings_table())


def reasons_table() -> str:
    """The table of reasons in docs/capture.md, from the texts that `explain` shows."""
    rows = ["| skipped because | what it means | what helps |", "|---|---|---|"]
    counted = (name for name in REASONS if f"skipped.{name}" in COUNTS)
    rows += [f"| `{name}` | {REASONS[name][0]} | {REASONS[name][1]} |" for name in counted]
    return "\n".join(rows)


def test_the_reasons_are_true() -> None:
    """The table of reasons is what the code says; UPDATE_DOCS=1 writes it."""
    assert_generated(REASONS_PAGE, "reasons", reasons_table())


def outcomes_table() -> str:
    """The table of docs/delivery.md, from the outcome table itself."""
    rows = ["| reason | outcome | what it means | what to do |", "|---|---|---|---|"]
    rows += [
        f"| `{one.code}` | {' or '.join((one.kind, *one.also))} | {one.means} | {one.todo} |"
        for one in OUTCOMES
    ]
    return "\n".join(rows)


def test_the_outcomes_are_true() -> None:
    """The table of outcomes is the one the code goes by; UPDATE_DOCS=1 writes it."""
    assert_generated(DELIVERY, "outcomes", outcomes_table())


def test_every_preset_is_documented() -> None:
    """In the table of docs/presets.md, by its name."""
    text = (ROOT / "docs" / "presets.md").read_text()
    assert [name for name in names() if f"| [{name}](#" not in text] == []


def test_links_lead_somewhere() -> None:
    """Relative links name files that exist."""
    for text in (README, ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\((?!https?://)([^)#]+)", text.read_text()):
            assert (text.parent / target).exists(), f"{text.name}: {target}"


def _anchors(page: Path) -> set[str]:
    """The headings of a page as addresses have them."""
    heads = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    plain = (
        re.sub(r"[^\w\s-]", "", head.lower().encode("ascii", "ignore").decode()) for head in heads
    )
    return {re.sub(r"[-\s]+", "-", head.strip()) for head in plain}


def test_what_names_a_document_names_one_that_is_there() -> None:
    """Messages, comments, alerts and units: page and, if it is told, heading."""
    kinds = {".py", ".toml", ".html", ".js", ".yaml", ".yml", ".service", ".conf", ".json"}
    folders = ("middleware", "sidecar", "examples", "tests", "benchmarks", "chaos")
    files = [one for folder in folders for one in (ROOT / folder).rglob("*") if one.suffix in kinds]
    named = {
        (page, anchor)
        for file in (*files, ROOT / "Makefile", ROOT / "Dockerfile")
        for page, anchor in re.findall(
            r"(?<![\w/])docs/([a-z-]+\.md)(?:#([\w-]+))?", file.read_text(errors="replace")
        )
    }
    assert len(named) > 10
    for page, anchor in sorted(named):
        assert (DOCS / page).is_file(), page
        assert not anchor or anchor in _anchors(DOCS / page), f"{page}#{anchor}"


def test_a_rule_of_the_readme_is_a_rule() -> None:
    """The README's rule means what it says."""
    rule = Rule("Signed Up", "POST /{locale}/club/join", traits={"email": "request.form.email"})
    assert (rule.method, rule.path) == ("POST", "/{locale}/club/join")
