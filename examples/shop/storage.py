"""The files of the shop: an SQLite database and the secret that signs sessions."""

import fcntl
import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

BUSY_TIMEOUT_S = 5.0

SCHEMA = """
CREATE TABLE IF NOT EXISTS users (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    email TEXT NOT NULL,
    email_key TEXT NOT NULL UNIQUE,
    first_name TEXT NOT NULL,
    last_name TEXT NOT NULL,
    password TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS tokens (
    digest BLOB PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Database:
    """One SQLite file, shared by all worker processes."""

    path: Path

    def prepare(self) -> None:
        """Create the file, readable by its owner alone, and its tables."""
        with alone_in(self.path.parent):
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
            with self.connect() as connection:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.executescript(SCHEMA)

    @contextmanager
    def connect(self) -> Iterator[sqlite3.Connection]:
        """Open a connection for one operation, which is committed or rolled back at the end.

        A connection is never kept, so it crosses neither a thread nor a fork.
        """
        connection = sqlite3.connect(self.path, timeout=BUSY_TIMEOUT_S)
        try:
            connection.execute("PRAGMA foreign_keys = ON")
            connection.row_factory = sqlite3.Row
            with connection:
                yield connection
        finally:
            connection.close()


def stable_secret(path: Path) -> str:
    """Return the secret in the file, which the first worker process writes."""
    with alone_in(path.parent):
        if not path.exists():
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
                file.write(secrets.token_urlsafe(32))
        secret = path.read_text().strip()
    if not secret:
        raise ValueError(f"{path} is empty: remove it, and a new secret is made")
    return secret


@contextmanager
def alone_in(directory: Path) -> Iterator[None]:
    """Hold the directory's lock.

    Worker processes start at the same instant, and SQLite refuses instead of waiting when two
    connections switch a new file to WAL at once.
    """
    directory.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
