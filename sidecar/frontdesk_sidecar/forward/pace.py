"""The numbers the forwarder goes by; see the settings of section `forward`. Times in seconds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast, how many at once, and how long is waited when it did not work.

    `rest_s`: a customer whose outcome is not known rests this long, since SAP may still be at work
    on it; sooner, an older state could arrive after a newer one.
    """

    rate: float = 10.0
    concurrency: int = 8
    concurrency_min: int = 1
    batch_above: int = 20
    batch_size: int = 100
    resync_s: float = 604_800.0
    retry_base_s: float = 2.0
    retry_cap_s: float = 300.0
    retry_tries: int = 20
    reject_base_s: float = 30.0
    reject_tries: int = 3
    rest_s: float = 60.0
    quiet_s: float = 10.0
    breaker_s: float = 10.0
    probe_s: float = 30.0
    probe_cap_s: float = 300.0
    #: The store is this process's alone and ends what it leased at the next start. So leases only
    #: need to outlive every attempt, whatever the clock does.
    lease_s: float = 7 * 86_400.0

    @property
    def longest_s(self) -> float:
        """No customer is ever due later than after so many seconds."""
        refused_s = self.reject_base_s * 2.0 ** min(self.reject_tries, 10)
        return max(self.retry_cap_s + self.rest_s, refused_s)
