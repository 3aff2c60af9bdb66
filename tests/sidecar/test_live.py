"""What can be asked of a running sidecar, and told to it."""

# ruff: noqa: ASYNC110 - conditions are waited for, with a deadline

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import anyio

from frontdesk.event import Identify
from frontdesk.journal import Journal
from frontdesk_sidecar.forward.fingerprint import Fingerprint
from frontdesk_sidecar.forward.forwarder import Forwarder
from frontdesk_sidecar.journal.intake import Intake
from frontdesk_sidecar.journal.tail import Tail
from frontdesk_sidecar.lanes import Lane
from frontdesk_sidecar.live import Live
from frontdesk_sidecar.plan import make_plan
from frontdesk_sidecar.sap.outcome import Kind, Outcome
from frontdesk_sidecar.settings import Settings, load
from frontdesk_sidecar.store import Store
from frontdesk_sidecar.store.sqlite import SQLiteStore
from frontdesk_sidecar.store.writer import Writer
from frontdesk_sidecar.telemetry import Telemetry

DELIVERED = Outcome(Kind.DELIVERED, "http.201")
REFUSED = Outcome(Kind.SETUP, "http.403", "HTTP 403, text/html", "Add this host's address.")
MARK = "marked"


class Target:
    """Answers everybody the same."""

    def __init__(self) -> None:
        self.outcome = DELIVERED
        self.sent = 0

    async def upsert(
        self, payload: object, *, message_id: object, traceparent: object = None
    ) -> Outcome:
        """One customer."""
        self.sent += 1
        return self.outcome

    async def upsert_many(
        self, payloads: object, *, message_id: object, traceparent: object = None, boundary: object
    ) -> Outcome:
        """Not called: there are too few."""
        raise AssertionError


