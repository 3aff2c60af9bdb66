"""From a customer's traits to the attributes of an integration object.

An attribute is a JMESPath expression (https://jmespath.org/specification.html) over the traits,
with four functions for identities: ``lower(text)``, ``upper(text)`` and ``trim(text)`` pass null
through, and ``join(glue, list)`` leaves out nulls and empty texts and is null when nothing is
left.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import Any, Final

import jmespath
from jmespath import exceptions
from jmespath.functions import Functions, signature
from jmespath.lexer import Lexer
from jmespath.parser import ParsedResult

DEFAULT_MAPPING: Final[Mapping[str, str]] = MappingProxyType(
    {
        "uid": "lower(trim(email))",
        "contactEmail": "lower(trim(email))",
        "name": "name || (firstName && lastName && join(' ', [firstName, lastName]))",
        "firstName": "firstName",
        "lastName": "lastName",
    }
)
"""Used when the settings name no mapping; attributes SAP does not know must be left out there."""

_ATTRIBUTE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_OPENING = {"lparen", "lbracket", "lbrace", "filter"}
_CLOSING = {"rparen", "rbracket", "rbrace"}
_INTEGERS = range(-(2**63), 2**64)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with one attribute. ``column`` counts from 1 in its expression."""

    attribute: str
    reason: str
    column: int | None = None

    def __str__(self) -> str:
        place = "" if self.column is None else f", column {self.column}"
        return f"{self.attribute}{place}: {self.reason}"


