"""What a journal on a disk needs: to know that it is on one, and a thread that writes.

A disk may stall, and an event loop must not stall with it.
"""

from __future__ import annotations

import atexit
import os
import queue
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

_END_S: Final = 2.0
_QUEUE_BYTES: Final = 4 * 1024 * 1024
_MEMORY_FILE_SYSTEMS: Final = frozenset(("tmpfs", "ramfs", "devtmpfs"))
_OCTAL = re.compile(r"\\([0-7]{3})")  # how mountinfo writes blanks and backslashes

#: Told of each line that was dropped, and why.
OnDrop = Callable[[bytes, str], None]


class WriterThread:
    """One thread that writes for a process whose journal lies on a disk."""

    def __init__(self, write: Callable[[bytes], str | None], on_drop: OnDrop) -> None:
        self._write = write
        self._on_drop = on_drop
        self._pid = os.getpid()
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._queued_bytes = 0
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="frontdesk-journal", daemon=True)
        self._thread.start()
        # A job that ends in an orderly way has its messages written; a stalled disk can't hold it.
        atexit.register(self.close)

    def is_mine(self) -> bool:
        """False in a forked child, which has no such thread."""
        return self._pid == os.getpid() and self._thread.is_alive()

    def put(self, line: bytes) -> str | None:
        """Queue a line; `queue_full` when the disk has not kept up."""
        with self._lock:
            if self._queued_bytes + len(line) > _QUEUE_BYTES:
                return "queue_full"
            self._queued_bytes += len(line)
        self._lines.put(line)
        return None

    def close(self) -> None:
        """Wait until everything queued is written, or the disk has stalled for too long."""
        atexit.unregister(self.close)
        if self.is_mine():
            self._lines.put(None)
            self._thread.join(_END_S)

    def _run(self) -> None:
        while (line := self._lines.get()) is not None:
            reason = self._write(line)
            with self._lock:
                self._queued_bytes -= len(line)
            if reason is not None:
                self._on_drop(line, reason)


def is_memory_backed(directory: str) -> bool:
    """True when the directory lies on tmpfs or ramfs; False where that can't be told.

    Read from /proc/self/mountinfo, proc_pid_mountinfo(5), without touching the directory's own
    file system beyond resolving its name.
    """
    try:
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    place = Path(os.path.realpath(directory))
    found, kind = -1, ""
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        point = Path(_OCTAL.sub(lambda match: chr(int(match[1], 8)), before.split(" ")[4]))
        # Of mounts on the same point the last one covers the others.
        if place.is_relative_to(point) and len(point.parts) >= found:
            found, kind = len(point.parts), after.split(" ")[0]
    return kind in _MEMORY_FILE_SYSTEMS
