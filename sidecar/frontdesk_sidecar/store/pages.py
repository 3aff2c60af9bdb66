"""The rows that are in a SQLite file, read from its pages without its trees.

For a file of which SQLite itself cannot read everything: whatever leads to a page, a leaf of a
table tells its rows by itself. Source: https://www.sqlite.org/fileformat2.html, sections 1.3 to
2.1 and 4.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from typing import Final, TypeAlias

#: Python's form of a value: NULL, INTEGER, REAL, TEXT, BLOB.
Value: TypeAlias = int | float | str | bytes | None
#: rowid and values; None for a row of which not all can be read.
Row: TypeAlias = tuple[int, list[Value] | None]

PAGE: Final = 4096
#: No row of ours is larger; one that says so is not whole.
MAX_ROW: Final = 1 << 24
_MAGIC: Final = b"SQLite format 3\x00"
_TABLE_LEAF: Final = 0x0D
_INTEGERS: Final = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}
_FRAME_HEADER: Final = 24


class Pages:
    """The pages of a file, with what its log (WAL) holds of later ones laid over it.

    Descriptors stay the caller's. Any bytes will do.
    """

    def __init__(self, file: int, log: int | None, size: int) -> None:
        self._file = file
        self._log = log
        self.size = size
        self._later = {} if log is None else _frames(log, size)
        length = (os.fstat(file).st_size + size - 1) // size
        self._numbers = {*range(2, length + 1), *self._later} - {0, 1}
        header = self.page(1)[:100]
        kept = header[20] if header.startswith(_MAGIC) and len(header) == 100 else 0
        self._usable = size - (kept if kept <= 32 else 0)
        self._followed: set[int] = set()

    def page(self, number: int) -> bytes:
        """One page, from 1; shorter or empty when it is not there."""
        place = self._later.get(number)
        with suppress(OSError):  # a sector that cannot be read
            if place is not None and self._log is not None:
                return os.pread(self._log, self.size, place)
            return os.pread(self._file, self.size, (number - 1) * self.size)
        return b""

    def rows(self) -> Iterator[Row]:
        """The rows in all leaves of tables, but for the schema on page 1."""
        for number in sorted(self._numbers):
            page = self.page(number)
            if len(page) == self.size and page[0] == _TABLE_LEAF:
                yield from self._leaf(page)

    def _leaf(self, page: bytes) -> Iterator[Row]:
        cells = min(int.from_bytes(page[3:5]), (self.size - 8) // 2)
        starts = {int.from_bytes(page[8 + 2 * n : 10 + 2 * n]) for n in range(cells)}
        for start in sorted(starts):
            try:
                length, place = _varint(page, start)
                rowid, place = _varint(page, place)
            except IndexError:
                continue
            try:
                yield _signed(rowid), _record(self._payload(page, place, length))
            except (IndexError, ValueError, struct.error):
                yield _signed(rowid), None

    def _payload(self, page: bytes, place: int, length: int) -> bytes:
        """All bytes of a row, those on overflow pages included. Raises ValueError or IndexError."""
        if length > MAX_ROW:
            raise ValueError("too large")
        local = length
        if length > self._usable - 35:
            least = (self._usable - 12) * 32 // 255 - 23
            local = least + (length - least) % (self._usable - 4)
            local = local if local <= self._usable - 35 else least
        parts = [_bytes(page, place, local)]
        following = 0 if local == length else int.from_bytes(_bytes(page, place + local, 4))
        left = length - local
        while left > 0:
            # A page belongs to one row: none is read twice, and no circle is walked.
            if following not in self._numbers or following in self._followed:
                raise ValueError("broken chain")
            self._followed.add(following)
            more = self.page(following)
            parts.append(_bytes(more, 4, min(left, self._usable - 4)))
            following, left = int.from_bytes(more[:4]), left - len(parts[-1])
        return b"".join(parts)


def page_sizes(file: int) -> list[int]:
    """The page sizes to try, likeliest first."""
    header = os.pread(file, 18, 0)
    said = int.from_bytes(header[16:18])
    said = 65536 if said == 1 else said
    valid = header.startswith(_MAGIC) and said in {512 << n for n in range(8)}
    return [said, PAGE] if valid and said != PAGE else [PAGE]


def _frames(log: int, size: int) -> dict[int, int]:
    """page -> place in the log of its last committed image.

    A frame's checksum continues that of the frame before, so each can be judged by itself: one
    that is damaged does not take the later ones with it.
    """
    header = os.pread(log, 32, 0)
    if len(header) < 32 or int.from_bytes(header[8:12]) != size:
        return {}
    order = ">" if header[3] & 1 else "<"
    sums, salts = struct.unpack(">II", header[24:32]), header[16:24]
    found: dict[int, int] = {}
    pending: dict[int, int] = {}
    step = _FRAME_HEADER + size
    for place in range(32, os.fstat(log).st_size - step + 1, step):
        head, page = os.pread(log, _FRAME_HEADER, place), os.pread(log, size, place + _FRAME_HEADER)
        if head[8:16] != salts:
            break
        said = struct.unpack(">II", head[16:24])
        if said == _checksum(order, sums, head[:8] + page):
            pending[int.from_bytes(head[:4])] = place + _FRAME_HEADER
        if int.from_bytes(head[4:8]):
            found |= pending
            pending.clear()
        sums = said
    return found


def _checksum(order: str, sums: tuple[int, int], data: bytes) -> tuple[int, int]:
    one, two = sums
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for first, second in zip(words[::2], words[1::2], strict=True):
        one = (one + first + two) & 0xFFFFFFFF
        two = (two + second + one) & 0xFFFFFFFF
    return one, two


def _record(data: bytes) -> list[Value]:
    end, place = _varint(data, 0)
    types = []
    while place < end:
        kind, place = _varint(data, place)
        types.append(kind)
    values = []
    for kind in types:
        value, place = _value(data, place, kind)
        values.append(value)
    return values


def _value(data: bytes, place: int, kind: int) -> tuple[Value, int]:
    if kind == 0:
        return None, place
    if kind in (8, 9):
        return kind - 8, place
    if kind in _INTEGERS:
        raw = _bytes(data, place, _INTEGERS[kind])
        return int.from_bytes(raw, signed=True), place + len(raw)
    if kind == 7:
        (real,) = struct.unpack(">d", _bytes(data, place, 8))
        return real, place + 8
    if kind < 12:
        raise ValueError("no such type")
    raw = _bytes(data, place, (kind - 12) // 2)
    return raw.decode() if kind % 2 else raw, place + len(raw)


def _bytes(data: bytes, start: int, length: int) -> bytes:
    found = data[start : start + length]
    if len(found) != length:
        raise IndexError(start)
    return found


def _varint(data: bytes, place: int) -> tuple[int, int]:
    """Seven bits a byte, most significant first; the ninth byte has eight."""
    value = 0
    for position in range(place, place + 8):
        byte = data[position]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, position + 1
    return value << 8 | data[place + 8], place + 9


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value
