"""Switches: what no source tells about a real tenant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from frontdesk_sidecar.simulator import SimulatorConfig, Switches, parse_config, shipped_config
from frontdesk_sidecar.simulator.switches import SwitchError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from tests.sidecar.simulator.conftest import Batches

    Connect = Callable[[SimulatorConfig], AbstractAsyncContextManager[httpx.AsyncClient]]

SWITCHES = "http://sap.test/_sim/switches"
STANDARD = shipped_config("standard", SimulatorConfig())


async def throw(sap: httpx.AsyncClient, **switches: Any) -> None:
    answer = await sap.post(SWITCHES, json=switches)
    assert answer.status_code == 200, answer.text


async def test_all_of_them(sap: httpx.AsyncClient) -> None:
    """They can be read and thrown; a wrong one changes nothing; a reset puts them back."""
    before = (await sap.get(SWITCHES)).json()
    assert before == Switches().to_json()
    refused: list[object] = [
        [],
        {"colour": 1},
        {"location": 1},
        {"updateStatus": 202},
        {"maxChanges": 0},
        {"maxChanges": True},
        {"location": False, "select": "maybe"},
    ]
    for wrong in refused:
        answer = await sap.post(SWITCHES, json=wrong)
        assert answer.status_code == 400
        assert answer.json()["error"]
    assert (await sap.post(SWITCHES, content=b"{")).status_code == 400
    assert (await sap.get(SWITCHES)).json() == before
    await throw(sap, location=False, maxChanges=3, retryAfter=None)
    assert (await sap.get(SWITCHES)).json() == {**before, "location": False, "maxChanges": 3}
    await sap.post("http://sap.test/_sim/reset?keep=switches,tokens")
    assert (await sap.get(SWITCHES)).json()["maxChanges"] == 3
    await sap.post("http://sap.test/_sim/reset")
    assert (await sap.get(SWITCHES)).json() == before


def test_two_simulators_do_not_share_them() -> None:
    """Nor does one throw those of the settings it was made with."""
    switches = Switches(location=False)
    with pytest.raises(SwitchError, match="location: expected true or false"):
        switches.change({"updateStatus": 200, "location": "no"})
    assert switches == Switches(location=False)


async def test_settings_are_not_changed(connect: Connect) -> None:
    """The switches of the settings are where each simulator begins."""
    settings = SimulatorConfig(switches=Switches(updateStatus=200))
    for _ in range(2):
        async with connect(settings) as sap:
            found = [(await sap.post("Customers", json={"uid": "a"})).status_code for _ in "ab"]
            assert found == [201, 200]
            await throw(sap, updateStatus=201)


async def test_answer_of_a_post(sap: httpx.AsyncClient) -> None:
    """Status of an update, `Location`, and the port in links."""
    await sap.post("Customers", json={"uid": "a"})
    await throw(sap, updateStatus=200, location=False, explicitPort=False)
    answer = await sap.post("Customers", json={"uid": "a"})
    assert (answer.status_code, "location" in answer.headers) == (200, False)
    assert answer.json()["d"]["__metadata"]["uri"].startswith("http://sap.test/odata2webservices/")


@pytest.mark.parametrize("verb", ["PUT", "MERGE"])
async def test_merge(sap: httpx.AsyncClient, verb: str) -> None:
    """PUT and MERGE are a 405, or a 501."""
    statuses = []
    for status in (405, 501):
        await throw(sap, mergeStatus=status)
        statuses.append((await sap.request(verb, "Customers('a')", json={})).status_code)
    assert statuses == [405, 501]


async def test_select(sap: httpx.AsyncClient) -> None:
    """`$select` is refused, ignored or applied."""
    await sap.post("Customers", json={"uid": "a", "name": "A"})
    assert (await sap.get("Customers?$select=uid")).status_code == 400
    await throw(sap, select="ignore")
    assert "name" in (await sap.get("Customers('a')?$select=uid")).json()["d"]
    await throw(sap, select="apply")
    one = (await sap.get("Customers?$select=uid")).json()["d"]["results"][0]
    assert one.keys() == {"__metadata", "uid"}
    assert "name" in (await sap.get("Customers('a')?$select=*")).json()["d"]
    assert (await sap.get("Customers?$select=colour")).status_code == 404
    text = (await sap.get("Customers?$select=uid&$format=atom")).text
    assert "<d:uid>a</d:uid>" in text
    assert "<d:name>" not in text


READ_ONLY = {
    "object": "InboundCustomer",
    "items": [
        {
            "code": "Customer",
            "attributes": [
                {"name": "uid", "unique": True},
                {"name": "contactEmail", "derivedFrom": "uid"},
                {"name": "rank", "virtual": True, "default": "7"},
                {"name": "size", "classification": True},
            ],
        }
    ],
}


async def test_read_only_attribute(connect: Connect) -> None:
    """A getter-only attribute shows what it is derived from; a POST of it is not stored."""
    async with connect(parse_config(READ_ONLY, SimulatorConfig())) as sap:
        entry = {"uid": "a@x", "contactEmail": "other@x", "rank": "9"}
        made = (await sap.post("Customers", json=entry)).json()["d"]
        assert (made["contactEmail"], made["rank"]) == ("a@x", "7")
        await throw(sap, readOnlyAttribute="reject")
        refused = await sap.post("Customers", json=entry)
        error = refused.json()["error"]
        assert (refused.status_code, error["code"]) == (400, "invalid_attribute_value")
        assert "[contactEmail] is not writable" in error["message"]["value"]


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("$filter=rank eq '7'", 400, "filter_by_virtual_attribute_not_supported"),
        ("$orderby=rank", 400, "order_by_virtual_attribute_not_supported"),
        ("$filter=size eq 'M'", 501, "filter_not_supported"),
        ("$filter=contactEmail eq 'a@x'", 200, None),
    ],
)
async def test_queries_of_special_attributes(
    connect: Connect, query: str, status: int, code: str | None
) -> None:
    """Virtual and classification attributes can be neither searched nor sorted by."""
    async with connect(parse_config(READ_ONLY, SimulatorConfig())) as sap:
        answer = await sap.get(f"Customers?{query}")
        assert answer.status_code == status
        assert answer.json().get("error", {}).get("code") == code


async def test_what_a_create_adds(connect: Connect) -> None:
    """Group, customer id, original uid and lower case, each only if it was not sent."""
    async with connect(STANDARD) as sap:
        on = ("addCustomerGroup", "generateCustomerId", "setOriginalUid", "lowerCaseUid")
        await throw(sap, **dict.fromkeys(on, True))
        await sap.post("Customers", json={"uid": "Jane@X.com"})
        given = {"customerID": "c-1", "originalUid": "BOB", "groups": [{"uid": "newslettergroup"}]}
        await sap.post("Customers", json={"uid": "Bob@X.com", **given})
        await sap.post("Customers", json={"uid": "JANE@X.COM", "name": "Jane"})
        jane, bob = (await sap.get("http://sap.test/_sim/customers")).json()
        assert (jane["uid"], jane["name"]) == ("jane@x.com", "Jane")
        assert (jane["originalUid"], jane["groups"]) == ("jane@x.com", ["customergroup"])
        assert len(jane["customerID"]) == 36
        assert (bob["customerID"], bob["originalUid"]) == ("c-1", "BOB")
        assert bob["groups"] == ["newslettergroup"]


async def test_most_changes(sap: httpx.AsyncClient, batches: Batches) -> None:
    """A limit of changes refuses the changeset that is above it, and no other."""
    await throw(sap, maxChanges=1)
    two = batches.changeset(batches.change({"uid": "a"}), batches.change({"uid": "b"}))
    content = batches.multipart(two, batches.changeset(batches.change({"uid": "c"})))
    assert batches.statuses(await batches.send(sap, content)) == [[400], [201]]
    assert (await sap.get("Customers/$count")).text == "1"


async def test_conflict_status(sap: httpx.AsyncClient) -> None:
    """The status of an ambiguous key."""
    await throw(sap, conflictStatus=400)
    answer = await sap.post("Customers", json={"uid": "admin"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "internal_error")
