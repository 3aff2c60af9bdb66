"""Messages per second from the journal to the committed store."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.measure import settle_memory, spread
from benchmarks.pipeline_journal import fill
from benchmarks.pipeline_parts import Reading, Sidecar, sidecar, silent_sap, unused_address
from benchmarks.pipeline_places import MEMORY, Place, file_system, place
from benchmarks.pipeline_types import Plan, Workload
from benchmarks.table import bullets, table
from frontdesk_sidecar.demo.stack import StackError
from frontdesk_sidecar.journal.tail import Tail
from frontdesk_sidecar.store.sqlite import SQLiteStore

_WITHIN_S: Final = 300.0
_STATES: Final = ("pending", "leased", "dead", "clean")


@dataclass(frozen=True, slots=True)
class Setup:
    """How a workload is absorbed: by a process or by a loop here, beside which SAP."""

    name: str
    process: bool
    memory: bool = False
    refused: bool = False


SETUPS: Final = (
    Setup("`frontdesk run`, SAP refuses connections", process=True, refused=True),
    Setup("`frontdesk run`, SAP never answers", process=True),
    Setup("`frontdesk run`, SAP never answers", process=True, memory=True),
    Setup("reader and store in a loop", process=False),
)


def workloads(messages: int) -> tuple[Workload, ...]:
    """The same number of messages, spread in three ways."""
    return (
        Workload("4 logins of each customer", messages, messages // 4),
        Workload("every customer new", messages, messages),
        Workload("100 logins of each customer", messages, messages // 100),
    )


_NOTES: Final = (
    (
        "The messages lie in the journal when the reader starts: its batches are always full, "
        "which favours it."
    ),
    "Every batch is one transaction with an fsync; on tmpfs that costs nothing.",
    (
        "Of `frontdesk run` the time is from the first commit to the last as its metrics show "
        "them, asked for every 0.1 s: asking costs it a little, and the end is seen up to "
        "0.1 s late."
    ),
    (
        "Where SAP refuses connections, the forwarder tries customers all the while, on the same "
        "cores; where SAP never answers, four attempts wait."
    ),
)


def run(plan: Plan) -> dict[str, Any]:
    """Every workload in every set-up, the rounds one after the other."""
    rows = [
        {"workload": workload.name, "setup": setup.name, "file_system": "", "rounds": []}
        for workload in workloads(plan.messages)
        for setup in SETUPS
    ]
    for number in range(plan.rounds):
        cases = ((load, setup) for load in workloads(plan.messages) for setup in SETUPS)
        for row, (workload, setup) in zip(rows, cases, strict=True):
            directory = MEMORY if setup.memory else plan.disk
            row["file_system"] = file_system(directory)
            rounds = row["rounds"]
            assert isinstance(rounds, list)
            rounds.append(_measure(workload, setup, directory, plan.seed + number))
    return {"messages": plan.messages, "rows": rows}


def _measure(workload: Workload, setup: Setup, directory: Path, seed: int) -> dict[str, float]:
    with place(directory) as where:
        size = fill(where.journal, workload, seed)
        found = _drain(workload, setup, where) if setup.process else _loop(workload, where)
    return found | {"journal_bytes": size}


def _drain(workload: Workload, setup: Setup, where: Place) -> dict[str, float]:
    """A real sidecar finds the journal full when it starts."""
    with ExitStack() as stack:
        sap, listener = stack.enter_context(silent_sap())
        if setup.refused:
            sap = unused_address()
        server = stack.enter_context(sidecar(where, sap))
        first, last = _window(server, workload)
        listener.close()
    taken = last.total("frontdesk_messages_total") - first.total("frontdesk_messages_total")
    seconds = last.at - first.at
    return {
        "per_s": taken / seconds if seconds else float("nan"),
        "seconds": seconds,
        "taken": taken,
        "attempts": last.total("frontdesk_deliveries_total"),
    }


def _window(server: Sidecar, workload: Workload) -> tuple[Reading, Reading]:
    """The metrics after the first commit that was seen, and when the last message was in."""
    first = server.absorbed(1, _WITHIN_S)
    last = server.absorbed(workload.messages, _WITHIN_S)
    customers = sum(last.customers(state) for state in _STATES)
    if customers != workload.customers:
        raise StackError(f"{customers} customers in the store, not {workload.customers}")
    return first, last


def _loop(workload: Workload, where: Place) -> dict[str, float]:
    """Reading and committing, and nothing else, in this process."""
    settle_memory()
    tail = Tail(where.journal, {})
    taken = 0
    with SQLiteStore.open(where.store) as store:
        started = time.perf_counter()
        while tail.look(afresh=True):
            batch = tail.read()
            store.absorb(batch.messages, batch.offsets, time.time_ns() // 1000)
            taken += len(batch.messages)
        seconds = time.perf_counter() - started
    if taken != workload.messages:
        raise StackError(f"{taken} messages read, not {workload.messages}")
    return {"per_s": taken / seconds, "seconds": seconds, "taken": taken, "attempts": 0}


def report(found: dict[str, Any]) -> str:
    """A table and what to know about it."""
    rows = []
    for row in found["rows"]:
        rounds = row["rounds"]
        attempts = spread([one["attempts"] for one in rounds]).text(0)
        speed = spread([one["per_s"] for one in rounds]).text(0)
        seconds = spread([one["seconds"] for one in rounds]).text(1)
        cells = [row["workload"], row["setup"], row["file_system"], speed, seconds, attempts]
        rows.append(cells)
    head = ["messages", "read by", "store on", "messages/s", "seconds", "attempts at SAP meanwhile"]
    size = found["rows"][0]["rounds"][0]["journal_bytes"] / found["messages"]
    points = [f"{found['messages']:,} messages of {size:.0f} bytes, in a random order", *_NOTES]
    return f"## From the journal to the store\n\n{table(head, rows)}\n{bullets(points)}"
