"""One SQLite file, opened by this process alone: pragmas, schema, transactions, errors.

Sources: https://www.sqlite.org/wal.html, /pragma.html, /lang_savepoint.html, /howtocorrupt.html.
"""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Self

from frontdesk_sidecar.store.errors import (
    StoreError,
    StoreFailed,
    StoreFull,
    StoreLocked,
    StoreTooNew,
)

#: How long to wait for a process that is just closing the file.
BUSY_S: Final = 0.25

_PRAGMAS: Final = (
    # First of all: then the WAL's index is in memory, no other process gets in, and the races
    # between several connections (https://www.sqlite.org/wal.html#walresetbug) cannot happen.
    "PRAGMA locking_mode = EXCLUSIVE",
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
_KINDS: Final = {
    sqlite3.SQLITE_BUSY: StoreLocked,
    sqlite3.SQLITE_LOCKED: StoreLocked,
    sqlite3.SQLITE_FULL: StoreFull,
    sqlite3.SQLITE_IOERR: StoreFailed,
    sqlite3.SQLITE_CORRUPT: StoreFailed,
    sqlite3.SQLITE_NOTADB: StoreFailed,
}

#: Migration n is a sequence of statements and brings the schema to version n.
Migrations = Sequence[Sequence[str]]


class SQLiteFile:
    """The file and its one connection. Any thread may use it, one at a time."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self.connection = connection
        self._depth = 0
        self._failed = False
        self._identity = _identity(path)

    @classmethod
    def open(cls, path: Path, migrations: Migrations) -> Self:
        """Open or create the file and bring its schema up to date.

        A missing directory is made 0700 and the file 0600; SQLite gives the log the file's mode.
        Raises StoreLocked, StoreTooNew, StoreFailed (damaged, or no database) or StoreError.
        """
        try:
            _make_private(path)
            connection = sqlite3.connect(
                path, timeout=BUSY_S, isolation_level=None, check_same_thread=False
            )
        except (OSError, sqlite3.Error) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise StoreError(f"cannot be opened: {reason}; store.path names it") from error
        file = cls(path, connection)
        try:
            file._configure()
            file._migrate(migrations)
        except BaseException:
            connection.close()
            raise
        return file

    def _configure(self) -> None:
        with self.translated():
            for pragma in _PRAGMAS:
                self.connection.execute(pragma)
            (mode,) = self.connection.execute("PRAGMA journal_mode").fetchone()
        if mode != "wal":
            raise StoreError("the file system does not allow a write-ahead log")

    def _migrate(self, migrations: Migrations) -> None:
        with self.transaction():
            (version,) = self.connection.execute("PRAGMA user_version").fetchone()
        if version > len(migrations):
            raise StoreTooNew(version, len(migrations))
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
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
            kind = _KINDS.get(code & 0xFF, StoreError)  # the higher bits tell its variants apart
            self._failed = self._failed or kind is StoreFailed
            text = "another frontdesk has it open" if kind is StoreLocked else str(error)
            raise kind(text) from error

    def size(self) -> int:
        """Bytes on disk, the write-ahead log included."""
        log = self.path.with_name(self.path.name + "-wal")
        return sum(file.stat().st_size for file in (self.path, log) if file.exists())

    def checkpoint(self) -> None:
        """Move the write-ahead log into the file and empty it; not within a transaction."""
        with self.translated():
            self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()

    def close(self) -> None:
        """Checkpoint and close. Without the checkpoint, the next start reads the log."""
        try:
            with suppress(StoreError):
                self.checkpoint()
        finally:
            self.connection.close()


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _make_private(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Opening an existing file here and closing it again would drop the POSIX locks of a
    # connection in this process (howtocorrupt.html, section 2.2).
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            raise StoreError(f"{path} is not a file; store.path names the file") from None
        path.chmod(0o600)
