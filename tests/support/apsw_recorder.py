"""Watches what SQLite does where `sqlite_recorder` cannot: with the SQLite of the package apsw.

Python-build-standalone, which uv installs, has its SQLite built in and its functions hidden. There
the store is given connections of apsw instead, which may watch: the same statements and pragmas,
in another build of SQLite.
"""

from __future__ import annotations

import importlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from sqlite_recorder import Recorder, UnwatchableError


class ApswRecorder(Recorder):
    """`sqlite3.connect` gives connections of apsw while it is installed."""

    def __init__(self) -> None:
        try:
            # Not a plain import: it is no dependency, so the types of it may be missing.
            self._apsw: Any = importlib.import_module("apsw")
        except ImportError as error:
            raise UnwatchableError("this Python hides its SQLite, and there is no apsw") from error

    @contextmanager
    def installed(self) -> Iterator[None]:
        """See `Recorder.installed`."""
        vfs = self._vfs()

        def connect(path: object, **_: object) -> Connection:
            with translated(self._apsw):
                return Connection(self._apsw, self._apsw.Connection(str(path), vfs="recorder"))

        try:
            with mock.patch.object(sqlite3, "connect", connect):
                yield
        finally:
            vfs.unregister()

    def _vfs(self) -> Any:
        apsw, recorder = self._apsw, self

        class File(apsw.VFSFile):  # type: ignore[misc, name-defined] # apsw has no types here
            """A file of the usual kind, watched."""

            def __init__(self, path: Any, flags: list[int]) -> None:
                super().__init__("", path, flags)
                name = path.filename() if hasattr(path, "filename") else path
                self._number = recorder._opened(name, flags[0])

            def _note(self, event: str, *details: Any) -> None:
                if recorder._disk is not None and self._number is not None:
                    getattr(recorder._disk, event)(self._number, *details)

            def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - apsw's names
                self._note("written", offset, bytes(data))
                super().xWrite(data, offset)

            def xTruncate(self, size: int) -> None:  # noqa: N802 - apsw's names
                self._note("truncated", size)
                super().xTruncate(size)

            def xSync(self, flags: int) -> None:  # noqa: N802 - apsw's names
                self._note("synced")

        class VFS(apsw.VFS):  # type: ignore[misc, name-defined] # apsw has no types here
            """The usual one with files of ours."""

            def xOpen(self, path: Any, flags: list[int]) -> File:  # noqa: N802 - apsw's names
                return File(path, flags)

            def xDelete(self, path: str, sync: bool) -> None:  # noqa: N802 - apsw's names
                super().xDelete(path, False)
                recorder._deleted(path, sync)

        return VFS("recorder", "")


@contextmanager
def translated(apsw: Any) -> Iterator[None]:
    """The errors of apsw as those of sqlite3."""
    try:
        yield
    except apsw.Error as error:
        raise sqlite3.DatabaseError(str(error)) from error


class Cursor:
    """As much of `sqlite3.Cursor` as the store uses."""

    def __init__(self, apsw: Any, cursor: Any, rowcount: int) -> None:
        self._apsw = apsw
        self._cursor = cursor
        self.rowcount = rowcount

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(self.fetchall())

    def fetchall(self) -> list[tuple[Any, ...]]:
        """All the rows that are left."""
        with translated(self._apsw):
            return list(self._cursor)

    def fetchone(self) -> tuple[Any, ...] | None:
        """The next row, and no more of them."""
        return next(iter(self), None)


class Connection:
    """As much of `sqlite3.Connection` as the store uses."""

    def __init__(self, apsw: Any, connection: Any) -> None:
        self._apsw = apsw
        self._connection = connection

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return bool(self._connection.in_transaction)

    def execute(self, statement: str, parameters: Any = ()) -> Cursor:
        """Run a statement."""
        return self._run(self._connection.execute, statement, parameters or None)

    def executemany(self, statement: str, rows: Iterable[Any]) -> Cursor:
        """Run a statement once for every row."""
        return self._run(self._connection.executemany, statement, rows)

    def _run(self, execute: Callable[..., Any], statement: str, parameters: Any) -> Cursor:
        before = self._connection.total_changes()
        with translated(self._apsw):
            cursor = execute(statement, parameters)
        return Cursor(self._apsw, cursor, self._connection.total_changes() - before)

    def create_function(
        self, name: str, count: int, function: Callable[..., Any], *, deterministic: bool
    ) -> None:
        """Make a Python function one of SQL."""
        self._connection.create_scalar_function(name, function, count, deterministic=deterministic)

    def close(self) -> None:
        """Let go of the file."""
        with translated(self._apsw):
            self._connection.close()
