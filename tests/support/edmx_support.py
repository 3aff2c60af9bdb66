"""EDMX documents for tests: written here, from a model, and by nothing of the sidecar's."""

from __future__ import annotations

from collections.abc import Iterable
from xml.sax.saxutils import quoteattr

from frontdesk_sidecar.metadata import Item, Metadata, Navigation, Property

_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<edmx:Edmx xmlns:edmx="http://schemas.microsoft.com/ado/2007/06/edmx" Version="1.0">'
    '<edmx:DataServices xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata"'
    ' m:DataServiceVersion="1.0"><Schema xmlns="http://schemas.microsoft.com/ado/2008/09/edm"'
    ' xmlns:s="http://schemas.sap.com/commerce" Namespace="HybrisCommerceOData"'
    ' s:schema-version="1">'
)
_TAIL = "</Schema></edmx:DataServices></edmx:Edmx>"


def edmx(metadata: Metadata) -> bytes:
    """The document that describes `metadata`."""
    types = "".join(map(_type, metadata.items.values()))
    associations = "".join(map(_associations, metadata.items.values()))
    sets = "".join(
        f'<EntitySet Name={quoteattr(name)} EntityType="HybrisCommerceOData.{item}"/>'
        for name, item in metadata.entity_sets.items()
    )
    container = f'<EntityContainer Name="Container">{sets}</EntityContainer>'
    return f"{_HEAD}{types}{associations}{container}{_TAIL}".encode()


def _type(item: Item) -> str:
    properties = "".join(map(_property, item.properties.values()))
    navigations = "".join(_navigation(item, one) for one in item.navigations.values())
    head = f'<EntityType Name="{item.name}"><Key><PropertyRef Name="integrationKey"/></Key>'
    key = '<Property Name="integrationKey" Type="Edm.String" Nullable="false"'
    key += f' s:Alias="{item.alias}"/>'
    return f"{head}{properties}{key}{navigations}</EntityType>"


def _property(one: Property) -> str:
    facets = _flags(("IsUnique", one.is_unique), ("IsLanguageDependent", one.is_localized))
    if one.max_length is not None:
        facets += f' MaxLength="{one.max_length}"'
    nullable = str(one.nullable).lower()
    return f'<Property Name="{one.name}" Type="{one.type}" Nullable="{nullable}"{facets}/>'


def _navigation(item: Item, one: Navigation) -> str:
    facets = _flags(("IsUnique", one.is_unique), ("IsAutoCreate", one.creates))
    return (
        f'<NavigationProperty Name="{one.name}"'
        f' Relationship="HybrisCommerceOData.FK_{item.name}_{one.name}" FromRole="{item.name}"'
        f' ToRole="to_{one.target}" Nullable="{str(one.nullable).lower()}"{facets}/>'
    )


def _associations(item: Item) -> str:
    return "".join(
        f'<Association Name="FK_{item.name}_{one.name}">'
        f'<End Type="HybrisCommerceOData.{item.name}" Multiplicity="0..1" Role="{item.name}"/>'
        f'<End Type="HybrisCommerceOData.{one.target}" Multiplicity="{"*" if one.many else "0..1"}"'
        f' Role="to_{one.target}"/></Association>'
        for one in item.navigations.values()
    )


def _flags(*flags: tuple[str, bool]) -> str:
    return "".join(f' s:{name}="true"' for name, is_set in flags if is_set)


def item(name: str, *attributes: Property | Navigation, alias: str = "") -> Item:
    """An item with these attributes, and the integration key that each has."""
    properties = {one.name: one for one in attributes if isinstance(one, Property)}
    navigations = {one.name: one for one in attributes if isinstance(one, Navigation)}
    return Item(name, properties, navigations, alias)


def metadata(items: Iterable[Item], **entity_sets: str) -> Metadata:
    """Items and the names of their entity sets."""
    return Metadata({one.name: one for one in items}, entity_sets)


CUSTOMER = metadata(
    [
        item(
            "Customer",
            Property("uid", nullable=False, is_unique=True, max_length=255),
            Property("name", max_length=20),
            Property("loginDisabled", "Edm.Boolean"),
            Property("visits", "Edm.Int32"),
            Property("points", "Edm.Int64"),
            Property("spent", "Edm.Decimal"),
            Property("score", "Edm.Double"),
            Property("birthday", "Edm.DateTime"),
            Property("externalId", "Edm.Guid"),
            Property("tier", nullable=False),
            Navigation("title", "Title", nullable=False),
            Navigation("groups", "PrincipalGroup", many=True),
            Navigation("address", "Address", creates=True),
            Navigation("localizedAttributes", "Localized___Customer", many=True),
            alias="Customer_uid",
        ),
        item("Title", Property("code", nullable=False, is_unique=True), Property("name")),
        item("PrincipalGroup", Property("uid", nullable=False, is_unique=True)),
        item(
            "Address",
            Property("publicKey", nullable=False, is_unique=True),
            Property("town"),
            Navigation("country", "Country"),
        ),
        item("Country", Property("isocode", nullable=False, is_unique=True)),
        item("Localized___Customer", Property("language", nullable=False), Property("motto")),
    ],
    Customers="Customer",
    Titles="Title",
    PrincipalGroups="PrincipalGroup",
    Addresses="Address",
    Countries="Country",
    Localized___Customers="Localized___Customer",
)
