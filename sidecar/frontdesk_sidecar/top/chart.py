"""A row of small bars. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

_BARS: Final = "▁▂▃▄▅▆▇█"
_ASCII_BARS: Final = ":-=+*%#@"
#: Nothing was counted, as opposed to: nothing is known.
_NONE, _ASCII_NONE = "·", "."


def bars(values: Sequence[float | None], width: int, *, ascii_only: bool = False) -> str:
    """One character for each value, the largest the highest; a space where nothing is known."""
    return drawn(values, largest(values), width, ascii_only=ascii_only)


def largest(values: Sequence[float | None]) -> float:
    """Of what is known; 0 when nothing is."""
    return max((one for one in values if one is not None), default=0)


def drawn(
    values: Sequence[float | None], top: float, width: int, *, ascii_only: bool = False
) -> str:
    """The last `width` values, with `top` as the highest bar."""
    steps, none = (_ASCII_BARS, _ASCII_NONE) if ascii_only else (_BARS, _NONE)
    return "".join(_bar(one, top, steps, none) for one in values[max(0, len(values) - width) :])


def _bar(value: float | None, top: float, steps: str, none: str) -> str:
    if value is None:
        return " "
    if value <= 0 or top <= 0:
        return none
    return steps[min(len(steps) - 1, int(value / top * len(steps)))]


def condensed(values: Sequence[float | None], most: int, *, summed: bool) -> list[float | None]:
    """At most `most` parts of equal length, each the sum or the largest of what is known in it."""
    if most <= 0:
        return []
    each = -(-len(values) // most)
    parts = [values[at : at + each] for at in range(0, len(values), each)] if each else []
    return [_together(part, summed=summed) for part in parts]


def _together(part: Sequence[float | None], *, summed: bool) -> float | None:
    known = [one for one in part if one is not None]
    if not known:
        return None
    return sum(known) if summed else max(known)
