"""One SQLite file, opened by this process alone: pragmas, schema, transactions, errors.

Sources: https://www.sqlite.org/wal.html, /pragma.html, /lang_savepoint.html, /howtocorrupt.html.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self

from frontdesk_sidecar.store import damage
from frontdesk_sidecar.store.damage import Migrations
from frontdesk_sidecar.store.errors import (
    StoreError,
    StoreFailed,
    StoreFull,
    StoreHeld,
    StoreTooNew,
)
from frontdesk_sidecar.store.opening import open_whole
from frontdesk_sidecar.store.rescue import Sound
from frontdesk_sidecar.store.salvage import SalvageReport
from frontdesk_sidecar.store.space import Space
from frontdesk_sidecar.store.sqlite_errors import is_damage, translate
from frontdesk_sidecar.store.versions import program_of

_PRAGMAS: Final = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",  # in WAL mode NORMAL does not sync a commit
    "PRAGMA secure_delete = ON",  # what is erased is overwritten: these are people
    "PRAGMA temp_store = MEMORY",
    "PRAGMA cache_size = -4096",  # KiB
    "PRAGMA wal_autocheckpoint = 2000",  # pages of 4 KiB
    "PRAGMA journal_size_limit = 16777216",
    "PRAGMA trusted_schema = OFF",
)
_OUTER: Final = ("BEGIN IMMEDIATE", "COMMIT", ("ROLLBACK",))
_INNER: Final = ("SAVEPOINT part", "RELEASE part", ("ROLLBACK TO part", "RELEASE part"))


class SQLiteFile:
    """The file and its one connection. Any thread may use it, one at a time.

    `report` tells of a salvage while it was opened; None when the file was whole.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, space: Space) -> None:
        self.path = path
        self.connection = connection
        self.report: SalvageReport | None = None
        self._space = space
        self._depth = 0
        self._failed = False
        self._full = False
        self._identity = _identity(path)

    @classmethod
    def open(
        cls,
        path: Path,
        migrations: Migrations,
        *,
        max_bytes: int | None = None,
        ballast_bytes: int | None = None,
        sound: Sound = lambda _table, _row: True,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> Self:
        """Open or create the file and bring its schema up to date.

        A missing directory is made 0700 and the file 0600; SQLite gives the log the file's mode.
        A damaged file is set aside and its rows go into a new one, those that are `sound`; see
        `report`. On a full disk the ballast is given up. `clock` is monotonic, in seconds.
        Raises StoreLocked, StoreTooNew, StoreFull (damaged, and no room to salvage it),
        StoreFailed (the disk) or StoreError.
        """
        space = Space(path, max_bytes, ballast_bytes, clock)
        connection, report = open_whole(path, migrations, sound, now, space)
        file = cls(path, connection, space)
        file.report = report
        try:
            file._configure()
            file._migrate(migrations)
            space.look_again()
        except BaseException:
            connection.close()
            raise
        return file

    def _configure(self) -> None:
        with self.translated():
            (page_size,) = self.connection.execute("PRAGMA page_size").fetchone()
            for pragma in (*_PRAGMAS, *self._space.pragmas(page_size)):
                self.connection.execute(pragma)
            (mode,) = self.connection.execute("PRAGMA journal_mode").fetchone()
        if mode != "wal":
            raise StoreError("the file system does not allow a write-ahead log")

    def _migrate(self, migrations: Migrations) -> None:
        with self.transaction():
            (version,) = self.connection.execute("PRAGMA user_version").fetchone()
        if version > len(migrations):
            raise StoreTooNew(version, len(migrations), program_of(self.connection))
        for number, statements in enumerate(migrations[version:], start=version + 1):
            with self.transaction():
                for statement in statements:
                    self.connection.execute(statement)
                self.connection.execute(f"PRAGMA user_version = {number}")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """BEGIN IMMEDIATE and COMMIT around the block; inside another one, a savepoint."""
        self._refuse_if_failed()
        begin, keep, undo = _INNER if self._depth else _OUTER
        with self.translated():
            if self._depth and not self.connection.in_transaction:
                # SQLite ends the whole transaction by itself on some errors; a savepoint would
                # now start, and commit, one of its own.
                raise StoreError("the transaction was rolled back")
            self.connection.execute(begin)
            self._depth += 1
            try:
                yield
                self._refuse_if_failed()
                self.connection.execute(keep)
            except BaseException:
                if self.connection.in_transaction:
                    for statement in undo:
                        self.connection.execute(statement)
                raise
            finally:
                self._depth -= 1

    def _refuse_if_failed(self) -> None:
        if self._depth == 0 and _identity(self.path) != self._identity:
            # Commits would go on to succeed, into a file that nobody can open again.
            self._failed = True
            raise StoreFailed("the file was removed or replaced while it was open")
        if self._failed:
            raise StoreFailed("it failed before; look at the disk and open it again")

    @contextmanager
    def translated(self) -> Iterator[None]:
        """SQLite's errors as ours. After an I/O error the file takes no more transactions."""
        try:
            yield
        except sqlite3.Error as error:
            ours = translate(error)
            if isinstance(ours, StoreFull):
                self._full = True
                ours = StoreFull(self._space.why_full())
            if isinstance(ours, StoreFailed) and is_damage(error):
                damage.suspect(self.path)
            self._failed = self._failed or isinstance(ours, StoreFailed)
            raise ours from error

    def held(self) -> str | None:
        """Why nothing new may be taken in, in words; None when it may. Cheap.

        Makes the ballast again when there is room for it.
        """
        with self.translated():
            return self._space.held(self.connection)

    def refuse_intake(self) -> None:
        """Raise StoreHeld, a StoreFull, when nothing new may be taken in."""
        reason = self.held()
        if reason is not None:
            raise StoreHeld(reason)

    def disk_free(self) -> int:
        """Bytes free on the disk for users other than root, as of about a second ago."""
        return self._space.disk_free()

    def give_up_ballast(self) -> bool:
        """After StoreFull, outside of a transaction: make room if the disk is what is full.

        True when there may be room now, so that it is worth to try the transaction once more.
        """
        wanted, self._full = self._full, False
        if not wanted or self._failed or not self._space.disk_is_full():
            return False
        freed = self._space.give_up_ballast()
        return self._reuse_log() or freed > 0

    def _reuse_log(self) -> bool:
        """Move the log into the file, so that it is written from its beginning again.

        It keeps its room on the disk: cut, it would have to get it back from a full disk.
        """
        try:
            with self.translated():
                query = "PRAGMA wal_checkpoint(PASSIVE)"
                busy, frames, moved = self.connection.execute(query).fetchone()
        except StoreFull:
            return False
        return not busy and frames == moved > 0

    def size(self) -> int:
        """Bytes on disk, the write-ahead log included."""
        log = self.path.with_name(self.path.name + "-wal")
        return sum(file.stat().st_size for file in (self.path, log) if file.exists())

    def checkpoint(self) -> None:
        """Move the write-ahead log into the file and empty it; not within a transaction."""
        self._refuse_if_failed()
        with self.translated():
            self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()

    def close(self) -> None:
        """Checkpoint and close. Without the checkpoint, the next start reads the log."""
        try:
            with suppress(StoreError):
                self.checkpoint()
        finally:
            if self._failed and sys.version_info >= (3, 12):
                self.connection.setconfig(sqlite3.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, True)
            self.connection.close()


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino
