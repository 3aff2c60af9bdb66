"""Rows of a screen: pieces of text, each with a style that a terminal may show as a colour. Pure.

No style says anything that the text does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

from frontdesk_sidecar.admin.plain import columns, cut, padded, printable, wrapped

#: A text and its style: "", "strong", "faint", "good", "warn" or "bad".
Piece: TypeAlias = tuple[str, str]
Row: TypeAlias = tuple[Piece, ...]

#: What stands for characters that ASCII does not have.
_IN_ASCII: Final = str.maketrans(
    {"…": ".", "→": ">", "─": "-", "▶": ">", "╌": ".", "╳": "x", "·": ".", "—": "-", "•": "*"}
)


class Pen:
    """Writes rows of at most `width` columns; in ASCII alone, if that is all there is."""

    def __init__(self, width: int, *, ascii_only: bool = False) -> None:
        self.width = width
        self.ascii_only = ascii_only

    def clean(self, text: object) -> str:
        """Text that a terminal shows as it is."""
        shown = printable(str(text))
        if not self.ascii_only or shown.isascii():
            return shown
        return shown.translate(_IN_ASCII).encode("ascii", "replace").decode()

    def row(self, *pieces: str | Piece) -> Row:
        """One row; what is beyond the edge is cut off."""
        room, told = self.width, []
        for piece in pieces:
            text, style = (piece, "") if isinstance(piece, str) else piece
            text = cut(self.clean(text), room, self.clean("…"))
            if text:
                told.append((text, style))
                room -= columns(text)
        return tuple(told)

    def cell(self, text: object, width: int) -> str:
        """A text in exactly so many columns."""
        return padded(self.clean(text), width, self.clean("…"))

    def paragraph(self, text: str, style: str = "", *, indent: str = "  ") -> list[Row]:
        """A text on as many rows as it takes."""
        return [self.row((one, style)) for one in wrapped(self.clean(text), self.width, indent)]

    def ends(self, left: Sequence[str | Piece], right: str) -> Row:
        """Something at the left edge and, if there is room, something at the right one."""
        begun = self.row(*left)
        gap = self.width - width_of(begun) - columns(self.clean(right))
        return begun if gap < 1 else (*begun, *self.row((" " * gap + right, "faint")))


def width_of(row: Row) -> int:
    """In columns."""
    return sum(columns(text) for text, _ in row)


def plain(row: Row) -> str:
    """Without styles."""
    return "".join(text for text, _ in row).rstrip()
