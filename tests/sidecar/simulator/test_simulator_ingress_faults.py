"""Faults by name: pages of the ingress, errors of the service, a clock that is wrong."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from frontdesk_sidecar.simulator import SimulatorConfig

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from tests.sidecar.simulator.conftest import Batches

    Connect = Callable[[SimulatorConfig], AbstractAsyncContextManager[httpx.AsyncClient]]

SIM = "http://sap.test/_sim"
NOW = 1_700_000_000


async def struck(sap: httpx.AsyncClient, **fault: Any) -> httpx.Response:
    await sap.post(f"{SIM}/faults", json=[fault])
    answer = await sap.post("Customers", json={"uid": "a@x"})
    await sap.post(f"{SIM}/faults", json=[])
    return answer


async def stored(sap: httpx.AsyncClient) -> int:
    return len((await sap.get(f"{SIM}/customers")).json())


@pytest.mark.parametrize(
    ("kind", "status"), [("maintenance", 503), ("blocked", 403), ("timeout", 504), ("login", 302)]
)
async def test_pages(sap: httpx.AsyncClient, kind: str, status: int) -> None:
    """The ingress answers in HTML and nothing is stored."""
    answer = await struck(sap, kind=kind)
    assert (answer.status_code, await stored(sap)) == (status, 0)
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers.get("location") == ("/backoffice/login.zul" if kind == "login" else None)
    last = (await sap.get(f"{SIM}/requests?limit=1")).json()["requests"][0]
    assert (last["fault"], last["status"]) == (kind, status)


async def test_timeout_after_the_commit(connect: Connect) -> None:
    """A 504 comes after its time; with `after` the customer is stored all the same."""
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    async with connect(SimulatorConfig(sleep=sleep)) as sap:
        answer = await struck(sap, kind="timeout", seconds=60, when="after")
        assert (answer.status_code, waits, await stored(sap)) == (504, [60], 1)


@pytest.mark.parametrize("kind", ["stale", "deadlock", "ambiguous"])
@pytest.mark.parametrize(("when", "count"), [("before", 0), ("after", 1)])
async def test_conflicts(sap: httpx.AsyncClient, kind: str, when: str, count: int) -> None:
    """Errors of the service with the key of the customer, before or after a parallel write."""
    answer = await struck(sap, kind=kind, when=when)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (500, "internal_error")
    assert error["innererror"] == "a%40x"
    assert await stored(sap) == count
    if kind == "ambiguous":
        assert error["message"]["value"].startswith("ambiguous unique keys {uid=a@x} for model")


async def test_conflicts_in_a_batch(sap: httpx.AsyncClient, batches: Batches) -> None:
    """They strike the parts one by one."""
    await sap.post(f"{SIM}/faults", json=[{"kind": "deadlock", "every": 2}])
    answer = await batches.send(sap, batches.of({"uid": "a"}, {"uid": "b"}, {"uid": "c"}))
    assert batches.statuses(answer) == [[201], [500], [201]]


@pytest.mark.parametrize(
    ("body", "kind"), [("html", "text/html"), ("json", "application/json"), ("empty", None)]
)
async def test_throttle(sap: httpx.AsyncClient, body: str, kind: str | None) -> None:
    """What a 429 looks like, and `Retry-After`, are switches."""
    await sap.post(f"{SIM}/switches", json={"throttleBody": body, "retryAfter": 7})
    await sap.post(f"{SIM}/faults", json=[{"kind": "throttle", "threshold": 1}])
    await sap.get("Customers")
    answer = await sap.get("Customers")
    found = answer.headers.get("content-type")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")
    assert (found and found.partition(";")[0]) == kind


async def test_retry_after_of_maintenance(sap: httpx.AsyncClient) -> None:
    """The same switch; without it there is no header."""
    assert "retry-after" not in (await struck(sap, kind="maintenance")).headers
    await sap.post(f"{SIM}/switches", json={"retryAfter": 3})
    assert (await struck(sap, kind="maintenance")).headers["retry-after"] == "3"


async def test_date(connect: Connect) -> None:
    """Every answer has a date, that of the clock; a fault shifts it and nothing else."""
    async with connect(SimulatorConfig(clock=lambda: NOW + 0.9)) as sap:
        fault = {"kind": "clock", "seconds": -300, "on": "all"}
        shown = []
        for faults in ([], [fault], [fault, {**fault, "seconds": 100}]):
            await sap.post(f"{SIM}/faults", json=faults)
            answer = await sap.post("Customers", json={"uid": "a"})
            assert answer.status_code == 201
            shown.append(parsedate_to_datetime(answer.headers["date"]).timestamp() - NOW)
        assert shown == [0, -300, -200]
        token = await sap.post("http://sap.test/authorizationserver/oauth/token")
        assert parsedate_to_datetime(token.headers["date"]).timestamp() == NOW - 200


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ({"kind": "clock"}, "seconds: a clock fault needs it"),
        ({"kind": "clock", "seconds": "1"}, "seconds: expected a number"),
        ({"kind": "login", "status": 301}, "status: unknown field"),
        ({"kind": "timeout", "seconds": -1}, "seconds: expected seconds"),
    ],
)
async def test_refused(sap: httpx.AsyncClient, fault: dict[str, Any], text: str) -> None:
    """With the name of the field."""
    answer = await sap.post(f"{SIM}/faults", json=[fault])
    assert answer.status_code == 400
    assert text in answer.json()["error"]
