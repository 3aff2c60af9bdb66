"""A person: what one object of plain data (a JSON object, a form) says of them.

Which object of a document that is, `documents` knows; an app's own objects are made plain by
`stored`. Work is bounded: the first `MAX_KEYS` keys of an object, `MAX_ELEMENTS` elements of a
list, and as many levels as the caller says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final

from frontdesk.addresses import (
    ADDRESS_NAMES,
    FIELDS,
    MAX_KEYS,
    OWN_KEYS,
    items_of,
    own_address,
)
from frontdesk.details import DETAIL_NAMES, LISTS, details
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
    ranked,
    spellings,
)

#: How much of an object is believed. NAMED: it stands under a name such as `user`. BARE: it may
#: as well be a session or a token with an address in it; then its `id` is not the user's, and a
#: `title` is that of a page. PART: a row of its own that belongs to a person, such as a profile.
NAMED: Final = "named"
BARE: Final = "bare"
PART: Final = "part"


_DETAILS: Final = (
    *("profile", "attributes", "traits", "user metadata", "app metadata", "user data"),
    *("user profile", "customer profile", "personal info", "personal details", "user info"),
)
#: what holds more of the same person, and persons who can only be the same
_PARTS: Final = ranked(*_DETAILS)
_NO_PROFILE: Final = ranked(*_DETAILS[1:])
_OWN_PARTS: Final = ranked("account", "customer", "user", "identity")
#: what a field's name means: a trait, the user's id, some id, what was typed at a login, or
#: something that is looked into
_USER_ID: Final = "@userId"
_ID: Final = "@id"
_UID: Final = "@uid"
_LOGIN: Final = "@login"
_TITLE: Final = "@title"
_MORE: Final = "@more"
_MEANINGS: Final[Mapping[Any, str]] = (
    dict.fromkeys((*FIELDS, *OWN_KEYS, *_PARTS, *_OWN_PARTS, *LISTS), _MORE)
    | dict.fromkeys(LOGIN_SPELLINGS, _LOGIN)
    | dict.fromkeys(ID_SPELLINGS, _ID)
    | dict.fromkeys(spellings("uid"), _UID)
    | dict.fromkeys(USER_ID_SPELLINGS, _USER_ID)
    | {"prefix": "title"}
    | SPELLINGS
    | dict.fromkeys(spellings("title"), _TITLE)
)
#: A number under one of these is a key of another table.
_NO_NUMBER: Final = 2**64
_WORDS_ONLY: Final = frozenset(("company", "gender", "locale", "name", "title"))
#: where a document says what it is
TYPES: Final = ("type", "object", "kind", "__typename", "_type", "@type")
_SESSION: Final = re.compile(r"session|token|attempt|log_?in|sign_?(?:in|up)", re.IGNORECASE)
#: every name that reading a person looks at, for those who copy
NAMES: Final = ADDRESS_NAMES.union(DETAIL_NAMES, _MEANINGS)


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

    def adds(self, other: Person) -> bool:
        """True when `other` knows something that is not known here."""
        return (
            (self.email is None and other.email is not None)
            or (self.user_id is None and other.user_id is not None)
            or not other.traits.keys() <= self.traits.keys()
        )

    def fill(self, other: Person) -> None:
        """Take from `other` what is not known here."""
        self.user_id = self.user_id or other.user_id
        self.traits = other.traits | self.traits if self.traits else dict(other.traits)


# One pass over the fields, without a call for each: nearly every login pays for it.
def read(holder: Mapping[Any, Any], depth: int, kind: str = NAMED) -> Person:  # noqa: C901 - one walk over a document; in parts it is no shorter
    """One object's person; what stands below them, such as a profile, is read `depth` levels deep.

    Other nested objects are other persons or none.
    """
    traits: dict[str, object] = {}
    address = user_id = some_id = login = None
    has_more = False
    for key, value in holder.items() if len(holder) <= MAX_KEYS else items_of(holder):
        meaning = _MEANINGS.get(key)
        if meaning is None:
            continue
        if type(value) is str:
            text = clean(value)
        elif type(value) is int and meaning not in _WORDS_ONLY and abs(value) < _NO_NUMBER:
            text = str(value)
        else:
            has_more = has_more or type(value) in _INNER
            continue
        if text is None:
            continue
        if meaning == "email":
            address = address or email(text)
        elif meaning == _MORE:
            has_more = True
        elif meaning[0] != "@":
            if meaning not in traits and ("@" not in text or email(text) is None):
                traits[meaning] = text
        elif meaning == _TITLE:
            if kind != BARE:
                traits.setdefault("title", text)
        elif meaning == _LOGIN or ("@" in text and _is_login(meaning, text, kind)):
            if login is None or ("@" in text and "@" not in login):
                login = text
        elif meaning == _USER_ID:
            user_id = user_id or text
        else:
            some_id = some_id or text
    if kind != NAMED and (kind == PART or _is_of_a_session(holder)):
        some_id = None
    if login is not None:
        address = address or email(login)
        login = login.lower()
    person = Person(address, user_id or some_id, traits, login)
    if has_more:
        _add_more(person, holder, depth, kind)
    return person


_INNER: Final = (dict, list)


def inside(holder: Mapping[Any, Any], ranks: Mapping[Any, int]) -> Iterator[Mapping[Any, Any]]:
    """The objects in a holder that have one of these names, by their rank."""
    found = [key for key in islice(holder, MAX_KEYS) if key in ranks]
    if len(found) > 1:
        found.sort(key=ranks.__getitem__)
    for key in found:
        inner = holder[key]
        if type(inner) is dict and inner:
            yield inner


def _is_login(meaning: str, text: str, kind: str) -> bool:
    """An id that is an e-mail address is what they log in with: `uid` in SAP Commerce, `sub`."""
    return (meaning != _ID or kind == NAMED) and email(text) is not None


def _is_of_a_session(holder: Mapping[Any, Any]) -> bool:
    if not TOKEN_SPELLINGS.isdisjoint(holder):
        return True
    kinds = (holder[name] for name in TYPES if name in holder)
    return any(type(kind) is str and _SESSION.search(kind) for kind in kinds)


def _add_more(person: Person, holder: Mapping[Any, Any], depth: int, kind: str) -> None:
    """What is not written in one field: parts, objects in place of a text, lists, the address."""
    for trait, text in details(holder, is_bare=kind == BARE):
        if trait != "email":
            person.traits.setdefault(trait, text)
        elif person.email is None:
            person.email = email(text)
    if depth:
        # A document's profile is somebody's, see `documents`; whose, its own address tells.
        names = _NO_PROFILE if kind == BARE and person.email is None else _PARTS
        parts = [read(inner, depth - 1, PART) for inner in inside(holder, names)]
        if kind != BARE:  # in a document these are persons of their own
            parts += [read(inner, depth - 1) for inner in inside(holder, _OWN_PARTS)]
        for part in parts:
            if person.email is None or not part.is_somebody_else(person.email):
                person.email = person.email or part.email
                person.fill(part)
    address, phone = own_address(holder)
    if address:
        person.traits.setdefault("address", address)
        if phone is not None:
            person.traits.setdefault("phone", phone)
