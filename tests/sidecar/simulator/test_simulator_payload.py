"""JSON entries against Edm types."""

from __future__ import annotations

import json
from typing import Any

import pytest

from frontdesk_sidecar.simulator.edm import Attribute, EdmType, Item
from frontdesk_sidecar.simulator.errors import ODataError
from frontdesk_sidecar.simulator.payload import UnknownPropertyError, read_entry

ITEM = Item("Customer", "Customers", (Attribute("uid", unique=True), Attribute("name")))


def read_one(kind: EdmType, text: str) -> Any:
    item = Item("Thing", "Things", (Attribute("value", kind),))
    return read_entry(f'{{"value": {text}}}'.encode(), item)["value"]


@pytest.mark.parametrize(
    ("kind", "text", "kept"),
    [
        ("Edm.String", '"ä😀"', "ä😀"),
        ("Edm.String", '""', ""),
        ("Edm.String", r'"\ud800"', "?"),
        ("Edm.Boolean", "true", True),
        ("Edm.Byte", "255", 255),
        ("Edm.SByte", "-128", -128),
        ("Edm.Int16", "32767", 32767),
        ("Edm.Int32", "7", 7),
        ("Edm.Int32", "7.0", 7),
        ("Edm.Int64", '"9223372036854775807"', "9223372036854775807"),
        ("Edm.Double", "1", "1.0"),
        ("Edm.Double", '"1.5"', "1.5"),
        ("Edm.Decimal", "2.25", "2.25"),
        ("Edm.DateTime", r'"\/Date(1540469763078)\/"', 1540469763078),
        ("Edm.DateTime", '"/Date(-1)/"', -1),
        ("Edm.DateTime", '"1970-01-01T00:00:01"', 1000),
        ("Edm.DateTime", '"1970-01-01T00:00"', 0),
        ("Edm.DateTime", '"1970-01-01T00:00:00.123"', 123),
        ("Edm.DateTime", '"1970-01-01T00:00:00.1230"', 123),
        ("Edm.DateTime", '"1969-12-31T23:59:59.5"', -500),
        ("Edm.String", "null", None),
        ("Edm.DateTime", "null", None),
    ],
)
def test_accepted(kind: EdmType, text: str, kept: object) -> None:
    """What Olingo accepts for a type is kept."""
    assert read_one(kind, text) == kept


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("Edm.String", "1"),
        ("Edm.String", "true"),
        ("Edm.String", "[]"),
        ("Edm.String", '{"a": 1}'),
        ("Edm.Boolean", '"true"'),
        ("Edm.Boolean", "1"),
        ("Edm.Byte", "256"),
        ("Edm.Int16", "40000"),
        ("Edm.Int32", '"7"'),
        ("Edm.Int32", "7.5"),
        ("Edm.Int32", "1e999"),
        ("Edm.Int32", "true"),
        ("Edm.Int64", "7"),
        ("Edm.Int64", '"9223372036854775808"'),
        ("Edm.Double", "true"),
        ("Edm.Double", '"a lot"'),
        ("Edm.Double", "1e999"),
        ("Edm.Decimal", "1" + "0" * 400),
        ("Edm.DateTime", "1540469763078"),
        ("Edm.DateTime", '"2026-01-31T09:13:28Z"'),
        ("Edm.DateTime", '"2026-01-31T09:13:28+01:00"'),
        ("Edm.DateTime", '"2026-01-31T09:13:28.1234"'),
        ("Edm.DateTime", '"2026-02-31T09:13:28"'),
        ("Edm.DateTime", '"2026-01-31"'),
        ("Edm.DateTime", '"/Date(1+0060)/"'),
    ],
)
def test_wrong_type(kind: EdmType, text: str) -> None:
    """What Olingo refuses for a type is a 400 odata_error."""
    with pytest.raises(ODataError) as caught:
        read_one(kind, text)
    assert (caught.value.status, caught.value.code) == (400, "odata_error")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b'"uid"',
        b"{",
        b'{"uid": "a",}',
        b'{"uid": NaN}',
        b"[" * 100_000,
        b'{"uid": "a"} x',
        b'{"uid": "a", "uid": "b"}',
        b'{"integrationKey": "a", "integrationKey": "b"}',
        b'{"integrationKey": 1}',
        b'{"d": {"uid": "a"}, "name": "b"}',
        b'{"d": "a"}',
        b'{"__metadata": 1, "uid": "a"}',
        b'{"__metadata": {"type": "HybrisCommerceOData.Other"}, "uid": "a"}',
        b'{"__metadata": {"colour": "red"}, "uid": "a"}',
    ],
)
def test_malformed(body: bytes) -> None:
    """What is not one entry in JSON is a 400 odata_error without an integration key."""
    with pytest.raises(ODataError) as caught:
        read_entry(body, ITEM)
    assert (caught.value.code, caught.value.inner) == ("odata_error", None)


@pytest.mark.parametrize(
    "document",
    [
        {"uid": "a"},
        {"d": {"uid": "a"}},
        {"uid": "a", "integrationKey": "dummy"},
        {"@odata.context": "$metadata#Customers", "uid": "a"},
        {"__metadata": {"type": "HybrisCommerceOData.Customer", "id": "x", "uri": "y"}, "uid": "a"},
    ],
)
def test_tolerated(document: dict[str, Any]) -> None:
    """The envelope, metadata and an integration key in the body are read over."""
    assert read_entry(json.dumps(document).encode(), ITEM) == {"uid": "a"}


def test_absent_is_not_null() -> None:
    """An absent property is absent from the entry, a null one is there."""
    assert read_entry(b'{"uid": "a"}', ITEM) == {"uid": "a"}
    assert read_entry(b'{"uid": "a", "name": null}', ITEM) == {"uid": "a", "name": None}


def test_unknown_property() -> None:
    """Names are case-sensitive, and the first unknown one is reported with what is known."""
    with pytest.raises(UnknownPropertyError) as caught:
        read_entry(b'{"uid": "a", "Name": 1, "nick": 2}', ITEM)
    assert (caught.value.name, caught.value.known) == ("Name", {"uid": "a"})


def test_wrong_type_before_unknown_property() -> None:
    """A payload that cannot be read at all is not searched for unknown properties."""
    with pytest.raises(ODataError, match="uid"):
        read_entry(b'{"nick": 1, "uid": 2}', ITEM)
