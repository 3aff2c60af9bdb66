"""The journal's writing end: one append per line, waiting for nobody.

Each process owns its segments, `<sortable unique id>.ndjson`, in a directory that it shares with
the sidecar. A segment is flocked while it may still be written; the sidecar removes it only
when it can take that lock and has read it to the end.

On a memory-backed directory the append is one `write(2)` in the caller's own turn. Elsewhere a
disk may stall, so there one thread writes, and what is still queued dies with the process.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import threading
import time
from collections.abc import Callable
from typing import Final

from frontdesk.disk import OnDrop, WriterThread, is_memory_backed
from frontdesk.event import MAX_LINE_BYTES

DEFAULT_DIRECTORY: Final = "/run/frontdesk/journal"
SUFFIX: Final = ".ndjson"
#: A sidecar that wants the open segments let go touches this file in the directory.
ROTATE: Final = "rotate"
LIMIT_BYTES: Final = 64 * 1024 * 1024
SEGMENT_BYTES: Final = 4 * 1024 * 1024

#: The directory is measured again after this many bytes, or this many seconds.
_STRIDE_BYTES: Final = 256 * 1024
_STRIDE_S: Final = 1.0
_RETRY_S: Final = (1.0, 30.0)
_FLAGS: Final = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW


class Segments:
    """The segments of one process: opened lazily, anew when full and when asked.

    `write` says None when the line is in the journal, else why it is not:
    `journal_missing`, `journal_readonly`, `journal_full`, `journal_denied`, `journal_error`.
    """

    def __init__(
        self, directory: str, limit_bytes: int, clock: Callable[[], float], pid: int
    ) -> None:
        self.pid = pid
        self._directory = directory
        self._limit = limit_bytes
        self._clock = clock
        self._fd = -1
        self._size = 0
        self._opened_ns = 0
        #: bytes that may be written before the directory is looked at again
        self._room = 0
        self._review_at = 0.0
        self._reason = ""
        self._retry_s = 0.0
        self._lock = threading.RLock()

    def write(self, line: bytes) -> str | None:
        """Append one line, line feed included. Never raises, never waits."""
        with self._lock:
            length = len(line)
            if length > self._room or self._clock() >= self._review_at:
                reason = self._review(length)
                if reason is not None:
                    return reason
            try:
                written = os.write(self._fd, line)
            except OSError as error:
                if self._size:
                    self._let_go()  # to be removed, which makes room; or it is this file's fault
                return self._fail(error)
            self._room -= written
            self._size += written
            if written != length:
                # A torn line ends its segment: whatever came after it would be torn with it.
                self._let_go()
                return self._fail(OSError(errno.ENOSPC, ""))
            return None

    def close(self) -> None:
        """Let the segment go; the next message opens another."""
        with self._lock:
            self._let_go()

    def disown(self) -> None:
        """In a forked child: close the copy of the parent's segment.

        The parent's lock stays the parent's, but for as long as a copy is open, it would also
        outlive the parent. No lock is taken: a thread of the parent may have held it.
        """
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def _let_go(self) -> None:
        fd = self._fd
        self._fd, self._room, self._size = -1, 0, 0
        if fd >= 0:
            with contextlib.suppress(OSError):  # closed by somebody already, or a failing disk
                os.close(fd)

    def _review(self, length: int) -> str | None:
        """Look at the directory; None when `length` bytes may be written now."""
        now = self._clock()
        if self._reason and now < self._review_at:
            return self._reason
        try:
            if self._fd >= 0 and self._is_over():
                self._let_go()
            room = self._limit - self._measure()
            if room >= length and self._fd < 0:
                self._open()
        except (OSError, ValueError) as error:  # ValueError: a NUL in the name
            if self._fd >= 0 and isinstance(error, OSError) and error.errno in _SHORTAGES:
                room = _STRIDE_BYTES  # to look needs a file, to write does not
            else:
                self._let_go()
                return self._fail(error)
        # A crowded directory takes long to measure: then it is measured less often.
        self._review_at = now + max(_STRIDE_S, 100 * (self._clock() - now))
        self._room = min(room, max(SEGMENT_BYTES - self._size, length), _STRIDE_BYTES)
        self._reason, self._retry_s = "", 0.0
        if room < length:
            self._let_go()  # what is held cannot be removed, and may be all that is there
            self._reason = "journal_full"
            return self._reason
        return None

    def _is_over(self) -> bool:
        """True when the open segment is full, was removed by somebody, or is asked for."""
        if self._size >= SEGMENT_BYTES or os.fstat(self._fd).st_nlink == 0:
            return True
        try:
            asked_ns = os.stat(f"{self._directory}/{ROTATE}").st_mtime_ns
        except FileNotFoundError:
            return False
        return self._size > 0 and asked_ns > self._opened_ns

    def _measure(self) -> int:
        size = 0
        with os.scandir(self._directory) as entries:
            for entry in entries:
                if entry.name.endswith(SUFFIX):
                    # The sidecar removes what it has read, also while we look.
                    with contextlib.suppress(FileNotFoundError):
                        status = entry.stat(follow_symlinks=False)
                        # What it takes of the memory: a small file takes a page.
                        size += max(status.st_size, status.st_blocks * 512)
                if size > self._limit:
                    break
        return size

    def _open(self) -> None:
        # A reader that finds the new segment before it is locked removes it: then once more.
        while not self._try_open():
            pass

    def _try_open(self) -> bool:
        opened_ns = time.time_ns()
        name = f"{opened_ns:020d}-{self.pid}-{os.urandom(4).hex()}{SUFFIX}"
        fd = os.open(f"{self._directory}/{name}", _FLAGS, 0o640)
        try:
            os.fchmod(fd, 0o640)  # whatever the umask: the sidecar may read as the group
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_ours = os.fstat(fd).st_nlink > 0
        except BlockingIOError:
            is_ours = False
        except BaseException:
            os.close(fd)
            raise
        if not is_ours:
            os.close(fd)
            return False
        self._fd, self._size, self._opened_ns = fd, 0, opened_ns
        return True

    def _fail(self, error: OSError | ValueError) -> str:
        number = error.errno if isinstance(error, OSError) else None
        self._reason = _REASONS.get(number or 0, "journal_error")
        self._room = 0
        low, high = _RETRY_S
        self._retry_s = min(max(self._retry_s * 2, low), high)
        self._review_at = self._clock() + self._retry_s
        return self._reason


#: Of these the directory and the open segment know nothing.
_SHORTAGES: Final = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOMEM))
_REASONS: Final = {
    errno.ENOENT: "journal_missing",
    errno.ENOTDIR: "journal_missing",
    errno.EROFS: "journal_readonly",
    errno.EACCES: "journal_denied",
    errno.EPERM: "journal_denied",
    errno.ENOSPC: "journal_full",
    errno.EDQUOT: "journal_full",
    errno.EFBIG: "journal_full",
}


class Journal:
    """The journal as the web process sees it: give it lines; it tells of those it dropped.

    Nothing is opened, started or looked at before the first line.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str] = DEFAULT_DIRECTORY,
        *,
        on_drop: OnDrop = lambda line, reason: None,
        limit_bytes: int = LIMIT_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.directory = os.path.abspath(directory)
        self._on_drop = on_drop
        self._limit_bytes = limit_bytes
        self._clock = clock
        self._segments = self._new_segments(os.getpid())
        self._processes = {self._segments.pid: self._segments}
        self._thread: WriterThread | None = None
        self._in_memory: bool | None = None

    def append(self, line: bytes, pid: int | None = None) -> bool:
        """Take one message, line feed included; True when it was written or queued.

        Never raises and never waits. What is dropped, now or later, is told to `on_drop`.
        `pid` spares a system call where the caller has just asked for it.
        """
        if len(line) > MAX_LINE_BYTES:
            self._on_drop(line, "too_large")
            return False
        if self._in_memory is None and os.path.isdir(self.directory):
            self._in_memory = is_memory_backed(self.directory)
        # A directory that is not there yet says so at once; a volume may still be mounted on it.
        segments = self._segments
        if segments.pid != (pid or os.getpid()):
            segments = self._after_fork()
        in_memory = self._in_memory is not False
        reason = segments.write(line) if in_memory else self._queue(line, segments)
        if reason is None:
            return True
        self._on_drop(line, reason)
        return False

    def close(self) -> None:
        """Write what is queued and let the segment go. Not needed for safety on memory."""
        if self._segments.pid != os.getpid():
            return
        while (thread := self._thread) is not None:
            # What it fails to write is counted, in a line that another thread then writes.
            self._thread = None
            thread.close()
        self._segments.close()

    def _new_segments(self, pid: int) -> Segments:
        return Segments(self.directory, self._limit_bytes, self._clock, pid)

    def _after_fork(self) -> Segments:
        # setdefault is atomic: of a child's first two threads both get the same.
        pid, parents = os.getpid(), self._segments
        new = self._new_segments(pid)
        self._segments = self._processes.setdefault(pid, new)
        if self._segments is new and parents.pid != pid:
            parents.disown()
        return self._segments

    def _queue(self, line: bytes, segments: Segments) -> str | None:
        if self._thread is None or not self._thread.is_mine():
            try:
                self._thread = WriterThread(segments.write, self._on_drop)
            except RuntimeError:  # no thread can be started: a limit, or the interpreter's end
                return "journal_error"
        return self._thread.put(line)
