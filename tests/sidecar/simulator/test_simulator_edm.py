"""Object definitions and the documents made of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

from frontdesk_sidecar.simulator import INBOUND_CUSTOMER, DefinitionError, parse_definition
from frontdesk_sidecar.simulator.definition import load_definition, plural
from frontdesk_sidecar.simulator.edmx import metadata_document

if TYPE_CHECKING:
    from pathlib import Path

EDM = "{http://schemas.microsoft.com/ado/2008/09/edm}"
SAP = "{http://schemas.sap.com/commerce}"
B2B: dict[str, Any] = {
    "object": "InboundB2BCustomer",
    "items": [
        {
            "code": "B2BCustomer",
            "attributes": [
                {"name": "uid", "unique": True},
                {"name": "email", "required": True},
                {"name": "active", "type": "Edm.Boolean", "default": True},
                {"name": "points", "type": "Edm.Int32"},
            ],
        }
    ],
}


def test_metadata_of_the_default_object() -> None:
    """The EDMX names type, key, properties with facets, and the entity set."""
    root = ET.fromstring(metadata_document(INBOUND_CUSTOMER))  # noqa: S314 - our own document
    entity_type = root.find(f".//{EDM}EntityType[@Name='Customer']")
    assert entity_type is not None
    reference = entity_type.find(f"{EDM}Key/{EDM}PropertyRef")
    assert reference is not None
    assert reference.get("Name") == "integrationKey"
    properties = {one.get("Name"): one.attrib for one in entity_type.findall(f"{EDM}Property")}
    assert next(iter(properties)) == "uid"
    assert list(properties)[-1] == "integrationKey"
    assert properties["uid"][f"{SAP}IsUnique"] == "true"
    assert properties["uid"]["Nullable"] == "false"
    assert f"{SAP}IsUnique" not in properties["name"]
    assert properties["loginDisabled"]["Type"] == "Edm.Boolean"
    assert properties["deactivationDate"]["Type"] == "Edm.DateTime"
    assert properties["integrationKey"][f"{SAP}Alias"] == "Customer_uid"
    entity_set = root.find(f".//{EDM}EntitySet")
    assert entity_set is not None
    assert entity_set.attrib == {
        "Name": "Customers",
        "EntityType": "HybrisCommerceOData.Customer",
    }


def test_definition_from_a_file(tmp_path: Path) -> None:
    """A definition file gives names, plural, types and facets."""
    path = tmp_path / "object.json"
    path.write_text(json.dumps(B2B))
    definition = load_definition(path)
    assert definition.code == "InboundB2BCustomer"
    assert definition.root.entity_set == "B2BCustomers"
    assert [one.nullable for one in definition.root.attributes] == [False, False, True, True]
    assert definition.root.by_name["active"].default is True


def test_key_segments_are_in_alphabetical_order() -> None:
    """Several unique attributes make the alias in ASCII order of their segments."""
    attributes = [{"name": "version", "unique": True}, {"name": "Code", "unique": True}]
    definition = parse_definition(
        {"object": "O", "items": [{"code": "Thing", "attributes": attributes}]}
    )
    assert definition.aliases["Thing"] == "Thing_Code|Thing_version"


@pytest.mark.parametrize(
    ("code", "entity_set"),
    [
        ("Customer", "Customers"),
        ("Category", "Categories"),
        ("Address", "Addresses"),
        ("Key", "Keys"),
    ],
)
def test_plural(code: str, entity_set: str) -> None:
    """The entity set is the English plural of the item code."""
    assert plural(code) == entity_set


def changed(path: str, value: object) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(json.dumps(B2B))
    *steps, last = path.split(".")
    place: Any = document
    for step in steps:
        place = place[int(step) if step.isdigit() else step]
    place[last] = value
    return document


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ([], "definition"),
        (changed("object", ""), "definition.object"),
        (changed("object", "a b"), "definition.object"),
        (changed("colour", 1), "definition.colour"),
        (changed("items", []), "items"),
        (changed("items", [1]), r"items\[0\]"),
        (changed("items.0.code", 1), r"items\[0\].code"),
        (changed("items.0.attributes", []), "must be unique"),
        (changed("items.0.attributes.1.type", "Edm.Text"), r"attributes\[1\].type"),
        (changed("items.0.attributes.1.nullable", True), r"attributes\[1\].nullable"),
        (changed("items.0.attributes.2.default", "yes"), r"attributes\[2\].default"),
        (changed("items.0.attributes.1.onWrite", "maybe"), r"attributes\[1\].onWrite"),
        (changed("items.0.attributes.1.name", "uid"), "named twice: uid"),
        (changed("items.0.attributes.1.name", "integrationKey"), "reserved"),
    ],
)
def test_wrong_definition(document: object, field: str) -> None:
    """A wrong definition is refused with the name of the field."""
    with pytest.raises(DefinitionError, match=field):
        parse_definition(document)


def test_definition_that_is_no_json(tmp_path: Path) -> None:
    """A file that is not JSON is refused with its name."""
    path = tmp_path / "broken.json"
    path.write_text("{")
    with pytest.raises(DefinitionError, match=r"broken\.json"):
        load_definition(path)
