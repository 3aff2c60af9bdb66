"""How much room the store has: its own limit, the disk's, and the ballast.

Intake is held while there is still room for settling: above nine tenths of the limit, while the
disk has less free than half the ballast, and from when the ballast was given up until the disk
has room for it twice. The log (WAL) is kept to a quarter of the ballast: to move it into the file
on a full disk, the file may have to grow by as much.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final

from frontdesk_sidecar.store.ballast import Ballast

#: Of the limit, in pages that are in use: no intake above it, so that known rows may still grow.
INTAKE_SHARE: Final = 0.9
#: The disk is looked at this often at most.
LOOK_S: Final = 1.0
#: A disk with less free than this counts as full.
_FULL: Final = 1 << 20


class Space:
    """The room of one store. `clock` is monotonic, in seconds."""

    def __init__(
        self,
        path: Path,
        max_bytes: int | None,
        ballast_bytes: int | None,
        clock: Callable[[], float],
    ) -> None:
        self._directory = path.parent
        self._max_bytes = max_bytes
        self._ballast = Ballast(path, ballast_bytes) if ballast_bytes else None
        self._reserve = (ballast_bytes or 0) // 2
        self._clock = clock
        self._looked = -LOOK_S
        self._free = 0
        self._held: str | None = None

    def prepare(self, needed: int = 0) -> None:
        """Before opening: on a full disk, room for it; `needed` bytes if that is known."""
        if self._ballast and self._look() < max(needed, min(self._reserve, _FULL)):
            self._ballast.give_up()
            self._look()

    def pragmas(self, page_size: int) -> tuple[str, ...]:
        """Statements that keep the file and its log within their limits."""
        limits = []
        if self._ballast:
            pages = max(16, min(1000, self._ballast.size // 4 // page_size))
            limits.append(f"PRAGMA wal_autocheckpoint = {pages}")
            limits.append(f"PRAGMA journal_size_limit = {2 * pages * page_size}")
        if self._max_bytes is not None:
            limits.append(f"PRAGMA max_page_count = {max(1, self._max_bytes // page_size)}")
        return tuple(limits)

    def held(self, connection: sqlite3.Connection) -> str | None:
        """Why nothing new may be taken in, in words; None when it may. Raises sqlite3.Error."""
        self._look_now_and_then()
        return self._held or self._held_by_limit(connection)

    def disk_free(self) -> int:
        """Bytes that are free on the disk, as of about a second ago."""
        self._look_now_and_then()
        return self._free

    def look_again(self) -> None:
        """Look at the disk now, and make the ballast if there is room for it."""
        self._look()
        if self._ballast and not self._ballast.whole and self._ballast.make(self._free):
            self._look()
        self._held = self._held_by_disk()

    def _look_now_and_then(self) -> None:
        if self._clock() - self._looked >= LOOK_S:
            self.look_again()

    def disk_is_full(self) -> bool:
        """Whether the disk has next to nothing free now."""
        return self._look() < (min(self._reserve, _FULL) or _FULL)

    def give_up_ballast(self) -> int:
        """Let the ballast go; bytes that were freed."""
        freed = self._ballast.give_up() if self._ballast else 0
        self.look_again()
        return freed

    def why_full(self) -> str:
        """What stood in the way when SQLite found no room."""
        if self._look() < _FULL:
            return f"the disk of {self._directory} is full: {_mib(self._free)} free"
        limit = "" if self._max_bytes is None else f" ({_mib(self._max_bytes)})"
        return f"the store has reached its largest size, store.max_bytes{limit}"

    def _look(self) -> int:
        status = os.statvfs(self._directory)
        self._free = status.f_bavail * status.f_frsize
        self._looked = self._clock()
        return self._free

    def _held_by_disk(self) -> str | None:
        if self._ballast is None:
            return None
        if not self._ballast.whole:
            needed = 2 * (self._ballast.size - self._ballast.allocated())
            return (
                f"the disk of {self._directory} has {_mib(self._free)} free; deliveries go on, "
                f"and new data is taken in again from {_mib(needed)} (twice store.ballast_bytes)"
            )
        if self._free < self._reserve:
            return (
                f"the disk of {self._directory} has {_mib(self._free)} free, less than "
                f"{_mib(self._reserve)} (half of store.ballast_bytes); deliveries go on"
            )
        return None

    def _held_by_limit(self, connection: sqlite3.Connection) -> str | None:
        if self._max_bytes is None:
            return None
        (page_size,) = connection.execute("PRAGMA page_size").fetchone()
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        (unused,) = connection.execute("PRAGMA freelist_count").fetchone()
        used = (pages - unused) * page_size
        if used <= self._max_bytes * INTAKE_SHARE:
            return None
        return (
            f"the store uses {_mib(used)} of its {_mib(self._max_bytes)} (store.max_bytes), more "
            f"than {INTAKE_SHARE:.0%}; deliveries go on"
        )


def _mib(size: float) -> str:
    return f"{size / 1_048_576:.1f} MiB"
