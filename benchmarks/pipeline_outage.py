"""A day without SAP, and the day after: what the store, the memory and the forwarder do."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from benchmarks.measure import spread
from benchmarks.pipeline_outage_day import CLAIM_OF, HOURS
from benchmarks.pipeline_outage_sap import CUSTOMER_S, REQUEST_S
from benchmarks.pipeline_places import place
from benchmarks.pipeline_types import Plan
from benchmarks.processes import child
from benchmarks.table import bullets, table
from frontdesk_sidecar.forward.pace import Pace

_MODULE: Final = "benchmarks.pipeline_outage_day"
_SHOWN: Final = (1, 2, 4, 8, 12, 16, 20, 24)
_MIB: Final = 1024**2

_NOTES: Final = (
    (
        "The store, its writer and the forwarder are the real ones, in a process of their own; its "
        "clocks are simulated during the day, and SAP is an object there: every attempt comes to "
        "no connection at once. Messages are made there as well, without a journal."
    ),
    (
        "Each customer logs in as often, in random orders, its traits unchanged; the messages come "
        "in even shares all day, each share one transaction with an fsync."
    ),
    (
        f"A claim: {CLAIM_OF} due customers, 200 times at each hour's end, each in a transaction "
        "that is undone, without its commit."
    ),
    (
        "Size of the store: the file and the write-ahead log, which SQLite lets grow to 8 MiB and "
        "more; per customer, that of the file alone."
    ),
    (
        "An attempt *counted* brings a customer nearer to a dead letter; rows with one are looked "
        "for at each hour's end."
    ),
)


def run(plan: Plan) -> dict[str, Any]:
    """The rounds, a process each."""
    rounds = [_measure(plan, plan.seed + number) for number in range(plan.rounds)]
    return {
        "customers": plan.outage_customers,
        "logins": plan.outage_logins,
        "step_s": plan.outage_step_s,
        "rate": Pace().rate,
        "batch_size": Pace().batch_size,
        "rounds": rounds,
    }


def _measure(plan: Plan, seed: int) -> dict[str, Any]:
    sizes = (plan.outage_customers, plan.outage_logins, plan.outage_step_s, Pace().rate, seed)
    with place(plan.disk) as where, child(_MODULE, str(where.store), *map(str, sizes)) as day:
        hours = [json.loads(day.read()) for _ in range(HOURS)]
        return {"hours": hours, "drain": json.loads(day.read())}


def report(found: dict[str, Any]) -> str:
    """A table by hour and what to know about it."""
    rounds = found["rounds"]
    rows = [_row([one["hours"][hour - 1] for one in rounds]) for hour in _SHOWN]
    head = [
        "hour",
        "customers waiting",
        "store, MiB",
        "file, bytes per customer",
        f"claim of {CLAIM_OF}, p50, µs",
        "p99, µs",
        "RSS, MiB",
        "attempts at SAP so far",
        "dead letters",
        "rows with an attempt counted",
    ]
    points = [
        (
            f"{found['logins']:,} logins of {found['customers']:,} customers in {HOURS} simulated "
            f"hours, every {found['step_s']:.0f} s some of them"
        ),
        _flat(rounds),
        *_drained(found),
        *_NOTES,
    ]
    return f"## A day without SAP\n\n{table(head, rows)}\n{bullets(points)}"


def _row(hours: Sequence[dict[str, Any]]) -> list[str]:
    def cell(name: str, digits: int = 0, unit: float = 1) -> str:
        return spread([hour[name] / unit for hour in hours]).text(digits)

    each = spread([hour["file_bytes"] / hour["customers"] for hour in hours])
    return [
        str(hours[0]["hour"]),
        cell("customers"),
        cell("bytes", 1, _MIB),
        each.text(0),
        cell("claim_p50_us"),
        cell("claim_p99_us"),
        cell("rss", 1),
        cell("attempts"),
        f"{sum(hour['dead'] for hour in hours)}",
        f"{sum(hour['burned'] for hour in hours)}",
    ]


def _flat(rounds: Sequence[dict[str, Any]]) -> str:
    """The second half of the day beside the first, once all customers are there."""

    def growth(name: str) -> str:
        values = [one["hours"][HOURS - 1][name] / one["hours"][3][name] for one in rounds]
        return f"× {spread(values).text(2)}"

    return (
        f"The last hour beside the fourth: RSS {growth('rss')}, size of the store "
        f"{growth('bytes')}, a claim's median {growth('claim_p50_us')}."
    )


def _drained(found: dict[str, Any]) -> list[str]:
    drains = [one["drain"] for one in found["rounds"]]

    def text(name: str, digits: int = 0) -> str:
        return spread([drain[name] for drain in drains]).text(digits)

    speed = spread([found["customers"] / drain["seconds"] for drain in drains]).text(0)
    full = [drain["full_rate_s"] for drain in drains if drain["full_rate_s"] is not None]
    slow = f"after {spread(full).text(1)} s" if full else "not before all were delivered"
    return [
        (
            f"Then SAP is back, on the real clock, just before the next try, which is at most a "
            f"minute away. It takes {REQUEST_S * 1e3:.0f} ms a request and "
            f"{CUSTOMER_S * 1e3:.0f} ms a customer in it."
        ),
        (
            f"The backlog drains in {text('seconds', 1)} s and {text('requests')} requests of up "
            f"to {found['batch_size']}, {speed} customers/s; the full rate is reached {slow}; "
            f"RSS is {text('rss', 1)} MiB at most."
        ),
        _kept(found["rate"], drains),
        (
            f"Customers delivered: {text('delivered')}, of whom more than once: "
            f"{text('twice')}; dead letters: {text('dead')}; still pending: {text('pending')}."
        ),
    ]


def _kept(rate: float, drains: Sequence[dict[str, Any]]) -> str:
    """What came at SAP, beside the rate that was set."""
    most = max(drain["most_in_a_second"] for drain in drains)
    spans = [drain["shortest_s"] for drain in drains if drain["shortest_s"] is not None]
    shortest = f", and {rate + 1:.0f} in a row took {min(spans):.2f} s at least" if spans else ""
    return (
        f"`forward.rate` is {rate:.0f} requests a second: {most} is the most that came within any "
        f"second{shortest}. The rate is a bucket that holds one second's tokens, so that up to "
        f"{2 * rate:.0f} in a second would be within it when there was nothing to send before."
    )
