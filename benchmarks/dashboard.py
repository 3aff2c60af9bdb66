"""The sidecar and its dashboard: how soon it is ready, and what it uses while somebody looks.

    python -m benchmarks.dashboard [--seconds 30] [--rounds 3] [--rate 100]

A real sidecar before a simulated SAP, each a process; this process writes the journal as a web
process would, distinct customers at a steady rate, and looks at the page's stream, or not. The
first row is without logins: it tells what the machine takes for waking somebody who has nothing to
do. The sources are compiled before, as pip does.
"""

from __future__ import annotations

import argparse
import compileall
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Final

import httpx

import frontdesk
import frontdesk_sidecar
from benchmarks.measure import cpu_ns, machine
from benchmarks.table import bullets, table
from frontdesk.event import LOGGED_IN, Identify
from frontdesk.journal import Journal
from frontdesk_sidecar.demo.stack import Stack

#: Before anything is measured: SAP's limit is found, everything is loaded.
_WARM_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Use:
    """What a sidecar used: share of one core, resident memory, and what a viewer received."""

    cpu_share: float
    resident_mib: float
    delivered: int
    bytes_s: float


def start_up(stack: Stack) -> float:
    """Seconds from the command to `readyz`."""
    began = time.perf_counter()
    stack.start_sidecar()
    return time.perf_counter() - began


@contextmanager
def logins(stack: Stack, rate: float) -> Iterator[None]:
    """So many a second, each of somebody new, until the block ends."""
    done = threading.Event()

    def work() -> None:
        journal, began, number = Journal(stack.journal), time.perf_counter(), 0
        while not done.wait(max(0.0, began + number / rate - time.perf_counter())):
            number += 1
            traits = {"email": f"c{number}.{id(done)}@example.com", "name": f"Shopper {number}"}
            known = Identify(f"m{number}", datetime.now(UTC), f"u{number}", traits, LOGGED_IN)
            journal.append(known.encode())
        journal.close()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


@contextmanager
def looking(stack: Stack, viewers: int) -> Iterator[list[int]]:
    """So many at the stream; gives the sizes of what they receive."""
    received: list[int] = []
    done = threading.Event()

    def look() -> None:
        url = f"{stack.sidecar_url}/dashboard/events"
        with httpx.stream("GET", url, trust_env=False, timeout=30) as answer:
            for chunk in answer.iter_bytes():
                received.append(len(chunk))
                if done.is_set():
                    return

    threads = [threading.Thread(target=look) for _ in range(viewers)]
    for thread in threads:
        thread.start()
    try:
        yield received
    finally:
        done.set()
        for thread in threads:
            thread.join()


def measure(stack: Stack, viewers: int, seconds: float) -> Use:
    """One round."""
    pid = stack.parts["sidecar"].pid
    with looking(stack, viewers) as received:
        settled, cpu, began = _settled(stack), cpu_ns(pid), time.perf_counter()
        size = sum(received)
        time.sleep(seconds)
        took = time.perf_counter() - began
        return Use(
            cpu_share=(cpu_ns(pid) - cpu) / 1e9 / took,
            resident_mib=_resident_mib(pid),
            delivered=round((_settled(stack) - settled) / took),
            bytes_s=(sum(received) - size) / took / max(1, viewers),
        )


def _settled(stack: Stack) -> int:
    told = httpx.get(f"{stack.sidecar_url}/status", trust_env=False, timeout=30).json()
    return int(told["customers"]["clean"])


def _resident_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def main() -> None:
    """Measure and print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=30.0, help="length of a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rate", type=float, default=100.0, help="logins a second")
    arguments = parser.parse_args()
    print(bullets([f"{name}: {value}" for name, value in machine().items()]))
    for package in (frontdesk, frontdesk_sidecar):
        compileall.compile_dir(package.__path__[0], quiet=1)
    stack = Stack(log_level="error")
    try:
        stack.start_sap()
        starts = [start_up(stack)]
        for _ in range(max(0, arguments.rounds - 1)):
            stack.parts["sidecar"].stop()
            starts.append(start_up(stack))
        print(f"Ready after {median(starts):.2f} s, at most {max(starts):.2f} s.\n")
        print(_rounds(stack, arguments.rate, arguments.seconds, arguments.rounds))
    finally:
        stack.close()


def _rounds(stack: Stack, rate: float, seconds: float, rounds: int) -> str:
    """Nobody, one, and four who look, in turn."""
    found: dict[int, list[Use]] = {0: [], 1: [], 4: []}
    time.sleep(2.0)
    idle = measure(stack, 0, seconds)
    with logins(stack, rate):
        time.sleep(_WARM_S)
        for _ in range(rounds):
            for viewers, uses in found.items():
                uses.append(measure(stack, viewers, seconds))
    rows = [
        ["0, no logins", f"{idle.resident_mib:.0f} MiB", f"{idle.cpu_share:.1%}", "0", ""],
        *(
            [
                str(viewers),
                f"{median(one.resident_mib for one in uses):.0f} MiB",
                f"{median(one.cpu_share for one in uses):.1%}",
                f"{median(one.delivered for one in uses):.0f}",
                f"{median(one.bytes_s for one in uses) / 1000:.0f} kB/s" if viewers else "",
            ]
            for viewers, uses in found.items()
        ),
    ]
    return table(("looking", "memory", "CPU, of one core", "settled/s", "received by each"), rows)


if __name__ == "__main__":
    main()
