"""What is measured: how many rounds, of how much."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Plan:
    """The sizes of one run. `disk` is the directory in which the store's file is made."""

    disk: Path
    seed: int
    rounds: int
    #: journal to store
    messages: int = 200_000
    #: upserts into the simulator
    pending: int = 20_000
    #: customers in the store whose memory is looked at
    resident: int = 100_000
    settle_s: float = 30.0
    idle_s: float = 20.0
    visits_s: float = 60.0
    visits_per_s: float = 5.0
    #: logins of a mix in which most change nothing, and seconds for which they arrive evenly
    repeats: int = 50_000
    arrive_s: float = 20.0
    #: a day without SAP
    outage_logins: int = 1_000_000
    outage_customers: int = 50_000
    outage_step_s: float = 20.0


@dataclass(frozen=True, slots=True)
class Workload:
    """So many messages, over so many customers, in a random order."""

    name: str
    messages: int
    customers: int
