"""docs/security.md claims nothing that no test shows."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "security.md"
_NAMED = re.compile(r"`([\w/]+\.py)::(test_\w+)`")
ROWS = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
#: Rows of claims: the last column names tests.
CLAIMS = [row for row in ROWS if row.count("|") == 3 and not row.startswith(("| what", "| claim"))]
NAMED = sorted({found for row in CLAIMS for found in _NAMED.findall(row)})


@cache
def names_in(path: str) -> frozenset[str]:
    """The names of a file's tests."""
    tree = ast.parse((ROOT / "tests" / path).read_text())
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, kinds))


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_every_named_test_is_there(path: str, name: str) -> None:
    """In the file that is said."""
    assert name in names_in(path)


def test_every_claim_names_a_test() -> None:
    """Or says in its last column that none can: `not shown`, and why."""
    assert len(CLAIMS) > 40
    for row in CLAIMS:
        last = row.split("|")[2]
        assert _NAMED.search(last) or "not shown" in last, row


def test_no_attack_is_left_out() -> None:
    """What is tested for safety stands on the page."""
    here = {f"security/{path.name}" for path in Path(__file__).parent.glob("test_*.py")}
    assert here - {path for path, _ in NAMED} == {"security/test_security_claims.py"}
