"""Text as a terminal shows it: without what it would obey, and how many columns it takes. Pure."""

from __future__ import annotations

import textwrap
import unicodedata
from functools import lru_cache
from typing import Final

#: Makes some terminals show the character before it in two columns.
_AS_PICTURE: Final = "\ufe0f"


def printable(text: str) -> str:
    """Without what a terminal would obey: texts come from SAP, and values from shoppers."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else "�" for char in text)


@lru_cache(maxsize=1024)
def _columns(char: str) -> int:
    """Unicode Standard Annex 11; what joins the character before it takes none."""
    if char == _AS_PICTURE:
        return 1
    if unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def columns(text: str) -> int:
    """How many columns a terminal needs for it, at most."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def cut(text: str, width: int, more: str = "…") -> str:
    """The text, or as much of it as fits with `more` at its end."""
    if columns(text) <= width:
        return text
    room = width - columns(more)
    if room < 0:
        return ""
    kept = 0
    for place, char in enumerate(text):
        kept += _columns(char)
        if kept > room:
            return text[:place] + more
    return text + more


def padded(text: str, width: int, more: str = "…") -> str:
    """The text in exactly so many columns."""
    text = cut(text, width, more)
    return text + " " * (width - columns(text))


def wrapped(text: str, width: int, indent: str = "  ") -> list[str]:
    """The text as rows of at most `width` columns, all but the first indented."""
    if width <= columns(indent):
        return [cut(text, width, "")]
    if text.isascii():
        return textwrap.wrap(text, width, subsequent_indent=indent) or [""]
    rows: list[str] = []
    row = text[: len(text) - len(text.lstrip())]
    for word in text.split():
        longer = f"{row} {word}" if row.strip() else row + word
        if columns(longer) <= width:
            row = longer
            continue
        if row.strip():
            rows.append(row)
        row = indent + word if rows else word
        while columns(row) > width:
            head = cut(row, width, "")
            if not head.strip():  # a character wider than the room
                return rows or [""]
            rows.append(head)
            row = indent + row[len(head) :]
    return [*rows, row] if row.strip() or not rows else rows
