"""Reminding: a line every ten minutes that customers do not get to SAP, and what is known of it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from frontdesk.event import Identify
from frontdesk_sidecar.forward.gate import Gate, Why
from frontdesk_sidecar.forward.pace import Pace
from frontdesk_sidecar.reminding import EVERY_S, Reminder
from frontdesk_sidecar.sap.outcome import Failure, Kind, Outcome, classify
from frontdesk_sidecar.store import Store
from frontdesk_sidecar.store.sqlite import SQLiteStore
from frontdesk_sidecar.store.writer import Writer
from frontdesk_sidecar.telemetry import Telemetry

pytestmark = pytest.mark.anyio
NOON_US = 1_795_176_000_000_000


class Sender:
    """What a reminder sees of a forwarder."""

    name = "default"

    def __init__(self) -> None:
        self.gate = Gate(Pace())


class Bench:
    """A reminder whose time is told, and what it said."""

    def __init__(self, writer: Writer[Store], caplog: pytest.LogCaptureFixture) -> None:
        self.now = 0.0
        self.sender = Sender()
        self.stuck: str | None = None
        self.paused_us: int | None = None
        self._caplog = caplog
        self.reminder = Reminder(
            writer,
            self.sender,
            Telemetry(clock=lambda: self.now),
            paused_us=lambda: self.paused_us,
            stuck=lambda: self.stuck,
            clock=lambda: self.now,
            wall=lambda: NOON_US + int(self.now * 1e6),
        )

    async def until(self, seconds: float) -> list[tuple[str, str]]:
        """Look once a minute until then; levels and texts of what was said meanwhile."""
        while self.now < seconds:
            self.now = min(self.now + 60, seconds)
            await self.reminder.look()
        told = [(one.levelname, one.getMessage()) for one in self._caplog.records]
        self._caplog.clear()
        return told


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    """A store in which two wait since noon."""
    with SQLiteStore.open(tmp_path / "store.db") as opened:
        noon = datetime.fromtimestamp(NOON_US / 1e6, UTC)
        people = [Identify(n, noon, n, {"email": f"{n}@marked.example"}) for n in ("ann", "bob")]
        opened.absorb(people, {}, NOON_US)
        yield opened


async def test_an_outage_is_told_of_every_ten_minutes(
    store: SQLiteStore, caplog: pytest.LogCaptureFixture
) -> None:
    """Not at its beginning, of which there is a line; and no more when it is over."""
    caplog.set_level(logging.INFO)
    async with Writer[Store](store) as writer:
        bench = Bench(writer, caplog)
        assert await bench.until(3600) == []
        refused = classify(Failure.REFUSED)
        for number in range(5):
            bench.sender.gate.heed(refused, f"c{number}", bench.now)
        assert bench.sender.gate.shut is not None
        assert bench.sender.gate.shut.why is Why.FAILING
        assert await bench.until(3600 + EVERY_S) == []
        told = await bench.until(3600 + 2 * EVERY_S + 120)
        assert [text.partition(" -- ")[0] for _, text in told] == [
            "still_failing code=refused text=the connection was refused"
            f" since=2026-11-20T13:00:00Z minutes={minutes} waiting=2 oldest_s={3600 + late}"
            for minutes, late in ((11, 660), (21, 1260))
        ]
        assert {level for level, _ in told} == {"WARNING"}
        bench.sender.gate.heed(Outcome(Kind.DELIVERED, "http.201"), "c1", bench.now, is_try=True)
        assert await bench.until(3600 + 9 * EVERY_S) == []


async def test_what_a_person_must_end_is_an_error(
    store: SQLiteStore, caplog: pytest.LogCaptureFixture
) -> None:
    """Also the pause that somebody made and forgot, since when they made it."""
    async with Writer[Store](store) as writer:
        bench = Bench(writer, caplog)
        bench.sender.gate.heed(Outcome(Kind.SETUP, "http.403", "no", "Add it."), "c", 0.0)
        await bench.until(60)
        [(level, text)] = await bench.until(60 + EVERY_S)
        assert level == "ERROR"
        assert text.startswith("still_paused reason=setup code=http.403 text=no since=")
        assert text.endswith(" minutes=11 waiting=2 oldest_s=660 -- Add it.")
        bench.sender.gate.by_hand, bench.paused_us = True, NOON_US - 3_600_000_000
        [(level, text)] = await bench.until(60 + 2 * EVERY_S)
        assert level == "ERROR"
        assert text == (
            "still_paused reason=hand since=2026-11-20T11:00:00Z minutes=81 waiting=2"
            " oldest_s=1260 -- `frontdesk resume` ends it"
        )


async def test_nobody_who_waits_is_nothing_to_tell(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """At night, in a quiet shop."""
    with SQLiteStore.open(tmp_path / "store.db") as empty:
        async with Writer[Store](empty) as writer:
            bench = Bench(writer, caplog)
            bench.sender.gate.by_hand = True
            assert await bench.until(5 * EVERY_S) == []


async def test_a_sidecar_that_gets_nowhere_says_so(
    store: SQLiteStore, caplog: pytest.LogCaptureFixture
) -> None:
    """As `/livez` does, which nobody may be looking at."""
    async with Writer[Store](store) as writer:
        bench = Bench(writer, caplog)
        bench.stuck = "the store has not answered for 200 s"
        assert await bench.until(60) == [
            ("ERROR", "stuck reason=the store has not answered for 200 s")
        ]
