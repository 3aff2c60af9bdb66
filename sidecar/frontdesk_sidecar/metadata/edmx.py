"""EDMX, as `GET …/$metadata` gives it, read into the model.

Sources: OData V2 CSDL (edm 2008/09); SAP Help, "Integration API Module". Elements are known by
their local names, so that a later edm namespace is read as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from frontdesk_sidecar.metadata.model import Item, Metadata, Navigation, Property

#: The namespace of SAP Commerce's annotations.
_COMMERCE: Final = "{http://schemas.sap.com/commerce}"
_LENGTH: Final = re.compile("[0-9]{1,9}")  # else there is none, such as Max
_MAX_BYTES: Final = 16 * 1024 * 1024


class MetadataError(ValueError):
    """The document is no EDMX that describes entity sets; the text says what is missing."""


def read_edmx(document: bytes) -> Metadata:
    """Read a whole document. Raises MetadataError; document type declarations are refused."""
    if len(document) > _MAX_BYTES:
        raise MetadataError(f"larger than {_MAX_BYTES >> 20} MiB")
    root = _parse(document)
    if _local(root.tag) != "Edmx":
        raise MetadataError("is XML, but no EDMX")
    schemas = list(_below(root, "Schema"))
    ends = {
        f"{schema.get('Namespace')}.{association.get('Name')}": _ends(association)
        for schema in schemas
        for association in _children(schema, "Association")
    }
    items = {
        (item := _item(element, ends)).name: item
        for schema in schemas
        for element in _children(schema, "EntityType")
    }
    sets = {
        _name(element): element.get("EntityType", "").rpartition(".")[2]
        for schema in schemas
        for element in _below(schema, "EntitySet")
        if element.get("EntityType")
    }
    if not sets:
        raise MetadataError("describes no entity set")
    return Metadata(items, sets)


def _parse(document: bytes) -> Element:
    try:
        root: Element = fromstring(document, forbid_dtd=True)
    except DefusedXmlException:
        raise MetadataError("has a document type declaration") from None
    except (ParseError, ValueError, LookupError):
        raise MetadataError("is no XML") from None
    return root


#: role -> (name of the item, whether there may be many)
_Ends = Mapping[str, tuple[str, bool]]


def _ends(association: Element) -> _Ends:
    return {
        end.get("Role", ""): (
            end.get("Type", "").rpartition(".")[2],
            end.get("Multiplicity") == "*",
        )
        for end in _children(association, "End")
    }


def _item(element: Element, associations: Mapping[str, _Ends]) -> Item:
    properties = {(one := _property(child)).name: one for child in _children(element, "Property")}
    navigations = {}
    alias = ""
    for child in _children(element, "Property"):
        alias = child.get(f"{_COMMERCE}Alias", alias)
    for child in _children(element, "NavigationProperty"):
        ends = associations.get(child.get("Relationship", ""), {})
        target, many = ends.get(child.get("ToRole", ""), ("", False))
        name = _name(child)
        navigations[name] = Navigation(
            name,
            target,
            many,
            nullable=child.get("Nullable") != "false",
            is_unique=_says(child, "IsUnique"),
            creates=_says(child, "IsAutoCreate") or _says(child, "IsPartOf"),
        )
    return Item(_name(element), properties, navigations, alias)


def _property(element: Element) -> Property:
    length = element.get("MaxLength", "")
    return Property(
        _name(element),
        element.get("Type", "Edm.String"),
        nullable=element.get("Nullable") != "false",
        is_unique=_says(element, "IsUnique"),
        is_localized=_says(element, "IsLanguageDependent"),
        max_length=int(length) if _LENGTH.fullmatch(length) else None,
    )


def _name(element: Element) -> str:
    name = element.get("Name")
    if not name:
        raise MetadataError(f"has a {_local(element.tag)} without a name")
    return name


def _says(element: Element, annotation: str) -> bool:
    return element.get(f"{_COMMERCE}{annotation}") == "true"


def _children(element: Element, name: str) -> Iterator[Element]:
    return (child for child in element if _local(child.tag) == name)


def _below(element: Element, name: str) -> Iterator[Element]:
    return (child for child in element.iter() if _local(child.tag) == name)


def _local(tag: object) -> str:
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""
