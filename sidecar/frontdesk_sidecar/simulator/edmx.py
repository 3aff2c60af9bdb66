"""The documents that describe an object: `$metadata` (EDMX) and the service document.

Sources: OData V2 CSDL; SAP Help, "Integration API Module", for the `s:` annotations, which are
written only when true, and for `Nullable`, which is always written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from frontdesk_sidecar.simulator.edm import INTEGRATION_KEY, LOCALIZED, NAMESPACE
from frontdesk_sidecar.simulator.media import xml_text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from frontdesk_sidecar.simulator.edm import Attribute, IntegrationObject, Item, Navigation

_DECLARATION = "<?xml version='1.0' encoding='UTF-8'?>"
_HEAD = (
    '<edmx:Edmx xmlns:edmx="http://schemas.microsoft.com/ado/2007/06/edmx" Version="1.0">'
    '<edmx:DataServices xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata"'
    ' m:DataServiceVersion="1.0">'
    '<Schema xmlns="http://schemas.microsoft.com/ado/2008/09/edm"'
    f' xmlns:s="http://schemas.sap.com/commerce" Namespace="{NAMESPACE}" s:schema-version="1">'
)
_TAIL = "</Schema></edmx:DataServices></edmx:Edmx>"


def metadata_document(definition: IntegrationObject, root: str | None = None) -> bytes:
    """The EDMX of the object; with `root`, of that item and what it leads to (`$metadata?Item`)."""
    codes = _reachable(definition, root) if root else definition.by_code.keys()
    items = [item for item in definition.items if item.code in codes]
    types = "".join(_entity_type(definition, item) for item in items)
    links = [(item, one) for item in items for one in item.navigations]
    associations = "".join(_association(item, one) for item, one in links)
    sets = "".join(
        f'<EntitySet Name="{item.entity_set}" EntityType="{item.type_name}"/>' for item in items
    )
    association_sets = "".join(_association_sets(definition, links))
    container = (
        f'<EntityContainer Name="Container" m:IsDefaultEntityContainer="true">{sets}'
        f"{association_sets}</EntityContainer>"
    )
    return f"{_DECLARATION}{_HEAD}{types}{associations}{container}{_TAIL}".encode()


def service_document_json(definition: IntegrationObject) -> bytes:
    """The service document: the names of the entity sets."""
    return orjson.dumps({"d": {"EntitySets": [item.entity_set for item in definition.items]}})


def service_document_xml(definition: IntegrationObject, service: str) -> bytes:
    """The service document as `app:service` (RFC 5023); `service` is the object's address."""
    collections = "".join(
        f'<app:collection href="{item.entity_set}">'
        f"<atom:title>{item.entity_set}</atom:title></app:collection>"
        for item in definition.items
    )
    return (
        f'{_DECLARATION}<app:service xmlns:atom="http://www.w3.org/2005/Atom"'
        f' xmlns:app="http://www.w3.org/2007/app" xml:base="{xml_text(service)}/">'
        f"<app:workspace><atom:title>Default</atom:title>{collections}"
        "</app:workspace></app:service>"
    ).encode()


def _reachable(definition: IntegrationObject, root: str) -> Collection[str]:
    found = {root}
    waiting = [definition.by_code[root]]
    while waiting:
        targets = {one.target for one in waiting.pop().navigations} - found
        found |= targets
        waiting += [definition.by_code[code] for code in sorted(targets)]
    return found


def _entity_type(definition: IntegrationObject, item: Item) -> str:
    properties = "".join(_property(item, one) for one in item.attributes)
    if item.key_property == INTEGRATION_KEY:
        properties += (
            f'<Property Name="{INTEGRATION_KEY}" Type="Edm.String" Nullable="false"'
            f' s:Alias="{definition.aliases[item.code]}"/>'
        )
    links = "".join(_navigation_property(item, one) for one in item.navigations)
    return (
        f'<EntityType Name="{item.code}"><Key><PropertyRef Name="{item.key_property}"/></Key>'
        f"{properties}{links}</EntityType>"
    )


def _property(item: Item, attribute: Attribute) -> str:
    nullable = str(attribute.nullable).lower()
    # The language of `Localized___X` and the value of a wrapper are keys, yet not marked.
    unique = ' s:IsUnique="true"' if attribute.unique and item.kind == "item" else ""
    language = ' s:IsLanguageDependent="true"' if attribute.localized else ""
    return (
        f'<Property Name="{attribute.name}" Type="{attribute.type}" Nullable="{nullable}"'
        f"{unique}{language}/>"
    )


def _relationship(item: Item, navigation: Navigation) -> str:
    return f"FK_{item.code}_{navigation.name}"


def _roles(item: Item, navigation: Navigation) -> tuple[str, str]:
    """The names of both ends; a type that leads to itself needs two."""
    same = navigation.target == item.code
    return item.code, f"{item.code}_{navigation.name}" if same else navigation.target


def _navigation_property(item: Item, navigation: Navigation) -> str:
    source, target = _roles(item, navigation)
    marks = {
        "IsUnique": navigation.unique,
        "IsPartOf": navigation.part_of,
        "IsAutoCreate": navigation.auto_create,
    }
    written = "".join(f' s:{name}="true"' for name, is_true in marks.items() if is_true)
    return (
        f'<NavigationProperty Name="{navigation.name}"'
        f' Relationship="{NAMESPACE}.{_relationship(item, navigation)}" FromRole="{source}"'
        f' ToRole="{target}" Nullable="{str(navigation.nullable).lower()}"{written}/>'
    )


def _association(item: Item, navigation: Navigation) -> str:
    source, target = _roles(item, navigation)
    near = "1" if navigation.name == LOCALIZED else "0..1"
    far = "*" if navigation.many else "0..1"
    return (
        f'<Association Name="{_relationship(item, navigation)}">'
        f'<End Type="{item.type_name}" Multiplicity="{near}" Role="{source}"/>'
        f'<End Type="{NAMESPACE}.{navigation.target}" Multiplicity="{far}" Role="{target}"/>'
        "</Association>"
    )


def _association_sets(
    definition: IntegrationObject, links: Iterable[tuple[Item, Navigation]]
) -> Iterator[str]:
    names: set[str] = set()
    for item, navigation in links:
        source, target = _roles(item, navigation)
        far = definition.target(navigation).entity_set
        # Two ways from one item to another would give one name twice, which no reader takes.
        name = f"{item.code}_{far}"
        name = name if name not in names else f"{name}_{navigation.name}"
        names.add(name)
        yield (
            f'<AssociationSet Name="{name}"'
            f' Association="{NAMESPACE}.{_relationship(item, navigation)}">'
            f'<End EntitySet="{item.entity_set}" Role="{source}"/>'
            f'<End EntitySet="{far}" Role="{target}"/></AssociationSet>'
        )
