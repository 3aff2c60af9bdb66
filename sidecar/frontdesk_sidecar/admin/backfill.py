"""Customers that come from no login: those of a file, and those known, once more.

    backfill.lines  lines, most                 {"waiting", "full", "messages"}
    backfill.known  after, limit, target, most  {"waiting", "full", "page"}

`lines` are messages as JSON texts, as for `POST /v1/import`; `messages` is how many of them came
to which verdict. `page` is `{"resent": int, "erased": int, "after": int | null}`: `after` is where
it ended, and values that were erased by their age are not known any more.

Both are null, and nothing was done, while more than `most` customers are due or under way, which
`waiting` tells, or when `full` says why the store takes no more of these.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from frontdesk_sidecar.admin.arguments import BadArgument, number, only, text
from frontdesk_sidecar.admin.controls import Controls
from frontdesk_sidecar.admin.strays import one_of
from frontdesk_sidecar.ingest.document import Reading
from frontdesk_sidecar.ingest.message import VERDICTS

#: So many may be on their way already: whoever logs in waits behind them.
MOST: Final = 50
#: So many customers are looked at at a time.
PAGE: Final = 50
_LARGEST_PAGE: Final = 500
_GREATEST: Final = (1 << 63) - 1


class Room(NamedTuple):
    """How many customers are due or leased, and why the store takes no more, if it does not."""

    waiting: int
    full: str | None


async def backfill(
    controls: Controls, operation: str, arguments: Mapping[str, Any], now: int
) -> dict[str, Any]:
    """One of the operations. Raises BadArgument and StoreError."""
    if operation == "backfill.lines":
        return await _lines(controls, arguments)
    return await _known(controls, arguments, now)


def counts_of(reading: Reading) -> dict[str, int]:
    """What became of messages."""
    by = Counter[str]()
    for (_, verdict), times in reading.counts.items():
        by[verdict] += times
    return {verdict: by[verdict] for verdict in VERDICTS}


async def _lines(controls: Controls, arguments: Mapping[str, Any]) -> dict[str, Any]:
    only(arguments, "lines", "most")
    most, lines = number(arguments, "most", MOST, _GREATEST), arguments.get("lines")
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        raise BadArgument("lines: expected an array of texts")
    room = await controls.room()
    messages = None
    if _is_there(room, most):
        messages = counts_of(await controls.take([line.encode() for line in lines]))
    return {**room._asdict(), "messages": messages}


async def _known(controls: Controls, arguments: Mapping[str, Any], now: int) -> dict[str, Any]:
    only(arguments, "after", "limit", "target", "most")
    most = number(arguments, "most", MOST, _GREATEST)
    limit = number(arguments, "limit", PAGE, _LARGEST_PAGE)
    after = number(arguments, "after", 1, _GREATEST) if "after" in arguments else 0
    target = text(arguments, "target")
    if target is not None:
        one_of(target, "target", controls.targets)
    room = await controls.room(target)
    page = None
    if _is_there(room, most):
        found, last = await controls.run(lambda store: store.again(target, after, limit, now))
        controls.wake()
        page = {"resent": found.due, "erased": found.erased, "after": last}
    return {**room._asdict(), "page": page}


def _is_there(room: Room, most: int) -> bool:
    return room.full is None and room.waiting <= most
