"""The sidecar's resident memory, and what it burns with nothing to do."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from benchmarks.measure import cpu_ns, spread
from benchmarks.pipeline_journal import fill
from benchmarks.pipeline_parts import Sidecar, sidecar, simulator, unused_address
from benchmarks.pipeline_places import Place, place
from benchmarks.pipeline_types import Plan, Workload
from benchmarks.table import bullets, table

_WITHIN_S: Final = 1200.0
_RETRY_CAP_S: Final = 10.0
_COLUMNS: Final = ("rss", "pss", "private", "peak")


def run(plan: Plan) -> dict[str, Any]:
    """The rounds, each with a sidecar of its own."""
    rounds = [_measure(plan, plan.seed + number) for number in range(plan.rounds)]
    sizes = {"customers": plan.resident, "settle_s": plan.settle_s, "idle_s": plan.idle_s}
    return sizes | {"rounds": rounds}


def _measure(plan: Plan, seed: int) -> dict[str, Any]:
    """One sidecar from its start to the last customer delivered."""
    workload = Workload("every customer new", plan.resident, plan.resident)
    url = unused_address()
    with ExitStack() as stack:
        where = stack.enter_context(place(plan.disk))
        server = stack.enter_context(sidecar(where, url, retry_cap_s=_RETRY_CAP_S))
        pid = server.process.pid
        time.sleep(plan.settle_s)
        empty, idle = memory(pid), idle_share(pid, plan.idle_s)
        fill(where.journal, workload, seed)
        server.absorbed(workload.messages, _WITHIN_S)
        time.sleep(1)
        pending = memory(pid)
        delivered = _deliver(server, where, url, workload.customers)
    return {"empty": empty, "idle_percent": idle, "pending": pending, "delivered": delivered}


def _deliver(server: Sidecar, where: Place, url: str, customers: int) -> dict[str, float]:
    with simulator(where, url):
        next(one for one in server.readings(_WITHIN_S) if one.customers("clean") == customers)
        return memory(server.process.pid)


def memory(pid: int) -> dict[str, float]:
    """MiB of a process: proc_pid_status(5), and proc_pid_smaps(5) where the kernel has it."""
    status = _fields(Path(f"/proc/{pid}/status"))
    found = {"rss": status["VmRSS"], "peak": status["VmHWM"]}
    rollup = Path(f"/proc/{pid}/smaps_rollup")
    if rollup.exists():
        shares = _fields(rollup)
        found["pss"] = shares["Pss"]
        found["private"] = shares["Private_Clean"] + shares["Private_Dirty"]
    return found


def _fields(file: Path) -> dict[str, float]:
    """The lines `name: number kB`, in MiB."""
    words = (line.split() for line in file.read_text().splitlines())
    return {w[0].rstrip(":"): int(w[1]) / 1024 for w in words if len(w) == 3 and w[2] == "kB"}


def idle_share(pid: int, seconds: float) -> float:
    """The processor time a process uses, in percent of one core."""
    before, started = cpu_ns(pid), time.perf_counter_ns()
    time.sleep(seconds)
    return (cpu_ns(pid) - before) / (time.perf_counter_ns() - started) * 100


def report(found: dict[str, Any]) -> str:
    """A table and what to know about it."""
    rounds, customers = found["rounds"], f"{found['customers']:,}"
    states = {
        "empty": f"empty, {found['settle_s']:.0f} s after the start",
        "pending": f"{customers} customers pending, SAP refuses connections",
        "delivered": f"the same {customers} delivered",
    }
    rows = [
        [text, *(_cell([one[state].get(column) for one in rounds]) for column in _COLUMNS)]
        for state, text in states.items()
    ]
    idle = spread([one["idle_percent"] for one in rounds]).text(2)
    head = ["MiB", "resident (RSS)", "shared pages by share (PSS)", "its own alone", "peak RSS"]
    points = [
        f"With nothing to do it uses {idle} % of a core, over {found['idle_s']:.0f} s.",
        "One process and one after the other: what the allocator kept counts in the later rows.",
        f"`forward.retry_cap_s` is {_RETRY_CAP_S:.0f} here, so that nobody waits for minutes.",
        "Its files, the journal in memory above all, are not part of these figures.",
    ]
    return f"## Memory of the sidecar\n\n{table(head, rows)}\n{bullets(points)}"


def _cell(values: list[float | None]) -> str:
    known = [value for value in values if value is not None]
    return spread(known).text(1) if known else "not known"
