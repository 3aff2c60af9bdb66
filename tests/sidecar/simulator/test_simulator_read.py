"""GET: by key, by filter, pages, and the documents about the object."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

UIDS = [
    "a+b@x.com",
    "o'brien@x.com",
    "100%@x.com",
    "guid|guest@x.com",
    "two words",
    "jürgen",
    "a/b",
    "😀",
]


async def add(sap: httpx.AsyncClient, count: int) -> None:
    for number in range(count):
        await sap.post("Customers", json={"uid": f"u{number}", "name": f"n{number % 2}"})


@pytest.mark.parametrize("uid", UIDS)
async def test_location_leads_to_the_customer(sap: httpx.AsyncClient, uid: str) -> None:
    """The address in the answer is the customer's, whatever the uid contains."""
    created = await sap.post("Customers", json={"uid": uid})
    read = await sap.get(created.headers["location"])
    assert (read.status_code, read.json()) == (200, created.json())


@pytest.mark.parametrize("uid", UIDS)
async def test_filter_by_uid(sap: httpx.AsyncClient, uid: str) -> None:
    """A filter on the uid finds the customer, quotes doubled."""
    for other in UIDS:
        await sap.post("Customers", json={"uid": other})
    literal = uid.replace("'", "''")
    answer = await sap.get("Customers", params={"$filter": f"uid eq '{literal}'"})
    assert [one["uid"] for one in answer.json()["d"]["results"]] == [uid]


@pytest.mark.parametrize(
    ("predicate", "status", "code"),
    [
        ("('jane.doe%2540example.com')", 200, None),
        ("('jane.doe%40example.com')", 200, None),
        ("('jane.doe@example.com')", 200, None),
        ("(integrationKey='jane.doe%2540example.com')", 200, None),
        ("('nobody')", 404, "not_found"),
        ("(jane)", 400, "invalid_key"),
        ("('a%7Cb')", 400, "invalid_key"),
        ("('100%25')", 400, "invalid_key"),
        ("('a'b')", 400, "invalid_key"),
        ("('a')/colour", 404, "not_found"),
    ],
)
async def test_by_key(
    sap: httpx.AsyncClient, predicate: str, status: int, code: str | None
) -> None:
    """Both encodings find a plain mail address; a malformed key is a 400."""
    await sap.post("Customers", json={"uid": "jane.doe@example.com"})
    answer = await sap.get(f"Customers{predicate}")
    assert answer.status_code == status
    assert answer.json().get("error", {}).get("code") == code


async def test_pages(sap: httpx.AsyncClient) -> None:
    """A collection comes in pages of ten, in the order of creation, linked by __next."""
    await add(sap, 23)
    uids: list[str] = []
    sizes: list[int] = []
    address: str | None = "Customers?$inlinecount=allpages"
    while address:
        page: dict[str, Any] = (await sap.get(address)).json()["d"]
        assert page["__count"] == "23"
        sizes.append(len(page["results"]))
        uids += [one["uid"] for one in page["results"]]
        address = page.get("__next")
    assert sizes == [10, 10, 3]
    assert uids == [f"u{number}" for number in range(23)]


