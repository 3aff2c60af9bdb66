"""How many bytes of bodies may be held at a time, over all requests."""

from __future__ import annotations

from types import TracebackType
from typing import Final, Self

#: What becomes of them in memory is up to some ten times as large, for a moment.
LIMIT: Final = 16 * 1024 * 1024


class Busy(Exception):  # noqa: N818 - says what is the case
    """More at a time than is held; later there will be room."""


class Budget:
    """What may be held, and what is: in all, and of strangers.

    Strangers are those who have shown no key in the head; theirs is at most half of it, or else
    whoever begins many bodies and ends none would keep out everybody.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self.limit = limit
        self.used = 0
        self.by_strangers = 0

    def share(self, *, is_stranger: bool) -> Share:
        """One request's part: a context manager, empty in the beginning, given back at its end."""
        return Share(self, is_stranger=is_stranger)

    def take(self, more: int, *, is_stranger: bool) -> None:
        """Hold so many bytes more, or less. Raises Busy."""
        by_strangers = self.by_strangers + more * is_stranger
        is_too_much = self.used + more > self.limit or (
            is_stranger and by_strangers > self.limit // 2
        )
        if more > 0 and is_too_much:
            raise Busy
        self.used += more
        self.by_strangers = by_strangers


class Share:
    """What one request holds."""

    def __init__(self, budget: Budget, *, is_stranger: bool) -> None:
        self._budget = budget
        self._is_stranger = is_stranger
        self._held = 0

    def hold(self, size: int) -> None:
        """Hold so many bytes in all. Raises Busy."""
        self._budget.take(size - self._held, is_stranger=self._is_stranger)
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
