"""A forwarder at work against a target that answers as it is told, on a clock that is moved."""

# ruff: noqa: ASYNC110 - conditions are waited for

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import anyio

from frontdesk.event import Identify
from frontdesk_sidecar.forward.fingerprint import Fingerprint
from frontdesk_sidecar.forward.forwarder import Forwarder
from frontdesk_sidecar.forward.pace import Pace
from frontdesk_sidecar.mapping import DEFAULT_MAPPING, compile_mapping
from frontdesk_sidecar.plan import Plan
from frontdesk_sidecar.sap.outcome import Kind, Outcome
from frontdesk_sidecar.store import (
    Counts,
    Store,
)
from frontdesk_sidecar.store.sqlite import SQLiteStore
from frontdesk_sidecar.store.writer import Writer
from frontdesk_sidecar.telemetry import Telemetry

NOW = 1_795_176_000_000_000
SECOND = 1_000_000
#: Single posts, all at once; what is about batches and waits says so.
PACE = Pace(
    rate=100_000,
    concurrency=3,
    concurrency_min=3,
    batch_size=1,
    retry_base_s=2.0,
    retry_cap_s=60.0,
    reject_tries=1,
)
DELIVERED = Outcome(Kind.DELIVERED, "http.201")
TRANSIENT = Outcome(Kind.TRANSIENT, "http.502", "HTTP 502, text/html")
REJECTED = Outcome(Kind.REJECTED, "odata.invalid_attribute_value", "refused")
PLAN = Plan(compile_mapping(DEFAULT_MAPPING))
FINGERPRINT = Fingerprint(b"k" * 32, "https://sap.example.com")

Answer = Callable[[str], Awaitable[Outcome]]


class Target:
    """What customers are sent to. One customer is never under way twice."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.payloads: list[Mapping[str, object]] = []
        self.message_ids: list[str] = []
        self.batches: list[int] = []
        self.under_way: set[str] = set()
        self.most = 0

    async def upsert(
        self,
        payload: Mapping[str, object],
        *,
        message_id: Callable[[], str],
        traceparent: object = None,
    ) -> Outcome:
        """One attempt, answered by the script."""
        uid = str(payload["uid"])
        assert uid not in self.under_way
        self.under_way.add(uid)
        self.most = max(self.most, len(self.under_way))
        self.payloads.append(payload)
        self.message_ids.append(message_id())
        try:
            return await self._answer(uid)
        finally:
            self.under_way.remove(uid)

    async def upsert_many(
        self,
        payloads: Sequence[Mapping[str, object]],
        *,
        message_id: Callable[[int], str],
        traceparent: object = None,
        boundary: str,
    ) -> tuple[Outcome, ...] | Outcome:
        """A batch, each part answered by the script."""
        self.batches.append(len(payloads))
        return tuple(
            [
                await self.upsert(payload, message_id=lambda number=number: message_id(number))  # type: ignore[misc] # bound
                for number, payload in enumerate(payloads)
            ]
        )

    def rest_is(self, outcome: Outcome) -> None:
        """From now on everybody gets this answer."""

        async def answer(uid: str) -> Outcome:
            return outcome

        self._answer = answer

    def uids(self) -> list[object]:
        """Who was sent, in order."""
        return [payload["uid"] for payload in self.payloads]


async def none(uid: str) -> Outcome:
    """No answer at all."""
    raise AssertionError(uid)


def always(outcome: Outcome) -> Target:
    """A target with one answer."""

    async def answer(uid: str) -> Outcome:
        return outcome

    return Target(answer)


def in_turn(*outcomes: Outcome) -> Target:
    """A target with one answer after the other."""
    rest = list(outcomes)

    async def answer(uid: str) -> Outcome:
        return rest.pop(0)

    return Target(answer)


class Slow(Target):
    """A target that answers when it is told to."""

    def __init__(self, outcome: Outcome = DELIVERED) -> None:
        self._outcome = outcome
        self._go = anyio.Event()
        super().__init__(self._wait)

    async def _wait(self, uid: str) -> Outcome:
        await self._go.wait()
        return self._outcome

    def go(self) -> None:
        """Answer whoever waits, and make the next ones wait again."""
        self._go.set()
        self._go = anyio.Event()

    def open(self) -> None:
        """Answer everybody from now on."""
        self._go.set()


class Bench:
    """One forwarder at work; `now` is its clock in microseconds."""

    def __init__(self, writer: Writer[Store]) -> None:
        self.now = NOW
        self.offset_s = 0.0
        self.writer = writer
        self.telemetry = Telemetry()
        self.forwarder: Forwarder

    async def absorb(self, *names: str, at: int = 0, **traits: object) -> None:
        """These customers logged in, and the forwarder is told."""
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=NOW - SECOND + at)
        messages = [
            Identify(f"{name}-{at}", moment, name, {"email": f"{name}@example.com"} | traits)
            for name in names
        ]
        await self.writer.run(lambda store: store.absorb(messages, {}, self.now))
        self.forwarder.wake()

    async def counts(self) -> Counts:
        """How the rows stand at this moment of the clock."""
        return await self.writer.run(lambda store: store.counts(self.now))

    async def until_counts(self, **wanted: int) -> Counts:
        """Wait until the rows stand so."""
        with anyio.fail_after(10):
            while True:
                counts = await self.counts()
                if all(getattr(counts, name) == value for name, value in wanted.items()):
                    return counts
                await anyio.sleep(0.002)

    async def wait_of_the_only_one(self) -> float:
        """Seconds until the one customer that waits is due."""
        for wait_s in range(1, 1000):
            now = self.now + wait_s * SECOND
            if await self.writer.run(lambda store, now=now: store.counts(now).due):  # type: ignore[misc] # bound
                return wait_s
        raise AssertionError("never due")

    def clock(self) -> float:
        """The monotonic clock, which moves on with the other one."""
        return time.monotonic() + self.offset_s

    def pass_time(self, seconds: float) -> None:
        """Move the clocks on and wake the forwarder."""
        self.now += int(seconds * SECOND)
        self.offset_s += seconds
        self.forwarder.wake()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition; TimeoutError when it does not come."""
    with anyio.fail_after(10):
        while not condition():
            await anyio.sleep(0.002)


@asynccontextmanager
async def running(
    store: SQLiteStore,
    target: Target,
    *,
    pace: Pace = PACE,
    plan: Plan = PLAN,
    chance: float = 0.5,
    note: object = None,
) -> AsyncIterator[Bench]:
    """A forwarder that runs until the block is left."""
    async with Writer[Store](store) as writer:
        bench = Bench(writer)
        bench.forwarder = Forwarder(
            writer,
            target,
            plan,
            bench.telemetry,
            pace,
            FINGERPRINT,
            now=lambda: bench.now,
            clock=bench.clock,
            chance=lambda: chance,
        )
        bench.forwarder.restore(note)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(bench.forwarder.run)
            yield bench
            tasks.cancel_scope.cancel()
