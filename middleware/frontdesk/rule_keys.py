"""The keys of a rule, compiled; what is wrong with one is added to a list of problems."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from frontdesk.exchange import Exchange
from frontdesk.sources import Path
from frontdesk.traits import canonical, scalar

Paths = str | Sequence[str]
#: a trait's name, and the paths it may come from
Named = tuple[str, tuple[Path, ...]]

PARAMETER: Final = re.compile(r"\{[^{}/]+\}")
_METHODS: Final = frozenset(("GET", "POST", "PUT", "PATCH"))
_FIELD: Final = re.compile(r"[_A-Za-z][_0-9A-Za-z]*")


def pattern_of(template: str) -> re.Pattern[str]:
    """What a path template matches; a trailing slash makes no difference."""
    parts = (re.escape(part) for part in PARAMETER.split(template))
    return re.compile("[^/]+".join(parts) + "/?")


def compile_route(route: Any, problems: list[str]) -> tuple[str, str]:
    """Method and path of `POST /auth/login`; POST may be left out."""
    method, _, path = route.rpartition(" ") if isinstance(route, str) else ("", "", "")
    method = method.strip().upper() or "POST"
    if method not in _METHODS or not path.startswith("/") or "?" in path:
        problems.append("route: expected a method and a path, such as 'POST /auth/login'")
    return method, path.rstrip("/") or "/"


def compile_operations(operation: Any, problems: list[str]) -> tuple[str, ...]:
    """Names of GraphQL mutation fields."""
    if operation is None:
        return ()
    listed = [operation] if isinstance(operation, str) else operation
    is_list = isinstance(listed, Sequence) and bool(listed)
    if not is_list or not all(isinstance(n, str) and _FIELD.fullmatch(n) for n in listed):
        problems.append("operation: expected the name of a GraphQL mutation field, or a list")
        return ()
    return tuple(listed)


def compile_traits(traits: Any, problems: list[str]) -> tuple[Named, ...]:
    """Traits by their reserved names."""
    if traits is None:
        return ()
    if not isinstance(traits, Mapping) or "email" not in {canonical(str(name)) for name in traits}:
        problems.append("traits: expected a table of names to paths, with at least email")
        return ()
    return tuple(
        (canonical(name), compile_paths(f"traits.{name}", paths, problems))
        for name, paths in traits.items()
    )


def compile_paths(key: str, paths: Any, problems: list[str]) -> tuple[Path, ...]:
    """A path or a list of them."""
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


def first(paths: tuple[Path, ...], exchange: Exchange) -> tuple[Path | None, object]:
    """The first path that holds something, and what it holds."""
    for path in paths:
        value = scalar(path.read(exchange))
        if value is not None:
            return path, value
    return None, None
