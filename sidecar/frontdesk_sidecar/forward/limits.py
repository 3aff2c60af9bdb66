"""How many requests a second and at once: bounded by settings, and less when SAP shows strain.

Times are seconds of a monotonic clock, given by the caller.
"""

from __future__ import annotations

import math
from typing import Final

#: While it starts anew, the rate doubles in this time.
DOUBLING_S: Final = 5.0
#: From half of the limit to all of it.
RECOVERY_S: Final = 300.0
_FLOOR: Final = 0.05
#: So much of a token is as good as one: sums of floats fall short by less.
_WHOLE: Final = 1.0 - 1e-9


class Rate:
    """A token bucket of one second's tokens, whose rate falls when SAP throttles.

    After `restart` it begins at a twentieth of the limit and doubles every `DOUBLING_S` up to
    half of what was borne before, then rises evenly to the limit: TCP's slow start and congestion
    avoidance (RFC 5681) for requests a second.
    """

    def __init__(self, limit: float, now: float) -> None:
        self.limit = limit
        self._current = self._target = limit
        self._tokens = max(1.0, limit)
        self._at = now

    @property
    def current(self) -> float:
        """Requests a second now."""
        return self._current

    def wait_s(self, now: float) -> float:
        """Seconds until a request may be sent; 0 when it may be sent now."""
        self._advance(now)
        if self._tokens >= _WHOLE:
            return 0.0
        wait_s = (1.0 - self._tokens) / self._current
        return wait_s + 2 * math.ulp(now + wait_s)  # what the clock's sum may lose

    def take(self, now: float) -> None:
        """A request is sent."""
        self._advance(now)
        self._tokens -= 1.0

    def change(self, limit: float, now: float) -> None:
        """Another limit from now on. What throttling took is regained up to it, as before."""
        self._advance(now)
        was_full, self.limit = self._current >= self.limit, limit
        self._current = limit if was_full else min(self._current, limit)
        self._target = limit if was_full else min(self._target, limit)
        self._tokens = min(self._tokens, max(1.0, self._current))

    def restart(self, at: float, *, throttled: bool) -> None:
        """Begin slowly at the time `at`; from then on half as fast as it was when `throttled`."""
        self._advance(at)
        if throttled:
            self._target = max(self.limit * _FLOOR, self._current / 2)
        self._current = self.limit * _FLOOR
        self._tokens = min(1.0, self._tokens)

    def _advance(self, now: float) -> None:
        passed = now - self._at
        if passed <= 0:
            return
        self._at = now
        self._grow(passed)
        self._tokens = min(max(1.0, self._current), self._tokens + passed * self._current)

    def _grow(self, passed: float) -> None:
        if self._current < self._target:
            doublings = min(passed / DOUBLING_S, 64.0)
            self._current = min(self._target, self._current * 2.0**doublings)
        elif self._current < self.limit:
            self._current = min(self.limit, self._current + passed * self.limit / 2 / RECOVERY_S)
            self._target = self._current


#: Constants of Vector's adaptive request concurrency (vector.dev, "Adaptive Request Concurrency").
_ALPHA: Final = 0.4
_DECREASE: Final = 0.9
_DEVIATIONS: Final = 2.5
#: Latencies this close together say nothing about strain.
_NOISE_S: Final = 0.005


class _Baseline:
    """What an answer usually takes: a moving mean and deviation."""

    def __init__(self) -> None:
        self.mean_s = math.nan
        self._variance = 0.0

    def is_exceeded(self, mean_s: float) -> bool:
        slack_s = max(_DEVIATIONS * math.sqrt(self._variance), _NOISE_S, 0.1 * self.mean_s)
        return mean_s > self.mean_s + slack_s  # never while the mean is not a number

    def move(self, mean_s: float) -> None:
        if math.isnan(self.mean_s):
            self.mean_s = mean_s
            return
        off = mean_s - self.mean_s
        self.mean_s += _ALPHA * off
        self._variance = (1 - _ALPHA) * (self._variance + _ALPHA * off * off)


class Concurrency:
    """How many requests may be under way: one more while all goes well, a tenth less under strain.

    Additive increase, multiplicative decrease. Strain is a failure that is not the customer's, or
    answers that take clearly longer than they used to. Decided once a round, a round being as
    many answers as may be under way.
    """

    def __init__(self, least: int, most: int, start: int = 4) -> None:
        self._least, self._most = float(min(least, most)), float(most)
        self._limit = min(self._most, max(self._least, float(start)))
        self._baselines: dict[bool, _Baseline] = {}
        self._begin_round()

    @property
    def most(self) -> int:
        """Requests that may ever be under way."""
        return int(self._most)

    @property
    def limit(self) -> int:
        """Requests that may be under way now."""
        return int(self._limit)

    def restart(self) -> None:
        """Begin with the fewest."""
        self._limit = self._least
        self._begin_round()

    def finished(self, elapsed_s: float, *, customers: int, strained: bool, busy: bool) -> None:
        """An answer came after `elapsed_s`; `busy`: as many were under way as were allowed."""
        is_batch = customers > 1
        self._seconds[is_batch] = self._seconds.get(is_batch, 0.0) + elapsed_s
        self._weights[is_batch] = self._weights.get(is_batch, 0) + customers
        self._answers += 1
        self._strained |= strained
        self._busy |= busy
        if self._answers >= self.limit:
            self._end_round()

    def _begin_round(self) -> None:
        # A `$batch` takes as long as it has parts, so its time is counted for each of them, and
        # compared with other batches only.
        self._seconds: dict[bool, float] = {}
        self._weights: dict[bool, int] = {}
        self._answers = 0
        self._strained = self._busy = False

    def _end_round(self) -> None:
        slower = False
        for is_batch, seconds in self._seconds.items():
            mean_s = seconds / self._weights[is_batch]
            baseline = self._baselines.setdefault(is_batch, _Baseline())
            slower |= baseline.is_exceeded(mean_s)
            if not self._strained:
                baseline.move(mean_s)
        if self._strained or slower:
            self._limit = max(self._least, self._limit * _DECREASE)
        elif self._busy:
            self._limit = min(self._most, self._limit + 1)
        self._begin_round()
