"""The EDMX of objects with links, read by our own eyes and by an independent reader."""

from __future__ import annotations

import importlib
from typing import Any
from xml.etree import ElementTree as ET

import httpx
import pytest

from frontdesk_sidecar.simulator import (
    INBOUND_CUSTOMER,
    DefinitionError,
    IntegrationObject,
    SimulatorConfig,
    parse_definition,
    shipped_config,
)
from frontdesk_sidecar.simulator.edmx import metadata_document
from frontdesk_sidecar.simulator.system_objects import system_objects

EDM = "{http://schemas.microsoft.com/ado/2008/09/edm}"
SAP = "{http://schemas.sap.com/commerce}"
STANDARD = shipped_config("standard", SimulatorConfig()).definition
SURPRISING = shipped_config("surprising", SimulatorConfig()).definition
ALL = (INBOUND_CUSTOMER, STANDARD, SURPRISING, *system_objects((STANDARD,)))


def schema(definition: IntegrationObject, root: str | None = None) -> ET.Element:
    found = ET.fromstring(metadata_document(definition, root)).find(f".//{EDM}Schema")  # noqa: S314 - our own document
    assert found is not None
    return found


def named(parent: ET.Element, tag: str) -> dict[str, ET.Element]:
    return {one.get("Name", ""): one for one in parent.findall(f"{EDM}{tag}")}


def plain(element: ET.Element) -> dict[str, str]:
    return {name.replace(SAP, "s:"): value for name, value in element.attrib.items()}


def test_order_of_the_schema() -> None:
    """Entity types, associations, one container; the localized type follows its own."""
    tags = [one.tag.removeprefix(EDM) for one in schema(STANDARD)]
    assert tags == ["EntityType"] * 8 + ["Association"] * 9 + ["EntityContainer"]
    assert list(named(schema(STANDARD), "EntityType"))[:4] == [
        "Customer",
        "Address",
        "Title",
        "Localized___Title",
    ]


def test_navigation_properties() -> None:
    """They have relationship, roles and Nullable; marks are there only when true."""
    types = named(schema(STANDARD), "EntityType")
    links = named(types["Customer"], "NavigationProperty")
    assert plain(links["title"]) == {
        "Name": "title",
        "Relationship": "HybrisCommerceOData.FK_Customer_title",
        "FromRole": "Customer",
        "ToRole": "Title",
        "Nullable": "true",
    }
    assert plain(links["addresses"])["s:IsPartOf"] == "true"
    owner = plain(named(types["Address"], "NavigationProperty")["owner"])
    assert (owner["s:IsUnique"], owner["Nullable"]) == ("true", "false")
    surprising = named(schema(SURPRISING), "EntityType")["Customer"]
    assert plain(named(surprising, "NavigationProperty")["title"])["Nullable"] == "false"


def test_localized_type() -> None:
    """Its key is the language; localized properties are marked in both types."""
    types = named(schema(STANDARD), "EntityType")
    reference = types["Localized___Title"].find(f"{EDM}Key/{EDM}PropertyRef")
    assert reference is not None
    assert reference.get("Name") == "language"
    own = named(types["Localized___Title"], "Property")
    assert list(own) == ["language", "name"]
    assert plain(own["language"]) == {"Name": "language", "Type": "Edm.String", "Nullable": "false"}
    for code in ("Title", "Localized___Title"):
        assert plain(named(types[code], "Property")["name"])["s:IsLanguageDependent"] == "true"


def test_multiplicities() -> None:
    """0..1 to 0..1 for a reference, 0..1 to * for a collection, 1 to * for localized values."""
    associations = named(schema(STANDARD), "Association")
    found = {
        name: [end.get("Multiplicity") for end in one.findall(f"{EDM}End")]
        for name, one in associations.items()
    }
    assert found["FK_Customer_title"] == ["0..1", "0..1"]
    assert found["FK_Customer_groups"] == ["0..1", "*"]
    assert found["FK_Title_localizedAttributes"] == ["1", "*"]


def test_key_of_a_key() -> None:
    """The alias takes in the key of a unique reference, in ASCII order."""
    assert STANDARD.aliases["Address"] == "Address_publicKey|Customer_uid"
    document = {
        "object": "InboundProduct",
        "items": [
            {
                "code": "Product",
                "attributes": [
                    {"name": "code", "unique": True},
                    {"name": "catalogVersion", "reference": "CatalogVersion", "unique": True},
                ],
            },
            {
                "code": "CatalogVersion",
                "attributes": [
                    {"name": "version", "unique": True},
                    {"name": "catalog", "reference": "Catalog", "unique": True},
                ],
            },
            {"code": "Catalog", "attributes": [{"name": "id", "unique": True}]},
        ],
    }
    aliases = parse_definition(document).aliases
    assert aliases["Product"] == "CatalogVersion_version|Catalog_id|Product_code"


