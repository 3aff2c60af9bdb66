"""The query options of a request.

Known: `$filter`, `$orderby`, `$expand`, `$top`, `$skip`, `$skiptoken`, `$inlinecount`, `$format`,
and `$select` as its switch says. Sources: OData V2 "URI Conventions", section 4; SAP Help,
"Integration API Module", for what is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote_plus

from frontdesk_sidecar.simulator.edm import INTEGRATION_KEY
from frontdesk_sidecar.simulator.entries import PLAIN, Expand
from frontdesk_sidecar.simulator.errors import ODataError, odata_error, property_not_found
from frontdesk_sidecar.simulator.filters import Condition, parse_filter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from frontdesk_sidecar.simulator.edm import Attribute, IntegrationObject, Item

DEFAULT_PAGE: Final = 10
LARGEST_PAGE: Final = 1000

_COLLECTION_ONLY = frozenset({"$filter", "$orderby", "$top", "$skip", "$skiptoken", "$inlinecount"})
_READ_OPTIONS = _COLLECTION_ONLY | {"$format", "$expand", "$select"}


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What a collection read asks for. `top` is None when the page size is the service's.

    `order` has attributes, first one first, and whether each is descending.
    """

    condition: Condition | None = None
    order: tuple[tuple[Attribute, bool], ...] = ()
    top: int | None = None
    skip: int = 0
    count: bool = False
    expand: Expand = PLAIN


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


def read_options(
    options: Mapping[str, str], definition: IntegrationObject, item: Item, select: str
) -> ReadOptions:
    """The options of a collection read; `select` is that switch. Raises `ODataError`."""
    skip = _number(options, "$skip") or 0
    condition = options.get("$filter")
    return ReadOptions(
        None if condition is None else parse_filter(condition, definition, item),
        _order(options.get("$orderby", ""), item),
        _number(options, "$top"),
        skip + (_number(options, "$skiptoken") or 0),
        _wants_count(options),
        read_expand(options, definition, item, select),
    )


def entry_options(
    options: Mapping[str, str], definition: IntegrationObject, item: Item, select: str
) -> Expand:
    """The options of a single read, which has no page. Raises `ODataError`."""
    if wrong := sorted(_COLLECTION_ONLY & options.keys()):
        text = f"{wrong[0]} is not possible for a single item."
        raise ODataError(400, "invalid_query_parameter", text)
    return read_expand(options, definition, item, select)


def read_expand(
    options: Mapping[str, str], definition: IntegrationObject, item: Item, select: str
) -> Expand:
    """`$expand` and `$select`. Raises `ODataError` for what is not there."""
    if "$select" in options and select == "reject":
        raise ODataError(400, "invalid_query_parameter", "$select is not supported.")
    paths = [path.strip().split("/") for path in options.get("$expand", "").split(",") if path]
    inner = _inline(paths, definition, item)
    if "$select" not in options or select == "ignore":
        return Expand(inner) if inner else PLAIN
    names = frozenset(name.strip() for name in options["$select"].split(","))
    known = frozenset({*item.by_name, *item.navigation_by_name, INTEGRATION_KEY})
    if unknown := sorted(names - known - {"*"}):
        raise property_not_found(unknown[0])
    return Expand(inner, (known if "*" in names else names) | {"__metadata"})


def _inline(paths: list[list[str]], definition: IntegrationObject, item: Item) -> dict[str, Expand]:
    found: dict[str, Expand] = {}
    for name in dict.fromkeys(path[0] for path in paths):
        navigation = item.navigation_by_name.get(name)
        if navigation is None:
            raise property_not_found(name)
        deeper = [path[1:] for path in paths if path[0] == name and len(path) > 1]
        found[name] = Expand(_inline(deeper, definition, definition.target(navigation)))
    return found


def _order(text: str, item: Item) -> tuple[tuple[Attribute, bool], ...]:
    found = []
    for part in text.split(",") if text else ():
        match = re.fullmatch(r"\s*([\w/]+)(?:\s+(asc|desc))?\s*", part)
        if match is None:
            raise odata_error(f"Invalid order by expression: '{text}'.")
        found.append((_ordered(match[1], item), match[2] == "desc"))
    return tuple(found)


def _ordered(name: str, item: Item) -> Attribute:
    if name == INTEGRATION_KEY:
        message, code = "integrationKey", "order_by_integration_key_not_supported"
    elif "/" in name:
        message, code = name, "order_by_nested_attribute_not_supported"
    elif (attribute := item.by_name.get(name)) is None:
        raise property_not_found(name)
    elif attribute.special == "virtual":
        message, code = name, "order_by_virtual_attribute_not_supported"
    else:
        return attribute
    raise ODataError(400, code, f"Ordering by [{message}] is not supported.")


def _check_option(name: str, options: Mapping[str, str]) -> None:
    if name not in _READ_OPTIONS:
        raise odata_error(f"Invalid system query option: '{name}'.")
    if name in options:
        raise odata_error(f"Duplicate system query parameter names: '{name}'.")


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
