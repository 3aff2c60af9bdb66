"""`$batch` as a client meets it."""

from __future__ import annotations

import json
import re
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
UUID = b"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
JSON = "Content-Type: application/json"
ACCEPT = "Accept: application/json"


async def stored(sap: httpx.AsyncClient) -> dict[str, Any]:
    return {one["uid"]: one for one in (await sap.get(f"{SIM}/customers")).json()}


async def test_layout(sap: httpx.AsyncClient, batches: Batches) -> None:
    """The answer is laid out byte by byte as Olingo writes it."""
    mime = ("Content-Type: application/http", "Content-Transfer-Encoding: binary", "Content-Id: 1")
    first = batches.change({"uid": "a"}, mime=mime, headers=(JSON, ACCEPT, "Content-ID: h1"))
    unknown = batches.change({"uid": "b", "nick": 1}, mime=mime)
    get = batches.change(line="GET Customers/$count HTTP/1.1", headers=(ACCEPT,), mime=mime)
    content = batches.multipart(
        batches.changeset(first, batches.change({"uid": "ä"})), batches.changeset(unknown), get
    )
    answer = await batches.send(sap, content)
    assert answer.status_code == 202
    match = re.fullmatch(
        b"multipart/mixed; boundary=(batch_" + UUID + b")", answer.headers["content-type"].encode()
    )
    assert match is not None
    assert list(answer.headers) == ["date", "content-type", "content-length"]
    changeset = re.search(b"boundary=(changeset_" + UUID + b")\r\n", answer.content)
    assert changeset is not None
    entries = [(await sap.get(f"Customers('{key}')")).content for key in ("a", "%25C3%25A4")]
    error = (
        b'{"error":{"code":"invalid_property","message":{"lang":"en","value":"An entity contains'
        b' [nick] that is not defined in the Integration Object."},"innererror":"b"}}'
    )
    address = b"http://sap.test:80/odata2webservices/InboundCustomer/Customers"
    expected = [
        b"--<batch>",
        b"Content-Type: multipart/mixed; boundary=<changeset>",
        b"",
        b"--<changeset>",
        b"Content-Type: application/http",
        b"Content-Transfer-Encoding: binary",
        b"Content-Id: 1",
        b"",
        b"HTTP/1.1 201 Created",
        b"Content-Id: h1",
        b"DataServiceVersion: 1.0",
        b"Location: " + address + b"('a')",
        b"Content-Type: application/json;charset=utf-8",
        b"Content-Length: %d" % len(entries[0]),
        b"",
        entries[0],
        b"--<changeset>",
        b"Content-Type: application/http",
        b"Content-Transfer-Encoding: binary",
        b"",
        b"HTTP/1.1 201 Created",
        b"DataServiceVersion: 1.0",
        b"Location: " + address + b"('%25C3%25A4')",
        b"Content-Type: application/json;charset=utf-8",
        b"Content-Length: %d" % len(entries[1]),
        b"",
        entries[1],
        b"--<changeset>--",
        b"--<batch>",
        b"Content-Type: application/http",
        b"Content-Transfer-Encoding: binary",
        b"",
        b"HTTP/1.1 400 Bad Request",
        b"DataServiceVersion: 1.0",
        b"Content-Type: application/json",
        b"Content-Length: %d" % len(error),
        b"",
        error,
        b"--<batch>",
        b"Content-Type: application/http",
        b"Content-Transfer-Encoding: binary",
        b"Content-Id: 1",
        b"",
        b"HTTP/1.1 200 OK",
        b"DataServiceVersion: 1.0",
        b"Content-Type: text/plain;charset=utf-8",
        b"Content-Length: 1",
        b"",
        b"2",
        b"--<batch>--",
    ]
    written = b"\r\n".join(expected).replace(b"<batch>", match[1])
    assert answer.content == written.replace(b"<changeset>", changeset[1])


async def test_parts_do_not_touch_each_other(sap: httpx.AsyncClient, batches: Batches) -> None:
    """One bad part fails alone; answers come in the order of the parts."""
    entries: list[object] = [{"uid": "a"}, {"name": "no key"}, {"uid": "b"}, b"no json"]
    answer = await batches.send(sap, batches.of(*entries))
    assert batches.statuses(answer) == [[201], [400], [201], [400]]
    assert list(await stored(sap)) == ["a", "b"]
    codes = [json.loads(part[0][1]).get("error", {}).get("code") for part in batches.read(answer)]
    assert codes == [None, "missing_key", None, "odata_error"]


