"""Rules: which exchange identifies whom. Pure: an exchange in, a finding or a reason out."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from frontdesk.automatic import choose
from frontdesk.event import EVENTS
from frontdesk.exceptions import ConfigurationError
from frontdesk.exchange import Exchange, Scope
from frontdesk.persons import Person
from frontdesk.sources import Path
from frontdesk.success import NAMED, When, failure, shows_success
from frontdesk.traits import canonical, email, masked, scalar

Paths = str | Sequence[str]

_METHODS: Final = frozenset(("GET", "POST", "PUT", "PATCH"))
_PARAMETER = re.compile(r"\{[^{}/]+\}")


class Finding(NamedTuple):
    """Who an exchange identified."""

    event: str
    user_id: str
    traits: Mapping[str, object]
    route: str

    def __repr__(self) -> str:
        return f"Finding({self.event!r}, {self.route!r}, traits={masked(self.traits)})"


@dataclass(frozen=True, slots=True)
class Rule:
    """One route whose success identifies a customer.

    `event`: `Signed Up`, `Logged In` or `Identified`. `route`: `POST /auth/login`; `{name}` stands
    for one path segment; a trailing slash makes no difference. `when`: `auto`, `2xx`, `redirect`
    or a list of statuses. `traits`: name -> dotted path or paths, first hit wins; without it
    the traits are found automatically. `user_id`: paths likewise.

    Raises ConfigurationError, which lists everything that is wrong.
    """

    event: str
    route: str
    when: When | Sequence[int] = "auto"
    traits: Mapping[str, Paths] | None = None
    user_id: Paths | None = None
    method: str = field(init=False, repr=False, compare=False)
    path: str = field(init=False, repr=False, compare=False)
    name: str = field(init=False, repr=False, compare=False)
    _traits: tuple[tuple[str, tuple[Path, ...]], ...] = field(init=False, repr=False, compare=False)
    _user_id: tuple[Path, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        problems: list[str] = []
        if self.event not in EVENTS:
            problems.append(f"event: expected one of {', '.join(EVENTS)}")
        method, path = _route(self.route, problems)
        when = _when(self.when, problems)
        traits = _traits(self.traits, problems)
        user_id = _paths("user_id", self.user_id, problems)
        if problems:
            raise ConfigurationError(f"rule {self.route!r}: {problem}" for problem in problems)
        for name, value in (
            ("method", method),
            ("path", path),
            ("name", f"{method} {path}"),
            ("when", when),
            ("_traits", traits),
            ("_user_id", user_id),
        ):
            object.__setattr__(self, name, value)

    def judge(self, exchange: Exchange) -> Finding | str:
        """Whom a finished exchange identified, or the reason why nobody: a counter's name."""
        reason = failure(self.when, exchange, self.event)
        if reason is not None:
            return reason
        person = self._named(exchange) if self._traits else choose(exchange, self.event)
        if person is None or person.email is None:
            return "anonymous"
        if person.is_typed and self.when == "auto" and not shows_success(exchange, self.event):
            return "no_sign"
        user_id = person.user_id
        if self._user_id and not self._traits:
            _, named = _first(self._user_id, exchange)
            user_id = None if named is None else str(named)
        return Finding(self.event, user_id or person.email.lower(), person.traits, self.name)

    def covers(self, other: Rule) -> bool:
        """True when every request of the other rule, which has no template, is one of this."""
        same = self.path == other.path or _pattern(self.path).fullmatch(other.path) is not None
        return same and self.method == other.method

    def _named(self, exchange: Exchange) -> Person:
        traits: dict[str, object] = {}
        sources = set()
        for name, paths in self._traits:
            path, value = _first(paths, exchange)
            if path is not None:
                traits[name] = value
                sources.add(path.source.partition(".")[0])
        path, value = _first(self._user_id, exchange)
        if path is not None:
            sources.add(path.source.partition(".")[0])
        address = email(traits.get("email"))
        if address is not None:
            traits["email"] = address
        person = Person(address, None if value is None else str(value), traits)
        person.is_typed = sources == {"request"}
        return person


