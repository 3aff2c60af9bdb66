"""The journal's reading end: whole lines in, each into the store once, segments removed when done.

A segment is removed only when its lock can be had (its writer let go or died), it was read to
the end, and that was committed. Everything here is synchronous and quick; `Intake` drives it.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from frontdesk.event import MAX_LINE_BYTES, Identify
from frontdesk.exceptions import MalformedMessage
from frontdesk.journal import ROTATE, SUFFIX

#: So much is read at once: bounds memory and the size of a transaction.
READ_BYTES: Final = 512 * 1024
#: So many segments are open at once; the oldest come first and make room.
MAX_OPEN: Final = 256


@dataclass(slots=True)
class Batch:
    """What one reading found: messages, how far each segment was read, and what was not taken."""

    messages: list[Identify] = field(default_factory=list)
    offsets: dict[str, int] = field(default_factory=dict)
    #: where each segment's reading began, for `Tail.rewind`
    starts: dict[str, int] = field(default_factory=dict)
    #: `malformed.<field>`, `anonymous`, `oversize`, `torn`
    rejected: Counter[str] = field(default_factory=Counter)
    #: what the web processes counted, see `Identify.counts`
    web: Counter[str] = field(default_factory=Counter)

    def take(self, line: bytes) -> None:
        """Take one line, or count why not."""
        if len(line) >= MAX_LINE_BYTES:
            self.rejected["oversize"] += 1
            return
        try:
            message = Identify.decode(line)
        except MalformedMessage as error:
            self.rejected[f"malformed.{error.field}"] += 1
            return
        self.web.update(message.counts)
        if message.key is None:
            self.rejected["anonymous"] += 1
        else:
            self.messages.append(message)


class Segment:
    """One open segment and how far it was read."""

    def __init__(self, path: Path, offset: int) -> None:
        # O_NONBLOCK: a fifo somebody put there must not hold us.
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        self.fd = os.open(path, flags)
        self.path = path
        self.offset = offset
        #: in the middle of a line that is too long to keep
        self._skipping = False
        if not stat.S_ISREG(os.fstat(self.fd).st_mode):
            self.close()
            raise OSError("not a regular file")

    def close(self) -> None:
        """Close the file; the lock, if it was taken, goes with it."""
        os.close(self.fd)

    @property
    def unread(self) -> int:
        """Bytes written and not yet read."""
        return os.fstat(self.fd).st_size - self.offset

    def is_let_go(self) -> bool:
        """True when no writer holds it; from then on it is locked by us and never grows."""
        try:
            fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def read(self, batch: Batch, limit: int) -> int:
        """Read whole lines into `batch`, up to `limit` bytes; how many bytes were taken."""
        chunk = os.pread(self.fd, limit, self.offset)
        end = chunk.rfind(b"\n") + 1
        if end == 0:
            end = self._read_partial(batch, chunk)
        else:
            for line in self._lines(chunk[:end]):
                batch.take(line)
        if end:
            batch.starts[self.path.name] = self.offset
            self.offset += end
            batch.offsets[self.path.name] = self.offset
        return end

    def _lines(self, whole: bytes) -> Iterator[bytes]:
        lines = whole[:-1].split(b"\n")
        if self._skipping:
            self._skipping = False
            del lines[0]
        return iter(lines)

    def _read_partial(self, batch: Batch, chunk: bytes) -> int:
        """No line ends here: it is still being written, or torn, or too long to be one."""
        if len(chunk) > MAX_LINE_BYTES:
            batch.rejected["oversize"] += not self._skipping
            self._skipping = True
            return len(chunk)
        if chunk and self.is_let_go() and self.unread == len(chunk):
            batch.rejected["torn"] += not self._skipping
            return len(chunk)
        return 0


class Tail:
    """All segments of a directory, read in the order of their names, which is that of time."""

    def __init__(self, directory: Path, offsets: Mapping[str, int]) -> None:
        self.directory = directory
        #: segments that cannot be opened, by error name; counted once each
        self.unreadable: dict[str, str] = {}
        self._offsets = dict(offsets)
        self._segments: dict[str, Segment] = {}
        self._listed_ns = -1
        self._asked_at: dict[str, int] = {}

    def close(self) -> None:
        """Close every segment."""
        for segment in self._segments.values():
            segment.close()
        self._segments.clear()

    def look(self, *, afresh: bool = False) -> bool:
        """True when something is unread. Lists the directory only when it changed, or `afresh`.

        Raises OSError when the directory cannot be read.
        """
        changed_ns = os.stat(self.directory).st_mtime_ns
        if afresh or changed_ns != self._listed_ns:
            self._list()
            self._listed_ns = changed_ns
        return any(segment.unread > 0 for segment in self._segments.values())

    @property
    def lag_bytes(self) -> int:
        """Bytes in the open segments that were not read yet."""
        return sum(segment.unread for segment in self._segments.values())

    def read(self) -> Batch:
        """Read up to `READ_BYTES` of whole lines, the oldest segments first."""
        batch = Batch()
        room = READ_BYTES
        for segment in self._segments.values():
            if room <= MAX_LINE_BYTES:
                break
            room -= segment.read(batch, room)
        return batch

    def rewind(self, batch: Batch) -> None:
        """Read a batch again: it could not be committed."""
        for name, offset in batch.starts.items():
            if name in self._segments:
                self._segments[name].offset = offset

    def remove_finished(self) -> list[str]:
        """Remove the segments that are surely finished and whose offset was committed; names.

        Call it only when the batches read before were committed.
        """
        finished = []
        for name, segment in list(self._segments.items()):
            if segment.unread == 0 and segment.is_let_go() and segment.unread == 0:
                segment.path.unlink(missing_ok=True)
                segment.close()
                del self._segments[name]
                self._offsets.pop(name, None)
                self._asked_at.pop(name, None)
                finished.append(name)
        return finished

    def ask_rotation(self) -> bool:
        """Ask the writers to let go of segments that were read; False when there is none to ask.

        A worker without logins would otherwise keep its read messages in the journal. Each is
        asked once for what it has written since it was asked last.
        """
        idle = {
            name: segment.offset
            for name, segment in self._segments.items()
            if segment.offset and segment.unread == 0
        }
        if idle.items() <= self._asked_at.items():
            return False
        self._asked_at.update(idle)
        marker = self.directory / ROTATE
        marker.touch(mode=0o644)
        return True

    def _list(self) -> None:
        with os.scandir(self.directory) as entries:
            names = sorted(entry.name for entry in entries if entry.name.endswith(SUFFIX))
        for name in self._segments.keys() - set(names):
            self._segments.pop(name).close()  # somebody removed it; nothing is left to read
        self.unreadable = {name: why for name, why in self.unreadable.items() if name in names}
        for name in names:
            if len(self._segments) >= MAX_OPEN:
                break
            if name not in self._segments:
                self._open(name)

    def _open(self, name: str) -> None:
        try:
            segment = Segment(self.directory / name, self._offsets.get(name, 0))
        except OSError as error:
            self.unreadable[name] = error.strerror or str(error)
            return
        self.unreadable.pop(name, None)
        if segment.unread < 0:
            segment.offset = 0  # not the file that was read: names are never used twice
        self._segments[name] = segment

    def stale_offsets(self) -> list[str]:
        """Segments with a committed offset that are no longer there."""
        return [name for name in self._offsets if not (self.directory / name).exists()]
