"""The query options of a request, of which this simulator knows a part.

Known: `$filter` with one `attribute eq literal`, `$top`, `$skip`, `$skiptoken`, `$inlinecount`,
`$format`. Others that SAP has are answered with `invalid_query_parameter`, never ignored.
Sources: OData V2 "URI Conventions", section 4; SAP Help, "Integration API Module".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote_plus

from frontdesk_sidecar.simulator.edm import INTEGRATION_KEY, Attribute, Item, Value
from frontdesk_sidecar.simulator.errors import ODataError, odata_error
from frontdesk_sidecar.simulator.keys import KeyFormatError, parse_string_literal
from frontdesk_sidecar.simulator.payload import read_value

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_PAGE: Final = 10
LARGEST_PAGE: Final = 1000

_READ_OPTIONS = frozenset({"$filter", "$top", "$skip", "$skiptoken", "$inlinecount", "$format"})
_NOT_SIMULATED = frozenset({"$expand", "$orderby", "$select"})
_STRING = "'(?:[^']|'')*'"
_COMPARISON = re.compile(
    rf"\s*(\w+(?:/\w+)*)\s+(\w+)\s+({_STRING}|[^\s']+|[Dd]ate[Tt]ime'[^']*')\s*"
)
_LOGICAL = re.compile(r"\s(and|or)\s|^\s*not\s|\(", re.IGNORECASE)
_FUNCTION = re.compile(r"\b(substringof|startswith|endswith|indexof|tolower|toupper|length)\s*\(")


@dataclass(frozen=True, slots=True)
class Condition:
    """`attribute eq value`."""

    attribute: Attribute
    value: Value


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What a collection read asks for. `top` is None when the page size is the service's."""

    condition: Condition | None = None
    top: int | None = None
    skip: int = 0
    count: bool = False


def parse_query(query: str) -> dict[str, str]:
    """The options by name, decoded.

    Custom options (without `$`) are kept too. Raises `ODataError` for a repeated or unknown
    system option.
    """
    options: dict[str, str] = {}
    for part in query.split("&") if query else ():
        name, _, value = part.partition("=")
        name = unquote_plus(name)
        if name.startswith("$"):
            _check_option(name, options)
        options[name] = unquote_plus(value)
    return options


def has_system_option(options: Mapping[str, str]) -> bool:
    """Whether one of the options is OData's own; a POST must not have any (Olingo)."""
    return any(name.startswith("$") for name in options)


def read_options(options: Mapping[str, str], item: Item) -> ReadOptions:
    """The options of a collection read. Raises `ODataError`."""
    for name in sorted(_NOT_SIMULATED & options.keys()):
        raise ODataError(400, "invalid_query_parameter", f"{name} is not simulated.")
    skip = _number(options, "$skip") or 0
    top = _number(options, "$top")
    return ReadOptions(
        parse_filter(options["$filter"], item) if "$filter" in options else None,
        top,
        skip + (_number(options, "$skiptoken") or 0),
        _wants_count(options),
    )


def parse_filter(text: str, item: Item) -> Condition:
    """The condition of a `$filter`. Raises `ODataError` for what is more than `a eq literal`."""
    match = _COMPARISON.fullmatch(text)
    if match is None:
        raise _unreadable_filter(text)
    name, operator, literal = match.groups()
    if name == INTEGRATION_KEY:
        message = "Filtering by integrationKey is not supported."
        raise ODataError(400, "integration_key_not_supported", message)
    if "/" in name:
        raise ODataError(400, "filter_not_supported", f"Filtering by [{name}] is not supported.")
    if operator != "eq":
        message = f"The operator [{operator}] is not supported."
        raise ODataError(400, "operator_not_supported", message)
    if (attribute := item.by_name.get(name)) is None:
        raise ODataError(404, "not_found", f"Could not find property with name: '{name}'.")
    return Condition(attribute, _literal(attribute, literal))


def _check_option(name: str, options: Mapping[str, str]) -> None:
    if name not in _READ_OPTIONS and name not in _NOT_SIMULATED:
        raise odata_error(f"Invalid system query option: '{name}'.")
    if name in options:
        raise odata_error(f"Duplicate system query parameter names: '{name}'.")


def _unreadable_filter(text: str) -> ODataError:
    bare = re.sub(_STRING, "''", text)
    if match := _FUNCTION.search(bare):
        message = f"The operator [{match[1]}] is not supported."
        return ODataError(400, "operator_not_supported", message)
    if _LOGICAL.search(bare):
        return ODataError(400, "filter_not_supported", "This simulator takes one comparison.")
    return odata_error(f"Invalid filter expression: '{text}'.")


def _literal(attribute: Attribute, literal: str) -> Value:
    if literal == "null":
        return None
    wrong = odata_error(f"Wrong literal format for literal: '{literal}'.")
    if attribute.type == "Edm.String":
        try:
            return parse_string_literal(literal)
        except KeyFormatError:
            raise wrong from None
    if attribute.type == "Edm.Boolean" and literal in {"true", "false"}:
        return literal == "true"
    if attribute.type == "Edm.DateTime" and literal.lower().startswith("datetime'"):
        return read_value(attribute, literal[len("datetime'") : -1])
    if attribute.type in {"Edm.Byte", "Edm.SByte", "Edm.Int16", "Edm.Int32"}:
        if re.fullmatch("-?[0-9]{1,10}", literal):
            return int(literal)
        raise wrong
    if attribute.type in {"Edm.Int64", "Edm.Single", "Edm.Double", "Edm.Decimal"}:
        return read_value(attribute, literal.rstrip("LlMmDdFf"))
    raise wrong


def _number(options: Mapping[str, str], name: str) -> int | None:
    if name not in options:
        return None
    if not re.fullmatch("[0-9]{1,9}", options[name]):
        raise odata_error(f"Invalid value: '{options[name]}'.")
    return int(options[name])


def _wants_count(options: Mapping[str, str]) -> bool:
    wanted = options.get("$inlinecount", "none")
    if wanted not in {"none", "allpages"}:
        raise odata_error(f"Invalid value: '{wanted}'.")
    return wanted == "allpages"
