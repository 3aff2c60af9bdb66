"""Reads a JSON entry against the object definition, as strictly as Olingo does.

Source: Olingo's `JsonEntryConsumer` and `JsonFeedConsumer`. Wrong types are reported before
unknown properties, whose error can then carry the integration key.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NoReturn

from frontdesk_sidecar.simulator.edm import INTEGRATION_KEY, Attribute, Value
from frontdesk_sidecar.simulator.errors import odata_error
from frontdesk_sidecar.simulator.values import read_value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from frontdesk_sidecar.simulator.edm import Item, Navigation

# An entry as it was sent: simple values, an entry for a reference, a list for a collection.
Part = Value | dict[str, "Part"] | list[dict[str, "Part"]]
Entry = dict[str, Part]

_METADATA_TEXTS = frozenset({"id", "uri", "etag"})
_INTEGRATION_KEY = Attribute(INTEGRATION_KEY)


class UnknownPropertyError(Exception):
    """The entry names a property the object does not define.

    `known` holds what of the entry could be read, so that the integration key can be told.
    """

    def __init__(self, name: str, known: Entry) -> None:
        super().__init__(name)
        self.name = name
        self.known = known


class _Members(list[tuple[str, object]]):
    """A JSON object as its members, repeated names included; a JSON array is a plain list."""


def read_entry(body: bytes, item: Item, items: Mapping[str, Item] | None = None) -> Entry:
    """The properties of the entry by name; absent ones are absent, nulls are None.

    `items` are those of the object by code, for what the entry leads to. `integrationKey`,
    `__metadata`, `@odata.context` and deferred links are tolerated and left out. Raises
    `ODataError` with `odata_error` for what is not JSON of the right shape and type, and
    `UnknownPropertyError`.
    """
    reader = _Reader(items or {})
    entry = reader.entry(_members(body), item)
    if reader.unknown is not None:
        raise UnknownPropertyError(reader.unknown, entry)
    return entry


def read_document(document: object, item: Item, items: Mapping[str, Item]) -> Entry:
    """The same of a JSON value that is already parsed. Raises what `read_entry` does."""
    return read_entry(json.dumps(document).encode(), item, items)


class _Reader:
    """Reads one entry with what is nested in it; `unknown` is the first unknown name."""

    def __init__(self, items: Mapping[str, Item]) -> None:
        self._items = items
        self.unknown: str | None = None

    def entry(self, members: _Members, item: Item) -> Entry:
        entry: Entry = {}
        seen: set[str] = set()
        attributes = item.by_name
        for name, value in members:
            if name in seen:
                raise odata_error(f"Double occurrence of property with name '{name}'.")
            seen.add(name)
            if (attribute := attributes.get(name)) is not None:
                entry[name] = read_value(attribute, value)
            elif (navigation := item.navigation_by_name.get(name)) is not None:
                self._navigation(navigation, value, entry)
            elif not _is_tolerated(name, value, item):
                self.unknown = self.unknown or name
        return entry

    def _navigation(self, navigation: Navigation, value: object, entry: Entry) -> None:
        if value is None:
            entry[navigation.name] = None
            return
        target = self._items[navigation.target]
        if isinstance(value, _Members) and [name for name, _ in value] == ["__deferred"]:
            return
        if navigation.many:
            entry[navigation.name] = [self._nested(one, target) for one in _feed(value)]
        else:
            entry[navigation.name] = self._nested(value, target)

    def _nested(self, value: object, target: Item) -> Entry:
        if not isinstance(value, _Members):
            raise _illegal_state()
        return self.entry(value, target)


def _feed(value: object) -> list[object]:
    """The entries of a collection: an array, or an object with `results` (OData V2 JSON)."""
    if isinstance(value, _Members):
        if len(value) != 1 or value[0][0] != "results":
            raise _illegal_state()
        value = value[0][1]
    if not isinstance(value, list) or isinstance(value, _Members):
        raise _illegal_state()
    return value


def _members(body: bytes) -> _Members:
    try:
        document = _decoder.decode(body.decode("utf-8-sig", errors="replace"))
    except (ValueError, RecursionError):
        raise odata_error("An exception of type 'MalformedJsonException' occurred.") from None
    if not isinstance(document, _Members) or not document:
        raise _illegal_state()
    name, content = document[0]
    if name != "d":
        return document
    if len(document) > 1 or not isinstance(content, _Members):
        raise _illegal_state()
    return content


def _no_constant(text: str) -> NoReturn:
    raise ValueError(text)


_decoder = json.JSONDecoder(object_pairs_hook=_Members, parse_constant=_no_constant)


def _is_tolerated(name: str, value: object, item: Item) -> bool:
    if name == INTEGRATION_KEY:
        read_value(_INTEGRATION_KEY, value)
        return True
    if name == "@odata.context":
        return True
    if name != "__metadata":
        return False
    _check_metadata(value, item)
    return True


def _check_metadata(value: object, item: Item) -> None:
    if not isinstance(value, _Members):
        raise _illegal_state()
    for name, content in value:
        if name == "type" and content != item.type_name:
            raise odata_error(
                f"Supplied entity type '{item.type_name}' does not match"
                f" the content entity type '{content}'."
            )
        if name not in {"type", "properties"} and name not in _METADATA_TEXTS:
            raise odata_error(f"'{name}' not expected in '__metadata'.")


def _illegal_state() -> Exception:
    return odata_error("An exception of type 'IllegalStateException' occurred.")
