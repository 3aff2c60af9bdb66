"""What the tests of the documents share."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from frontdesk.journal import DEFAULT_DIRECTORY, LIMIT_BYTES
from frontdesk_sidecar.settings_table import REQUIRED

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
README = ROOT / "README.md"
#: What is written for people who run it, in the order of its names.
PAGES = (
    README,
    *sorted(DOCS.glob("*.md")),
    *sorted((ROOT / "examples").glob("**/README.md")),
)
#: What the web side reads: key, default, what it is.
CAPTURE: Final = (
    ("capture.journal", DEFAULT_DIRECTORY, "Directory shared by web processes and sidecar"),
    ("capture.site", None, "Name of this storefront, given with each message"),
    ("capture.presets", "auto", "Built-in rules, by name; see docs/presets.md"),
    ("capture.rule", None, "Your own rules, `[[capture.rule]]` tables; in the file only"),
    ("capture.consent", None, "Consent required for a capture, as a table; in the file only"),
    ("capture.drop", None, "Traits that do not leave the web process"),
    ("capture.hash", None, "Traits that leave as a SHA-256 alone"),
    ("capture.journal_limit_bytes", LIMIT_BYTES, "Above this the journal takes no more"),
)
#: What only the file can say of the sidecar.
IN_FILE: Final = (
    ("sap.mapping", "see above", "Attributes, as a table"),
    ("sap.event_mapping", "", "Attributes for one event, as tables"),
    ("sap.headers", "", 'Headers for every request, as a table of texts or `{file = "…"}`'),
    ("sap.target", "", "Other targets by name, as tables: `sites`, `events`, and what differs"),
)
_FENCE = re.compile(
    r"^(?P<indent> *)```(?P<head>[^`\n]*)\n(?P<text>.*?)^ *```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Block:
    """A fenced block of a page: its language, the file that it is to be, if any, and its text."""

    page: Path
    line: int
    language: str
    title: str
    text: str

    @property
    def name(self) -> str:
        """Where it stands, for a test's name."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    def commands(self) -> Iterator[tuple[str, str]]:
        """Of a terminal's session: each command after `$`, and what it shows."""
        for part in re.split(r"^\$ ", self.text, flags=re.MULTILINE)[1:]:
            command, _, shown = part.partition("\n")
            yield command, shown.rstrip("\n")


def blocks(page: Path) -> Iterator[Block]:
    """The fenced blocks of a page, in their order."""
    text = page.read_text()
    for found in _FENCE.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        indent = found["indent"]
        lines = (one.removeprefix(indent) for one in found["text"].splitlines())
        language, _, more = found["head"].strip().partition(" ")
        title = more.removeprefix('title="').removesuffix('"')
        yield Block(page, line, language, title, "".join(f"{one}\n" for one in lines))


def all_blocks() -> list[Block]:
    """Those of every page."""
    return [block for page in PAGES for block in blocks(page)]


def shown_as(text: str) -> re.Pattern[str]:
    """What a page shows, where `…` stands for anything, and alone in a line for any lines."""
    lines = []
    for line in text.splitlines():
        if line == "…":
            lines.append("(?s:.*)")
        else:
            lines.append(".*".join(re.escape(part) for part in line.split("…")))
    pattern = "\n".join(lines).replace("(?s:.*)\n", "(?s:.*\n)?").replace("\n(?s:.*)", "(?s:\n.*)?")
    return re.compile(pattern)


def assert_generated(page: Path, name: str, text: str) -> None:
    """What stands between the marks `<!-- name -->` of a page; UPDATE_DOCS=1 writes it."""
    written = page.read_text()
    begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    before, has_begin, rest = written.partition(begin)
    held, has_end, after = rest.partition(end)
    assert has_begin, f"{page.name} has no mark for {name}"
    assert has_end, f"{page.name} has no mark for the end of {name}"
    if os.environ.get("UPDATE_DOCS"):
        page.write_text(f"{before}{begin}{text.rstrip()}\n{end}{after}")
        return
    hint = f"docs/{page.name} is not what the code says: UPDATE_DOCS=1 pytest tests/docs writes it"
    assert held.strip() == text.strip(), hint


def default_of(default: object) -> str:
    """A default as the tables show it."""
    if default is REQUIRED:
        return "required"
    return "" if default is None else f"`{default}`"
