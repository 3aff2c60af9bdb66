"""Who it was, when a rule names no traits: one choice, made the same way for every app.

1. The exchange speaks for itself: the person in the response, then what was typed in the request.
2. What surrounds it (the app's user, its session, its state) counts only where it does not
   contradict the exchange: a shopper who logs in as somebody else may still carry the old user.
3. In order user, response, session, state, request, the first e-mail address is the customer's;
   a part with another address is somebody else's and gives nothing.
4. A person is an object under a name such as `user` or `customer`, alone or inside an envelope
   such as `data`; the document itself counts as a person only when it holds an e-mail address.

Only spellings of the Segment spec's reserved traits are ever picked, so no password, token or
other field leaves. App code is never run: of objects, the attributes they store are read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from frontdesk.event import LOGGED_IN
from frontdesk.exchange import Exchange, Scope
from frontdesk.sources import step
from frontdesk.traits import (
    ID_SPELLINGS,
    LOGIN_SPELLINGS,
    SPELLINGS,
    clean,
    email,
    mask,
    masked,
)

PERSON_KEYS: Final = ("user", "customer", "account", "profile", "member", "shopper", "viewer", "me")
ENVELOPE_KEYS: Final = ("data", "result", "payload", "response")
PART_KEYS: Final = ("profile", "attributes", "account", "customer", "user")
_PARTS: Final = frozenset(PART_KEYS)
_DEPTH: Final = 3

#: what a field's name means: a trait, the user's id, or what was typed at a login
_ID: Final = "@id"
_LOGIN: Final = "@login"
_MEANINGS: Final[Mapping[Any, str]] = (
    dict.fromkeys(LOGIN_SPELLINGS, _LOGIN) | dict.fromkeys(ID_SPELLINGS, _ID) | SPELLINGS
)


class Person:
    """What one part of an exchange says of the person it is about."""

    __slots__ = ("email", "traits", "user_id")

    def __init__(
        self,
        email: str | None = None,
        user_id: str | None = None,
        traits: dict[str, object] | None = None,
    ) -> None:
        self.email = email
        self.user_id = user_id
        self.traits: dict[str, object] = {} if traits is None else traits

    def __repr__(self) -> str:
        return f"Person({mask(self.email)}, traits={masked(self.traits)})"

    def is_somebody_else(self, address: str) -> bool:
        """True when this part names another e-mail address."""
        return self.email is not None and self.email.lower() != address.lower()

    def fill(self, other: Person) -> None:
        """Take from `other` what is not known here."""
        self.user_id = self.user_id or other.user_id
        self.traits = other.traits | self.traits if self.traits else dict(other.traits)


def choose(exchange: Exchange, event: str) -> Person | None:
    """The identified person of a successful exchange, or None when nobody can be told."""
    answered = person_in(exchange.response.json())
    scope = exchange.scope
    is_alone = not (scope.get("session") or scope.get("state") or "user" in scope)
    if is_alone and answered.email is not None and event == LOGGED_IN:
        # Nearly every login: nothing can be added, and nothing is there to contradict.
        answered.traits["email"] = answered.email
        return answered
    typed = Person()
    if answered.email is None or event != LOGGED_IN:
        # A login's request adds nothing to an answer that names the customer.
        typed = person_in(exchange.request.json() or exchange.request.form())
    around = _surroundings(scope)
    if answered.email is None and typed.email is None:
        return _named_around(around, answered)
    address = answered.email or typed.email or ""
    user, session, state = (_agreeing(person, address) for person in around)
    return _together((user, answered, session, state, typed))


def _named_around(around: tuple[Person, ...], answered: Person) -> Person | None:
    """The exchange names no address: who surrounds it, unless it is another than who answered."""
    known = answered.user_id
    around = tuple(p for p in around if not (known and p.user_id and p.user_id != known))
    first = next((person for person in around if person.email is not None), None)
    if first is None or first.email is None:
        return None
    parts = [_agreeing(person, first.email) for person in around]
    # Without a common id nothing shows that the answer is about them.
    return _together([*parts, answered if known and first.user_id == known else Person()])


def _together(parts: Iterable[Person]) -> Person | None:
    """One person of parts that do not contradict each other, the first to say something first."""
    address: str | None = None
    chosen = Person()
    for part in parts:
        if address is None:
            address = part.email
        if address is None or not part.is_somebody_else(address):
            chosen.fill(part)
    if address is not None:
        chosen.email = chosen.traits["email"] = address
        return chosen
    return None


def _surroundings(scope: Scope) -> tuple[Person, Person, Person]:
    """The app's user, its session and its state, as persons."""
    user, state, session = scope.get("user"), scope.get("state"), scope.get("session")
    if user is None and state:
        user = step(state, "user")
    return (
        Person() if user is None else _person(_view(user), _DEPTH),
        person_in(session) if session else Person(),
        person_in(state) if state else Person(),
    )


