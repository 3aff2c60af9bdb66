"""Expressions of a mapping: compiled once, with every problem named by attribute and column."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import jmespath
from jmespath import exceptions
from jmespath.lexer import Lexer
from jmespath.parser import ParsedResult

from frontdesk_sidecar.mapping.functions import FUNCTIONS, TraitFunctions, Unfit

_OPENING: Final = {"lparen", "lbracket", "lbrace", "filter"}
_CLOSING: Final = {"rparen", "rbracket", "rbrace"}
_OPTIONS: Final = jmespath.Options(custom_functions=TraitFunctions())


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


def parse(name: str, expression: str) -> tuple[ParsedResult | None, list[Problem]]:
    """The compiled expression of an attribute, and what is wrong with it.

    Unknown functions and wrong argument counts are found here and not with the first customer.
    """
    try:
        parsed = jmespath.compile(expression)
    except exceptions.EmptyExpressionError:
        problem = Problem(name, "the expression is empty", 1)
    except exceptions.LexerError as error:
        reason = "a character or quote that JMESPath does not know"
        problem = Problem(name, reason, _column(error))
    except exceptions.IncompleteExpressionError as error:
        problem = Problem(name, "the expression ends too early", _column(error))
    except exceptions.ParseError as error:
        problem = Problem(name, "not understood from here", _column(error))
    except RecursionError:
        problem = Problem(name, "nested too deeply")
    else:
        return parsed, list(_call_problems(name, expression))
    return None, [problem]


def evaluate(expression: ParsedResult, scope: Mapping[str, object]) -> tuple[object, str]:
    """The value and no reason, or None and why not.

    The reason is handed back rather than raised: an exception of ours must not carry JMESPath's
    own, which quotes the value, as its context.
    """
    try:
        value = expression.search(scope, _OPTIONS)
    except exceptions.JMESPathTypeError as error:
        return None, f"{error.function_name}() cannot take {error.actual_type}"
    except Unfit as error:
        return None, str(error)
    except Exception:  # noqa: BLE001 - JMESPath lets the errors of Python's own operations through
        return None, "the expression failed on these traits"
    return value, ""


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
    known = FUNCTIONS.get(function)
    if known is None:
        return f"there is no function {function}()"
    expected = known["signature"]
    variadic = bool(expected and expected[-1].get("variadic"))
    if count == len(expected) or (variadic and count > len(expected)):
        return ""
    least = "at least " if variadic else ""
    return f"{function}() takes {least}{len(expected)} argument(s), not {count}"
