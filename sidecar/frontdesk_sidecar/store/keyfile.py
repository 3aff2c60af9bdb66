"""The secret that keys the fingerprints of delivered payloads, in a file beside the store.

Apart from the store, so that a copy of the store alone tells nothing of the values it has let go.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

KEY_BYTES = 32


def read_or_make_key(path: Path) -> bytes:
    """The secret in `path`, made with mode 0600 if there is none; 32 bytes.

    One that cannot be kept or is not whole is replaced by a passing one: customers are then sent
    once more than needed.
    """
    try:
        key = path.read_bytes()
    except OSError:
        key = b""
    if len(key) == KEY_BYTES:
        return key
    key = secrets.token_bytes(KEY_BYTES)
    try:
        _write(path, key)
    except OSError:
        return key
    return key


def _write(path: Path, key: bytes) -> None:
    """All of it or nothing, whatever dies when."""
    passing = path.with_name(path.name + ".new")
    passing.unlink(missing_ok=True)
    fd = os.open(passing, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
    try:
        os.write(fd, key)
        os.fsync(fd)
    finally:
        os.close(fd)
    passing.replace(path)
