"""EDMX into the model, whatever it holds; and our reading beside an independent one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edmx_support import CUSTOMER, edmx, item, metadata
from frontdesk_sidecar.metadata import MetadataError, Navigation, Property, read_edmx

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,12}", fullmatch=True).filter(
    lambda name: name != "integrationKey"
)
TYPES = st.sampled_from(
    [
        f"Edm.{name}"
        for name in ("String", "Boolean", "Int16", "Int32", "Int64", "Double", "DateTime")
    ]
)
PROPERTIES = st.builds(
    Property,
    NAMES,
    TYPES,
    nullable=st.booleans(),
    is_unique=st.booleans(),
    is_localized=st.booleans(),
    max_length=st.none() | st.integers(1, 999_999),
)


def test_what_is_written_is_read() -> None:
    """Types, facets, annotations, references and their number, keys, sets."""
    found = read_edmx(edmx(CUSTOMER))
    assert found.entity_sets == CUSTOMER.entity_sets
    customer = found.item_of("Customers")
    expected = CUSTOMER.item_of("Customers")
    assert customer is not None
    assert expected is not None
    assert customer.navigations == expected.navigations
    assert {name: one for name, one in customer.properties.items() if name != "integrationKey"} == (
        expected.properties
    )
    assert customer.alias == "Customer_uid"
    assert customer.key == ("uid",)
    assert customer.required == ("uid", "tier", "title")
    assert "integrationKey" not in customer.attributes
    assert found.item_of("customers") is None


@given(st.lists(PROPERTIES, min_size=1, max_size=8, unique_by=lambda one: one.name), st.booleans())
def test_any_item_is_read(properties: list[Property], many: bool) -> None:
    """Whatever the names and facets."""
    names = {one.name for one in properties}
    attributes: list[Property | Navigation] = [*properties]
    if "other" not in names:
        attributes.append(Navigation("other", "Other", many))
    written = item("Root", *attributes)
    found = read_edmx(edmx(metadata([written, item("Other", Property("code"))], Roots="Root")))
    root = found.item_of("Roots")
    assert root is not None
    assert set(root.attributes) == set(written.attributes)
    assert root.navigations == written.navigations
    assert [root.properties[one.name] for one in properties] == properties


@pytest.mark.parametrize(
    ("document", "text"),
    [
        (b"", "is no XML"),
        (b"<html><body>maintenance</body>", "is no XML"),
        (b"<html/>", "no EDMX"),
        (b"\xff\xfe<", "is no XML"),
        (b'<?xml version="1.0" encoding="marked"?><a/>', "is no XML"),
        (b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>', "document type declaration"),
        (edmx(metadata([item("A", Property("b"))])), "describes no entity set"),
        (edmx(CUSTOMER).replace(b' Name="uid"', b""), "a Property without a name"),
        (b" " * (16 * 1024 * 1024 + 1), "larger than 16 MiB"),
    ],
)
def test_what_is_no_description(document: bytes, text: str) -> None:
    """It is said in words what it is instead; entities are not expanded."""
    with pytest.raises(MetadataError, match=text):
        read_edmx(document)


def test_a_length_that_is_none() -> None:
    """`Max` is a length in CSDL; a number of a thousand digits is not one."""
    for length in (b"Max", b"-1", b"9" * 5000):
        document = edmx(CUSTOMER).replace(b'MaxLength="20"', b'MaxLength="' + length + b'"')
        customer = read_edmx(document).item_of("Customers")
        assert customer is not None
        assert customer.properties["name"].max_length is None


def test_pyodata_reads_the_same() -> None:
    """An OData library that is not ours sees the same types, sets and properties."""
    pyodata = pytest.importorskip("pyodata.v2.model")
    document = edmx(CUSTOMER).replace(
        b'<EntityType Name="Localized___Customer"><Key><PropertyRef Name="integrationKey"/></Key>',
        b'<EntityType Name="Localized___Customer"><Key><PropertyRef Name="language"/></Key>',
    )
    schema = pyodata.MetadataBuilder(document, config=pyodata.Config()).build()
    ours = read_edmx(document)
    assert {one.name: one.entity_type.name for one in schema.entity_sets} == ours.entity_sets
    for theirs in schema.entity_types:
        mine = ours.items[theirs.name]
        found = {one.name: one.typ.name for one in theirs.proprties()}
        assert found == {name: one.type for name, one in mine.properties.items()}
        assert {one.name for one in theirs.nav_proprties} == set(mine.navigations)
