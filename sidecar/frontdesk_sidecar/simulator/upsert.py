"""What a POST or PATCH makes of the simple attributes of an item, or which error.

Source: the tables on null and absent attributes in SAP Help, "Integration API Module".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from frontdesk_sidecar.simulator.edm import LANGUAGE
from frontdesk_sidecar.simulator.errors import ODataError, cannot_save, invalid_language
from frontdesk_sidecar.simulator.keys import form_encode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from frontdesk_sidecar.simulator.edm import Attribute, IntegrationObject, Item, Value
    from frontdesk_sidecar.simulator.payload import Entry, Part
    from frontdesk_sidecar.simulator.state import Content, Kept
    from frontdesk_sidecar.simulator.switches import Switches

Verb = Literal["POST", "PATCH"]


def key_of(definition: IntegrationObject, item: Item, entry: Entry) -> str:
    """The integration key of an entry, values encoded.

    Raises `ODataError` with `missing_key` when a key attribute is absent or null.
    """
    if not item.key_navigations and len(item.key) == 1:
        return form_encode(_key_value(item, item.key[0], entry))
    values = dict(_key_values(definition, item, entry))
    return "|".join(form_encode(values[segment]) for segment in sorted(values))


def key_text(value: object) -> str:
    """A value inside a key: dates as epoch milliseconds, Booleans in lower case, null empty."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def merge(
    item: Item,
    current: Content | None,
    entry: Entry,
    key: str,
    *,
    switches: Switches,
    language: str,
) -> dict[str, Kept]:
    """The simple attributes after the upsert: absent keeps, null clears, a create takes defaults.

    A localized value is that of `language`. Raises `ODataError` with `missing_property` for a
    required attribute that is null or was never given, and with `invalid_attribute_value` for a
    value that cannot be stored.
    """
    merged = dict(current) if current is not None else _defaults(item)
    for name, part in entry.items():
        attribute = item.by_name.get(name)
        if attribute is None:
            continue
        value: Value = part  # type: ignore[assignment] # read as a simple value
        _check(item, attribute, value, key, switches)
        if attribute.on_write == "store":
            merged[name] = _kept(attribute, merged.get(name), value, language)
    for attribute in item.required:
        if not _is_given(merged.get(attribute.name)):
            raise _missing_property(item, attribute, key)
    for attribute in item.derived:
        merged[attribute.name] = merged.get(attribute.source or "")
    return merged


def merge_localized(
    item: Item,
    merged: dict[str, Kept],
    part: Part,
    *,
    verb: Verb,
    languages: frozenset[str],
) -> None:
    """Takes the `localizedAttributes` of an entry, which win over the simple values.

    A PATCH replaces what there was in other languages. Raises `ODataError` for a language that
    is missing or unknown.
    """
    if not isinstance(part, list):
        return
    if verb == "PATCH":
        merged.update({attribute.name: {} for attribute in item.localized})
    for given in part:
        language = given.get(LANGUAGE)
        if not isinstance(language, str):
            raise _missing_key(f"Localized___{item.code}", LANGUAGE)
        if language.lower() not in languages:
            raise invalid_language(language)
        for attribute in item.localized:
            if attribute.name in given:
                value: Value = given[attribute.name]  # type: ignore[assignment] # as above
                merged[attribute.name] = _kept(
                    attribute, merged.get(attribute.name), value, language.lower()
                )


def _key_values(
    definition: IntegrationObject, item: Item, entry: Entry
) -> Iterator[tuple[str, str]]:
    for attribute in item.key:
        yield f"{item.code}_{attribute.name}", _key_value(item, attribute, entry)
    for navigation in item.key_navigations:
        part = entry.get(navigation.name)
        if not isinstance(part, dict):
            raise _missing_key(item.code, navigation.name, "Key NavigationProperty")
        yield from _key_values(definition, definition.target(navigation), part)


def _key_value(item: Item, attribute: Attribute, entry: Entry) -> str:
    value = entry.get(attribute.name)
    if value is None and not attribute.optional:
        raise _missing_key(item.code, attribute.name)
    return key_text(value)


def _missing_key(code: str, name: str, kind: str = "Key") -> ODataError:
    return ODataError(400, "missing_key", f"{kind} [{name}] is required for EntityType [{code}].")


def _kept(attribute: Attribute, current: Kept, value: Value, language: str) -> Kept:
    if not attribute.localized:
        return value
    values = dict(current) if isinstance(current, dict) else {}
    if value is None:
        values.pop(language, None)
    else:
        values[language] = value
    return values


def _defaults(item: Item) -> dict[str, Kept]:
    return {one.name: one.default for one in item.attributes if one.default is not None}


def _is_given(value: Kept) -> bool:
    return value is not None and value != {}


def _check(item: Item, attribute: Attribute, value: Value, key: str, switches: Switches) -> None:
    if attribute.required and value is None:
        raise _missing_property(item, attribute, key)
    refused = attribute.on_write == "switch" and switches.readOnlyAttribute == "reject"
    if refused or attribute.on_write == "reject":
        raise cannot_save(item.code, f"attribute [{attribute.name}] is not writable", key)
    limit = attribute.max_length
    if limit is not None and isinstance(value, str) and len(value) > limit:
        raise cannot_save(item.code, f"value of [{attribute.name}] is longer than {limit}", key)


def _missing_property(item: Item, attribute: Attribute, key: str) -> ODataError:
    text = f"Property [{attribute.name}] is required for EntityType [{item.code}]."
    return ODataError(400, "missing_property", text, key)
