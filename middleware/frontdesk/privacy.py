"""What may leave: consent, traits that are dropped, traits that travel as a hash alone."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote_plus

from frontdesk.exchange import Exchange
from frontdesk.sources import Path
from frontdesk.traits import canonical

#: a consent given in a trait that the rule captures
_TRAITS: Final = "traits."
_KEYS: Final = frozenset(("source", "accepts", "pattern"))
#: A consent cookie has some hundred characters; a pattern is not run on more.
_MAX_CHARS: Final = 4096
_NOT_IN_A_NUMBER: Final = re.compile(r"[^0-9+]")


@dataclass(frozen=True, slots=True)
class Consent:
    """Where the shopper's consent stands, and what stands there when it was given.

    `sources`: paths, or `traits.<name>`; the first that holds something decides. `accepts`: texts,
    compared in lower case (true is `true`); `pattern`: a regular expression found in it.
    """

    sources: tuple[Path | str, ...]
    accepts: frozenset[str] = frozenset()
    pattern: re.Pattern[str] | None = None

    def is_given(self, exchange: Exchange, traits: Mapping[str, object]) -> bool:
        """Whether it was given; nothing there is no consent."""
        for source in self.sources:
            value = traits.get(source) if isinstance(source, str) else source.read(exchange)
            text = _text(value)
            if text:
                return self._accepts(text)
        return False

    def _accepts(self, text: str) -> bool:
        # Cookies are often percent-encoded, and not always.
        for form in (text, unquote_plus(text)):
            if form.strip().lower() in self.accepts:
                return True
            if self.pattern is not None and self.pattern.search(form[:_MAX_CHARS]):
                return True
        return False


@dataclass(frozen=True, slots=True)
class Privacy:
    """What a rule, or the whole of `[capture]`, keeps from leaving."""

    consent: Consent | None = None
    drop: frozenset[str] = frozenset()
    hashed: frozenset[str] = frozenset()

    def over(self, general: Privacy, *, own_consent: bool) -> Privacy:
        """This with the general rules added; a consent of one's own replaces the general one."""
        consent = self.consent if own_consent else general.consent
        return Privacy(consent, self.drop | general.drop, self.hashed | general.hashed)

    def is_none(self) -> bool:
        """True when everything may leave."""
        return self.consent is None and not self.drop and not self.hashed

    def protect(self, user_id: str, traits: Mapping[str, object]) -> tuple[str, dict[str, object]]:
        """User id and traits without what is dropped, and with hashes for what is hashed."""
        kept = {name: value for name, value in traits.items() if name not in self.drop}
        for name in self.hashed & kept.keys():
            kept[name] = _hashed(name, kept[name])
        if "userId" in self.drop:
            user_id = str(traits["email"]).lower()
        elif "userId" in self.hashed:
            user_id = str(_hashed("userId", user_id))
        return user_id, kept


def compile_privacy(consent: Any, drop: Any, hashed: Any, problems: list[str]) -> Privacy:
    """The keys `consent`, `drop` and `hash` of a rule or of `[capture]`."""
    return Privacy(
        None if consent is None or consent is False else _consent(consent, problems),
        _names("drop", drop, problems),
        _names("hash", hashed, problems),
    )


def _names(key: str, names: Any, problems: list[str]) -> frozenset[str]:
    if isinstance(names, str) or not isinstance(names, Iterable):
        problems.append(f"{key}: expected a list of traits")
        return frozenset()
    listed = list(names)
    if not all(isinstance(name, str) and name for name in listed):
        problems.append(f"{key}: expected a list of traits")
        return frozenset()
    found = frozenset(canonical(name) for name in listed)
    if "email" in found:
        problems.append(f"{key}: email is the customer's key and has to travel as it is")
    return found


def _consent(table: Any, problems: list[str]) -> Consent | None:
    if isinstance(table, Consent):
        return table
    if not isinstance(table, Mapping) or not {"source"} <= table.keys() <= _KEYS:
        problems.append("consent: expected a table of source, and accepts or pattern")
        return None
    accepts, pattern = table.get("accepts", ()), table.get("pattern")
    listed = [accepts] if isinstance(accepts, str | bool) else accepts
    if not isinstance(listed, Sequence) or not all(isinstance(a, str | bool | int) for a in listed):
        problems.append("consent.accepts: expected a list of texts")
        listed = ()
    if not listed and pattern is None:
        problems.append("consent: expected accepts or pattern, or everything would be refused")
    return Consent(
        tuple(_sources(table["source"], problems)),
        frozenset(str(text).strip().lower() for text in listed),
        _compiled(pattern, problems),
    )


def _sources(source: Any, problems: list[str]) -> Iterable[Path | str]:
    listed = [source] if isinstance(source, str) else source
    if not isinstance(listed, Sequence) or not listed:
        problems.append("consent.source: expected a path or a list of paths")
        return
    for text in listed:
        if isinstance(text, str) and text.startswith(_TRAITS) and len(text) > len(_TRAITS):
            yield canonical(text.removeprefix(_TRAITS))
            continue
        try:
            # It is compared and never leaves, so it may be called a token.
            yield Path.parse(text if isinstance(text, str) else repr(text), leaves=False)
        except ValueError as error:
            problems.append(f"consent.source: {error}")


def _compiled(pattern: Any, problems: list[str]) -> re.Pattern[str] | None:
    if pattern is None:
        return None
    try:
        return re.compile(pattern)
    except (re.error, TypeError):
        problems.append("consent.pattern: expected a regular expression")
        return None


def _text(value: object) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, str | int | float) else None


def _hashed(name: str, value: object) -> object:
    """SHA-256 of the normal form, in hex; of a table or list, of each value in it."""
    if isinstance(value, dict):
        return {key: _hashed(key, inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_hashed(name, inner) for inner in value]
    return hashlib.sha256(normal_form(name, value).encode()).hexdigest()


def normal_form(name: str, value: object) -> str:
    """The text that is hashed: trimmed, in lower case, one space between words.

    A `phone` is its digits, with a plus at the front if there is one.
    """
    if isinstance(value, bool):
        return str(value).lower()
    text = " ".join(str(value).lower().split())
    return _NOT_IN_A_NUMBER.sub("", text) if name == "phone" else text
