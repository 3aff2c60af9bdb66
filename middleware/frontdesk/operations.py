"""GraphQL: one route, many operations; each selected field is judged as an exchange of its own.

Its arguments are what was requested, what stands under its key in `data` is what was answered.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Final

from frontdesk.exchange import Body, Exchange
from frontdesk.graphql import answer, operations
from frontdesk.rules import Finding, Rule

_TEXT: Final = b'"query"'
#: Shorter ones are in too many texts, longer ones in too few names.
_PIECE: Final = 5
_MUTATION: Final = b"mutation"


class Search:
    """Tells what surely selects none of some fields, without reading the text.

    Most bodies are queries, and queries hold no `mutation`: one search tells. In other mutations
    a few pieces that all the names are made of are looked for before the names.
    """

    __slots__ = ("_names", "_pieces")

    def __init__(self, names: Iterable[str]) -> None:
        self._names = sorted(name.encode() for name in set(names))
        self._pieces = _pieces_of(tuple(self._names))

    def may_select(self, request: Body) -> bool:
        """False when a request's body surely selects none; a persisted operation has no text."""
        body = request.raw()
        if body is None:
            return not request.too_large  # compressed: it can be read later
        if _MUTATION not in body and _TEXT in body:
            return False
        for piece in self._pieces:
            if piece in body:
                return any(name in body for name in self._names)
        return False


@lru_cache(64)  # many routes have the same names
def _pieces_of(names: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """A few short pieces, of which each name holds one: each time the one that most names hold."""
    left, pieces = set(names), []
    while left:
        held: Counter[bytes] = Counter()
        for name in left:
            starts = range(max(1, len(name) - _PIECE + 1))
            held.update({name[start : start + _PIECE] for start in starts})
        best = min(held, key=lambda piece: (-held[piece], piece))
        pieces.append(best)
        left = {name for name in left if best not in name}
    return tuple(pieces)


def judge_operations(rules: Sequence[Rule], exchange: Exchange) -> list[Finding | str]:
    """What each selected field came to, by the rules about it; empty when none was selected."""
    found: list[Finding | str] = []
    for name, part in parts_of(rules, exchange):
        if part is None:
            found.append("error_in_answer")
            continue
        results = [rule.judge(part) for rule in rules if name in rule.operations]
        findings = [result for result in results if not isinstance(result, str)]
        found += findings[:1] or results[:1]
    return found


def parts_of(rules: Sequence[Rule], exchange: Exchange) -> Iterator[tuple[str, Exchange | None]]:
    """The selected fields that rules name, each with an exchange of its own; None if it failed."""
    names = frozenset(name for rule in rules for name in rule.operations)
    if not names:
        return
    document = exchange.response.json()
    for operation in operations(exchange.request.json(), names):
        payload, is_failed = answer(document, operation, names)
        part = None if is_failed else exchange.part(dict(operation.arguments), payload)
        yield operation.name, part
