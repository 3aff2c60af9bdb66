"""Faults that strike a `$batch` as a whole, and those that strike single parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from frontdesk_sidecar.simulator import ConnectionCutError, SimulatorConfig

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from tests.sidecar.simulator.conftest import Batches

    Connect = Callable[[SimulatorConfig], AbstractAsyncContextManager[httpx.AsyncClient]]

SIM = "http://sap.test/_sim"
REFUSED = {"kind": "status", "status": 400, "code": "invalid_attribute_value", "message": "no"}


async def uids(sap: httpx.AsyncClient) -> list[str]:
    return [one["uid"] for one in (await sap.get(f"{SIM}/customers")).json()]


async def faults(sap: httpx.AsyncClient, *given: dict[str, Any]) -> None:
    answer = await sap.post(f"{SIM}/faults", json=list(given))
    assert answer.status_code == 200, answer.text


async def hits(sap: httpx.AsyncClient) -> list[int]:
    return [one["hits"] for one in (await sap.get(f"{SIM}/faults")).json()]


async def last(sap: httpx.AsyncClient) -> dict[str, Any]:
    requests = (await sap.get(f"{SIM}/requests?limit=1")).json()["requests"]
    entry: dict[str, Any] = requests[0]
    return entry


@pytest.mark.parametrize(("when", "kept"), [("before", ["a", "c"]), ("after", ["a", "b", "c"])])
async def test_matched_status(
    sap: httpx.AsyncClient, batches: Batches, when: str, kept: list[str]
) -> None:
    """A matched status is the answer of the part with that uid, and of no other."""
    await faults(sap, {**REFUSED, "match": "b", "when": when, "times": 1})
    content = batches.of({"uid": "a"}, {"uid": "b"}, {"d": {"uid": "c"}})
    answer = await batches.send(sap, content)
    assert batches.statuses(answer) == [[201], [400], [201]]
    body = batches.read(answer)[1][0][1]
    assert b'"code":"invalid_attribute_value"' in body
    assert await uids(sap) == kept
    entry = await last(sap)
    assert (entry["fault"], entry["partStatuses"]) == ("status", [201, 400, 201])
    assert await hits(sap) == [1]
    assert batches.statuses(await batches.send(sap, content)) == [[201]] * 3


@pytest.mark.parametrize(("when", "kept"), [("before", ["c"]), ("after", ["a", "b", "c"])])
async def test_matched_status_strikes_the_whole_changeset(
    sap: httpx.AsyncClient, batches: Batches, when: str, kept: list[str]
) -> None:
    """A changeset with the uid among its changes has one answer: the fault."""
    page = {"kind": "status", "status": 504, "body": "<html>late</html>", "when": when}
    await faults(sap, {**page, "headers": {"Retry-After": "7"}, "match": "b"})
    changes = [batches.change({"uid": uid}) for uid in ("a", "b")]
    content = batches.multipart(
        batches.changeset(*changes), batches.changeset(batches.change({"uid": "c"}))
    )
    answer = await batches.send(sap, content)
    [[(status, body)], [(other, _)]] = batches.read(answer)
    assert (status, body, other) == (504, b"<html>late</html>", 201)
    assert b"HTTP/1.1 504 Gateway Timeout\r\nRetry-After: 7\r\n" in answer.content
    assert await uids(sap) == kept


async def test_matched_status_reads_keys_too(sap: httpx.AsyncClient, batches: Batches) -> None:
    """A GET and a DELETE are about the uid in their key."""
    await sap.post("Customers", json={"uid": "a+b"})
    await faults(sap, {**REFUSED, "match": "a+b"})
    key = "Customers('a%252Bb')"
    content = batches.multipart(
        batches.change(line=f"GET {key} HTTP/1.1", headers=()),
        batches.changeset(batches.change(line=f"DELETE {key} HTTP/1.1", headers=("",))),
        batches.change(line="GET Customers HTTP/1.1", headers=()),
    )
    assert batches.statuses(await batches.send(sap, content)) == [[400], [400], [200]]
    assert await uids(sap) == ["a+b"]


@pytest.mark.parametrize(("when", "kept"), [("before", []), ("after", ["a", "b"])])
async def test_matched_drop(
    sap: httpx.AsyncClient, batches: Batches, when: str, kept: list[str]
) -> None:
    """A matched drop cuts the connection of the whole request, if anybody in it is meant."""
    await faults(sap, {"kind": "drop", "match": "b", "when": when})
    assert (await batches.send(sap, batches.of({"uid": "z"}))).status_code == 202
    with pytest.raises(ConnectionCutError):
        await batches.send(sap, batches.of({"uid": "a"}, {"uid": "b"}))
    assert await uids(sap) == ["z", *kept]
    entry = await last(sap)
    assert (entry["fault"], entry["status"], entry["parts"]) == ("drop", None, 2)
    assert entry["partStatuses"] == [201] * len(kept)


async def test_matched_latency(connect: Connect, batches: Batches) -> None:
    """A matched latency delays the whole request, once."""
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    async with connect(SimulatorConfig(sleep=sleep)) as sap:
        await faults(sap, {"kind": "latency", "seconds": 3, "match": "b"})
        for entries in ([{"uid": "a"}], [{"uid": "a"}, {"uid": "b"}, {"uid": "b"}]):
            assert (await batches.send(sap, batches.of(*entries))).status_code == 202
    assert waits == [3]


async def test_without_a_match_the_request_is_struck_once(
    sap: httpx.AsyncClient, batches: Batches
) -> None:
    """Any other fault counts a batch as one request."""
    await faults(sap, {"kind": "status", "status": 503, "every": 2})
    content = batches.of({"uid": "a"}, {"uid": "b"}, {"uid": "c"})
    statuses = [(await batches.send(sap, content)).status_code for _ in range(4)]
    assert statuses == [202, 503, 202, 503]
    assert await hits(sap) == [2]
    assert (await last(sap))["partStatuses"] == []


async def test_throttle_counts_one_request(sap: httpx.AsyncClient, batches: Batches) -> None:
    """The firewall does not look inside."""
    await faults(sap, {"kind": "throttle", "threshold": 2})
    content = batches.of({"uid": "a"}, {"uid": "b"}, {"uid": "c"})
    statuses = [(await batches.send(sap, content)).status_code for _ in range(3)]
    assert statuses == [202, 202, 429]


async def test_parts(sap: httpx.AsyncClient, batches: Batches) -> None:
    """With `parts` every record is refused, in a batch and alone."""
    await faults(sap, {**REFUSED, "parts": True})
    entries = [{"uid": uid} for uid in "abc"]
    assert batches.statuses(await batches.send(sap, batches.of(*entries))) == [[400]] * 3
    assert (await sap.post("Customers", json={"uid": "a"})).status_code == 400
    assert await hits(sap) == [4]
    assert await uids(sap) == []


async def test_parts_are_counted(sap: httpx.AsyncClient, batches: Batches) -> None:
    """`every` and `times` count parts then; without `parts` they count requests."""
    await faults(sap, {**REFUSED, "parts": True, "every": 2, "times": 2})
    content = batches.of(*[{"uid": uid} for uid in "abcdef"])
    expected = [[201], [400], [201], [400], [201], [201]]
    assert batches.statuses(await batches.send(sap, content)) == expected
    await faults(sap, {**REFUSED, "parts": False})
    assert (await batches.send(sap, content)).status_code == 400


@pytest.mark.parametrize("fault", [{"kind": "drop", "parts": True}, {**REFUSED, "parts": 1}])
async def test_refused_documents(sap: httpx.AsyncClient, fault: dict[str, Any]) -> None:
    """`parts` is a Boolean, and for status faults only."""
    answer = await sap.post(f"{SIM}/faults", json=[fault])
    assert answer.status_code == 400
    assert ".parts: " in answer.json()["error"]


@pytest.mark.parametrize(("status", "line"), [(204, b"204 No Content"), (299, b"299 Unknown")])
async def test_odd_statuses(
    sap: httpx.AsyncClient, batches: Batches, status: int, line: bytes
) -> None:
    """No Content has neither a body nor its length; a status without a name gets one."""
    await faults(sap, {"kind": "status", "status": status, "body": "x", "parts": True})
    answer = await batches.send(sap, batches.of({"uid": "a"}))
    assert b"HTTP/1.1 " + line + b"\r\n" in answer.content
    assert (b"Content-Length" in answer.content) == (status != 204)
    assert [[body for _, body in part] for part in batches.read(answer)] == [
        [b"" if status == 204 else b"x"]
    ]


async def test_other_faults_of_a_part(sap: httpx.AsyncClient, batches: Batches) -> None:
    """A fault for the token endpoint spares parts; an envelope that is bad is not matched."""
    await faults(sap, {**REFUSED, "parts": True, "on": "token"}, {"kind": "drop", "match": "a"})
    assert batches.statuses(await batches.send(sap, batches.of({"uid": "b"}))) == [[201]]
    assert (await batches.send(sap, batches.of({"uid": "a"})[:-2])).status_code == 400
