"""The `[capture]` part of `frontdesk.toml` and its environment variables: all the web side reads.

`FRONTDESK_CONFIG` names the file. Every scalar key is also `FRONTDESK_CAPTURE__KEY`;
`FRONTDESK_JOURNAL` is short for `FRONTDESK_CAPTURE__JOURNAL`. The environment wins.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from frontdesk.exceptions import ConfigurationError
from frontdesk.journal import DEFAULT_DIRECTORY, LIMIT_BYTES
from frontdesk.presets import DEFAULT_PRESETS, refuse_unknown, rules_of, uncovered
from frontdesk.privacy import Privacy, compile_privacy
from frontdesk.rules import Rule

PREFIX: Final = "FRONTDESK_CAPTURE__"
_RULE_KEYS: Final = frozenset(
    (
        *("event", "route", "when", "traits", "user_id", "operation"),
        *("consent", "drop", "hash"),
    )
)
_KNOWN: Final = frozenset(
    (
        *("journal", "site", "presets", "rule", "journal_limit_bytes"),
        *("consent", "drop", "hash"),
    )
)
_LISTS: Final = ("presets", "drop", "hash")


@dataclass(frozen=True, slots=True)
class Capture:
    """How the web side captures.

    `journal`: the directory shared with the sidecar. `site`: the name of this storefront, given
    with each message. `presets`: names of built-in rules. `rules`: your own, asked first.
    `journal_limit_bytes`: above this the journal takes no more. `consent`, `drop`, `hash`: as a
    rule's, for all rules.
    """

    journal: str = DEFAULT_DIRECTORY
    site: str | None = None
    presets: Sequence[str] = DEFAULT_PRESETS
    rules: Sequence[Rule] = ()
    journal_limit_bytes: int = LIMIT_BYTES
    consent: Mapping[str, Any] | None = None
    drop: Sequence[str] = ()
    hash: Sequence[str] = ()

    def __post_init__(self) -> None:
        problems = []
        if not isinstance(self.journal, str) or "\0" in self.journal:
            problems.append("journal: expected the name of a directory")
        elif not os.path.isabs(self.journal):
            problems.append("journal: expected an absolute path, the same for both sides")
        if self.site is not None and not isinstance(self.site, str):
            problems.append("site: expected text")
        if isinstance(self.presets, str) or not all(isinstance(p, str) for p in self.presets):
            problems.append("presets: expected a list of names")
        if isinstance(self.rules, Rule) or not all(isinstance(r, Rule) for r in self.rules):
            problems.append("rules: expected a list of Rule")
        if type(self.journal_limit_bytes) is not int or self.journal_limit_bytes <= 0:
            problems.append("journal_limit_bytes: expected a number above 0")
        compile_privacy(self.consent, self.drop, self.hash, problems)
        if problems:
            raise ConfigurationError(f"capture.{problem}" for problem in problems)

    def with_arguments(
        self,
        rules: Sequence[Rule] | None,
        presets: Sequence[str] | None,
        journal: str | os.PathLike[str] | None,
        site: str | None,
    ) -> Capture:
        """These settings with a middleware's own arguments over them; rules are added in front."""
        return replace(
            self,
            journal=self.journal if journal is None else os.fspath(journal),
            site=self.site if site is None else site,
            presets=self.presets if presets is None else presets,
            rules=self.rules if rules is None else [*rules, *self.rules],
        )

    def all_rules(self) -> list[Rule]:
        """Your rules, then those presets' rules whose route is not yours."""
        rules = [*self.rules, *uncovered(rules_of(self.presets), self.rules)]
        privacy = self.privacy
        return [rule.under(privacy) for rule in rules]

    @property
    def privacy(self) -> Privacy:
        """What holds for all rules, compiled."""
        return compile_privacy(self.consent, self.drop, self.hash, [])


def load_capture(environ: Mapping[str, str] = os.environ, path: str | None = None) -> Capture:
    """Read the settings, from `path` or the file that FRONTDESK_CONFIG names.

    Raises ConfigurationError with every problem at once.
    """
    return capture_of(read_file(path or environ.get("FRONTDESK_CONFIG")), environ)


