"""The documents say what is the case."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from frontdesk import Rule
from frontdesk.event import COUNTS
from frontdesk.journal import DEFAULT_DIRECTORY, LIMIT_BYTES
from frontdesk.presets import names
from frontdesk.reasons import REASONS
from frontdesk_sidecar import settings
from frontdesk_sidecar.sap.outcome_table import REASONS as OUTCOMES
from frontdesk_sidecar.settings_table import REQUIRED, SETTINGS

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
DELIVERY = ROOT / "docs" / "delivery.md"
CAPTURE = ROOT / "docs" / "capture.md"
_CAPTURE = (
    ("capture.journal", DEFAULT_DIRECTORY, "Directory shared by web processes and sidecar"),
    ("capture.site", None, "Name of this storefront, given with each message"),
    ("capture.presets", "auto", "Built-in rules, by name; see docs/presets.md"),
    ("capture.rule", None, "Your own rules, `[[capture.rule]]` tables; in the file only"),
    ("capture.consent", None, "Consent required for a capture, as a table; in the file only"),
    ("capture.drop", None, "Traits that do not leave the web process"),
    ("capture.hash", None, "Traits that leave as a SHA-256 alone"),
    ("capture.journal_limit_bytes", LIMIT_BYTES, "Above this the journal takes no more"),
)
_SAP = (
    ("sap.mapping", "see above", "Attributes, as a table"),
    ("sap.event_mapping", "", "Attributes for one event, as tables"),
    ("sap.headers", "", 'Headers for every request, as a table of texts or `{file = "…"}`'),
    ("sap.target", "", "Other targets by name, as tables: `sites`, `events`, and what differs"),
)


def settings_table() -> str:
    """The README's table of settings, from the code's."""
    rows = ["| key | default | |", "|---|---|---|"]
    rows += [f"| `{key}` | {_default(default)} | {text} |" for key, default, text in _CAPTURE]
    rows += [f"| `{one.name}` | {_default(one.default)} | {one.help} |" for one in SETTINGS]
    rows += [f"| `{key}` | {default} | {text}; in the file only |" for key, default, text in _SAP]
    return "\n".join(rows)


def _default(default: object) -> str:
    if default is REQUIRED:
        return "required"
    return "" if default is None else f"`{default}`"


def test_the_settings_table_is_true() -> None:
    """README's table is what the code reads; UPDATE_DOCS=1 writes it."""
    text = README.read_text()
    begin, end = "<!-- settings -->\n", "<!-- /settings -->"
    before, _, rest = text.partition(begin)
    table, _, after = rest.partition(end)
    if os.environ.get("UPDATE_DOCS"):
        README.write_text(f"{before}{begin}{settings_table()}\n{end}{after}")
    else:
        assert table.strip() == settings_table()


def reasons_table() -> str:
    """The table of reasons in docs/capture.md, from the texts that `explain` shows."""
    rows = ["| skipped because | what it means | what helps |", "|---|---|---|"]
    counted = (name for name in REASONS if f"skipped.{name}" in COUNTS)
    rows += [f"| `{name}` | {REASONS[name][0]} | {REASONS[name][1]} |" for name in counted]
    return "\n".join(rows)


def test_the_reasons_are_true() -> None:
    """The table of reasons is what the code says; UPDATE_DOCS=1 writes it."""
    text = CAPTURE.read_text()
    begin, end = "<!-- reasons -->\n", "<!-- /reasons -->"
    before, _, rest = text.partition(begin)
    table, _, after = rest.partition(end)
    if os.environ.get("UPDATE_DOCS"):
        CAPTURE.write_text(f"{before}{begin}{reasons_table()}\n{end}{after}")
    else:
        assert table.strip() == reasons_table()


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
    text = DELIVERY.read_text()
    begin, end = "<!-- outcomes -->\n", "<!-- /outcomes -->"
    before, _, rest = text.partition(begin)
    table, _, after = rest.partition(end)
    if os.environ.get("UPDATE_DOCS"):
        DELIVERY.write_text(f"{before}{begin}{outcomes_table()}\n{end}{after}")
    else:
        assert table.strip() == outcomes_table()


def test_every_preset_is_documented() -> None:
    """In the table of docs/presets.md, by its name."""
    text = (ROOT / "docs" / "presets.md").read_text()
    assert [name for name in names() if f"| [{name}](#" not in text] == []


def _blocks(language: str) -> list[str]:
    texts = [README, *sorted((ROOT / "docs").glob("*.md"))]
    pattern = re.compile(rf"^```{language}\n(.*?)^```", re.MULTILINE | re.DOTALL)
    return [block for text in texts for block in pattern.findall(text.read_text())]


@pytest.mark.parametrize("block", _blocks("toml"))
def test_every_configuration_shown_loads(block: str, tmp_path: Path) -> None:
    """TOML examples are taken by the code that reads them."""
    document = tomllib.loads(block)
    lines = [block]
    if "base_url" not in document.get("sap", {}):
        lines.append('[sap]\nbase_url = "sap.example.com"\nclient_id = "c"\nclient_secret = "s"\n')
    secret = tmp_path / "secret"
    secret.write_text("s\n")
    named = document.get("sap", {}).get("client_secret_file")
    config = tmp_path / "frontdesk.toml"
    text = "\n".join(lines).replace('"gateway_key"', f'"{secret}"')
    config.write_text(text.replace(f'"{named}"', f'"{secret}"'))
    assert settings.load(str(config), {})


@pytest.mark.parametrize("block", _blocks("python"))
def test_every_python_example_runs(block: str, tmp_path: Path) -> None:
    """Python examples run as they stand, given an app."""

    class App:
        def add_middleware(self, middleware: type) -> None:
            middleware(self)

    compiled = compile(block, "example", "exec")
    exec(compiled, {"app": App()})  # noqa: S102 - our own example


def test_links_lead_somewhere() -> None:
    """Relative links name files that exist."""
    for text in (README, ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\((?!https?://)([^)#]+)", text.read_text()):
            assert (text.parent / target).exists(), f"{text.name}: {target}"


def test_the_commands_shown_exist() -> None:
    """`make` targets and `frontdesk` commands of the documents are there."""
    shown = "\n".join(path.read_text() for path in (README, *(ROOT / "docs").glob("*.md")))
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"(?:^|`)make ([a-z]+)", shown, re.MULTILINE))
    assert {"demo", "test"} <= targets
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    command = [sys.executable, "-m", "frontdesk_sidecar", "--help"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    names = "run demo simulate explain status dead pause resume forget check init proxy"
    for name in set(re.findall(rf"`?frontdesk ({'|'.join(names.split())})\b", shown)):
        assert name in text, name


def test_a_rule_of_the_readme_is_a_rule() -> None:
    """The README's rule means what it says."""
    rule = Rule("Signed Up", "POST /{locale}/club/join", traits={"email": "request.form.email"})
    assert (rule.method, rule.path) == ("POST", "/{locale}/club/join")
