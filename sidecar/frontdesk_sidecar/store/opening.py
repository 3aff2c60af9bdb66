"""Opening a file: whose is it, is it whole, and if not, what can be kept of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

from frontdesk_sidecar.store import damage, ownership, salvage, versions
from frontdesk_sidecar.store.damage import Migrations
from frontdesk_sidecar.store.errors import StoreError
from frontdesk_sidecar.store.rescue import Sound
from frontdesk_sidecar.store.salvage import SalvageReport
from frontdesk_sidecar.store.space import Space
from frontdesk_sidecar.store.sqlite_errors import translate

#: How long to wait for a process that is just closing the file.
BUSY_S: Final = 0.25
# First of all: then the WAL's index is in memory, no other process gets in, and the races between
# several connections (https://www.sqlite.org/wal.html#walresetbug) cannot happen.
_ALONE: Final = "PRAGMA locking_mode = EXCLUSIVE"


def open_whole(
    path: Path,
    migrations: Migrations,
    sound: Sound,
    now: Callable[[], datetime],
    space: Space,
) -> tuple[sqlite3.Connection, SalvageReport | None]:
    """A connection to a file without damage, and what was salvaged if there was some.

    A file that is missing is made. Raises what `SQLiteFile.open` does.
    """
    try:
        ownership.secure(path)
        versions.refuse_newer(path, len(migrations))
        salvage.resume(path)
        space.prepare()
        ownership.create(path)
        opened = _salvaged_or_whole(path, migrations, sound, now, space)
        damage.acquit(path)
    except sqlite3.Error as error:
        raise translate(error) from error
    except OSError as error:
        raise StoreError(f"cannot be opened: {error.strerror}; store.path names it") from error
    return opened


def _salvaged_or_whole(
    path: Path,
    migrations: Migrations,
    sound: Sound,
    now: Callable[[], datetime],
    space: Space,
) -> tuple[sqlite3.Connection, SalvageReport | None]:
    report = None
    found = damage.lost_its_file(path)
    connection = None if found else _connect(path)
    try:
        if connection is not None and path.stat().st_size > 0:
            found = damage.find(path, connection, migrations)
        if found is not None:
            space.prepare(path.stat().st_size)
            report = salvage.salvage(path, connection, found, migrations, sound=sound, now=now)
            connection = None
    except BaseException:
        if connection is not None:
            connection.close()
        raise
    return connection or _connect(path), report


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, timeout=BUSY_S, isolation_level=None, check_same_thread=False
    )
    # SQLite has no checksums: a flipped bit in one text must not stop everybody's deliveries.
    connection.text_factory = _text
    connection.execute(_ALONE)
    return connection


def _text(data: bytes) -> str:
    return data.decode(errors="replace")
