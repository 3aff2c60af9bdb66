"""Which object and which set holds the customers."""

from __future__ import annotations

from edmx_support import CUSTOMER, item, metadata
from frontdesk_sidecar.init.choosing import customer_sets, entries, object_names
from frontdesk_sidecar.metadata import Navigation, Property

UID = Property("uid", is_unique=True)
CODE = Property("code", is_unique=True)


def test_the_root_with_a_uid_holds_the_customers() -> None:
    """A group has a uid too, and is referred to."""
    assert customer_sets(CUSTOMER) == ["Customers"]
    described = metadata(
        [item("Shopper", UID, Navigation("groups", "Group", many=True)), item("Group", UID)],
        Groups="Group",
        Shoppers="Shopper",
    )
    assert customer_sets(described) == ["Shoppers"]


def test_a_root_may_be_referred_to_by_what_belongs_to_it() -> None:
    """An address names its owner."""
    described = metadata(
        [
            item("Shopper", UID, Navigation("addresses", "Address", many=True)),
            item("Address", UID, Navigation("owner", "Shopper")),
        ],
        Shoppers="Shopper",
        Addresses="Address",
    )
    assert customer_sets(described) == ["Shoppers", "Addresses"]


def test_the_name_of_an_item_decides_between_several() -> None:
    """Then there is nothing to ask."""
    described = metadata(
        [item("Unit", UID), item("B2BCustomer", UID)], Units="Unit", B2BCustomers="B2BCustomer"
    )
    assert customer_sets(described) == ["B2BCustomers"]
    two = metadata([item("Customer", UID), item("B2BCustomer", UID)], A="Customer", B="B2BCustomer")
    assert customer_sets(two) == ["A", "B"]


def test_customers_may_have_another_key() -> None:
    """An object that is called so is taken; one that is not is no customer."""
    described = metadata([item("Product", CODE), item("Customer", CODE)], P="Product", C="Customer")
    assert customer_sets(described) == ["C"]
    assert customer_sets(metadata([item("Product", CODE)], P="Product")) == []
    assert customer_sets(metadata([], P="Product")) == []


def test_what_sap_lists_is_ordered_by_likelihood() -> None:
    """Its own services and what is outbound are left out."""
    listed = {
        "d": {
            "results": [
                {"code": "InboundProduct", "integrationType": {"code": "INBOUND"}},
                {"code": "OutboundCustomer"},
                {"code": "ShopCustomer", "integrationType": {"code": "OUTBOUND"}},
                {"code": "InboundCustomer", "integrationType": {"__deferred": {}}},
                {"code": "IntegrationService"},
                {"code": "../evil"},
                {"code": 7},
                "nonsense",
            ]
        }
    }
    assert object_names([listed]) == ["InboundCustomer", "InboundProduct"]


def test_a_channel_configuration_names_its_object_by_its_key() -> None:
    """The key of a reference is the key of what it refers to."""
    assert object_names([{"d": {"results": [{"integrationKey": "Shop_Customer"}]}}]) == [
        "Shop_Customer"
    ]


def test_a_feed_may_be_a_list_or_nothing() -> None:
    """OData V2 knows two forms; anything else has no entries."""
    assert entries({"d": [{"code": "a"}]}) == [{"code": "a"}]
    for document in ({}, {"d": None}, {"d": {"results": None}}, {"d": "x"}):
        assert entries(document) == []
