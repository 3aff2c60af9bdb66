"""Why an exchange was captured, or why not: the engine's own steps, told as data.

Nothing here decides: each step is asked of the rule, and a test compares the end with what the
middleware would have written. Values are masked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from frontdesk.automatic import parts
from frontdesk.exchange import Exchange
from frontdesk.notes import MARK, Notes
from frontdesk.operations import parts_of
from frontdesk.reasons import REASONS
from frontdesk.routes import Group, RouteTable
from frontdesk.rule_keys import first
from frontdesk.rules import Finding, Rule
from frontdesk.traits import canonical, mask


@dataclass(frozen=True, slots=True)
class Trait:
    """One trait that was found: its name, its masked value, where it came from."""

    name: str
    value: str
    source: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one rule said of an exchange."""

    rule: str
    event: str
    origin: str
    reason: str | None
    operation: str | None = None
    traits: Sequence[Trait] = ()
    user_id: str | None = None
    #: where else was looked, and why that gave nothing
    left_out: Sequence[tuple[str, str]] = ()

    @property
    def is_captured(self) -> bool:
        """Whether this rule identified somebody."""
        return self.reason is None


@dataclass(frozen=True, slots=True)
class Explanation:
    """What the engine made of one exchange."""

    method: str
    path: str
    status: int
    verdicts: Sequence[Verdict] = ()
    #: why no rule was asked at all, and what would help
    unwatched: tuple[str, str] | None = None

    @property
    def captured(self) -> list[Verdict]:
        """The verdicts that a message was written for."""
        return [verdict for verdict in self.verdicts if verdict.is_captured]


def explain(table: RouteTable, exchange: Exchange) -> Explanation:
    """What the rules of a table make of a finished exchange."""
    scope = exchange.scope
    method, path = str(scope["method"]), str(scope["path"])
    group = table.find(scope)
    if group is None:
        return Explanation(method, path, exchange.status, (), _no_rule(table, method, path))
    notes = scope.get(MARK)
    if isinstance(notes, Notes) and notes.is_told:
        return Explanation(method, path, exchange.status, (), REASONS["told"])
    if not group.concerns(exchange):
        return Explanation(method, path, exchange.status, (), REASONS["other_operation"])
    verdicts = tuple(_verdicts(group, exchange))
    unwatched = None if verdicts else REASONS["other_operation"]
    return Explanation(method, path, exchange.status, verdicts, unwatched)


def _no_rule(table: RouteTable, method: str, path: str) -> tuple[str, str]:
    methods = table.methods_at(path)
    if methods:
        return f"rules know this path, but by {' and '.join(methods)} alone", _own_rule(
            method, path
        )
    return "no rule is about this route", _own_rule(method, path)


def _own_rule(method: str, path: str) -> str:
    return f'[[capture.rule]] with event = "Logged In" and route = "{method} {path}" would be'


def _verdicts(group: Group, exchange: Exchange) -> Iterator[Verdict]:
    """As `Group.judge` asks: of plain rules up to the first that finds somebody."""
    is_found = False
    for operation, part in parts_of(group.rules, exchange):
        for rule in group.rules:
            if operation in rule.operations:
                is_found = True
                yield _verdict(rule, part, operation)
    for rule in group.rules:
        if not rule.operations and not is_found:
            verdict = _verdict(rule, exchange, None)
            yield verdict
            is_found = verdict.is_captured


def _verdict(rule: Rule, exchange: Exchange | None, operation: str | None) -> Verdict:
    found = "error_in_answer" if exchange is None else rule.judge(exchange)
    origin = f"preset {rule.origin}" if rule.origin else "your own rule"
    told = (rule.name, rule.event, origin)
    if exchange is None or not isinstance(found, Finding):
        reason = found if isinstance(found, str) else "error_in_answer"
        left_out = _left_out(rule, exchange) if exchange and reason in _ABOUT_TRAITS else ()
        return Verdict(*told, reason, operation, left_out=left_out)
    traits = tuple(
        Trait(name, mask(value), _source(rule, exchange, name))
        for name, value in found.traits.items()
    )
    user_id = mask(found.user_id)
    return Verdict(*told, None, operation, traits, user_id, _left_out(rule, exchange))


_ABOUT_TRAITS: Final = frozenset(("anonymous", "no_sign", "no_consent"))


def _source(rule: Rule, exchange: Exchange, name: str) -> str:
    hashed = ", hashed" if rule.privacy and name in rule.privacy.hashed else ""
    notes = exchange.scope.get(MARK)
    if isinstance(notes, Notes) and name in map(canonical, notes.traits or {}):
        return f"frontdesk.add_traits(){hashed}"
    for trait, paths in rule.named:
        if trait == name:
            return f"{first(paths, exchange)[0]}{hashed}"
    for part in parts(exchange, rule.event):
        person = part.person
        has_it = person.email is not None if name == "email" else name in person.traits
        if part.verdict == "used" and has_it:
            return part.source + hashed
    return "unknown"


def _left_out(rule: Rule, exchange: Exchange) -> tuple[tuple[str, str], ...]:
    dropped = sorted(rule.privacy.drop) if rule.privacy else ()
    left = [(name, "dropped by `drop`") for name in dropped]
    if rule.named:
        nothing = [(name, paths) for name, paths in rule.named if first(paths, exchange)[0] is None]
        left += [(name, "nothing at " + ", ".join(map(str, paths))) for name, paths in nothing]
    else:
        around = parts(exchange, rule.event)
        left += [(part.source, part.verdict) for part in around if part.verdict != "used"]
    return tuple(left)
