"""`python -m chaos.clock FILE run …`: the frontdesk command with a wall clock that can be set.

FILE holds one double, the seconds added to the real time; it is read at every look at the
clock. The monotonic clock stays as it is, as it does when a machine's clock is set.
"""

from __future__ import annotations

import mmap
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

_FORMAT: Final = "d"


def write_offset(path: Path, seconds: float) -> None:
    """Set the clocks that read this file."""
    with path.open("r+b" if path.exists() else "w+b") as file:
        file.write(struct.pack(_FORMAT, seconds))


def offset_in(path: Path) -> Callable[[], float]:
    """What is to be added to the real time now, by this file."""
    with path.open("rb") as file:
        view = mmap.mmap(file.fileno(), struct.calcsize(_FORMAT), access=mmap.ACCESS_READ)

    def offset() -> float:
        (seconds,) = struct.unpack_from(_FORMAT, view)
        return float(seconds)

    return offset


def install(offset: Callable[[], float]) -> None:
    """Let `time.time` and `time.time_ns` of this process be so far ahead."""
    real, real_ns = time.time, time.time_ns
    time.time = lambda: real() + offset()
    time.time_ns = lambda: real_ns() + int(offset() * 1e9)


def main() -> int:
    """Patch the clock, then be `frontdesk`."""
    install(offset_in(Path(sys.argv.pop(1))))
    from frontdesk_sidecar.__main__ import main as frontdesk

    return frontdesk()


if __name__ == "__main__":
    sys.exit(main())
