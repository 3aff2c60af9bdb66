"""Markdown tables."""

from __future__ import annotations

from collections.abc import Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; the first column is text, the others are figures."""
    lines = [_line(head), _line(["---", *["---:"] * (len(head) - 1)])]
    lines += [_line(row) for row in rows]
    return "\n".join(lines) + "\n"


def bullets(points: Sequence[str]) -> str:
    """A list."""
    return "".join(f"- {point}\n" for point in points)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
