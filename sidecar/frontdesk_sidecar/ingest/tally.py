"""What the door tells whoever counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Tally(Protocol):
    """Counts requests and messages; of the names it is given none is made up by a client."""

    def door_answered(self, status: int) -> None:
        """A request came to its end."""

    def door_took(self, counts: Mapping[tuple[str, str], int]) -> None:
        """So many messages of (kind, verdict) came; those that are kept are on disk."""

    def door_committed(self, messages: int, seconds: float) -> None:
        """One commit of so many messages took so long."""


class Nobody:
    """The `Tally` of nobody."""

    def door_answered(self, status: int) -> None:
        """Not counted."""

    def door_took(self, counts: Mapping[tuple[str, str], int]) -> None:
        """Not counted."""

    def door_committed(self, messages: int, seconds: float) -> None:
        """Not counted."""