def _agreeing(person: Person, address: str) -> Person:
    """The person if this is their address, else nobody."""
    is_same = person.email is not None and not person.is_somebody_else(address)
    return person if is_same else Person()


def person_in(document: Any) -> Person:
    """What a document (a mapping, or an object's stored attributes) says of its person."""
    if not document:
        return Person()
    if type(document) is dict:
        # The usual answer, told without the general way: its first person has an address.
        for key in PERSON_KEYS:
            if key in document:
                inner = document[key]
                if type(inner) is dict and inner:
                    person = _person(inner, _DEPTH - 1)
                    if person.email is not None:
                        return person
                break
    first: Person | None = None
    for person in _candidates(_view(document), _DEPTH):
        if person.email is not None:
            return person
        first = first or person
    return first or Person()


def _candidates(holder: Mapping[Any, Any], depth: int) -> Iterator[Person]:
    """The persons of a document, the most clearly named first, the document itself last."""
    if not holder:
        return
    if depth:
        for inner in _inside(holder, PERSON_KEYS):
            yield _person(inner, depth - 1)
        for inner in _inside(holder, ENVELOPE_KEYS):
            yield from _candidates(inner, depth - 1)
    itself = _person(holder, 1)
    if itself.email is not None:
        yield itself


def _person(holder: Mapping[Any, Any], depth: int) -> Person:
    """A person and what stands below them, such as a profile without an address of its own."""
    person = _read(holder)
    if depth and not _PARTS.isdisjoint(holder):
        for inner in _inside(holder, PART_KEYS):
            part = _person(inner, depth - 1)
            if person.email is None or not part.is_somebody_else(person.email):
                person.email = person.email or part.email
                person.fill(part)
    return person


def _inside(holder: Mapping[Any, Any], keys: tuple[str, ...]) -> Iterator[Mapping[Any, Any]]:
    for key in keys:
        if key in holder and (inner := _view(holder[key])):
            yield inner


def _view(holder: Any) -> Mapping[Any, Any]:
    """A holder's own fields, without running any of its code."""
    if type(holder) is dict:  # nearly always, and far cheaper than to ask for a Mapping
        return holder
    if isinstance(holder, Mapping):
        return holder
    if holder is None or isinstance(holder, str | bytes | int | float | list | tuple):
        return {}
    stored = getattr(holder, "__dict__", None)
    if isinstance(stored, dict) and stored:
        return stored
    slots = getattr(type(holder), "__slots__", ())
    names = (slots,) if isinstance(slots, str) else slots
    return {name: getattr(holder, name, None) for name in names if not name.startswith("__")}


def _read(holder: Mapping[Any, Any]) -> Person:
    """One object's own traits; nested objects are other persons or none."""
    traits: dict[str, object] = {}
    address = user_id = login = None
    for key, value in holder.items():
        meaning = _MEANINGS.get(key)
        if meaning is None:
            continue
        text = clean(value) if type(value) is str else _written(value)
        if text is None:
            continue
        if meaning == "email":
            address = address or email(text)
        elif meaning == _ID:
            user_id = user_id or text
        elif meaning == _LOGIN:
            login = login or email(text)
        elif meaning not in traits:
            traits[meaning] = text
    return Person(address or login, user_id, traits)


def _written(value: object) -> str | None:
    """Numbers as they are written, such as an id; True, lists and the like are no traits."""
    if isinstance(value, int | str) and not isinstance(value, bool):
        return clean(str(value))
    return None