def read_file(path: str | None) -> dict[str, Any]:
    """A TOML file's tables; `{}` without a path. Raises ConfigurationError, naming the line."""
    if not path:
        return {}
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError([f"{path}: cannot be read: {error.strerror}"]) from None
    except UnicodeDecodeError:
        raise ConfigurationError([f"{path}: is not UTF-8"]) from None
    except tomllib.TOMLDecodeError as error:
        # tomllib says what and where, not the value that stands there.
        raise ConfigurationError([f"{path}: is not TOML: {error}"]) from None


def capture_of(document: Mapping[str, Any], environ: Mapping[str, str]) -> Capture:
    """The `[capture]` table with the environment over it."""
    problems: list[str] = []
    table = document.get("capture", {})
    if not isinstance(table, dict):
        raise ConfigurationError(["capture: expected a table"])
    table = table | _from_environment(environ, problems)
    problems += [f"capture.{key}: is not a setting" for key in sorted(table.keys() - _KNOWN)]
    given: dict[str, Any] = {
        "journal": _of(str, table, "journal", DEFAULT_DIRECTORY, problems),
        "site": _of(str, table, "site", None, problems),
        "presets": _presets(table.get("presets", list(DEFAULT_PRESETS)), problems),
        "rules": _rules(table.get("rule", []), problems),
        "journal_limit_bytes": _of(int, table, "journal_limit_bytes", LIMIT_BYTES, problems),
        **{key: table[key] for key in ("consent", "drop", "hash") if key in table},
    }
    try:
        settings = Capture(**given)
    except ConfigurationError as error:
        problems += error.problems
    if problems:
        raise ConfigurationError(problems)
    return settings


def _from_environment(environ: Mapping[str, str], problems: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {
        name.removeprefix(PREFIX).lower(): value
        for name, value in environ.items()
        if name.startswith(PREFIX)
    }
    if "FRONTDESK_JOURNAL" in environ:
        found.setdefault("journal", environ["FRONTDESK_JOURNAL"])
    for key in found.keys() & set(_LISTS):
        found[key] = [name.strip() for name in found[key].split(",") if name.strip()]
    if "journal_limit_bytes" in found:
        try:
            found["journal_limit_bytes"] = int(found["journal_limit_bytes"])
        except ValueError:
            problems.append(f"{PREFIX}JOURNAL_LIMIT_BYTES: expected a whole number")
            del found["journal_limit_bytes"]
    for key in found.keys() & {"rule", "consent"}:
        problems.append(f"{PREFIX}{key.upper()}: is given in the file")
        del found[key]
    return found


def _of(kind: type, table: Mapping[str, Any], key: str, default: Any, problems: list[str]) -> Any:
    value = table.get(key, default)
    if value is not default and (type(value) is not kind or value == ""):
        expected = "text" if kind is str else "a whole number"
        problems.append(f"capture.{key}: expected {expected}")
        return default
    return value


def _presets(value: Any, problems: list[str]) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        problems.append("capture.presets: expected a list of names")
        return ()
    try:
        refuse_unknown(value)
    except ConfigurationError as error:
        problems += [f"capture.{problem}" for problem in error.problems]
        return ()
    return tuple(value)


def _rules(value: Any, problems: list[str]) -> tuple[Rule, ...]:
    if not isinstance(value, list):
        problems.append("capture.rule: expected [[capture.rule]] tables")
        return ()
    rules = []
    for number, table in enumerate(value, 1):
        place = f"capture.rule {number}"
        unknown = sorted(table.keys() - _RULE_KEYS) if isinstance(table, dict) else ()
        problems += [f"{place}: {key} is not a setting" for key in unknown]
        if not isinstance(table, dict) or not {"event", "route"} <= table.keys():
            problems.append(f"{place}: expected a table with event and route")
            continue
        try:
            rules.append(Rule(**{key: table[key] for key in table.keys() & _RULE_KEYS}))
        except ConfigurationError as error:
            problems += [f"{place}: {problem}" for problem in error.problems]
    return tuple(rules)
