"""The desk: takes findings, stamps them as identify messages, hands them to the journal, counts.

One desk serves every middleware of a process that writes to the same journal, and `identify`.
"""

from __future__ import annotations

import atexit
import itertools
import logging
import math
import os
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from frontdesk.boot import this_boot
from frontdesk.event import IDENTIFIED, IDENTIFY, Tick, encode, encode_counts, told_by
from frontdesk.exceptions import ConfigurationError
from frontdesk.journal import Journal
from frontdesk.privacy import Privacy
from frontdesk.rules import Finding
from frontdesk.settings import Capture, load_capture
from frontdesk.traits import canonical, clean, email, scalar

_log = logging.getLogger("frontdesk")
_NOW: Final = partial(datetime.now, UTC)
_COMPLAINT_S: Final = 60.0
#: Counts that no message takes along are told in a line of their own, this often at most.
COUNTS_EVERY_S: Final = 10.0
_COUNTS_LINE: Final = b'{"type":"counts"'
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


class Process:
    """What belongs to one process: its message ids, its clock's last reading, its counts."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        # A UUID's shape (RFC 9562, version 8): random per process, then a running number.
        r = os.urandom(9).hex()
        self.prefix = f"{r[:8]}-{r[8:12]}-8{r[12:15]}-8{r[15:18]}-"
        self.numbers = itertools.count(1)
        self.last = datetime.min.replace(tzinfo=UTC)
        self.lock = threading.Lock()
        self.counts: dict[str, int] = {}
        self.unsent: dict[str, int] = {}
        self.tell_at = -math.inf


class Desk:
    """Where findings are handed in. Nothing is opened or started before the first."""

    def __init__(
        self,
        settings: Capture,
        *,
        now: Callable[[], datetime] = _NOW,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.journal = Journal(
            settings.journal, on_drop=self._dropped, limit_bytes=settings.journal_limit_bytes
        )
        self._site = settings.site
        self._boot = this_boot()
        self._now = now
        self._clock = clock
        self._process = Process(os.getpid())
        self._processes: dict[int, Process] = {self._process.pid: self._process}
        self._complained: dict[str, float] = {}
        self._is_ending = False

    def note(self, finding: Finding, traceparent: str | None = None) -> bool:
        """Write a finding to the journal; False when it was dropped, which is counted.

        `traceparent` is that of the request, as `trace_context.traceparent` gives it.
        """
        pid = os.getpid()  # asked each time: not every server forks through Python
        process = self._process
        if process.pid != pid:
            process = self._after_fork(pid)
        unsent = process.unsent
        if unsent:
            with process.lock:
                unsent, process.unsent = process.unsent, {}
        message_id = f"{process.prefix}{next(process.numbers):012x}"
        # The order of one process's messages is in their times, so each is later than the last.
        now = self._now()
        if now <= process.last and process.last - now < _STEP_BACK:
            now = process.last + _TICK
        process.last = now
        tick = Tick(self._boot, time.monotonic_ns()) if self._boot else None
        event, user_id, traits, route = finding
        try:
            line = encode(
                message_id,
                now,
                user_id,
                traits,
                event,
                route,
                self._site,
                unsent,
                tick,
                traceparent,
            )
        except TypeError:  # orjson's error for what has no JSON form
            self._restore(unsent)
            self.count(_drop_name(route, "unencodable"))
            return False
        return self.journal.append(line, pid)

    def count(self, name: str) -> None:
        """Count what did not become a message.

        The sum travels with the next one that does, or in a line of its own if the last such line
        is `COUNTS_EVERY_S` old. Never raises.
        """
        process = self._process
        if process.pid != os.getpid():
            process = self._after_fork(os.getpid())
        with process.lock:
            process.counts[name] = process.counts.get(name, 0) + 1
            process.unsent[name] = process.unsent.get(name, 0) + 1
            now = self._clock()
            if now < process.tell_at:
                return
            # Before the line is written: a line that fails must not be tried for every count.
            process.tell_at = now + COUNTS_EVERY_S
        self.tell()
        # What is counted from now on and never told is told at the end. Registered anew each time,
        # to run before the journal's own end: a disk's writer may have been started since.
        atexit.unregister(self._end)
        atexit.register(self._end)

    def tell(self) -> None:
        """Write what this process has counted and not told yet as a line of its own, now.

        What cannot be written is kept, for the next line of either kind. Never raises.
        """
        process = self._process
        if process.pid != os.getpid():
            return  # the parent tells it
        with process.lock:
            unsent, process.unsent = process.unsent, {}
        if not unsent:
            return
        try:
            self.journal.append(encode_counts(self._now(), unsent, self._site), process.pid)
        except Exception:  # noqa: BLE001 - errors are told of by counting them: this is the last
            self._restore(unsent)

    def statistics(self) -> dict[str, int]:
        """What this process counted, by name: `skipped.…`, `dropped.…`, `identify.…`, `error`.

        What became messages is not among it: whoever reads the journal counts those, for nothing.
        """
        return dict(self._process.counts)

    def complain(self, reason: str, text: str) -> None:
        """Log a warning about `reason`, at most once a minute; `text` holds no trait."""
        now = self._clock()
        if now - self._complained.get(reason, -_COMPLAINT_S) >= _COMPLAINT_S:
            self._complained[reason] = now
            name = "capture_failed" if reason == "error" else "capture_dropped"
            told = {"event": name, "fields": {"reason": reason}}
            _log.warning("frontdesk %s: %s", reason, text, extra=told)

    def _end(self) -> None:
        self._is_ending = True
        self.tell()

    def _after_fork(self, pid: int) -> Process:
        # What the parent counted the parent tells, and its lock may have been held by a thread.
        # setdefault is atomic: of a child's first two threads both get the same.
        self._process = self._processes.setdefault(pid, Process(pid))
        return self._process

    def _dropped(self, line: bytes, reason: str) -> None:
        counts, route = told_by(line)
        self._restore(counts)
        if not line.startswith(_COUNTS_LINE):  # else no customer was in it
            self.count(_drop_name(route, reason))
        if self._is_ending:
            return  # nobody is left whom advice would help
        advice = _ADVICE.get(reason, "identified customers are being dropped")
        self.complain(
            reason, f"logins are not being captured: journal {self.journal.directory}: {advice}"
        )

    def _restore(self, counts: Mapping[str, int]) -> None:
        process = self._process
        with process.lock:
            for name, number in counts.items():
                process.unsent[name] = process.unsent.get(name, 0) + number


def _drop_name(route: str | None, reason: str) -> str:
    """The name under which a dropped message is counted."""
    return f"identify.{reason}" if route == IDENTIFY else f"dropped.{reason}"


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
    text, numbers, or lists and tables of them. `drop` and `hash` of the settings hold; consent is
    the caller's to ask for. True when the message is in the journal. Never
    raises and never waits: a message without a usable e-mail address is counted and dropped.
    """
    global _default  # read once: the environment of a process does not change
    if settings is None:
        if _default is None:
            try:
                _default = load_capture()
            except ConfigurationError as error:
                log_problems(error)
                _default = Capture()
        settings = _default
    desk = desk_of(settings)
    try:
        finding = _finding(user_id, traits, event, settings.privacy)
    except Exception as error:  # noqa: BLE001 - whatever was handed in, the caller goes on
        desk.count("identify.error")
        desk.complain("error", f"identify: {type(error).__name__}")
        return False
    if finding is None:
        desk.count("identify.anonymous")
        return False
    return desk.note(finding)


def log_problems(error: ConfigurationError) -> None:
    """Say that the settings are wrong, and so nothing is captured."""
    told = {"event": "capture_configuration", "fields": {"problems": list(error.problems)}}
    _log.error("configuration: %s", error, extra=told)


_default: Capture | None = None


def _finding(
    user_id: str | None, traits: Mapping[str, object], event: str, privacy: Privacy
) -> Finding | None:
    kept: dict[str, object] = {}
    for name, value in traits.items():
        plain = value if isinstance(value, list | dict) else scalar(value)
        if plain is not None:
            kept.setdefault(canonical(name), plain)
    address = email(kept.get("email")) or email(user_id)
    if address is None:
        return None
    kept["email"] = address
    named = None if user_id is None else clean(str(user_id))
    return Finding(event, *privacy.protect(named or address.lower(), kept), IDENTIFY)
