"""Where in the journal a customer is still named, and whether all of it is in the store."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import orjson

from frontdesk.journal import SUFFIX


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
    wanted = orjson.dumps(key.lower())[1:-1]
    return sum(_names(path, wanted) for path in directory.glob(f"*{SUFFIX}"))


def _names(path: Path, wanted: bytes) -> bool:
    try:
        return path.is_file() and not path.is_symlink() and _holds(path, wanted)
    except FileNotFoundError:
        return False
    except OSError:
        return True


def _holds(path: Path, wanted: bytes) -> bool:
    with path.open("rb") as segment:
        return any(wanted in line.decode(errors="replace").lower().encode() for line in segment)
