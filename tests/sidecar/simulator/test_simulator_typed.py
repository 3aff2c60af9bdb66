"""Attributes of every type: in keys, filters and orders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from frontdesk_sidecar.simulator import SimulatorConfig, parse_config

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

    Connect = Callable[[SimulatorConfig], AbstractAsyncContextManager[httpx.AsyncClient]]

DOCUMENT: dict[str, Any] = {
    "object": "InboundThing",
    "languages": ["en", "de"],
    "items": [
        {
            "code": "Thing",
            "attributes": [
                {"name": "code", "unique": True},
                {"name": "day", "type": "Date", "unique": True, "nullable": True},
                {"name": "live", "type": "Boolean", "unique": True, "nullable": True},
                {"name": "size", "type": "Integer"},
                {"name": "weight", "type": "Double"},
                {"name": "sold", "type": "Edm.Int64"},
                {"name": "label", "localized": True},
                {"name": "maker", "reference": "Maker"},
            ],
        },
        {"code": "Maker", "enum": ["acme"]},
    ],
}
THINGS: list[dict[str, Any]] = [
    {"code": "a", "size": 9, "weight": 1.5, "sold": "10", "label": "z"},
    {"code": "b", "size": 10, "weight": 12, "sold": "9", "label": "y", "maker": {"code": "acme"}},
    {"code": "c", "day": "1970-01-01T00:00:01", "live": True},
]


@pytest.fixture
async def shop(connect: Connect) -> AsyncIterator[httpx.AsyncClient]:
    """Three things."""
    async with connect(parse_config(DOCUMENT, SimulatorConfig())) as client:
        for thing in THINGS:
            assert (await client.post("Things", json=thing)).status_code == 201
        yield client


async def codes(shop: httpx.AsyncClient, query: str) -> str:
    answer = await shop.get(f"Things?{query}")
    assert answer.status_code == 200, answer.text
    return "".join(one["code"] for one in answer.json()["d"]["results"])


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("$filter=size gt 9", "b"),
        ("$filter=size eq 9", "a"),
        ("$filter=weight lt 12", "a"),
        ("$filter=weight ge 12M", "b"),
        ("$filter=sold lt 10L", "b"),
        ("$filter=label eq 'y'", "b"),
        ("$filter=live eq true", "c"),
        ("$filter=day ge datetime'1970-01-01T00:00:01'", "c"),
        ("$filter=size eq null", "c"),
        ("$filter=size ne 9", "b"),
        ("$filter=maker/code eq 'acme'", "b"),
        ("$orderby=size", "cab"),
        ("$orderby=size desc", "bac"),
        ("$orderby=weight desc", "bac"),
        ("$orderby=label", "cba"),
        ("$orderby=live desc,code desc", "cba"),
    ],
)
async def test_queries(shop: httpx.AsyncClient, query: str, found: str) -> None:
    """Numbers compare as numbers; null fulfils nothing but null, and comes first."""
    assert await codes(shop, query) == found


@pytest.mark.parametrize("query", ["size eq 'x'", "size eq 1.5", "weight eq x", "live eq 1"])
async def test_wrong_literals(shop: httpx.AsyncClient, query: str) -> None:
    """A literal of another type is a 400."""
    answer = await shop.get("Things", params={"$filter": query})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "odata_error")


async def test_values_in_a_key(shop: httpx.AsyncClient) -> None:
    """A date stands there in epoch milliseconds, a Boolean in lower case, null as nothing."""
    content = (await shop.get("Things")).json()["d"]["results"]
    assert [one["integrationKey"] for one in content] == ["a||", "b||", "c|1000|true"]
    answer = await shop.get("Things('c%7C1000%7Ctrue')")
    assert answer.json()["d"]["day"] == "/Date(1000)/"


async def test_languages_of_an_order(shop: httpx.AsyncClient) -> None:
    """The language of the answer is that of filter and order too."""
    for code, label in (("a", "a"), ("b", "b")):
        entry = {"code": code, "localizedAttributes": [{"language": "de", "label": label}]}
        await shop.post("Things", json=entry)
    german = {"Accept-Language": "de"}
    answer = await shop.get("Things?$orderby=label desc&$top=1", headers=german)
    assert answer.json()["d"]["results"][0]["code"] == "b"
    answer = await shop.get("Things?$filter=label eq 'a'", headers=german)
    assert [one["code"] for one in answer.json()["d"]["results"]] == ["a"]


async def test_what_was_read_can_be_sent(shop: httpx.AsyncClient) -> None:
    """An entry as it was read, deferred links and all, is a good POST."""
    read = (await shop.get("Things('b%7C%7C')")).json()
    assert "__deferred" in read["d"]["maker"]
    again = await shop.post("Things", json=read)
    assert again.status_code == 201
    assert again.json() == read
    assert (await shop.get("Things('b%7C%7C')/maker")).json()["d"]["code"] == "acme"


async def test_filter_without_case(connect: Connect) -> None:
    """Where case is nothing, texts are compared without it."""
    config = parse_config({**DOCUMENT, "caseSensitive": False}, SimulatorConfig())
    async with connect(config) as shop:
        await shop.post("Things", json={"code": "Abc", "label": "X"})
        assert await codes(shop, "$filter=code eq 'aBC'") == "Abc"
        assert await codes(shop, "$filter=label ge 'x'") == "Abc"
        assert (await shop.get("Things('ABC%7C%7C')")).status_code == 200


async def test_large_pages(connect: Connect) -> None:
    """More than a thousand are cut there, and the next page has the rest."""
    config = parse_config(DOCUMENT, SimulatorConfig())
    async with connect(config) as shop:
        for number in range(1001):
            await shop.post("Things", json={"code": f"n{number}"})
        content = (await shop.get("Things?$top=1001")).json()["d"]
        assert len(content["results"]) == 1000
        rest = (await shop.get(content["__next"])).json()["d"]
        assert [one["code"] for one in rest["results"]] == ["n1000"]
        assert "__next" not in rest
        assert (await shop.get("Things/nothing")).status_code == 404
