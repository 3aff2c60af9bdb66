"""Traits: what is known of a customer, under the Segment spec's reserved names.

Source: https://segment.com/docs/connections/spec/identify/#traits (reserved traits); the other
spellings are those of OpenID Connect's standard claims, Django, and common JSON APIs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

#: A trait value longer than this is no name, address or phone number: it is left out.
MAX_VALUE_CHARS = 1024
#: RFC 5321 section 4.5.3.1: 64 octets before the @, 254 usable in all.
MAX_EMAIL_CHARS = 254
MAX_LOCAL_CHARS = 64

_ATOM = r"[^\s@\"(),:;<>\[\\\]|"
_EMAIL = re.compile(rf"{_ATOM}]+@(?:{_ATOM}.]+\.)+{_ATOM}.]{{2,}}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")

#: canonical trait -> the words each of its spellings is made of
_WORDS: dict[str, tuple[str, ...]] = {
    "email": ("email", "email address", "e mail", "mail", "user email", "customer email"),
    "firstName": ("first name", "given name", "forename"),
    "lastName": ("last name", "family name", "surname"),
    "name": ("name", "full name", "display name"),
    "phone": ("phone", "phone number", "telephone", "mobile", "mobile number"),
    "title": ("title", "title code", "salutation"),
    "birthday": ("birthday", "birthdate", "birth date", "date of birth"),
    "gender": ("gender",),
    "company": ("company", "company name", "organization"),
    "locale": ("locale", "language", "preferred language"),
    "avatar": ("avatar", "picture"),
    "website": ("website",),
    "createdAt": ("created at", "date joined"),
}
_USER_ID_WORDS = ("user id", "customer id", "sub")
_ID_WORDS = ("id", "uid", "pk", "uuid")
_TOKEN_WORDS = (
    *("token", "access token", "auth token", "id token", "refresh token", "session token", "jwt"),
    *("session id", "key", "ttl", "expires", "expires in", "expires at", "token type"),
)
_LOGIN_WORDS = ("username", "user name", "login", "login id", "identifier", "j username")


def _spell(words: str) -> Iterator[str]:
    """`first name` as firstName, first_name, first-name, firstname, FirstName, FIRST_NAME."""
    parts = words.split(" ")
    pascal = "".join(part.capitalize() for part in parts)
    yield pascal[0].lower() + pascal[1:]
    yield pascal
    for joined in ("_".join(parts), "-".join(parts), "".join(parts)):
        yield joined
        yield joined.upper()


#: any spelling -> the reserved trait it means
SPELLINGS: dict[str, str] = {
    spelling: trait
    for trait, variants in _WORDS.items()
    for words in variants
    for spelling in _spell(words)
}


def spellings(*names: str) -> frozenset[str]:
    """Every usual spelling of names given as words: `first name` -> firstName, first_name, …"""
    return frozenset(spelling for words in names for spelling in _spell(words))


#: spellings of the user's id in the app, and of an id that may be the user's
USER_ID_SPELLINGS = spellings(*_USER_ID_WORDS) | {"userID"}
ID_SPELLINGS = spellings(*_ID_WORDS) | {"_id"}
#: fields that hold what was typed at a login: an e-mail address only if it looks like one
LOGIN_SPELLINGS = spellings(*_LOGIN_WORDS)
#: fields that a token or a session has, and a user has not
TOKEN_SPELLINGS = spellings(*_TOKEN_WORDS)


def canonical(name: str) -> str:
    """The reserved trait that `name` is a spelling of, or `name` itself."""
    return SPELLINGS.get(name, name)


def clean(value: str) -> str | None:
    """A text ready to travel, or None when there is nothing worth keeping.

    Trimmed; control characters and line separators become one space. Empty, overlong and
    undecodable (U+FFFD) texts give None.
    """
    if len(value) > MAX_VALUE_CHARS or "\ufffd" in value:
        return None
    if not value.isprintable():
        value = _CONTROL.sub(" ", value)
    return value.strip() or None


def scalar(value: object) -> str | int | float | bool | None:
    """A JSON scalar ready to travel: text as by `clean`, numbers that JSON can hold, booleans."""
    if isinstance(value, str):
        return clean(str(value))
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**63 else None
    if isinstance(value, float):
        return value if value - value == 0 else None  # not NaN, not infinite
    return None


def email(value: object) -> str | None:
    """`value` trimmed if it is a usable e-mail address, else None.

    A pragmatic subset of RFC 5321: no quoted local part, no address literal, a dotted domain.
    """
    if not isinstance(value, str):
        return None
    text = value.strip()
    if len(text) > MAX_EMAIL_CHARS or text.find("@") > MAX_LOCAL_CHARS or "\ufffd" in text:
        return None
    return text if _EMAIL.fullmatch(text) and text.isprintable() else None


def customer_key(traits: Mapping[str, object]) -> str | None:
    """The customer's key, `traits.email` trimmed and lower-cased; None for an anonymous message."""
    address = email(traits.get("email"))
    return None if address is None else address.lower()


def mask(value: object) -> str:
    """A trait value as a person may see it without asking: `j•••@e•••.com`, `J•••`, `•••`."""
    if not isinstance(value, str) or not value:
        return "•••"
    local, at, domain = value.rpartition("@")
    if at and local and domain:
        head, dot, tail = domain.rpartition(".")
        return f"{local[:1]}•••@{head[:1]}•••{dot}{tail if dot else ''}"
    return f"{value[:1]}•••"


def masked(traits: Mapping[str, object]) -> dict[str, str]:
    """Every trait masked, for `repr`, logs and screens."""
    return {name: mask(value) for name, value in traits.items()}
