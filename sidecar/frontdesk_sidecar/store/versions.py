"""Which schema a store has and which frontdesk used it last, asked without changing it.

A store of a later version is that version's: nothing of it is touched. In the same schema any
version reads and writes.
"""

from __future__ import annotations

import re
import sqlite3
import sys
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

import orjson

from frontdesk_sidecar.store.errors import StoreTooNew

#: The note under which a store says which version of frontdesk opened it last.
PROGRAM: Final = "program"
_QUERY: Final = "SELECT value FROM notes WHERE name = ?"
_VERSION: Final = re.compile(r"[0-9A-Za-z.+-]{1,64}")


def refuse_newer(path: Path, known: int) -> None:
    """Raise StoreTooNew for a schema above `known`, as far as the file itself says it.

    What is in the log alone is found when that is read. A file that is none says nothing here.
    """
    if not path.exists() or not path.stat().st_size:
        return
    # Immutable: no lock, no log, nothing written (https://www.sqlite.org/uri.html).
    address = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    with (
        suppress(sqlite3.Error),
        closing(sqlite3.connect(address, uri=True, isolation_level=None)) as connection,
    ):
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > known:
            raise StoreTooNew(version, known, program_of(connection))


def program_of(connection: sqlite3.Connection) -> str | None:
    """The version that the note tells, if it tells one; whatever later schemas made of it."""
    try:
        row = connection.execute(_QUERY, (PROGRAM,)).fetchone()
        found = orjson.loads(row[0])["version"]
    except (sqlite3.Error, UnicodeDecodeError, ValueError, TypeError, KeyError):
        return None
    return found if isinstance(found, str) and _VERSION.fullmatch(found) else None


def keep_log(connection: sqlite3.Connection) -> None:
    """Leave what is in the log there when the connection is closed, where Python can say so."""
    if sys.version_info >= (3, 12):
        connection.setconfig(sqlite3.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, True)
