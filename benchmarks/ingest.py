"""The Segment door: requests and messages a second that are on disk, alone and in batches.

    python -m benchmarks.ingest [--seconds 5] [--rounds 3] [--store DIRECTORY] [--json FILE]

A real sidecar (`frontdesk run`) with its store on a real disk, and no SAP. The load is 127.0.0.1's,
made by one process of ours; every 200 stands for messages that were committed with fsync before.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Final

import uvloop

from benchmarks.client import Connection
from benchmarks.ingest_sidecar import KEY, Door, door
from benchmarks.measure import machine, percentile
from benchmarks.pipeline_places import file_system
from benchmarks.table import bullets, table

CUSTOMERS: Final = 50_000
_HEAD: Final = (
    "POST /v1/{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n"
    "Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
)


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of load: so many messages a request, on so many connections."""

    name: str
    path: str
    batch: int
    connections: int


CASES: Final = (
    Case("nothing to keep: `page`, 32 connections", "page", 1, 32),
    Case("one message a request, 1 connection", "identify", 1, 1),
    Case("one message a request, 32 connections", "identify", 1, 32),
    Case("one message a request, 256 connections", "identify", 1, 256),
    Case("batches of 20, 8 connections", "batch", 20, 8),
    Case("batches of 100, 8 connections", "batch", 100, 8),
    Case("lines (`/v1/import`), 5,000 a request, 2 connections", "import", 5_000, 2),
)


@dataclass(frozen=True, slots=True)
class Figures:
    """What one round of a case found; latencies in milliseconds."""

    requests_s: float
    messages_s: float
    commits_s: float
    p50: float
    p99: float
    cpu_us: float
    peak_mb: float
    errors: int


def message(number: int) -> str:
    """One identify message, as SDKs make it: some 350 bytes."""
    customer = number % CUSTOMERS
    return json.dumps(
        {
            "type": "identify",
            "messageId": f"ajs-next-{number:032d}",
            "userId": f"user-{customer}",
            "traits": {
                "email": f"customer{customer}@example.com",
                "firstName": "Jane",
                "lastName": f"Doe {number}",
                "plan": "gold",
            },
            "context": {"library": {"name": "analytics-python", "version": "2.4.0"}},
            "integrations": {},
        }
    )


def request(case: Case, first: int) -> bytes:
    """One request, whose messages begin with that number."""
    parts = [message(number) for number in range(first, first + case.batch)]
    body = f'{{"batch":[{",".join(parts)}]}}' if case.path == "batch" else "\n".join(parts)
    head = _HEAD.format(path=case.path, key=KEY, length=len(body))
    if case.path == "import":
        head = head.replace("application/json", "application/x-ndjson")
    return (head + body).encode()


async def load(case: Case, port: int, seconds: float, requests: Sequence[bytes]) -> list[float]:
    """Send one after the other on each connection; latencies in seconds, -1 for an error."""
    loop = asyncio.get_running_loop()
    took: list[float] = []
    end = perf_counter() + seconds

    async def drive(number: int) -> None:
        _, connection = await loop.create_connection(Connection, "127.0.0.1", port)
        at = number
        while (began := perf_counter()) < end:
            status = await connection.ask(requests[at % len(requests)])
            took.append(perf_counter() - began if status == 200 else -1.0)
            at += case.connections
        connection.close()

    async with asyncio.timeout(seconds + 60):
        await asyncio.gather(*(drive(number) for number in range(case.connections)))
    return took


def measure(case: Case, where: Path, seconds: float) -> Figures:
    """One round, with a sidecar and a store of its own."""
    number = max(64, min(10_000, 100_000 // case.batch))
    requests = [request(case, at * case.batch) for at in range(number)]
    with door(where) as sidecar, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(load(case, sidecar.port, 0.5, requests))  # everything is loaded
        before, cpu, began = sidecar.commits(), sidecar.cpu_us(), perf_counter()
        took = runner.run(load(case, sidecar.port, seconds, requests))
        length = perf_counter() - began
        return _figures(case, took, length, sidecar.commits() - before, sidecar, cpu)


def _figures(
    case: Case, took: list[float], length: float, commits: float, sidecar: Door, cpu_before: float
) -> Figures:
    good = sorted(one for one in took if one >= 0) or [0.0]
    messages = len(good) * case.batch
    return Figures(
        requests_s=len(good) / length,
        messages_s=messages / length,
        commits_s=commits / length,
        p50=percentile(good, 0.5) * 1e3,
        p99=percentile(good, 0.99) * 1e3,
        cpu_us=(sidecar.cpu_us() - cpu_before) / messages,
        peak_mb=sidecar.peak_mb(),
        errors=len(took) - len([one for one in took if one >= 0]),
    )


_COLUMNS: Final = ("requests/s", "messages/s", "commits/s", "p50 ms", "p99 ms")
_HEADINGS: Final = ("", *_COLUMNS, "CPU µs a message", "peak MB", "errors")


def row(case: Case, rounds: Sequence[Figures]) -> list[str]:
    """The medians of a case's rounds."""
    middle = {
        name: median(asdict(one)[name] for one in rounds) for name in Figures.__dataclass_fields__
    }
    whole = ("requests_s", "messages_s", "commits_s")
    rest = ("p50", "p99", "cpu_us")
    return [
        case.name,
        *(f"{middle[name]:,.0f}" for name in whole),
        *(f"{middle[name]:,.1f}" for name in rest),
        f"{middle['peak_mb']:,.0f}",
        f"{middle['errors']:,.0f}",
    ]


def main() -> None:
    """Measure and print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=5.0, help="length of a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--store", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--json", type=Path, help="keep every round's figures in this file")
    arguments = parser.parse_args()
    print(bullets([f"{name}: {value}" for name, value in machine().items()]))
    kind = file_system(arguments.store)
    print(f"Store on {kind}; medians of {arguments.rounds} rounds of {arguments.seconds:g} s.\n")
    found = {}
    for case in CASES:
        found[case.name] = [
            measure(case, arguments.store, arguments.seconds) for _ in range(arguments.rounds)
        ]
    print(table(_HEADINGS, [row(case, found[case.name]) for case in CASES]))
    if arguments.json:
        kept = {name: [asdict(one) for one in rounds] for name, rounds in found.items()}
        arguments.json.write_text(json.dumps(kept, indent=1) + os.linesep)


if __name__ == "__main__":
    main()
