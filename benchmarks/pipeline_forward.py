"""Upserts per second into the simulator, which answers at once."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any, Final

from benchmarks.measure import cpu_ns, spread
from benchmarks.pipeline_journal import fill
from benchmarks.pipeline_parts import Reading, sidecar, simulator, unused_address
from benchmarks.pipeline_places import place
from benchmarks.pipeline_types import Plan, Workload
from benchmarks.table import bullets, table

CONCURRENCY: Final = (4, 8, 16)
_WITHIN_S: Final = 600.0

_NOTES: Final = (
    "Over plain HTTP on kept connections; counted from the moment all customers were in the store.",
    (
        "The simulator answers as fast as it can and takes its share of the same cores: a real SAP "
        "is elsewhere, speaks TLS, needs tens of milliseconds, and so gives about concurrency "
        "divided by its answer time, if that is less."
    ),
    "Each turn of the forwarder is a transaction with an fsync on the store's disk.",
)


def run(plan: Plan) -> dict[str, Any]:
    """Every concurrency, the rounds one after the other."""
    rows: dict[int, list[dict[str, float]]] = {number: [] for number in CONCURRENCY}
    for number in range(plan.rounds):
        for concurrency, rounds in rows.items():
            rounds.append(_measure(plan, concurrency, plan.seed + number))
    return {"customers": plan.pending, "rows": rows}


def _measure(plan: Plan, concurrency: int, seed: int) -> dict[str, float]:
    workload = Workload("every customer new", plan.pending, plan.pending)
    with ExitStack() as stack:
        where = stack.enter_context(place(plan.disk))
        fill(where.journal, workload, seed)
        url = unused_address()
        sap = stack.enter_context(simulator(where, url))
        server = stack.enter_context(sidecar(where, url, concurrency=concurrency))
        pids = (server.process.pid, sap.pid)
        first = server.absorbed(workload.messages, _WITHIN_S)
        before = [cpu_ns(pid) for pid in pids]
        readings = server.readings(_WITHIN_S)
        last = next(one for one in readings if one.customers("clean") == workload.customers)
        used = [cpu_ns(pid) - start for pid, start in zip(pids, before, strict=True)]
    upserts = _delivered(last) - _delivered(first)
    seconds = last.at - first.at
    return {
        "per_s": upserts / seconds,
        "upserts": upserts,
        "seconds": seconds,
        "failed": last.total("frontdesk_deliveries_total") - _delivered(last),
        "sidecar_us": used[0] / 1e3 / upserts,
        "sap_us": used[1] / 1e3 / upserts,
    }


def _delivered(reading: Reading) -> float:
    return reading.total("frontdesk_deliveries_total", 'outcome="delivered"')


def report(found: dict[str, Any]) -> str:
    """A table and what to know about it."""
    rows = [
        [
            str(concurrency),
            spread([one["per_s"] for one in rounds]).text(0),
            spread([one["sidecar_us"] for one in rounds]).text(0),
            spread([one["sap_us"] for one in rounds]).text(0),
            f"{sum(one['failed'] for one in rounds):.0f}",
        ]
        for concurrency, rounds in found["rows"].items()
    ]
    head = [
        "`forward.concurrency`",
        "upserts/s",
        "µs of processor per upsert, sidecar",
        "the same, simulator",
        "failed attempts",
    ]
    points = [f"{found['customers']:,} new customers, one POST each", *_NOTES]
    return f"## From the store to SAP\n\n{table(head, rows)}\n{bullets(points)}"
