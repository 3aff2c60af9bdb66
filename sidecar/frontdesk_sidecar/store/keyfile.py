"""The secret that keys the fingerprints of delivered payloads, in a file beside the store.

Apart from the store, so that a copy of the store alone tells nothing of the values it has let go.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from pathlib import Path
from typing import Final

from frontdesk_sidecar.store.errors import StoreError
from frontdesk_sidecar.store.ownership import PRIVATE, give_like

KEY_BYTES: Final = 32
# Not to wait for whoever might write into a FIFO.
_READING: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_WRITING: Final = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC


def read_or_make_key(path: Path, *, uid: int | None = None) -> bytes:
    """The secret in `path`, made with mode 0600 if there is none; 32 bytes.

    One that cannot be kept or is not whole is replaced by a passing one: customers are then sent
    once more than needed. `uid` is who runs this. Raises StoreError when it is somebody else's,
    or no file: whoever knows the key can guess values from their fingerprints.
    """
    try:
        key = _read(path, os.geteuid() if uid is None else uid)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EACCES, errno.EPERM, errno.ENXIO):
            raise _unusable(path, error.strerror or "cannot be opened") from error
        key = b""
    if len(key) == KEY_BYTES:
        return key
    key = secrets.token_bytes(KEY_BYTES)
    try:
        _write(path, key)
    except OSError:
        return key
    return key


def _read(path: Path, uid: int) -> bytes:
    fd = os.open(path, _READING)
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise _unusable(path, "it is not a file")
        owners = {uid} if uid else {0, os.stat(path.parent).st_uid}
        if status.st_uid not in owners:
            raise _unusable(path, f"it belongs to user {status.st_uid}")
        if stat.S_IMODE(status.st_mode) != PRIVATE:
            os.fchmod(fd, PRIVATE)
        return os.read(fd, KEY_BYTES + 1)
    finally:
        os.close(fd)


def _unusable(path: Path, why: str) -> StoreError:
    return StoreError(
        f"the key {path}: {why}; remedy: rm {path}, a new one is made, and customers are sent once"
        " more"
    )


def _write(path: Path, key: bytes) -> None:
    """All of it or nothing, whatever dies when."""
    passing = path.with_name(path.name + ".new")
    passing.unlink(missing_ok=True)
    fd = os.open(passing, _WRITING, PRIVATE)
    try:
        os.write(fd, key)
        os.fsync(fd)
    finally:
        os.close(fd)
    store = path.with_name(path.name.removesuffix(".key"))
    give_like(passing, store if store.exists() else path.parent)
    passing.replace(path)
