"""docs/sizing.md calculates right, with figures that docs/performance.md has."""

from __future__ import annotations

import ast
import operator
import re

import pytest

from docs_support import DOCS

PAGE = (DOCS / "sizing.md").read_text()
MEASURED = (DOCS / "performance.md").read_text()
_DO = {ast.Add: operator.add, ast.Mult: operator.mul, ast.Div: operator.truediv}
SUMS = re.findall(r"`([^`=]+) = ([\d.]+)`", PAGE)


def value(node: ast.expr) -> float:
    """What an expression of numbers comes to."""
    if isinstance(node, ast.BinOp):
        return float(_DO[type(node.op)](value(node.left), value(node.right)))
    assert isinstance(node, ast.Constant)
    assert isinstance(node.value, int | float)
    return float(node.value)


@pytest.mark.parametrize(("left", "right"), SUMS)
def test_a_sum_is_right(left: str, right: str) -> None:
    """To the digits that are shown."""
    found = value(ast.parse(left.replace("×", "*"), mode="eval").body)
    assert found == pytest.approx(float(right), rel=0.01)


def test_there_are_sums() -> None:
    """Most figures have one."""
    assert len(SUMS) > 15


def test_the_figures_are_the_measured_ones() -> None:
    """Each of the first table stands in the tables of the measurements."""
    table = PAGE.partition("## The figures")[2].partition("\n## ")[0]
    rows = [line.split("|") for line in table.splitlines() if line.startswith("| ")][1:]
    assert len(rows) == 11
    for row in rows:
        for number in re.findall(r"[\d.,]*\d", row[2]):
            assert re.search(rf"(?<![\d.,]){re.escape(number)}(?![\d])", MEASURED), number
