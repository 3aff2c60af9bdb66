"""Lines to a file descriptor, written by a thread of its own: nobody who logs ever waits.

Whoever reads standard error may stall, as a container's runtime does, or a disk that hangs. A
write would then hold the event loop, and with it deliveries, probes and the end of the process.
"""

from __future__ import annotations

import os
import select
import threading
from collections import deque
from collections.abc import Callable
from typing import Final

#: So much waits for whoever reads; what comes then is left out, and counted.
MOST_BYTES: Final = 1 << 20


class Outlet:
    """Writes lines in order. `notice` gives the line that says how many were left out before."""

    def __init__(
        self, file: int, notice: Callable[[int], bytes], *, most_bytes: int = MOST_BYTES
    ) -> None:
        self._file = file
        self._notice = notice
        self._most_bytes = most_bytes
        # Reentrant: a warning may be logged by the collector while a line is put.
        self._changed = threading.Condition(threading.RLock())
        self._lines: deque[bytes] = deque()
        self._held = 0
        self._lost = 0
        self._is_cut = False  # the last line did not get out whole
        self._thread: threading.Thread | None = None

    def put(self, line: bytes) -> None:
        """Have a line written, its line feed included, if there is room. Does not wait."""
        with self._changed:
            if self._held + len(line) > self._most_bytes:
                self._lost += 1
                return
            if self._lost:
                lost, self._lost = self._lost, 0
                self._add(self._notice(lost))
            self._add(line)
            if self._thread is None or not self._thread.is_alive():  # also in a forked process
                self._thread = threading.Thread(target=self._run, name="log", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def flush(self, within_s: float) -> bool:
        """Wait until everything is written, for so many seconds at most; whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._lines, within_s)

    def _add(self, line: bytes) -> None:
        self._lines.append(line)
        self._held += len(line)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._lines)
                line = self._lines[0]
            self._write(line)
            with self._changed:
                self._lines.popleft()
                self._held -= len(line)
                self._changed.notify_all()

    def _write(self, line: bytes) -> None:
        """Not by `sys.stderr`: Python waits for its lock when the process ends."""
        rest = b"\n" + line if self._is_cut else line
        self._is_cut = False
        while rest:
            try:
                rest = rest[os.write(self._file, rest) :]
            except BlockingIOError:  # somebody else's pipe that does not block
                select.select((), (self._file,), ())
            except OSError:  # nobody reads any more, or the disk is full
                self._is_cut = len(rest) < len(line)
                return
