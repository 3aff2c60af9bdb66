"""`frontdesk backfill`. Gives the exit code."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from frontdesk_sidecar.admin.backfill import told
from frontdesk_sidecar.admin.command import FAILED, OK
from frontdesk_sidecar.admin.desk import Desk
from frontdesk_sidecar.admin.figures import counted
from frontdesk_sidecar.admin.screen import status_lines
from frontdesk_sidecar.admin.terminal import Terminal
from frontdesk_sidecar.backfill.handing import Patience, chunks, fits
from frontdesk_sidecar.backfill.reading import BadFile, Line, from_lines, from_table, is_table
from frontdesk_sidecar.ingest.document import Reading, read_lines
from frontdesk_sidecar.ingest.message import OTHER, Envelope, refusal


def from_file(desk: Desk, terminal: Terminal, *, path: Path, at: datetime | None, dry: bool) -> int:
    """Have the customers of a file sent; `at`: when that was so of which no time is told."""
    try:
        reading, lines = _examine(path)
        at = at or datetime.fromtimestamp(min(path.stat().st_mtime, time.time()), UTC)
    except OSError as error:
        terminal.complain(f"{path}: {error.strerror}")
        return FAILED
    except BadFile as error:
        terminal.complain(f"{path}: {error}")
        return FAILED
    terminal.say(_found(path, reading, at))
    customers = told(reading)["messages"]["taken"]
    if dry or not customers:
        return OK if customers and not reading.refused else FAILED
    progress = _Progress(desk, terminal, f"of {counted(lines, 'line')}")
    with progress:
        for chunk in chunks(line for line in _lines(path) if fits(line)):
            progress.patience.wait()
            texts = [line.message.decode() for line in chunk]
            desk.call("backfill.lines", lines=texts, at=at.isoformat())
            progress.done = chunk[-1].number
    if progress.is_stopped:
        terminal.say(["run it again to go on: whom SAP has is not sent twice"])
    return OK if not (progress.is_stopped or reading.refused) else FAILED


def known(desk: Desk, terminal: Terminal, *, target: str | None, after: int | None) -> int:
    """Have everybody sent once more whose values are known, of a target or of all."""
    resent = erased = 0
    progress = _Progress(desk, terminal, "customers looked at")
    with progress:
        while True:
            progress.patience.wait()
            page = desk.call("backfill.known", target=target, after=after)
            resent, erased = resent + page["resent"], erased + page["erased"]
            progress.done += page["resent"] + page["erased"]
            if page["after"] is None:
                break
            after = page["after"]
    lines = [f"{counted(resent, 'customer')} to be sent once more"]
    if erased:
        lines += [f"{counted(erased, 'customer')} left out: their values were erased by their age"]
    if progress.is_stopped:
        lines += [f"go on with: frontdesk backfill --known --after {after or 1}"]
    terminal.say(lines)
    return FAILED if progress.is_stopped else OK


class _Progress:
    """What is told while it goes on, until it ends or Ctrl-C: then it `is_stopped`."""

    def __init__(self, desk: Desk, terminal: Terminal, of: str) -> None:
        self.done = 0
        self.is_stopped = False
        self.patience = Patience(desk.call, self._tell)
        self._terminal = terminal
        self._of = of

    def _tell(self, due: int, status: dict[str, Any]) -> None:
        waits = f"{self.done:,} {self._of}; {counted(due, 'customer')} to be sent"
        first = status_lines(status, datetime.now().astimezone())[0]
        self._terminal.say([f"{waits}: {first}"])

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        self.is_stopped = kind is not None and issubclass(kind, KeyboardInterrupt)
        return self.is_stopped


def _lines(path: Path) -> Iterator[Line]:
    """Raises BadFile and OSError."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as text:
            yield from (from_table if is_table(path.name) else from_lines)(text)
    except UnicodeDecodeError:
        raise BadFile("is not UTF-8") from None


def _examine(path: Path) -> tuple[Reading, int]:
    """What the file holds, as the sidecar will read it, and its last line's number."""
    envelope = Envelope(datetime.now(UTC), "0")
    whole, last = Reading(), 0
    for line in _lines(path):
        last = line.number
        if fits(line):
            whole.add(read_lines([line.message], line.number, envelope))
        else:
            whole.drop(OTHER, refusal("", "is too long"), f"line {line.number}")
    return whole, last


def _found(path: Path, reading: Reading, at: datetime) -> list[str]:
    by = told(reading)["messages"]
    lines = [f"{path}: {counted(by['taken'], 'customer')}, as of {at:%Y-%m-%d %H:%M:%S} UTC"]
    lines += [f"{by['refused']:,} refused, such as"] if reading.problems else []
    lines += [f"  {problem}" for problem in reading.problems]
    nobody = by["anonymous"] + by["unusable"]
    lines += [f"{nobody:,} without a usable e-mail address: they are left out"] if nobody else []
    lines += [f"  {problem}" for problem in reading.unusable]
    lines += [f"{by['ignored']:,} that identify nobody: they are left out"] if by["ignored"] else []
    return lines
