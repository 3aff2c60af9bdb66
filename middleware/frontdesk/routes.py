"""Routes: which rules a request is about. One look-up for nearly every request."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Sequence
from typing import Final

from frontdesk.exchange import Exchange, Scope
from frontdesk.operations import Search, judge_operations
from frontdesk.rule_keys import PARAMETER, pattern_of
from frontdesk.rules import Finding, Rule


class Group:
    """The rules of one route, in the order they are asked."""

    __slots__ = ("_operations", "_search", "has_operations", "only", "rules", "takes_errors")

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = rules
        #: whether an answer from 400 can be somebody's success
        self.takes_errors = any(rule.takes_errors for rule in rules)
        self._operations = [rule for rule in rules if rule.operations]
        #: the one rule of nearly every route, which is then asked at once
        self.only = rules[0] if len(rules) == 1 and not self._operations else None
        self.has_operations = bool(self._operations)
        if self.has_operations:  # of hundreds of routes a handful has any
            self._search = Search(name for rule in self._operations for name in rule.operations)

    def concerns(self, exchange: Exchange) -> bool:
        """Asked before the answer: False when the request's body shows that no rule is about it."""
        if len(self._operations) < len(self.rules):
            return True  # of the other rules only the answer tells
        return self._search.may_select(exchange.request)

    def judge(self, exchange: Exchange) -> Finding | str | list[Finding | str]:
        """Whom the finished exchange identified, or why nobody; a list for a route of operations.

        Of several reasons it is the first rule's.
        """
        if self.only is not None:
            return self.only.judge(exchange)
        if self._operations:
            found = judge_operations(self._operations, exchange)
            if found or len(self._operations) == len(self.rules):
                return found
        reason = ""
        for rule in self.rules:
            if not rule.operations:
                result = rule.judge(exchange)
                if not isinstance(result, str):
                    return result
                reason = reason or result
        return reason


class RouteTable:
    """Rules by path and method, asked in the order given; `paths` alone is on the hot path."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.rules: tuple[Rule, ...] = tuple(rules)
        exact: dict[str, dict[str, list[Rule]]] = {}
        templates: list[Rule] = []
        for rule in self.rules:
            if PARAMETER.search(rule.path):
                templates.append(rule)
                continue
            for path in {rule.path, rule.path + "/"}:
                exact.setdefault(path, {}).setdefault(rule.method, []).append(rule)
        self._exact = {
            path: {method: Group(found) for method, found in methods.items()}
            for path, methods in exact.items()
        }
        self._templates = [(pattern_of(rule.path), rule) for rule in templates]
        self._order = {id(rule): place for place, rule in enumerate(self.rules)}
        self._methods = frozenset(rule.method for rule in self.rules)
        self._mixed: dict[tuple[int, ...], Group] = {}
        #: holds every path that `find` may know
        self.paths: Container[object] = _Paths(self._exact, templates) if templates else self._exact

    def find(self, scope: Scope) -> Group | None:
        """The rules for an HTTP scope's method and path, as it stands or without the root path.

        Servers differ on whether `path` contains `root_path`.
        """
        method: str = scope["method"]
        if method not in self._methods:
            return None
        path: str = scope["path"]
        root: str = scope.get("root_path") or ""
        if not root and not self._templates:
            return self._exact.get(path, _NO_METHODS).get(method)
        for candidate in (path, path.removeprefix(root), root + path) if root else (path,):
            if group := self._at(candidate, method):
                return group
        return None

    def methods_at(self, path: str) -> list[str]:
        """The methods that rules name for a path."""
        matching = {rule.method for pattern, rule in self._templates if pattern.fullmatch(path)}
        return sorted(matching.union(self._exact.get(path, ())))

    def _at(self, path: str, method: str) -> Group | None:
        group = self._exact.get(path, _NO_METHODS).get(method)
        found = [
            rule
            for pattern, rule in self._templates
            if rule.method == method and pattern.fullmatch(path)
        ]
        if not found:
            return group
        if group is not None:
            found = sorted((*group.rules, *found), key=lambda rule: self._order[id(rule)])
        key = tuple(map(id, found))
        return self._mixed.get(key) or self._mixed.setdefault(key, Group(found))


_NO_METHODS: Final[dict[str, Group]] = {}


class _Paths:
    """Every path that a rule with or without a template may be about."""

    __slots__ = ("_exact", "_match")

    def __init__(self, exact: Container[object], templates: Iterable[Rule]) -> None:
        self._exact = exact
        alternatives = {pattern_of(rule.path).pattern for rule in templates}
        self._match = re.compile("|".join(sorted(alternatives))).fullmatch

    def __contains__(self, path: object) -> bool:
        return path in self._exact or (type(path) is str and self._match(path) is not None)
