"""Where in the journal a customer is still named, and how much of it is not in the store yet."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from frontdesk.journal import SUFFIX
from frontdesk_sidecar.journal.lines import hole
from frontdesk_sidecar.journal.segments import opened

_BLOCK: Final = 256 * 1024
#: Of the others, none is in an address.
_ESCAPE: Final = re.compile(r'\\(?:u([0-9A-Fa-f]{4})|(["\\/]))')


def is_taken_in(directory: Path, offsets: Mapping[str, int]) -> bool:
    """Whether every segment was absorbed up to its end of now; `offsets` are the committed ones."""
    return all(_size(path) <= offsets.get(path.name, 0) for path in directory.glob(f"*{SUFFIX}"))


def unread(directory: Path, offsets: Mapping[str, int]) -> tuple[int, int]:
    """How many bytes of the journal were not absorbed yet, and of how many segments it is.

    Raises OSError when the directory cannot be read.
    """
    names = [name for name in os.listdir(directory) if name.endswith(SUFFIX)]
    waiting = (_size(directory / name) - offsets.get(name, 0) for name in names)
    return sum(max(0, one) for one in waiting), len(names)


def _size(path: Path) -> int:
    try:
        return path.stat(follow_symlinks=False).st_size if path.is_file() else 0
    except OSError:
        return 0


def segments_naming(directory: Path, key: str) -> int:
    """How many segments hold the customer's address, in any case; unreadable ones count too."""
    return sum(_names(path, key.lower()) for path in directory.glob(f"*{SUFFIX}"))


def _names(path: Path, key: str) -> bool:
    try:
        if path.is_symlink() or not path.is_file():
            return False
        with opened(path) as segment:
            return _holds(segment, key)
    except FileNotFoundError:
        return False
    except OSError:
        return True


def _holds(segment: int, key: str) -> bool:
    """Block by block: a file without line breaks may be as long as it likes."""
    overlap = 12 * (len(key) + 1)  # no character takes more bytes, however it is written
    at, block = 0, b""
    while chunk := os.pread(segment, _BLOCK, at):
        at += len(chunk)
        block = block[-overlap:] + chunk
        if key in _unescaped(block).lower():
            return True
        if not chunk[-1]:
            at += hole(segment, at)
    return False


def _unescaped(line: bytes) -> str:
    """The text of lines as JSON means it, whole or not: other writers escape more than ours."""
    text = line.decode(errors="replace")
    if "\\" not in text:
        return text
    text = _ESCAPE.sub(lambda found: chr(int(found[1], 16)) if found[1] else found[2], text)
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
