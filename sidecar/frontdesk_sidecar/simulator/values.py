"""Simple values: what JSON is accepted for an Edm type, as strictly as Olingo does.

Source: Olingo's `JsonPropertyConsumer` and `EdmDateTime`.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from frontdesk_sidecar.simulator.edm import Attribute, EdmType, Value
from frontdesk_sidecar.simulator.errors import ODataError, odata_error

if TYPE_CHECKING:
    from collections.abc import Callable

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_JSON_DATE = re.compile(r"/Date\((-?[0-9]{1,18})\)/")
_XML_DATE = re.compile(
    r"([0-9]{1,4})-([0-9]{1,2})-([0-9]{1,2})T([0-9]{1,2}):([0-9]{1,2})"
    r"(?::([0-9]{1,2})(?:\.([0-9]{1,9}))?)?"
)
_DECIMAL = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")
_RANGES: Final[dict[EdmType, tuple[int, int]]] = {
    "Edm.Byte": (0, 2**8 - 1),
    "Edm.SByte": (-(2**7), 2**7 - 1),
    "Edm.Int16": (-(2**15), 2**15 - 1),
    "Edm.Int32": (-(2**31), 2**31 - 1),
    "Edm.Int64": (-(2**63), 2**63 - 1),
}


def read_value(attribute: Attribute, value: object) -> Value:
    """The value as it is kept. Raises `ODataError` when the JSON type or the text is wrong."""
    if value is None:
        return None
    return _READERS[attribute.type](attribute, value)


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
