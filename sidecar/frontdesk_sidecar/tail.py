"""The journal's reading end: whole lines in, each into the store once, segments removed when done.

A segment is removed only when its lock can be had (its writer let go or died), it was read to
the end, and that was committed. Everything here is synchronous and quick; `Intake` drives it.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import stat
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from frontdesk.event import COUNTS, IDENTIFY, MAX_LINE_BYTES, Identify, counts_of
from frontdesk.exceptions import MalformedMessage
from frontdesk.journal import ROTATE, SUFFIX

#: So much is read at once: bounds memory and the size of a transaction.
READ_BYTES: Final = 256 * 1024
#: Messages that a request gave: beside what web processes count, what they did not have to.
CAPTURED: Final = "captured"
#: Counts by any name that is none of `COUNTS`: a line from outside makes up no names.
OTHER: Final = "other"
_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,200}")


@dataclass(slots=True)
class Batch:
    """What one reading found: messages, how far each segment was read, and what was not taken."""

    messages: list[Identify] = field(default_factory=list)
    offsets: dict[str, int] = field(default_factory=dict)
    #: where each segment's reading began, for `Tail.rewind`
    starts: dict[str, int] = field(default_factory=dict)
    #: `malformed.<field>`, `anonymous`, `oversize`, `torn`
    rejected: Counter[str] = field(default_factory=Counter)
    #: what the web processes counted, see `COUNTS`, and `captured` and `other`
    web: Counter[str] = field(default_factory=Counter)

    def reject(self, reason: str, number: int = 1) -> None:
        """Count what was not taken."""
        if number:
            self.rejected[reason] += number

    def take(self, line: bytes) -> None:
        """Take one line, or count why not."""
        if len(line) >= MAX_LINE_BYTES:
            self.reject("oversize")
            return
        try:
            message = Identify.decode(line)
        except MalformedMessage as error:
            self._take_other(line, error.field)
            return
        self._count(message.counts)
        if message.route != IDENTIFY:
            self.web[CAPTURED] += 1
        if message.key is None:
            self.reject("anonymous")
        else:
            self.messages.append(message)

    def _take_other(self, line: bytes, field: str) -> None:
        """A line of counts alone, or none that is understood."""
        try:
            if field != "type":
                raise MalformedMessage(field)
            self._count(counts_of(line))
        except MalformedMessage as error:
            self.reject(f"malformed.{error.field}")

    def _count(self, counts: Mapping[str, int]) -> None:
        for name, number in counts.items():
            self.web[name if name in COUNTS else OTHER] += number


@contextmanager
def opened(path: Path) -> Iterator[int]:
    """A segment, open for reading. Raises OSError, also for what is no regular file."""
    # O_NONBLOCK: a fifo that somebody put there must not hold us.
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        yield fd
    finally:
        os.close(fd)


def is_let_go(fd: int) -> bool:
    """True when no writer holds the segment: it will never grow again."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def read_lines(fd: int, offset: int, limit: int, batch: Batch) -> int:
    """Read whole lines from `offset` into `batch`, up to `limit` bytes; the bytes taken.

    What is left of a line that was too long is known by the byte before `offset`, so that a
    reader that starts anew in the middle of one does not take its end for a message.
    """
    chunk = os.pread(fd, limit, offset)
    is_rest = offset > 0 and os.pread(fd, 1, offset - 1) != b"\n"
    end = chunk.rfind(b"\n") + 1
    if end:
        lines = chunk[: end - 1].split(b"\n")
        for line in lines[1:] if is_rest else lines:
            batch.take(line)
        return end
    # No line ends here: it is still being written, or torn, or too long to be one.
    if len(chunk) > MAX_LINE_BYTES:
        batch.reject("oversize", 0 if is_rest else 1)
        return len(chunk)
    if chunk and is_let_go(fd) and os.fstat(fd).st_size == offset + len(chunk):
        batch.reject("torn", 0 if is_rest else 1)
        return len(chunk)
    return 0


