"""One attribute of a definition file, and the entity types that Commerce makes by itself.

Types: `Edm.*`, or `String`, `Boolean`, `Short`, `Integer`, `Double`, `Date`; `Long`, `BigInteger`
and `BigDecimal` are `Edm.String`, as on 2211. A `reference` names another item; `collection`
makes it many. Without a reference a collection is one of values, `map` one of texts by text.
Source: SAP Help, "Integration API Module", on entity data models.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, cast, get_args

from frontdesk_sidecar.simulator.edm import (
    INTEGRATION_KEY,
    LANGUAGE,
    LOCALIZED,
    Attribute,
    EdmType,
    Item,
    Navigation,
    OnWrite,
    Special,
)
from frontdesk_sidecar.simulator.errors import ODataError
from frontdesk_sidecar.simulator.fields import Fields
from frontdesk_sidecar.simulator.values import read_value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_OF_ATTRIBUTE: Final[dict[str, type]] = {
    "name": str,
    "type": str,
    "unique": bool,
    "required": bool,
    "default": object,
    "maxLength": int,
    "onWrite": str,
    "readOnly": bool,
    "derivedFrom": str,
    "localized": bool,
    "nullable": bool,
    "virtual": bool,
    "classification": bool,
    "reference": str,
    "collection": bool,
    "map": bool,
    "partOf": bool,
    "autoCreate": bool,
}
_NAVIGATION_ONLY = frozenset({"reference", "collection", "map", "partOf", "autoCreate"})
_OF_NAVIGATION = _NAVIGATION_ONLY | {"name", "type", "unique", "required"}
_SHORT_NAMES: Final[dict[str, EdmType]] = {
    "String": "Edm.String",
    "Boolean": "Edm.Boolean",
    "Short": "Edm.Int16",
    "Integer": "Edm.Int32",
    "Double": "Edm.Double",
    "Date": "Edm.DateTime",
    "Long": "Edm.String",
    "BigInteger": "Edm.String",
    "BigDecimal": "Edm.String",
}
_WRAPPERS: Final = {edm: short for short, edm in reversed(_SHORT_NAMES.items())}
_MAP: Final = "String2StringMapType"
_KINDS: Final = {one: one for one in get_args(EdmType)} | _SHORT_NAMES


def parse_attribute(entry: object, where: str) -> Attribute | Navigation:
    """One attribute. Raises `DefinitionError` naming the field."""
    fields = Fields(entry, where, _OF_ATTRIBUTE)
    name = fields.name("name")
    if name in {INTEGRATION_KEY, LOCALIZED}:
        raise fields.error("name", f"{name} is a reserved attribute name")
    kind = _KINDS[fields.choice("type", "Edm.String", tuple(_KINDS))]
    if any(field in fields for field in _NAVIGATION_ONLY):
        return _navigation(fields, name, kind)
    if "nullable" in fields and not fields.flag("unique"):
        raise fields.error("nullable", "only a unique attribute can have it")
    attribute = Attribute(
        name,
        kind,
        unique=fields.flag("unique"),
        required=fields.flag("required"),
        max_length=fields.number("maxLength"),
        on_write=_on_write(fields),
        localized=fields.flag("localized"),
        optional=fields.flag("nullable"),
        source=fields.text("derivedFrom") or None,
        special=_special(fields),
    )
    return _with_default(attribute, fields)


def _on_write(fields: Fields) -> OnWrite:
    default = "switch" if fields.flag("readOnly") or "derivedFrom" in fields else "store"
    default = "ignore" if fields.flag("virtual") else default
    return cast("OnWrite", fields.choice("onWrite", default, get_args(OnWrite)))


def _special(fields: Fields) -> Special | None:
    return next((one for one in get_args(Special) if fields.flag(one)), None)


def _navigation(fields: Fields, name: str, kind: EdmType) -> Navigation:
    for field in _OF_ATTRIBUTE.keys() - _OF_NAVIGATION:
        if field in fields:
            raise fields.error(field, "not for a reference or a collection")
    many = fields.flag("collection") or fields.flag("map")
    target = fields.text("reference")
    if not target:
        if not many:
            raise fields.error("reference", "the name of the item is missing")
        target = _MAP if fields.flag("map") else _WRAPPERS.get(kind, kind.removeprefix("Edm."))
    if many and fields.flag("unique"):
        raise fields.error("unique", "a collection cannot be part of a key")
    return Navigation(
        name,
        target,
        many=many,
        unique=fields.flag("unique"),
        required=fields.flag("required"),
        part_of=fields.flag("partOf"),
        auto_create=fields.flag("autoCreate"),
    )


def _with_default(attribute: Attribute, fields: Fields) -> Attribute:
    try:
        return replace(attribute, default=read_value(attribute, fields.raw("default")))
    except ODataError:
        raise fields.error("default", f"expected a value of {attribute.type}") from None


def with_localized(item: Item) -> Item:
    """The item with the way to its localized values, if it has any."""
    if not item.localized:
        return item
    way = Navigation(LOCALIZED, f"Localized___{item.code}", many=True)
    return replace(item, navigations=(*item.navigations, way))


def localized_item(item: Item, plural: Callable[[str], str]) -> Item:
    """The entity type of an item's localized values, one entry for each language."""
    code = f"Localized___{item.code}"
    language = Attribute(LANGUAGE, unique=True)
    return Item(code, plural(code), (language, *item.localized), kind="localized")


def generated_items(items: Iterable[Item], plural: Callable[[str], str]) -> list[Item]:
    """The wrappers of simple values and the entries of maps that the items lead to."""
    listed = list(items)
    codes = {item.code for item in listed}
    wanted = dict.fromkeys(one.target for item in listed for one in item.navigations)
    made: list[Item] = []
    for code in wanted:
        if code == _MAP and code not in codes:
            parts = (Attribute("key", unique=True), Attribute("value"))
            made.append(Item(code, plural(code), parts, kind="map"))
        elif code not in codes and (kind := _wrapped(code)) is not None:
            value = Attribute("value", kind, unique=True)
            made.append(Item(code, plural(code), (value,), kind="value"))
    return made


def _wrapped(code: str) -> EdmType | None:
    if code in _SHORT_NAMES:
        return _SHORT_NAMES[code]
    return next((one for one in get_args(EdmType) if one == f"Edm.{code}"), None)
