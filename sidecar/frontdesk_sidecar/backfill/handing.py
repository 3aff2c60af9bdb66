"""Handing customers over to a sidecar, so that few of them are on their way to SAP at a time.

Customers are sent in the order in which they came. If all of a large file came at once, whoever
logs in meanwhile would wait behind them until SAP has them all.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, TypeAlias

import orjson

from frontdesk_sidecar.admin.client import Away, NotHere
from frontdesk_sidecar.admin.http import MAX_BODY
from frontdesk_sidecar.backfill.reading import Line

#: Bytes of lines at a time, as they stand in a request of the command.
_BYTES: Final = MAX_BODY - 4096
#: How soon it is asked again for room, and after how long it is told that there is none.
_LOOK_S: Final = 0.1
_TELL_S: Final = 5.0
#: A sidecar that is started anew is waited for.
_AWAY_S: Final = 60.0
_AGAIN_S: Final = 1.0

Call: TypeAlias = Callable[..., dict[str, Any]]


class Stopped(Exception):  # noqa: N818 - says what is the case
    """It does not go on; the text says why."""


def chunks(lines: Iterable[Line], most: int) -> Iterator[list[Line]]:
    """Lines as they fit into requests, at most so many in one."""
    gathered: list[Line] = []
    size = 0
    for line in lines:
        more = size_of(line)
        if gathered and (len(gathered) == most or size + more > _BYTES):
            yield gathered
            gathered, size = [], 0
        gathered.append(line)
        size += more
    if gathered:
        yield gathered


def size_of(line: Line) -> int:
    """Bytes of a line within a request."""
    return len(orjson.dumps(line.message.decode())) + 1


def fits(line: Line) -> bool:
    """Whether a request can hold it, with a time of its own."""
    return size_of(line) <= _BYTES - 64


class Handing:
    """Asks until it is done. Raises Stopped, and Refused as `call` does.

    `call` is `Desk.call`; `tell` hears from time to time how many wait, and None when no sidecar
    answers.
    """

    def __init__(
        self,
        call: Call,
        tell: Callable[[int | None], None],
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._call = call
        self._tell = tell
        self._clock, self._sleep = clock, sleep
        self._told_at = self._heard_at = clock()
        self._has_heard = False

    def hand(self, operation: str, wanted: str, **arguments: Any) -> Any:
        """What the operation gives as `wanted`, as soon as there is room for it."""
        while True:
            told = self._ask(operation, **arguments)
            if told is not None:
                if told["full"] is not None:
                    raise Stopped(told["full"])
                if told[wanted] is not None:
                    return told[wanted]
            if self._clock() - self._told_at >= _TELL_S:
                self._told_at = self._clock()
                self._tell(None if told is None else told["waiting"])
            self._sleep(_AGAIN_S if told is None else _LOOK_S)

    def _ask(self, operation: str, **arguments: Any) -> dict[str, Any] | None:
        """None while the sidecar is away that has answered before."""
        try:
            told = self._call(operation, **arguments)
        except (Away, NotHere):
            if not self._has_heard:
                raise
            if self._clock() - self._heard_at > _AWAY_S:
                raise Stopped(f"no sidecar has answered for {_AWAY_S:.0f} s") from None
            return None
        self._has_heard, self._heard_at = True, self._clock()
        return told
