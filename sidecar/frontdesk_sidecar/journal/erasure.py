"""Where in the journal a customer is still named, and whether all of it is in the store."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from frontdesk.journal import SUFFIX

#: Of the others, none is in an address.
_ESCAPE: Final = re.compile(r'\\(?:u([0-9A-Fa-f]{4})|(["\\/]))')


def is_taken_in(directory: Path, offsets: Mapping[str, int]) -> bool:
    """Whether every segment was absorbed up to its end of now; `offsets` are the committed ones."""
    return all(_size(path) <= offsets.get(path.name, 0) for path in directory.glob(f"*{SUFFIX}"))


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
        return path.is_file() and not path.is_symlink() and _holds(path, key)
    except FileNotFoundError:
        return False
    except OSError:
        return True


def _holds(path: Path, key: str) -> bool:
    with path.open("rb") as segment:
        return any(key in _unescaped(line).lower() for line in segment)


def _unescaped(line: bytes) -> str:
    """The text of a line as JSON means it, whole or not: other writers escape more than ours."""
    text = line.decode(errors="replace")
    if "\\" not in text:
        return text
    text = _ESCAPE.sub(lambda found: chr(int(found[1], 16)) if found[1] else found[2], text)
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
