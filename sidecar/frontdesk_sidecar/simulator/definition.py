"""Object definitions from JSON.

    {"object": "InboundB2BCustomer",
     "items": [{"code": "B2BCustomer", "entitySet": "B2BCustomers",
                "attributes": [{"name": "uid", "unique": true},
                               {"name": "email", "required": true},
                               {"name": "active", "type": "Edm.Boolean", "default": true}]}]}

The first item is the root. `entitySet` defaults to the English plural of the code, `type` to
`Edm.String`. An attribute may also have `maxLength` and `onWrite` ("store", "ignore", "reject").
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Final, cast, get_args

from frontdesk_sidecar.simulator.edm import (
    INTEGRATION_KEY,
    Attribute,
    EdmType,
    IntegrationObject,
    Item,
    OnWrite,
)
from frontdesk_sidecar.simulator.errors import ODataError
from frontdesk_sidecar.simulator.payload import read_value

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


_OF_ATTRIBUTE: Final[dict[str, type]] = {
    "name": str,
    "type": str,
    "unique": bool,
    "required": bool,
    "default": object,
    "maxLength": int,
    "onWrite": str,
}


class DefinitionError(ValueError):
    """The object definition is wrong; the text names the field. The author of the file must act."""


def plural(code: str) -> str:
    """The entity set of an item by default: `Address` becomes `Addresses`."""
    if code.endswith("y") and code[-2:-1].lower() not in "aeiou":
        return code[:-1] + "ies"
    return code + ("es" if code.endswith(("s", "x", "z", "ch", "sh")) else "s")


def load_definition(path: Path) -> IntegrationObject:
    """Reads a definition file.

    Raises `DefinitionError`, and `OSError` when the file cannot be read.
    """
    try:
        document = json.loads(path.read_bytes())
    except ValueError as error:
        raise DefinitionError(f"{path}: not JSON: {error}") from error
    return parse_definition(document)


def parse_definition(document: object) -> IntegrationObject:
    """Builds the object from its JSON form. Raises `DefinitionError` naming the field."""
    fields = _fields(document, "definition", {"object": str, "items": list})
    items = tuple(
        _item(entry, f"items[{number}]")
        for number, entry in enumerate(cast("list[object]", fields.get("items", [])))
    )
    if not items:
        raise DefinitionError("items: at least one item is needed, the root first")
    _no_repeats([item.entity_set for item in items], "items")
    return IntegrationObject(_name(fields, "object", "definition"), items)


def _item(entry: object, where: str) -> Item:
    fields = _fields(entry, where, {"code": str, "entitySet": str, "attributes": list})
    code = _name(fields, "code", where)
    attributes = tuple(
        _attribute(one, f"{where}.attributes[{number}]")
        for number, one in enumerate(cast("list[object]", fields.get("attributes", [])))
    )
    _no_repeats([attribute.name for attribute in attributes], f"{where}.attributes")
    item = Item(code, cast("str", fields.get("entitySet")) or plural(code), attributes)
    if not item.key:
        raise DefinitionError(
            f"{where}.attributes: one must be unique, to make the integration key"
        )
    return item


def _attribute(entry: object, where: str) -> Attribute:
    fields = _fields(entry, where, _OF_ATTRIBUTE)
    name = _name(fields, "name", where)
    if name in {INTEGRATION_KEY, "localizedAttributes"}:
        raise DefinitionError(f"{where}.name: {name} is a reserved attribute name")
    attribute = Attribute(
        name,
        cast("EdmType", _choice(fields, "type", "Edm.String", get_args(EdmType), where)),
        unique=bool(fields.get("unique", False)),
        required=bool(fields.get("required", False)),
        max_length=cast("int | None", fields.get("maxLength")),
        on_write=cast("OnWrite", _choice(fields, "onWrite", "store", get_args(OnWrite), where)),
    )
    return _with_default(attribute, fields.get("default"), where)


def _with_default(attribute: Attribute, default: object, where: str) -> Attribute:
    try:
        return replace(attribute, default=read_value(attribute, default))
    except ODataError:
        raise DefinitionError(f"{where}.default: expected a value of {attribute.type}") from None


def _fields(entry: object, where: str, kinds: Mapping[str, type]) -> dict[str, object]:
    if not isinstance(entry, dict):
        raise DefinitionError(f"{where}: expected a JSON object")
    for name, value in entry.items():
        if name not in kinds:
            raise DefinitionError(f"{where}.{name}: unknown field; known are {', '.join(kinds)}")
        if not isinstance(value, kinds[name]):
            raise DefinitionError(f"{where}.{name}: expected {kinds[name].__name__}")
    return entry


def _name(fields: Mapping[str, object], field: str, where: str) -> str:
    name = str(fields.get(field, ""))
    if not name.isidentifier():
        raise DefinitionError(f"{where}.{field}: expected a name, got {name!r}")
    return name


def _choice(
    fields: Mapping[str, object], field: str, default: str, choices: tuple[str, ...], where: str
) -> str:
    value = str(fields.get(field, default))
    if value not in choices:
        raise DefinitionError(f"{where}.{field}: expected one of {', '.join(choices)}")
    return value


def _no_repeats(names: list[str], where: str) -> None:
    repeated = {name for name in names if names.count(name) > 1}
    if repeated:
        raise DefinitionError(f"{where}: named twice: {', '.join(sorted(repeated))}")
