"""Several targets at work beside one another, over one store."""

# ruff: noqa: ASYNC110 - conditions are waited for, with a deadline

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import anyio
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.event import EVENTS, Identify
from frontdesk_sidecar.forward.fingerprint import Fingerprint
from frontdesk_sidecar.forward.forwarder import Forwarder
from frontdesk_sidecar.forward.ingress import Ingress
from frontdesk_sidecar.forward.pace import Pace
from frontdesk_sidecar.journal.tail import Tail
from frontdesk_sidecar.lanes import Lane, assignment
from frontdesk_sidecar.live import Live
from frontdesk_sidecar.mapping import compile_mapping
from frontdesk_sidecar.plan import Plan
from frontdesk_sidecar.sap.outcome import Kind, Outcome
from frontdesk_sidecar.settings import Keeping, Settings, Target, load
from frontdesk_sidecar.settings_types import DEFAULT_TARGET as DEFAULT_OF_SETTINGS
from frontdesk_sidecar.store import DEFAULT_TARGET, Counts, Dead, Store, Which
from frontdesk_sidecar.store.sqlite import SQLiteStore
from frontdesk_sidecar.store.writer import Writer
from frontdesk_sidecar.telemetry import Telemetry
from frontdesk_sidecar.upkeep import Lookout, Tidying

SECOND = 1_000_000
NAMES = ("b2b", DEFAULT_TARGET)
DELIVERED = Outcome(Kind.DELIVERED, "http.201")
REFUSED = Outcome(Kind.SETUP, "http.403", "HTTP 403", "give it rights")
PLAN = Plan(compile_mapping({"uid": "email"}))


def login(name: str, site: str = "toys", event: str = "Logged In") -> Identify:
    """A login at a site."""
    traits = {"email": f"{name}@example.com"}
    return Identify(name, datetime.now(UTC), name, traits, event, site=site)


def by_site(message: Identify) -> str:
    """Business logins and the others."""
    return "b2b" if message.site == "b2b" else DEFAULT_TARGET


def now_us() -> int:
    """Microseconds since the epoch."""
    return time.time_ns() // 1000


@dataclass
class Sap:
    """Answers everybody the same, and knows whom it took and when."""

    outcome: Outcome = DELIVERED
    took: list[tuple[str, float]] = field(default_factory=list)

    async def upsert(
        self, payload: Mapping[str, object], *, message_id: object, traceparent: object = None
    ) -> Outcome:
        """One customer."""
        if self.outcome.kind is Kind.DELIVERED:
            self.took.append((str(payload["uid"]).partition("@")[0], time.monotonic()))
        return self.outcome

    async def upsert_many(
        self,
        payloads: Sequence[Mapping[str, object]],
        *,
        message_id: object,
        traceparent: object = None,
        boundary: object,
    ) -> tuple[Outcome, ...]:
        """Several."""
        return tuple([await self.upsert(one, message_id=None) for one in payloads])


@dataclass
class Town:
    """Two targets at one host."""

    live: Live
    lanes: dict[str, Lane]
    saps: dict[str, Sap]
    writer: Writer[Store]
    telemetry: Telemetry

    async def absorb(self, *messages: Identify) -> None:
        """They logged in."""
        await self.writer.run(lambda store: store.absorb(messages, {}, now_us(), by_site))
        self.live.wake()

    async def counts(self) -> dict[str, Counts]:
        """How many, by target."""
        return await self.writer.run(Store.counts_by_target, now_us())

    async def until(self, target: str, **wanted: int) -> None:
        """Wait until a target's customers stand so."""
        with anyio.fail_after(10):
            while True:
                found = (await self.counts()).get(target)
                if found and all(getattr(found, name) == n for name, n in wanted.items()):
                    return
                await anyio.sleep(0.002)


@asynccontextmanager
async def town(place: Path, pace: Pace) -> AsyncIterator[Town]:
    """One that runs until the block is left."""
    settings = settings_in(place)
    with SQLiteStore.open(settings.store_path) as store:
        async with Writer[Store](store) as writer:
            telemetry, saps = Telemetry(targets=NAMES), {name: Sap() for name in NAMES}
            ingress, lanes = Ingress(pace.rate, time.monotonic()), {}
            for target in settings.targets:
                forwarder = Forwarder(
                    *(writer, saps[target.name], PLAN, telemetry, pace, Fingerprint(b"k", "t")),
                    name=target.name,
                    ingress=ingress,
                )
                lanes[target.name] = Lane(target, forwarder)
            tail = Tail(settings.journal, store.offsets())
            live = Live(settings, writer, list(lanes.values()), tail, telemetry)
            await live.restore()
            async with anyio.create_task_group() as tasks:
                for lane in lanes.values():
                    tasks.start_soon(lane.forwarder.run)
                yield Town(live, lanes, saps, writer, telemetry)
                tasks.cancel_scope.cancel()


