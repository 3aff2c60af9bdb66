"""The file of customers itself: read as often as it takes, and watched meanwhile."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Self

from frontdesk_sidecar.backfill.reading import (
    MOST_CHARS,
    BadFile,
    Line,
    columns_of,
    from_lines,
    from_table,
)

_TABLES: Final = (".csv", ".tsv")


class File:
    """A regular file, read as often as it takes. A context manager. Raises OSError and BadFile."""

    def __init__(self, path: Path) -> None:
        self._name = path.name
        # What is a pipe would wait here for somebody who writes.
        self._fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        self._status = os.fstat(self._fd)
        if not stat.S_ISREG(self._status.st_mode):
            os.close(self._fd)
            raise BadFile("is no regular file: write it to one first")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)

    @property
    def written_at(self) -> float:
        """When it was written to, in seconds since the epoch."""
        return self._status.st_mtime

    @property
    def has_changed(self) -> bool:
        """Whether somebody has written to it since."""
        now, then = os.fstat(self._fd), self._status
        return (now.st_size, now.st_mtime_ns) != (then.st_size, then.st_mtime_ns)

    def columns(self) -> list[tuple[str, str]]:
        """A table's names, each with what it is to frontdesk; none of a file of lines."""
        return columns_of(self._texts()) if self._is_table else []

    def lines(self) -> Iterator[Line]:
        """The messages, from the start."""
        return (from_table if self._is_table else from_lines)(self._texts())

    @property
    def _is_table(self) -> bool:
        return self._name.lower().endswith(_TABLES)

    def _texts(self) -> Iterator[str]:
        os.lseek(self._fd, 0, os.SEEK_SET)
        with open(os.dup(self._fd), encoding="utf-8-sig", newline="") as text:
            number = 0
            try:
                while line := text.readline(MOST_CHARS):
                    number += 1
                    if len(line) == MOST_CHARS:
                        what = "expected a message on each line, or a row"
                        raise BadFile(f"line {number}: has no end within {MOST_CHARS}; {what}")
                    yield line
            except UnicodeDecodeError:
                how = "save it as CSV UTF-8, or convert it with iconv"
                raise BadFile(f"is not UTF-8, somewhere after line {number}: {how}") from None
