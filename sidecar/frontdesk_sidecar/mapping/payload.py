"""From a customer's traits to the payload for one upsert."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from jmespath.parser import ParsedResult

from frontdesk_sidecar.mapping.expressions import MappingError, Problem, evaluate, parse
from frontdesk_sidecar.mapping.functions import CLEAR

_ATTRIBUTE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_INTEGERS: Final = range(-(2**63), 2**64)
#: A list of traits in a list of traits in …: no integration object is as deep.
_MAX_DEPTH: Final = 32
_ABSENT: Final = object()


@dataclass(frozen=True, slots=True)
class AttributeMapping:
    """Compiled expressions by attribute, in the order in which the attributes are written.

    `on` holds those that are sent with customers of an event alone; they win over the others.
    """

    compiled: Mapping[str, ParsedResult]
    on: Mapping[str, Mapping[str, ParsedResult]] = field(default_factory=dict)

    @property
    def attributes(self) -> tuple[str, ...]:
        """All attribute names, in order."""
        names = dict.fromkeys(self.compiled)
        for expressions in self.on.values():
            names |= dict.fromkeys(expressions)
        return tuple(names)

    def without(self, attributes: Collection[str]) -> AttributeMapping:
        """The same mapping but for some attributes."""

        def rest(expressions: Mapping[str, ParsedResult]) -> dict[str, ParsedResult]:
            return {name: one for name, one in expressions.items() if name not in attributes}

        return AttributeMapping(
            rest(self.compiled), {event: rest(some) for event, some in self.on.items()}
        )

    def apply(self, scope: Mapping[str, object], events: Collection[str] = ()) -> dict[str, object]:
        """The payload for one customer: JSON values, absent ones left out at any depth.

        An absent attribute keeps its value in SAP while a null erases it (SAP Help, "POST"
        behaviour tables), so a null is sent for `clear()` alone, and no empty text, list or
        object ever. `scope` is what expressions see: the traits and what belongs to them.
        Raises `MappingError` when an expression fails on it or yields what is no JSON.
        """
        expressions = dict(self.compiled)
        for event in self.on:
            if event in events:
                expressions |= self.on[event]
        payload: dict[str, object] = {}
        problems: list[Problem] = []
        plain = dict(scope)
        for name, expression in expressions.items():
            value, reason = evaluate(expression, plain)
            if not reason:
                value, reason = _sendable(value)
            if reason:
                problems.append(Problem(name, reason))
            elif value is not _ABSENT:
                payload[name] = value
        if problems:
            raise MappingError(problems)
        return payload


def compile_mapping(
    expressions: Mapping[str, str],
    on: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
) -> AttributeMapping:
    """Compile ``{attribute: expression}``; raises one `MappingError` with every problem."""
    problems: list[Problem] = []
    compiled = _compile(expressions, "", problems)
    events = {event: _compile(some, f'on "{event}": ', problems) for event, some in on.items()}
    if problems:
        raise MappingError(problems)
    return AttributeMapping(compiled, events)


def _compile(
    expressions: Mapping[str, str], where: str, problems: list[Problem]
) -> dict[str, ParsedResult]:
    compiled = {}
    for name, expression in expressions.items():
        if not _ATTRIBUTE.fullmatch(name):
            problems.append(Problem(where + name, "not an OData property name"))
        parsed, found = parse(where + name, expression)
        problems += found
        if parsed is not None:
            compiled[name] = parsed
    return compiled


def _sendable(value: object, depth: int = 0) -> tuple[object, str]:
    """The value as it is sent, or `_ABSENT`; and why it cannot be sent, or an empty text."""
    if value is CLEAR:
        return None, ""
    if value is None or value == "":
        return _ABSENT, ""
    if isinstance(value, dict | list):
        if depth == _MAX_DEPTH:
            return _ABSENT, "nested too deeply"
        inner = _object(value, depth) if isinstance(value, dict) else _list(value, depth)
        return inner if inner[1] or inner[0] else (_ABSENT, "")
    return value, _unsendable(value)


def _object(value: Mapping[object, object], depth: int) -> tuple[object, str]:
    found: dict[str, object] = {}
    for name, one in value.items():
        if not isinstance(name, str) or _unsendable(name):
            return _ABSENT, "a name in an object is not valid Unicode"
        inner, reason = _sendable(one, depth + 1)
        if reason:
            return _ABSENT, reason
        if inner is not _ABSENT:
            found[name] = inner
    return found, ""


def _list(value: list[object], depth: int) -> tuple[object, str]:
    found = []
    for one in value:
        inner, reason = _sendable(one, depth + 1)
        if reason:
            return _ABSENT, reason
        if inner is not _ABSENT:
            found.append(inner)
    return found, ""


def _unsendable(value: object) -> str:
    """Why a value cannot be sent as a JSON scalar; empty when it can."""
    if isinstance(value, bool):
        return ""
    if isinstance(value, str):
        surrogate = not value.isascii() and any("\ud800" <= char <= "\udfff" for char in value)
        return "the text is not valid Unicode" if surrogate else ""
    if isinstance(value, int):
        return "" if value in _INTEGERS else "the number is too large"
    if isinstance(value, float):
        return "" if math.isfinite(value) else "the number is not finite"
    return "an expression reference is no value"
