"""What a POST or PATCH makes of an item: which attributes it has afterwards, or which error.

Source: the tables on null and absent attributes in SAP Help, "Integration API Module".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from frontdesk_sidecar.simulator.errors import ODataError
from frontdesk_sidecar.simulator.keys import join_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from frontdesk_sidecar.simulator.edm import Attribute, Item, Value
    from frontdesk_sidecar.simulator.payload import Entry


def key_of(item: Item, entry: Mapping[str, Value]) -> str:
    """The integration key of an entry, values encoded.

    Raises `ODataError` with `missing_key` when a key attribute is absent or null.
    """
    for attribute in item.key:
        if entry.get(attribute.name) is None:
            text = f"Key [{attribute.name}] is required for EntityType [{item.code}]."
            raise ODataError(400, "missing_key", text)
    return join_key(key_text(entry[attribute.name]) for attribute in item.key)


def key_text(value: Value) -> str:
    """A value inside a key: dates as epoch milliseconds, Booleans in lower case, null empty."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def merge(item: Item, current: Mapping[str, Value] | None, entry: Entry, key: str) -> Entry:
    """The attributes after the upsert: absent keeps, null clears, a create takes defaults.

    Raises `ODataError` with `missing_property` for a required attribute that is null or was
    never given, and with `invalid_attribute_value` for a value that cannot be stored.
    """
    merged = dict(current) if current is not None else _defaults(item)
    for name, value in entry.items():
        attribute = item.by_name[name]
        _check(item, attribute, value, key)
        if attribute.on_write == "store":
            merged[name] = value
    for attribute in item.attributes:
        if attribute.required and merged.get(attribute.name) is None:
            raise _missing_property(item, attribute, key)
    return merged


def _defaults(item: Item) -> Entry:
    return {one.name: one.default for one in item.attributes if one.default is not None}


def _check(item: Item, attribute: Attribute, value: Value, key: str) -> None:
    if attribute.required and value is None:
        raise _missing_property(item, attribute, key)
    if attribute.on_write == "reject":
        raise _cannot_save(item, f"attribute [{attribute.name}] is not writable", key)
    limit = attribute.max_length
    if limit is not None and isinstance(value, str) and len(value) > limit:
        raise _cannot_save(item, f"value of [{attribute.name}] is longer than {limit}", key)


def _missing_property(item: Item, attribute: Attribute, key: str) -> ODataError:
    text = f"Property [{attribute.name}] is required for EntityType [{item.code}]."
    return ODataError(400, "missing_property", text, key)


def _cannot_save(item: Item, reason: str, key: str) -> ODataError:
    text = (
        f"An error occurred while attempting to save entries for entityType: {item.code},"
        f" with error message {reason}"
    )
    return ODataError(400, "invalid_attribute_value", text, key)
