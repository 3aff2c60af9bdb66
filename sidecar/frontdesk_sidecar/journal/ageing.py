"""When messages were written, though the wall clock may have been set since."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from frontdesk.event import Identify, Tick

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
#: Clocks that run apart by less were not set; adjusting them goes in smaller steps.
_APART: Final = timedelta(seconds=1)


def dated(messages: Sequence[Identify], now_us: int, tick: Tick) -> Sequence[Identify]:
    """The messages, with the times at which today's clock would have seen them written.

    `now_us` (microseconds since the epoch) and `tick` are the same moment. Messages of another
    boot, or without a tick, keep their times, and so do all as long as both clocks agree.
    """
    try:
        now = _EPOCH + timedelta(microseconds=now_us)
        times = [_written(message, now, tick) for message in messages]
    except OverflowError:  # a clock beyond the calendar
        return messages
    for message, time in zip(messages, times, strict=True):
        if abs(message.timestamp - time) > _APART:
            return [replace(m, timestamp=t) for m, t in zip(messages, times, strict=True)]
    return messages


def _written(message: Identify, now: datetime, tick: Tick) -> datetime:
    own = message.tick
    if own is None or not tick.boot or own.boot != tick.boot:
        return message.timestamp
    age_ns = tick.nanoseconds - own.nanoseconds
    return message.timestamp if age_ns < 0 else now - timedelta(microseconds=age_ns // 1000)
