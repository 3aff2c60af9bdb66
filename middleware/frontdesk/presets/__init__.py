"""Presets: rules as data, one TOML file each, chosen by name.

`auto`, the default, stands for every preset that is safe anywhere, those whose framework the
process has loaded, and `usual-routes`. The keys of a file's `[[rule]]` are those of
`[[capture.rule]]`; `routes` and `prefixes` say many at once.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

from frontdesk.exceptions import ConfigurationError
from frontdesk.rules import Rule

AUTO: Final = "auto"
USUAL_ROUTES: Final = "usual-routes"
DEFAULT_PRESETS: Final[tuple[str, ...]] = (AUTO,)
_SUFFIX: Final = ".toml"
#: Read with the module: a framework may make its middleware while the event loop runs.
_TEXTS: Final = {
    entry.name.removesuffix(_SUFFIX): entry.read_text("utf-8")
    for entry in files(__name__).iterdir()
    if entry.name.endswith(_SUFFIX)
}


@dataclass(frozen=True, slots=True)
class Preset:
    """Rules under a name. `modules`: loaded by an app it is for; `is_automatic`: safe anywhere."""

    name: str
    about: str
    rules: tuple[Rule, ...]
    modules: tuple[str, ...] = ()
    is_automatic: bool = False

    def suits(self, loaded: Container[str]) -> bool:
        """Whether `auto` chooses it in a process that has loaded these modules."""
        return self.is_automatic or any(module in loaded for module in self.modules)


def names() -> tuple[str, ...]:
    """Every preset's name, sorted."""
    return tuple(sorted(_TEXTS))


@cache
def preset(name: str) -> Preset:
    """A preset by its name; KeyError when there is none, ConfigurationError if it is wrong."""
    return preset_of(name, tomllib.loads(_TEXTS[name]))


def preset_of(name: str, document: Mapping[str, Any]) -> Preset:
    """A preset from its document. Raises ConfigurationError."""
    modules = document.get("module", ())
    return Preset(
        name,
        document["about"].strip(),
        tuple(_rules(name, document)),
        (modules,) if isinstance(modules, str) else tuple(modules),
        document.get("automatic", False),
    )


def refuse_unknown(given: Iterable[str]) -> None:
    """Raises ConfigurationError for names there is no preset of; nothing is read for it."""
    known = names()
    unknown = sorted(set(given) - {AUTO, *known})
    if unknown:
        there = ", ".join((AUTO, *known))
        raise ConfigurationError(f"presets: {name!r} is not one of: {there}" for name in unknown)


def chosen(given: Iterable[str], loaded: Container[str] | None = None) -> list[Preset]:
    """The presets named, in the order their rules are asked; `usual-routes` is asked last.

    `loaded`: the modules that `auto` goes by, else those of this process. Raises
    ConfigurationError for a name there is none of.
    """
    given = list(given)
    refuse_unknown(given)
    found = {name: preset(name) for name in given if name != AUTO}
    if AUTO in given:
        modules = sys.modules if loaded is None else loaded
        # What stands on a framework is asked before it: django-oscar before django.
        ordered = sorted(names(), key=lambda name: f"{name}~")
        found |= {name: preset(name) for name in ordered if preset(name).suits(modules)}
    return sorted(found.values(), key=lambda one: one.name == USUAL_ROUTES)


def rules_of(given: Iterable[str], loaded: Container[str] | None = None) -> list[Rule]:
    """The rules of the presets named, without those that an earlier preset covers."""
    rules: list[Rule] = []
    for one in chosen(given, loaded):
        rules += uncovered(one.rules, rules)
    return rules


def uncovered(rules: Iterable[Rule], earlier: Iterable[Rule]) -> list[Rule]:
    """The rules about something that no earlier rule is about."""
    asked = list(earlier)
    exact = {(rule.name, operation) for rule in asked for operation in rule.operations or ("",)}
    templates = [rule for rule in asked if "{" in rule.path]
    return [
        rule
        for rule in rules
        if not all((rule.name, operation) in exact for operation in rule.operations or ("",))
        and not any(template.covers(rule) for template in templates)
    ]


def _rules(name: str, document: Mapping[str, Any]) -> Iterator[Rule]:
    for table in document.get("rule", ()):
        keys = {key: value for key, value in table.items() if key not in ("routes", "prefixes")}
        routes = table.get("routes", [table.get("route", "")])
        for prefix in table.get("prefixes", document.get("prefixes", ("",))):
            for route in routes:
                method, _, path = route.rpartition(" ")
                yield Rule(**{**keys, "route": f"{method or 'POST'} {prefix}{path}"}, origin=name)
