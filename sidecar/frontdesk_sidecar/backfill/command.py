"""`frontdesk backfill`. Gives the exit code."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final

from frontdesk_sidecar.admin.backfill import counts_of
from frontdesk_sidecar.admin.client import Refused
from frontdesk_sidecar.admin.command import FAILED, OK
from frontdesk_sidecar.admin.desk import Desk
from frontdesk_sidecar.admin.figures import counted
from frontdesk_sidecar.admin.screen import status_lines
from frontdesk_sidecar.admin.terminal import Terminal
from frontdesk_sidecar.backfill.handing import Handing, Stopped, chunks, fits
from frontdesk_sidecar.backfill.reading import BadFile, Line, dated, has_time
from frontdesk_sidecar.backfill.source import File
from frontdesk_sidecar.ingest.document import Reading, read_lines
from frontdesk_sidecar.ingest.message import OTHER, Envelope, refusal

INTERRUPTED: Final = 130
_LARGEST: Final = 500


def from_file(
    desk: Desk, terminal: Terminal, *, path: Path, at: datetime | None, most: int, dry: bool
) -> int:
    """Have the customers of a file sent; `at`: when that was so of which no time is told."""
    try:
        with File(path) as file:
            return _FileRun(desk, terminal, file, path, at, most).run(dry=dry)
    except OSError as error:
        terminal.complain(f"{path}: {error.strerror}; nothing was sent")
    except BadFile as error:
        terminal.complain(f"{path}: {error}; nothing was sent")
    except Stopped as error:
        terminal.complain(f"{error}; nothing was sent")
    except KeyboardInterrupt:
        terminal.say(["nothing was sent"])
        return INTERRUPTED
    return FAILED


def known(
    desk: Desk, terminal: Terminal, *, target: str | None, after: int | None, most: int
) -> int:
    """Have everybody sent once more whose values are known, of a target or of all."""
    counts = {"resent": 0, "erased": 0}
    handing = Handing(desk.call, lambda waiting: _tell(desk, terminal, counts["resent"], waiting))
    asked: dict[str, Any] = {"target": target, "most": _half(most), "limit": _half(most)}
    code, is_over = FAILED, False
    try:
        while not is_over:
            page = handing.hand("backfill.known", "page", after=after, **asked)
            for name in counts:
                counts[name] += page[name]
            after, is_over = page["after"] or after, page["after"] is None
        code = OK
    except (Stopped, Refused) as error:
        terminal.complain(str(error))
    except KeyboardInterrupt:
        code = INTERRUPTED
    terminal.say(_resent(counts, is_over=is_over))
    if not is_over and after is not None:
        of = f" --target {shlex.quote(target)}" if target else ""
        terminal.say([f"go on with: frontdesk backfill --known{of} --after {after}"])
    return code


class _FileRun:
    """One file, from its first reading to the last line."""

    def __init__(
        self,
        desk: Desk,
        terminal: Terminal,
        file: File,
        path: Path,
        at: datetime | None,
        most: int,
    ) -> None:
        self._desk = desk
        self._terminal = terminal
        self._file = file
        self._path = path
        written = datetime.fromtimestamp(min(file.written_at, time.time()), UTC)
        self._is_told = at is not None
        self._at = at or written
        self._most = most
        self._timeless = self._taken = 0

    def run(self, *, dry: bool) -> int:
        """Read it, tell what is in it, and hand it over. Raises BadFile and OSError."""
        handing = Handing(self._desk.call, self._tell)
        if not dry:  # before an hour of reading
            handing.hand("backfill.lines", "messages", lines=[], most=1 << 40)
        reading = self._examined()
        self._terminal.say(self._found(reading))
        customers = counts_of(reading)["taken"]
        code = OK if customers and not reading.refused else FAILED
        if dry or not customers:
            self._terminal.say(["nothing was sent"])
            return code
        stopped = self._handed_over(handing)
        if stopped is None and self._taken != customers:
            stopped = "the file changed while it was read"
        return self._ended(customers, code, stopped)

    def _handed_over(self, handing: Handing) -> str | None:
        """None, or why not all of it was; empty for Ctrl-C."""
        half = _half(self._most)
        try:
            for chunk in chunks((dated(line, self._at) for line in self._good()), half):
                texts = [line.message.decode() for line in chunk]
                told = handing.hand("backfill.lines", "messages", lines=texts, most=half)
                self._taken += told["taken"]
        except KeyboardInterrupt:
            return ""
        except (Stopped, Refused, BadFile) as error:
            return str(error)
        except OSError as error:
            return f"{self._path}: {error.strerror}"
        return "the file changed while it was read" if self._file.has_changed else None

    def _ended(self, customers: int, code: int, stopped: str | None) -> int:
        if stopped:
            self._terminal.complain(stopped)
        handed = f"{self._taken:,} of {counted(customers, 'row')} handed over"
        if stopped is None:
            self._terminal.say([f"{handed}; frontdesk status tells when SAP has them"])
            return code
        self._terminal.say([f"{handed}; run it again: whom SAP has is not sent twice"])
        return FAILED if stopped else INTERRUPTED

    def _examined(self) -> Reading:
        """What the file holds, as the sidecar will read it."""
        envelope, whole = Envelope(datetime.now(UTC), "0"), Reading()
        told_at = time.monotonic()
        for line in self._file.lines():
            if line.problem or not fits(line):
                problem = line.problem or "is too long"
                whole.drop(OTHER, refusal("", problem), f"line {line.number}")
                continue
            whole.add(read_lines([line.message], line.number, envelope))
            self._timeless += not has_time(line)
            if time.monotonic() - told_at > 5:
                told_at = time.monotonic()
                self._terminal.say([f"reading: line {line.number:,}"])
        return whole

    def _good(self) -> Iterator[Line]:
        return (line for line in self._file.lines() if not line.problem and fits(line))

    def _found(self, reading: Reading) -> list[str]:
        by = counts_of(reading)
        lines = [f"{self._path}: {counted(by['taken'], 'row')} with a customer"]
        lines += _list("columns", (f"{a} is {b}" for a, b in self._file.columns() if a))
        lines += [f"{by['refused']:,} refused, such as"] if reading.problems else []
        lines += [f"  {problem}" for problem in reading.problems]
        nobody = by["anonymous"] + by["unusable"]
        lines += [f"{nobody:,} without a usable e-mail address, left out"] if nobody else []
        lines += [f"  {problem}" for problem in reading.unusable]
        lines += [f"{by['ignored']:,} that identify nobody, left out"] if by["ignored"] else []
        if self._timeless:
            why = "as --at says" if self._is_told else "when the file was written"
            moment = f"{self._at:%Y-%m-%d %H:%M:%S} UTC, {why}"
            lines += [f"{counted(self._timeless, 'row')} without a timestamp count as of {moment}"]
            lines += ["  they replace what was told before that; --at gives another time"]
        return lines

    def _tell(self, waiting: int | None) -> None:
        _tell(self._desk, self._terminal, self._taken, waiting)


def _tell(desk: Desk, terminal: Terminal, done: int, waiting: int | None) -> None:
    if waiting is None:
        terminal.say([f"{done:,} handed over; no sidecar answers: waiting for it"])
        return
    line = f"{done:,} handed over, {counted(waiting, 'customer')} on the way"
    with suppress(Refused):
        line += f": {status_lines(desk.call('status'), datetime.now().astimezone())[0]}"
    terminal.say([line])


def _resent(counts: dict[str, int], *, is_over: bool) -> list[str]:
    lines = [f"{counted(counts['resent'], 'customer')} to be sent once more"]
    if counts["erased"]:
        erased = counted(counts["erased"], "customer")
        lines += [f"{erased} left out: their values were erased by their age"]
    return lines if is_over else [*lines, "stopped before the end"]


def _list(name: str, items: Iterable[str], most: int = 30) -> list[str]:
    shown = list(islice(items, most))
    return [f"{name}: {', '.join(shown)}"] if shown else []


def _half(most: int) -> int:
    """As many as may wait, and as many again, are no more than `most`."""
    return max(1, min(_LARGEST, most // 2))
