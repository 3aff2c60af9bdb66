"""The journal's reading end: whole lines in, each into the store once, segments removed when done.

A segment is removed only when its lock can be had (its writer let go or died), it was read to
the end, and that was committed. Everything here is synchronous and quick; `Intake` drives it.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from frontdesk.event import MAX_LINE_BYTES
from frontdesk.journal import ROTATE
from frontdesk_sidecar.journal.lines import Batch, read_lines
from frontdesk_sidecar.journal.segments import IRREGULAR, Listing, opened, why
from frontdesk_sidecar.logs.speaking import Voice

#: So much is read at once: bounds memory and the size of a transaction.
READ_BYTES: Final = 256 * 1024
#: So many finished segments are removed at once, and so many found held by their writers.
REMOVED_AT_ONCE: Final = 1024
HELD_AT_ONCE: Final = 256
#: The one reader of a directory holds an exclusive `flock` on this file in it.
READER: Final = ".reader"
_FLAGS: Final = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


class JournalInUse(OSError):  # noqa: N818 - a state of things, told to the operator
    """Another sidecar reads this journal: each would take a part of the messages."""

    def __init__(self, path: Path) -> None:
        remedy = "another sidecar reads this journal; stop it, or give each a journal of its own"
        super().__init__(errno.EBUSY, remedy, str(path))

    def __str__(self) -> str:
        return f"{self.filename}: {self.strerror}"


def is_let_go(fd: int) -> bool:
    """True when no writer holds the segment: it will never grow again."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _take_lock(path: Path) -> int:
    """Open and lock the reader's file. Raises JournalInUse, or OSError when it can't be had."""
    try:
        fd = os.open(path, os.O_RDONLY | _FLAGS)
    except FileNotFoundError:
        fd = os.open(path, os.O_RDONLY | os.O_CREAT | _FLAGS, 0o640)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise OSError(errno.EINVAL, IRREGULAR)
        if not is_let_go(fd):
            raise JournalInUse(path.parent)
    except BaseException:
        os.close(fd)
        raise
    return fd


