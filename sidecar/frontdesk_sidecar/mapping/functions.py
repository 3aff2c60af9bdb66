"""The functions of a mapping, beside JMESPath's own.

All pass null through, but for `default` and `join`. Times are read as ISO 8601, without an offset
as UTC; numbers are seconds since the epoch, from 10^11 on milliseconds.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, time
from typing import Any, Final

from jmespath import exceptions
from jmespath.functions import Functions, signature


class Clear:
    """What `clear()` gives: the attribute is sent as null, which erases it in SAP."""

    def __repr__(self) -> str:
        return "clear()"


CLEAR: Final = Clear()
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECONDS_FROM: Final = 1e11
_ODATA_DATE: Final = re.compile(r"/Date\((-?\d{1,16})\)/")
#: A word's first letter, also behind a hyphen; behind an apostrophe if two letters follow.
_INITIAL: Final = re.compile(r"(?<![^\W\d_])(?<!['’])[^\W\d_]|(?<=['’])[^\W\d_](?=[^\W\d_])")


class Unfit(Exception):  # noqa: N818 - says what is the case
    """A value that a function cannot do anything with; the text holds no value."""


class TraitFunctions(Functions):
    """See the module."""

    @signature({"types": ["string", "null"]})
    def _func_lower(self, text: str | None) -> str | None:
        return None if text is None else text.lower()

    @signature({"types": ["string", "null"]})
    def _func_upper(self, text: str | None) -> str | None:
        return None if text is None else text.upper()

    @signature({"types": ["string", "null"]})
    def _func_trim(self, text: str | None) -> str | None:
        return None if text is None else text.strip()

    @signature({"types": ["string", "null"]})
    def _func_title(self, text: str | None) -> str | None:
        if text is None:
            return None
        return _INITIAL.sub(lambda found: found.group().upper(), text.lower())

    @signature({"types": ["string", "null"]})
    def _func_digits(self, text: str | None) -> str | None:
        return None if text is None else "".join(c for c in text if c in "0123456789")

    @signature({"types": ["string", "null"]})
    def _func_hash(self, text: str | None) -> str | None:
        if text is None:
            return None
        return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()

    @signature({"types": ["string"]}, {"types": ["array", "null"]})
    def _func_join(self, glue: str, items: list[Any] | None) -> str | None:
        present = [item for item in items or () if item not in (None, "")]
        for item in present:
            if not isinstance(item, str):
                raise exceptions.JMESPathTypeError("join", None, type(item).__name__, ["string"])
        return glue.join(present) or None

    @signature({"types": []}, {"types": []})
    def _func_default(self, value: object, instead: object) -> object:
        return instead if value is None or value in ("", [], {}) else value

    @signature({"types": ["string", "number", "null"]})
    def _func_odata_datetime(self, moment: str | float | None) -> str | None:
        return None if moment is None else odata_date(_moment("odata_datetime", moment))

    @signature({"types": ["string", "number", "null"]})
    def _func_odata_date(self, moment: str | float | None) -> str | None:
        if moment is None:
            return None
        day = _moment("odata_date", moment).date()
        return odata_date(datetime.combine(day, time.min, UTC))

    @signature()
    def _func_clear(self) -> Clear:
        return CLEAR


FUNCTIONS: Final[Mapping[str, Mapping[str, Any]]] = TraitFunctions.FUNCTION_TABLE


def odata_date(moment: datetime) -> str:
    """`/Date(ms)/`, the JSON form of Edm.DateTime: milliseconds since the epoch, UTC."""
    since = moment - _EPOCH
    return f"/Date({(since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000})/"


def read_time(text: str) -> datetime | None:
    """An ISO 8601 date or time, or `/Date(ms)/`; None for anything else."""
    try:
        if found := _ODATA_DATE.fullmatch(text):
            return datetime.fromtimestamp(int(found.group(1)) / 1000, UTC)
        moment = datetime.fromisoformat(text.strip())
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _moment(function: str, value: str | float) -> datetime:
    if isinstance(value, str):
        moment = read_time(value)
    elif math.isfinite(value):
        seconds = value if abs(value) < _MILLISECONDS_FROM else value / 1000
        try:
            moment = datetime.fromtimestamp(seconds, UTC)
        except (ValueError, OverflowError, OSError):
            moment = None
    else:
        moment = None
    if moment is None:
        raise Unfit(f"{function}() found no ISO 8601 date or time")
    return moment
