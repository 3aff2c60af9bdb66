"""Watches what SQLite does to its files, in the very library that Python's sqlite3 uses.

SQLite reaches the disk through a table of functions (https://www.sqlite.org/vfs.html). A copy of
the one in use, with a few functions of ours in between, becomes the default while it is watched.
Nothing is compiled, and the store knows nothing of it. `apsw_recorder` is for the other Pythons.
"""

from __future__ import annotations

import _sqlite3
import ctypes
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from ctypes import CFUNCTYPE, c_char_p, c_int, c_int64, c_void_p
from pathlib import Path
from typing import Any, Final

from power_loss import Disk

_OPEN_CREATE: Final = 0x4
#: The journal, the super-journal and the log: at the first sync of one that it made, SQLite syncs
#: the directory too.
_SYNC_DIRECTORY: Final = 0x800 | 0x4000 | 0x80000

#: A connection that a failed test left open calls ours when it is collected, long after.
_FOREVER: Final[list[object]] = []

_OPEN = CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_int, c_void_p)
_DELETE = CFUNCTYPE(c_int, c_void_p, c_char_p, c_int)
_WRITE = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_int64)
_TRUNCATE = CFUNCTYPE(c_int, c_void_p, c_int64)
_SYNC = CFUNCTYPE(c_int, c_void_p, c_int)


class _VFS(ctypes.Structure):
    """`sqlite3_vfs`, version 3."""

    _fields_ = (
        ("version", c_int),
        ("file_size", c_int),
        ("max_path", c_int),
        ("next", c_void_p),
        ("name", c_char_p),
        ("data", c_void_p),
        ("open", c_void_p),
        ("delete", c_void_p),
        ("others", c_void_p * 14),
    )


class _Methods(ctypes.Structure):
    """`sqlite3_io_methods`, version 3."""

    _fields_ = (
        ("version", c_int),
        ("close", c_void_p),
        ("read", c_void_p),
        ("write", c_void_p),
        ("truncate", c_void_p),
        ("sync", c_void_p),
        ("others", c_void_p * 13),
    )


class UnwatchableError(Exception):
    """SQLite is part of this Python, and its functions have no names to find them by."""


class Recorder(ABC):
    """What SQLite does in one directory at a time goes to a `Disk`.

    Syncs are noted and not done: the disk is made up, and a test has no time for the real one.
    """

    _disk: Disk | None = None

    @abstractmethod
    def installed(self) -> AbstractContextManager[None]:
        """Files opened in the block are watched; all of them are to be closed before its end.

        Raises UnwatchableError.
        """

    @contextmanager
    def recording(self, directory: Path) -> Iterator[Disk]:
        """Note what is done in the directory."""
        self._disk = Disk(directory)
        try:
            yield self._disk
        finally:
            self._disk = None

    def _opened(self, path: str | None, flags: int) -> int | None:
        """Note that a file is opened; its number, if it is in the directory that is watched."""
        name = self._name(path)
        if name is None or self._disk is None:
            return None
        return self._disk.opened(name, bool(flags & _OPEN_CREATE and flags & _SYNC_DIRECTORY))

    def _deleted(self, path: str, sync: bool) -> None:
        name = self._name(path)
        if name is not None and self._disk is not None:
            self._disk.deleted(name, sync)

    def _name(self, path: str | None) -> str | None:
        if path is None or self._disk is None:
            return None
        found = Path(path)
        return found.name if found.parent == self._disk.directory else None


class LibraryRecorder(Recorder):
    """By ctypes: works where `_sqlite3` is linked to a library, as in most distributions."""

    def __init__(self) -> None:
        self._library = _library()
        self._original = _VFS.from_address(self._library.sqlite3_vfs_find(None))
        if self._original.version < 3:
            raise UnwatchableError("SQLite is older than 3.8")
        self._vfs = _VFS.from_buffer_copy(self._original)
        self._real_open = _OPEN(self._original.open)
        self._real_delete = _DELETE(self._original.delete)
        self._files: dict[int, int] = {}  # address of a sqlite3_file -> number at the disk
        self._tables: dict[int, _Methods] = {}  # address of the original -> ours
        self._kept: list[Any] = []  # what C code points to must not be freed
        _FOREVER.append(self)
        self._vfs.name = b"recorder"
        self._vfs.open = self._address(_OPEN(self._open))
        self._vfs.delete = self._address(_DELETE(self._delete))

    def _address(self, function: Any) -> int | None:
        self._kept.append(function)
        return ctypes.cast(function, c_void_p).value

    @contextmanager
    def installed(self) -> Iterator[None]:
        """See `Recorder.installed`."""
        self._library.sqlite3_vfs_register(ctypes.byref(self._vfs), 1)
        try:
            self._probe()
            yield
        finally:
            self._library.sqlite3_vfs_register(ctypes.byref(self._original), 1)
            self._library.sqlite3_vfs_unregister(ctypes.byref(self._vfs))

    def _probe(self) -> None:
        """Another copy of SQLite may have been found than the one that is used."""
        try:
            sqlite3.connect("file:probe?mode=memory&vfs=recorder", uri=True).close()
        except sqlite3.Error as error:
            raise UnwatchableError("another SQLite was found than the one in use") from error

    def _open(self, vfs: int, path: int | None, file: int, flags: int, out: int | None) -> int:
        result: int = self._real_open(vfs, path, file, flags, out)
        self._files.pop(file, None)
        if result == 0:
            self._intercept(c_void_p.from_address(file))
            number = self._opened(None if path is None else ctypes.string_at(path).decode(), flags)
            if number is not None:
                self._files[file] = number
        return result

    def _intercept(self, table: c_void_p) -> None:
        """A sqlite3_file begins with the address of its table of functions: have ours there."""
        address = table.value
        if address is None:
            return
        if address not in self._tables:
            self._tables[address] = self._table(_Methods.from_address(address))
        table.value = ctypes.addressof(self._tables[address])

    def _table(self, original: _Methods) -> _Methods:
        write, truncate = _WRITE(original.write), _TRUNCATE(original.truncate)

        def on_write(file: int, data: int, size: int, offset: int) -> int:
            self._note("written", file, offset, ctypes.string_at(data, size))
            return int(write(file, data, size, offset))

        def on_truncate(file: int, size: int) -> int:
            self._note("truncated", file, size)
            return int(truncate(file, size))

        def on_sync(file: int, _: int) -> int:
            self._note("synced", file)
            return 0

        ours = _Methods.from_buffer_copy(original)
        ours.write = self._address(_WRITE(on_write))
        ours.truncate = self._address(_TRUNCATE(on_truncate))
        ours.sync = self._address(_SYNC(on_sync))
        return ours

    def _note(self, event: str, file: int, *details: Any) -> None:
        if self._disk is not None and file in self._files:
            getattr(self._disk, event)(self._files[file], *details)

    def _delete(self, vfs: int, path: bytes, sync: int) -> int:
        result: int = self._real_delete(vfs, path, 0)
        if result == 0:
            self._deleted(path.decode(), bool(sync))
        return result


def _library() -> Any:
    """The library with the functions that `_sqlite3` calls; raises UnwatchableError."""
    library = ctypes.CDLL(getattr(_sqlite3, "__file__", None))
    try:
        find, version = library.sqlite3_vfs_find, library.sqlite3_libversion
    except AttributeError as error:
        raise UnwatchableError("this Python hides its SQLite") from error
    find.restype, version.restype = c_void_p, c_char_p
    if version().decode() != sqlite3.sqlite_version:
        raise UnwatchableError("another SQLite was found than the one in use")
    return library
