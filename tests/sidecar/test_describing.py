"""The object as SAP describes it: fetched, kept over a restart, fetched again when it must be."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import httpx
import pytest
import respx

from edmx_support import CUSTOMER, edmx, item, metadata
from frontdesk_sidecar.describing import MISSES, Describer
from frontdesk_sidecar.mapping import compile_mapping
from frontdesk_sidecar.metadata import Property
from frontdesk_sidecar.plan import Plan
from frontdesk_sidecar.sap.destination import Destination
from frontdesk_sidecar.sap.session import Session
from frontdesk_sidecar.settings_types import Target
from frontdesk_sidecar.store import Store
from frontdesk_sidecar.store.sqlite import SQLiteStore
from frontdesk_sidecar.store.writer import Writer

HOST = "https://api.example.com"
METADATA = "/odata2webservices/InboundCustomer/$metadata"
SIMPLE = edmx(
    metadata(
        [item("Customer", Property("uid", is_unique=True), Property("name"))], Customers="Customer"
    )
)
DESTINATION = Destination(HOST, "InboundCustomer", "Customers", "id", lambda: "marked-secret")


@dataclass
class Bench:
    """A describer, and what it told and asked for."""

    plans: list[Plan] = field(default_factory=list)
    told: list[tuple[str, str]] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    quiet_looks: int = 0

    def described(self, target: str, plan: Plan) -> None:
        """See `Teller`."""
        self.told.append((target, "described"))

    def not_described(self, target: str, code: str, text: str) -> None:
        """See `Teller`."""
        self.told.append((target, code))

    async def sleep(self, seconds: float) -> None:
        """No time passes; after a few looks it is enough."""
        self.waits.append(seconds)
        await anyio.lowlevel.checkpoint()
        if len(self.waits) == 10:
            raise EOFError


@asynccontextmanager
async def bench(place: Path, target: Target) -> AsyncIterator[tuple[Bench, Describer]]:
    """A describer with a real store and session."""
    one = Bench()
    with SQLiteStore.open(place / "store.db") as store:
        async with Writer[Store](store) as writer, Session(target.destination) as session:
            yield (
                one,
                Describer(
                    target,
                    session,
                    writer,
                    one,
                    use=one.plans.append,
                    may_ask=lambda: len(one.waits) >= one.quiet_looks,
                    sleep=one.sleep,
                ),
            )


@pytest.fixture
def sap() -> Iterator[respx.Route]:
    """What `$metadata` answers is up to the test."""
    with respx.mock(base_url=HOST, assert_all_called=False) as router:
        router.post("/authorizationserver/oauth/token").respond(
            200, json={"access_token": "marked-token", "expires_in": 300}
        )
        yield router.get(METADATA)


async def test_the_plan_is_made_from_what_sap_says(sap: respx.Route, tmp_path: Path) -> None:
    """Asked for as XML; the default mapping is left with what the object defines."""
    sap.respond(200, content=SIMPLE)
    async with bench(tmp_path, Target("default", DESTINATION)) as (one, describer):
        await describer.look()
        await describer.look()
    assert sap.calls[0].request.headers["accept"] == "application/xml"
    assert [plan.mapping.attributes for plan in one.plans] == [("uid", "name")]
    assert one.told == [("default", "described")]


async def test_it_is_kept_for_a_start_while_sap_is_down(sap: respx.Route, tmp_path: Path) -> None:
    """Of the same address; that of another object says nothing."""
    sap.respond(200, content=SIMPLE)
    target = Target("default", DESTINATION)
    async with bench(tmp_path, target) as (_, describer):
        await describer.look()
    async with bench(tmp_path, target) as (one, describer):
        await describer.restore()
        assert [plan.mapping.attributes for plan in one.plans] == [("uid", "name")]
    other = Destination(HOST, "InboundOther", "Customers", "id", lambda: "s")
    async with bench(tmp_path, Target("default", other)) as (one, describer):
        await describer.restore()
        assert one.plans == []
    async with bench(tmp_path, Target("b2b", DESTINATION)) as (one, describer):
        await describer.restore()
        assert one.plans == []


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (httpx.Response(403), "http.403"),
        (httpx.Response(404, json={"error": {"code": "not_found"}}), "odata.not_found"),
        (httpx.Response(200, content=b"<html>login</html>"), "metadata"),
        (httpx.Response(302, headers={"location": "/marked"}), "redirected"),
        (httpx.ConnectError("marked"), "connect"),
    ],
)
async def test_when_sap_does_not_say(
    sap: respx.Route, tmp_path: Path, answer: httpx.Response | Exception, code: str
) -> None:
    """It is asked again, less and less often; after a few misses customers are sent anyway."""
    sap.mock(side_effect=itertools.repeat(answer))
    async with bench(tmp_path, Target("default", DESTINATION)) as (one, describer):
        with pytest.raises(EOFError):
            await describer.run()
    assert one.waits == [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]
    assert set(one.told) == {("default", code)}
    assert len(one.plans) == 10 - (MISSES - 1)
    assert one.plans[0].mapping.attributes == ("uid", "name")
    assert "marked" not in str(one.told)


async def test_how_often_it_is_read_again(sap: respx.Route, tmp_path: Path) -> None:
    """Every hour, or as the settings say; every minute as long as the mapping does not fit."""
    sap.respond(200, content=SIMPLE)
    for mapping, wait_s in ((None, 3600.0), (compile_mapping({"uid": "email", "x": "x"}), 60.0)):
        async with bench(tmp_path, Target("default", DESTINATION, mapping)) as (one, describer):
            with pytest.raises(EOFError):
                await describer.run()
        assert one.waits == [wait_s] * 10


async def test_nothing_is_asked_while_sap_wants_silence(sap: respx.Route, tmp_path: Path) -> None:
    """Each question would begin the cool-down anew; it is asked as soon as that is over."""
    sap.respond(200, content=SIMPLE)
    async with bench(tmp_path, Target("default", DESTINATION)) as (one, describer):
        one.quiet_looks = 9
        with pytest.raises(EOFError):
            await describer.run()
    assert one.waits == [1.0] * 9 + [3600.0]
    assert sap.call_count == 1


async def test_an_object_that_changes(sap: respx.Route, tmp_path: Path) -> None:
    """The plan follows, and a miss in between changes nothing."""
    sap.mock(
        side_effect=[
            httpx.Response(200, content=SIMPLE),
            httpx.Response(503),
            httpx.Response(200, content=edmx(CUSTOMER)),
        ]
    )
    async with bench(tmp_path, Target("default", DESTINATION)) as (one, describer):
        for _ in range(3):
            await describer.look()
    assert [plan.unfit != "" for plan in one.plans] == [False, True]
    assert "tier is required" in one.plans[1].unfit
