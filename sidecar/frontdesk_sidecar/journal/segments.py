"""The journal as its reader finds it: which segments there are, and which have grown.

Nothing tells a reader that a file has grown, so it asks; of many segments it asks a few at each
poll and all of them at each housekeeping. What is no segment of ours is named with what is wrong.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from re import compile as pattern
from typing import Final

from frontdesk.journal import SUFFIX

#: So many segments are asked for their size at one poll.
SHARE: Final = 16
#: A directory with more entries than this is listed less often when it changes all the time.
CROWD: Final = 256
#: ... namely so that listing it takes no more than one part in so many of the time.
_REST: Final = 20

IRREGULAR: Final = "not a regular file"
LINKED: Final = "has another name (hard link)"
MISNAMED: Final = "not a name of ours"
#: Why a segment is read again from its start, as counted among the rejected.
CUT: Final = "segment_cut"
REPLACED: Final = "segment_replaced"
_NAME: Final = pattern(r"[A-Za-z0-9._-]{1,200}")


def oddity(status: os.stat_result) -> str | None:
    """What makes a file none of a writer's segments, or None."""
    if not stat.S_ISREG(status.st_mode):
        return IRREGULAR
    # Nobody who may write to the directory chooses by a link which file is read.
    return LINKED if status.st_nlink > 1 else None


def why(error: OSError) -> str:
    """The system's words for what is wrong; without the path, which the reader knows."""
    return error.strerror or type(error).__name__


@contextmanager
def opened(path: str | Path) -> Iterator[int]:
    """A segment, open for reading. Raises OSError, also for what is none."""
    # O_NONBLOCK: a fifo that somebody put there must not hold us.
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        if fault := oddity(os.fstat(fd)):
            raise OSError(errno.EINVAL, fault)
        yield fd
    finally:
        os.close(fd)


class Listing:
    """The segments of a directory in the order of their names, which is that of time."""

    def __init__(
        self,
        directory: Path,
        offsets: Mapping[str, int],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.directory = directory
        self.names: list[str] = []
        #: how far each segment was read; kept while its directory is away
        self.offsets = dict(offsets)
        #: segments with something to read
        self.grown: set[str] = set()
        #: segments that have to be read again from their start, and why
        self.anew: dict[str, str] = {}
        #: what cannot be read, or not be removed, and why
        self.unreadable: dict[str, str] = {}
        self._clock = clock
        self._listed_ns = -1
        self._list_at = 0.0
        self._next = 0
        self._inodes: dict[str, int] = {}
        #: of segments that end in a part of a line: their size when that was found
        self._waiting: dict[str, int] = {}

    def path(self, name: str) -> str:
        """Where a segment is."""
        return f"{self.directory}/{name}"

    def update(self, *, afresh: bool) -> None:
        """Find segments that have grown: of all when `afresh`, else of the next few.

        Raises OSError when the directory cannot be read.
        """
        changed_ns = os.stat(self.directory).st_mtime_ns
        if afresh:
            self._list(changed_ns)
            self._waiting.clear()  # whether their writers have died cannot be seen by their size
            self.examine(self.names)
        elif changed_ns != self._listed_ns and self._clock() >= self._list_at:
            self.examine(self._list(changed_ns))
        if not self.grown:
            self.examine(name for name in self._few() if name not in self.unreadable)

    def examine(self, names: Iterable[str]) -> None:
        """Find out which of these have something to read."""
        for name in names:
            unread = self.unread(name)
            if name in self.anew or (unread > 0 and not self._is_waited_for(name, unread)):
                self.grown.add(name)
            else:
                self.grown.discard(name)

    def unread(self, name: str) -> int:
        """Bytes written and not yet read; 0 for what is gone or is no segment."""
        try:
            status = os.lstat(self.path(name))
        except FileNotFoundError:
            return 0
        except OSError as error:  # such as a directory that may be listed and not searched
            self.unreadable[name] = why(error)
            return 0
        if fault := oddity(status):
            self.unreadable[name] = fault
            return 0
        if self.unreadable.get(name) in (IRREGULAR, LINKED):
            del self.unreadable[name]
        self.recognise(name, status)
        return status.st_size - self.offsets.get(name, 0)

    def recognise(self, name: str, status: os.stat_result) -> None:
        """Begin anew with what is not the segment that was read: merging again is harmless."""
        known = self._inodes.get(name, status.st_ino)
        self._inodes[name] = status.st_ino
        offset = self.offsets.get(name, 0)
        if offset and (known != status.st_ino or status.st_size < offset):
            self.anew[name] = CUT if known == status.st_ino else REPLACED
            self.offsets[name] = 0

    def wait(self, name: str, size: int) -> None:
        """Nothing can be taken of a segment that is `size` bytes long, until it grows or ends."""
        self._waiting[name] = size
        self.grown.discard(name)

    def fault(self, name: str, error: OSError) -> None:
        """A segment could not be opened, read or removed; it is tried again at housekeeping."""
        self.unreadable[name] = why(error)
        self.grown.discard(name)

    def forget(self, name: str) -> None:
        """A segment was removed."""
        for of in (self.offsets, self.anew, self.unreadable, self._inodes, self._waiting):
            of.pop(name, None)
        self.grown.discard(name)

    def after(self, name: str) -> list[str]:
        """All names, beginning with the one after `name`."""
        at = bisect_right(self.names, name)
        return self.names[at:] + self.names[:at]

    def _is_waited_for(self, name: str, unread: int) -> bool:
        return self._waiting.get(name) == self.offsets.get(name, 0) + unread

    def _few(self) -> list[str]:
        """The next few names: each has its turn."""
        at = self._next if self._next < len(self.names) else 0
        self._next = at + SHARE
        return self.names[at : at + SHARE]

    def _list(self, changed_ns: int) -> list[str]:
        """List the directory; the names that were not there before."""
        began_s = time.thread_time()
        with os.scandir(self.directory) as entries:
            found = {entry.name for entry in entries if entry.name.endswith(SUFFIX)}
        before = set(self.names)
        fresh = [name for name in found - before if _NAME.fullmatch(name)]
        self.names = sorted((before & found).union(fresh))
        gone = before - found
        self.grown -= gone
        for name in gone:  # its offset stays, and which file it is: it may come back
            self.anew.pop(name, None)
            self._waiting.pop(name, None)
        self.unreadable = {name: fault for name, fault in self.unreadable.items() if name in found}
        for name in found.difference(self.names):
            self.unreadable[ascii(name)] = MISNAMED
        self._listed_ns = changed_ns
        if len(found) > CROWD:
            self._list_at = self._clock() + _REST * (time.thread_time() - began_s)
        return sorted(fresh)
