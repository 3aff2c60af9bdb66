"""Reads a JSON entry against the object definition, as strictly as Olingo does.

Source: Olingo's `JsonEntryConsumer`, `JsonPropertyConsumer` and `EdmDateTime`. Wrong types are
reported before unknown properties, whose error can then carry the integration key.
"""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, NoReturn

from frontdesk_sidecar.simulator.edm import INTEGRATION_KEY, Attribute, EdmType, Item, Value
from frontdesk_sidecar.simulator.errors import ODataError, odata_error

if TYPE_CHECKING:
    from collections.abc import Callable

Entry = dict[str, Value]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_JSON_DATE = re.compile(r"/Date\((-?[0-9]{1,18})\)/")
_XML_DATE = re.compile(
    r"([0-9]{1,4})-([0-9]{1,2})-([0-9]{1,2})T([0-9]{1,2}):([0-9]{1,2})"
    r"(?::([0-9]{1,2})(?:\.([0-9]{1,9}))?)?"
)
_DECIMAL = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")
_METADATA_TEXTS = frozenset({"id", "uri", "etag"})
_RANGES: Final[dict[EdmType, tuple[int, int]]] = {
    "Edm.Byte": (0, 2**8 - 1),
    "Edm.SByte": (-(2**7), 2**7 - 1),
    "Edm.Int16": (-(2**15), 2**15 - 1),
    "Edm.Int32": (-(2**31), 2**31 - 1),
    "Edm.Int64": (-(2**63), 2**63 - 1),
}


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


def read_entry(body: bytes, item: Item) -> Entry:
    """The properties of the entry by name; absent ones are absent, nulls are None.

    `integrationKey`, `__metadata` and `@odata.context` are tolerated and left out. Raises
    `ODataError` with `odata_error` for what is not JSON of the right shape and type, and
    `UnknownPropertyError`.
    """
    entry: Entry = {}
    unknown = None
    seen: set[str] = set()
    for name, value in _members(body):
        if name in seen:
            raise odata_error(f"Double occurrence of property with name '{name}'.")
        seen.add(name)
        if (attribute := item.by_name.get(name)) is not None:
            entry[name] = read_value(attribute, value)
        elif not _is_tolerated(name, value, item):
            unknown = unknown or name
    if unknown is not None:
        raise UnknownPropertyError(unknown, entry)
    return entry


def read_value(attribute: Attribute, value: object) -> Value:
    """The value as it is kept. Raises `ODataError` when the JSON type or the text is wrong."""
    if value is None:
        return None
    return _READERS[attribute.type](attribute, value)


def _members(body: bytes) -> _Members:
    try:
        document = _decoder.decode(body.decode("utf-8-sig", errors="replace"))
    except (ValueError, RecursionError):
        raise odata_error("An exception of type 'MalformedJsonException' occurred.") from None
    if not isinstance(document, _Members) or not document:
        raise odata_error("An exception of type 'IllegalStateException' occurred.")
    name, content = document[0]
    if name != "d":
        return document
    if len(document) > 1 or not isinstance(content, _Members):
        raise odata_error("An exception of type 'IllegalStateException' occurred.")
    return content


def _no_constant(text: str) -> NoReturn:
    raise ValueError(text)


_decoder = json.JSONDecoder(object_pairs_hook=_Members, parse_constant=_no_constant)


def _is_tolerated(name: str, value: object, item: Item) -> bool:
    if name == INTEGRATION_KEY:
        read_value(Attribute(INTEGRATION_KEY), value)
        return True
    if name == "@odata.context":
        return True
    if name != "__metadata":
        return False
    _check_metadata(value, item)
    return True


def _check_metadata(value: object, item: Item) -> None:
    if not isinstance(value, _Members):
        raise odata_error("An exception of type 'IllegalStateException' occurred.")
    for name, content in value:
        if name == "type" and content != item.type_name:
            raise odata_error(
                f"Supplied entity type '{item.type_name}' does not match"
                f" the content entity type '{content}'."
            )
        if name not in {"type", "properties"} and name not in _METADATA_TEXTS:
            raise odata_error(f"'{name}' not expected in '__metadata'.")


def _incompatible(attribute: Attribute) -> ODataError:
    return odata_error(
        f"Provided value for the property '{attribute.name}' is not compatible with the property."
    )


def _read_string(attribute: Attribute, value: object) -> Value:
    if not isinstance(value, str):
        raise _incompatible(attribute)
    if value.isascii():
        return value
    # Java writes an unpaired surrogate as a question mark when it encodes to UTF-8.
    return value.encode(errors="replace").decode()


def _read_boolean(attribute: Attribute, value: object) -> Value:
    if not isinstance(value, bool):
        raise _incompatible(attribute)
    return value


def _read_integer(attribute: Attribute, value: object) -> Value:
    if isinstance(value, bool) or not isinstance(value, int | float) or value % 1 != 0:
        raise _incompatible(attribute)
    return _in_range(attribute, int(value))


def _read_int64(attribute: Attribute, value: object) -> Value:
    if not isinstance(value, str) or not re.fullmatch(r"-?[0-9]{1,19}", value):
        raise _incompatible(attribute)
    return str(_in_range(attribute, int(value)))


def _in_range(attribute: Attribute, number: int) -> int:
    low, high = _RANGES[attribute.type]
    if not low <= number <= high:
        raise _incompatible(attribute)
    return number


def _read_decimal(attribute: Attribute, value: object) -> Value:
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _incompatible(attribute)
    try:
        number = float(value)
    except OverflowError:
        raise _incompatible(attribute) from None
    if not math.isfinite(number):
        raise _incompatible(attribute)
    return repr(number)


def _read_datetime(attribute: Attribute, value: object) -> Value:
    if not isinstance(value, str):
        raise _incompatible(attribute)
    if match := _JSON_DATE.fullmatch(value):
        return int(match[1])
    match = _XML_DATE.fullmatch(value)
    millis = match and _milliseconds(match[7] or "")
    if match is None or millis is None:
        raise odata_error(f"The literal '{value}' is not formatted properly.")
    try:
        moment = datetime(*(int(part or 0) for part in match.groups()[:6]), tzinfo=UTC)  # type: ignore[arg-type, misc] # six of them
    except ValueError:
        raise odata_error(f"The literal '{value}' is not formatted properly.") from None
    return int((moment - _EPOCH).total_seconds()) * 1000 + millis


def _milliseconds(decimals: str) -> int | None:
    """Of the decimals of a second; None for what is finer, which Olingo rejects."""
    nanoseconds = int(decimals.ljust(9, "0"))
    return None if nanoseconds % 1_000_000 else nanoseconds // 1_000_000


_READERS: Final[dict[EdmType, Callable[[Attribute, object], Value]]] = {
    "Edm.String": _read_string,
    "Edm.Boolean": _read_boolean,
    "Edm.Byte": _read_integer,
    "Edm.SByte": _read_integer,
    "Edm.Int16": _read_integer,
    "Edm.Int32": _read_integer,
    "Edm.Int64": _read_int64,
    "Edm.Single": _read_decimal,
    "Edm.Double": _read_decimal,
    "Edm.Decimal": _read_decimal,
    "Edm.DateTime": _read_datetime,
}
