"""What the targets behind one host have in common: SAP's firewall counts requests per address.

Pure: times are seconds of a monotonic clock, given by the caller.
"""

from __future__ import annotations

import math
from typing import Protocol

from frontdesk_sidecar.forward.gate import Gate, Why
from frontdesk_sidecar.forward.limits import Rate
from frontdesk_sidecar.sap.outcome import Outcome


class Neighbour(Protocol):
    """One who sends to this host, such as `Ledger`."""

    @property
    def gate(self) -> Gate:
        """Whether it sends."""

    def hear(self, outcome: Outcome) -> None:
        """Somebody else was told that it is too much."""


class Ingress:
    """One rate for all who send to a host, and one silence when SAP asks for it.

    SAP's cool-down begins anew with each request, whoever it is for: if only the one that was
    told fell silent, the others would prolong it for all. Anything else that shuts one's gate
    is no matter of the others, and takes nothing from their rate.
    """

    def __init__(self, limit: float, now: float) -> None:
        self.rate = Rate(limit, now)
        self._neighbours: list[Neighbour] = []
        self._restarted_at = -math.inf

    def join(self, neighbour: Neighbour) -> None:
        """One more sends to this host."""
        self._neighbours.append(neighbour)

    def leave(self, neighbour: Neighbour) -> None:
        """One less sends to this host."""
        self._neighbours.remove(neighbour)

    def throttled(self, by: Neighbour, outcome: Outcome) -> None:
        """SAP told this one that it is too much."""
        for one in self._neighbours:
            if one is not by:
                one.hear(outcome)

    def silence(self, joined: Neighbour) -> Gate | None:
        """The gate of another one that keeps silence, for one that has just joined."""
        gates = (one.gate for one in self._neighbours if one is not joined)
        return next((one for one in gates if one.shut and one.shut.why is Why.THROTTLED), None)

    def reopened(self, by: Neighbour, since: float, now: float, *, throttled: bool) -> None:
        """This one sends again, after it was shut since then: slowly, as whoever was silent.

        Once for a silence that all kept, and not where others send all the while.
        """
        if throttled:
            is_first = self._restarted_at <= since
        else:
            is_first = not any(one.gate.is_open for one in self._neighbours if one is not by)
        if is_first:
            self.rate.restart(now, throttled=throttled)
            self._restarted_at = now
