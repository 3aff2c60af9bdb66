"""Values made to fit an object's Edm types, in the JSON that SAP's reader takes.

Source: OData V2 JSON format, section "primitive types"; Olingo's JsonPropertyConsumer takes
booleans as literals, integers up to 32 bits as numbers, Int64 as text, dates as `/Date(ms)/`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Final

from frontdesk_sidecar.mapping.functions import odata_date, read_time
from frontdesk_sidecar.metadata.model import Item, Metadata, Navigation, Property

_RANGES: Final = {
    "Edm.Byte": range(2**8),
    "Edm.SByte": range(-(2**7), 2**7),
    "Edm.Int16": range(-(2**15), 2**15),
    "Edm.Int32": range(-(2**31), 2**31),
    "Edm.Int64": range(-(2**63), 2**63),
}
_TRUTHS: Final = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False}
_DATE: Final = re.compile(r"/Date\(-?\d{1,16}\)/")
_GUID: Final = re.compile("[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_ABSENT: Final = object()
_MAX_DIGITS: Final = 400


class Misfit(ValueError):  # noqa: N818 - says what is the case
    """A value that cannot be made to fit; names the attribute and never the value."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


def coerce(payload: Mapping[str, object], item: Item, metadata: Metadata) -> dict[str, object]:
    """The payload as SAP takes it. Raises `Misfit` for the first value that cannot be made fit.

    A null stays one, unless the attribute may not be null. A reference without its key is left
    out: nobody knows to what it leads.
    """
    return _object(payload, item, metadata, "")


def coerce_scalar(value: object, to: Property) -> object:
    """One value for a simple attribute. Raises `Misfit` with its name."""
    if isinstance(value, dict | list):
        kind = "a list" if isinstance(value, list) else "an object"
        raise Misfit(to.name, f"is {kind} where one value of type {to.type} is expected")
    made = _TYPES.get(to.type, _as_it_is)(value)
    if made is None:
        raise Misfit(to.name, f"is {_kind(value)} that makes no {to.type}")
    if to.max_length is not None and isinstance(made, str) and _length(made) > to.max_length:
        raise Misfit(to.name, f"is longer than {to.max_length} characters")
    return made


def _object(
    given: Mapping[str, object], item: Item, metadata: Metadata, path: str
) -> dict[str, object]:
    made = {name: _attribute(value, name, item, metadata, path) for name, value in given.items()}
    return {name: value for name, value in made.items() if value is not _ABSENT}


def _attribute(value: object, name: str, item: Item, metadata: Metadata, path: str) -> object:
    here = f"{path}{name}"
    to = item.properties.get(name) or item.navigations.get(name)
    if to is None:
        raise Misfit(here, f"is no attribute of {item.name}")
    if value is None:
        if not to.nullable:
            raise Misfit(here, "is required and cannot be cleared")
        return None
    if isinstance(to, Property):
        return _scalar(value, to, here)
    return _linked(value, to, metadata, here)


def _scalar(value: object, to: Property, path: str) -> object:
    try:
        return coerce_scalar(value, to)
    except Misfit as misfit:
        raise Misfit(path, misfit.reason) from None


def _linked(value: object, to: Navigation, metadata: Metadata, path: str) -> object:
    target = metadata.items.get(to.target)
    if to.many != isinstance(value, list):
        expected = "a list of objects" if to.many else "one object"
        raise Misfit(path, f"refers to {to.target}: {expected} is expected")
    made: list[object] = []
    for one in value if isinstance(value, list) else [value]:
        if not isinstance(one, dict):
            raise Misfit(path, f"refers to {to.target}: {_example(target)} is expected")
        if target is None:
            made.append(one)
        elif all(one.get(name) is not None for name in target.key):
            made.append(_object(one, target, metadata, f"{path}."))
    if to.many:
        return made
    if made:
        return made[0]
    if not to.nullable:
        raise Misfit(path, f"refers to {to.target}: {_example(target)} is expected")
    return _ABSENT


def _example(target: Item | None) -> str:
    names = target.key if target is not None else ()
    inside = ", ".join(f"{name}: …" for name in names)
    return f"an object such as {{{inside}}}" if inside else "an object"


def _text(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return value if isinstance(value, str) else str(value)


def _boolean(value: object) -> object:
    if isinstance(value, str):
        return _TRUTHS.get(value.strip().lower())
    if isinstance(value, bool):
        return value
    return bool(value) if value in (0, 1) else None


def _whole(type_: str) -> Callable[[object], object]:
    within = _RANGES[type_]

    def make(value: object) -> object:
        number = _decimal(value)
        if number is None or number != number.to_integral_value() or int(number) not in within:
            return None
        return str(int(number)) if type_ == "Edm.Int64" else int(number)

    return make


def _decimal(value: object) -> Decimal | None:
    if isinstance(value, bool):
        return None
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    # An exponent of a million is a number of a million digits.
    is_sane = number.is_finite() and abs(number.adjusted()) < _MAX_DIGITS
    return number if is_sane else None


def _decimal_text(value: object) -> object:
    number = _decimal(value)
    return None if number is None else f"{number:f}"


def _floating(value: object) -> object:
    number = _decimal(value)
    if number is None:
        return None
    made = float(number)
    return made if math.isfinite(made) else None


def _date(value: object) -> object:
    if not isinstance(value, str):
        return None
    if _DATE.fullmatch(value):
        return value
    moment = read_time(value)
    return None if moment is None else odata_date(moment)


def _guid(value: object) -> object:
    is_guid = isinstance(value, str) and _GUID.fullmatch(value.strip())
    return str(value).strip().lower() if is_guid else None


def _as_it_is(value: object) -> object:
    return value


_TYPES: Final[Mapping[str, Callable[[object], object]]] = {
    "Edm.String": _text,
    "Edm.Boolean": _boolean,
    **{name: _whole(name) for name in _RANGES},
    "Edm.Single": _floating,
    "Edm.Double": _floating,
    "Edm.Decimal": _decimal_text,
    "Edm.DateTime": _date,
    "Edm.Guid": _guid,
}


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "a truth value"
    return "a text" if isinstance(value, str) else "a number"


def _length(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2  # as Java counts
