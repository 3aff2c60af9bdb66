"""What a sidecar opens before it works: the journal's directory and the doors to itself."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import stat
from dataclasses import dataclass
from pathlib import Path

from frontdesk_sidecar.settings import Http


class CannotRun(Exception):  # noqa: N818 - says what is the case
    """Something outside the configuration keeps the sidecar from running; the text says what."""


def make_journal(directory: Path) -> None:
    """Make the journal's directory if it is missing. Raises CannotRun."""
    try:
        if not directory.exists():
            directory.mkdir(parents=True)
            directory.chmod(0o2770)  # the web processes write there as members of the group
        os.scandir(directory).close()
    except OSError as error:
        remedy = "make it, or name another in capture.journal (FRONTDESK_JOURNAL)"
        raise CannotRun(f"journal {directory}: {error.strerror}; {remedy}") from error


def listen(http: Http) -> socket.socket:
    """A listening socket. Raises CannotRun."""
    family = socket.AF_INET6 if ":" in http.host else socket.AF_INET
    listener = socket.socket(family)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((http.host, http.port))
    except OSError as error:
        listener.close()
        raise CannotRun(f"http {http.host}:{http.port}: {error.strerror}") from error
    return listener


@dataclass(frozen=True, slots=True)
class Door:
    """A listening Unix socket, and which file it was bound to."""

    listener: socket.socket
    path: Path
    identity: tuple[int, int]

    def remove(self) -> None:
        """Take the file away, unless somebody put another one there."""
        with contextlib.suppress(OSError):
            if _identity(os.lstat(self.path)) == self.identity:
                self.path.unlink()


def listen_locally(path: Path) -> Door | None:
    """A listening Unix socket that only its owner can open; None when it cannot be had.

    The store is ours alone, so a socket that is there already was left by somebody who died.
    Raises CannotRun when something else is there: it is somebody's, and it stays.
    """
    listener = socket.socket(socket.AF_UNIX)
    try:
        _make_way(path)
        before = os.umask(0o177)
        try:
            listener.bind(str(path))
        finally:
            os.umask(before)
        listener.listen()
        return Door(listener, path, _identity(os.lstat(path)))
    except CannotRun:
        listener.close()
        raise
    except OSError as error:
        listener.close()
        logging.getLogger("frontdesk.sidecar").warning(
            "no_socket path=%s reason=%s: commands need http.socket", path, error.strerror or error
        )
        return None


def _make_way(path: Path) -> None:
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(status.st_mode):
        raise CannotRun(
            f"http.socket {path}: something that is no socket is there, and is left alone; move it,"
            " or name another path in http.socket (FRONTDESK_HTTP__SOCKET)"
        )
    path.unlink(missing_ok=True)


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino
