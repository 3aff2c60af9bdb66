"""`$filter`: comparisons of attributes, joined by `and` and `or`, in parentheses if need be.

An attribute may be that of a referenced item, one level deep. Sources: SAP Help, "Integration API
Module", on query options; OData V2 "URI Conventions", section 4.5.
"""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from frontdesk_sidecar.simulator.edm import INTEGRATION_KEY, LOCALIZED, Attribute, Value
from frontdesk_sidecar.simulator.entries import View, simple
from frontdesk_sidecar.simulator.errors import ODataError, odata_error, property_not_found
from frontdesk_sidecar.simulator.literals import read_literal

if TYPE_CHECKING:
    from collections.abc import Callable

    from frontdesk_sidecar.simulator.edm import IntegrationObject, Item, Navigation
    from frontdesk_sidecar.simulator.state import Stored

_TOKEN = re.compile(r"\s*([()]|[Dd]ate[Tt]ime'[^']*'|'(?:[^']|'')*'|[^\s()']+)")
_OPERATORS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "lt": operator.lt,
    "ge": operator.ge,
    "le": operator.le,
}
_NUMERIC = frozenset({"Edm.Int64", "Edm.Single", "Edm.Double", "Edm.Decimal"})
_KEY = Attribute(INTEGRATION_KEY)


@dataclass(frozen=True, slots=True)
class Comparison:
    """`attribute operator value`, or `navigation/attribute operator value`."""

    attribute: Attribute
    operator: str
    value: Value
    navigation: Navigation | None = None

    def matches(self, stored: Stored, view: View, *, fold: bool) -> bool:
        """Whether an item fulfils it; a null fulfils nothing but a comparison with null."""
        if self.navigation is None:
            return self._holds(stored, view, fold=fold)
        found = view.related(self.navigation, stored)
        return any(self._holds(one, view, fold=fold) for one in found)

    def _holds(self, stored: Stored, view: View, *, fold: bool) -> bool:
        name = self.attribute.name
        kept = stored.key if name == INTEGRATION_KEY else stored.attributes.get(name)
        mine, other = simple(kept, view.language), self.value
        if other is None:
            return self.operator == ("eq" if mine is None else "ne")
        if mine is None:
            return False
        if self.attribute.type in _NUMERIC:
            return _OPERATORS[self.operator](Decimal(str(mine)), Decimal(str(other)))
        if fold and isinstance(mine, str):
            mine, other = mine.lower(), str(other).lower()
        return _OPERATORS[self.operator](mine, other)


@dataclass(frozen=True, slots=True)
class Joined:
    """Conditions of which all (`and`) or any (`or`) must be fulfilled."""

    parts: tuple[Condition, ...]
    is_and: bool

    def matches(self, stored: Stored, view: View, *, fold: bool) -> bool:
        """Whether an item fulfils them."""
        results = (one.matches(stored, view, fold=fold) for one in self.parts)
        return all(results) if self.is_and else any(results)


Condition = Comparison | Joined


def parse_filter(text: str, definition: IntegrationObject, item: Item) -> Condition:
    """The condition of a `$filter`. Raises `ODataError`."""
    parser = _Parser(text, definition, item)
    condition = parser.either()
    if parser.peek() is not None:
        raise parser.invalid()
    return condition


class _Parser:
    """Reads one expression from left to right; `and` binds stronger than `or`."""

    def __init__(self, text: str, definition: IntegrationObject, item: Item) -> None:
        self._text = text
        self._definition = definition
        self._item = item
        self._tokens = _TOKEN.findall(text)
        if _TOKEN.sub("", text).strip():
            raise self.invalid()
        self._at = 0

    def peek(self) -> str | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def invalid(self) -> ODataError:
        return odata_error(f"Invalid filter expression: '{self._text}'.")

    def either(self) -> Condition:
        parts = [self._both()]
        while self.peek() == "or":
            self._at += 1
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else Joined(tuple(parts), is_and=False)

    def _both(self) -> Condition:
        parts = [self._one()]
        while self.peek() == "and":
            self._at += 1
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else Joined(tuple(parts), is_and=True)

    def _one(self) -> Condition:
        if self.peek() == "(":
            self._at += 1
            inner = self.either()
            if self._next() != ")":
                raise self.invalid()
            return inner
        path = self._next()
        if path == "not" or self.peek() == "(":
            raise _no_operator(path)
        name = self._next()
        if name not in _OPERATORS:
            raise _no_operator(name)
        return self._comparison(path, name, self._next())

    def _next(self) -> str:
        token = self.peek()
        if token is None:
            raise self.invalid()
        self._at += 1
        return token

    def _comparison(self, path: str, name: str, literal: str) -> Comparison:
        steps = path.split("/")
        if len(steps) == 1:
            attribute = _attribute(self._item, path, is_top=True)
            return Comparison(attribute, name, read_literal(attribute, literal))
        navigation = self._item.navigation_by_name.get(steps[0])
        if len(steps) > 2 or steps[0] == LOCALIZED:
            text = f"Filtering by [{path}] is not supported."
            raise ODataError(400, "filter_not_supported", text)
        if navigation is None:
            raise property_not_found(steps[0])
        attribute = _attribute(self._definition.target(navigation), steps[1], is_top=False)
        return Comparison(attribute, name, read_literal(attribute, literal), navigation)


def _attribute(item: Item, name: str, *, is_top: bool) -> Attribute:
    if name == INTEGRATION_KEY:
        if is_top:
            message = "Filtering by integrationKey is not supported."
            raise ODataError(400, "integration_key_not_supported", message)
        return _KEY
    attribute = item.by_name.get(name)
    if attribute is None:
        raise property_not_found(name)
    if attribute.special == "virtual":
        message = f"Filtering by virtual attribute [{name}] is not supported."
        raise ODataError(400, "filter_by_virtual_attribute_not_supported", message)
    if attribute.special == "classification":
        message = f"Filtering by classification attribute [{name}] is not supported."
        raise ODataError(501, "filter_not_supported", message)
    return attribute


def _no_operator(name: str) -> ODataError:
    return ODataError(400, "operator_not_supported", f"The operator [{name}] is not supported.")
