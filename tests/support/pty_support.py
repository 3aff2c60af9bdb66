"""A program on a real pseudo-terminal, and what a person would see there."""

from __future__ import annotations

import codecs
import contextlib
import fcntl
import os
import pty
import re
import select
import struct
import termios
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from quick_start import Forked
from server_support import DEADLINE_S

_SEQUENCE = re.compile(r"\x1b\[([?\d;]*)([A-Za-z])")


class Screen:
    """The part of a VT100 that our programs use; anything else is an error."""

    def __init__(self, columns: int, rows: int) -> None:
        self.columns, self.rows = columns, rows
        self.cells = [[" "] * columns for _ in range(rows)]
        self.modes: dict[str, bool] = {}
        self.cleared = 0
        self._at = (0, 0)
        self._rest = ""

    def take(self, text: str) -> None:
        """What the program wrote."""
        text = self._rest + text
        self._rest = ""
        while text:
            if text[0] != "\x1b":
                self._put(text[0])
                text = text[1:]
                continue
            found = _SEQUENCE.match(text)
            if found is None:
                assert len(text) < 16, repr(text[:40])
                self._rest = text
                return
            self._obey(found[1], found[2])
            text = text[found.end() :]

    def text(self) -> str:
        """What is to be read."""
        return "\n".join("".join(row).rstrip() for row in self.cells)

    def _put(self, char: str) -> None:
        row, column = self._at
        if char == "\r":
            self._at = (row, 0)
        elif char == "\n":
            self._at = (min(row + 1, self.rows - 1), column)
        elif self.modes.get("?1049"):  # else it is what the shell's screen shows
            assert column < self.columns, f"beyond the edge: {self.text()}"
            self.cells[row][column] = char
            self._at = (row, column + 1)

    def _obey(self, given: str, final: str) -> None:
        if final in "hl":
            self.modes[given] = final == "h"
        elif final == "H":
            row, column = (int(one) - 1 for one in (given or "1;1").split(";"))
            self._at = (row, column)
        elif (given, final) == ("2", "J"):
            self.cells = [[" "] * self.columns for _ in range(self.rows)]
            self.cleared += 1
        elif (given, final) == ("", "K"):
            row, column = self._at
            self.cells[row][column:] = [" "] * (self.columns - column)
        else:
            assert final == "m", (given, final)


class Session:
    """A program at work on a terminal of its own."""

    def __init__(self, process: Forked, terminal: int, slave: int, found: list[Any]) -> None:
        self.process = process
        #: how the terminal treated what is typed before the program was there
        self.found = found
        self._terminal, self._slave = terminal, slave
        self._decode = codecs.getincrementaldecoder("utf-8")(errors="replace").decode
        self.written = ""
        self.screen = Screen(0, 0)

    def resize(self, columns: int, rows: int) -> None:
        """As when somebody pulls at the window."""
        modes, self.screen = self.screen.modes, Screen(columns, rows)
        self.screen.modes = modes
        size = struct.pack("HHHH", rows, columns, 0, 0)
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, size)

    def read(self) -> None:
        """Take in what was written up to now."""
        while select.select([self._terminal], [], [], 0.02)[0]:
            try:
                data = os.read(self._terminal, 65_536)
            except OSError:  # nobody has the other end any more
                return
            if not data:
                return
            text = self._decode(data)
            self.written += text
            self.screen.take(text)

    def wait(self, *words: str) -> str:
        """Until all of these are to be read; the screen then."""
        deadline = time.monotonic() + DEADLINE_S
        while True:
            self.read()
            shown = self.screen.text()
            if all(word in shown for word in words):
                return shown
            assert self.process.poll() is None, f"it ended with {self.process.poll()}:\n{shown}"
            assert time.monotonic() < deadline, f"waited too long for {words}:\n{shown}"

    def press(self, typed: bytes) -> None:
        """Keys."""
        os.write(self._terminal, typed)

    def end(self) -> int:
        """Wait for the end; the exit code."""
        deadline = time.monotonic() + DEADLINE_S
        while self.process.poll() is None:
            assert time.monotonic() < deadline, f"it does not end:\n{self.screen.text()}"
            self.read()
        self.read()
        code = self.process.returncode
        assert code is not None
        return code

    def mode(self) -> list[Any]:
        """How the terminal treats what is typed."""
        return termios.tcgetattr(self._slave)


@contextlib.contextmanager
def on_terminal(
    command: Sequence[str], *, columns: int = 80, rows: int = 24, **environ: str
) -> Iterator[Session]:
    """Run `python -m ...` on a terminal of that size until the block ends."""
    terminal, slave = pty.openpty()
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("NO_COLOR", "LC_ALL", "LC_CTYPE", "LANG", "COLUMNS", "LINES")
        and not name.startswith("FRONTDESK")
    }
    given = {"TERM": "xterm", "LANG": "C.UTF-8", **environ}
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    found = termios.tcgetattr(slave)
    # The terminal is the program's own: Ctrl-C and its size reach it as signals.
    process = Forked(command, Path(os.ttyname(slave)), {**environment, **given})
    session = Session(process, terminal, slave, found)
    session.screen = Screen(columns, rows)
    try:
        yield session
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        os.close(slave)
        os.close(terminal)
