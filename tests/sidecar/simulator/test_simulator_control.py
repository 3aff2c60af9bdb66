"""The endpoints below /_sim."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx
import pytest

from frontdesk_sidecar.simulator import SimulatorConfig

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    Connect = Callable[[SimulatorConfig], AbstractAsyncContextManager[httpx.AsyncClient]]

SIM = "http://sap.test/_sim"


async def test_customers(connect: Connect) -> None:
    """Customers come in the order of creation with attributes, times and the count of writes."""
    moments = iter(range(1, 100))
    async with connect(SimulatorConfig(clock=lambda: next(moments))) as sap:
        for uid in ("b", "a", "b"):
            await sap.post("Customers", json={"uid": uid, "name": "x"})
        first, second = (await sap.get(f"{SIM}/customers")).json()
        assert (first["uid"], first["name"], first["integrationKey"]) == ("b", "x", "b")
        assert (first["writes"], second["uid"], second["writes"]) == (2, "a", 1)
        assert first["created"] < second["created"] == second["updated"] < first["updated"]
        assert (await sap.get(f"{SIM}/customers?uid=a")).json() == [second]


async def test_requests(sap: httpx.AsyncClient) -> None:
    """The log has every request with its ids and payload, but no credentials."""
    ids = {"integrationMessageId": "m-1", "SAP-PASSPORT": "2A54"}
    await sap.post("Customers?access_token=hidden-1", json={"uid": "a"}, headers=ids)
    await sap.get("Customers?$top=1&password=hidden-2")
    await sap.post("Customers", content=b"no json")
    token = "http://sap.test/authorizationserver/oauth/token?client_secret=hidden-3"
    await sap.post(token, data={"client_secret": "hidden-4"})
    log = (await sap.get(f"{SIM}/requests")).json()
    assert (log["total"], len(log["requests"])) == (5, 5)
    post = log["requests"][1]
    assert post.pop("time") > 1_600_000_000_000
    assert 0 < post.pop("duration") < 60_000
    assert post == {
        "method": "POST",
        "path": "/odata2webservices/InboundCustomer/Customers",
        "query": "",
        "status": 201,
        "fault": None,
        "integrationMessageId": "m-1",
        "sap-passport": "2A54",
        "traceparent": None,
        "payload": {"uid": "a"},
        "parts": None,
        "partStatuses": None,
    }
    assert [one["query"] for one in log["requests"]] == ["", "", "$top=1", "", ""]
    assert [one["status"] for one in log["requests"]] == [200, 201, 200, 415, 401]
    text = json.dumps(log)
    assert "hidden" not in text
    assert "secret" not in text
    assert sap.headers["authorization"].removeprefix("Bearer ") not in text


async def test_requests_are_bounded(connect: Connect) -> None:
    """Old requests leave the log and stay in the total; large bodies are not kept."""
    async with connect(SimulatorConfig(request_log_size=3)) as sap:
        for number in range(5):
            await sap.post("Customers", json={"uid": str(number), "name": "x" * 20_000})
        log = (await sap.get(f"{SIM}/requests")).json()
        assert (log["total"], [one["payload"] for one in log["requests"]]) == (6, [None] * 3)
        assert len((await sap.get(f"{SIM}/requests?limit=2")).json()["requests"]) == 2
        assert (await sap.get(f"{SIM}/requests?limit=x")).status_code == 400


async def test_faults_are_replaced(sap: httpx.AsyncClient) -> None:
    """A new list replaces the old one; a refused one changes nothing."""
    fault = {"kind": "drop", "when": "after"}
    assert (await sap.post(f"{SIM}/faults", json=[fault])).json() == [{**fault, "hits": 0}]
    refused = await sap.post(f"{SIM}/faults", json=[{"kind": "drop", "size": 1}])
    assert refused.status_code == 400
    assert refused.json()["error"].startswith("faults[0].size: unknown field")
    assert (await sap.post(f"{SIM}/faults", content=b"{")).status_code == 400
    assert (await sap.get(f"{SIM}/faults")).json() == [{**fault, "hits": 0}]
    assert (await sap.post(f"{SIM}/faults", json=[])).json() == []


async def test_revoke(sap: httpx.AsyncClient) -> None:
    """Revoked tokens are refused from then on."""
    assert (await sap.post(f"{SIM}/tokens/revoke")).json() == {"revoked": 1}
    assert (await sap.get("Customers")).status_code == 401


@pytest.mark.parametrize(
    ("keep", "left"),
    [
        ("", (0, 0, 0, 401)),
        ("customers,tokens", (1, 0, 0, 200)),
        ("requests,faults", (0, 2, 1, 401)),
    ],
)
async def test_reset(sap: httpx.AsyncClient, keep: str, left: tuple[int, int, int, int]) -> None:
    """A reset forgets everything that is not named to stay."""
    await sap.post("Customers", json={"uid": "a"})
    await sap.post(f"{SIM}/faults", json=[{"kind": "drop", "on": "token"}])
    assert (await sap.post(f"{SIM}/reset?keep={keep}")).status_code == 200
    customers = len((await sap.get(f"{SIM}/customers")).json())
    requests = (await sap.get(f"{SIM}/requests")).json()["total"]
    faults = len((await sap.get(f"{SIM}/faults")).json())
    assert (customers, requests, faults, (await sap.get("Customers")).status_code) == left


async def test_reset_of_something_unknown(sap: httpx.AsyncClient) -> None:
    """A misspelt name is refused, and nothing is forgotten."""
    await sap.post("Customers", json={"uid": "a"})
    answer = await sap.post(f"{SIM}/reset?keep=customer")
    assert answer.status_code == 400
    assert "unknown customer" in answer.json()["error"]
    assert len((await sap.get(f"{SIM}/customers")).json()) == 1