@pytest.mark.parametrize(
    ("query", "uids"),
    [
        ("$top=2", ["u0", "u1"]),
        ("$top=2&$skip=3", ["u3", "u4"]),
        ("$top=0", []),
        ("$top=12&$skip=11", ["u11"]),
        ("$filter=name eq 'n1'&$top=2", ["u1", "u3"]),
        ("$filter=loginDisabled eq true", []),
        ("$filter=deactivationDate eq null&$top=1", ["u0"]),
        ("$filter=deactivationDate eq datetime'2026-01-01T00:00:00'", []),
        ("$filter=uid eq 'U1'", []),
        ("$filter=uid eq 'u1' or uid eq 'u2' and name eq 'n0'", ["u1", "u2"]),
        ("$filter=(uid eq 'u1' or uid eq 'u2') and name eq 'n0'", ["u2"]),
        ("$filter=uid ge 'u8'", ["u8", "u9"]),
        ("$filter=uid gt 'u8' or uid lt 'u1'", ["u0", "u9"]),
        ("$filter=uid le 'u10' and uid ne 'u0'", ["u1", "u10"]),
        ("$filter=deactivationDate ne null", []),
        ("$filter=name eq 'n 1'", []),
        ("$orderby=name desc,uid&$top=2", ["u1", "u11"]),
        ("$orderby=uid desc&$top=1", ["u9"]),
    ],
)
async def test_options(sap: httpx.AsyncClient, query: str, uids: list[str]) -> None:
    """The simulated query options choose and cut; a wanted top has no next page."""
    await add(sap, 12)
    content = (await sap.get(f"Customers?{query}")).json()["d"]
    assert [one["uid"] for one in content["results"]] == uids
    assert "__next" not in content


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("$filter=integrationKey eq 'a'", 400, "integration_key_not_supported"),
        ("$filter=title/code eq 'mr'", 404, "not_found"),
        ("$filter=a/b/c eq 'mr'", 400, "filter_not_supported"),
        ("$filter=not (uid eq 'a')", 400, "operator_not_supported"),
        ("$filter=uid eq 'a' or", 400, "odata_error"),
        ("$filter=(uid eq 'a'", 400, "odata_error"),
        ("$filter=uid eq 'a')", 400, "odata_error"),
        ("$filter=uid like 'a'", 400, "operator_not_supported"),
        ("$filter=startswith(uid,'a')", 400, "operator_not_supported"),
        ("$filter=colour eq 'a'", 404, "not_found"),
        ("$filter=uid eq a", 400, "odata_error"),
        ("$filter=uid eq 'o'brien'", 400, "odata_error"),
        ("$filter=loginDisabled eq 'true'", 400, "odata_error"),
        ("$filter=", 400, "odata_error"),
        ("$expand=title", 404, "not_found"),
        ("$select=uid", 400, "invalid_query_parameter"),
        ("$orderby=colour", 404, "not_found"),
        ("$orderby=uid up", 400, "odata_error"),
        ("$orderby=integrationKey", 400, "order_by_integration_key_not_supported"),
        ("$orderby=title/code", 400, "order_by_nested_attribute_not_supported"),
        ("$top=x", 400, "odata_error"),
        ("$top=1&$top=2", 400, "odata_error"),
        ("$inlinecount=some", 400, "odata_error"),
        ("$colour=red", 400, "odata_error"),
    ],
)
async def test_refused_options(sap: httpx.AsyncClient, query: str, status: int, code: str) -> None:
    """What is not simulated or wrong is an error, never ignored."""
    answer = await sap.get(f"Customers?{query}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


async def test_count(sap: httpx.AsyncClient) -> None:
    """`$count` is a plain number, with a filter or without."""
    await add(sap, 5)
    assert (await sap.get("Customers/$count")).text == "5"
    assert (await sap.get("Customers/$count?$filter=name eq 'n1'")).text == "2"


async def test_documents(sap: httpx.AsyncClient) -> None:
    """Service document in JSON and XML, and metadata, which is always XML."""
    document = await sap.get("")
    assert document.json() == {"d": {"EntitySets": ["Customers"]}}
    in_xml = await sap.get("", headers={"accept": "*/*"})
    assert '<app:collection href="Customers">' in in_xml.text
    metadata = await sap.get("$metadata")
    assert metadata.headers["content-type"] == "application/xml"
    assert 'EntityType Name="Customer"' in metadata.text


async def test_format_option(sap: httpx.AsyncClient) -> None:
    """`$format` beats the Accept header."""
    await add(sap, 1)
    xml = await sap.get("Customers?$format=atom&$inlinecount=allpages")
    assert xml.headers["content-type"].startswith("application/atom+xml;type=feed")
    assert "<m:count>1</m:count><entry>" in xml.text
    json = await sap.get("Customers?$format=json", headers={"accept": "*/*"})
    assert len(json.json()["d"]["results"]) == 1
    assert (await sap.get("Nothing?$format=atom")).headers["content-type"] == "application/xml"
