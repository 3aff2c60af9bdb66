"""From the shopper's answer to the customer in SAP, at low load."""

from __future__ import annotations

import random
import time
from contextlib import ExitStack, closing
from typing import Any, Final

import httpx

from benchmarks.measure import percentile, spread
from benchmarks.pipeline_parts import shop, sidecar, simulator, unused_address
from benchmarks.pipeline_places import place
from benchmarks.pipeline_shopper import Shopper
from benchmarks.pipeline_types import Plan
from benchmarks.table import bullets, table

_ARRIVAL_S: Final = 10.0
_SHARES: Final = {"p50": 0.50, "p95": 0.95, "p99": 0.99}

_NOTES: Final = (
    (
        "The example storefront under uvicorn, with `frontdesk.wrap` around it; every customer is "
        "new to SAP."
    ),
    (
        "From when the client has read the answer to when the simulator stored the customer, both "
        "by this machine's clock; the end is rounded up to whole milliseconds."
    ),
    "The simulator answers at once and there is no network: a real SAP adds its own time.",
    "The first of each round pays for SAP's token and the connection.",
)


def run(plan: Plan) -> dict[str, Any]:
    """The rounds, each with processes of its own."""
    rounds = [_measure(plan, plan.seed + number) for number in range(plan.rounds)]
    return {"per_s": plan.visits_per_s, "seconds": plan.visits_s, "rounds": rounds}


def _measure(plan: Plan, seed: int) -> dict[str, Any]:
    visits = int(plan.visits_s * plan.visits_per_s)
    url = unused_address()
    with ExitStack() as stack:
        where = stack.enter_context(place(plan.disk))
        with shop(where, "shop.main:app") as address:
            _open_accounts(address, visits)
        stack.enter_context(simulator(where, url))
        stack.enter_context(sidecar(where, url))
        address = stack.enter_context(shop(where, "frontdesk.wrap:app"))
        answered = _visit(address, visits, plan.visits_per_s, seed)
        stored = _arrivals(url, answered)
    # SAP's clock has whole milliseconds, cut off: the customer was there one later at most.
    ways = [stored[uid] + 1 - at / 1e6 for uid, at in answered.items() if uid in stored]
    return {"visits": visits, "missing": visits - len(ways), "ms": sorted(ways)}


def _open_accounts(address: str, visits: int) -> None:
    """Accounts of before frontdesk came: SAP learns of them at their next login."""
    with closing(Shopper(address)) as shopper:
        for number in range(1, visits, 2):
            shopper.register(_email(number))


def _visit(address: str, visits: int, per_s: float, seed: int) -> dict[str, int]:
    """Registrations and logins in turn; when each was answered, in ns since the epoch."""
    chance = random.Random(seed)
    answered = {}
    with closing(Shopper(address)) as shopper:
        due = time.monotonic()
        for number in range(visits):
            # Not in step with anything that looks every so many milliseconds.
            due += chance.uniform(0.5, 1.5) / per_s
            time.sleep(max(0.0, due - time.monotonic()))
            act = shopper.log_in if number % 2 else shopper.register
            answered[_email(number)] = act(_email(number))
    return answered


def _arrivals(url: str, answered: dict[str, int]) -> dict[str, int]:
    """When each customer was first stored, by the simulator's clock, in ms since the epoch."""
    give_up = time.monotonic() + _ARRIVAL_S
    stored: dict[str, int] = {}
    while answered.keys() - stored.keys() and time.monotonic() < give_up:
        time.sleep(0.2)
        customers = httpx.get(f"{url}/_sim/customers", timeout=10, trust_env=False).json()
        stored = {customer["uid"]: customer["created"] for customer in customers}
    return stored


def _email(number: int) -> str:
    return f"shopper{number}@example.com"


def report(found: dict[str, Any]) -> str:
    """A table and what to know about it."""
    rounds = [one for one in found["rounds"] if one["ms"]]
    row = [
        spread([percentile(one["ms"], share) for one in rounds]).text(1) if rounds else "none came"
        for share in _SHARES.values()
    ]
    visits = sum(one["visits"] for one in found["rounds"])
    missing = sum(one["missing"] for one in found["rounds"])
    rows = [["shopper's answer → customer in SAP, ms", *row, f"{visits:,}", f"{missing:,}"]]
    pace = f"About {found['per_s']:.0f} a second for {found['seconds']:.0f} s"
    points = [f"{pace}, registrations and logins in turn, as HTTP JSON", *_NOTES]
    text = table(["", *_SHARES, "visits", "did not arrive"], rows)
    return f"## From the shopper's answer to SAP\n\n{text}\n{bullets(points)}"