@dataclass
class Town:
    """A sidecar without its doors."""

    live: Live
    forwarder: Forwarder
    writer: Writer[Store]
    target: Target
    journal: Path

    async def absorb(self, *names: str) -> None:
        """They logged in."""
        messages = [
            Identify(name, datetime.now(UTC), name, {"email": f"{name}@example.com", "name": MARK})
            for name in names
        ]
        await self.writer.run(lambda store: store.absorb(messages, {}, time.time_ns() // 1000))
        self.forwarder.wake()

    async def until(self, **customers: int) -> None:
        """Wait until the status says so."""
        with anyio.fail_after(10):
            while True:
                found = (await self.live.status())["customers"]
                if all(found[name] == number for name, number in customers.items()):
                    return
                await anyio.sleep(0.005)


def settings_in(place: Path) -> Settings:
    """The settings of a sidecar there."""
    (place / "journal").mkdir(exist_ok=True)
    return load(
        None,
        {
            "FRONTDESK_JOURNAL": str(place / "journal"),
            "FRONTDESK_STORE__PATH": str(place / "var" / "frontdesk.db"),
            "FRONTDESK_SAP__BASE_URL": "sap.example.com",
            "FRONTDESK_SAP__CLIENT_ID": "frontdesk",
            "FRONTDESK_SAP__CLIENT_SECRET": "marked-secret",
        },
    )


@asynccontextmanager
async def town(place: Path) -> AsyncIterator[Town]:
    """One that runs until the block is left."""
    settings = settings_in(place)
    with SQLiteStore.open(settings.store_path) as store:
        async with Writer[Store](store) as writer:
            telemetry, target = Telemetry(), Target()
            fingerprint = Fingerprint(b"k", "t")
            forwarder = Forwarder(
                writer,
                target,
                make_plan(None, None, "Customers"),
                telemetry,
                settings.pace,
                fingerprint,
            )
            tail = Tail(settings.journal, store.offsets())
            live = Live(settings, writer, [Lane(settings.default, forwarder)], tail, telemetry)
            await live.restore()
            intake = Intake(tail, writer, telemetry, on_new=forwarder.wake)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(forwarder.run)
                tasks.start_soon(intake.run)
                yield Town(live, forwarder, writer, target, settings.journal)
                tasks.cancel_scope.cancel()


async def test_the_status_of_a_sidecar_at_work(tmp_path: Path) -> None:
    """Everything a person asks first, as JSON, and nothing about anybody."""
    async with town(tmp_path) as here:
        await here.absorb("ann", "bob")
        await here.until(clean=2)
        await here.absorb("ann")
        with anyio.fail_after(10):
            while (await here.live.status())["outcomes"]["unchanged"] != 1:
                await anyio.sleep(0.005)
        await here.until(clean=2)
        status = json.loads(json.dumps(await here.live.status()))
    assert status["running"] is True
    assert status["state"] == "fine"
    assert status["gate"]["state"] == "open"
    assert status["outcomes"]["delivered"] == 2
    assert status["customers"] == {"pending": 0, "due": 0, "leased": 0, "clean": 2, "dead": 0}
    assert status["store"]["diskFreeBytes"] > 0
    assert status["journal"]["error"] is None
    assert status.pop("sap").startswith("https://sap.example.com/")
    assert "example.com" not in json.dumps(status)
    assert MARK not in json.dumps(status)


async def test_a_pause_says_why_and_what_to_do(tmp_path: Path) -> None:
    """With the next try; nothing of it is the customers' fault."""
    async with town(tmp_path) as here:
        here.target.outcome = REFUSED
        await here.absorb("ann")
        with anyio.fail_after(10):
            while (await here.live.status())["state"] != "paused":
                await anyio.sleep(0.005)
        status = await here.live.status()
        gate = status["gate"]
        assert (gate["state"], gate["code"], gate["text"], gate["advice"]) == (
            "setup",
            REFUSED.code,
            REFUSED.text,
            REFUSED.advice,
        )
        assert gate["since"] <= gate["nextTryAt"]
        assert status["dead"] == {}
        here.target.outcome = DELIVERED
        told = await here.live.resume()
        assert told["resumed"] == [
            {
                "target": "default",
                "byHand": False,
                "gate": "setup",
                "code": REFUSED.code,
                "quietUntil": None,
            }
        ]
        await here.until(clean=1)


async def test_a_pause_by_hand_survives_a_restart(tmp_path: Path) -> None:
    """Nothing is sent until somebody resumes."""
    async with town(tmp_path) as here:
        await here.live.pause()
        await here.absorb("ann")
        await here.until(due=1)
        since = (await here.live.status())["gate"]["since"]
    async with town(tmp_path) as here:
        status = await here.live.status()
        assert (status["state"], status["gate"]["state"]) == ("paused", "hand")
        assert status["gate"]["since"] == since
        assert here.target.sent == 0
        await here.live.resume()
        await here.until(clean=1)
    async with town(tmp_path) as here:
        assert (await here.live.status())["state"] == "fine"


async def test_forgetting_leaves_no_trace(tmp_path: Path) -> None:
    """In the store, its log and the journal; also of a login that was not read yet."""
    async with town(tmp_path) as here:
        await here.absorb("ann", "bob")
        await here.until(clean=2)
        journal = Journal(here.journal)
        line = Identify("x", datetime.now(UTC), "ann", {"email": "Ann@Example.com", "name": MARK})
        assert journal.append(line.encode())
        journal.close()
        told = await here.live.forget(" ANN@example.com")
        assert told == {"forgotten": True, "segments": 0, "damagedFiles": []}
        assert (await here.live.forget("ann@example.com"))["forgotten"] is False
        await here.until(clean=1)
    for file in [*(tmp_path / "var").iterdir(), *here.journal.iterdir()]:
        content = file.read_bytes().lower()
        assert b"ann@example.com" not in content, file.name
    assert b"bob@example.com" in (tmp_path / "var" / "frontdesk.db").read_bytes()


async def test_forgetting_tells_what_is_still_held(tmp_path: Path) -> None:
    """A web process that holds its segment, and files set aside: a person has to see to these."""
    async with town(tmp_path) as here:
        damaged = tmp_path / "var" / "frontdesk.db.damaged-20260101T000000Z"
        damaged.write_bytes(b"")
        journal = Journal(here.journal)
        line = Identify("x", datetime.now(UTC), "ann", {"email": "ann@example.com"})
        try:
            assert journal.append(line.encode())
            with anyio.fail_after(10):  # on a disk a thread writes
                while not any(file.stat().st_size for file in here.journal.glob("*.ndjson")):
                    await anyio.sleep(0.005)
            told = await here.live.forget("ann@example.com")
        finally:
            journal.close()
        assert told == {"forgotten": True, "segments": 1, "damagedFiles": [str(damaged)]}
