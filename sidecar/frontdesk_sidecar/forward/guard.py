"""Most of many different customers are refused: then the mapping is broken, not the customers."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

#: So many customers are looked back upon, of whom so many must have been refused, and such a share.
WINDOW: Final = 50
LEAST: Final = 20
SHARE: Final = 0.8
#: While SAP has never taken anybody, so few are enough.
LEAST_AT_FIRST: Final = 5


class RejectionGuard:
    """The last customers whose record SAP took or refused, each with the last answer alone."""

    def __init__(self) -> None:
        self._refused: OrderedDict[str, bool] = OrderedDict()
        self._ever_taken = False

    def taken(self, key: str) -> None:
        """SAP took this customer."""
        self._ever_taken = True
        self._note(key, refused=False)

    def refused(self, key: str) -> bool:
        """SAP refused this customer; True when it refuses them all."""
        self._note(key, refused=True)
        refused = sum(self._refused.values())
        if not self._ever_taken and refused >= LEAST_AT_FIRST:
            return True
        return refused >= LEAST and refused >= SHARE * len(self._refused)

    def clear(self) -> None:
        """Begin anew: things were set right."""
        self._refused.clear()

    def _note(self, key: str, *, refused: bool) -> None:
        self._refused[key] = refused
        self._refused.move_to_end(key)
        if len(self._refused) > WINDOW:
            self._refused.popitem(last=False)
