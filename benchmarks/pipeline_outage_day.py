"""One day without SAP in a process of its own, so that its memory is that of the sidecar's parts.

`python -m benchmarks.pipeline_outage_day STORE CUSTOMERS LOGINS STEP_S RATE SEED` prints a JSON
document a line: one an hour, and at last one about the drain.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

import anyio

from benchmarks.measure import percentile
from benchmarks.pipeline_memory import memory
from benchmarks.pipeline_outage_sap import Sap, Time, logins, message
from frontdesk_sidecar.forward.fingerprint import Fingerprint
from frontdesk_sidecar.forward.forwarder import Forwarder
from frontdesk_sidecar.forward.gate import Permit
from frontdesk_sidecar.forward.pace import Pace
from frontdesk_sidecar.mapping import DEFAULT_MAPPING, compile_mapping
from frontdesk_sidecar.plan import Plan
from frontdesk_sidecar.store import Counts, Store
from frontdesk_sidecar.store.sqlite import SQLiteStore
from frontdesk_sidecar.store.writer import Writer
from frontdesk_sidecar.telemetry import Telemetry

HOURS: Final = 24
_HOUR_S: Final = 3600.0
_CLAIMS: Final = 200
CLAIM_OF: Final = 8
_POLL_S: Final = 0.2
_WITHIN_S: Final = 1200.0


class _UndoError(Exception):
    """Ends a piece of work without keeping it."""


@dataclass(frozen=True, slots=True)
class Day:
    """The sizes, as given on the command line."""

    store: Path
    customers: int
    logins: int
    step_s: float
    rate: float
    seed: int


class Outage:
    """The day: a real store, writer and forwarder, with a clock and a SAP of our own."""

    def __init__(self, day: Day, writer: Writer[Store]) -> None:
        self._day = day
        self._writer = writer
        self.time = Time()
        self.sap = Sap(day.customers, self.time.clock)
        self.forwarder = Forwarder(
            writer,
            self.sap,
            Plan(compile_mapping(DEFAULT_MAPPING)),
            Telemetry(self.time.clock),
            Pace(rate=day.rate),
            Fingerprint(b"k" * 32, "https://sap.example.com"),
            now=self.time.now,
            clock=self.time.clock,
        )
        self._started = time.perf_counter()

    async def pass_hour(self, hour: int, coming: Iterator[int]) -> dict[str, Any]:
        """An hour of logins; how things stand at its end."""
        each = self._day.logins / (HOURS * _HOUR_S)
        steps = round(_HOUR_S / self._day.step_s)
        for step in range(1, steps + 1):
            seconds = hour * _HOUR_S + step * self._day.step_s
            first = round((seconds - self._day.step_s) * each)
            who = list(islice(coming, round(seconds * each) - first))
            messages = [message(first + n, one, seconds) for n, one in enumerate(who)]
            self.time.move_to(seconds)
            if messages:
                await self._writer.run(Store.absorb, messages, {"day": first}, self.time.now())
            self.forwarder.wake()
            await self._quiet()
        return await self._standing() | {"hour": hour + 1}

    async def _quiet(self) -> None:
        """Wait until the forwarder has done what there is to do at this time."""
        forwarder = self.forwarder
        while True:
            if not forwarder.is_busy and not forwarder.ledger.finished:
                permit = forwarder.gate.permit(self.time.clock())
                if permit is Permit.NONE or (
                    permit is Permit.ALL
                    and not await self._writer.run(Store.is_due, self.time.now())
                ):
                    return
            await anyio.sleep(0.0005)

    async def _standing(self) -> dict[str, Any]:
        counts: Counts = await self._writer.run(Store.counts, self.time.now())
        customers = counts.pending + counts.leased + counts.dead + counts.clean
        claims = sorted([await self._claim_us() for _ in range(_CLAIMS)])
        return {
            "customers": customers,
            "bytes": counts.bytes,
            "file_bytes": self._day.store.stat().st_size,
            "bytes_each": counts.bytes / customers,
            "dead": counts.dead,
            "clean": counts.clean,
            "claim_p50_us": percentile(claims, 0.5),
            "claim_p99_us": percentile(claims, 0.99),
            "attempts": self.sap.attempts,
            "burned": await self._burned(),
            "seconds": time.perf_counter() - self._started,
            **memory(os.getpid()),
        }

    async def _claim_us(self) -> float:
        """How long one claim takes, without a commit."""
        claims, took_us = await self._undone_claim(CLAIM_OF, failed=False)
        assert claims == CLAIM_OF
        return took_us

    async def _burned(self) -> int:
        """Rows of which an attempt was counted."""
        return (await self._undone_claim(self._day.customers, failed=True))[0]

    async def _undone_claim(self, limit: int, *, failed: bool) -> tuple[int, float]:
        """A claim in a transaction that is undone, so that nobody's turn is changed."""
        found = []
        # Those that failed may wait for their time.
        now = self.time.now() + int(failed) * 10**10

        def work(store: Store) -> None:
            started = time.perf_counter_ns()
            claims = store.claim(limit, now, 10**6, failed=failed)
            found.append((len(claims), (time.perf_counter_ns() - started) / 1e3))
            raise _UndoError

        with suppress(_UndoError):
            await self._writer.run(work)
        return found[0]

    async def drain(self) -> dict[str, Any]:
        """SAP comes back just before the next try; on the real clock from then on."""
        gate, rate = self.forwarder.gate, self.forwarder.ledger.rate
        assert gate.shut is not None
        self.time.move_to(gate.shut.next_at)
        self.sap.is_up = True
        self.time.run()
        started, full_at, peak = self.time.clock(), None, 0.0
        self.forwarder.wake()
        with anyio.fail_after(_WITHIN_S):
            while True:
                counts: Counts = await self._writer.run(Store.counts, self.time.now())
                peak = max(peak, memory(os.getpid())["rss"])
                if full_at is None and gate.is_open and rate.current >= rate.limit:
                    full_at = self.time.clock()
                if counts.clean == self._day.customers:
                    break
                await anyio.sleep(_POLL_S)
        found = await self._after(counts, started)
        full_s = None if full_at is None else full_at - started
        return found | {"full_rate_s": full_s, "seconds": self.time.clock() - started, "rss": peak}

    async def _after(self, counts: Counts, started: float) -> dict[str, Any]:
        sap = self.sap
        return {
            "requests": len(sap.requests),
            "most_in_a_second": _most_within(sap.requests, 1.0),
            "shortest_s": _shortest(sap.requests, int(self._day.rate) + 1),
            "first_s": sap.requests[0] - started,
            "delivered": sum(1 for times in sap.taken if times),
            "twice": sum(1 for times in sap.taken if times > 1),
            "dead": counts.dead,
            "pending": counts.pending,
            "bytes": counts.bytes,
            "burned": await self._burned(),
        }