def test_wrappers_and_maps() -> None:
    """Values and maps have entity types of their own, with other keys."""
    types = named(schema(SURPRISING), "EntityType")
    keys = {
        code: reference.get("Name")
        for code, one in types.items()
        if (reference := one.find(f"{EDM}Key/{EDM}PropertyRef")) is not None
    }
    assert (keys["String"], keys["String2StringMapType"]) == ("value", "key")
    assert list(named(types["String"], "Property")) == ["value"]
    assert plain(named(types["Customer"], "Property")["points"])["Type"] == "Edm.String"


def test_names_of_association_sets_are_unique() -> None:
    """Two ways to one target, and a way to itself, still have names of their own."""
    attributes = [
        {"name": "uid", "unique": True},
        {"name": "first", "reference": "Customer"},
        {"name": "second", "reference": "Customer"},
    ]
    made = parse_definition(
        {"object": "O", "items": [{"code": "Customer", "attributes": attributes}]}
    )
    container = schema(made).find(f"{EDM}EntityContainer")
    assert container is not None
    assert list(named(container, "AssociationSet")) == [
        "Customer_Customers",
        "Customer_Customers_second",
    ]
    ends = named(schema(made), "Association")["FK_Customer_first"].findall(f"{EDM}End")
    assert [end.get("Role") for end in ends] == ["Customer", "Customer_first"]


def test_one_item() -> None:
    """`$metadata?Item` has that item and what it leads to."""
    assert list(named(schema(STANDARD, "Title"), "EntityType")) == ["Title", "Localized___Title"]


async def test_one_item_over_http(sap: httpx.AsyncClient) -> None:
    """Another query option changes nothing."""
    whole = (await sap.get("$metadata")).text
    assert (await sap.get("$metadata?Customer")).text == whole
    assert (await sap.get("$metadata?Nothing")).text == whole


@pytest.mark.parametrize("definition", ALL, ids=lambda one: f"{one.code}-{len(one.items)}")
def test_read_by_pyodata(definition: IntegrationObject) -> None:
    """An independent reader takes it under its strict policy and finds what is in it."""
    try:
        model: Any = importlib.import_module("pyodata.v2.model")
    except ImportError:
        pytest.skip("pyodata is not installed")
    made = model.MetadataBuilder(metadata_document(definition)).build()
    assert {one.name for one in made.entity_sets} == {one.entity_set for one in definition.items}
    for item in definition.items:
        entity_type = made.entity_type(item.code)
        assert [one.name for one in entity_type.key_proprties] == [item.key_property]
        links = {one.name: one.to_role.entity_type_name for one in entity_type.nav_proprties}
        assert links == {one.name: one.target for one in item.navigations}
    assert len(list(made.associations)) == sum(len(one.navigations) for one in definition.items)


@pytest.mark.parametrize(
    ("attribute", "text"),
    [
        ({"reference": "Nothing"}, "there is no item Nothing"),
        ({"partOf": True}, r"attributes\[1\]\.reference: the name of the item is missing"),
        ({"reference": "Title", "maxLength": 3}, r"attributes\[1\]\.maxLength: not for a ref"),
        ({"reference": "Title", "collection": True, "unique": True}, r"\.unique: a collection"),
        ({"nullable": True}, r"\.nullable: only a unique attribute"),
        ({"type": "Text"}, r"\.type: expected one of"),
        ({"maxLength": True}, r"\.maxLength: expected int"),
    ],
)
def test_wrong_attributes(attribute: dict[str, Any], text: str) -> None:
    """Refused with the name of the field."""
    attributes = [{"name": "uid", "unique": True}, {"name": "x", **attribute}]
    document = {
        "object": "O",
        "items": [
            {"code": "Customer", "attributes": attributes},
            {"code": "Title", "enum": ["mr"]},
        ],
    }
    with pytest.raises(DefinitionError, match=text):
        parse_definition(document)


@pytest.mark.parametrize(
    ("item", "text"),
    [
        ({"enum": ["a"], "attributes": [{"name": "code"}]}, r"items\[0\]\.enum: not together"),
        ({"enum": [1]}, r"enum\[0\]: expected str"),
        ({"attributes": [{"name": "x", "reference": "A", "unique": True}]}, "in a circle"),
        ({"enum": ["a"], "presets": [{"nick": 1}]}, r"A: presets\[1\]: there is no attribute nick"),
        ({"enum": ["a"], "presets": [{"code": 1}]}, r"A: presets\[1\]: Provided value"),
    ],
)
def test_wrong_items(item: dict[str, Any], text: str) -> None:
    """Refused with the name of the field."""
    with pytest.raises(DefinitionError, match=text):
        parse_definition({"object": "O", "items": [{"code": "A", **item}]})
