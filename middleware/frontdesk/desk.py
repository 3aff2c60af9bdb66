"""The desk: takes findings, stamps them as identify messages, hands them to the journal, counts.

One desk serves every middleware of a process that writes to the same journal, and `identify`.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from frontdesk.event import IDENTIFIED, Identify, encode
from frontdesk.exceptions import ConfigurationError
from frontdesk.journal import Journal
from frontdesk.rules import Finding
from frontdesk.settings import Capture, load_capture
from frontdesk.traits import canonical, email, scalar

_log = logging.getLogger("frontdesk")
_NOW: Final = partial(datetime.now, UTC)
_COMPLAINT_S: Final = 60.0
_TICK: Final = timedelta(microseconds=1)
_STEP_BACK: Final = timedelta(seconds=1)

#: What to do about a dropped message; the reason itself is the counter's name.
_ADVICE: Final[Mapping[str, str]] = {
    "journal_missing": "create it, or name in FRONTDESK_JOURNAL the directory the sidecar shares",
    "journal_denied": "let this process's user write there",
    "journal_readonly": "mount it writable",
    "journal_full": "is the sidecar running, and does it read this directory?",
    "queue_full": "the disk does not keep up; put the journal on a memory-backed directory",
}


class Desk:
    """Where findings are handed in. Nothing is opened or started before the first."""

    def __init__(self, settings: Capture, *, now: Callable[[], datetime] = _NOW) -> None:
        self.journal = Journal(
            settings.journal, on_drop=self._dropped, limit_bytes=settings.journal_limit_bytes
        )
        self._site = settings.site
        self._now = now
        self._last = datetime.min.replace(tzinfo=UTC)
        self._pid = -1
        self._prefix = ""
        self._number = 0
        self._lock = threading.Lock()
        self._counts: dict[str, int] = {}
        self._unsent: dict[str, int] = {}
        self._complained: dict[str, float] = {}

    def note(self, finding: Finding) -> bool:
        """Write a finding to the journal; False when it was dropped, which is counted."""
        pid = os.getpid()  # asked each time: not every server forks through Python
        if self._pid != pid:
            self._after_fork(pid)
        self._number += 1
        unsent = self._unsent
        if unsent:
            with self._lock:
                unsent, self._unsent = self._unsent, {}
        message_id = f"{self._prefix}{self._number:012x}"
        event, user_id, traits, route = finding
        try:
            line = encode(
                message_id, self._moment(), user_id, traits, event, route, self._site, unsent
            )
        except TypeError:  # orjson's error for what has no JSON form
            self._restore(unsent)
            self.count("dropped.unencodable")
            return False
        return self.journal.append(line, pid)

    def count(self, name: str) -> None:
        """Count what did not become a message; the sum travels in the next one that does."""
        with self._lock:
            self._counts[name] = self._counts.get(name, 0) + 1
            self._unsent[name] = self._unsent.get(name, 0) + 1

    def statistics(self) -> dict[str, int]:
        """What this process counted, by name: `skipped.…`, `dropped.…`, `error`."""
        return dict(self._counts)

    def complain(self, reason: str, text: str) -> None:
        """Log a warning about `reason`, at most once a minute; `text` holds no trait."""
        now = time.monotonic()
        if now - self._complained.get(reason, -_COMPLAINT_S) >= _COMPLAINT_S:
            self._complained[reason] = now
            _log.warning("%s: %s", reason, text)

    def _moment(self) -> datetime:
        """Now, and later than before: the order of one process's messages is in their times."""
        now = self._now()
        if now <= self._last and self._last - now < _STEP_BACK:
            now = self._last + _TICK
        self._last = now
        return now

    def _after_fork(self, pid: int) -> None:
        # A UUID's shape (RFC 9562, version 8): random per process, then a running number.
        r = os.urandom(9).hex()
        self._prefix = f"{r[:8]}-{r[8:12]}-8{r[12:15]}-8{r[15:18]}-"
        self._pid, self._number, self._lock = pid, 0, threading.Lock()

    def _dropped(self, line: bytes, reason: str) -> None:
        self.count(f"dropped.{reason}")
        self._restore(Identify.decode(line).counts)
        advice = _ADVICE.get(reason, "identified customers are being dropped")
        self.complain(reason, f"journal {self.journal.directory}: {advice}")

    def _restore(self, counts: Mapping[str, int]) -> None:
        with self._lock:
            for name, number in counts.items():
                self._unsent[name] = self._unsent.get(name, 0) + number


_desks: dict[tuple[str, str | None, int], Desk] = {}


def desk_of(settings: Capture) -> Desk:
    """The process's one desk for a journal: two would own two segments."""
    key = (os.path.abspath(settings.journal), settings.site, settings.journal_limit_bytes)
    desk = _desks.get(key)
    return desk if desk is not None else _desks.setdefault(key, Desk(settings))


def identify(
    user_id: str | None,
    traits: Mapping[str, object],
    *,
    event: str = IDENTIFIED,
    settings: Capture | None = None,
) -> bool:
    """Say who it was where no rule can see it: a job, a socket, a sign-in of your own.

    `traits` by the Segment spec's names or their spellings, with at least `email`; values are
    text, numbers, or lists and tables of them. True when the message is in the journal. Never
    raises and never waits: a message without a usable e-mail address is counted and dropped.
    """
    global _default  # read once: the environment of a process does not change
    if settings is None:
        if _default is None:
            try:
                _default = load_capture()
            except ConfigurationError as error:
                _log.error("configuration: %s", error)
                _default = Capture()
        settings = _default
    desk = desk_of(settings)
    try:
        finding = _finding(user_id, traits, event)
    except Exception as error:  # noqa: BLE001 - whatever was handed in, the caller goes on
        desk.count("error")
        desk.complain("error", f"identify: {type(error).__name__}")
        return False
    if finding is None:
        desk.count("skipped.anonymous")
        return False
    return desk.note(finding)


_default: Capture | None = None


def _finding(user_id: str | None, traits: Mapping[str, object], event: str) -> Finding | None:
    address = email(traits.get("email")) or email(user_id)
    if address is None:
        return None
    kept: dict[str, object] = {}
    for name, value in traits.items():
        plain = value if isinstance(value, list | dict) else scalar(value)
        if plain is not None:
            kept[canonical(name)] = plain
    kept["email"] = address
    return Finding(event, str(user_id or address.lower()), kept, "identify")
