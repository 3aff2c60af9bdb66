"""The monitoring object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from tests.sidecar.simulator.conftest import Batches

RECORDS = (
    "http://sap.test/odata2webservices/InboundIntegrationMonitoring/InboundRequests"
    "?$expand=status,errors&$top=100"
)


async def records(sap: httpx.AsyncClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await sap.get(RECORDS)).json()["d"]["results"]
    return found


def errors(record: dict[str, Any]) -> list[str]:
    return [one["code"] for one in record["errors"]["results"]]


@pytest.fixture(name="on")
async def _on(sap: httpx.AsyncClient) -> httpx.AsyncClient:
    await sap.post("http://sap.test/_sim/switches", json={"monitoring": True})
    return sap


async def test_off_by_default(sap: httpx.AsyncClient) -> None:
    """As on a fresh system, nothing is recorded."""
    await sap.post("Customers", json={"uid": "a"})
    assert await records(sap) == []


async def test_records(on: httpx.AsyncClient) -> None:
    """One for each write, with message id, passport, key, status and error."""
    ids = {"integrationMessageId": "m-1", "SAP-PASSPORT": "2A54"}
    await on.post("Customers", json={"uid": "a@x"}, headers=ids)
    await on.post("Customers", json={"uid": "b", "nick": 1})
    await on.post("Nothing", json={"uid": "b"}, headers={"accept": "*/*"})
    await on.post("Customers", content=b"x", headers={"content-type": "text/plain"})
    await on.patch("Customers('a%2540x')", json={"name": "A"})
    await on.delete("Customers('a%2540x')")
    await on.get("Customers")
    first, wrong, lost, media, changed, deleted = await records(on)
    assert (first["messageId"], first["sapPassport"], first["requestKey"]) == ("m-1", "2A54", "a@x")
    assert (first["type"], first["httpMethod"]) == ("InboundCustomer", "POST")
    assert first["userId"] == "frontdeskIntegrationUser"
    assert (first["status"]["code"], errors(first), first["payload"]) == ("SUCCESS", [], None)
    assert first["integrationKey"].endswith("|m-1|a%40x")
    assert (wrong["status"]["code"], errors(wrong)) == ("ERROR", ["invalid_property"])
    assert wrong["integrationKey"].split("|")[1:] == ["", "b"]
    assert errors(lost) == ["unknown_error"]
    assert errors(media) == ["unknown_error"]
    assert (changed["httpMethod"], deleted["httpMethod"]) == ("PATCH", "DELETE")


async def test_payloads(on: httpx.AsyncClient) -> None:
    """They are kept only where retention is switched on."""
    retention = {"successPayloads": False, "errorPayloads": True}
    await on.post("http://sap.test/_sim/switches", json=retention)
    await on.post("Customers", json={"uid": "a"})
    await on.post(
        "Customers",
        content=b'{"uid": "b", "nick": 1}',
        headers={"content-type": "application/json"},
    )
    assert [one["payload"] for one in await records(on)] == [None, '{"uid": "b", "nick": 1}']


async def test_batches(on: httpx.AsyncClient, batches: Batches) -> None:
    """One for each part; one without payload above the limit; one for a broken envelope."""
    await on.post("http://sap.test/_sim/switches", json={"errorPayloads": True})
    ids = {"integrationMessageId": "outer", "SAP-PASSPORT": "2A54"}
    get = batches.change(line="GET Customers/$count HTTP/1.1", headers=("Accept: */*",))
    parts = [batches.changeset(batches.change(one)) for one in ({"uid": "a"}, {})]
    await batches.send(on, batches.multipart(*parts, get), **ids)
    await batches.send(on, batches.of(*[{"uid": str(number)} for number in range(201)]))
    await batches.send(on, b"--batch_1\n\nbroken")
    good, wrong, limit, broken = await records(on)
    assert (good["messageId"], good["sapPassport"]) == ("outer", "2A54")
    assert (errors(wrong), wrong["payload"]) == (["odata_error"], "{}")
    assert (errors(limit), limit["payload"]) == (["batch_limit_exceeded"], None)
    assert (errors(broken), broken["payload"]) == (["odata_error"], "--batch_1\n\nbroken")
