"""Handing customers over to a sidecar, so that few of them wait for SAP at a time.

Customers are sent in the order in which they came. If all of a large file came at once, whoever
logs in meanwhile would wait behind them until SAP has them all.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import orjson

from frontdesk_sidecar.admin.http import MAX_BODY
from frontdesk_sidecar.backfill.reading import Line

#: Nothing more is handed over as long as more are due.
MOST_DUE: Final = 500
#: So many lines at a time, and so many bytes, as they stand in a request of the command.
_LINES: Final = 500
_BYTES: Final = MAX_BODY - 4096
_LOOK_S: Final = 0.5
_TELL_S: Final = 5.0

Call = Callable[..., dict[str, Any]]


def chunks(lines: Iterable[Line]) -> Iterator[list[Line]]:
    """Lines as they fit into requests."""
    gathered: list[Line] = []
    size = 0
    for line in lines:
        more = size_of(line)
        if gathered and (len(gathered) == _LINES or size + more > _BYTES):
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
    """Whether a request can hold it."""
    return size_of(line) <= _BYTES


class Patience:
    """Waits until few are due, and says from time to time how things stand.

    `call` asks the sidecar; `tell` is told what waits, and why if something stands in the way.
    """

    def __init__(
        self,
        call: Call,
        tell: Callable[[int, dict[str, Any]], None],
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._call = call
        self._tell = tell
        self._clock, self._sleep = clock, sleep
        self._told_at = clock()

    def wait(self, most: int = MOST_DUE) -> None:
        """Until no more than so many are due."""
        while True:
            status = self._call("status")
            due = status["customers"]["due"]
            if self._clock() - self._told_at >= _TELL_S:
                self._told_at = self._clock()
                self._tell(due, status)
            if due <= most:
                return
            self._sleep(_LOOK_S)
