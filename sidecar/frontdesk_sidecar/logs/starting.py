"""Where the log goes: standard error, in one form, for all that a process has to say."""

from __future__ import annotations

import logging
import sys
import threading
import time
from types import TracebackType
from typing import Any, Final, TextIO

from frontdesk_sidecar.logs.events import EVENTS
from frontdesk_sidecar.logs.forms import Json, Text, described, event_of, told
from frontdesk_sidecar.logs.limit import Limit
from frontdesk_sidecar.logs.speaking import Voice

#: These would say more than anybody wants, and httpx a customer's address.
_NOISY: Final = ("asyncio", "httpx", "httpcore", "opentelemetry", "uvicorn", "websockets")


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
        ours = _Handler(stream or sys.stderr)
        root.addHandler(ours)
        logging.captureWarnings(True)
        sys.excepthook = _crashed
        threading.excepthook = _crashed_in_thread
    ours.setFormatter(_formatter(form, ours.stream))
    root.setLevel(level.upper())
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)


def _formatter(form: str, stream: TextIO) -> logging.Formatter:
    is_text = form == "text" or (form == "auto" and stream.isatty())
    return Text() if is_text else Json()


class _Handler(logging.StreamHandler[TextIO]):
    """Our handler; what others say is limited here, as `Voice` limits what we say."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._limit = Limit()

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

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Whoever does not take the log must not stop what it is about."""


def _crashed(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    told: dict[str, Any] = described((kind, error, trace))
    Voice("frontdesk").say("crashed", **told)


def _crashed_in_thread(arguments: threading.ExceptHookArgs) -> None:
    if arguments.exc_value is not None:
        _crashed(arguments.exc_type, arguments.exc_value, arguments.exc_traceback)
