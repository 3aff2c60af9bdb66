"""Beside the work: tidying the store, and looking whether there is progress."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import anyio
import pytest

from frontdesk.event import Identify
from frontdesk_sidecar.forward.fingerprint import Fingerprint
from frontdesk_sidecar.forward.forwarder import Forwarder
from frontdesk_sidecar.forward.gate import Why
from frontdesk_sidecar.forward.pace import Pace
from frontdesk_sidecar.mapping import compile_mapping
from frontdesk_sidecar.plan import Plan
from frontdesk_sidecar.sap.outcome import Kind, Outcome
from frontdesk_sidecar.settings import Keeping
from frontdesk_sidecar.store import Dead, Delivered, Retry, Store, Which
from frontdesk_sidecar.store.sqlite import SQLiteStore
from frontdesk_sidecar.store.writer import Writer
from frontdesk_sidecar.telemetry import Telemetry
from frontdesk_sidecar.upkeep import Lookout, Tidying

SECOND = 1_000_000
DAY_S = 86_400.0
KEEPING = Keeping(Path("unused"), 2**30, 2**20, DAY_S, 10, 10 * DAY_S)


class Nobody:
    """A target that is never asked."""

    async def upsert(
        self, payload: object, *, message_id: object, traceparent: object = None
    ) -> Outcome:
        """Not called."""
        raise AssertionError

    async def upsert_many(
        self, payloads: object, *, message_id: object, traceparent: object = None, boundary: object
    ) -> Outcome:
        """Not called."""
        raise AssertionError


@dataclass
class Place:
    """A store with its writer, and a forwarder that does not run."""

    writer: Writer[Store]
    telemetry: Telemetry
    forwarder: Forwarder
    clock_s: float = 1000.0

    async def absorb(self, *names: str) -> None:
        """They logged in now."""
        messages = [
            Identify(name, datetime.now(UTC), name, {"email": f"{name}@example.com"})
            for name in names
        ]
        await self.writer.run(lambda store: store.absorb(messages, {}, now_us()))


def now_us() -> int:
    """Microseconds since the epoch."""
    return time.time_ns() // 1000


@asynccontextmanager
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    """An empty one."""
    with SQLiteStore.open(tmp_path / "store.db") as store:
        async with Writer[Store](store) as writer:
            telemetry = Telemetry()
            plan = Plan(compile_mapping({"uid": "email"}))
            built = Place(writer, telemetry, None)  # type: ignore[arg-type] # set in the next line
            built.forwarder = Forwarder(
                writer,
                Nobody(),
                plan,
                telemetry,
                Pace(),
                Fingerprint(b"k", "t"),
                clock=lambda: built.clock_s,
            )
            yield built


async def settled(store: Writer[Store], age_s: float, *, dead: bool) -> None:
    """Settle all that is due as if it were so long ago."""
    then = now_us() - int(age_s * SECOND)

    def work(store: Store) -> None:
        for claim in store.claim(1000, now_us(), SECOND):
            store.settle([Dead(claim, "400", "") if dead else Delivered(claim)], then)

    await store.run(work)


async def test_dead_letters_have_an_age_and_a_number(tmp_path: Path) -> None:
    """The oldest leave first, and it is counted; what is not dead is not touched."""
    async with place(tmp_path) as here:
        await here.absorb("ancient")
        await settled(here.writer, 11 * DAY_S, dead=True)
        for number in range(12):
            await here.absorb(f"old{number:02d}")
            await settled(here.writer, (9 - number / 2) * DAY_S, dead=True)
        await here.absorb("waiting")

        await Tidying(KEEPING, here.writer, here.telemetry).tidy()
        letters = await here.writer.run(lambda store: store.dead(Which(), 100))
        names = [letter.key.partition("@")[0] for letter in letters]
        assert names == [f"old{number:02d}" for number in range(11, 1, -1)]
        value = here.telemetry.registry.get_sample_value("frontdesk_dead_discarded_total")
        assert value == 3
        assert (await here.writer.run(lambda store: store.counts(now_us()))).pending == 1


async def test_values_of_settled_customers_are_erased_in_time(tmp_path: Path) -> None:
    """Not before."""
    async with place(tmp_path) as here:
        await here.absorb("old")
        await settled(here.writer, 2 * DAY_S, dead=False)
        await here.absorb("new")
        await settled(here.writer, 0, dead=False)

        keeping = replace(KEEPING, retention_s=DAY_S)
        await Tidying(keeping, here.writer, here.telemetry).tidy()
        left = await here.writer.run(lambda store: store.scrub(now_us() + SECOND))
        assert left == 1


async def test_a_clock_that_leaps_ages_nothing_until_it_is_steady(tmp_path: Path) -> None:
    """A month ahead: nothing is erased for an hour, for somebody may set it right."""
    async with place(tmp_path) as here:
        started, passed_s, leapt_s = time.time(), 0.0, 0.0
        tidying = Tidying(
            KEEPING,
            here.writer,
            here.telemetry,
            clock=lambda: 1000.0 + passed_s,
            wall=lambda: started + passed_s + leapt_s,
        )

        async def tidied() -> list[str]:
            """The dead letters that are left."""
            await tidying.tidy()
            letters = await here.writer.run(lambda store: store.dead(Which(), 100))
            return [letter.key.partition("@")[0] for letter in letters]

        await here.absorb("dead")
        await settled(here.writer, 0, dead=True)
        await here.absorb("clean")
        await settled(here.writer, 0, dead=False)
        leapt_s = 30 * DAY_S
        assert await tidied() == ["dead"]
        passed_s = 3540.0
        assert await tidied() == ["dead"]
        leapt_s = 0.0
        assert await tidied() == ["dead"]
        # Set right: ages are what they were. Set ahead once more, and left so:
        leapt_s = 30 * DAY_S
        assert await tidied() == ["dead"]
        passed_s += 3599.0
        assert await tidied() == ["dead"]
        passed_s += 2.0
        assert await tidied() == []
        assert await here.writer.run(lambda store: store.scrub(2**62)) == 0  # it was done


async def test_while_the_clock_is_not_steady_the_number_still_counts(tmp_path: Path) -> None:
    """It needs no clock; what goes by age is not touched."""
    async with place(tmp_path) as here:
        await here.absorb("clean")
        await settled(here.writer, 2 * DAY_S, dead=False)
        await here.absorb(*(f"dead{number}" for number in range(12)))
        await settled(here.writer, 0, dead=True)
        times = iter([0.0, 1e6])
        tidying = Tidying(
            KEEPING, here.writer, here.telemetry, clock=lambda: 0.0, wall=lambda: next(times)
        )
        await tidying.tidy()
        assert (await here.writer.run(lambda store: store.counts(now_us()))).dead == 10
        assert await here.writer.run(lambda store: store.scrub(now_us())) == 1


async def test_due_customers_and_no_progress_are_noticed(tmp_path: Path) -> None:
    """Only when the gate is open; work that waits for SAP is no reason for a new start."""
    async with place(tmp_path) as here:
        clock = lambda: here.clock_s  # noqa: E731 - short
        lookout = Lookout(here.writer, here.forwarder, secret_file=None, stuck_s=60, clock=clock)
        await here.absorb("ann")
        for _ in range(12):
            await lookout.look()
            here.clock_s += 5
        reason = lookout.stuck()
        assert reason is not None
        assert "none was finished" in reason
        gate = here.forwarder.gate
        gate.heed(Outcome(Kind.SETUP, "http.403"), "ann", here.clock_s)
        await lookout.look()
        assert lookout.stuck() is None
        gate.reopen()
        await lookout.look()
        assert lookout.stuck() is None


async def test_an_idle_sidecar_is_not_stuck(tmp_path: Path) -> None:
    """Nothing is due: nothing has to be finished."""
    async with place(tmp_path) as here:
        clock = lambda: here.clock_s  # noqa: E731 - short
        lookout = Lookout(here.writer, here.forwarder, secret_file=None, stuck_s=60, clock=clock)
        for _ in range(30):
            await lookout.look()
            here.clock_s += 5
        assert lookout.stuck() is None


async def test_who_was_stopped_for_long_begins_anew(tmp_path: Path) -> None:
    """A machine that slept is not a sidecar that hangs."""
    async with place(tmp_path) as here:
        clock = lambda: here.clock_s  # noqa: E731 - short
        lookout = Lookout(here.writer, here.forwarder, secret_file=None, stuck_s=60, clock=clock)
        await here.absorb("ann")
        await lookout.look()
        here.clock_s += 3600
        await lookout.look()
        assert lookout.stuck() is None


async def test_a_store_that_does_not_answer_is_noticed(tmp_path: Path) -> None:
    """Such as when a disk hangs in the middle of a sync."""
    async with place(tmp_path) as here:
        clock = lambda: here.clock_s  # noqa: E731 - short
        lookout = Lookout(here.writer, here.forwarder, secret_file=None, stuck_s=60, clock=clock)
        blocked, release = anyio.Event(), anyio.Event()

        async def hang(*_: object) -> bool:
            blocked.set()
            await release.wait()
            return False

        here.writer.run = hang  # type: ignore[assignment,method-assign] # a disk that hangs
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lookout.look)
            await blocked.wait()
            assert lookout.stuck() is None
            here.clock_s += 61
            assert lookout.stuck() == "the store has not answered for 61 s"
            release.set()
        assert lookout.stuck() is None


@pytest.mark.parametrize("how", ["written", "replaced", "made"])
async def test_a_changed_secret_is_tried_at_once(tmp_path: Path, how: str) -> None:
    """It may be what was missing; an unchanged one is not."""
    secret = tmp_path / "secret"
    if how != "made":
        secret.write_text("old")
    async with place(tmp_path) as here:
        clock = lambda: here.clock_s  # noqa: E731 - short
        lookout = Lookout(here.writer, here.forwarder, secret_file=secret, stuck_s=60, clock=clock)
        gate = here.forwarder.gate
        gate.heed(Outcome(Kind.SETUP, "token.invalid_client"), "ann", here.clock_s)
        await lookout.look()
        assert gate.shut is not None
        assert gate.shut.why is Why.SETUP
        assert gate.shut.next_at > here.clock_s
        if how == "replaced":
            (tmp_path / "new").write_text("new")
            (tmp_path / "new").replace(secret)
        else:
            secret.write_text("another")
        await lookout.look()
        assert gate.shut.next_at <= here.clock_s


async def test_a_clock_that_was_set_back_makes_nobody_wait(tmp_path: Path) -> None:
    """Until it is there again; a clock that is adjusted a little changes nothing."""
    async with place(tmp_path) as here:
        wall = now_us() + SECOND
        clock = lambda: here.clock_s  # noqa: E731 - short
        lookout = Lookout(
            here.writer,
            here.forwarder,
            secret_file=None,
            stuck_s=60,
            longest_s=300,
            clock=clock,
            wall=lambda: wall,
        )
        await here.absorb("ann")

        def fail(store: Store) -> None:
            [claim] = store.claim(1, wall, SECOND)
            store.settle([Retry(claim, wall + 200 * SECOND, "http.503", "")], wall)

        await here.writer.run(fail)
        wall -= SECOND
        await lookout.look()
        assert not await here.writer.run(Store.is_due, wall + 200 * SECOND)
        wall -= 3600 * SECOND
        await lookout.look()
        assert await here.writer.run(Store.is_due, wall + 300 * SECOND)