class Tail:
    """All segments of a directory, read in the order of their names, which is that of time."""

    def __init__(self, directory: Path, offsets: Mapping[str, int]) -> None:
        self.directory = directory
        #: segments that cannot be read, with the system's reason
        self.unreadable: dict[str, str] = {}
        #: how far each segment was read; kept while its directory is away
        self._offsets = dict(offsets)
        self._names: list[str] = []
        self._listed_ns = -1
        self._asked_at: dict[str, int] = {}

    def look(self, *, afresh: bool = False) -> bool:
        """True when something is unread. Lists the directory only when it changed, or `afresh`.

        Raises OSError when the directory cannot be read.
        """
        changed_ns = os.stat(self.directory).st_mtime_ns
        if afresh or changed_ns != self._listed_ns:
            with os.scandir(self.directory) as entries:
                found = sorted(e.name for e in entries if e.name.endswith(SUFFIX))
            self._names = [name for name in found if _NAME.fullmatch(name)]
            self.unreadable = {n: why for n, why in self.unreadable.items() if n in found}
            for name in set(found).difference(self._names):
                self.unreadable[ascii(name)] = "not a name of ours"
            self._listed_ns = changed_ns
        return any(self._unread(name) > 0 for name in self._names)

    @property
    def lag_bytes(self) -> int:
        """Bytes in the segments that were not read yet."""
        return sum(max(self._unread(name), 0) for name in self._names)

    def read(self) -> Batch:
        """Read up to `READ_BYTES` of whole lines, the oldest segments first."""
        batch = Batch()
        room = READ_BYTES
        for name in self._names:
            if room <= MAX_LINE_BYTES:
                break
            if self._unread(name) > 0:
                room -= self._read(name, room, batch)
        return batch

    def rewind(self, batch: Batch) -> None:
        """Read a batch again: it could not be committed."""
        self._offsets.update(batch.starts)

    def remove_finished(self) -> list[str]:
        """Remove the segments that are surely finished and whose offset was committed; names.

        Call it only when the batches read before were committed.
        """
        finished = [name for name in self._names if self._remove(name)]
        self._names = [name for name in self._names if name not in finished]
        return finished

    def ask_rotation(self) -> bool:
        """Ask the writers to let go of segments that were read; False when there is none to ask.

        A worker without logins would otherwise keep its read messages in the journal. Each is
        asked once for what it has written since it was asked last.
        """
        read = {name: self._offsets.get(name, 0) for name in self._names}
        idle = {name: offset for name, offset in read.items() if offset and not self._unread(name)}
        if idle.items() <= self._asked_at.items():
            return False
        self._asked_at = idle
        marker = self.directory / ROTATE
        marker.touch(mode=0o644)
        return True

    def stale_offsets(self) -> list[str]:
        """Segments with a committed offset that are no longer there."""
        return [name for name in self._offsets if not (self.directory / name).exists()]

    def _unread(self, name: str) -> int:
        """Bytes written and not yet read; 0 for what is gone or cannot be read."""
        try:
            status = os.stat(self.directory / name, follow_symlinks=False)
        except OSError:
            return 0
        if not stat.S_ISREG(status.st_mode):
            self.unreadable[name] = "not a regular file"
            return 0
        if status.st_size < self._offsets.get(name, 0):
            self._offsets[name] = 0  # not what was read: somebody cut it; merging again is harmless
        return status.st_size - self._offsets.get(name, 0)

    def _read(self, name: str, limit: int, batch: Batch) -> int:
        offset = self._offsets.get(name, 0)
        try:
            with opened(self.directory / name) as fd:
                taken = read_lines(fd, offset, limit, batch)
        except OSError as error:
            self.unreadable[name] = error.strerror or type(error).__name__
            return 0
        self.unreadable.pop(name, None)
        if taken:
            batch.starts[name] = offset
            self._offsets[name] = batch.offsets[name] = offset + taken
        return taken

    def _remove(self, name: str) -> bool:
        path = self.directory / name
        try:
            with opened(path) as fd:
                read = self._offsets.get(name, 0)
                # The size is asked under the lock: from then on nobody can add to it.
                if not is_let_go(fd) or os.fstat(fd).st_size != read:
                    return False
                path.unlink()
        except OSError as error:
            if not isinstance(error, FileNotFoundError):
                self.unreadable[name] = error.strerror or type(error).__name__
            return False
        self._offsets.pop(name, None)
        self._asked_at.pop(name, None)
        return True
