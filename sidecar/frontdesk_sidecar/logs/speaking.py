"""The one way to say an event: by its name in the table, as often as that allows."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Mapping
from typing import Final

from frontdesk_sidecar.logs.events import ALWAYS, EVENTS
from frontdesk_sidecar.logs.limit import Limit

_LEVELS: Final = {name: logging.getLevelNamesMapping()[name.upper()] for name in (
    *("debug", "info", "warning", "error"),
)}  # fmt: skip
#: What would begin another line, rule a terminal, turn the order of what it shows, or is no
#: character at all.
_CONTROL: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]+"
)


class Voice:
    """Says events under one logger's name. Callers hand in nothing of a person but masked."""

    def __init__(self, logger: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._logger = logging.getLogger(logger)
        self._clock = clock
        self._limit = Limit()

    def hears(self, name: str) -> bool:
        """Whether the event would be logged at all, by its level."""
        return self._logger.isEnabledFor(_LEVELS[EVENTS[name].level])

    def say(
        self,
        name: str,
        text: str = "",
        /,
        *,
        apart: str = "",
        also: Mapping[str, object] | None = None,
        **fields: object,
    ) -> bool:
        """Say it with what there is to add in words; whether it was said.

        `apart` tells apart what is limited each for itself, such as codes: there must be a known
        number of them. `also` are fields that are in JSON alone. Fields that are None are left out.
        Never raises: what is told of must go on.
        """
        try:
            return self._say(name, text, apart, also or {}, fields)
        except Exception:
            self._logger.exception("an event cannot be said")
            return False

    def _say(
        self,
        name: str,
        text: str,
        apart: str,
        also: Mapping[str, object],
        fields: Mapping[str, object],
    ) -> bool:
        event = EVENTS[name]
        level = _LEVELS[event.level]
        if not self._logger.isEnabledFor(level):
            return False
        left_out = 0
        if event.every_s != ALWAYS:
            passed = self._limit.pass_(name, apart, event.every_s, self._clock())
            if passed is None:
                return False
            left_out = passed
        told = {key: value for key, value in fields.items() if value is not None}
        more = {key: value for key, value in also.items() if value is not None}
        extra = {"event": name, "fields": told | more, "suppressed": left_out}
        self._logger.log(level, "%s", sentence(name, told, text), extra=extra)
        return True


def sentence(name: str, fields: Mapping[str, object], text: str) -> str:
    """The event as a person reads it: one line, whatever is in its fields."""
    told = "".join(f" {key}={value}" for key, value in fields.items())
    between = " -- " if told else ": "
    return clean(f"{name}{told}{between if text else ''}{text}")


def clean(text: str) -> str:
    """The text in one line."""
    return text if text.isprintable() else _CONTROL.sub(" ", text)