def _touch(path: Path) -> None:
    """Set a file's time to now, not through a link: it would be a file of anybody's choice."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | _FLAGS, 0o644)
    try:
        os.utime(fd)
    finally:
        os.close(fd)


class Tail:
    """All segments of a directory, read in the order of their names, which is that of time."""

    def __init__(self, directory: Path, offsets: Mapping[str, int]) -> None:
        self.directory = directory
        self._log = Voice("frontdesk.sidecar")
        self._listing = Listing(directory, offsets)
        #: the last reading was ended by its bound, so nothing has to be looked for
        self._is_behind = False
        self._asked_at: dict[str, int] = {}
        self._removed_last = ""
        self._lock_fd = -1
        self._is_claimed = False
        self._unclaimed = ""

    @property
    def unreadable(self) -> Mapping[str, str]:
        """Segments that cannot be read or not be removed, with the system's reason."""
        return self._listing.unreadable

    @property
    def lag_bytes(self) -> int:
        """Bytes in the segments that were not read yet."""
        return sum(max(self._listing.unread(name), 0) for name in self._listing.names)

    @property
    def has_more(self) -> bool:
        """Whether the last reading left something of what was found."""
        return bool(self._listing.grown)

    def mark(self) -> dict[str, int]:
        """Where the segments end that the last look found unread."""
        listing = self._listing
        offsets = listing.offsets
        return {name: offsets.get(name, 0) + listing.unread(name) for name in listing.grown}

    def has_passed(self, mark: Mapping[str, int]) -> bool:
        """Whether everything before it was read that can be."""
        listing = self._listing
        return not any(
            name in listing.grown and listing.offsets.get(name, 0) < end
            for name, end in mark.items()
        )

    def claim(self) -> bool:
        """Be the journal's one reader, until this object is released or the process ends.

        False, and a warning, when no lock can be had, as in a directory that is read-only or not
        there yet; `renew` tries again. Raises JournalInUse when another sidecar holds it.
        """
        self._is_claimed = True
        path = self.directory / READER
        try:
            if self._lock_fd >= 0 and os.path.samestat(os.lstat(path), os.fstat(self._lock_fd)):
                return True
        except OSError:
            pass  # the directory was taken away or made anew, and our lock with it
        self._let_go()
        try:
            self._lock_fd = _take_lock(path)
        except JournalInUse:
            raise
        except OSError as error:
            if self._unclaimed != why(error):
                self._unclaimed = why(error)
                what = "a second sidecar on this journal would not be noticed"
                reason = self._unclaimed
                self._log.say("journal_unclaimed", what, apart=reason, reason=reason)
            return False
        self._unclaimed = ""
        return True

    def renew(self) -> None:
        """Claim again what was claimed: the directory may be another. Raises JournalInUse."""
        if self._is_claimed:
            self.claim()

    def release(self) -> None:
        """Let another sidecar read the journal."""
        self._is_claimed = False
        self._let_go()

    def look(self, *, afresh: bool = False) -> bool:
        """True when something is unread. Lists the directory only when it changed, or `afresh`.

        Of many segments each look asks a few, and all of them when `afresh`. Raises OSError when
        the directory cannot be read.
        """
        self._listing.update(afresh=afresh)
        return bool(self._listing.grown)

    def read(self) -> Batch:
        """Read up to `READ_BYTES` of whole lines, the oldest segments first."""
        batch = Batch()
        room = READ_BYTES
        listing = self._listing
        if not self._is_behind:
            listing.examine(name for name in listing.names if name not in listing.unreadable)
        self._is_behind = False
        for name in [name for name in listing.names if name in listing.grown]:
            if room <= MAX_LINE_BYTES:
                self._is_behind = True
                break
            room -= self._read(name, room, batch)
        return batch

    def rewind(self, batch: Batch) -> None:
        """Read a batch again: it could not be committed."""
        self._listing.offsets.update(batch.starts)
        self._listing.anew.update(batch.anew)
        self._listing.grown.update(batch.offsets)

    def remove_finished(self) -> list[str]:
        """Remove the segments that are surely finished and whose offset was committed; names.

        At most `REMOVED_AT_ONCE`, and of many that their writers hold each has its turn. Call it
        only when the batches read before were committed.
        """
        finished: list[str] = []
        held = 0
        for name in self._listing.after(self._removed_last):
            if len(finished) == REMOVED_AT_ONCE or held == HELD_AT_ONCE:
                break
            self._removed_last = name
            if name in self._listing.grown or self._listing.unreadable.get(name) == IRREGULAR:
                continue
            if self._remove(name):
                finished.append(name)
            else:
                held += 1
        removed = set(finished)
        self._listing.names = [name for name in self._listing.names if name not in removed]
        return finished

    def ask_rotation(self) -> bool:
        """Ask the writers to let go of segments that were read; False when there is none to ask.

        A worker without logins would otherwise keep its read messages in the journal. Each is
        asked once for what it has written since it was asked last.
        """
        read = {name: self._listing.offsets.get(name, 0) for name in self._listing.names}
        idle = {n: at for n, at in read.items() if at and not self._listing.unread(n)}
        if idle.items() <= self._asked_at.items():
            return False
        try:
            _touch(self.directory / ROTATE)
        except OSError as error:
            self._listing.fault(ROTATE, error)
            return False
        self._asked_at = idle
        return True

    def stale_offsets(self) -> list[str]:
        """Segments with a committed offset that are no longer there; none if that can't be told."""
        with suppress(OSError):
            there = set(os.listdir(self.directory))
            return [name for name in self._listing.offsets if name not in there]
        return []

    def _let_go(self) -> None:
        fd, self._lock_fd = self._lock_fd, -1
        if fd >= 0:
            os.close(fd)

    def _read(self, name: str, limit: int, batch: Batch) -> int:
        listing = self._listing
        try:
            with opened(listing.path(name)) as fd:
                status = os.fstat(fd)
                listing.recognise(name, status)
                offset = listing.offsets.get(name, 0)
                taken = read_lines(fd, offset, limit, batch, is_let_go)
        except OSError as error:
            listing.fault(name, error)
            return 0
        listing.unreadable.pop(name, None)
        reason = listing.anew.pop(name, None)
        if reason is not None:
            batch.anew[name] = reason
            batch.reject(reason)
        if taken or reason is not None:
            batch.starts[name] = offset
            listing.offsets[name] = batch.offsets[name] = offset + taken
        if not taken:
            listing.wait(name, status.st_size)
        elif offset + taken >= status.st_size:
            listing.grown.discard(name)
        return taken

    def _remove(self, name: str) -> bool:
        listing = self._listing
        path = listing.path(name)
        try:
            with opened(path) as fd:
                listing.unreadable.pop(name, None)
                read = listing.offsets.get(name, 0)
                # The size is asked under the lock: from then on nobody can add to it.
                if not is_let_go(fd) or (status := os.fstat(fd)).st_size != read:
                    return False
                listing.recognise(name, status)
                if name in listing.anew:
                    return False
                os.unlink(path)
        except FileNotFoundError:
            return False
        except OSError as error:
            listing.fault(name, error)
            return False
        listing.forget(name)
        self._asked_at.pop(name, None)
        return True
