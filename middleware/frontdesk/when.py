"""`when`: what a rule takes for success, compiled. `auto` and `json` themselves are `success`.

`json` is `auto` for JSON answers alone, where pages of the same route are another rule's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from frontdesk.exchange import Exchange
from frontdesk.headers import set_cookies
from frontdesk.sources import step

NAMED: Final = ("auto", "json", "2xx", "redirect")
#: those that judge by what the answer says
JUDGING: Final = frozenset(("auto", "json"))
REDIRECTS: Final = frozenset((301, 302, 303))
#: what a redirect or a 2xx answers with: the statuses of a table that names none
_USUAL: Final = frozenset((*range(200, 300), *REDIRECTS))
_KEYS: Final = frozenset(("status", "json", "cookie"))
_ANY: Final = "*"
_MAX_ELEMENTS: Final = 256

_EXPECTED: Final = (
    f"when: expected {', '.join(NAMED)}, a list of statuses, or a table of status, json, cookie"
)


@dataclass(frozen=True, slots=True)
class Condition:
    """A table: the status is one of these, each JSON path has one of its values, a cookie is set.

    `json`: keys of a path and the values that will do; no values stand for "something is there".
    """

    statuses: frozenset[int]
    json: tuple[tuple[tuple[str, ...], tuple[object, ...]], ...] = ()
    cookie: str | None = None

    def holds(self, exchange: Exchange) -> bool:
        """Whether everything that is named holds."""
        if exchange.status not in self.statuses:
            return False
        if self.cookie is not None and not set_cookies(exchange.response_headers).get(self.cookie):
            return False
        if not self.json:
            return True
        document = exchange.response.json()
        return all(_has(document, keys, values) for keys, values in self.json)


When = str | tuple[int, ...] | Condition


def compile_when(when: Any, problems: list[str]) -> When:
    """A rule's `when`; what is wrong with it is added to `problems`."""
    if isinstance(when, Condition) or (isinstance(when, str) and when in NAMED):
        return when
    if isinstance(when, Mapping):
        return _table(when, problems)
    statuses = _statuses(when)
    if statuses:
        return statuses
    problems.append(_EXPECTED)
    return "auto"


def takes_errors(when: When) -> bool:
    """Whether an answer from 400 can be a success."""
    statuses = when.statuses if isinstance(when, Condition) else when
    return not isinstance(statuses, str) and max(statuses) >= 400


def _statuses(value: Any) -> tuple[int, ...]:
    if isinstance(value, Sequence) and not isinstance(value, str):
        statuses = tuple(value)
        if all(type(status) is int and 100 <= status <= 599 for status in statuses):
            return statuses
    return ()


def _table(table: Mapping[str, Any], problems: list[str]) -> When:
    unknown = sorted(str(key) for key in table.keys() - _KEYS)
    problems += [f"when: {key} is not one of status, json, cookie" for key in unknown]
    statuses = _USUAL
    if "status" in table:
        statuses = frozenset(_statuses(table["status"]))
        if not statuses:
            problems.append("when.status: expected a list of statuses")
    cookie = table.get("cookie")
    if cookie is not None and (not isinstance(cookie, str) or not cookie):
        problems.append("when.cookie: expected the name of a cookie")
    if not table:
        problems.append(_EXPECTED)
    return Condition(statuses or _USUAL, _json(table.get("json", {}), problems), cookie)


def _json(
    table: Any, problems: list[str]
) -> tuple[tuple[tuple[str, ...], tuple[object, ...]], ...]:
    if not isinstance(table, Mapping) or not all(isinstance(path, str) for path in table):
        problems.append("when.json: expected a table of paths to values")
        return ()
    found = []
    for path, value in table.items():
        keys = tuple(path.split("."))
        values = tuple(value) if isinstance(value, list | tuple) else (value,)
        if not all(keys) or not all(isinstance(one, str | int | float) for one in values):
            problems.append(f"when.json.{path}: expected a path, and text, a number or a boolean")
        found.append((keys, () if _ANY in values else values))
    return tuple(found)


def _has(document: Any, keys: tuple[str, ...], values: tuple[object, ...]) -> bool:
    reached = _reached(document, keys)
    if not values:
        return any(value or (value == 0 and value is not False) for value in reached)
    return any(_is_same(value, wanted) for value in reached for wanted in values)


def _is_same(value: object, wanted: object) -> bool:
    # In Python True equals 1; in JSON it does not.
    return value == wanted and isinstance(value, bool) == isinstance(wanted, bool)


def _reached(value: Any, keys: tuple[str, ...]) -> Iterator[Any]:
    """What stands at the end of a path; `*` is any element of a list, or any value of an object."""
    if not keys:
        yield value
    elif keys[0] == _ANY:
        inner = value.values() if isinstance(value, dict) else value
        if isinstance(value, dict | list):
            for element in list(inner)[:_MAX_ELEMENTS]:
                yield from _reached(element, keys[1:])
    else:
        yield from _reached(step(value, keys[0]), keys[1:])