async def test_changeset_is_all_or_nothing(sap: httpx.AsyncClient, batches: Batches) -> None:
    """A changeset that fails leaves creates, updates and deletes undone, order and all."""
    for uid in ("a", "b", "c"):
        await sap.post("Customers", json={"uid": uid, "name": "old"})
    before = await stored(sap)
    changes = [
        batches.change({"uid": "new"}),
        batches.change({"uid": "a", "name": "x"}),
        batches.change(line="DELETE Customers('b') HTTP/1.1", headers=("",)),
        batches.change({"uid": "b", "name": "again"}),
        batches.change({"name": "y"}, line="PATCH Customers('a') HTTP/1.1"),
    ]
    failed = await batches.send(
        sap, batches.multipart(batches.changeset(*changes, batches.change({})))
    )
    assert batches.statuses(failed) == [[400]]
    after = await stored(sap)
    assert (after, list(after)) == (before, ["a", "b", "c"])
    good = await batches.send(sap, batches.multipart(batches.changeset(*changes)))
    assert batches.statuses(good) == [[201, 201, 200, 201, 200]]
    after = await stored(sap)
    assert list(after) == ["a", "c", "new", "b"]
    assert (after["a"]["name"], after["a"]["writes"], after["b"]["writes"]) == ("y", 3, 1)


async def test_first_error_is_returned(sap: httpx.AsyncClient, batches: Batches) -> None:
    """Of a changeset with several bad changes the first is told, and nothing after it is run."""
    changes = [batches.change({"uid": "a"}), batches.change({"uid": "b", "nick": 1})]
    bad = batches.changeset(*changes, batches.change({"uid": "c", "more": 1}))
    [[(status, body)]] = batches.read(await batches.send(sap, batches.multipart(bad)))
    assert (status, json.loads(body)["error"]["innererror"]) == (400, "b")
    assert await stored(sap) == {}


async def test_charset(sap: httpx.AsyncClient, batches: Batches) -> None:
    """Without an inner Content-Type a name beyond ASCII is spoilt in the store."""
    content = batches.multipart(
        batches.changeset(batches.change({"uid": "a", "name": "Jürgen €"})),
        batches.changeset(batches.change({"uid": "b", "name": "Jürgen €"}, headers=(ACCEPT,))),
        batches.changeset(batches.change({"uid": "c"}, headers=("Content-Type: text/plain",))),
    )
    answer = await batches.send(sap, content)
    assert batches.statuses(answer) == [[201], [201], [415]]
    names = {uid: one["name"] for uid, one in (await stored(sap)).items()}
    assert names == {"a": "Jürgen €", "b": "JÃ¼rgen â\x82¬"}


async def test_inner_headers_count(sap: httpx.AsyncClient, batches: Batches) -> None:
    """`Accept` and `Content-Language` are those of the change, not of the batch."""
    wild = batches.change({"uid": "a"}, headers=(JSON,))
    tongue = batches.change({"uid": "b"}, headers=(JSON, ACCEPT, "Content-Language: tlh"))
    content = batches.multipart(batches.changeset(wild), batches.changeset(tongue))
    answer = await batches.send(sap, content)
    [[(_, entry)], [(status, error)]] = batches.read(answer)
    assert entry.startswith(b"<?xml")
    assert (status, json.loads(error)["error"]["code"]) == (400, "invalid_language")


async def test_other_targets(sap: httpx.AsyncClient, batches: Batches) -> None:
    """Unknown entity sets, verbs that are not simulated and a batch in a batch fail their part."""
    lines = ("POST customers HTTP/1.1", "PUT Customers('a') HTTP/1.1", "POST $batch HTTP/1.1")
    changesets = [batches.changeset(batches.change({"uid": "a"}, line=line)) for line in lines]
    answer = await batches.send(sap, batches.multipart(*changesets))
    assert batches.statuses(answer) == [[404], [405], [501]]