def _most_within(moments: list[float], seconds: float) -> int:
    """The most of these moments in any window of this length, its end not included."""
    most = first = 0
    for last, moment in enumerate(moments):
        while moment - moments[first] >= seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


def _shortest(moments: list[float], number: int) -> float | None:
    """The shortest time from the first to the last of so many moments in a row."""
    spans = [last - first for first, last in zip(moments, moments[number - 1 :], strict=False)]
    return min(spans, default=None)


async def _run(day: Day) -> None:
    with SQLiteStore.open(day.store, max_bytes=1 << 30) as store:
        async with Writer[Store](store) as writer, anyio.create_task_group() as tasks:
            outage = Outage(day, writer)
            tasks.start_soon(outage.forwarder.run)
            coming = logins(day.logins, day.customers, day.seed)
            for hour in range(HOURS):
                print(json.dumps(await outage.pass_hour(hour, coming)), flush=True)
            print(json.dumps(await outage.drain()), flush=True)
            outage.forwarder.stop()


if __name__ == "__main__":
    logging.getLogger("frontdesk.sidecar").setLevel(logging.CRITICAL)  # of the simulated hours
    path, customers_, logins_, step_s, rate_, seed_ = sys.argv[1:]
    anyio.run(
        _run,
        Day(Path(path), int(customers_), int(logins_), float(step_s), float(rate_), int(seed_)),
    )
