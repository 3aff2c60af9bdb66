"""How long to wait before the next attempt."""

import math
from collections.abc import Callable

# 2.0 ** 1023 is the largest power of two that a float holds.
_MOST_DOUBLINGS = 1023


def full_jitter(attempt: int, *, base_s: float, cap_s: float, random: Callable[[], float]) -> float:
    """Seconds to wait before attempt number ``attempt`` is repeated.

    Exponential back-off with full jitter ("Exponential Backoff And Jitter", AWS Architecture
    Blog): a point chosen evenly between zero and ``base_s * 2 ** (attempt - 1)``, at most
    ``cap_s``. Spreading over the whole range is what keeps many waiting customers from knocking
    at the same moment.

    ``attempt`` counts the failures so far, from 1; ``random`` returns a number in [0, 1).
    Raises ``ValueError`` for an attempt below 1 or limits that are not ``0 <= base_s <= cap_s``.
    """
    if attempt < 1:
        raise ValueError("attempt counts from 1")
    if not 0 <= base_s <= cap_s < math.inf:
        raise ValueError("expected 0 <= base_s <= cap_s, both finite")
    doublings = min(attempt - 1, _MOST_DOUBLINGS)
    return min(cap_s, base_s * 2.0**doublings) * random()
