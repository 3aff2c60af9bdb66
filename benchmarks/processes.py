"""Processes that the benchmark starts, and ends whatever happens."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import IO

_PATIENCE_S = 5.0


class Child:
    """A Python module in a process of its own: a line to it, a line from it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.pid = process.pid

    def read(self) -> str:
        """The next line it prints; RuntimeError when it ends instead."""
        line = _pipe(self._process.stdout).readline()
        if not line:
            command, code = self._process.args, self._process.wait()
            raise RuntimeError(f"{command!r} ended with code {code}")
        return line.rstrip("\n")

    def ask(self, line: str = "go") -> str:
        """Send a line and wait for the answer."""
        pipe = _pipe(self._process.stdin)
        pipe.write(line + "\n")
        pipe.flush()
        return self.read()


@contextmanager
def child(module: str, *arguments: str) -> Iterator[Child]:
    """Run `python -m module`; it ends when its standard input does."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C is for the parent, who ends the others in order
    )
    try:
        yield Child(process)
    finally:
        _pipe(process.stdin).close()
        end(process)
        _pipe(process.stdout).close()


def end(process: subprocess.Popen[str] | subprocess.Popen[bytes]) -> None:
    """Wait for its end, ask for it, and insist."""
    for number in (None, signal.SIGTERM, signal.SIGKILL):
        if number is not None:
            process.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_PATIENCE_S)
            return


@contextmanager
def stoppable() -> Iterator[None]:
    """Let SIGTERM end the benchmark as Ctrl-C does: with everything it has started."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe
