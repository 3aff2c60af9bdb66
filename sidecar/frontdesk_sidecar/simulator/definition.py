"""One Integration Object from JSON.

    {"object": "InboundB2BCustomer", "authentication": "OAUTH",
     "items": [{"code": "B2BCustomer",
                "attributes": [{"name": "uid", "unique": true},
                               {"name": "email", "required": true},
                               {"name": "active", "type": "Boolean", "default": true},
                               {"name": "title", "reference": "Title", "required": true},
                               {"name": "groups", "reference": "UserGroup", "collection": true}]},
               {"code": "Title", "presets": [{"code": "mr"}],
                "attributes": [{"name": "code", "unique": true},
                               {"name": "name", "localized": true}]},
               {"code": "UserGroup", "enum": ["gold", "silver"]}]}

The first item is the root. `entitySet` defaults to the English plural of the code. The fields of
an item and of an attribute are described in docs/simulator.md; what an attribute can say is in
`attributes.py`.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Final, cast

from frontdesk_sidecar.simulator.attributes import (
    generated_items,
    localized_item,
    parse_attribute,
    with_localized,
)
from frontdesk_sidecar.simulator.edm import Attribute, Channel, IntegrationObject, Item, Navigation
from frontdesk_sidecar.simulator.errors import ODataError
from frontdesk_sidecar.simulator.fields import DefinitionError, Fields, no_repeats
from frontdesk_sidecar.simulator.payload import UnknownPropertyError, read_document

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

OF_OBJECT: Final[dict[str, type]] = {
    "object": str,
    "authentication": object,
    "items": list,
    "broken": str,
    "pojo": bool,
}
_OF_ITEM: Final[dict[str, type]] = {
    "code": str,
    "entitySet": str,
    "type": str,
    "attributes": list,
    "enum": list,
    "presets": list,
    "protected": bool,
}
_CHANNELS = ("OAUTH", "BASIC", "ANY")
_BROKEN = (
    "schema_generation_error",
    "invalid_key_definition",
    "invalid_property_definition",
    "misconfigured_attribute",
)


def plural(code: str) -> str:
    """The entity set of an item by default: `Address` becomes `Addresses`."""
    if code.endswith("y") and code[-2:-1].lower() not in "aeiou":
        return code[:-1] + "ies"
    return code + ("es" if code.endswith(("s", "x", "z", "ch", "sh")) else "s")


def load_definition(path: Path) -> IntegrationObject:
    """Reads a definition file of one object.

    Raises `DefinitionError`, and `OSError` when the file cannot be read.
    """
    return parse_definition(read_json(path))


def read_json(path: Path) -> object:
    """The JSON of a file. Raises `DefinitionError`, and `OSError` when it cannot be read."""
    try:
        document: object = json.loads(path.read_bytes())
    except ValueError as error:
        raise DefinitionError(f"{path}: not JSON: {error}") from error
    return document


def parse_definition(document: object) -> IntegrationObject:
    """Builds the object from its JSON form. Raises `DefinitionError` naming the field."""
    return parse_object(Fields(document, "definition", OF_OBJECT))


def parse_object(fields: Fields) -> IntegrationObject:
    """Builds the object from its fields. Raises `DefinitionError` naming the field."""
    items = list(_items(fields))
    if not items:
        raise fields.error("items", "at least one item is needed, the root first")
    items += generated_items(items, plural)
    no_repeats([item.entity_set for item in items], "items")
    no_repeats([item.code for item in items], "items")
    made = IntegrationObject(
        fields.name("object"),
        tuple(items),
        _channel(fields),
        broken=fields.choice("broken", _BROKEN[0], _BROKEN) if "broken" in fields else None,
        pojo=fields.flag("pojo"),
    )
    _check_targets(made)
    for item in made.items:
        _check_presets(item, made.by_code)
    return made


def _channel(fields: Fields) -> Channel | None:
    value = fields.raw("authentication") if "authentication" in fields else "OAUTH"
    if value is not None and value not in _CHANNELS:
        raise fields.error("authentication", f"expected null or one of {', '.join(_CHANNELS)}")
    return cast("Channel | None", value)


def _items(fields: Fields) -> Iterator[Item]:
    for entry, where in fields.list("items"):
        item = _item(Fields(entry, where, _OF_ITEM))
        yield with_localized(item)
        if item.localized:
            yield localized_item(item, plural)


def _item(fields: Fields) -> Item:
    code = fields.name("code")
    parsed = [parse_attribute(*one) for one in fields.list("attributes")]
    presets: list[Mapping[str, object]] = []
    if "enum" in fields:
        if parsed:
            raise fields.error("enum", "not together with attributes")
        parsed = [Attribute("code", unique=True)]
        presets = [{"code": one} for one in fields.texts("enum")]
    no_repeats([one.name for one in parsed], f"{fields.where}.attributes")
    item = Item(
        code,
        fields.text("entitySet") or plural(code),
        tuple(one for one in parsed if isinstance(one, Attribute)),
        tuple(one for one in parsed if isinstance(one, Navigation)),
        type=fields.text("type"),
        protected=fields.flag("protected"),
    )
    if not item.key and not item.key_navigations:
        raise fields.error("attributes", "one must be unique, to make the integration key")
    given = [cast("dict[str, object]", one) for one, _ in fields.list("presets")]
    return replace(item, presets=(*presets, *given))


def _check_targets(made: IntegrationObject) -> None:
    for item in made.items:
        for navigation in item.navigations:
            if navigation.target not in made.by_code:
                text = f"attribute {navigation.name}: there is no item {navigation.target}"
                raise DefinitionError(f"items: {item.code}: {text}")
    try:
        _ = made.aliases
    except RecursionError:
        raise DefinitionError("items: the unique references go round in a circle") from None


def _check_presets(item: Item, items: Mapping[str, Item]) -> None:
    for number, preset in enumerate(item.presets):
        where = f"items: {item.code}: presets[{number}]"
        try:
            read_document(preset, item, items)
        except ODataError as error:
            raise DefinitionError(f"{where}: {error.message}") from None
        except UnknownPropertyError as error:
            raise DefinitionError(f"{where}: there is no attribute {error.name}") from None
