"""The name of the machine's present boot, which all its processes' monotonic clocks count from."""

from __future__ import annotations

from functools import cache
from typing import Final

#: Linux gives each boot a random name; other systems are done without.
_BOOT_ID: Final = "/proc/sys/kernel/random/boot_id"


@cache
def this_boot() -> str:
    """The first eight characters of this boot's name; empty where it has none."""
    try:
        with open(_BOOT_ID, encoding="ascii") as file:
            return file.read(8)
    except (OSError, ValueError):
        return ""
