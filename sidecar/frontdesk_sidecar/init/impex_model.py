"""An Integration Object as ImpEx makes it: items, their attributes, and whom they refer to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from frontdesk_sidecar.metadata import Item, Metadata, Navigation, Property

_WORD: Final = r"[A-Za-z_][A-Za-z0-9_]*"
_CUSTOM: Final = re.compile(rf"({_WORD}):([A-Za-z_][A-Za-z0-9_.]*)(?:\(({_WORD})\))?")
#: Simple types of SAP Commerce, without `java.lang.` and the like.
_SIMPLE: Final = frozenset(
    (
        *("String", "Boolean", "Integer", "Long", "Short", "Byte", "Character", "Float", "Double"),
        *("Date", "BigDecimal", "BigInteger", "boolean", "int", "long", "double"),
    )
)


class Unknown(ValueError):  # noqa: N818 - it is what was asked for that is wrong
    """An attribute that was asked for cannot be had; says why, and what to write."""


@dataclass(frozen=True, slots=True)
class Row:
    """One attribute; `target` is the item that it refers to."""

    name: str
    target: str = ""
    is_unique: bool = False
    creates: bool = False


@dataclass(frozen=True, slots=True)
class ObjectItem:
    """One item, of a type of SAP Commerce."""

    code: str
    type: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class ObjectModel:
    """The object; its first item is the root."""

    code: str
    items: tuple[ObjectItem, ...]


@dataclass(frozen=True, slots=True)
class _Reference:
    type: str
    key: str


_CUSTOMER: Final[Mapping[str, _Reference | None]] = MappingProxyType(
    {
        **dict.fromkeys(
            (
                *("uid", "name", "description", "customerID", "originalUid"),
                *("loginDisabled", "deactivationDate"),
            )
        ),
        "title": _Reference("Title", "code"),
        "type": _Reference("CustomerType", "code"),
        "sessionLanguage": _Reference("Language", "isocode"),
        "sessionCurrency": _Reference("Currency", "isocode"),
        "groups": _Reference("PrincipalGroup", "uid"),
    }
)
#: Item type -> the attributes that can be written -> what they refer to.
KNOWN: Final[Mapping[str, Mapping[str, _Reference | None]]] = MappingProxyType(
    {
        "Customer": _CUSTOMER,
        "B2BCustomer": MappingProxyType(
            {
                **_CUSTOMER,
                **dict.fromkeys(("email", "active")),
                "defaultB2BUnit": _Reference("B2BUnit", "uid"),
            }
        ),
    }
)
#: What is taken unless somebody wants otherwise.
USUAL: Final[Mapping[str, Sequence[str]]] = MappingProxyType(
    {
        "Customer": ("uid", "originalUid", "name", "title", "sessionLanguage", "groups"),
        "B2BCustomer": ("uid", "originalUid", "name", "email", "title", "defaultB2BUnit", "groups"),
    }
)
_REFUSED: Final = {
    "contactEmail": "SAP derives it from uid and cannot be given it",
    "firstName": "a standard Customer has one name; as your own attribute: firstName:String",
    "lastName": "a standard Customer has one name; as your own attribute: lastName:String",
    **dict.fromkeys(("password", "encodedPassword", "token"), "it is not for an interface"),
}


def of_attributes(code: str, item_type: str, wanted: Sequence[str]) -> ObjectModel:
    """An object with the attributes wanted: known names, or `name:Type` or `name:Type(key)`.

    Raises Unknown.
    """
    known = KNOWN.get(item_type, _CUSTOMER)
    names = wanted or USUAL.get(item_type, USUAL["Customer"])
    rows = {row.name: (row, reference) for row, reference in (_wanted(one, known) for one in names)}
    rows.setdefault("uid", (Row("uid", is_unique=True), None))
    targets = {
        reference.type: ObjectItem(
            reference.type, reference.type, (Row(reference.key, is_unique=True),)
        )
        for _, reference in rows.values()
        if reference is not None and reference.type != item_type
    }
    root = ObjectItem(item_type, item_type, tuple(row for row, _ in rows.values()))
    return ObjectModel(code, (root, *targets.values()))


def _wanted(text: str, known: Mapping[str, _Reference | None]) -> tuple[Row, _Reference | None]:
    if text in known:
        reference = known[text]
    elif text in _REFUSED:
        raise Unknown(f"{text}: {_REFUSED[text]}")
    elif custom := _CUSTOM.fullmatch(text):
        text, type_, key = custom[1], custom[2].rpartition(".")[2], custom[3]
        reference = None if type_ in _SIMPLE else _Reference(type_, key or "code")
    else:
        way = f"{text}:String, {text}:Boolean or {text}:SomeType(code)"
        raise Unknown(f"{text}: is no standard attribute; write your own as {way}")
    target = "" if reference is None else reference.type
    return Row(text, target, is_unique=text == "uid"), reference


def of_metadata(
    code: str, metadata: Metadata, root: Item, wanted: Sequence[str] = ()
) -> ObjectModel:
    """The object that an EDMX describes, or as much of its root as is wanted.

    Items that stand for collections of simple values, for maps or for languages have no part in
    ImpEx. Raises Unknown.
    """
    missing = [name for name in wanted if name not in root.attributes]
    if missing:
        raise Unknown(f"{', '.join(missing)}: not in {root.name}, which has {_list(root)}")
    rest = set(root.attributes) - {*wanted, *root.key} if wanted else set()
    found = {root.name: _object_item(root, metadata, rest)}
    waiting = [row.target for row in found[root.name].rows]
    while waiting:
        name = waiting.pop(0)
        if name and name not in found:
            found[name] = _object_item(metadata.items[name], metadata, set())
            waiting += [row.target for row in found[name].rows]
    check_names(row.name for one in found.values() for row in one.rows)
    check_names(found)
    return ObjectModel(code, tuple(found.values()))


def _object_item(item: Item, metadata: Metadata, without: set[str]) -> ObjectItem:
    rows = (
        _row(item.properties.get(name) or item.navigations[name], metadata)
        for name in item.attributes
        if name not in without and name != "localizedAttributes"
    )
    return ObjectItem(item.name, item.name, tuple(rows))


def _row(to: Property | Navigation, metadata: Metadata) -> Row:
    if isinstance(to, Property):
        return Row(to.name, is_unique=to.is_unique)
    target = metadata.items.get(to.target)
    name = to.target if target is not None and target.key else ""
    return Row(to.name, name, to.is_unique, to.creates)


def _list(item: Item) -> str:
    return ", ".join(item.attributes)


def check_names(names: Iterable[str]) -> None:
    """Raises Unknown for what would be more than a name in ImpEx."""
    for name in names:
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", name):
            raise Unknown(f"{name!r}: expected letters, digits, _, - and .")
