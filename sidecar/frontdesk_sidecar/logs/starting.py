"""Where the log goes: standard error, in one form, for all that a process has to say."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
import time
from types import TracebackType
from typing import Any, Final, TextIO

from frontdesk_sidecar.logs.events import EVENTS
from frontdesk_sidecar.logs.forms import Json, Text, described, event_of, told
from frontdesk_sidecar.logs.limit import Limit
from frontdesk_sidecar.logs.outlet import Outlet
from frontdesk_sidecar.logs.speaking import Voice, sentence

#: These would say more than anybody wants, and httpx a customer's address.
_NOISY: Final = ("asyncio", "httpx", "httpcore", "opentelemetry", "uvicorn", "websockets")

#: At the end so long is waited for whoever reads the log.
_FLUSH_S: Final = 1.0


def start(level: str, form: str, stream: TextIO | None = None) -> None:
    """Log to `stream`, standard error if None; again, with another level or form.

    `form` is `json`, `text`, or `auto`: text on a terminal, else JSON. Where the process has a log
    already, that one is left as it is.
    """
    root = logging.getLogger()
    ours = next((one for one in root.handlers if isinstance(one, _Handler)), None)
    if ours is None and root.handlers:
        return
    if ours is None:
        ours = _Handler(stream or sys.stderr or _nowhere())
        root.addHandler(ours)
        logging.captureWarnings(True)
        sys.excepthook = _crashed
        threading.excepthook = _crashed_in_thread
        sys.unraisablehook = _unraisable
    ours.setFormatter(_formatter(form, ours.stream))
    root.setLevel(level.upper())
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)


def flush() -> None:
    """Wait a moment for what was logged to be written: before an end that waits for nothing."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, _Handler):
            handler.flush()


def _nowhere() -> TextIO:
    """For a process without standard error.

    It keeps the standard numbers taken: libraries write there, and no file of ours may have one.
    """
    while (file := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(file, True)
    return os.fdopen(file, "w")


def _formatter(form: str, stream: TextIO) -> logging.Formatter:
    is_text = form == "text" or (form == "auto" and stream.isatty())
    return Text() if is_text else Json()


class _Handler(logging.StreamHandler[TextIO]):
    """Our handler; what others say is limited here, as `Voice` limits what we say."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._limit = Limit()
        self._outlet: Outlet | None = None
        with contextlib.suppress(OSError):  # a stream in memory: nobody has to read it
            self._outlet = Outlet(stream.fileno(), self._left_out)

    def filter(self, record: logging.LogRecord) -> Any:
        """Whether it is logged."""
        if event_of(record) is None and not hasattr(record, "suppressed"):
            event = told(record).event
            every_s = EVENTS[event].every_s
            left_out = self._limit.pass_(event, record.name, every_s, time.monotonic())
            if left_out is None:
                return False
            record.suppressed = left_out
        return super().filter(record)

    def handle(self, record: logging.LogRecord) -> Any:
        """Log it; whoever logs never hears that it failed."""
        try:
            return super().handle(record)
        except Exception:  # noqa: BLE001 - such as arguments that do not fit their text
            return False

    def emit(self, record: logging.LogRecord) -> None:
        """Have it written, without waiting for it."""
        if self._outlet is None:
            super().emit(record)
        else:
            self._outlet.put(self._line(record))

    def flush(self) -> None:
        """Wait until what was logged is written, but not for long."""
        if self._outlet is None:
            super().flush()
        else:
            self._outlet.flush(_FLUSH_S)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Whoever does not take the log must not stop what it is about."""

    def _line(self, record: logging.LogRecord) -> bytes:
        return f"{self.format(record)}\n".encode("utf-8", "backslashreplace")

    def _left_out(self, lines: int) -> bytes:
        name = "log_lines_lost"
        fields = {"lines": lines}
        words = sentence(name, fields, "nobody read standard error")
        told = {"name": "frontdesk", "levelname": "WARNING", "levelno": logging.WARNING}
        more = {"msg": "%s", "args": (words,), "event": name, "fields": fields}
        return self._line(logging.makeLogRecord(told | more))


def _crashed(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    told: dict[str, Any] = described((kind, error, trace))
    Voice("frontdesk").say("crashed", **told)


def _crashed_in_thread(arguments: threading.ExceptHookArgs) -> None:
    if arguments.exc_value is not None:
        _crashed(arguments.exc_type, arguments.exc_value, arguments.exc_traceback)


def _unraisable(arguments: sys.UnraisableHookArgs) -> None:
    """Of one that nobody can be told of, as in the collector; Python would print its text."""
    error = arguments.exc_value
    logging.getLogger("frontdesk").error("it was raised where nobody hears it", exc_info=error)
