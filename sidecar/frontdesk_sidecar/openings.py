"""What a sidecar opens before it works: the journal's directory, the store, its own doors."""

from __future__ import annotations

import contextlib
import os
import socket
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from frontdesk_sidecar.forward.verdict import SECOND
from frontdesk_sidecar.logs.speaking import Voice
from frontdesk_sidecar.settings import Http, Settings
from frontdesk_sidecar.store import StoreError, StoreTooNew
from frontdesk_sidecar.store.damage import suspect
from frontdesk_sidecar.store.ownership import make_directory
from frontdesk_sidecar.store.sqlite import SQLiteStore


class CannotRun(Exception):  # noqa: N818 - says what is the case
    """Something outside the configuration keeps the sidecar from running; the text says what."""


class NeverRuns(CannotRun):
    """... and a new start will not help until a person did something."""


def make_journal(directory: Path) -> None:
    """Make the journal's directory if it is missing. Raises CannotRun."""
    try:
        if not directory.exists():
            make_directory(directory, 0o700)
            directory.chmod(0o2770)  # the web processes write there as members of the group
        os.scandir(directory).close()
    except OSError as error:
        remedy = "make it, or name another in capture.journal (FRONTDESK_JOURNAL)"
        raise CannotRun(f"journal {directory}: {error.strerror}; {remedy}") from error


@contextlib.contextmanager
def open_store(settings: Settings) -> Iterator[SQLiteStore]:
    """The open store. Raises CannotRun when it cannot be opened, or failed on the way."""
    path, now, pace = settings.store.path, time.time_ns() // 1000, settings.pace
    try:
        with SQLiteStore.open(
            path,
            rest_us=int(pace.rest_s * SECOND),
            quiet_until=now + int(pace.rest_s * SECOND),
            latest=now + int(pace.longest_s * SECOND),
            max_bytes=settings.store.max_bytes,
            ballast_bytes=settings.store.ballast_bytes,
        ) as store:
            yield store
    except StoreTooNew as error:
        raise NeverRuns(f"store {path}: {error}") from error
    except StoreError as error:
        raise CannotRun(f"store {path}: {error}") from error
    except BaseExceptionGroup as group:
        if (reason := _first(group, CannotRun)) is not None:
            raise CannotRun(str(reason)) from group
        failure = _first(group, StoreError)
        if failure is None:
            # Whatever it was: a value that is not of its type would be met again, start by start.
            suspect(path)
            raise
        # Started anew, the sidecar reads the journal from where the store last committed.
        raise CannotRun(f"store {path}: {failure}") from group


def _first(group: BaseExceptionGroup, kind: type[Exception]) -> BaseException | None:
    """The first exception of a kind in a tree of groups."""
    for error in group.exceptions:
        found = _first(error, kind) if isinstance(error, BaseExceptionGroup) else error
        if isinstance(found, kind):
            return found
    return None


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
        reason = error.strerror or str(error)
        Voice("frontdesk.sidecar").say(
            "no_socket", "commands need http.socket", path=str(path), reason=reason
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
