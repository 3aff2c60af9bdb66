"""Traits: what is known of a customer, under the Segment spec's reserved names.

Source: https://segment.com/docs/connections/spec/identify/#traits (reserved traits). The other
spellings are those of OpenID Connect Core 1.0 section 5.1 (standard claims), schema.org's Person,
SAP Commerce's OCC v2 (`User`), and of common shops and frameworks.
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
    "email": (
        *("email", "email address", "e mail", "mail", "mail address", "primary email"),
        *("user email", "customer email", "login email", "email id"),
    ),
    "firstName": ("first name", "given name", "forename", "fname"),
    "lastName": ("last name", "family name", "surname", "lname"),
    "name": ("name", "full name", "display name", "user display name", "real name"),
    "phone": (
        *("phone", "phone number", "telephone", "telephone number", "tel"),
        *("mobile", "mobile number", "mobile phone", "phone mobile", "cell phone", "phone home"),
    ),
    "title": ("title", "title code", "salutation", "honorific prefix", "name prefix"),
    "birthday": ("birthday", "birth day", "birthdate", "birth date", "date of birth", "dob"),
    "gender": ("gender", "sex"),
    "company": (
        *("company", "company name", "organization", "organization name"),
        *("organisation", "organisation name", "works for", "affiliation"),
    ),
    "locale": (
        *("locale", "language", "lang", "preferred language", "preferred locale"),
        *("language code", "locale code"),
    ),
    "avatar": ("avatar", "avatar url", "picture", "photo url", "profile picture"),
    "website": ("website",),
    "createdAt": ("created at", "date joined", "creation date", "registered at"),
}
_USER_ID_WORDS = (
    *("user id", "customer id", "sub", "shopper id", "local id", "object id", "user uuid"),
    *("nameid", "name identifier"),
)
_ID_WORDS = ("id", "uid", "pk", "uuid", "guid", "entity id")
_TOKEN_WORDS = (
    *("token", "access token", "auth token", "id token", "refresh token", "session token", "jwt"),
    *("session id", "key", "ttl", "expires", "expires in", "expires at", "token type"),
    *("jwt token", "bearer token"),
)
_LOGIN_WORDS = (
    *("username", "user name", "login", "login id", "login name", "user login", "identifier"),
    *("identity", "j username", "preferred username", "unique name", "upn", "sign in name"),
    *("email or username", "username or email", "email or phone", "phone or email"),
    *("display uid", "user"),
)


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


def ranked(*names: str) -> dict[object, int]:
    """Every usual spelling of names given as words, each with its name's place in the order."""
    return {one: place for place, name in enumerate(names) for one in _spell(name)}


#: spellings of the user's id in the app, and of an id that may be the user's
#: (`_auth_user_id` and `_user_id` are those of Django's and Flask-Login's sessions)
USER_ID_SPELLINGS = spellings(*_USER_ID_WORDS) | {"userID", "_auth_user_id", "_user_id"}
ID_SPELLINGS = spellings(*_ID_WORDS) | {"_id", "$id"}
#: fields that hold what was typed at a login: an e-mail address only if it looks like one
#: (`_username` is Symfony's, `log` that of WordPress)
LOGIN_SPELLINGS = spellings(*_LOGIN_WORDS) | {"_username", "log"}
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
    """A trait value as a person may see it without asking: `j•••@e•••.com`, `J•••`, `•••`.

    Of what has fewer than three characters nothing shows.
    """
    if not isinstance(value, str) or not value:
        return "•••"
    local, at, domain = value.rpartition("@")
    if at and local and domain:
        head, dot, tail = domain.rpartition(".")
        return f"{_initial(local)}•••@{_initial(head)}•••{dot}{tail if dot else ''}"
    return f"{_initial(value)}•••"


def _initial(text: str) -> str:
    return text[:1] if len(text) > 2 else ""


def masked(traits: Mapping[str, object]) -> dict[str, str]:
    """Every trait masked, for `repr`, logs and screens."""
    return {name: mask(value) for name, value in traits.items()}
