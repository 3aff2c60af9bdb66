"""Rows as the bytes that draw them, with no more than what changed. Pure.

The sequences are those of ECMA-48 that every terminal but `dumb` knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from frontdesk_sidecar.top.rows import Row, width_of

#: Select graphic rendition, by style: 8.3.117 of ECMA-48.
_COLOURS: Final = {"strong": "1", "faint": "2", "good": "32", "warn": "1;33", "bad": "1;31"}
#: Another screen, no cursor, and no new line at the right edge; and back.
ENTER: Final = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[H\x1b[2J"
LEAVE: Final = "\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l"
_KEYS: Final = {
    b"\x1b[A": "up",
    b"\x1b[B": "down",
    b"\x1bOA": "up",
    b"\x1bOB": "down",
    b"\x1b[5~": "page up",
    b"\x1b[6~": "page down",
    b"\x1b": "escape",
    b"\r": "enter",
    b"\n": "enter",
    b"\x04": "end",
}


def painted(rows: Sequence[Row], before: Sequence[Row] | None, *, width: int, colour: bool) -> str:
    """What makes the screen show these rows where it shows those of `before`; None: anything."""
    known = before or ()
    told = ["\x1b[H\x1b[2J"] if before is None else []
    for number in range(max(len(rows), len(known))):
        row = rows[number] if number < len(rows) else ()
        if row == (known[number] if number < len(known) else ()):
            continue
        # At the right edge the cursor stays on the last column, which would be erased.
        rest = "\x1b[K" if width_of(row) < width else ""
        told.append(f"\x1b[{number + 1};1H{_drawn(row, colour=colour)}{rest}")
    return "".join(told)


def _drawn(row: Row, *, colour: bool) -> str:
    if not colour:
        return "".join(text for text, _ in row)
    return "".join(
        f"\x1b[{_COLOURS[style]}m{text}\x1b[0m" if style in _COLOURS else text
        for text, style in row
    )


def keys(typed: bytes) -> list[str]:
    """The names of the keys in what was typed; of a sequence that is not known nothing."""
    found = []
    while typed:
        name, length = _key(typed)
        typed = typed[length:]
        if name:
            found.append(name)
    return found


def _key(typed: bytes) -> tuple[str, int]:
    for sequence in sorted(_KEYS, key=len, reverse=True):
        if typed.startswith(sequence) and (len(sequence) > 1 or sequence != b"\x1b"):
            return _KEYS[sequence], len(sequence)
    if typed[:1] != b"\x1b":
        return typed[:1].decode("latin-1"), 1
    if typed[1:2] not in (b"[", b"O"):
        return "escape", 1
    end = next((at for at in range(2, len(typed)) if 0x40 <= typed[at] <= 0x7E), len(typed) - 1)
    return "", end + 1