def settings_in(place: Path) -> Settings:
    """Two targets at one host, as the settings have them."""
    (place / "journal").mkdir(exist_ok=True)
    config = place / "frontdesk.toml"
    config.write_text(
        f'[capture]\njournal = "{place / "journal"}"\n[store]\npath = "{place / "f.db"}"\n'
        '[sap]\nbase_url = "sap.example.com"\nclient_id = "f"\nclient_secret = "s"\n'
        '[sap.target.b2b]\nsites = ["b2b"]\nintegration_object = "InboundB2BCustomer"\n'
    )
    return load(str(config), {})


PACE = Pace(rate=2000.0)


async def test_a_setup_fault_of_one_stops_no_other(tmp_path: Path) -> None:
    """Nor does it count against anybody; what waits is sent when it was set right."""
    async with town(tmp_path, PACE) as here:
        here.saps["b2b"].outcome = REFUSED
        await here.absorb(*(login(f"b{n}", "b2b") for n in range(30)))
        await here.until("b2b", pending=30)
        await here.absorb(*(login(f"c{n}") for n in range(30)), login("b0"))
        await here.until(DEFAULT_TARGET, clean=31)
        status = await here.live.status()
        assert (status["state"], status["gate"]["code"]) == ("paused", "http.403")
        states = {one["name"]: one["state"] for one in status["targets"]}
        assert states == {"b2b": "paused", DEFAULT_TARGET: "fine"}
        value = here.telemetry.registry.get_sample_value
        assert value("frontdesk_gate_shut", {"reason": "setup", "target": "b2b"}) == 1
        assert value("frontdesk_gate_shut", {"reason": "setup", "target": DEFAULT_TARGET}) == 0
        assert value("frontdesk_degraded") == 1
        shown = here.telemetry.exposition(await here.counts()).decode().splitlines()
        assert 'frontdesk_customers{state="pending",target="b2b"} 30.0' in shown
        assert 'frontdesk_customers{state="clean",target="default"} 31.0' in shown
        here.saps["b2b"].outcome = DELIVERED
        await here.live.resume("b2b")
        await here.until("b2b", clean=30)
        assert value("frontdesk_degraded") == 0
        labels = {"outcome": "delivered", "code": "http.201", "target": "b2b"}
        assert value("frontdesk_deliveries_total", labels) == 30


async def test_a_pause_is_one_target_s_and_outlives_a_restart(tmp_path: Path) -> None:
    """Of an upgrade too: the default target has the note that earlier versions left."""
    with SQLiteStore.open(settings_in(tmp_path).store_path) as store:
        store.remember("pause", {"since": now_us(), "by": "hand"})
    async with town(tmp_path, PACE) as here:
        await here.absorb(login("kim"), login("kim", "b2b"))
        await here.until("b2b", clean=1)
        assert here.saps[DEFAULT_TARGET].took == []
        await here.live.pause("b2b")
        await here.live.resume(DEFAULT_TARGET)
        await here.until(DEFAULT_TARGET, clean=1)
    async with town(tmp_path, PACE) as here:
        gates = {one["name"]: one["gate"] for one in (await here.live.status())["targets"]}
        assert {name: gate["state"] for name, gate in gates.items()} == {
            "b2b": "hand",
            DEFAULT_TARGET: "open",
        }
        await here.live.resume()
        assert (await here.live.status())["state"] == "fine"
        await here.live.pause()
        assert all(lane.forwarder.gate.by_hand for lane in here.lanes.values())


async def test_a_reason_outlives_a_restart_for_its_own_target(tmp_path: Path) -> None:
    """Each gate has a note of its own."""
    async with town(tmp_path, PACE) as here:
        here.saps["b2b"].outcome = REFUSED
        await here.absorb(login("kim", "b2b"))
        with anyio.fail_after(10):
            while await here.writer.run(Store.recall, "gate:b2b") is None:
                await anyio.sleep(0.002)
        assert await here.writer.run(Store.recall, "gate") is None
        await here.live.pause()
    async with town(tmp_path, PACE) as here:
        assert here.lanes["b2b"].forwarder.gate.shut is not None
        assert here.lanes[DEFAULT_TARGET].forwarder.gate.shut is None


async def test_a_backlog_of_one_leaves_the_other_its_share_of_the_rate(tmp_path: Path) -> None:
    """Both take from the same tokens; the one with little to send does not wait for the other."""
    async with town(tmp_path, Pace(rate=100.0, batch_size=1)) as here:
        await here.absorb(*(login(f"b{n}", "b2b") for n in range(600)))
        with anyio.fail_after(10):
            while len(here.saps["b2b"].took) < 110:  # the tokens of the start are gone
                await anyio.sleep(0.002)
        began = time.monotonic()
        for number in range(5):
            await here.absorb(login(f"c{number}"))
            await here.until(DEFAULT_TARGET, clean=number + 1)
        times = [at for sap in here.saps.values() for _, at in sap.took]
        last = max(times)
        assert sum(at > began for at in times) <= 100 * (last - began) + 2
        assert (await here.counts())["b2b"].pending > 0


