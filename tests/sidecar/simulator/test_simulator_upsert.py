"""POST: upserts, their answers and their errors."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from frontdesk_sidecar.simulator import SimulatorConfig, parse_definition

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    Connect = Callable[[SimulatorConfig], AbstractAsyncContextManager[httpx.AsyncClient]]

JANE = {"uid": "jane.doe@example.com", "name": "Jane Doe"}
JANE_KEY = "jane.doe%40example.com"


async def stored(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    answer = await client.get("http://sap.test/_sim/customers")
    customers: list[dict[str, Any]] = answer.json()
    return customers


async def test_create(sap: httpx.AsyncClient) -> None:
    """A create is a 201 with Location and the whole entry in EDM order."""
    answer = await sap.post("Customers", json=JANE)
    uri = (
        "http://sap.test:80/odata2webservices/InboundCustomer/Customers('jane.doe%2540example.com')"
    )
    assert answer.status_code == 201
    assert answer.headers["location"] == uri
    assert answer.headers["content-type"] == "application/json;charset=utf-8"
    assert answer.headers["dataserviceversion"] == "1.0"
    entry = answer.json()["d"]
    assert list(entry.items()) == [
        ("__metadata", {"id": uri, "uri": uri, "type": "HybrisCommerceOData.Customer"}),
        ("uid", "jane.doe@example.com"),
        ("name", "Jane Doe"),
        ("contactEmail", None),
        ("firstName", None),
        ("lastName", None),
        ("customerID", None),
        ("originalUid", None),
        ("loginDisabled", False),
        ("deactivationDate", None),
        ("integrationKey", JANE_KEY),
    ]


async def test_update_merges(sap: httpx.AsyncClient) -> None:
    """A repeat is a 201 too: absent keeps, null clears, given replaces."""
    await sap.post("Customers", json={**JANE, "firstName": "Jane", "lastName": "Doe"})
    change = {"uid": JANE["uid"], "firstName": None, "lastName": "Roe"}
    answer = await sap.post("Customers", json={**change, "integrationKey": "dummy"})
    entry = answer.json()["d"]
    assert answer.status_code == 201
    assert (entry["name"], entry["firstName"], entry["lastName"]) == ("Jane Doe", None, "Roe")
    [customer] = await stored(sap)
    assert customer["writes"] == 2
    assert customer["updated"] >= customer["created"]


async def test_dates(sap: httpx.AsyncClient) -> None:
    """A bare ISO date is read as GMT and answered in the JSON form."""
    answer = await sap.post(
        "Customers", json={"uid": "a", "deactivationDate": "2026-01-31T09:13:28.5"}
    )
    assert answer.json()["d"]["deactivationDate"] == "/Date(1769850808500)/"


async def test_error_leaves_the_customer(sap: httpx.AsyncClient) -> None:
    """A refused update changes nothing."""
    await sap.post("Customers", json=JANE)
    await sap.post("Customers", json={**JANE, "name": "Other", "nick": "x"})
    assert [one["name"] for one in await stored(sap)] == ["Jane Doe"]


@pytest.mark.parametrize(
    ("entry", "status", "code", "inner", "text"),
    [
        ({"name": "x"}, 400, "missing_key", None, "Key [uid] is required"),
        ({"uid": None}, 400, "missing_key", None, "EntityType [Customer]"),
        ({**JANE, "nick": "x"}, 400, "invalid_property", JANE_KEY, "contains [nick]"),
        ({"nick": "x"}, 400, "invalid_property", None, "contains [nick]"),
        ({**JANE, "loginDisabled": "true"}, 400, "odata_error", None, "'loginDisabled'"),
        ({**JANE, "name": 1}, 400, "odata_error", None, "'name'"),
        ({**JANE, "name": "x" * 256}, 400, "invalid_attribute_value", JANE_KEY, "[name]"),
        ({"uid": "admin"}, 500, "internal_error", "admin", "ambiguous unique keys {uid=admin}"),
        ([JANE], 400, "odata_error", None, "IllegalStateException"),
        ({}, 400, "odata_error", None, "IllegalStateException"),
    ],
)
async def test_refused_entries(
    sap: httpx.AsyncClient, entry: object, status: int, code: str, inner: str | None, text: str
) -> None:
    """Each offence has its status, code, text and, when known, the key as inner error."""
    answer = await sap.post("Customers", json=entry)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error.get("innererror")) == (status, code, inner)
    assert error["message"]["lang"] == "en"
    assert text in error["message"]["value"]
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "code"),
    [
        ("POST", "customers", {}, 404, "not_found"),
        ("POST", "../InboundOther/Customers", {}, 404, "not_found"),
        ("POST", "Customers", {"content-type": "text/plain"}, 415, None),
        ("POST", "Customers", {"content-type": ""}, 415, None),
        ("POST", "Customers", {"content-language": "tlh"}, 400, "invalid_language"),
        ("POST", "Customers?$top=1", {}, 405, "method_not_allowed"),
        ("POST", "Customers?$colour=1", {}, 400, "odata_error"),
        ("POST", "Customers('a')", {}, 405, "method_not_allowed"),
        ("POST", "$metadata", {}, 405, "method_not_allowed"),
        ("POST", "$batch", {}, 415, None),
        ("POST", "Customers(", {}, 400, "odata_error"),
        ("PUT", "Customers('a')", {}, 405, "method_not_allowed"),
        ("MERGE", "Customers('a')", {}, 405, "method_not_allowed"),
        ("PUT", "Customers", {}, 405, "method_not_allowed"),
        ("POST", "Customers", {"accept": "text/html"}, 406, None),
    ],
)
async def test_refused_requests(
    sap: httpx.AsyncClient,
    method: str,
    path: str,
    headers: dict[str, str],
    status: int,
    code: str | None,
) -> None:
    """What is wrong about the request itself is found before the body is read."""
    given = {"content-type": "application/json", **headers}
    url = f"{sap.base_url}{path}" if not path.startswith("..") else _sibling(sap, path)
    answer = await sap.request(method, f"{url}", content=b"no json", headers=given)
    assert answer.status_code == status
    if "accept" not in headers:
        assert answer.json()["error"]["code"] == code


def _sibling(sap: httpx.AsyncClient, path: str) -> str:
    return str(sap.base_url).rsplit("/", 2)[0] + path.removeprefix("..")


async def test_custom_query_option(sap: httpx.AsyncClient) -> None:
    """A query option of the caller's own is no offence."""
    assert (await sap.post("Customers?trace=1", json=JANE)).status_code == 201


