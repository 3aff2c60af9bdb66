"""Entries and collections as they are sent: JSON in the `d` envelope.

Sources: Olingo's `JsonEntryEntityProducer` for the order of members; OData V2 "JSON Format". How
they look in Atom is in `atom`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from frontdesk_sidecar.simulator.edm import INTEGRATION_KEY, Item
from frontdesk_sidecar.simulator.keys import entity_address, form_decode
from frontdesk_sidecar.simulator.links import related

if TYPE_CHECKING:
    from collections.abc import Sequence

    from frontdesk_sidecar.simulator.edm import IntegrationObject, Navigation, Value
    from frontdesk_sidecar.simulator.state import Kept, Stored, Stores


@dataclass(frozen=True, slots=True)
class Expand:
    """Which navigations are written inline, and which of theirs."""

    inline: Mapping[str, Expand] = field(default_factory=dict)
    select: frozenset[str] | None = None


PLAIN = Expand()


def properties(item: Item, stored: Stored, language: str) -> dict[str, Any]:
    """The JSON values by name in EDM order, null ones included, the integration key last."""
    values: dict[str, Any] = {
        attribute.name: _emitted(attribute.type, stored.attributes.get(attribute.name))
        for attribute in item.attributes
    }
    for attribute in item.localized:
        kept = values[attribute.name]
        if isinstance(kept, dict):
            values[attribute.name] = kept.get(language)
    if item.key_property == INTEGRATION_KEY:
        values[INTEGRATION_KEY] = stored.key
    return values


@dataclass(frozen=True, slots=True)
class View:
    """How one object is shown: its address without a slash, and the language of the answer."""

    definition: IntegrationObject
    stores: Stores
    service: str
    language: str

    def address(self, item: Item, stored: Stored) -> str:
        """The absolute address of an item."""
        return f"{self.service}/{entity_address(item.entity_set, stored.key)}"

    def related(self, navigation: Navigation, stored: Stored) -> list[Stored]:
        """What a navigation of an item leads to."""
        return related(self.definition, self.stores, navigation, stored)

    def entry_json(self, item: Item, stored: Stored, expand: Expand = PLAIN) -> bytes:
        """One entry in its envelope."""
        return orjson.dumps({"d": self._entry(item, stored, expand)})

    def collection_json(
        self,
        item: Item,
        page: Sequence[Stored],
        expand: Expand,
        count: int | None,
        following: str | None,
    ) -> bytes:
        """A collection: `__count` is a string (OData V2), `__next` the address of the next page."""
        content: dict[str, Any] = {"results": [self._entry(item, one, expand) for one in page]}
        if count is not None:
            content["__count"] = str(count)
        if following is not None:
            content["__next"] = following
        return orjson.dumps({"d": content})

    def _entry(self, item: Item, stored: Stored, expand: Expand) -> dict[str, Any]:
        uri = self.address(item, stored)
        metadata = {"id": uri, "uri": uri, "type": item.type_name}
        entry = {"__metadata": metadata, **properties(item, stored, self.language)}
        for navigation in item.navigations:
            name = navigation.name
            inner = expand.inline.get(name)
            if inner is None:
                entry[name] = {"__deferred": {"uri": f"{uri}/{name}"}}
            else:
                entry[name] = self._inline(navigation, stored, inner)
        if expand.select is None:
            return entry
        return {name: one for name, one in entry.items() if name in expand.select}

    def _inline(self, navigation: Navigation, stored: Stored, expand: Expand) -> Any:
        target = self.definition.target(navigation)
        found = [self._entry(target, one, expand) for one in self.related(navigation, stored)]
        if navigation.many:
            return {"results": found}
        return found[0] if found else None


def shown(
    definition: IntegrationObject, item: Item, stored: Stored, language: str
) -> dict[str, Any]:
    """An item as `/_sim/customers` shows it: links as integration keys, localized values whole."""
    values = properties(item, stored, language)
    for navigation in item.navigations:
        kept, kind = stored.attributes.get(navigation.name), definition.target(navigation).kind
        if kind == "localized":
            values[navigation.name] = {
                one.name: stored.attributes.get(one.name) or {} for one in item.localized
            }
        elif isinstance(kept, dict):
            values[navigation.name] = kept
        else:
            keys = kept if isinstance(kept, tuple) else ()
            keys = tuple(map(form_decode, keys)) if kind == "value" else keys
            values[navigation.name] = list(keys) if navigation.many else next(iter(keys), None)
    return values


def _emitted(kind: str, value: Kept) -> Kept:
    if kind == "Edm.DateTime" and value is not None:
        return f"/Date({value})/"
    return value


def simple(value: Kept, language: str) -> Value:
    """A simple value, that of a language if it is localized."""
    if isinstance(value, dict):
        found: Value = value.get(language)
        return found
    return None if isinstance(value, tuple) else value  # type: ignore[return-value] # told apart
