"""What a command says and asks, and what it looks like on a terminal."""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from typing import Final, TextIO

import orjson

from frontdesk_sidecar.admin.plain import printable

#: The first lines' colour, by how things stand.
_COLOURS: Final = {"fine": "32", "attention": "33", "bad": "31"}
#: Where the second column of a screen begins.
_COLUMN: Final = 12


class Terminal:
    """Standard input, output and error as they are when it is made."""

    def __init__(self) -> None:
        self._out, self._err, self._in = sys.stdout, sys.stderr, sys.stdin
        for stream in (self._out, self._err):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")  # a `•` where only ASCII goes
        self.is_screen = _is_terminal(self._out)
        self._has_colour = self.is_screen and not os.environ.get("NO_COLOR")

    def say(self, lines: Iterable[str], *, mood: str | None = None) -> None:
        """Print lines; on a terminal broken at its width, with the first one in `mood`'s colour."""
        self._out.write("".join(f"{line}\n" for line in self._laid_out(list(lines), mood)))
        self._out.flush()

    def redraw(self, lines: Iterable[str], *, mood: str | None = None) -> None:
        """The same in place of what the screen shows; what is below its edge is left out."""
        height = shutil.get_terminal_size().lines - 1
        shown = self._laid_out(list(lines), mood)[:height]
        self._out.write("\x1b[H" + "".join(f"{line}\x1b[K\n" for line in shown) + "\x1b[J")
        self._out.flush()

    def data(self, document: object) -> None:
        """Print JSON for a script, on one line."""
        self._out.write(as_line(document))
        self._out.flush()

    def hang_up(self) -> None:
        """Nobody reads any more: let Python's last flush go nowhere."""
        os.dup2(os.open(os.devnull, os.O_WRONLY), self._out.fileno())

    def complain(self, text: str) -> None:
        """One line on standard error."""
        self._err.write(f"frontdesk: {printable(text)}\n")

    def note(self, text: str) -> None:
        """The same beside what was asked for."""
        self._err.write(f"note: {printable(text)}\n")

    def line(self) -> str:
        """One line of standard input."""
        return self._in.readline().strip()

    @property
    def columns(self) -> int:
        """How wide lines may be; 80 where nobody knows."""
        return shutil.get_terminal_size().columns

    @property
    def can_ask(self) -> bool:
        """Whether there is somebody to ask."""
        return _is_terminal(self._in)

    def confirmed(self, question: str) -> bool:
        """Ask; only `y` and `yes` mean yes."""
        self._err.write(f"{printable(question)} [y/N] ")
        self._err.flush()
        return self._in.readline().strip().lower() in ("y", "yes")

    def _laid_out(self, lines: Sequence[str], mood: str | None) -> list[str]:
        rows = [printable(line) for line in lines]
        if not self.is_screen:
            return rows
        width = max(40, shutil.get_terminal_size().columns)
        broken = [_broken(row, width) for row in rows]
        if self._has_colour and broken and mood in _COLOURS:
            broken[0] = [f"\x1b[1;{_COLOURS[mood]}m{row}\x1b[0m" for row in broken[0]]
        return [row for group in broken for row in group]


def as_line(document: object) -> str:
    """JSON on one line; what a terminal would obey is escaped."""
    text = orjson.dumps(document).decode()
    if not text.isprintable():
        text = "".join(one if one.isprintable() else json.dumps(one)[1:-1] for one in text)
    return f"{text}\n"


def _broken(row: str, width: int) -> list[str]:
    """A row as rows of the width, the later ones indented like what they go on with."""
    start = len(row) - len(row.lstrip())
    in_column = row[_COLUMN - 2 : _COLUMN] == "  " and row[_COLUMN : _COLUMN + 1].strip()
    indent = " " * (_COLUMN if in_column and start < _COLUMN else start + 2)
    return textwrap.wrap(
        row, width, subsequent_indent=indent, break_on_hyphens=False, drop_whitespace=True
    ) or [""]


def _is_terminal(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False
