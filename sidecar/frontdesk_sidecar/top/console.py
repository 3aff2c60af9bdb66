"""The terminal while somebody looks at it; however that ends, it is left as it was found."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import termios
import tty
from collections.abc import Iterator, Mapping, Sequence
from types import FrameType, TracebackType
from typing import Any, Final, Self

from frontdesk_sidecar.top.frame import Size
from frontdesk_sidecar.top.paint import ENTER, LEAVE, keys, painted
from frontdesk_sidecar.top.rows import Row

_ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_HEARD: Final = (*_ENDING, signal.SIGWINCH, signal.SIGTSTP)
_READ_BYTES: Final = 1024
#: What Python makes of the locale C, see PEP 538.
_COERCED: Final = ("C.UTF-8", "C.utf8", "UTF-8")


class Ended(Exception):  # noqa: N818 - says what is the case
    """A signal asked for the end, or the terminal went away; with its number."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class Console:
    """A context manager. Standard output is a terminal; standard input may be one too."""

    def __init__(self, *, colour: bool) -> None:
        self._out = sys.stdout.fileno()
        self._in = _terminal_of(sys.stdin)
        self._colour = colour
        self._shown: Sequence[Row] | None = None
        self._size = Size(0, 0)
        self._mode: list[Any] | None = None
        self._awake, self._wake = os.pipe()
        os.set_blocking(self._awake, False)
        os.set_blocking(self._wake, False)
        self._before: dict[int, Any] = {}
        self._wakeup_fd = -1

    def __enter__(self) -> Self:
        self._wakeup_fd = signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        for number in _HEARD:
            self._before[number] = signal.signal(number, _heed)
        try:
            self._take()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._leave()
        signal.set_wakeup_fd(self._wakeup_fd)
        for number, before in self._before.items():
            signal.signal(number, before)
        # The pipe stays open: a thread may wake us still.

    def wake(self) -> None:
        """Let `wait` return; from any thread."""
        with contextlib.suppress(OSError):
            os.write(self._wake, b"\0")

    @property
    def size(self) -> Size:
        """Of the terminal now; one that does not know says 80 x 24."""
        found = os.get_terminal_size(self._out)
        return Size(found.columns or 80, found.lines or 24)

    def draw(self, rows: Sequence[Row], size: Size) -> None:
        """Show these rows, made for that size. Raises Ended when the terminal is gone."""
        before = self._shown if size == self._size else None
        self._write(painted(rows, before, width=size.columns, colour=self._colour))
        self._shown, self._size = list(rows), size

    def wait(self, within_s: float) -> list[str]:
        """The keys that were pressed, or nothing after some time or a `wake`. Raises Ended."""
        watched = [self._awake] + ([self._in] if self._in is not None else [])
        ready, _, _ = select.select(watched, (), (), within_s)
        if self._awake in ready:
            for number in os.read(self._awake, _READ_BYTES):
                self._obey(number)
        if self._in is not None and self._in in ready:
            typed = os.read(self._in, _READ_BYTES)
            if not typed:
                raise Ended(signal.SIGHUP)
            return keys(typed)
        return []

    def _obey(self, number: int) -> None:
        if number in _ENDING:
            raise Ended(number)
        if number == signal.SIGTSTP:
            self._leave()
            signal.signal(signal.SIGTSTP, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGTSTP)  # goes on here when it is continued
            signal.signal(signal.SIGTSTP, _heed)
            self._take()
        elif number == signal.SIGWINCH:
            self._shown = None

    def _take(self) -> None:
        if self._in is not None:
            self._mode = termios.tcgetattr(self._in)
            tty.setcbreak(self._in)
        self._write(ENTER)
        self._shown = None

    def _leave(self) -> None:
        with contextlib.suppress(Ended):
            self._write(LEAVE)
        if self._in is not None and self._mode is not None:
            with contextlib.suppress(termios.error):
                termios.tcsetattr(self._in, termios.TCSADRAIN, self._mode)

    def _write(self, text: str) -> None:
        data = text.encode(errors="replace")
        try:
            while data:
                data = data[os.write(self._out, data) :]
        except OSError:
            raise Ended(signal.SIGHUP) from None


def _heed(number: int, at: FrameType | None) -> None:
    """Nothing: the number came through the pipe."""


def _terminal_of(stream: Any) -> int | None:
    with contextlib.suppress(ValueError, OSError, AttributeError):
        if stream.isatty():
            return int(stream.fileno())
    return None


def is_dumb(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether the terminal cannot place the cursor."""
    return environ.get("TERM", "") in ("", "dumb", "unknown")


def wants_colour(environ: Mapping[str, str] = os.environ) -> bool:
    """See https://no-color.org."""
    return not environ.get("NO_COLOR")


def is_ascii(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether the locale has no other characters; Python itself writes UTF-8 all the same."""
    return not any("utf" in one.lower() for one in _locale(environ))


def _locale(environ: Mapping[str, str]) -> Iterator[str]:
    if environ.get("LC_ALL"):
        yield environ["LC_ALL"]
        return
    kind, language = environ.get("LC_CTYPE", ""), environ.get("LANG", "")
    is_ours = sys.flags.utf8_mode and kind in _COERCED and language in ("", "C", "POSIX")
    yield language if is_ours or not kind else kind
