"""Lines of the journal: whole ones become messages and counts, the rest is counted by reason."""

from __future__ import annotations

import errno
import os
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from frontdesk.event import COUNTS, IDENTIFY, MAX_LINE_BYTES, Identify, counts_of
from frontdesk.exceptions import MalformedMessage

#: Messages that a request gave: beside what web processes count, what they did not have to.
CAPTURED: Final = "captured"
#: Counts by any name that is none of `COUNTS`: a line from outside makes up no names.
OTHER: Final = "other"

_BOM: Final = b"\xef\xbb\xbf"


@dataclass(slots=True)
class Batch:
    """What one reading found: messages, how far each segment was read, and what was not taken."""

    messages: list[Identify] = field(default_factory=list)
    offsets: dict[str, int] = field(default_factory=dict)
    #: where each segment's reading began, for `Tail.rewind`
    starts: dict[str, int] = field(default_factory=dict)
    #: segments that were begun anew, and why: `segment_cut`, `segment_replaced`
    anew: dict[str, str] = field(default_factory=dict)
    #: `malformed.<field>`, `anonymous`, `oversize`, `torn`, and what `anew` holds
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


def read_lines(
    fd: int, offset: int, limit: int, batch: Batch, is_let_go: Callable[[int], bool]
) -> int:
    """Read whole lines from `offset` into `batch`, up to `limit` bytes; the bytes taken.

    What is left of a line that was too long is known by the byte before `offset`, so that a
    reader that starts anew in the middle of one does not take its end for a message.
    """
    chunk = os.pread(fd, limit, offset)
    is_rest = offset > 0 and os.pread(fd, 1, offset - 1) != b"\n"
    end = chunk.rfind(b"\n") + 1
    if end:
        lines = chunk[: end - 1].split(b"\n")
        if not offset:
            lines[0] = lines[0].removeprefix(_BOM)  # some languages' text files begin with it
        for line in lines[1:] if is_rest else lines:
            batch.take(line)
        return end
    # No line ends here: it is still being written, or torn, or too long to be one.
    if len(chunk) > MAX_LINE_BYTES:
        batch.reject("oversize", 0 if is_rest else 1)
        return len(chunk) + (0 if chunk[-1] else hole(fd, offset + len(chunk)))
    if chunk and is_let_go(fd) and os.fstat(fd).st_size == offset + len(chunk):
        batch.reject("torn", 0 if is_rest else 1)
        return len(chunk)
    return 0


def hole(fd: int, offset: int) -> int:
    """Bytes from `offset` on that were never written: a sparse file says it is huge."""
    try:
        return os.lseek(fd, offset, os.SEEK_DATA) - offset
    except OSError as error:  # ENXIO: nothing but a hole follows; others: it cannot be told
        return max(os.fstat(fd).st_size - offset, 0) if error.errno == errno.ENXIO else 0
