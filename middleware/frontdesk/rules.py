"""Rules: which exchange identifies whom. Pure: an exchange in, a finding or a reason out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from frontdesk.automatic import choose
from frontdesk.claims import carried
from frontdesk.event import EVENTS, SIGNED_UP
from frontdesk.exceptions import ConfigurationError
from frontdesk.exchange import Exchange
from frontdesk.notes import MARK, Notes
from frontdesk.persons import Person
from frontdesk.privacy import Privacy, compile_privacy
from frontdesk.redirects import awaits_proof
from frontdesk.rule_keys import (
    Named,
    Paths,
    compile_operations,
    compile_paths,
    compile_route,
    compile_traits,
    first,
    pattern_of,
)
from frontdesk.sources import Path
from frontdesk.success import failure, says_more, shows_success
from frontdesk.traits import canonical, email, masked, scalar
from frontdesk.when import JUDGING, When, compile_when, takes_errors


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
    for one path segment; a trailing slash makes no difference. `when`: `auto`, `json`, `2xx`,
    `redirect`, a list of statuses, or a table of `status`, `json`, `cookie` (see `frontdesk.when`).
    `traits`: name -> dotted path or paths, first hit wins; without it the traits are found
    automatically. `user_id`: paths likewise. `operation`: names of GraphQL mutation fields.
    `consent`: a table of `source`, and `accepts` or `pattern`; False for none although one is
    required in general. `drop`, `hash`: traits that do not leave, or as a SHA-256 alone.

    Raises ConfigurationError, which lists everything that is wrong.
    """

    event: str
    route: str
    when: When | Sequence[int] | Mapping[str, Any] = "auto"
    traits: Mapping[str, Paths] | None = None
    user_id: Paths | None = None
    operation: Paths | None = None
    consent: Mapping[str, Any] | bool | None = None
    drop: Sequence[str] = ()
    hash: Sequence[str] = ()
    #: the name of the preset it is from
    origin: str | None = field(default=None, repr=False, compare=False, kw_only=True)
    method: str = field(init=False, repr=False, compare=False)
    path: str = field(init=False, repr=False, compare=False)
    name: str = field(init=False, repr=False, compare=False)
    operations: tuple[str, ...] = field(init=False, repr=False, compare=False)
    takes_errors: bool = field(init=False, repr=False, compare=False)
    #: traits this rule names, each with its paths, and those of the user's id
    named: tuple[Named, ...] = field(init=False, repr=False, compare=False)
    named_user_id: tuple[Path, ...] = field(init=False, repr=False, compare=False)
    #: None when everything may leave
    privacy: Privacy | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        problems: list[str] = []
        if self.event not in EVENTS:
            problems.append(f"event: expected one of {', '.join(EVENTS)}")
        method, path = compile_route(self.route, problems)
        when = compile_when(self.when, problems)
        privacy = compile_privacy(self.consent, self.drop, self.hash, problems)
        compiled: dict[str, object] = {
            "method": method,
            "path": path,
            "name": f"{method} {path}",
            "operations": compile_operations(self.operation, problems),
            "takes_errors": takes_errors(when),
            "named": compile_traits(self.traits, problems),
            "named_user_id": compile_paths("user_id", self.user_id, problems),
            "privacy": None if privacy.is_none() else privacy,
            "when": when,
        }
        if problems:
            raise ConfigurationError(f"rule {self.route!r}: {problem}" for problem in problems)
        for name, value in compiled.items():
            object.__setattr__(self, name, value)

    def under(self, general: Privacy) -> Rule:
        """This rule with what holds for all rules added."""
        if general.is_none():
            return self
        rule = copy(self)
        privacy = (self.privacy or Privacy()).over(general, own_consent=self.consent is not None)
        object.__setattr__(rule, "privacy", None if privacy.is_none() else privacy)
        return rule

    def covers(self, other: Rule) -> bool:
        """True when all that the other rule, which has no template, is about is this rule's."""
        if self.method != other.method or bool(self.operations) != bool(other.operations):
            return False
        if not set(other.operations) <= set(self.operations):
            return False
        return self.path == other.path or pattern_of(self.path).fullmatch(other.path) is not None

    def judge(self, exchange: Exchange) -> Finding | str:
        """Whom a finished exchange identified, or the reason why nobody: a counter's name."""
        notes = exchange.scope.get(MARK)
        if type(notes) is not Notes or not notes.is_touched:
            notes = None
        elif notes.is_vetoed or notes.is_told:
            return "told" if notes.is_told else "vetoed"
        reason = failure(self.when, exchange, self.event)  # type: ignore[arg-type]  # compiled
        if reason is not None:
            return reason
        person = self._named(exchange) if self.named else choose(exchange, self.event)
        if self.named_user_id and not self.named and person is not None:
            _, named = first(self.named_user_id, exchange)
            person.user_id = None if named is None else str(named)
        if notes is not None:
            person = corrected(person or Person(), notes)
        if person is None or person.email is None:
            return "anonymous"
        if person.is_typed and not self._is_shown(exchange):
            return "no_sign"
        if (
            self.method == "GET"
            and self.when in JUDGING
            and person.email.lower() in carried(exchange)
        ):
            return "known"
        if person.is_typed and self.event == SIGNED_UP and self._is_unproven(exchange):
            # The address may be a customer's whom a stranger knows: of the rest nothing is sure.
            person.user_id, person.traits = None, {"email": person.email}
        user_id = person.user_id or person.email.lower()
        if self.privacy is not None:
            return self._protected(self.privacy, user_id, person.traits, exchange)
        return Finding(self.event, user_id, person.traits, self.name)

    def _named(self, exchange: Exchange) -> Person:
        traits: dict[str, object] = {}
        sources = set()
        for name, paths in self.named:
            path, value = first(paths, exchange)
            if path is not None:
                traits[name] = value
                sources.add(path.source.partition(".")[0])
        path, value = first(self.named_user_id, exchange)
        if path is not None:
            sources.add(path.source.partition(".")[0])
        address = email(traits.get("email"))
        if address is not None:
            traits["email"] = address
        person = Person(address, None if value is None else str(value), traits)
        person.is_typed = sources == {"request"}
        return person

    def _is_shown(self, exchange: Exchange) -> bool:
        if self.when not in JUDGING:
            return True  # it was believed already
        if self.operations:
            return says_more(exchange.response.json())
        return shows_success(exchange, self.event)

    def _is_unproven(self, exchange: Exchange) -> bool:
        return self.when == "auto" and not self.named and awaits_proof(exchange)

    def _protected(
        self, privacy: Privacy, user_id: str, traits: Mapping[str, object], exchange: Exchange
    ) -> Finding | str:
        if privacy.consent is not None and not privacy.consent.is_given(exchange, traits):
            return "no_consent"
        return Finding(self.event, *privacy.protect(user_id, traits), self.name)


def corrected(person: Person, notes: Notes) -> Person:
    """A person with what the app's own handler says of them; None takes a trait away."""
    for name, value in (notes.traits or {}).items():
        trait = canonical(name)
        plain = value if isinstance(value, list | dict) else scalar(value)
        if trait == "email":
            plain = email(plain)
            # Whoever the app itself names is not only typed.
            person.email, person.is_typed = plain, False
        if plain is None:
            person.traits.pop(trait, None)
        else:
            person.traits[trait] = plain
    person.user_id = notes.user_id or person.user_id
    return person
