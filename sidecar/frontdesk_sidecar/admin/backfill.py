"""Customers that come from no login: those of a file, and those known, once more.

    backfill.lines  lines, at             {"messages": {verdict: int}}
    backfill.known  after, limit, target  {"resent": int, "erased": int, "after": int | null}

`lines` are messages as JSON texts, for `POST /v1/import`; one that tells no time is of `at`, an
ISO 8601 time. `after` is where the page before ended. Values that were erased by their age are not
known any more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from frontdesk_sidecar.admin.arguments import BadArgument, needed_text, number, only, text
from frontdesk_sidecar.admin.strays import one_of
from frontdesk_sidecar.ingest.document import Reading
from frontdesk_sidecar.ingest.message import VERDICTS
from frontdesk_sidecar.ingest.times import moment
from frontdesk_sidecar.store import Store

Operation: TypeAlias = Callable[[Store, Mapping[str, Any], int, Sequence[str]], dict[str, Any]]

#: So many customers are looked at at a time, so that who logs in has nobody else before him.
PAGE: Final = 500
_GREATEST: Final = (1 << 63) - 1


def lines_of(arguments: Mapping[str, Any]) -> tuple[list[bytes], datetime]:
    """What `Controls.take` takes. Raises BadArgument."""
    only(arguments, "lines", "at")
    lines, at = arguments.get("lines"), moment(needed_text(arguments, "at"))
    if at is None:
        raise BadArgument("at: expected an ISO 8601 time")
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        raise BadArgument("lines: expected an array of texts")
    return [line.encode() for line in lines], at


def told(reading: Reading) -> dict[str, Any]:
    """What became of them."""
    by = Counter[str]()
    for (_, verdict), times in reading.counts.items():
        by[verdict] += times
    return {"messages": {verdict: by[verdict] for verdict in VERDICTS}}


def _known(
    store: Store, arguments: Mapping[str, Any], now: int, configured: Sequence[str]
) -> dict[str, Any]:
    only(arguments, "after", "limit", "target")
    limit = number(arguments, "limit", PAGE, PAGE)
    after = number(arguments, "after", 1, _GREATEST) if "after" in arguments else 0
    target = text(arguments, "target")
    if target is not None:
        one_of(target, "target", configured)
    found, last = store.again(target, after, limit, now)
    return {"resent": found.due, "erased": found.erased, "after": last}


BACKFILL: Final[Mapping[str, Operation]] = MappingProxyType({"backfill.known": _known})
