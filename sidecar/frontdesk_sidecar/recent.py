"""What came of the attempts of the last minutes, for a person who asks now."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

SECONDS: Final = 300
"""So far back it is remembered, in buckets of `_BUCKET_S`."""
_BUCKET_S: Final = 5


@dataclass(slots=True)
class _Bucket:
    number: int
    kinds: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)


class Recent:
    """Outcomes by kind, and failures by code; `clock` is monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._buckets: deque[_Bucket] = deque(maxlen=SECONDS // _BUCKET_S)

    def note(self, kind: str, code: str) -> None:
        """One customer's outcome."""
        number = int(self._clock() // _BUCKET_S)
        if not self._buckets or self._buckets[-1].number != number:
            self._buckets.append(_Bucket(number))
        self._buckets[-1].kinds[kind] += 1
        if kind not in ("delivered", "unchanged"):
            self._buckets[-1].codes[code] += 1

    def totals(self, seconds: float = SECONDS) -> tuple[Counter[str], Counter[str]]:
        """Numbers by kind and by code of about the last `seconds`."""
        oldest = (self._clock() - seconds) // _BUCKET_S
        kinds: Counter[str] = Counter()
        codes: Counter[str] = Counter()
        for bucket in self._buckets:
            if bucket.number > oldest:
                kinds += bucket.kinds
                codes += bucket.codes
        return kinds, codes
