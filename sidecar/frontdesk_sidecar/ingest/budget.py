"""How many bytes of bodies may be held at a time, over all requests."""

from __future__ import annotations

from types import TracebackType
from typing import Final, Self

#: What becomes of them in memory is up to some ten times as large, for a moment.
LIMIT: Final = 16 * 1024 * 1024


class Busy(Exception):  # noqa: N818 - says what is the case
    """More at a time than is held; later there will be room."""


class Budget:
    """What may be held, and what is."""

    def __init__(self, limit: int = LIMIT) -> None:
        self.limit = limit
        self.used = 0

    def share(self) -> Share:
        """One request's part: a context manager, empty in the beginning, given back at its end."""
        return Share(self)


class Share:
    """What one request holds."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._held = 0

    def hold(self, size: int) -> None:
        """Hold so many bytes in all. Raises Busy."""
        more = size - self._held
        if more > 0 and self._budget.used + more > self._budget.limit:
            raise Busy
        self._budget.used += more
        self._held = size

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.hold(0)
