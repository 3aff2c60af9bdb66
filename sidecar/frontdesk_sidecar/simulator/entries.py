"""Entries and collections as they are sent: JSON in the `d` envelope, or Atom XML.

Sources: Olingo's `JsonEntryEntityProducer` for the order of members; OData V2 "JSON Format" and
"Atom Format".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from frontdesk_sidecar.simulator.edm import INTEGRATION_KEY, Item, Value
from frontdesk_sidecar.simulator.keys import entity_address
from frontdesk_sidecar.simulator.media import xml_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from frontdesk_sidecar.simulator.state import Stored

_ATOM = (
    'xmlns="http://www.w3.org/2005/Atom"'
    ' xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata"'
    ' xmlns:d="http://schemas.microsoft.com/ado/2007/08/dataservices"'
)
_DECLARATION = "<?xml version='1.0' encoding='UTF-8'?>"
_SCHEME = "http://schemas.microsoft.com/ado/2007/08/dataservices/scheme"


def properties(item: Item, stored: Stored) -> dict[str, Any]:
    """The JSON values by name in EDM order, null ones included, the integration key last."""
    values: dict[str, Any] = {
        attribute.name: _emitted(attribute.type, stored.attributes.get(attribute.name))
        for attribute in item.attributes
    }
    values[INTEGRATION_KEY] = stored.key
    return values


def address(item: Item, stored: Stored, service: str) -> str:
    """The absolute address of an item; `service` is the object's address without a slash."""
    return f"{service}/{entity_address(item.entity_set, stored.key)}"


def entry_json(item: Item, stored: Stored, service: str) -> bytes:
    """One entry in its envelope."""
    return orjson.dumps({"d": _entry(item, stored, service)})


def collection_json(
    item: Item, page: Sequence[Stored], service: str, count: int | None, following: str | None
) -> bytes:
    """A collection: `__count` is a string (OData V2), `__next` the address of the next page."""
    content: dict[str, Any] = {"results": [_entry(item, one, service) for one in page]}
    if count is not None:
        content["__count"] = str(count)
    if following is not None:
        content["__next"] = following
    return orjson.dumps({"d": content})


def entry_xml(item: Item, stored: Stored, service: str) -> bytes:
    """One Atom entry."""
    return (_DECLARATION + _atom_entry(item, stored, service, f" {_ATOM}")).encode()


def collection_xml(
    item: Item, page: Sequence[Stored], service: str, count: int | None, following: str | None
) -> bytes:
    """An Atom feed."""
    counted = "" if count is None else f"<m:count>{count}</m:count>"
    link = "" if following is None else f'<link href="{xml_text(following)}" rel="next"/>'
    entries = "".join(_atom_entry(item, one, service, "") for one in page)
    feed = f"<id>{xml_text(service)}/{item.entity_set}</id><title>{item.entity_set}</title>"
    return f"{_DECLARATION}<feed {_ATOM}>{feed}{counted}{entries}{link}</feed>".encode()


def _entry(item: Item, stored: Stored, service: str) -> dict[str, Any]:
    uri = address(item, stored, service)
    metadata = {"id": uri, "uri": uri, "type": item.type_name}
    return {"__metadata": metadata, **properties(item, stored)}


def _emitted(kind: str, value: Value) -> Value:
    if kind == "Edm.DateTime" and value is not None:
        return f"/Date({value})/"
    return value


def _atom_entry(item: Item, stored: Stored, service: str, namespaces: str) -> str:
    uri = xml_text(address(item, stored, service))
    values = "".join(_atom_property(*pair) for pair in properties(item, stored).items())
    return (
        f"<entry{namespaces}><id>{uri}</id><title>{item.entity_set}</title>"
        f'<category term="{item.type_name}" scheme="{_SCHEME}"/>'
        f'<content type="application/xml"><m:properties>{values}</m:properties></content></entry>'
    )


def _atom_property(name: str, value: Value) -> str:
    if value is None:
        return f'<d:{name} m:null="true"/>'
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"<d:{name}>{xml_text(text)}</d:{name}>"
