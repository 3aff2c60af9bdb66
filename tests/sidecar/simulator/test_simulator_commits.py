"""The order of the applied writes at /_sim/commits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from frontdesk_sidecar.simulator import SimulatorConfig, parse_definition
from frontdesk_sidecar.simulator.commits import CommitLog

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from tests.sidecar.simulator.conftest import Batches

    Connect = Callable[[SimulatorConfig], AbstractAsyncContextManager[httpx.AsyncClient]]

SIM = "http://sap.test/_sim"


async def commits(sap: httpx.AsyncClient, since: int = 0) -> list[dict[str, Any]]:
    answer = (await sap.get(f"{SIM}/commits?since={since}")).json()
    found: list[dict[str, Any]] = answer["commits"]
    assert answer["last"] >= len(found)
    return found


async def test_entries(connect: Connect) -> None:
    """A write has its number, time, uid, payload and message id; a refused one is not there."""
    async with connect(SimulatorConfig(clock=lambda: 1_700_000_000.25)) as sap:
        assert (await sap.get(f"{SIM}/commits")).json() == {"last": 0, "commits": []}
        sent = {"d": {"uid": "a\nä", "name": None, "integrationKey": "x"}}
        await sap.post("Customers", json=sent, headers={"integrationMessageId": "m-1"})
        await sap.post("Customers", json={"uid": "b", "nick": 1})
        await sap.post("Customers", json={"uid": "admin"})
        await sap.post("Customers", json={"uid": "b"})
        await sap.patch("Customers('b')", json={"name": "B"})
        await sap.delete("Customers('b')")
        times = {"time": 1_700_000_000_250, "integrationMessageId": None}
        assert await commits(sap) == [
            {"seq": 1, "uid": "a\nä", "payload": sent, **times, "integrationMessageId": "m-1"},
            {"seq": 2, "uid": "b", "payload": {"uid": "b"}, **times},
            {"seq": 3, "uid": "b", "payload": {"name": "B"}, **times},
            {"seq": 4, "uid": "b", "payload": None, **times},
        ]


async def test_since(sap: httpx.AsyncClient) -> None:
    """`since` leaves out what was seen already."""
    for uid in "abc":
        await sap.post("Customers", json={"uid": uid})
    found = [[one["seq"] for one in await commits(sap, since)] for since in (0, 1, 2, 3, 9)]
    assert found == [[1, 2, 3], [2, 3], [3], [], []]
    assert (await sap.get(f"{SIM}/commits?since=-1")).status_code == 400


async def test_order_in_batches(sap: httpx.AsyncClient, batches: Batches) -> None:
    """Changes come in the order applied; what was rolled back never shows."""
    change = batches.change
    head = ("Content-Type: application/json", "integrationMessageId: inner")
    content = batches.multipart(
        batches.changeset(change({"uid": "b"}), change({"uid": "a"}, headers=head)),
        batches.changeset(change({"uid": "c"}), change({})),
        batches.changeset(change({"uid": "b", "name": "x"})),
    )
    await batches.send(sap, content, integrationMessageId="outer")
    found = await commits(sap)
    assert [(one["seq"], one["uid"], one["integrationMessageId"]) for one in found] == [
        (1, "b", "outer"),
        (2, "a", "inner"),
        (3, "b", "outer"),
    ]
    assert found[2]["payload"] == {"uid": "b", "name": "x"}


async def test_faults_and_commits(sap: httpx.AsyncClient, batches: Batches) -> None:
    """A fault after the commit leaves an entry, one before it does not."""
    for when in ("before", "after"):
        fault = {"kind": "status", "status": 500, "match": "a", "when": when}
        await sap.post(f"{SIM}/faults", json=[fault])
        await sap.post("Customers", json={"uid": "a", "name": f"{when} alone"})
        await batches.send(sap, batches.of({"uid": "a", "name": f"{when} in a batch"}))
    found = [one["payload"]["name"] for one in await commits(sap)]
    assert found == ["after alone", "after in a batch"]


async def test_ring(connect: Connect) -> None:
    """The oldest leave a full log; numbers go on."""
    async with connect(SimulatorConfig(commit_log_size=2)) as sap:
        for uid in "abc":
            await sap.post("Customers", json={"uid": uid})
        answer = (await sap.get(f"{SIM}/commits?since=0")).json()
        assert (answer["last"], [one["seq"] for one in answer["commits"]]) == (3, [2, 3])


@pytest.mark.parametrize(("keep", "last"), [("", 0), ("commits", 1)])
async def test_reset(sap: httpx.AsyncClient, keep: str, last: int) -> None:
    """A reset clears the log and its numbers, unless it is kept."""
    await sap.post("Customers", json={"uid": "a"})
    await sap.post(f"{SIM}/reset?keep=tokens,{keep}")
    assert (await sap.get(f"{SIM}/commits")).json()["last"] == last
    await sap.post("Customers", json={"uid": "b"})
    assert [one["seq"] for one in await commits(sap)] == [*range(1, last + 1), last + 1]


async def test_root_only(connect: Connect) -> None:
    """Writes of other items are not noted; a root without a uid has none."""
    key = [{"name": "code", "unique": True}]
    items = [{"code": "Partner", "attributes": key}, {"code": "Title", "attributes": key}]
    document = {"object": "InboundPartner", "items": items}
    async with connect(SimulatorConfig(definition=parse_definition(document))) as sap:
        for path in ("Titles", "Partners"):
            assert (await sap.post(path, json={"code": "x"})).status_code == 201
        [only] = await commits(sap)
        assert (only["uid"], only["payload"]) == (None, {"code": "x"})


def test_payloads_that_are_not_kept() -> None:
    """Large ones, and what a strict reader does not take for JSON."""
    log = CommitLog(9)
    payloads = [b'"' + b"x" * 20_000 + b'"', b'\xef\xbb\xbf{"uid":"a"}', b'{\n"uid":"a"\n}']
    for payload in payloads:
        log.append(1, "a", None, payload)
    assert [one["payload"] for one in log.since(0)] == [None, None, {"uid": "a"}]