async def test_a_customer_is_forgotten_for_all_targets(tmp_path: Path) -> None:
    """Whoever asks does not know of targets."""
    async with town(tmp_path, PACE) as here:
        await here.absorb(login("kim"), login("kim", "b2b"), login("ann", "b2b"))
        await here.until("b2b", clean=2)
        await here.until(DEFAULT_TARGET, clean=1)
        assert (await here.live.forget("kim@example.com"))["forgotten"]
        assert {name: one.total for name, one in (await here.counts()).items()} == {"b2b": 1}
        assert "kim" not in repr(await here.live.status())


async def test_one_target_s_dead_letters_push_no_other_s_out(tmp_path: Path) -> None:
    """The limit is that of each."""
    keeping = Keeping(tmp_path / "f.db", 2**30, 2**20, 86400.0, 3, 86400.0)

    def die(store: Store) -> None:
        people = [login("old"), *(login(f"b{n}", "b2b") for n in range(9))]
        store.absorb(people, {}, now_us(), by_site)
        for target in (DEFAULT_TARGET, "b2b"):
            claims = store.claim(99, now_us(), SECOND, target=target)
            store.settle([Dead(claim, "400", "") for claim in claims], now_us())

    async with town(tmp_path, PACE) as here:
        await here.live.pause()
        await here.writer.run(die)
        await Tidying(keeping, here.writer, here.telemetry).tidy()
        letters = await here.writer.run(lambda store: store.dead(Which(), 99))
        assert sorted(letter.target for letter in letters) == ["b2b"] * 3 + [DEFAULT_TARGET]


async def test_the_lookout_of_a_target_looks_at_its_own(tmp_path: Path) -> None:
    """What is due for a target that nobody serves is no reason to start anew."""
    now = [time.monotonic()]
    async with town(tmp_path, PACE) as here:
        for lane in here.lanes.values():
            lane.forwarder.stop()
        for lane in here.lanes.values():
            await lane.forwarder.stopped.wait()
        lookouts = []
        for lane in here.lanes.values():
            lookout = Lookout(
                *(here.writer, lane.forwarder),
                secret_file=None,
                stuck_s=60,
                clock=lambda: now[0],
            )
            lookouts.append(lookout)
            lane.stuck = lookout.stuck
        await here.absorb(login("kim", "b2b"), login("zoe", "b2b"))
        for _ in range(14):
            for lookout in lookouts:
                await lookout.look()
            now[0] += 5
        assert here.lanes[DEFAULT_TARGET].stuck() is None
        assert "none was finished" in (here.lanes["b2b"].stuck() or "")
        status = await here.live.status()
        assert status["state"] == "stuck"
        assert status["watchdog"] == here.live.stuck() == here.lanes["b2b"].stuck()


def target(name: str, sites: set[str], events: set[str]) -> Target:
    """A target of these."""
    usual = load(
        None,
        {
            "FRONTDESK_SAP__BASE_URL": "sap.example.com",
            "FRONTDESK_SAP__CLIENT_ID": "f",
            "FRONTDESK_SAP__CLIENT_SECRET": "s",
        },
    ).default
    return Target(name, usual.destination, sites=frozenset(sites), events=frozenset(events))


@given(site=st.none() | st.sampled_from(["a", "b"]), event=st.sampled_from(EVENTS))
def test_the_first_that_takes_a_message_has_it(site: str | None, event: str) -> None:
    """In the order of the settings; what nobody takes is the last one's."""
    targets = [
        target("ups", {"a"}, {"Signed Up"}),
        target("a", {"a"}, set()),
        target("ins", set(), {"Logged In"}),
        target(DEFAULT_TARGET, set(), set()),
    ]
    target_of = assignment(targets)
    assert target_of is not None
    message = Identify("m", datetime.now(UTC), "u", {}, event, site=site)
    first = next(one.name for one in targets if one.takes(site, event))
    assert target_of(message) == first


def test_one_target_needs_no_assignment() -> None:
    """And the last takes what it would not: nothing is without a target."""
    assert DEFAULT_OF_SETTINGS == DEFAULT_TARGET
    assert assignment([target(DEFAULT_TARGET, set(), set())]) is None
    narrow = assignment([target("a", {"a"}, set()), target("b", {"b"}, set())])
    assert narrow is not None
    assert narrow(login("kim", "c")) == "b"