@pytest.mark.parametrize(
    ("parts", "changes", "is_good"), [(3, 1, True), (4, 1, False), (3, 9, True)]
)
async def test_limit_counts_parts(
    connect: Connect, batches: Batches, parts: int, changes: int, is_good: bool
) -> None:
    """More parts than the limit are refused as a whole, however many changes are in them."""
    async with connect(SimulatorConfig(batch_limit=3)) as sap:
        change = batches.change({"uid": "a"})
        content = batches.multipart(*[batches.changeset(*[change] * changes)] * parts)
        answer = await batches.send(sap, content, Accept="*/*")
        if is_good:
            assert batches.statuses(answer) == [[201] * changes] * parts
            return
        assert (answer.status_code, answer.headers["dataserviceversion"]) == (400, "1.0")
        assert answer.headers["content-type"] == "application/json"
        assert answer.json()["error"]["code"] == "batch_limit_exceeded"
        assert await stored(sap) == {}


async def test_default_limit(sap: httpx.AsyncClient, batches: Batches) -> None:
    """200 parts are taken, 201 are not."""
    parts = [{"uid": str(number)} for number in range(201)]
    assert (await batches.send(sap, batches.of(*parts))).status_code == 400
    assert (await batches.send(sap, batches.of(*parts[1:]))).status_code == 202
    assert len(await stored(sap)) == 200


async def test_malformed(sap: httpx.AsyncClient, batches: Batches) -> None:
    """A malformed envelope is an ordinary OData error; nothing of it is stored."""
    good = batches.of({"uid": "a"}, {"uid": "b"})
    for content in (good.replace(b"\r\n", b"\n"), good[:-2], b""):
        answer = await batches.send(sap, content)
        assert (answer.status_code, answer.headers["content-type"]) == (400, "application/json")
        assert answer.json()["error"]["code"] == "odata_error"
    wild = await batches.send(sap, b"", Accept="*/*")
    assert (wild.status_code, wild.headers["content-type"]) == (400, "application/xml")
    assert await stored(sap) == {}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "$batch", 405),
        ("POST", "%24batch", 202),
        ("POST", "../InboundOther/$batch", 404),
        ("POST", "Customers/$batch", 405),
    ],
)
async def test_addresses(
    sap: httpx.AsyncClient, batches: Batches, method: str, path: str, status: int
) -> None:
    """It is a POST right below the object."""
    headers = {"Content-Type": "multipart/mixed; boundary=batch_1"}
    content = batches.of({"uid": "a"})
    base = str(sap.base_url)
    url = base + path if path[0] != "." else base.rsplit("/", 2)[0] + path[2:]
    answer = await sap.request(method, url, content=content, headers=headers)
    assert answer.status_code == status


async def test_switched_off_and_signed_out(connect: Connect, batches: Batches) -> None:
    """Without batches it is a 501; without a token a 401 like everything else."""
    async with connect(SimulatorConfig(batch_enabled=False)) as sap:
        assert (await batches.send(sap, batches.of({"uid": "a"}))).status_code == 501
        [last] = (await sap.get(f"{SIM}/requests?limit=1")).json()["requests"]
        assert last["parts"] is None
    async with connect(SimulatorConfig()) as sap:
        sap.headers["authorization"] = "Bearer x"
        assert (await batches.send(sap, batches.of({"uid": "a"}))).status_code == 401
        assert await stored(sap) == {}


async def test_log(sap: httpx.AsyncClient, batches: Batches) -> None:
    """A batch shows its parts and their statuses, one for each part."""
    changes = [batches.change({"uid": "b"}), batches.change({"uid": "c"})]
    content = batches.multipart(
        batches.changeset(batches.change({"uid": "a"})),
        batches.changeset(batches.change({})),
        batches.changeset(*changes),
        batches.change(line="GET Customers('z') HTTP/1.1", headers=()),
    )
    await batches.send(sap, content)
    await batches.send(sap, b"")
    *_, good, bad = (await sap.get(f"{SIM}/requests")).json()["requests"]
    assert (good["status"], good["parts"], good["partStatuses"]) == (202, 4, [201, 400, 201, 404])
    assert (good["payload"], good["fault"]) == (None, None)
    assert (bad["status"], bad["parts"], bad["partStatuses"]) == (400, None, [])