@pytest.mark.parametrize(
    ("authorization", "challenge"),
    [
        (None, 'Bearer realm="hybris"'),
        ("Basic YTpi", 'Bearer realm="hybris"'),
        ("Bearer unknown", 'Bearer realm="hybris", error="invalid_token"'),
    ],
)
async def test_without_a_good_token(
    sap: httpx.AsyncClient, authorization: str | None, challenge: str
) -> None:
    """The 401 comes first, from the servlet container, and is no OData."""
    del sap.headers["authorization"]
    headers = {} if authorization is None else {"authorization": authorization}
    answer = await sap.post("Nothing", content=b"", headers=headers)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, challenge)
    assert answer.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("application/json", "json"),
        ("application/json;charset=utf-8", "json"),
        ("application/json, */*;q=0.1", "json"),
        ("*/*", "xml"),
        ("", "xml"),
        ("application/json;odata=verbose", "xml"),
        ("application/json;q=0.5, application/xml", "xml"),
    ],
)
async def test_notation_of_errors(sap: httpx.AsyncClient, accept: str, kind: str) -> None:
    """An error is JSON only for a client that asks for exactly that."""
    answer = await sap.post("Nothing", json=JANE, headers={"accept": accept})
    assert answer.headers["content-type"] == f"application/{kind}"
    assert b"not_found" in answer.content


async def test_xml_error_and_entry(sap: httpx.AsyncClient) -> None:
    """Texts in XML are escaped, in errors and in entries."""
    wild = {"accept": "*/*"}
    error = await sap.post("Customers", json={"uid": "<&\x00", "nick": 1}, headers=wild)
    assert "<innererror>%3C%26%00</innererror>" in error.text
    entry = await sap.post("Customers", json={"uid": "<&\x00"}, headers=wild)
    assert entry.headers["content-type"].startswith("application/atom+xml;type=entry")
    assert "<d:uid>&lt;&amp;?</d:uid>" in entry.text
    assert '<d:name m:null="true"/>' in entry.text


async def test_case_sensitive(sap: httpx.AsyncClient) -> None:
    """By default uids that differ in case are two customers."""
    for uid in ("A@x", "a@x"):
        await sap.post("Customers", json={"uid": uid})
    assert [one["uid"] for one in await stored(sap)] == ["A@x", "a@x"]


async def test_case_insensitive(connect: Connect) -> None:
    """With the switch they are one, and other principals are matched alike."""
    async with connect(SimulatorConfig(case_sensitive=False)) as sap:
        for uid in ("Ä@x", "ä@x"):
            await sap.post("Customers", json={"uid": uid})
        assert [one["uid"] for one in await stored(sap)] == ["ä@x"]
        assert (await sap.get("Customers('%25C3%2584%2540x')")).status_code == 200
        assert (await sap.post("Customers", json={"uid": "Admin"})).status_code == 500


async def test_other_object(connect: Connect) -> None:
    """Another object brings its names, its required attributes and defaults."""
    attributes = [
        {"name": "code", "unique": True},
        {"name": "email", "required": True},
        {"name": "active", "type": "Edm.Boolean", "default": True},
        {"name": "display", "onWrite": "ignore"},
        {"name": "total", "onWrite": "reject"},
    ]
    document = {
        "object": "InboundPartner",
        "items": [{"code": "Partner", "attributes": attributes}],
    }
    async with connect(SimulatorConfig(definition=parse_definition(document))) as sap:
        missing = await sap.post("Partners", json={"code": "admin"})
        assert missing.json()["error"] == {
            "code": "missing_property",
            "message": {
                "lang": "en",
                "value": "Property [email] is required for EntityType [Partner].",
            },
            "innererror": "admin",
        }
        made = await sap.post("Partners", json={"code": "admin", "email": "e", "display": "x"})
        assert made.json()["d"]["active"] is True
        assert made.json()["d"]["display"] is None
        assert (await sap.post("Partners", json={"code": "admin"})).status_code == 201
        cleared = await sap.post("Partners", json={"code": "admin", "email": None})
        assert cleared.json()["error"]["code"] == "missing_property"
        derived = await sap.post("Partners", json={"code": "admin", "total": "1"})
        assert derived.json()["error"]["code"] == "invalid_attribute_value"


async def test_body_limit(connect: Connect) -> None:
    """A body above the limit is refused by the ingress."""
    async with connect(SimulatorConfig(max_body_bytes=100)) as sap:
        answer = await sap.post("Customers", content=json.dumps({"uid": "x" * 100}))
        assert answer.status_code == 413
        assert answer.headers["content-type"].startswith("text/html")
