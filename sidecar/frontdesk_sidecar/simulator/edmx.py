"""The documents that describe an object: `$metadata` (EDMX) and the service document.

Sources: OData V2 CSDL; SAP Help, "Integration API Module", for the `s:` annotations, which are
written only when true, and for `Nullable`, which is always written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from frontdesk_sidecar.simulator.edm import INTEGRATION_KEY, NAMESPACE
from frontdesk_sidecar.simulator.media import xml_text

if TYPE_CHECKING:
    from frontdesk_sidecar.simulator.edm import Attribute, IntegrationObject, Item

_DECLARATION = "<?xml version='1.0' encoding='UTF-8'?>"
_HEAD = (
    '<edmx:Edmx xmlns:edmx="http://schemas.microsoft.com/ado/2007/06/edmx" Version="1.0">'
    '<edmx:DataServices xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata"'
    ' m:DataServiceVersion="1.0">'
    '<Schema xmlns="http://schemas.microsoft.com/ado/2008/09/edm"'
    f' xmlns:s="http://schemas.sap.com/commerce" Namespace="{NAMESPACE}" s:schema-version="1">'
)
_TAIL = "</Schema></edmx:DataServices></edmx:Edmx>"


def metadata_document(definition: IntegrationObject) -> bytes:
    """The EDMX of the object."""
    types = "".join(map(_entity_type, definition.items))
    sets = "".join(
        f'<EntitySet Name="{item.entity_set}" EntityType="{item.type_name}"/>'
        for item in definition.items
    )
    container = (
        f'<EntityContainer Name="Container" m:IsDefaultEntityContainer="true">{sets}'
        "</EntityContainer>"
    )
    return f"{_DECLARATION}{_HEAD}{types}{container}{_TAIL}".encode()


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


def _entity_type(item: Item) -> str:
    properties = "".join(map(_property, item.attributes))
    key = (
        f'<Property Name="{INTEGRATION_KEY}" Type="Edm.String" Nullable="false"'
        f' s:Alias="{item.alias}"/>'
    )
    return (
        f'<EntityType Name="{item.code}"><Key><PropertyRef Name="{INTEGRATION_KEY}"/></Key>'
        f"{properties}{key}</EntityType>"
    )


def _property(attribute: Attribute) -> str:
    nullable = str(attribute.nullable).lower()
    unique = ' s:IsUnique="true"' if attribute.unique else ""
    return (
        f'<Property Name="{attribute.name}" Type="{attribute.type}" Nullable="{nullable}"{unique}/>'
    )
