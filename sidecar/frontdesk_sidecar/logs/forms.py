"""A record of `logging` as a line: JSON for machines, text for people.

What others log (uvicorn, Python's warnings, libraries) goes the same way under names of our own.
Their words are kept where it is known what is in them; of exceptions only types and places are.
"""

from __future__ import annotations

import json
import logging
import traceback
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, NamedTuple

import orjson

from frontdesk_sidecar.logs.events import EVENTS
from frontdesk_sidecar.logs.speaking import clean, sentence

#: So many calls of a traceback are named, the innermost ones.
_CALLS: Final = 8
#: Whose words hold nothing of a request: uvicorn's own, and those of Python's warnings.
_TRUSTED: Final = {
    "frontdesk.http": "server",
    "py.warnings": "python_warning",
    "uvicorn": "server",
}


class Told(NamedTuple):
    """What a record says: the event, the line for a person, and the fields."""

    event: str
    message: str
    fields: dict[str, Any]


def event_of(record: logging.LogRecord) -> str | None:
    """The name of an event of ours; None for what others log."""
    event = getattr(record, "event", None)
    is_ours = isinstance(event, str) and event in EVENTS and record.name.startswith("frontdesk")
    return event if is_ours else None


def told(record: logging.LogRecord) -> Told:
    """What a record says, whoever made it."""
    event = event_of(record)
    if event is not None:
        return Told(event, clean(record.getMessage()), getattr(record, "fields", {}))
    top = record.name.partition(".")[0]
    event = _TRUSTED.get(record.name, _TRUSTED.get(top, "library"))
    fields: dict[str, Any] = {"logger": record.name, **described(record.exc_info)}
    words = record.getMessage().partition("\n")[0] if event != "library" else ""
    return Told(event, sentence(event, fields, words), fields)


def described(info: Any) -> dict[str, str]:
    """An exception without its text, which may hold anything: types, and where."""
    if not isinstance(info, tuple) or info[1] is None:
        return {}
    error = info[1]
    told = {"error": " < ".join(_kinds(error))}
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]  # a group was raised where nothing happened
    return told | {"place": _place(error.__traceback__)}


def _kinds(error: BaseException) -> list[str]:
    """The type of the exception, those in a group, and those that it came from."""
    inner = ""
    if isinstance(error, BaseExceptionGroup):
        inner = f"({', '.join(' < '.join(_kinds(one)) for one in error.exceptions)})"
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    found = [f"{type(error).__name__}{inner}"]
    return found if cause is None else found + _kinds(cause)


def _place(trace: TracebackType | None) -> str:
    calls = traceback.StackSummary.extract(traceback.walk_tb(trace), lookup_lines=False)
    named = [
        f"{call.filename.rpartition('/')[2]}:{call.lineno}:{call.name}" for call in calls[-_CALLS:]
    ]
    return " > ".join(named)


class Json(logging.Formatter):
    """One JSON object in a line; `message` is what the text form says."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its line feed."""
        what = told(record)
        moment = datetime.fromtimestamp(record.created, UTC)
        document: dict[str, Any] = {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "event": what.event,
            "message": what.message,
            "logger": record.name,
            **what.fields,
        }
        if left_out := getattr(record, "suppressed", 0):
            document["suppressed"] = left_out
        try:
            return orjson.dumps(document, default=str).decode("utf-8", "replace")
        except TypeError:  # half a character, as in a path that is not UTF-8, or a huge number
            return json.dumps(document, default=str, skipkeys=True)


class Text(logging.Formatter):
    """Time, level, logger and the sentence."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its line feed."""
        left_out = getattr(record, "suppressed", 0)
        more = f" ({left_out} more like it before)" if left_out else ""
        line = f"{self.formatTime(record)} {record.levelname} {record.name} {told(record).message}"
        return line + more
