"""References, collections, children, localized values: how they are stored and shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from frontdesk_sidecar.simulator import SimulatorConfig, parse_config, shipped_config

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

    from tests.sidecar.simulator.conftest import Batches

    Connect = Callable[[SimulatorConfig], AbstractAsyncContextManager[httpx.AsyncClient]]

JANE = "jane@x.com"
JANE_PATH = "Customers('jane%2540x.com')"
STANDARD = shipped_config("standard", SimulatorConfig())
SURPRISING = shipped_config("surprising", SimulatorConfig())
EVERYTHING = "title,type,sessionLanguage,sessionCurrency,groups,addresses"


@pytest.fixture
async def shop(connect: Connect) -> AsyncIterator[httpx.AsyncClient]:
    """Signed in where `InboundCustomer` is the standard object."""
    async with connect(STANDARD) as client:
        yield client


async def put(shop: httpx.AsyncClient, **entry: Any) -> dict[str, Any]:
    answer = await shop.post("Customers", json={"uid": JANE, **entry})
    assert answer.status_code == 201, answer.text
    return await expanded(shop)


async def expanded(shop: httpx.AsyncClient, path: str = EVERYTHING) -> dict[str, Any]:
    found: dict[str, Any] = (await shop.get(f"{JANE_PATH}?$expand={path}")).json()["d"]
    return found


async def refusal(answer: httpx.Response) -> tuple[int, str | None, str]:
    error = answer.json()["error"]
    return answer.status_code, error["code"], error["message"]["value"]


def uids(collection: dict[str, Any]) -> list[str]:
    return [one["uid"] for one in collection["results"]]


async def test_links_are_deferred(shop: httpx.AsyncClient) -> None:
    """Every navigation comes last, as a deferred link, whether it leads anywhere or not."""
    answer = await shop.post("Customers", json={"uid": JANE, "title": {"code": "mr"}})
    entry = answer.json()["d"]
    names = ["title", "type", "sessionLanguage", "sessionCurrency", "groups", "addresses"]
    assert list(entry)[-7:] == ["integrationKey", *names]
    for name in names:
        assert entry[name] == {"__deferred": {"uri": f"{entry['__metadata']['uri']}/{name}"}}


async def test_references(shop: httpx.AsyncClient) -> None:
    """A reference is kept when absent, replaced when given, cleared by null."""
    jane = await put(
        shop,
        title={"code": "mr"},
        type={"code": "REGISTERED"},
        sessionLanguage={"isocode": "de"},
        sessionCurrency={"isocode": "EUR"},
    )
    assert (jane["title"]["code"], jane["title"]["name"]) == ("mr", "Mr")
    assert jane["title"]["__metadata"]["type"] == "HybrisCommerceOData.Title"
    assert jane["sessionLanguage"]["integrationKey"] == "de"
    jane = await put(shop, title={"code": "ms"}, type=None)
    assert (jane["title"]["code"], jane["type"]) == ("ms", None)
    assert jane["sessionCurrency"]["isocode"] == "EUR"


@pytest.mark.parametrize(
    ("entry", "code", "text"),
    [
        ({"title": {"code": "lord"}}, "missing_nav_property", "attribute [title] in [Customer]"),
        ({"groups": [{"uid": "vips"}]}, "missing_nav_property", "attribute [groups]"),
        ({"title": {}}, "missing_key", "Key [code] is required for EntityType [Title]."),
        ({"title": {"code": "mr", "colour": 1}}, "invalid_property", "contains [colour]"),
        ({"title": [{"code": "mr"}]}, "odata_error", "IllegalStateException"),
        ({"title": "mr"}, "odata_error", "IllegalStateException"),
        ({"groups": {"uid": "customergroup"}}, "odata_error", "IllegalStateException"),
        ({"groups": ["customergroup"]}, "odata_error", "IllegalStateException"),
        ({"groups": "customergroup"}, "odata_error", "IllegalStateException"),
        ({"uid": "customergroup"}, "internal_error", "ambiguous unique keys {uid=customergroup}"),
        (
            {"addresses": [{"publicKey": "home"}]},
            "missing_key",
            "Key NavigationProperty [owner] is required for EntityType [Address].",
        ),
    ],
)
async def test_refused(
    shop: httpx.AsyncClient, entry: dict[str, Any], code: str, text: str
) -> None:
    """What cannot be linked is refused, and nothing of it is stored."""
    answer = await shop.post("Customers", json={"uid": JANE, "name": "Jane", **entry})
    status, found, message = await refusal(answer)
    assert (status, found) == (500 if code == "internal_error" else 400, code)
    assert text in message
    assert (await shop.get("http://sap.test/_sim/customers")).json() == []


async def test_failed_update_is_undone(shop: httpx.AsyncClient) -> None:
    """An update whose reference fails leaves the customer as it was."""
    await put(shop, name="Jane", title={"code": "mr"})
    answer = await shop.post(
        "Customers", json={"uid": JANE, "name": "Other", "title": {"code": "lord"}}
    )
    assert answer.json()["error"]["innererror"] == "jane%40x.com"
    [jane] = (await shop.get("http://sap.test/_sim/customers")).json()
    assert (jane["name"], jane["title"], jane["writes"]) == ("Jane", "mr", 1)


async def test_collections_append(shop: httpx.AsyncClient) -> None:
    """A POST appends and de-duplicates; null and absent keep what there is."""
    one, two = {"uid": "customergroup"}, {"uid": "newslettergroup"}
    jane = await put(shop, groups=[one, one])
    assert uids(jane["groups"]) == ["customergroup"]
    jane = await put(shop, groups={"results": [two, one]})
    assert uids(jane["groups"]) == ["customergroup", "newslettergroup"]
    keeping: list[dict[str, Any]] = [{"groups": None}, {"groups": []}, {}]
    for entry in keeping:
        jane = await put(shop, **entry)
        assert uids(jane["groups"]) == ["customergroup", "newslettergroup"]


async def test_patch_replaces_collections(shop: httpx.AsyncClient) -> None:
    """A PATCH replaces a collection, also by an empty one, and cannot clear it by null."""
    await put(shop, groups=[{"uid": "customergroup"}], title={"code": "mr"})
    changed = await shop.patch(JANE_PATH, json={"groups": [{"uid": "newslettergroup"}]})
    assert changed.status_code == 200
    assert uids((await expanded(shop))["groups"]) == ["newslettergroup"]
    await shop.patch(JANE_PATH, json={"groups": []})
    assert uids((await expanded(shop))["groups"]) == []
    for name in ("groups", "title"):
        status, code, _ = await refusal(await shop.patch(JANE_PATH, json={name: None}))
        assert (status, code) == (400, "invalid_attribute_value")


async def test_children(shop: httpx.AsyncClient) -> None:
    """A part-of child is created with its owner, found by its own key, and leaves with it."""
    owner = {"uid": JANE}
    home = {"publicKey": "home", "owner": owner, "firstname": "Jane", "title": {"code": "ms"}}
    jane = await put(shop, addresses=[home])
    [address] = jane["addresses"]["results"]
    assert address["integrationKey"] == "home|jane%40x.com"
    assert address["__metadata"]["uri"].endswith("Addresses('home%7Cjane%2540x.com')")
    await put(shop, addresses=[{"publicKey": "home", "owner": owner, "town": "Bern"}])
    found = (await shop.get("Addresses('home%7Cjane%2540x.com')?$expand=owner,title")).json()["d"]
    assert (found["firstname"], found["town"]) == ("Jane", "Bern")
    assert (found["owner"]["uid"], found["title"]["code"]) == (JANE, "ms")
    work = {"publicKey": "work", "owner": owner}
    await shop.patch(JANE_PATH, json={"addresses": [work]})
    assert (await shop.get("Addresses/$count")).text == "1"
    assert (await shop.get("Addresses('home%7Cjane%2540x.com')")).status_code == 404
    assert (await shop.delete(JANE_PATH)).status_code == 200
    assert (await shop.get("Addresses/$count")).text == "0"


async def test_key_reference_cannot_change(shop: httpx.AsyncClient) -> None:
    """A PATCH cannot give an address to somebody else."""
    await put(shop, addresses=[{"publicKey": "home", "owner": {"uid": JANE}}])
    address = "Addresses('home%7Cjane%2540x.com')"
    same = {"owner": {"uid": JANE}, "town": "Bern"}
    assert (await shop.patch(address, json=same)).status_code == 200
    status, code, _ = await refusal(await shop.patch(address, json={"owner": {"uid": "x"}}))
    assert (status, code) == (400, "invalid_key")


async def test_deleted_target(shop: httpx.AsyncClient) -> None:
    """A link to what was deleted leads nowhere."""
    await put(shop, title={"code": "mr"})
    assert (await shop.delete("Titles('mr')")).status_code == 200
    assert (await expanded(shop))["title"] is None
    assert (await shop.get(f"{JANE_PATH}/title")).status_code == 404


async def test_reading_along_a_link(shop: httpx.AsyncClient) -> None:
    """A navigation can be read by itself: an entry, a collection, its number."""
    groups = [{"uid": "customergroup"}, {"uid": "newslettergroup"}]
    await put(shop, title={"code": "mr"}, groups=groups, name="Jane")
    assert (await shop.get(f"{JANE_PATH}/title")).json()["d"]["code"] == "mr"
    query = "$filter=uid ne 'customergroup'&$inlinecount=allpages"
    content = (await shop.get(f"{JANE_PATH}/groups?{query}")).json()["d"]
    assert (uids(content), content["__count"]) == (["newslettergroup"], "1")
    assert (await shop.get(f"{JANE_PATH}/groups/$count")).text == "2"
    page = (await shop.get(f"{JANE_PATH}/groups?$top=1&$skip=1")).json()["d"]
    assert uids(page) == ["newslettergroup"]
    statuses = [
        (await shop.get(f"{JANE_PATH}/{path}")).status_code
        for path in ("name", "colour", "title/code", "groups/x", "type")
    ]
    assert statuses == [501, 404, 404, 404, 404]
    refused = await shop.get(f"{JANE_PATH}?$filter=uid eq 'a'")
    assert (await refusal(refused))[:2] == (400, "invalid_query_parameter")


async def test_filter_along_a_link(shop: httpx.AsyncClient) -> None:
    """A filter may look one level deep, into a reference and into a collection."""
    await put(shop, title={"code": "mr"}, groups=[{"uid": "customergroup"}])
    await shop.post("Customers", json={"uid": "b"})
    for query, found in (
        ("title/code eq 'mr'", [JANE]),
        ("title/integrationKey eq 'mr'", [JANE]),
        ("groups/uid eq 'customergroup'", [JANE]),
        ("title/code eq 'ms'", []),
    ):
        content = (await shop.get("Customers", params={"$filter": query})).json()["d"]
        assert uids(content) == found
    assert (await shop.get("Customers?$filter=title/colour eq 'x'")).status_code == 404


async def test_atom(shop: httpx.AsyncClient) -> None:
    """In Atom links are elements, and expanded ones have their entries inline."""
    groups = [{"uid": "customergroup"}]
    await put(shop, title={"code": "mr"}, groups=groups)
    wild = {"accept": "*/*"}
    text = (await shop.get(f"{JANE_PATH}?$expand=title,groups", headers=wild)).text
    assert '/title" rel="http://schemas.microsoft.com/ado/2007/08/dataservices/related' in text
    assert 'type="application/atom+xml;type=feed"><m:inline><feed>' in text
    assert "<d:uid>customergroup</d:uid>" in text
    assert '/type" type=' not in text
    assert text.count("<m:inline>") == 2


async def test_localized(shop: httpx.AsyncClient) -> None:
    """A simple value is that of Content-Language, a list gives all, and the list wins."""
    values = [{"language": "de", "name": "Lord!"}, {"language": "fr", "name": "Seigneur"}]
    body = {"code": "lord", "name": "Lord", "localizedAttributes": values}
    made = await shop.post("Titles", json=body, headers={"Content-Language": "de"})
    assert made.json()["d"]["name"] is None
    path = "Titles('lord')"
    names = [
        (await shop.get(path, headers={"Accept-Language": language})).json()["d"]["name"]
        for language in ("de", "fr-CH,fr;q=0.9", "es", "*", "en")
    ]
    assert names == ["Lord!", "Seigneur", None, None, None]
    listed = (await shop.get(f"{path}/localizedAttributes")).json()["d"]["results"]
    assert [(one["language"], one["name"]) for one in listed] == [
        ("de", "Lord!"),
        ("fr", "Seigneur"),
    ]
    assert "integrationKey" not in listed[0]
    inline = (await shop.get(f"{path}?$expand=localizedAttributes")).json()["d"]
    assert len(inline["localizedAttributes"]["results"]) == 2
    await shop.post(
        "Titles", json={"code": "lord", "name": None}, headers={"Content-Language": "fr"}
    )
    one = [{"language": "en", "name": "Lord"}]
    assert len((await shop.get(f"{path}/localizedAttributes")).json()["d"]["results"]) == 1
    await shop.patch(path, json={"localizedAttributes": one})
    listed = (await shop.get(f"{path}/localizedAttributes")).json()["d"]["results"]
    assert [one["language"] for one in listed] == ["en"]


async def test_unknown_languages(shop: httpx.AsyncClient) -> None:
    """A language the shop does not have is refused, wherever it stands."""
    assert (await refusal(await shop.get("Titles", headers={"Accept-Language": "tlh"})))[:2] == (
        400,
        "invalid_language",
    )
    entry = {"code": "x", "localizedAttributes": [{"language": "tlh", "name": "x"}]}
    assert (await refusal(await shop.post("Titles", json=entry)))[:2] == (400, "invalid_language")
    entry = {"code": "x", "localizedAttributes": [{"name": "x"}]}
    assert (await refusal(await shop.post("Titles", json=entry)))[:2] == (400, "missing_key")


async def test_referenced_item_gets_attributes(shop: httpx.AsyncClient) -> None:
    """A nested entry that is found is updated with what it brings."""
    await put(shop, title={"code": "mr", "name": "Mister"})
    title = (await shop.get("Titles('mr')")).json()["d"]
    assert title["name"] == "Mister"


async def test_changeset_with_links(shop: httpx.AsyncClient, batches: Batches) -> None:
    """What a failed changeset linked and created is undone as a whole."""
    owner = {"uid": "a"}
    first = {"uid": "a", "addresses": [{"publicKey": "home", "owner": owner}]}
    second = {"uid": "b", "title": {"code": "lord"}}
    content = batches.multipart(
        batches.changeset(batches.change(first), batches.change(second)),
        batches.changeset(batches.change({"uid": "c", "title": {"code": "mr"}})),
    )
    assert batches.statuses(await batches.send(shop, content)) == [[400], [201]]
    assert (await shop.get("Addresses/$count")).text == "0"
    assert [one["uid"] for one in (await shop.get("Customers")).json()["d"]["results"]] == ["c"]


async def test_surprising_object(connect: Connect) -> None:
    """Mandatory name and title, an enumeration, values and maps; no contactEmail."""
    async with connect(SURPRISING) as shop:
        full = {"uid": JANE, "name": "Jane", "title": {"code": "ms"}}
        for missing, code in (("title", "missing_nav_property"), ("name", "missing_property")):
            for entry in ({**full, missing: None}, {k: v for k, v in full.items() if k != missing}):
                assert (await refusal(await shop.post("Customers", json=entry)))[1] == code
        assert (await shop.post("Customers", json=full)).status_code == 201
        assert (await shop.post("Customers", json={"uid": JANE})).status_code == 201
        status, refused, _ = await refusal(
            await shop.post("Customers", json={**full, "contactEmail": JANE})
        )
        assert (status, refused) == (400, "invalid_property")
        extra = {
            "loyaltyTier": {"code": "GOLD"},
            "nicknames": [{"value": "J"}, {"value": "Ja ne"}],
            "preferences": [{"key": "colour", "value": "red"}],
            "points": "12",
        }
        assert (await shop.post("Customers", json={**full, **extra})).status_code == 201
        again = {"nicknames": [{"value": "J"}], "preferences": [{"key": "size", "value": "M"}]}
        assert (await shop.post("Customers", json={**full, **again})).status_code == 201
        path = "loyaltyTier,nicknames,preferences"
        jane = await expanded(shop, path)
        assert jane["loyaltyTier"]["code"] == "GOLD"
        assert [one["value"] for one in jane["nicknames"]["results"]] == ["J", "Ja ne"]
        pairs = [(one["key"], one["value"]) for one in jane["preferences"]["results"]]
        assert pairs == [("colour", "red"), ("size", "M")]
        wrong = {**full, "preferences": [{"key": None, "value": "x"}]}
        assert (await refusal(await shop.post("Customers", json=wrong)))[:2] == (400, "missing_key")
        [shown] = (await shop.get("http://sap.test/_sim/customers")).json()
        assert (shown["nicknames"], shown["preferences"]["size"]) == (["J", "Ja ne"], "M")


async def test_auto_create(connect: Connect) -> None:
    """A missing target is created when the attribute says so; its own rules hold."""
    document = {
        "object": "InboundProduct",
        "items": [
            {
                "code": "Product",
                "attributes": [
                    {"name": "code", "unique": True},
                    {"name": "unit", "reference": "Unit", "autoCreate": True, "required": True},
                    {"name": "tags", "reference": "Unit", "collection": True, "required": True},
                ],
            },
            {
                "code": "Unit",
                "attributes": [
                    {"name": "code", "unique": True},
                    {"name": "kind", "required": True},
                ],
                "presets": [{"code": "piece", "kind": "count"}],
            },
        ],
    }
    async with connect(parse_config(document, SimulatorConfig())) as shop:
        product: dict[str, Any] = {"code": "p", "unit": {"code": "kg", "kind": "mass"}, "tags": []}
        assert (await shop.post("Products", json=product)).status_code == 201
        assert (await shop.get("Units('kg')")).json()["d"]["kind"] == "mass"
        for entry, code in (
            ({**product, "unit": {"code": "m"}}, "missing_property"),
            ({**product, "unit": None}, "missing_nav_property"),
            ({"code": "q", "unit": {"code": "kg"}}, "missing_nav_property"),
            ({**product, "code": "q", "tags": None}, "missing_nav_property"),
        ):
            assert (await refusal(await shop.post("Products", json=entry)))[:2] == (400, code)
        assert (await shop.post("Products", json={"code": "p", "tags": None})).status_code == 201
        await shop.post("http://sap.test/_sim/reset?keep=tokens")
        assert (await shop.get("Units/$count")).text == "1"
