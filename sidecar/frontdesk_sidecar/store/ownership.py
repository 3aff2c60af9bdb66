"""Whose the store's files are, and who else gets at them.

The file and what lies beside it (log, ballast, key, what was set aside) belong to the user that
runs the sidecar and have mode 0600. The directory belongs to that user or to root; others do not
write there. A group that we are in may: Kubernetes gives a volume to root and to the pod's
`fsGroup`, mode 2770 (https://kubernetes.io/docs/tasks/configure-pod-container/security-context/).
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from frontdesk_sidecar.store.errors import StoreError

PRIVATE: Final = 0o600
#: What SQLite and we keep beside the file, under its name with this added.
BESIDE: Final = ("-wal", "-journal", ".ballast", ".suspect", ".key")


@dataclass(frozen=True, slots=True)
class Identity:
    """The user that runs this process, and its groups."""

    uid: int
    groups: frozenset[int]

    @classmethod
    def current(cls) -> Self:
        """Ours."""
        return cls(os.geteuid(), frozenset((os.getegid(), *os.getgroups())))


def secure(path: Path, who: Identity | None = None) -> None:
    """Make the directory (0700) if it is missing, and check it and the files that are there.

    A file of ours with another mode is made 0600. Raises StoreError that names what is wrong and
    the remedy, or OSError.
    """
    who = who or Identity.current()
    make_directory(path.parent, 0o700)
    _check_directory(path.parent, who)
    for file in (path, *(path.with_name(path.name + suffix) for suffix in BESIDE)):
        _check_file(file, who)


def make_directory(path: Path, mode: int) -> None:
    """Make what is missing of it; above it only the owner writes, whatever the umask."""
    if not path.parent.exists():
        make_directory(path.parent, 0o755)
    path.mkdir(mode=mode, exist_ok=True)


def create(path: Path) -> None:
    """Make an empty file, 0600 whatever the umask, unless there is one. Raises OSError."""
    # Opening an existing file here and closing it again would drop the POSIX locks of a
    # connection in this process (https://www.sqlite.org/howtocorrupt.html, section 2.2).
    if not os.path.lexists(path):
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, PRIVATE)
        try:
            os.fchmod(descriptor, PRIVATE)
        finally:
            os.close(descriptor)


def give_like(path: Path, model: Path) -> None:
    """When we are root, let a new file belong to whom the model belongs to. Raises OSError.

    SQLite does the same for its log: `frontdesk` run by root must not lock the sidecar out.
    """
    if os.geteuid() == 0:
        status = os.stat(model)
        os.chown(path, status.st_uid, status.st_gid)


def _check_directory(directory: Path, who: Identity) -> None:
    status = os.lstat(directory)
    trusted = {who.uid, 0}
    if who.uid != 0 and status.st_uid not in trusted:
        raise _not_ours(directory, status, who)
    if stat.S_ISLNK(status.st_mode):  # of ours or of root: somebody's decision; what it leads to?
        status = os.stat(directory)
        if who.uid != 0 and status.st_uid not in trusted:
            raise _not_ours(directory.resolve(), status, who)
    if status.st_mode & stat.S_ISVTX:  # as in /tmp: nobody renames or deletes a file of ours
        return
    if status.st_mode & stat.S_IWOTH:
        raise StoreError(f"everybody can write in {directory}; remedy: chmod o-w {directory}")
    if status.st_mode & stat.S_IWGRP and who.uid != 0 and status.st_gid not in who.groups:
        raise StoreError(
            f"group {status.st_gid}, which user {who.uid} is not in, can write in {directory}; "
            f"remedy: chmod g-w {directory}"
        )


def _check_file(path: Path, who: Identity) -> None:
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return
    if stat.S_ISLNK(status.st_mode):
        raise StoreError(
            f"{path} is a symbolic link; remedy: name the file itself in store.path, "
            f"or rm {path} if you did not make it"
        )
    if not stat.S_ISREG(status.st_mode):
        raise StoreError(f"{path} is not a file; store.path names the file")
    if who.uid not in (0, status.st_uid):
        raise _not_ours(path, status, who)
    if stat.S_IMODE(status.st_mode) != PRIVATE:
        path.chmod(PRIVATE)


def _not_ours(path: Path, status: os.stat_result, who: Identity) -> StoreError:
    return StoreError(
        f"{path} belongs to user {status.st_uid}, and frontdesk runs as user {who.uid}; "
        f"remedy: chown {who.uid} {path}"
    )
