"""What is installed beside our own code, and what our own code does not do."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "middleware").rglob("*.py")) + sorted((ROOT / "sidecar").rglob("*.py"))
PINS = dict(
    line.split("==")
    for line in (ROOT / "constraints.txt").read_text().splitlines()
    if not line.startswith("#")
)


def plain(name: str) -> str:
    """The name of a distribution as the packaging standards compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


VERSIONS = {plain(name): version for name, version in PINS.items()}


def needed(name: str, found: dict[str, str]) -> dict[str, str]:
    """A distribution and all that it needs here, with the versions that are installed."""
    found[plain(name)] = metadata.version(name)
    for requirement in metadata.requires(name) or ():
        # What is for an extra, another system or another Python is not needed here.
        if ";" in requirement:
            continue
        match = re.match(r"[A-Za-z0-9._-]+", requirement)
        assert match is not None
        if plain(match[0]) not in found:
            needed(match[0], found)
    return found


def project() -> dict[str, list[str]]:
    """What the project asks for: `` alone, and by extra."""
    table = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return {"": table["dependencies"], **table["optional-dependencies"]}


def test_every_version_is_pinned() -> None:
    """One version of each, sorted, nothing else in the file."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()[1:]
    assert lines == sorted(lines, key=str.lower)
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!+]+", line) for line in lines)
    assert len(VERSIONS) == len(lines)


def test_what_the_sidecar_needs_is_pinned_and_installed_so() -> None:
    """All of it, to the last library of a library."""
    found: dict[str, str] = {}
    for requirement in project()["sidecar"]:
        match = re.match(r"[A-Za-z0-9._-]+", requirement)
        assert match is not None
        needed(match[0], found)
    assert {"httpx", "httpcore", "h11", "certifi", "starlette", "uvicorn", "click"} <= set(found)
    assert found == {name: VERSIONS.get(name) for name in found}


def test_the_web_process_gains_one_library() -> None:
    """Which itself needs none."""
    [requirement] = project()[""]
    assert requirement.startswith("orjson")
    assert set(needed("orjson", {})) == {"orjson"}


def installs(path: Path) -> Iterator[str]:
    """The commands of a file in which pip installs something."""
    text = path.read_text().replace("\\\n", " ")
    for line in text.splitlines():
        if not line.lstrip().startswith("#"):
            yield from (part for part in line.split("&&") if re.search(r"\binstall\b.*-", part))


@pytest.mark.parametrize("name", ["Dockerfile", "Makefile"])
def test_nothing_is_installed_but_what_was_tested(name: str) -> None:
    """Each `pip install` of the image and of make has the constraints."""
    found = [part for part in installs(ROOT / name) if "pip" in part]
    assert found
    for part in found:
        assert re.search(r"(-c|--constraint) constraints\.txt", part), part


def test_the_audit_fails_where_it_cannot_ask() -> None:
    """`--strict`: a version that nothing is known of is no clean one; and it asks of all."""
    makefile = (ROOT / "Makefile").read_text()
    assert re.search(r"pip-audit --strict .*--requirement constraints\.txt", makefile)
    assert re.search(r"cyclonedx-py environment .*--output-reproducible", makefile)
    assert {one.split(">")[0] for one in project()["security"]} == {"cyclonedx-bom", "pip-audit"}


#: What turns bytes into code, or a text into a command; and XML readers without a guard.
MEANS = {"eval", "exec", "compile", "__import__", "system", "popen", "execv", "execvp", "spawnv"}
LIBRARIES = {"pickle", "marshal", "shelve", "dill", "yaml", "xmlrpc", "telnetlib", "ftplib"}
#: The demo starts our own programs; a person at a terminal asks for an editor of nothing.
PROGRAMS = {"demo/stack.py"}


def test_nothing_that_comes_in_becomes_code() -> None:
    """No pickle, no YAML, no eval, no shell; other programs are the demo's own."""
    found = set()
    for path in SOURCES:
        name = "/".join(path.parts[-2:])
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                used = {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                used = {(node.module or "").split(".")[0]}
            elif isinstance(node, ast.Call):
                called = node.func
                bare = called.id if isinstance(called, ast.Name) else ""
                is_os = isinstance(called, ast.Attribute) and ast.unparse(called.value) == "os"
                used = {bare} | ({called.attr} if is_os else set())  # type: ignore[attr-defined] # `is_os` says what it is
                shells = [one for one in node.keywords if one.arg == "shell"]
                used |= {"a shell"} if shells else set()
            else:
                continue
            found |= {f"{name}: {one}" for one in used & (MEANS | LIBRARIES | {"a shell"})}
            found |= {f"{name}: subprocess" for one in used & {"subprocess"}}
    assert found == {f"{name}: subprocess" for name in PROGRAMS}


def test_xml_is_read_with_a_guard() -> None:
    """defusedxml, or expat that stops at a document type; the simulator is no part of a service."""
    readers = set()
    for path in SOURCES:
        if "simulator" in path.parts:
            continue
        for line in path.read_text().splitlines():
            if re.match(r"(import xml|from xml)", line) and "Element, ParseError" not in line:
                readers.add(path.name)
    assert readers == {"odata.py"}
    assert (
        "StartDoctypeDeclHandler = reader.refuse"
        in (ROOT / "sidecar/frontdesk_sidecar/sap/odata.py").read_text()
    )
