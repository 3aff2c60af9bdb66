"""SQLite's errors as the store's. Source: https://www.sqlite.org/rescode.html."""

from __future__ import annotations

import sqlite3
from typing import Final

from frontdesk_sidecar.store.errors import StoreError, StoreFailed, StoreFull, StoreLocked

_KINDS: Final = {
    sqlite3.SQLITE_BUSY: StoreLocked,
    sqlite3.SQLITE_LOCKED: StoreLocked,
    sqlite3.SQLITE_FULL: StoreFull,
    sqlite3.SQLITE_IOERR: StoreFailed,
    sqlite3.SQLITE_CORRUPT: StoreFailed,
    sqlite3.SQLITE_NOTADB: StoreFailed,
}
#: What the world around a file causes, not the bytes in it.
_SURROUNDINGS: Final = frozenset(
    {
        *(sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL),
        *(sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH),
        *(sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL),
        *(sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_NOLFS),
    }
)


def code(error: sqlite3.Error) -> int:
    """The primary result code; SQLITE_ERROR for what Python's module itself complains of."""
    # The higher bits tell the variants of one code apart.
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF


def translate(error: sqlite3.Error) -> StoreError:
    """The error to raise instead."""
    kind = _KINDS.get(code(error), StoreError)
    return kind("another frontdesk has it open" if kind is StoreLocked else str(error))


def is_damage(error: sqlite3.Error) -> bool:
    """Whether reading an existing file fails for what is in it."""
    return code(error) not in _SURROUNDINGS
