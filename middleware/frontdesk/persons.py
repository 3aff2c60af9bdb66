"""Persons in documents: who an object, a JSON document or a form speaks of.

Pure reading, no choice between sources: that is `automatic`. Of objects, the attributes they
store are read; none of the app's code is run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from frontdesk.traits import (
    ID_SPELLINGS,
    LOGIN_SPELLINGS,
    SPELLINGS,
    TOKEN_SPELLINGS,
    USER_ID_SPELLINGS,
    clean,
    email,
    mask,
    masked,
)

CLEAR_KEYS: Final = ("user", "customer", "shopper", "viewer", "me")
VAGUE_KEYS: Final = ("account", "profile", "member")
ENVELOPE_KEYS: Final = ("data", "result", "payload", "response")
PART_KEYS: Final = ("profile", "attributes", "account", "customer", "user")
BARE_PART_KEYS: Final = PART_KEYS[:2]  # the rest are persons of their own in a document
_PARTS: Final = frozenset(PART_KEYS)
_DEPTH: Final = 3

#: what a field's name means: a trait, the user's id, some id, or what was typed at a login
_USER_ID: Final = "@userId"
_ID: Final = "@id"
_LOGIN: Final = "@login"
_MEANINGS: Final[Mapping[Any, str]] = (
    dict.fromkeys(LOGIN_SPELLINGS, _LOGIN)
    | dict.fromkeys(ID_SPELLINGS, _ID)
    | dict.fromkeys(USER_ID_SPELLINGS, _USER_ID)
    | SPELLINGS
)


class Person:
    """What one part of an exchange says of the person it is about.

    `login` is the name they log in with, in lower case; it is compared, and never leaves.
    `is_typed` is True when nothing but the request speaks of them.
    """

    __slots__ = ("email", "is_typed", "login", "traits", "user_id")

    def __init__(
        self,
        email: str | None = None,
        user_id: str | None = None,
        traits: dict[str, object] | None = None,
        login: str | None = None,
    ) -> None:
        self.email = email
        self.user_id = user_id
        self.traits: dict[str, object] = {} if traits is None else traits
        self.login = login
        self.is_typed = False

    def __repr__(self) -> str:
        return f"Person({mask(self.email)}, traits={masked(self.traits)})"

    def says_nothing(self) -> bool:
        """True when this part is about nobody."""
        return not (self.email or self.user_id or self.login or self.traits)

    def is_somebody_else(self, address: str) -> bool:
        """True when this part names another e-mail address."""
        return self.email is not None and self.email.lower() != address.lower()

    def is_named(self, other: Person) -> bool:
        """True when an id or a login shows that both are the same person."""
        if self.user_id is not None and other.user_id is not None:
            return self.user_id == other.user_id
        names = {self.login, (self.email or "").lower() or None} - {None}
        return other.login in names

    def fill(self, other: Person) -> None:
        """Take from `other` what is not known here."""
        self.user_id = self.user_id or other.user_id
        self.traits = other.traits | self.traits if self.traits else dict(other.traits)


def person_in(document: Any, typed: str | None = None) -> Person:
    """What a document (a mapping, or an object's stored attributes) says of its person.

    Of several with an address it is the one whose address was typed, else the first.
    """
    view = _view(document)
    clear = list(_candidates(view, _DEPTH))
    vague = [_person(inner, 1) for inner in _inside(view, VAGUE_KEYS)]
    named = [person for person in (*clear, *vague) if person.email is not None]
    for person in named:
        if typed is not None and not person.is_somebody_else(typed):
            return person
    if typed is None and named:
        return named[0]
    # Something else was typed: only a person plainly named is believed against it.
    plain = [person for person in clear if person.email is not None] or clear
    return next(iter(plain), next((p for p in vague if p.email is None), Person()))


def typed_person(document: Any) -> Person:
    """Who was typed: a person in the request, or else its own fields, though without an address."""
    person = person_in(document)
    return _person(_view(document), 1) if person.says_nothing() else person


def plainly_named(document: Any) -> Person | None:
    """The usual answer's person, told without the general way."""
    if type(document) is dict:
        for key in CLEAR_KEYS:
            if key in document:
                inner = document[key]
                if type(inner) is dict and inner:
                    person = _person(inner, _DEPTH - 1)
                    return None if person.email is None else person
                return None
    return None


def person_of(holder: Any) -> Person:
    """The person that a holder, such as the app's user, is."""
    return _person(_view(holder), _DEPTH)


def person_below(holder: Any) -> Person:
    """The first person under a clear name in a holder that is none itself."""
    return next(_below(_view(holder), _DEPTH), Person())


def _candidates(holder: Mapping[Any, Any], depth: int) -> Iterator[Person]:
    """The persons of a document, the most clearly named first, the document itself last."""
    yield from _below(holder, depth)
    if holder:
        itself = _person(holder, 1, is_bare=True)
        if itself.email is not None:
            yield itself


def _below(holder: Mapping[Any, Any], depth: int) -> Iterator[Person]:
    if depth:
        for inner in _inside(holder, CLEAR_KEYS):
            yield _person(inner, depth - 1)
        for inner in _inside(holder, ENVELOPE_KEYS):
            yield from _candidates(inner, depth - 1)


def _person(holder: Mapping[Any, Any], depth: int, *, is_bare: bool = False) -> Person:
    """A person and what stands below them, such as a profile without an address of its own."""
    person = _read(holder, is_bare=is_bare)
    if depth and not _PARTS.isdisjoint(holder):
        for inner in _inside(holder, BARE_PART_KEYS if is_bare else PART_KEYS):
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
    kind = type(holder)  # not isinstance: a proxy's __class__ is code
    if kind is dict or issubclass(kind, Mapping):
        view: Mapping[Any, Any] = holder
        return view
    if holder is None or issubclass(kind, str | bytes | int | float | list | tuple):
        return {}
    found: dict[str, Any] = {}
    for base in kind.__mro__:
        slots = base.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            member = base.__dict__.get(name)
            if hasattr(member, "__objclass__") and name not in found:
                found[name] = _slot(member, holder)
    stored = getattr(holder, "__dict__", None)
    return found | stored if type(stored) is dict else found


def _slot(member: Any, holder: Any) -> Any:
    try:
        return member.__get__(holder)
    except AttributeError:  # declared and never set
        return None


def _read(holder: Mapping[Any, Any], *, is_bare: bool = False) -> Person:
    """One object's own traits; nested objects are other persons or none.

    A bare document may be a session's or a token's: then its `id` is not the user's, and a
    `title` is that of a page.
    """
    traits: dict[str, object] = {}
    address = user_id = some_id = login = None
    for key, value in holder.items():
        meaning = _MEANINGS.get(key)
        if meaning is None:
            continue
        text = clean(value) if type(value) is str else _written(value)
        if text is None:
            continue
        if meaning == "email":
            address = address or email(text)
        elif meaning == _USER_ID:
            user_id = user_id or text
        elif meaning == _ID:
            some_id = some_id or text
        elif meaning == _LOGIN:
            login = login or text
        elif meaning not in traits:
            traits[meaning] = text
    if is_bare:
        traits.pop("title", None)
        if not TOKEN_SPELLINGS.isdisjoint(holder) or holder.get("type") in _NOT_USERS:
            some_id = None
    if login is not None:
        address = address or email(login)
        login = login.lower()
    return Person(address, user_id or some_id, traits, login)


_NOT_USERS: Final = ("session", "sessions", "token", "tokens")


def _written(value: object) -> str | None:
    """Numbers as they are written, such as an id; True, lists and the like are no traits."""
    if isinstance(value, int | str) and not isinstance(value, bool):
        return clean(str(value))
    return None
