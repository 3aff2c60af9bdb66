"""Customers per second from the store into the simulator, which answers at once."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.measure import cpu_ns, ratio, spread
from benchmarks.pipeline_journal import fill
from benchmarks.pipeline_parts import (
    Reading,
    Sidecar,
    requests_at,
    sidecar,
    simulator,
    unused_address,
)
from benchmarks.pipeline_places import place
from benchmarks.pipeline_types import Plan, Workload
from benchmarks.table import bullets, table

_WITHIN_S: Final = 600.0
AIM: Final = 5.0
#: batches of at least this many, so that the last of them go together as well
_BATCH_ABOVE: Final = 8


@dataclass(frozen=True, slots=True)
class Setup:
    """How customers are sent: in which company, how many requests at once, on which cores."""

    batch_size: int
    concurrency: int
    one_core: bool = False

    @property
    def name(self) -> str:
        """How it is sent, in words."""
        return "single posts" if self.batch_size == 1 else f"`$batch` of up to {self.batch_size}"

    @property
    def cores(self) -> str:
        """Where sidecar and simulator run."""
        return "one for both" if self.one_core else "all"


SETUPS: Final = (
    *(Setup(1, concurrency) for concurrency in (4, 8, 16)),
    *(Setup(size, 8) for size in (50, 100, 200)),
    *(Setup(size, 8, one_core=True) for size in (1, 50, 100, 200)),
)

_NOTES: Final = (
    (
        "Over plain HTTP on kept connections. The sidecar is paused until all customers are in "
        "the store; the time is from `resume` until all are delivered, seen up to 0.1 s late."
    ),
    (
        "The simulator answers as fast as it can and takes its share of the same cores: a real SAP "
        "is elsewhere, speaks TLS, needs tens of milliseconds, and so gives about concurrency "
        "divided by its answer time, if that is less."
    ),
    (
        "*one for both*: sidecar and simulator share one core, and the benchmark's own process may "
        "use another."
    ),
    (
        "*sidecar alone*: what one core would give if it did the sidecar's work only, that is a "
        "second divided by its processor time per customer."
    ),
    f"`forward.batch_above` is {_BATCH_ABOVE} here.",
    "Each turn of the forwarder is a transaction with an fsync on the store's disk.",
)


def run(plan: Plan) -> dict[str, Any]:
    """Every set-up, the rounds one after the other."""
    rows: list[dict[str, Any]] = [
        {"name": setup.name, "cores": setup.cores, "concurrency": setup.concurrency, "rounds": []}
        for setup in SETUPS
    ]
    for number in range(plan.rounds):
        for setup, row in zip(SETUPS, rows, strict=True):
            row["rounds"].append(_measure(plan, setup, plan.seed + number))
    return {"customers": plan.pending, "rows": rows}


def _measure(plan: Plan, setup: Setup, seed: int) -> dict[str, float]:
    workload = Workload("every customer new", plan.pending, plan.pending)
    core = 0 if setup.one_core else None
    with ExitStack() as stack:
        where = stack.enter_context(place(plan.disk))
        url = unused_address()
        sap = stack.enter_context(simulator(where, url, core))
        server = stack.enter_context(
            sidecar(
                where,
                url,
                concurrency=setup.concurrency,
                batch_size=setup.batch_size,
                batch_above=_BATCH_ABOVE,
                core=core,
            )
        )
        server.pause()
        fill(where.journal, workload, seed)
        server.absorbed(workload.messages, _WITHIN_S)
        return _deliver(server, sap.pid, url, workload.customers)


def _deliver(server: Sidecar, sap: int, url: str, customers: int) -> dict[str, float]:
    """From `resume` until all are delivered."""
    pids = (server.process.pid, sap)
    asked = requests_at(url)
    time.sleep(0.2)
    before = [cpu_ns(pid) for pid in pids]
    started = server.resume()
    last = next(r for r in server.readings(_WITHIN_S) if r.customers("clean") == customers)
    used = [cpu_ns(pid) - start for pid, start in zip(pids, before, strict=True)]
    seconds = last.at - started
    return {
        "per_s": customers / seconds,
        "seconds": seconds,
        "requests": requests_at(url) - asked - 1,
        "failed": last.total("frontdesk_deliveries_total") - delivered(last),
        "sidecar_us": used[0] / 1e3 / customers,
        "sap_us": used[1] / 1e3 / customers,
    }


def delivered(reading: Reading) -> float:
    """Customers that SAP took since the sidecar's start."""
    return reading.total("frontdesk_deliveries_total", 'outcome="delivered"')


def report(found: dict[str, Any]) -> str:
    """A table and what to know about it."""
    rows = [
        [
            row["name"],
            row["cores"],
            str(row["concurrency"]),
            *(_cell(row, column, 0) for column in ("per_s", "sidecar_us", "sap_us", "requests")),
            spread([1e6 / one["sidecar_us"] for one in row["rounds"]]).text(0),
            f"{sum(one['failed'] for one in row['rounds']):.0f}",
        ]
        for row in found["rows"]
    ]
    head = [
        "sent as",
        "cores",
        "`forward.concurrency`",
        "customers/s",
        "µs of processor per customer, sidecar",
        "the same, simulator",
        "requests",
        "customers/s of the sidecar alone on a core",
        "failed attempts",
    ]
    points = [f"{found['customers']:,} new customers", *_ratios(found["rows"]), *_NOTES]
    return f"## From the store to SAP\n\n{table(head, rows)}\n{bullets(points)}"


def _ratios(rows: list[dict[str, Any]]) -> list[str]:
    """Batches beside single posts of the same rounds, with the same concurrency and cores."""
    points = []
    for cores in ("all", "one for both"):
        same = [row for row in rows if row["cores"] == cores and row["concurrency"] == 8]
        [single] = [row for row in same if row["name"] == Setup(1, 8).name]
        shown = [
            f"{ratio(_values(row, 'per_s'), _values(single, 'per_s')).text(1)} ({row['name']})"
            for row in same
            if row is not single
        ]
        points.append(
            f"Customers/s beside single posts, cores: {cores}, concurrency 8: {', '.join(shown)}; "
            f"the aim is at least {AIM:.0f}, on one core."
        )
    return points


def _values(row: dict[str, Any], column: str) -> list[float]:
    return [one[column] for one in row["rounds"]]


def _cell(row: dict[str, Any], column: str, digits: int) -> str:
    return spread(_values(row, column)).text(digits)