class RouteTable:
    """Rules by path and method, asked in the order given; `paths` alone is on the hot path."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._exact: dict[object, dict[str, list[Rule]]] = {}
        self.templates: list[tuple[re.Pattern[str], Rule]] = []
        self._order: dict[int, int] = {}
        self._methods: set[str] = set()
        for place, rule in enumerate(rules):
            self._order[id(rule)] = place
            self._methods.add(rule.method)
            if _PARAMETER.search(rule.path):
                self.templates.append((_pattern(rule.path), rule))
                continue
            for path in {rule.path, rule.path + "/"}:
                self._exact.setdefault(path, {}).setdefault(rule.method, []).append(rule)
        #: holds every path that `find` may know; with a template that can be any
        self.paths: Container[object] = _AnyPath() if self.templates else self._exact

    def find(self, scope: Scope) -> Sequence[Rule]:
        """The rules for an HTTP scope's method and path, as it stands or without the root path.

        Servers differ on whether `path` contains `root_path`.
        """
        method: str = scope["method"]
        if method not in self._methods:
            return ()
        path: str = scope["path"]
        root: str = scope.get("root_path") or ""
        if not root and not self.templates:
            return self._exact.get(path, _NO_METHODS).get(method, ())
        for candidate in (path, path.removeprefix(root), root + path) if root else (path,):
            if rules := self._at(candidate, method):
                return rules
        return ()

    def _at(self, path: str, method: str) -> Sequence[Rule]:
        found = list(self._exact.get(path, _NO_METHODS).get(method, ()))
        for pattern, rule in self.templates:
            if rule.method == method and pattern.fullmatch(path):
                found.append(rule)
        return sorted(found, key=lambda rule: self._order[id(rule)])


_NO_METHODS: Final[dict[str, list[Rule]]] = {}


class _AnyPath:
    def __contains__(self, path: object) -> bool:
        return path is not None


def _pattern(template: str) -> re.Pattern[str]:
    parts = (re.escape(part) for part in _PARAMETER.split(template))
    return re.compile("[^/]+".join(parts) + "/?")


def _route(route: Any, problems: list[str]) -> tuple[str, str]:
    method, _, path = route.rpartition(" ") if isinstance(route, str) else ("", "", "")
    method = method.strip().upper() or "POST"
    if method not in _METHODS or not path.startswith("/") or "?" in path:
        problems.append("route: expected a method and a path, such as 'POST /auth/login'")
    return method, path.rstrip("/") or "/"


def _when(when: Any, problems: list[str]) -> When:
    if isinstance(when, str) and when in NAMED:
        return when
    if isinstance(when, Sequence) and not isinstance(when, str) and when:
        statuses = tuple(when)
        if all(isinstance(status, int) and 100 <= status <= 599 for status in statuses):
            return statuses
    problems.append(f"when: expected {', '.join(NAMED)} or a list of statuses")
    return "auto"


def _traits(traits: Any, problems: list[str]) -> tuple[tuple[str, tuple[Path, ...]], ...]:
    if traits is None:
        return ()
    if not isinstance(traits, Mapping) or "email" not in {canonical(str(name)) for name in traits}:
        problems.append("traits: expected a table of names to paths, with at least email")
        return ()
    return tuple(
        (canonical(name), _paths(f"traits.{name}", paths, problems))
        for name, paths in traits.items()
    )


def _paths(key: str, paths: Any, problems: list[str]) -> tuple[Path, ...]:
    if paths is None:
        return ()
    listed = [paths] if isinstance(paths, str) else paths
    if not isinstance(listed, Sequence) or not listed:
        problems.append(f"{key}: expected a path or a list of paths")
        return ()
    compiled = []
    for text in listed:
        try:
            compiled.append(Path.parse(text if isinstance(text, str) else repr(text)))
        except ValueError as error:
            problems.append(f"{key}: {error}")
    return tuple(compiled)


def _first(paths: tuple[Path, ...], exchange: Exchange) -> tuple[Path | None, object]:
    """The first path that holds something, and what it holds."""
    for path in paths:
        value = scalar(path.read(exchange))
        if value is not None:
            return path, value
    return None, None
