"""The site is built strictly, is whole in itself, and has every page in its navigation."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from docs_support import DOCS, ROOT

_LOADED = re.compile(
    r"<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)=[\"']?((?:https?:)?//[^\"' >]+)"
)
#: What a page's own address is, where one is set: nothing is loaded from there.
_NO_LOAD = re.compile(r"rel=[\"']?(?:canonical|prev|next)")


def built(folder: Path) -> subprocess.CompletedProcess[str]:
    """The site, built as `make docs` builds it."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-d", str(folder)]
    environ = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(
        command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where it was built."""
    folder = tmp_path_factory.mktemp("site")
    done = built(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    """No font, script, style or picture: the site works without a network."""
    for page in site.rglob("*.html"):
        tags = [one for one in re.findall(r"<[^>]+>", page.read_text()) if not _NO_LOAD.search(one)]
        assert [one for one in tags if _LOADED.match(one)] == [], page
    for style in site.rglob("*.css"):
        assert re.findall(r"url\([\"']?(?:https?:)?//[^)]*", style.read_text()) == [], style


def test_what_pages_link_to_is_there(site: Path) -> None:
    """README is the home; examples and other files are at hand, folders as lists."""
    assert "frontdesk demo" in (site / "cli.html").read_text()
    home = (site / "index.html").read_text()
    assert "The storefront’s front desk" in home or "The storefront's front desk" in home
    assert (site / "source" / "examples" / "observability" / "rules.yml").is_file()
    listed = (site / "source" / "examples" / "observability" / "index.html").read_text()
    assert 'href="dashboard.json"' in listed
    assert (site / "openapi.yaml").is_file()


def test_every_page_has_its_place() -> None:
    """In one of the five parts of the navigation."""
    document = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
    parts = [next(iter(part)) for part in document["nav"]]
    assert parts == ["Home", "Tutorial", "How-to", "Reference", "Explanation", "Troubleshooting"]
    placed = {*_pages(document["nav"])}
    assert {page.name for page in DOCS.glob("*.md")} <= placed


def _pages(part: Any) -> list[str]:
    if isinstance(part, str):
        return [part]
    parts = part.values() if isinstance(part, dict) else part
    return [page for one in parts for page in _pages(one)]


def test_a_broken_link_fails_the_build(tmp_path: Path) -> None:
    """What the strictness is for: a page's or an anchor's name that is none."""
    config = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
    for name, text in (("page", "[x](missing.md)"), ("anchor", "[x](index.md#missing)")):
        folder = tmp_path / name
        (folder / "docs").mkdir(parents=True)
        (folder / "docs" / "index.md").write_text(f"# Home\n\n{text}\n")
        own = {key: config[key] for key in ("site_name", "strict", "validation")}
        (folder / "mkdocs.yml").write_text(yaml.safe_dump(own))
        command = [sys.executable, "-m", "mkdocs", "build"]
        done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
        assert done.returncode == 1, name
