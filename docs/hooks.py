"""Makes the site of what the repository has: README is its home, what pages link to is there.

The pages link to each other and to examples as files do, so that they can be read where they lie.
A site knows nothing outside of its folder: here such links get a place below `source/`.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT: Final = Path(__file__).resolve().parents[1]
#: Pages that lie elsewhere in the repository than in the site.
PAGES: Final = {"README.md": "index.md", "CHANGELOG.md": "changelog.md"}
_OF_PAGES: Final = {site: place for place, site in PAGES.items()}
#: `](target` of a link or an image to a file, with its anchor; of what is no code.
_LINK: Final = re.compile(r"(?P<head>\]\()(?P<target>(?![a-z]+:|#|/)[^)#\s]+)(?P<rest>[^)]*\))")
_CODE: Final = re.compile(r"^ *```.*?^ *```|`[^`\n]+`", re.MULTILINE | re.DOTALL)
_HIDDEN: Final = re.compile(r"(^|/)(\.|__pycache__|.*\.pyc$)")


def site_place(place: str) -> str:
    """Where a file of the repository, or the list of a folder, is in the site."""
    if place in PAGES:
        return PAGES[place]
    if place.startswith("docs/"):
        return place.removeprefix("docs/")
    if not (ROOT / place).is_dir():
        return f"source/{place}"
    has_text = (ROOT / place / "README.md").is_file()
    return f"source/{place}/{'README' if has_text else 'index'}.md"


def repository_place(site: str) -> str:
    """The way back: which file a page of the site is made of; of a list, a file in its folder."""
    if site in _OF_PAGES:
        return _OF_PAGES[site]
    return site.removeprefix("source/") if site.startswith("source/") else f"docs/{site}"


def relinked(text: str, site: str) -> str:
    """The text of a page with its links to where the site has what they lead to."""
    folder = posixpath.dirname(repository_place(site))

    def place(link: re.Match[str]) -> str:
        target = site_place(posixpath.normpath(posixpath.join(folder, link["target"])))
        way = posixpath.relpath(target, posixpath.dirname(site) or ".")
        return f"{link['head']}{way}{link['rest']}"

    return _outside_code(text, place)


def linked(text: str, site: str) -> Iterator[str]:
    """What of the repository a page links to."""
    folder = posixpath.dirname(repository_place(site))
    for link in _LINK.finditer(_CODE.sub("", text)):
        yield posixpath.normpath(posixpath.join(folder, link["target"]))


def _outside_code(text: str, place: Callable[[re.Match[str]], str]) -> str:
    parts, end = [], 0
    for code in _CODE.finditer(text):
        parts += [_LINK.sub(place, text[end : code.start()]), code[0]]
        end = code.end()
    parts.append(_LINK.sub(place, text[end:]))
    return "".join(parts)


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add README and the others, and all that pages link to, whatever page that is."""
    for place, site in PAGES.items():
        if (ROOT / place).is_file():
            files.append(File.generated(config, site, abs_src_path=str(ROOT / place)))
    waiting = list(files.documentation_pages())
    while waiting:
        page = waiting.pop()
        for place in linked(page.content_string, page.src_uri):
            for file in _files_of(place, config):
                if files.get_file_from_path(file.src_uri) is None:
                    files.append(file)
                    if file.is_documentation_page():
                        waiting.append(file)
    return files


def _files_of(place: str, config: MkDocsConfig) -> Iterator[File]:
    """What the site needs for a link to one place outside of its own pages."""
    path, site = ROOT / place, site_place(place)
    if not site.startswith("source/"):
        return
    if path.is_file():
        yield File.generated(config, site, abs_src_path=str(path))
    elif path.is_dir():
        names = sorted(one.relative_to(path).as_posix() for one in path.rglob("*") if one.is_file())
        names = [name for name in names if not _HIDDEN.search(name)]
        text = path / "README.md"
        head = f"{text.read_text()}\n## Files" if text.is_file() else f"# {place}"
        lines = [head, "", *(f"- [{name}]({name})" for name in names if name != "README.md"), ""]
        yield File.generated(config, site, content="\n".join(lines))


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links as the site has them."""
    return relinked(markdown, page.file.src_uri)
