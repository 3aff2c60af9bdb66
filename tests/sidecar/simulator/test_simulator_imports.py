"""The simulator shares nothing with the client it tests."""

from __future__ import annotations

import ast
from pathlib import Path

import frontdesk_sidecar.simulator

PACKAGE = "frontdesk_sidecar.simulator"


def test_no_import_from_the_rest_of_the_house() -> None:
    """A client and a simulator built on the same code would share its mistakes."""
    [folder] = frontdesk_sidecar.simulator.__path__
    imported = {
        name
        for path in Path(folder).glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        for name in _imports(node)
    }
    own = {name for name in imported if name.partition(".")[0].startswith("frontdesk")}
    assert own
    assert all(name.startswith(f"{PACKAGE}") for name in own)


def _imports(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []
