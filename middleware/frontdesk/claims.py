"""Claims of a token that the answer has just issued: who the app says has logged in.

Looked for, in this order: ID tokens and then access tokens in the JSON answer, a JSON answer that
is nothing but a token, cookies that are set, the answer's `Authorization` and token headers. Also
read are session cookies that begin with their content as base64 JSON (Flask, Starlette, Express),
if they hold a person. A refresh token is never looked at.

The answer has just been made by the app itself, so a signature is not verified; a token is neither
kept nor passed on. Bounds: `MAX_TOKEN_BYTES`, `MAX_UNPACKED_BYTES`, `MAX_TOKENS`. What is encrypted
(JWE, five parts) or opaque has no claims.

Source: RFC 7519 (JWT), RFC 6265 section 4.1 (Set-Cookie), OpenID Connect Core 1.0 section 5.1.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

from frontdesk.addresses import items_of
from frontdesk.documents import person_claimed
from frontdesk.exchange import Exchange
from frontdesk.headers import cookies
from frontdesk.persons import Person
from frontdesk.tokens import MAX_TOKEN_BYTES, jwt_claims, session_content
from frontdesk.traits import spellings

MAX_TOKENS: Final = 8
_MAX_HEADERS: Final = 256
_LEVELS: Final = 3
_MAX_OBJECTS: Final = 32

_ID_TOKENS: Final = spellings("id token")
_TOKENS: Final = spellings(
    *("access token", "access", "access jwt", "token", "jwt", "jwt token", "auth token"),
    *("auth key", "key", "bearer", "bearer token", "session token", "customer token", "auth"),
)
_HOLDERS: Final = spellings(
    *("data", "result", "payload", "response", "token", "tokens", "session", "auth", "user"),
    *("authentication", "authentication result", "customer access token", "authorization"),
    *("credentials", "jwt", "meta", "login", "customer", "record", "access"),
)
#: A session's id is not its user's; Flask-Login's is made of address and browser.
_NOT_OF_SESSIONS: Final = ("id", "_id", "uuid")
_HEADERS: Final = frozenset((b"authorization", b"x-auth-token", b"x-access-token"))
#: cookies that are set for whoever comes
_NOT_OF_A_LOGIN: Final = re.compile(
    r"csrf|xsrf|refresh|cart|basket|guest|anon|visitor|consent|flash|oauth_?state|nonce|pkce"
    r"|verifier|device",
    re.IGNORECASE,
)


class Issued(NamedTuple):
    """The claims that were found. `in_answer`: they came in the body, made for this answer."""

    claims: Mapping[str, Any]
    person: Person
    in_answer: bool


def claims(exchange: Exchange) -> Mapping[str, Any]:
    """Claims of the token that the answer has just issued; empty when there is none.

    Of several the first that names an e-mail address, else the first. A claim with a namespace
    (`https://shop.example/email`) is also there under its last part. Never raises.
    """
    found = issued(exchange, Person())
    return {} if found is None else found.claims


def issued(exchange: Exchange, typed: Person) -> Issued | None:
    """The claims, and who they name.

    A cookie may carry on what it held before: one that speaks of another than was typed is none
    of a login.
    """
    first: Issued | None = None
    for known, in_answer in islice(_known(exchange), MAX_TOKENS):
        person = person_claimed(known)
        if not in_answer and _is_another(person, typed):
            continue
        if person.email is not None:
            return Issued(known, person, in_answer)
        first = first or Issued(known, person, in_answer)
    return first


def carried(exchange: Exchange) -> set[str]:
    """The e-mail addresses, in lower case, that the request's own cookies name already."""
    values = cookies(exchange.scope.get("headers", ())).values()
    known = (jwt_claims(text) or _of_session(text) for text in map(unquote, _short(values)))
    persons = (person_claimed(one) for one in known if one)
    return {person.email.lower() for person in persons if person.email is not None}


def _short(values: Iterable[str]) -> Iterator[str]:
    return islice((text for text in values if len(text) <= MAX_TOKEN_BYTES), MAX_TOKENS)


def _known(exchange: Exchange) -> Iterator[tuple[Mapping[str, Any], bool]]:
    for token in _written(exchange.response.json()):
        if known := jwt_claims(token):
            yield known, True
    for name, value in islice(exchange.response_headers, _MAX_HEADERS):
        if len(value) > MAX_TOKEN_BYTES:
            continue
        # Names should be lower-case, not all are; their length tells most of them apart.
        name = name.lower() if 10 <= len(name) <= 14 else name
        if name == b"set-cookie":
            text = _cookie(value.decode("latin-1"))
            if known := jwt_claims(text) or _of_session(text):
                yield known, False
        elif name in _HEADERS and (known := jwt_claims(value.decode("latin-1"))):
            yield known, False


def _is_another(person: Person, typed: Person) -> bool:
    if typed.email is not None:
        return person.is_somebody_else(typed.email)
    logins = {typed.login, person.login, None}
    return len(logins) == 3 and not person.is_named(Person(login=typed.login))


def _written(document: Any) -> list[str]:
    """What the answer calls a token, ID tokens first, by level."""
    if type(document) is str:
        return [document]
    for_users: list[str] = []
    tokens: list[str] = []
    level = [document] if type(document) is dict else []
    for _ in range(_LEVELS):
        below: list[Any] = []
        for holder in level:
            for key, value in items_of(holder):
                if type(value) is str:
                    if key in _ID_TOKENS:
                        for_users.append(value)
                    elif key in _TOKENS:
                        tokens.append(value)
                elif type(value) is dict and key in _HOLDERS:
                    below.append(value)
        level = below[:_MAX_OBJECTS]
    return for_users + tokens


def _cookie(line: str) -> str:
    """The value that a Set-Cookie line sets, empty when it is deleted or not of a login."""
    pair, _, attributes = line.partition(";")
    name, _, value = pair.partition("=")
    if _NOT_OF_A_LOGIN.search(name) or _is_deleted(attributes.lower()):
        return ""
    value = value.strip().strip('"')
    return unquote(value) if "%" in value else value


def _is_deleted(attributes: str) -> bool:
    for attribute in attributes.split(";"):
        name, _, value = attribute.strip().partition("=")
        if (name == "max-age" and (value == "0" or value[:1] == "-")) or (
            name == "expires" and " 1970 " in value.replace("-", " ")
        ):
            return True
    return False


def _of_session(value: str) -> Mapping[str, Any] | None:
    """The content of a session's cookie, if it holds a person."""
    found = {
        name: held
        for name, held in (session_content(value) or {}).items()
        if name not in _NOT_OF_SESSIONS
    }
    if not found:
        return None
    person = person_claimed(found)
    return found if person.email is not None or person.user_id is not None else None
