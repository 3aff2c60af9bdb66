"""A file that does nothing but take room, to be given up when the disk is full.

On a full disk SQLite cannot even record what was delivered: each commit appends to its log.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from frontdesk_sidecar.store import ownership

_CHUNK: Final = 1 << 20


class Ballast:
    """`size` bytes beside the store, or none of them."""

    def __init__(self, store: Path, size: int) -> None:
        self.path = store.with_name(store.name + ".ballast")
        self.size = size
        self._store = store

    def allocated(self) -> int:
        """Bytes that it really takes on the disk now, `size` at most."""
        try:
            status = os.stat(self.path)
        except OSError:
            return 0
        return min(status.st_size, status.st_blocks * 512, self.size)

    @property
    def whole(self) -> bool:
        """Whether giving it up would free what was asked for, neither less nor more."""
        return self.allocated() == self.size == os.stat(self.path).st_size

    def make(self, free: int) -> bool:
        """Make it whole if `free` bytes on the disk are twice what it lacks; whether it is whole.

        One that is too large, because less is asked for now, is cut. Never raises for a disk
        that has no room after all.
        """
        if self.whole:
            return True
        lacking = self.size - self.allocated()
        if free < 2 * lacking:
            return False
        try:
            self._allocate()
        except OSError:
            self.give_up()
        return self.whole

    def give_up(self) -> int:
        """Let its room go; how many bytes that were."""
        freed = self.allocated()
        with suppress(OSError):
            os.truncate(self.path, 0)
        return freed - self.allocated()

    def _allocate(self) -> None:
        ownership.create(self.path)
        descriptor = os.open(self.path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            ownership.give_like(self.path, self._store)
            os.ftruncate(descriptor, self.size)
            with suppress(OSError):  # not every file system can
                os.posix_fallocate(descriptor, 0, self.size)
            if os.fstat(descriptor).st_blocks * 512 < self.size:
                self._write(descriptor)
        finally:
            os.close(descriptor)

    def _write(self, descriptor: int) -> None:
        """Bytes that no file system compresses or leaves out."""
        os.lseek(descriptor, 0, os.SEEK_SET)
        left = self.size
        while left:
            left -= os.write(descriptor, os.urandom(min(left, _CHUNK)))
        os.fsync(descriptor)  # some take the room only now
