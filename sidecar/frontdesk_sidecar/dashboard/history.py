"""What happened lately, in rings of a fixed size: by the second for minutes, by the minute for a
day. Pure: whoever notes something says when, in monotonic seconds.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

#: What is counted: messages taken in, journal lines that were of no use, attempts by outcome.
COUNTED: Final = (
    *("messages", "unusable"),
    *("delivered", "unchanged", "throttled", "transient", "setup", "rejected", "dead"),
)
#: What is measured: the last reading of each second or minute.
MEASURED: Final = ("pending", "oldest")
SECONDS: Final = 300
MINUTES: Final = 1440

#: Upper ends of the buckets of the time from a login to SAP; above the last there is one more.
EDGES_S: Final = (
    *(0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.5, 10.0),
    *(15.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0),
    *(21600.0, 86400.0),
)
_COLUMN: Final = {name: place for place, name in enumerate((*COUNTED, *MEASURED))}
_UNKNOWN: Final = -1


class Ring:
    """Rows of whole numbers, one for each `width_s` seconds; the oldest make room."""

    def __init__(self, width_s: int, slots: int, fresh: Sequence[int]) -> None:
        self._width_s, self._slots = width_s, slots
        self._fresh = array("q", fresh)
        self._columns = len(fresh)
        self._cells = self._fresh * slots
        self._numbers = array("q", [-1]) * slots

    def _row(self, clock_s: float) -> int:
        """Where the row of a time begins; it is a fresh one if its time has just come."""
        number = int(clock_s // self._width_s)
        slot = number % self._slots
        start = slot * self._columns
        if self._numbers[slot] != number:
            self._numbers[slot] = number
            self._cells[start : start + self._columns] = self._fresh
        return start

    def add(self, clock_s: float, column: int, amount: int = 1) -> None:
        """Count something."""
        self._cells[self._row(clock_s) + column] += amount

    def put(self, clock_s: float, column: int, value: int) -> None:
        """Note a reading."""
        self._cells[self._row(clock_s) + column] = value

    def rows(self, clock_s: float, number: int) -> list[Sequence[int]]:
        """The last rows, the one of this time at the end; of times of which nothing is known it
        is a fresh one."""
        last = int(clock_s // self._width_s)
        return [self._at(one) for one in range(last - number + 1, last + 1)]

    def _at(self, number: int) -> Sequence[int]:
        slot = number % self._slots
        if number < 0 or self._numbers[slot] != number:
            return self._fresh
        start = slot * self._columns
        return self._cells[start : start + self._columns]


class History:
    """Counts, readings and latencies of the last minutes and of the last day."""

    def __init__(self, started_s: float) -> None:
        self._started_s = started_s
        fresh = [0] * len(COUNTED) + [_UNKNOWN] * len(MEASURED)
        self._seconds = Ring(1, SECONDS, fresh)
        self._minutes = Ring(60, MINUTES, fresh)
        self._latencies = Ring(60, MINUTES, [0] * (len(EDGES_S) + 1))

    def count(self, clock_s: float, name: str, number: int = 1) -> None:
        """So many of one of `COUNTED`."""
        column = _COLUMN[name]
        self._seconds.add(clock_s, column, number)
        self._minutes.add(clock_s, column, number)

    def measure(self, clock_s: float, name: str, value: float) -> None:
        """A reading of one of `MEASURED`."""
        column = _COLUMN[name]
        self._seconds.put(clock_s, column, int(value))
        self._minutes.put(clock_s, column, int(value))

    def arrived(self, clock_s: float, latency_s: float) -> None:
        """A customer is in SAP, so long after the login."""
        self._latencies.add(clock_s, bisect_left(EDGES_S, latency_s))

    def total(self, clock_s: float, name: str, *, seconds: int) -> int:
        """How many there were in the last seconds, at most `SECONDS`."""
        column = _COLUMN[name]
        return sum(row[column] for row in self._seconds.rows(clock_s, seconds))

    def total_minutes(self, clock_s: float, name: str, minutes: int) -> int:
        """How many there were in the last minutes, the one that runs included."""
        column = _COLUMN[name]
        return sum(row[column] for row in self._minutes.rows(clock_s, minutes))

    def recent(self, clock_s: float, each_s: int) -> dict[str, list[int | None]]:
        """The last `SECONDS`, in parts of so many seconds; see `series`."""
        return self._series(self._seconds.rows(clock_s, SECONDS), each_s, clock_s, 1)

    def series(self, clock_s: float, minutes: int, each: int) -> dict[str, list[int | None]]:
        """The last minutes in parts of so many: sums of what is counted, the largest of what is
        measured; None where nothing is known."""
        return self._series(self._minutes.rows(clock_s, minutes), each, clock_s, 60)

    def _series(
        self, rows: Sequence[Sequence[int]], each: int, clock_s: float, width_s: int
    ) -> dict[str, list[int | None]]:
        first = clock_s // width_s - len(rows) + 1
        parts = [rows[at : at + each] for at in range(0, len(rows), each)]
        ends = [(first + (place + 1) * each) * width_s for place in range(len(parts))]
        known = [end > self._started_s for end in ends]
        return {
            name: [
                _part(part, column) if knows else None
                for part, knows in zip(parts, known, strict=True)
            ]
            for name, column in _COLUMN.items()
        }

    def latency(self, clock_s: float, minutes: int) -> dict[str, float | int | None]:
        """How long it took from login to SAP in the last minutes: p50, p95, p99 in seconds."""
        buckets = [
            sum(column) for column in zip(*self._latencies.rows(clock_s, minutes), strict=True)
        ]
        found: dict[str, float | int | None] = {"count": sum(buckets)}
        return found | {f"p{share}": quantile(buckets, share / 100) for share in (50, 95, 99)}

    def latencies(
        self, clock_s: float, minutes: int, each: int, share: float
    ) -> list[float | None]:
        """The quantile of each part of the last minutes."""
        rows = self._latencies.rows(clock_s, minutes)
        parts = [rows[at : at + each] for at in range(0, len(rows), each)]
        return [quantile([sum(one) for one in zip(*part, strict=True)], share) for part in parts]


def _part(rows: Sequence[Sequence[int]], column: int) -> int | None:
    values = [row[column] for row in rows]
    if column < len(COUNTED):
        return sum(values)
    highest = max(values)
    return None if highest == _UNKNOWN else highest


def quantile(buckets: Sequence[int], share: float) -> float | None:
    """About where that share ends, evenly spread within its bucket; None when there is nothing."""
    total = sum(buckets)
    if not total:
        return None
    wanted, below = share * total, 0
    for place, number in enumerate(buckets):
        if number and below + number >= wanted:
            low = EDGES_S[place - 1] if place else 0.0
            high = EDGES_S[place] if place < len(EDGES_S) else low
            return round(low + (high - low) * (wanted - below) / number, 3)
        below += number
    return EDGES_S[-1]
