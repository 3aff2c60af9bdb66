"""A damaged file is set aside and what can be read of it goes into a new one.

The damaged file and its log are only read, then renamed, and never deleted. The new file is
complete and on the disk before that: a crash at any time leaves either the damaged file in its
place, or the name missing and the file set aside without its report; then all is begun anew.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from frontdesk_sidecar.store import ownership
from frontdesk_sidecar.store.damage import Damage, Migrations
from frontdesk_sidecar.store.errors import StoreFull, StoreLocked
from frontdesk_sidecar.store.pages import Pages, page_sizes
from frontdesk_sidecar.store.rescue import Rescue, Sound, Table
from frontdesk_sidecar.store.sqlite_errors import code

_ASIDE: Final = ".damaged-"
_MADE: Final = ".salvaging"
_REPORT: Final = ".txt"


@dataclass(frozen=True, slots=True)
class Kept:
    """Of one table: rows kept, and rows lost if that is known; at least `rejected`."""

    kept: int
    lost: int | None
    rejected: int


@dataclass(frozen=True, slots=True)
class SalvageReport:
    """Why the file was set aside, as which name, and what was kept of each table."""

    reason: str
    aside: Path
    tables: dict[str, Kept]

    def __str__(self) -> str:
        """In words, without personal data."""
        lines = [f"The store was damaged: {self.reason}.", f"It was set aside as {self.aside}."]
        for name, table in self.tables.items():
            lost = f"{table.lost} lost" if table.lost is not None else _unknown(table)
            lines.append(f"{name}: {table.kept} rows kept, {lost}.")
        lines.append("What is lost of `segments` is read again from the journal.")
        lines.append("The file set aside has personal data in it; delete it when it is not needed.")
        return "\n".join(lines)


def _unknown(table: Kept) -> str:
    return f"how many were lost is not known, at least {table.rejected}"


def salvage(
    path: Path,
    source: sqlite3.Connection | None,
    damage: Damage,
    migrations: Migrations,
    *,
    sound: Sound,
    now: Callable[[], datetime],
) -> SalvageReport:
    """Put a new file in the place of the damaged one; `source` reads the latter, and is closed.

    Raises StoreLocked when somebody else is at it, StoreFull when there is no room for the new
    file, sqlite3.Error or OSError when the disk fails; the damaged file is then in its place.
    """
    made = path.with_name(path.name + _MADE)
    version = len(migrations) if damage.version is None else damage.version
    with _claimed(path) as file:
        if os.stat(file).st_ino != damage.inode:
            raise StoreLocked("another frontdesk has just salvaged it")
        try:
            tables = _fill(made, path, source, file, migrations[:version], sound)
        except BaseException as error:
            made.unlink(missing_ok=True)
            _close_untouched(path, source, now())
            if isinstance(error, sqlite3.Error) and code(error) == sqlite3.SQLITE_FULL:
                raise StoreFull(
                    f"the store is damaged ({damage.reason}), and the disk has no room to salvage "
                    f"it: free {path.stat().st_size / 1_048_576:.1f} MiB beside {path}"
                ) from error
            raise
        aside = _set_aside(path, now())
        os.replace(made, path)
        _sync(path.parent)
        if source is not None:
            # SQLite leaves a file that was renamed, and its log, as they are. Not before: closing
            # lets go of our lock as well.
            source.close()
    report = SalvageReport(damage.reason, aside, {table.name: _kept(table) for table in tables})
    _write(aside, str(report))
    return report


def resume(path: Path) -> None:
    """Undo a setting aside that a crash interrupted, for it to be done again. Raises OSError."""
    if path.exists():
        return
    for aside in sorted(path.parent.glob(path.name + _ASIDE + "*Z*"), reverse=True):
        if aside.name.endswith(("-wal", _REPORT)) or _beside(aside, _REPORT).exists():
            continue
        with _claimed(aside):
            with suppress(FileNotFoundError):
                os.rename(_beside(aside, "-wal"), _beside(path, "-wal"))
            os.rename(aside, path)
        return


@contextmanager
def _claimed(path: Path) -> Iterator[int]:
    """A descriptor of the file, locked as a whole: SQLite's locks are a part of it."""
    try:
        file = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        raise StoreLocked("another frontdesk is salvaging it") from None
    try:
        os.lockf(file, os.F_TLOCK, 0)
        yield file
    except BlockingIOError:
        raise StoreLocked("another frontdesk has it open") from None
    finally:
        os.close(file)


def _fill(
    made: Path,
    path: Path,
    source: sqlite3.Connection | None,
    file: int,
    migrations: Migrations,
    sound: Sound,
) -> list[Table]:
    """The new file, whole and synced."""
    made.unlink(missing_ok=True)
    ownership.create(made)
    ownership.give_like(made, path)
    with closing(sqlite3.connect(made, isolation_level=None)) as target:
        for pragma in ("journal_mode = MEMORY", "synchronous = OFF", "locking_mode = EXCLUSIVE"):
            target.execute(f"PRAGMA {pragma}")
        for statements in migrations:
            for statement in statements:
                target.execute(statement)
        target.execute(f"PRAGMA user_version = {len(migrations)}")
        rescue = Rescue(target, sound)
        if source is not None:
            rescue.read(source)
        _scan(rescue, path, file)
    _sync(made)
    return rescue.tables


def _scan(rescue: Rescue, path: Path, file: int) -> None:
    log = None
    with suppress(FileNotFoundError):
        log = os.open(_beside(path, "-wal"), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        for size in page_sizes(file):
            if rescue.scan(Pages(file, log, size)):
                return
    finally:
        if log is not None:
            os.close(log)


def _close_untouched(path: Path, source: sqlite3.Connection | None, moment: datetime) -> None:
    """Close it while its file has another name: SQLite would move its log into it."""
    if source is not None:
        with suppress(OSError):
            _set_aside(path, moment)
        source.close()
        resume(path)


def _set_aside(path: Path, moment: datetime) -> Path:
    """Rename the file and its log to names that are not taken."""
    first = _beside(path, f"{_ASIDE}{moment:%Y%m%dT%H%M%SZ}")
    aside, number = first, 1
    while any(os.path.lexists(_beside(aside, suffix)) for suffix in ("", "-wal", _REPORT)):
        number += 1
        aside = _beside(first, f"-{number}")
    os.rename(path, aside)
    with suppress(FileNotFoundError):
        os.rename(_beside(path, "-wal"), _beside(aside, "-wal"))
    return aside


def _write(aside: Path, text: str) -> None:
    report = _beside(aside, _REPORT)
    with suppress(OSError):  # the caller has it anyway
        ownership.create(report)
        ownership.give_like(report, aside)
        report.write_text(text + "\n", encoding="utf-8")


def _kept(table: Table) -> Kept:
    return Kept(table.kept, table.lost, len(table.rejected))


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