class MappingError(ValueError):
    """The mapping cannot be used, or not for these traits. Holds no trait value.

    From `compile_mapping` with everything that is wrong, from `AttributeMapping.apply` with the
    attributes that failed.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = tuple(problems)


class _TraitFunctions(Functions):
    @signature({"types": ["string", "null"]})
    def _func_lower(self, text: str | None) -> str | None:
        return None if text is None else text.lower()

    @signature({"types": ["string", "null"]})
    def _func_upper(self, text: str | None) -> str | None:
        return None if text is None else text.upper()

    @signature({"types": ["string", "null"]})
    def _func_trim(self, text: str | None) -> str | None:
        return None if text is None else text.strip()

    @signature({"types": ["string"]}, {"types": ["array", "null"]})
    def _func_join(self, glue: str, items: list[Any] | None) -> str | None:
        present = [item for item in items or () if item not in (None, "")]
        for item in present:
            if not isinstance(item, str):
                raise exceptions.JMESPathTypeError("join", None, type(item).__name__, ["string"])
        return glue.join(present) or None


_FUNCTIONS: Mapping[str, Mapping[str, Any]] = _TraitFunctions.FUNCTION_TABLE
_OPTIONS = jmespath.Options(custom_functions=_TraitFunctions())


@dataclass(frozen=True, slots=True)
class AttributeMapping:
    """Compiled expressions, in the order in which the attributes are written."""

    _compiled: tuple[tuple[str, ParsedResult], ...]

    @property
    def attributes(self) -> tuple[str, ...]:
        """The attribute names, in order."""
        return tuple(name for name, _ in self._compiled)

    def apply(self, traits: Mapping[str, object]) -> dict[str, object]:
        """The payload for one customer: JSON scalars only, absent values left out.

        An absent attribute keeps its value in SAP while a null would erase it (SAP Help, "POST"
        behaviour tables), so nulls and empty texts are never sent. Raises `MappingError` when an
        expression fails on these traits or yields something that is no JSON scalar.
        """
        payload: dict[str, object] = {}
        problems: list[Problem] = []
        plain = dict(traits)
        for name, expression in self._compiled:
            value, reason = _evaluate(expression, plain)
            if reason:
                problems.append(Problem(name, reason))
            elif value is not None and value != "":
                payload[name] = value
        if problems:
            raise MappingError(problems)
        return payload


def compile_mapping(expressions: Mapping[str, str]) -> AttributeMapping:
    """Compile ``{attribute: expression}``; raises one `MappingError` with every problem.

    Unknown functions and wrong argument counts are found here and not with the first customer.
    """
    compiled: list[tuple[str, ParsedResult]] = []
    problems: list[Problem] = []
    for name, expression in expressions.items():
        if not _ATTRIBUTE.fullmatch(name):
            problems.append(Problem(name, "not an OData property name"))
        parsed = _parse(name, expression)
        if isinstance(parsed, Problem):
            problems.append(parsed)
        else:
            compiled.append((name, parsed))
            problems.extend(_call_problems(name, expression))
    if problems:
        raise MappingError(problems)
    return AttributeMapping(tuple(compiled))


def _parse(name: str, expression: str) -> ParsedResult | Problem:
    try:
        return jmespath.compile(expression)
    except exceptions.EmptyExpressionError:
        return Problem(name, "the expression is empty", 1)
    except exceptions.LexerError as error:
        return Problem(name, "a character or quote that JMESPath does not know", _column(error))
    except exceptions.IncompleteExpressionError as error:
        return Problem(name, "the expression ends too early", _column(error))
    except exceptions.ParseError as error:
        return Problem(name, "not understood from here", _column(error))
    except RecursionError:
        return Problem(name, "nested too deeply")


def _column(error: exceptions.ParseError) -> int:
    return int(error.lex_position) + 1


def _call_problems(name: str, expression: str) -> Iterator[Problem]:
    tokens = list(Lexer().tokenize(expression))
    for index, (token, following) in enumerate(pairwise(tokens)):
        if token["type"] != "unquoted_identifier" or following["type"] != "lparen":
            continue
        reason = _call_problem(token["value"], _count_arguments(tokens[index + 2 :]))
        if reason:
            yield Problem(name, reason, token["start"] + 1)


def _count_arguments(tokens: Iterable[Mapping[str, Any]]) -> int:
    """How many arguments stand before the closing parenthesis of a call."""
    depth, commas, empty = 1, 0, True
    for token in tokens:
        depth += (token["type"] in _OPENING) - (token["type"] in _CLOSING)
        if depth == 0:
            break
        empty = False
        commas += depth == 1 and token["type"] == "comma"
    return 0 if empty else commas + 1


def _call_problem(function: str, count: int) -> str:
    known = _FUNCTIONS.get(function)
    if known is None:
        return f"there is no function {function}()"
    expected = known["signature"]
    variadic = bool(expected and expected[-1].get("variadic"))
    if count == len(expected) or (variadic and count > len(expected)):
        return ""
    least = "at least " if variadic else ""
    return f"{function}() takes {least}{len(expected)} argument(s), not {count}"


def _evaluate(expression: ParsedResult, traits: dict[str, object]) -> tuple[object, str]:
    """The value and no reason, or None and why not.

    The reason is handed back rather than raised: an exception of ours must not carry JMESPath's
    own, which quotes the value, as its context.
    """
    try:
        value = expression.search(traits, _OPTIONS)
    except exceptions.JMESPathTypeError as error:
        return None, f"{error.function_name}() cannot take {error.actual_type}"
    except Exception:  # noqa: BLE001 - JMESPath lets the errors of Python's own operations through
        return None, "the expression failed on these traits"
    return value, _unsendable(value)


def _unsendable(value: object) -> str:
    """Why a value cannot be sent as a JSON scalar; empty when it can."""
    if value is None or isinstance(value, bool):
        return ""
    if isinstance(value, str):
        surrogate = not value.isascii() and any("\ud800" <= char <= "\udfff" for char in value)
        return "the text is not valid Unicode" if surrogate else ""
    if isinstance(value, int):
        return "" if value in _INTEGERS else "the number is too large"
    if isinstance(value, float):
        return "" if math.isfinite(value) else "the number is not finite"
    return "a list or an object cannot be an attribute value"
