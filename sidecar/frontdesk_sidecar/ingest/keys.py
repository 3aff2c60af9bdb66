"""The door's keys: given in the settings, or one a line in a file that is read when it changes."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from frontdesk_sidecar.secret_files import read_secret

#: Gives the keys that are good now.
Source: TypeAlias = Callable[[], tuple[str, ...]]
#: A file is looked at this often at most.
_LOOK_S: Final = 1.0


def no_keys() -> tuple[str, ...]:
    """The `Source` of none."""
    return ()


def given(key: str) -> Source:
    """The `Source` of one key."""
    return lambda: (key,)


class KeyFile:
    """The `Source` of the keys in a file, one a line: two while one is being replaced.

    A file that cannot be read any more leaves the keys as they were.
    """

    def __init__(self, path: str | Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = str(path)
        self._clock = clock
        self._look_at = float("-inf")
        self._seen: tuple[int, ...] | None = None
        self._keys: tuple[str, ...] = ()

    def __call__(self) -> tuple[str, ...]:
        """The keys."""
        now = self._clock()
        if now >= self._look_at:
            self._look_at = now + _LOOK_S
            with contextlib.suppress(OSError, ValueError):
                self._look()
        return self._keys

    def _look(self) -> None:
        stat = os.stat(self._path)
        seen = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        if seen != self._seen:
            lines = (line.strip() for line in read_secret(self._path).splitlines())
            self._keys, self._seen = tuple(filter(None, lines)), seen


@dataclass(frozen=True, slots=True)
class Keys:
    """Write keys, and keys for signatures. The door is closed without any."""

    write: Source = no_keys
    sign: Source = no_keys

    @property
    def are_there(self) -> bool:
        """Whether anybody can come in."""
        return bool(self.write() or self.sign())
