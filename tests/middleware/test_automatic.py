"""Who it was when a rule names no traits: tables of what exchanges give, and what not."""

import base64
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asgi_support import FORM, JANE, SECRET, as_json, exchange_of, scope_of
from frontdesk.automatic import (
    NOBODY,
    NOT_READ,
    NOTHING_NEW,
    SOMEBODY_ELSE,
    USED,
    Part,
    choose,
    parts,
)
from frontdesk.event import EVENTS, LOGGED_IN, SIGNED_UP
from frontdesk.exchange import Exchange
from frontdesk.persons import Person

OTHER = "other@example.com"


class Stored:
    """An app's user whose properties must not be run."""

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)
        self.password_hash = SECRET

    @property
    def name(self) -> str:
        raise AssertionError("app code was run")


def jwt(**claims: Any) -> str:
    """A token with these claims."""
    coded = (
        base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()
        for document in ({"alg": "none"}, claims)
    )
    return ".".join((*coded, "c2ln"))


def chosen(event: str = LOGGED_IN, **exchange: Any) -> Mapping[str, object] | None:
    """The traits of the person of an exchange, their id under `id`."""
    person = choose(exchange_of(**exchange), event)
    if person is None:
        return None
    assert person.email == person.traits["email"]
    return person.traits | ({} if person.user_id is None else {"id": person.user_id})


REQUEST = {"email": JANE, "password": SECRET}
TOKENS = {"access_token": SECRET, "token_type": "bearer"}

EXCHANGES: list[tuple[str, str, dict[str, Any], dict[str, object] | None]] = [
    ("answer", LOGGED_IN, {"response": {"user": {"email": JANE}}}, {"email": JANE}),
    (
        "the request adds nothing to a login's answer",
        LOGGED_IN,
        {"request": REQUEST | {"name": "typed"}, "response": {"email": JANE, "name": "Jane"}},
        {"email": JANE, "name": "Jane"},
    ),
    ("tokens", LOGGED_IN, {"request": REQUEST, "response": TOKENS}, {"email": JANE}),
    (
        "OAuth password form",
        LOGGED_IN,
        {"form": {"username": JANE, "password": SECRET}, "response": TOKENS},
        {"email": JANE},
    ),
    ("cookie login", LOGGED_IN, {"request": REQUEST, "status": 204}, {"email": JANE}),
    (
        "form and redirect",
        LOGGED_IN,
        {"form": {"email": JANE, "password": SECRET}, "status": 303, "headers": []},
        {"email": JANE},
    ),
    (
        "an id in the answer, the address in the request",
        LOGGED_IN,
        {"request": REQUEST, "response": {"user": {"id": 7, "firstName": "Jane"}}},
        {"email": JANE, "id": "7", "firstName": "Jane"},
    ),
    (
        "registration takes both",
        SIGNED_UP,
        {
            "request": REQUEST | {"first_name": "Jane", "last_name": "Doe"},
            "response": {"id": 7, "email": JANE, "lastName": "DOE"},
            "status": 201,
        },
        {"email": JANE, "firstName": "Jane", "lastName": "DOE", "id": "7"},
    ),
    (
        "registration answered with another address",
        SIGNED_UP,
        {"request": REQUEST | {"first_name": "Jane"}, "response": {"email": OTHER}},
        {"email": OTHER},
    ),
    (
        "the same address in another case is no other",
        SIGNED_UP,
        {"request": {"email": JANE.upper(), "first_name": "Jane"}, "response": {"email": JANE}},
        {"email": JANE, "firstName": "Jane"},
    ),
    (
        "user of the scope",
        LOGGED_IN,
        {"response": {"ok": True}, "user": Stored(email=JANE, id=7)},
        {"email": JANE, "id": "7"},
    ),
    (
        "user of the state",
        LOGGED_IN,
        {"status": 204, "state": {"user": Stored(email=JANE)}},
        {"email": JANE},
    ),
    (
        "session",
        LOGGED_IN,
        {"status": 204, "session": {"user": {"email": JANE, "id": 7}}},
        {"email": JANE, "id": "7"},
    ),
    (
        "flat session",
        LOGGED_IN,
        {"status": 204, "session": {"email": JANE, "csrf": SECRET}},
        {"email": JANE},
    ),
    (
        "the user is asked before the answer",
        LOGGED_IN,
        {
            "response": {"email": JANE, "name": "b", "phone": "1"},
            "user": {"email": JANE, "name": "a"},
        },
        {"email": JANE, "name": "a", "phone": "1"},
    ),
    (
        "user, answer, session",
        LOGGED_IN,
        {
            "response": {"user": {"email": JANE, "firstName": "B", "lastName": "B"}},
            "user": {"email": JANE, "firstName": "A"},
            "session": {"email": JANE, "firstName": "C", "lastName": "C", "phone": "C"},
        },
        {"email": JANE, "firstName": "A", "lastName": "B", "phone": "C"},
    ),
    (
        "a stale user against the answer",
        LOGGED_IN,
        {"response": {"email": JANE}, "user": Stored(email=OTHER, id=9, phone="9")},
        {"email": JANE},
    ),
    (
        "a stale user against the request",
        LOGGED_IN,
        {"request": REQUEST, "status": 204, "user": Stored(email=OTHER, id=9, phone="9")},
        {"email": JANE},
    ),
    (
        "a stale session against the request",
        LOGGED_IN,
        {"request": REQUEST, "status": 204, "session": {"user": {"email": OTHER, "name": "O"}}},
        {"email": JANE},
    ),
    (
        "a stale session against the user",
        LOGGED_IN,
        {"status": 204, "user": {"email": JANE}, "session": {"email": OTHER, "name": "O"}},
        {"email": JANE},
    ),
    (
        "the answer's id tells who of those around it was",
        LOGGED_IN,
        {
            "response": {"user": {"id": 7, "phone": "7"}},
            "user": {"email": OTHER, "id": 3, "name": "O"},
            "session": {"user": {"email": JANE, "id": "7", "name": "Jane"}},
        },
        {"email": JANE, "id": "7", "name": "Jane", "phone": "7"},
    ),
    (
        "an answer without an id adds nothing to who is around",
        LOGGED_IN,
        {"response": {"user": {"firstName": "Bob"}}, "user": {"email": JANE, "id": 3}},
        None,
    ),
    ("a user without an address", LOGGED_IN, {"status": 204, "user": Stored(id=7)}, None),
    ("nobody", LOGGED_IN, {"request": {"username": "jane"}, "response": TOKENS}, None),
    ("no bodies", LOGGED_IN, {"status": 204}, None),
    (
        "an answer in HTML says nothing",
        LOGGED_IN,
        {
            "request": {"username": "jane"},
            "content": b"<p>x@y.zz</p>",
            "content_type": b"text/html",
        },
        None,
    ),
]


@pytest.mark.parametrize(
    ("event", "exchange", "expected"),
    [row[1:] for row in EXCHANGES],
    ids=[row[0] for row in EXCHANGES],
)
def test_exchanges(
    event: str, exchange: dict[str, Any], expected: dict[str, object] | None
) -> None:
    """Whom an exchange is about, and with which traits."""
    assert chosen(event, **exchange) == expected


@pytest.mark.parametrize("where", ["user", "session", "state"])
def test_two_people_are_never_mixed(where: str) -> None:
    """A former user who is known by another id than the answer's gets none of its traits."""
    former = {"email": OTHER, "id": 3}
    around = {"user": former} if where == "user" else {where: {"user": former}}
    answer = {"user": {"id": 7, "username": "bob", "firstName": "Bob", "phone": "7"}}
    found = chosen(request={"username": "bob"}, response=answer, **around)
    assert found is None or found == {"email": OTHER, "id": "3"}


def test_a_user_without_an_id_gets_no_other_person() -> None:
    """A former user without an id is not given the id of the person who has just logged in."""
    answer = {"user": {"id": 7, "username": "bob", "firstName": "Bob"}}
    found = chosen(request={"username": "bob"}, response=answer, user={"email": OTHER})
    assert found is None or found == {"email": OTHER}


@pytest.mark.parametrize(
    ("exchange", "expected"),
    [
        # who is around is not who typed another login
        ({"request": {"username": "bob"}, "response": TOKENS, "user": {"email": OTHER}}, None),
        ({"form": {"username": "bob"}, "session": {"user": {"email": OTHER}}, "status": 303}, None),
        (
            {
                "request": {"username": "Bob"},
                "response": TOKENS,
                "user": {"email": JANE, "username": "bob"},
            },
            {"email": JANE},
        ),
        # an account is somebody's only if nothing speaks against it
        (
            {"request": {"email": JANE}, "response": {"email": JANE, "account": {"email": OTHER}}},
            {"email": JANE},
        ),
        (
            {
                "request": {"email": JANE},
                "response": {"user": {"id": 7, "name": "Jane"}, "account": {"email": OTHER}},
            },
            {"email": JANE, "id": "7", "name": "Jane"},
        ),
        ({"response": {"account": {"email": JANE}}}, {"email": JANE}),
        # a state is the app's own
        ({"request": {"username": "bob"}, "response": TOKENS, "state": {"email": OTHER}}, None),
        # a session's id is not the user's
        (
            {"response": {"id": "SESSION", "ttl": 1, "userId": "u1", "email": JANE}},
            {"email": JANE, "id": "u1"},
        ),
        ({"response": {"uuid": "REFRESH", "access_token": "t", "email": JANE}}, {"email": JANE}),
        (
            {"response": {"data": {"type": "sessions", "id": "S", "attributes": {"email": JANE}}}},
            {"email": JANE},
        ),
    ],
    ids=range(10),
)
def test_somebody_else_s(exchange: dict[str, Any], expected: dict[str, object] | None) -> None:
    """Neither an address, nor an id, nor a name of somebody or something else."""
    assert chosen(LOGGED_IN, **exchange) == expected


class Lazy:
    """A session that was never loaded."""

    def __bool__(self) -> bool:
        raise RuntimeError("not loaded")

    def __getattribute__(self, name: str) -> object:
        raise RuntimeError("not loaded")


def test_what_cannot_be_read_is_nobody() -> None:
    """A broken session does not cost the login, and none of its code is run."""
    exchange = {"request": {"email": JANE}, "response": TOKENS, "session": Lazy()}
    assert chosen(LOGGED_IN, **exchange) == {"email": JANE}


def test_an_object_that_fails_is_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading runs none of the app's code, but an object written in C may raise what it likes."""

    def failing(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("frontdesk.automatic.plain", failing)
    exchange = {"request": {"email": JANE}, "response": TOKENS, "session": {"user": OTHER}}
    assert chosen(LOGGED_IN, **exchange) == {"email": JANE}


def cookie(value: str) -> list[tuple[bytes, bytes]]:
    """Headers that set a session's cookie."""
    return [(b"set-cookie", f"session={value}; Path=/; HttpOnly".encode())]


FLASK = base64.urlsafe_b64encode(as_json({"user": {"email": JANE, "sub": "7"}})).decode() + ".aS.c2"

TOKEN_EXCHANGES: list[tuple[str, str, dict[str, Any], dict[str, object] | None]] = [
    (
        "claims where the answer names nobody",
        LOGGED_IN,
        {"request": {"username": "jane"}, "response": {"token": jwt(sub="7", email=JANE)}},
        {"email": JANE, "id": "7"},
    ),
    (
        "claims add an id to what was typed",
        LOGGED_IN,
        {"request": REQUEST, "response": {"access_token": jwt(sub="7", name="Jane")}},
        {"email": JANE, "id": "7", "name": "Jane"},
    ),
    (
        "claims are not read when the answer has an address",
        LOGGED_IN,
        {
            "request": {"username": "jane"},
            "response": {"data": {"user": {"email": JANE}}, "token": jwt(email=OTHER, sub="8")},
        },
        {"email": JANE},
    ),
    (
        "claims against what was typed",
        LOGGED_IN,
        {"request": REQUEST, "response": {"token": jwt(email=OTHER, sub="8")}},
        {"email": OTHER, "id": "8"},
    ),
    (
        "an answer's own id before the claims'",
        LOGGED_IN,
        {
            "request": REQUEST,
            "response": {"user": {"id": 7, "phone": "1"}, "token": jwt(email=JANE, sub="auth0|7")},
        },
        {"email": JANE, "id": "7", "phone": "1"},
    ),
    (
        "a session before the claims",
        LOGGED_IN,
        {
            "request": {"username": "jane"},
            "response": {"token": jwt(email=JANE, name="claimed", sub="7")},
            "session": {"user": {"email": JANE, "name": "in session"}},
        },
        {"email": JANE, "name": "in session", "id": "7"},
    ),
    (
        "a stale session against the claims",
        LOGGED_IN,
        {"response": {"token": jwt(email=JANE)}, "session": {"user": {"email": OTHER}}},
        {"email": JANE},
    ),
    (
        "claims tell who of those around it was",
        LOGGED_IN,
        {
            "request": {"username": "x"},
            "response": {"token": jwt(sub="7")},
            "user": {"email": OTHER, "id": 3},
            "session": {"user": {"email": JANE, "id": 7}},
        },
        {"email": JANE, "id": "7"},
    ),
    ("a session's cookie", LOGGED_IN, {"status": 303, "form": {"username": "jane"},
     "headers": cookie(FLASK)}, {"email": JANE, "id": "7"}),
    ("a cookie of the one before", LOGGED_IN, {"status": 303, "form": {"email": OTHER},
     "headers": cookie(FLASK)}, {"email": OTHER}),
    ("a callback's cookie", LOGGED_IN, {"status": 302, "headers": cookie(FLASK)},
     {"email": JANE, "id": "7"}),
    ("a registration's request adds to the claims", SIGNED_UP,
     {"request": REQUEST | {"phone": "1"}, "response": {"token": jwt(email=JANE)}},
     {"email": JANE, "phone": "1"}),
    ("a login's does not", LOGGED_IN,
     {"request": REQUEST | {"phone": "1"}, "response": {"token": jwt(email=JANE)}},
     {"email": JANE}),
    # forms whose fields are nested
    ("rails", LOGGED_IN, {"form": {"user[email]": JANE, "user[password]": "x"}, "status": 303},
     {"email": JANE}),
    ("django prefix", SIGNED_UP, {"form": {"registration-email": JANE,
     "registration-password1": "x", "registration-first_name": "Jane"}, "status": 302},
     {"email": JANE, "firstName": "Jane"}),
    ("asp.net", LOGGED_IN, {"form": {"Input.Email": JANE, "Input.Password": "x"}, "status": 302},
     {"email": JANE}),
    ("an address in a form", SIGNED_UP, {"form": {"customer[email]": JANE,
     "customer[address][city]": "Ulm", "customer[password]": "x"}, "status": 303},
     {"email": JANE, "address": {"city": "Ulm"}}),
    # lists, texts
    ("a list", LOGGED_IN, {"request": REQUEST, "response": {"data": [{"id": 7, "email": JANE}]}},
     {"email": JANE, "id": "7"}),
    ("a list of others", LOGGED_IN, {"request": REQUEST, "response": [{"id": 7, "email": OTHER}]},
     {"email": JANE}),
    ("a text in a session", LOGGED_IN, {"status": 204, "session": {"user": JANE, "csrf": "x"}},
     {"email": JANE}),
    ("a session that is a text", LOGGED_IN, {"status": 204, "session": JANE}, {"email": JANE}),
    ("a user that is a text", LOGGED_IN, {"status": 204, "user": JANE}, {"email": JANE}),
    ("session's user_email", LOGGED_IN, {"status": 204, "session": {"user_email": JANE, "id": "s"}},
     {"email": JANE}),
    ("session's username", LOGGED_IN, {"status": 204, "session": {"username": JANE}},
     {"email": JANE}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("event", "exchange", "expected"),
    [row[1:] for row in TOKEN_EXCHANGES],
    ids=[row[0] for row in TOKEN_EXCHANGES],
)
def test_claims_forms_and_lists(
    event: str, exchange: dict[str, Any], expected: dict[str, object] | None
) -> None:
    """Claims stand between session and request; nested names and lists are what they look like."""
    assert chosen(event, **exchange) == expected


HER: dict[str, object] = {"email": JANE, "id": "7"}
NAMED: dict[str, object] = HER | {"firstName": "Jane", "lastName": "Doe"}
NAMES = {"firstName": "Jane", "lastName": "Doe"}
SNAKE = {"first_name": "Jane", "last_name": "Doe"}
BY_NAME = {"username": "jane", "password": SECRET}
ULM = {"street": "1 Main St", "city": "Ulm", "postalCode": "89073", "country": "DE"}

#: product, event, what was typed, what it answers, what must be found
ANSWERS: list[tuple[str, str, Any, Any, dict[str, object]]] = [
    # Python
    ("fastapi-users register", SIGNED_UP, REQUEST, {"id": "7", "email": JANE, "is_active": True,
     "is_superuser": False, "is_verified": False}, HER),
    ("fastapi-users login", LOGGED_IN, REQUEST, {"access_token": jwt(
        sub="7", aud=["fastapi-users:auth"]), "token_type": "bearer"}, HER),
    ("fastapi tutorial", LOGGED_IN, BY_NAME, {"access_token": jwt(sub=JANE),
     "token_type": "bearer"}, {"email": JANE}),
    ("full-stack-fastapi", SIGNED_UP, REQUEST, {"email": JANE, "is_active": True,
     "full_name": "Jane Doe", "id": "7", "created_at": "2026-01-01T00:00:00Z"},
     HER | {"name": "Jane Doe", "createdAt": "2026-01-01T00:00:00Z"}),
    ("dj-rest-auth token", LOGGED_IN, REQUEST, {"key": SECRET}, {"email": JANE}),
    ("dj-rest-auth jwt", LOGGED_IN, BY_NAME, {"access": SECRET, "refresh": "", "user": {
        "pk": 7, "username": "jane", "email": JANE, **SNAKE}}, NAMED),
    ("simplejwt", LOGGED_IN, REQUEST, {"refresh": jwt(token_type="refresh", user_id=8),
     "access": jwt(token_type="access", user_id=7, jti="x")}, HER),
    ("drf obtain token", LOGGED_IN, REQUEST, {"token": SECRET, "user_id": 7, "email": JANE}, HER),
    ("allauth headless", LOGGED_IN, BY_NAME, {"status": 200, "data": {"user": {
        "id": 7, "display": "jane", "has_usable_password": True, "email": JANE, "username": "jane"},
        "methods": [{"method": "password", "at": 1, "email": JANE}]},
        "meta": {"is_authenticated": True, "session_token": SECRET}}, HER),
    ("djoser users", SIGNED_UP, REQUEST, {"email": JANE, "username": "jane", "id": 7}, HER),
    ("djoser token", LOGGED_IN, REQUEST, {"auth_token": SECRET}, {"email": JANE}),
    ("django ninja jwt", LOGGED_IN, BY_NAME, {"username": "jane", "refresh": jwt(user_id=8),
     "access": jwt(user_id=7, email=JANE)}, HER),
    ("flask-security", LOGGED_IN, BY_NAME, {"meta": {"code": 200}, "response": {
        "csrf_token": SECRET, "user": {"id": "7", "email": JANE,
        "authentication_token": SECRET}}}, HER),
    ("flask-jwt-extended", LOGGED_IN, BY_NAME, {"access_token": jwt(
        fresh=False, type="access", sub=JANE, jti="x")}, {"email": JANE}),
    ("litestar", LOGGED_IN, REQUEST, {"id": "7", "email": JANE, "name": "Jane"},
     HER | {"name": "Jane"}),
    ("saleor tokenCreate", LOGGED_IN, REQUEST, {"token": SECRET, "refreshToken": SECRET,
     "user": {"id": "7", "email": JANE, **NAMES, "languageCode": "DE", "defaultShippingAddress": {
         "streetAddress1": "1 Main St", "city": "Ulm", "postalCode": "89073",
         "country": {"code": "DE", "country": "Germany"}, "phone": "1"}}, "errors": []},
     NAMED | {"locale": "DE", "address": ULM, "phone": "1"}),
    ("saleor accountRegister", SIGNED_UP, {"input": REQUEST | NAMES},
     {"user": {"id": "7", "email": JANE}, "requiresConfirmation": True, "errors": []}, NAMED),
    ("oscar form", SIGNED_UP, {"registration-email": JANE, "registration-password1": "x"}, None,
     {"email": JANE}),
    # Ruby
    ("devise", SIGNED_UP, {"user": REQUEST}, {"id": 7, "email": JANE,
     "created_at": "2026-01-01", "updated_at": "2026-01-01"}, HER | {"createdAt": "2026-01-01"}),
    ("devise-api", LOGGED_IN, {"user": REQUEST}, {"token": SECRET, "refresh_token": SECRET,
     "expires_in": 3600, "resource_owner": {"id": 7, "email": JANE}}, {"email": JANE}),
    ("devise jsonapi", LOGGED_IN, {"user": BY_NAME}, {"status": {"code": 200, "message": "ok",
     "data": {"user": {"id": 8}}}, "data": {"user": {"id": 7, "email": JANE, "name": "J"}}},
     HER | {"name": "J"}),
    ("devise_token_auth", LOGGED_IN, REQUEST, {"data": {"id": 7, "email": JANE,
     "provider": "email", "uid": JANE, "allow_password_change": False, "name": None}}, HER),
    ("realworld", LOGGED_IN, {"user": REQUEST}, {"user": {"email": JANE, "token": jwt(id=8),
     "username": "jane", "bio": None, "image": None}}, {"email": JANE}),
    ("spree account", SIGNED_UP, {"user": REQUEST}, {"data": {"id": "7", "type": "user",
     "attributes": {"email": JANE, **SNAKE, "store_credits": 0}, "relationships": {
         "default_billing_address": {"data": None}}}}, NAMED),
    ("spree token", LOGGED_IN, {"grant_type": "password", **BY_NAME, "username": JANE},
     {"access_token": SECRET, "token_type": "Bearer", "expires_in": 7200,
      "refresh_token": SECRET, "created_at": 1}, {"email": JANE}),
    ("solidus", LOGGED_IN, BY_NAME, {"id": 7, "email": JANE, "ship_address": {"city": "Rome"},
     "bill_address": {"city": "Rome"}}, HER),
    # PHP
    ("passport", LOGGED_IN, REQUEST, {"token_type": "Bearer", "expires_in": 31536000,
     "access_token": jwt(aud="3", jti="x", sub="7", scopes=[]), "refresh_token": "def5"}, HER),
    ("sanctum", LOGGED_IN, BY_NAME, {"user": {"id": 7, "name": "Jane Doe", "email": JANE,
     "email_verified_at": None}, "token": "1|abc"}, HER | {"name": "Jane Doe"}),
    ("sanctum in data", LOGGED_IN, BY_NAME, {"success": True, "data": {"token": "1|abc",
     "user": {"id": 7, "email": JANE}}, "message": "Welcome"}, HER),
    ("laravel resource", SIGNED_UP, REQUEST, {"data": {"id": 7, "name": "Jane", "email": JANE},
     "access_token": SECRET, "token_type": "Bearer"}, HER | {"name": "Jane"}),
    ("fortify", LOGGED_IN, REQUEST, {"two_factor": False}, {"email": JANE}),
    ("bagisto", LOGGED_IN, BY_NAME, {"token": SECRET, "message": "ok", "data": {
        "id": 7, "email": JANE, **SNAKE, "name": "Jane Doe", "gender": "Female",
        "date_of_birth": "1990-01-01", "phone": "1", "group": {"id": 1, "name": "General"}}},
     NAMED | {"name": "Jane Doe", "gender": "Female", "birthday": "1990-01-01", "phone": "1"}),
    ("lexik", LOGGED_IN, BY_NAME, {"token": jwt(username=JANE, roles=["ROLE_USER"])},
     {"email": JANE}),
    ("sylius", LOGGED_IN, REQUEST, {"token": jwt(username=JANE, roles=[]),
     "customer": "/api/v2/shop/customers/7"}, {"email": JANE}),
    ("sylius register", SIGNED_UP, REQUEST | NAMES | {"subscribedToNewsletter": True}, None,
     {"email": JANE, **NAMES}),
    ("magento token", LOGGED_IN, {"username": JANE, "password": SECRET}, jwt(uid=7, utypid=3), HER),
    ("magento opaque token", LOGGED_IN, {"username": JANE, "password": SECRET}, "xkq3v8", {
        "email": JANE}),
    ("magento customers", SIGNED_UP, {"customer": {"email": JANE}, "password": SECRET}, {
        "id": 7, "group_id": 1, "created_at": "2026-01-01", "email": JANE, "firstname": "Jane",
        "lastname": "Doe", "prefix": "Mrs", "dob": "1990-01-01", "gender": 2, "store_id": 1,
        "addresses": [{"id": 1, "region": {"region_code": "BW", "region": "x", "region_id": 1},
        "country_id": "DE", "street": ["1 Main St"], "telephone": "1", "postcode": "89073",
        "city": "Ulm", "firstname": "Gift", "default_shipping": True}]},
     NAMED | {"birthday": "1990-01-01", "createdAt": "2026-01-01", "phone": "1",
              "address": ULM | {"state": "BW"}, "title": "Mrs"}),
    ("magento createCustomerV2", SIGNED_UP, {"input": REQUEST}, {"customer": {
        "firstname": "Jane", "lastname": "Doe", "prefix": "Mrs", "email": JANE}},
     {"email": JANE, **NAMES, "title": "Mrs"}),
    ("shopware", SIGNED_UP, REQUEST, {"apiAlias": "customer", "id": "7", "customerNumber": "10001",
     "email": JANE, **NAMES, "guest": False, "salutation": {"displayName": "Mrs."},
     "defaultShippingAddress": {"street": "1 Main St", "zipcode": "89073", "city": "Ulm",
"country": {"iso": "DE"}},
     "defaultBillingAddress": {"city": "Rome"}}, NAMED | {"title": "Mrs.", "address": ULM}),
    ("woocommerce customers", SIGNED_UP, REQUEST, {"id": 7, "date_created": "2026-01-01",
     "email": JANE, **SNAKE, "role": "customer", "username": "jane", "billing": {
         "email": OTHER, "phone": "9", "city": "Rome"}, "shipping": {"city": "Rome"},
     "avatar_url": "https://x.io/a"}, NAMED | {"avatar": "https://x.io/a"}),
    ("wordpress jwt", LOGGED_IN, BY_NAME, {"token": SECRET, "user_email": JANE,
     "user_nicename": "jane", "user_display_name": "Jane Doe"},
     {"email": JANE, "name": "Jane Doe"}),
    ("wordpress claims", LOGGED_IN, {"username": JANE, "password": "x"},
     {"token": jwt(iss="https://x.io", data={"user": {"id": "7"}})}, HER),
    ("simple jwt login", LOGGED_IN, BY_NAME, {"success": True, "data": {"jwt": jwt(
        email=JANE, id="7", username="jane")}}, HER),
    # JVM and .NET
    ("spring", LOGGED_IN, BY_NAME, {"accessToken": SECRET, "tokenType": "Bearer", "userId": 7,
     "username": "jane", "email": JANE, "roles": ["ROLE_USER"]}, HER),
    ("asp.net identity", LOGGED_IN, REQUEST, {"tokenType": "Bearer", "accessToken": "CfDJ8",
     "expiresIn": 3600, "refreshToken": "CfDJ8"}, {"email": JANE}),
    ("asp.net claims", LOGGED_IN, BY_NAME, {"token": jwt(**{
        "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress": JANE,
        "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier": "7",
        "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/givenname": "Jane"})},
     HER | {"firstName": "Jane"}),
    ("asp.net short claims", LOGGED_IN, BY_NAME, {"token": jwt(
        nameid="7", unique_name="jane", email=JANE, family_name="Doe")}, HER | {"lastName": "Doe"}),
    ("sap occ user", SIGNED_UP, {"uid": JANE, "password": SECRET, **NAMES, "titleCode": "mrs"},
     {"type": "userWsDTO", "name": "Jane Doe", "uid": JANE, "customerId": "7", **NAMES,
      "displayUid": JANE, "titleCode": "mrs", "currency": {"isocode": "EUR", "name": "Euro"},
      "language": {"isocode": "de", "name": "German"}, "defaultAddress": {"line1": "Main St",
      "line2": "1", "town": "Ulm", "postalCode": "89073", "country": {"isocode": "DE"},
      "region": {"isocode": "DE-BW"}, "phone": "0731", "titleCode": "mrs"}},
     NAMED | {"name": "Jane Doe", "locale": "de", "title": "mrs", "phone": "0731",
              "address": {"street": "Main St, 1", "city": "Ulm", "postalCode": "89073",
                          "state": "DE-BW", "country": "DE"}}),
    ("sap occ token", LOGGED_IN, {"grant_type": "password", "username": JANE, "password": "x"},
     {"access_token": "u9V", "token_type": "bearer", "expires_in": 43199, "scope": "basic"},
     {"email": JANE}),
    ("sap cdc", LOGGED_IN, {"loginID": "jane", "password": "x"}, {"UID": "7", "statusCode": 200,
     "profile": {"email": JANE, **NAMES, "gender": "f", "locale": "de", "city": "Ulm",
                 "zip": "89073", "country": "DE", "address": "1 Main St"}},
     NAMED | {"gender": "f", "locale": "de", "address": ULM}),
    # Node
    ("passport.js", LOGGED_IN, BY_NAME, {"message": "Welcome", "user": {"_id": "7", "email": JANE,
     "name": {"first": "Jane", "last": "Doe"}, "__v": 0}}, NAMED),
    ("nestjs", LOGGED_IN, BY_NAME, {"access_token": jwt(sub=7, email=JANE)}, HER),
    ("node boilerplate", LOGGED_IN, BY_NAME, {"user": {"id": "7", "email": JANE, "role": "user"},
     "tokens": {"access": {"token": SECRET}, "refresh": {"token": SECRET}}}, HER),
    ("meteor", LOGGED_IN, REQUEST, {"status": "success", "data": {"authToken": SECRET,
     "userId": "7"}}, HER),
    ("strapi", LOGGED_IN, BY_NAME, {"jwt": SECRET, "user": {"id": 7, "documentId": "d",
     "username": "jane", "email": JANE, "provider": "local", "confirmed": True}}, HER),
    ("directus", LOGGED_IN, REQUEST, {"data": {"access_token": jwt(id="7", role="r"),
     "expires": 900000, "refresh_token": SECRET}}, HER),
    ("payload cms", LOGGED_IN, BY_NAME, {"message": "Authentication Passed", "exp": 1,
     "token": SECRET, "user": {"id": "7", "email": JANE, "collection": "customers"}}, HER),
    ("parse", LOGGED_IN, BY_NAME, {"objectId": "7", "username": "jane", "email": JANE,
     "phone": "1", "createdAt": "2026-01-01", "sessionToken": SECRET},
     HER | {"phone": "1", "createdAt": "2026-01-01"}),
    ("medusa 1", LOGGED_IN, REQUEST, {"customer": {"id": "7", "email": JANE, **SNAKE,
     "billing_address_id": None, "phone": "1", "has_account": True, "shipping_addresses": [
         {"city": "Rome"}]}}, NAMED | {"phone": "1"}),
    ("medusa 2", LOGGED_IN, REQUEST, {"token": jwt(actor_id="7", actor_type="customer",
     auth_identity_id="a", app_metadata={"customer_id": "7"})}, HER),
    ("vendure", LOGGED_IN, {"username": JANE, "password": "x"}, {"__typename": "CurrentUser",
     "id": "7", "identifier": JANE, "channels": [{"code": "x"}]}, HER),
    ("vendure registration", SIGNED_UP, {"input": {"emailAddress": JANE, "password": "x", **NAMES}},
     {"__typename": "Success", "success": True}, {"email": JANE, **NAMES}),
    ("better auth", LOGGED_IN, BY_NAME, {"redirect": False, "token": SECRET, "user": {"id": "7",
     "email": JANE, "name": "Jane", "image": None, "emailVerified": True}}, HER | {"name": "Jane"}),
    ("nextauth", LOGGED_IN, REQUEST | {"csrfToken": SECRET}, {"url": "https://x.io/"},
     {"email": JANE}),
    ("nextauth session", LOGGED_IN, None, {"user": {"name": "Jane", "email": JANE, "image": "x"},
     "expires": "2026-12-01"}, {"email": JANE, "name": "Jane"}),
    # services
    ("supabase", LOGGED_IN, REQUEST, {"access_token": SECRET, "token_type": "bearer",
     "expires_in": 3600, "user": {"id": "7", "aud": "authenticated", "email": JANE, "phone": "",
     "user_metadata": {"first_name": "Jane", "email": JANE}, "identities": [
         {"id": "i", "identity_data": {"email": OTHER}}]}}, HER | {"firstName": "Jane"}),
    ("gotrue signup", SIGNED_UP, REQUEST, {"id": "7", "aud": "", "role": "", "email": JANE,
     "confirmation_sent_at": "x", "user_metadata": {}, "identities": []}, HER),
    ("supabase session", LOGGED_IN, BY_NAME, {"data": {"session": {"access_token": SECRET,
     "user": {"id": "7", "email": JANE}}, "user": None}, "error": None}, HER),
    ("firebase", LOGGED_IN, REQUEST | {"returnSecureToken": True}, {
        "kind": "identitytoolkit#VerifyPasswordResponse", "localId": "7", "email": JANE,
        "displayName": "Jane", "idToken": SECRET, "registered": True, "refreshToken": SECRET,
        "expiresIn": "3600"}, HER | {"name": "Jane"}),
    ("auth0 token", LOGGED_IN, BY_NAME, {"access_token": jwt(sub="7", azp="x"), "id_token": jwt(
        sub="7", email=JANE, email_verified=False, given_name="Jane", family_name="Doe"),
        "expires_in": 86400}, NAMED),
    ("auth0 signup", SIGNED_UP, REQUEST | {"connection": "db"}, {"_id": "7", "email": JANE,
     "email_verified": False, "given_name": "Jane", "family_name": "Doe"}, NAMED),
    ("keycloak", LOGGED_IN, BY_NAME, {"access_token": jwt(
        typ="Bearer", sub="7", azp="shop", email=JANE, preferred_username="jane",
        given_name="Jane", family_name="Doe", name="Jane Doe", locale="de", address={
            "street_address": "1 Main St", "locality": "Ulm", "postal_code": "89073",
            "country": "DE"}, phone_number="1", birthdate="1990-01-01", gender="female"),
        "refresh_token": jwt(typ="Refresh", sub="8"), "session_state": "x"},
     NAMED | {"name": "Jane Doe", "locale": "de", "phone": "1", "birthday": "1990-01-01",
              "gender": "female", "address": ULM}),
    ("cognito", LOGGED_IN, BY_NAME, {"ChallengeParameters": {}, "AuthenticationResult": {
        "AccessToken": jwt(sub="7", token_use="access", username="7"), "ExpiresIn": 3600,
        "IdToken": jwt(**{"sub": "7", "email": JANE, "cognito:username": "7",
                          "given_name": "Jane", "family_name": "Doe"}),
        "RefreshToken": "eyJjd", "TokenType": "Bearer"}}, NAMED),
    ("azure b2c", LOGGED_IN, BY_NAME, {"id_token": jwt(sub="7", emails=[JANE], name="Jane",
     given_name="Jane", family_name="Doe", oid="7"), "token_type": "Bearer"},
     NAMED | {"name": "Jane"}),
    ("okta authn", LOGGED_IN, BY_NAME, {"status": "SUCCESS", "sessionToken": SECRET, "_embedded": {
        "user": {"id": "7", "profile": {"login": JANE, **NAMES, "locale": "de"}}}},
     NAMED | {"locale": "de"}),
    ("clerk", LOGGED_IN, {"identifier": JANE}, {"response": {"object": "sign_in_attempt",
     "id": "sia_1", "status": "complete", "identifier": JANE, "user_data": {**SNAKE}},
     "client": {"sessions": [{"user": {"id": "7"}}]}}, {"email": JANE, **NAMES}),
    ("clerk user", LOGGED_IN, BY_NAME, {"user": {"id": "7", **NAMES, "primaryEmailAddressId": "b",
     "emailAddresses": [{"id": "a", "emailAddress": OTHER}, {"id": "b", "emailAddress": JANE}]}},
     NAMED),
    ("pocketbase", LOGGED_IN, {"identity": "jane", "password": "x"}, {"token": SECRET, "record": {
        "collectionId": "c", "collectionName": "users", "id": "7", "email": JANE, "verified": True,
        "name": "Jane", "avatar": ""}}, HER | {"name": "Jane"}),
    ("appwrite account", SIGNED_UP, REQUEST, {"$id": "7", "$createdAt": "2026-01-01",
     "name": "Jane", "email": JANE, "phone": "", "labels": []}, HER | {"name": "Jane"}),
    ("appwrite session", LOGGED_IN, REQUEST, {"$id": "s", "userId": "7", "provider": "email",
     "providerUid": JANE, "current": True}, HER),
    ("kratos", LOGGED_IN, {"method": "password", "identifier": "jane", "password": "x"}, {
        "session_token": SECRET, "session": {"id": "s", "active": True, "identity": {"id": "7",
        "schema_id": "x", "traits": {"email": JANE, "name": {"first": "Jane", "last": "Doe"}},
        "verifiable_addresses": [{"value": OTHER}]}}}, NAMED),
    ("fusionauth", LOGGED_IN, {"loginId": "jane", "password": "x"}, {"token": SECRET, "user": {
        "id": "7", "email": JANE, **NAMES, "birthDate": "1990-01-01", "mobilePhone": "1",
        "preferredLanguages": ["de"], "data": {"email": OTHER}}},
     NAMED | {"birthday": "1990-01-01", "phone": "1"}),
    ("wix member", LOGGED_IN, BY_NAME, {"state": "SUCCESS", "sessionToken": SECRET, "member": {
        "id": "7", "loginEmail": JANE, "profile": {"nickname": "jane", "title": ""}}}, HER),
    # shops as a service
    ("shopify customerCreate", SIGNED_UP, {"input": REQUEST}, {"customer": {"id": "7",
     "email": JANE, **NAMES, "phone": "1", "acceptsMarketing": True, "defaultAddress": {
         "address1": "1 Main St", "city": "Ulm", "zip": "89073", "countryCodeV2": "DE"}},
     "customerUserErrors": []}, NAMED | {"phone": "1", "address": ULM}),
    ("shopify token", LOGGED_IN, {"input": REQUEST}, {"customerAccessToken": {
        "accessToken": "a8c", "expiresAt": "x"}, "customerUserErrors": []}, {"email": JANE}),
    ("shopify classic", LOGGED_IN, {"form_type": "customer_login", "customer": REQUEST}, None,
     {"email": JANE}),
    ("commercetools", LOGGED_IN, REQUEST, {"customer": {"id": "7", "version": 1, "email": JANE,
     **NAMES, "salutation": "Mrs", "dateOfBirth": "1990-01-01", "companyName": "Acme",
     "locale": "de-DE", "password": SECRET, "addresses": [{"id": "a", "city": "Rome"}, {
         "id": "b", "streetName": "Main St", "streetNumber": "1", "city": "Ulm", "country": "DE",
         "phone": "1"}], "defaultShippingAddressId": "b", "isEmailVerified": False},
     "cart": {"customerEmail": OTHER}},
     NAMED | {"title": "Mrs", "birthday": "1990-01-01", "company": "Acme", "locale": "de-DE",
              "phone": "1", "address": {"street": "Main St 1", "city": "Ulm", "country": "DE"}}),
    ("bigcommerce login", LOGGED_IN, REQUEST, {"result": "success", "customer": {"entityId": 7,
     "email": JANE, **NAMES}}, NAMED),
    ("bigcommerce customers", SIGNED_UP, REQUEST, {"data": [{"id": 7, "email": JANE, **SNAKE,
     "company": "Acme", "phone": "1"}], "meta": {}}, NAMED | {"company": "Acme", "phone": "1"}),
    ("salesforce customers", SIGNED_UP, {"customer": {"email": JANE}, "password": SECRET}, {
        "authType": "registered", "creationDate": "2026-01-01", "customerId": "7",
        "customerNo": "00001", "email": JANE, "enabled": True, **NAMES, "hashedLogin": "x",
        "login": JANE, "phoneHome": "1", "preferredLocale": "de_DE", "salutation": "Mrs"},
     NAMED | {"createdAt": "2026-01-01", "phone": "1", "locale": "de_DE", "title": "Mrs"}),
    ("salesforce ocapi", LOGGED_IN, {"type": "credentials"}, {"_v": "21.3", "_type": "customer",
     "auth_type": "registered", "customer_id": "7", "customer_no": "1", "email": JANE, **SNAKE},
     NAMED),
    ("salesforce slas", LOGGED_IN, REQUEST, {"access_token": SECRET, "id_token": "",
     "refresh_token": SECRET, "customer_id": "7", "usid": "u", "token_type": "BEARER"}, HER),
    ("swell", LOGGED_IN, REQUEST, {"id": "7", "email": JANE, **SNAKE, "name": "Jane Doe",
     "group": "customers", "shipping": {"city": "Rome"}, "billing": {"city": "Rome"}},
     NAMED | {"name": "Jane Doe"}),
    ("commercelayer", SIGNED_UP, {"data": {"type": "customers", "attributes": REQUEST}}, {"data": {
        "id": "7", "type": "customers", "attributes": {"email": JANE, "status": "prospect"}}}, HER),
    ("elastic path", LOGGED_IN, {"data": {"type": "token", **REQUEST}}, {"data": {"id": "t",
     "type": "token", "customer_id": "7", "token": SECRET, "expires": 1}}, HER),
    ("schema.org", LOGGED_IN, None, {"@type": "Person", "email": JANE, "givenName": "Jane",
     "familyName": "Doe", "honorificPrefix": "Dr", "telephone": "1", "birthDate": "1990-01-01",
     "jobTitle": "Boss", "worksFor": {"@type": "Organization", "name": "Acme", "email": OTHER},
     "address": {"@type": "PostalAddress", "streetAddress": "1 Main St",
                 "addressLocality": "Ulm", "postalCode": "89073", "addressCountry": "DE"}},
     {"email": JANE, **NAMES, "phone": "1", "birthday": "1990-01-01", "company": "Acme",
      "address": ULM, "title": "Dr"}),
    ("segment traits", SIGNED_UP, None, {"userId": "7", "traits": {"email": JANE, **NAMES,
     "phone": "1", "company": {"name": "Acme"}, "address": ULM, "createdAt": "2026-01-01",
     "plan": "x"}}, NAMED | {"phone": "1", "company": "Acme", "address": ULM,
                             "createdAt": "2026-01-01"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("event", "typed", "answer", "expected"),
    [row[1:] for row in ANSWERS],
    ids=[row[0] for row in ANSWERS],
)
def test_answers_of_products(
    event: str, typed: Any, answer: Any, expected: dict[str, object]
) -> None:
    """What is found in the answers that common frameworks, services and shops give."""
    response = {"status": 204} if answer is None else {"response": answer}
    is_form = isinstance(typed, dict) and any("-" in name for name in typed)
    request = {"form": typed} if is_form else {"request": typed}
    assert chosen(event, **request, **response) == expected


def test_there_are_enough_products() -> None:
    """The tables are the specification: they must not shrink unnoticed."""
    assert len(ANSWERS) >= 80
    assert len(OTHERS) >= 40


#: what is not the shopper's, in an answer to a login by name: nobody may be found
OTHERS: list[tuple[str, Any]] = [
    ("support", {"message": "Welcome", "support": {"email": OTHER}}),
    ("support flat", {"support_email": OTHER, "supportEmail": OTHER}),
    ("an office at the root", {"message": "Welcome", "email": "support@shop.example"}),
    ("an office with a name", {"name": "Our team", "email": "sales@shop.example", "phone": "1"}),
    ("no reply", {"data": {"email": "no-reply@shop.example", "status": "sent"}}),
    ("contact", {"contact": {"email": OTHER}, "contact_email": OTHER}),
    ("a user's contact", {"user": {"id": 7, "contact": {"email": OTHER}, "contacts": [OTHER]}}),
    ("emergency contact", {"user": {"id": 7, "emergencyContact": {"email": OTHER}}}),
    ("sender", {"sender": {"email": OTHER}, "from": OTHER, "replyTo": OTHER}),
    ("a mail that was sent", {"email": OTHER, "subject": "Welcome", "sent": True}),
    ("a message", {"message": f"A mail was sent to {OTHER}"}),
    ("a mail's object", {"mail": {"address": OTHER, "sent": True}, "email": {"value": OTHER}}),
    ("a message's object", {"data": {"type": "message", "email": OTHER}}),
    ("seller", {"seller": {"email": OTHER}, "vendor": {"email": OTHER}}),
    ("merchant", {"merchant": {"email": OTHER, "id": 7}, "merchant_email": OTHER}),
    ("agent", {"agent": {"email": OTHER}, "csr": {"email": OTHER}, "assignee": {"email": OTHER}}),
    ("a user's agent", {"user": {"id": 7, "agent": {"email": OTHER}, "account_manager": OTHER}}),
    ("referrer", {"referrer": {"email": OTHER}, "referred_by": OTHER, "referralEmail": OTHER}),
    ("invited by", {"user": {"id": 7, "invited_by": {"email": OTHER}, "invitedBy": OTHER}}),
    ("an invitation", {"data": {"object": "invitation", "id": "i", "email": OTHER}}),
    ("friends", {"user": {"id": 7, "friends": [{"email": OTHER}]}}),
    ("family", {"family": [{"email": OTHER}], "members": [{"email": OTHER}]}),
    ("billing email", {"billing_email": OTHER, "billingEmail": OTHER, "invoice_email": OTHER}),
    ("billing", {"user": {"id": 7, "billing": {"email": OTHER}, "bill_to": {"email": OTHER}}}),
    ("billing address", {"user": {"id": 7, "billing_address": {"email": OTHER}}}),
    ("shipping", {"user": {"id": 7, "shipping": {"email": OTHER, "phone": "1"}}}),
    ("own address book", {"user": {"id": 7, "addresses": [{"email": OTHER, "city": "Ulm"}]}}),
    ("an order", {"order": {"id": 1, "billing": {"email": OTHER}, "email": OTHER}}),
    ("an order's document", {"data": {"orderNumber": "1", "email": OTHER, "name": "Otto"}}),
    ("an order by type", {"data": {"type": "orders", "id": "1", "attributes": {"email": OTHER}}}),
    ("a cart", {"cart": {"customer_email": OTHER}, "cartEmail": OTHER}),
    ("a cart's document", {"result": {"lineItems": [], "email": OTHER}}),
    ("orders", {"user": {"id": 7, "last_order": {"email": OTHER}, "orders": [{"email": OTHER}]}}),
    ("newsletter", {"newsletter": {"email": OTHER}, "subscribers": [{"email": OTHER}]}),
    ("a subscription", {"data": {"type": "subscription", "email": OTHER}}),
    ("created by", {"created_by": {"email": OTHER}, "updatedBy": OTHER, "author": OTHER}),
    ("a user's creator", {"user": {"id": 7, "created_by": {"email": OTHER}}}),
    ("admin", {"token": SECRET, "admin": {"email": OTHER}, "admin_email": OTHER}),
    ("staff", {"staff": {"email": OTHER}, "employee": {"email": OTHER}, "manager": OTHER}),
    ("store owner", {"store": {"owner": {"email": OTHER}}, "owner": {"email": OTHER}}),
    ("a shop", {"shop": {"email": OTHER, "name": "Shop"}, "store_email": OTHER}),
    ("a shop's document", {"data": {"__typename": "Shop", "email": OTHER}}),
    ("a user's company", {"user": {"id": 7, "company": {"email": OTHER}, "organization": OTHER}}),
    ("error details", {"details": {"email": OTHER}, "errors": [{"email": OTHER}]}),
    ("an error's document", {"data": {"type": "error", "email": OTHER}}),
    ("other users", {"users": [{"email": OTHER}], "online": [{"email": OTHER}]}),
    ("a list", [{"email": OTHER, "id": 1}]),
    ("a list in an envelope", {"data": [{"email": OTHER}]}),
    ("a list of one user", {"user": [{"email": OTHER}]}),
    ("addresses at the root", {"emails": [OTHER], "recipients": [OTHER]}),
    ("two unflagged addresses", {"user": {"id": 7, "emails": [OTHER, "b@example.com"]}}),
    ("suggestions", {"did_you_mean": OTHER, "suggestion": {"email": OTHER}}),
    ("recovery address", {"user": {"id": 7, "recovery_email": OTHER, "backupEmail": OTHER}}),
    ("old address", {"user": {"id": 7, "old_email": OTHER, "previousEmail": OTHER}}),
    ("pending address", {"user": {"id": 7, "unconfirmed_email": OTHER, "new_email": OTHER}}),
    ("paypal", {"user": {"id": 7, "paypal": {"email": OTHER}, "paypal_email": OTHER}}),
    ("identities", {"user": {"id": 7, "identities": [{"identity_data": {"email": OTHER}}]}}),
    ("an actor's claim", {"token": jwt(sub="7", act={"sub": OTHER, "email": OTHER})}),
    ("an impersonator's claim", {"token": jwt(sub="7", impersonator={"email": OTHER})}),
    ("an impersonator's name", {"token": jwt(sub="7", **{"https://x.io/admin/email": OTHER})}),
    ("a support claim", {"id_token": jwt(sub="7", support_email=OTHER, admin=OTHER)}),
    ("a refresh token's claim", {"refresh_token": jwt(sub="8", email=OTHER)}),
    ("another's token", {"invitation": jwt(email=OTHER), "order": {"token": jwt(email=OTHER)}}),
    ("an image", {"user": {"id": 7, "avatar": {"email": OTHER}, "image": f"https://{OTHER}"}}),
    ("a text", f"Welcome {OTHER}"),
]  # fmt: skip


@pytest.mark.parametrize("event", [LOGGED_IN, SIGNED_UP])
@pytest.mark.parametrize("answer", [row[1] for row in OTHERS], ids=[row[0] for row in OTHERS])
def test_an_address_of_somebody_else_is_not_taken(answer: Any, event: str) -> None:
    """Where only others are spoken of nobody is found, and beside an address it stays alone."""
    assert chosen(event, request=BY_NAME, response=answer) is None
    found = chosen(event, request=REQUEST, response=answer)
    assert found is not None
    assert found["email"] == JANE
    assert OTHER not in repr(found)


#: where an address of somebody else stands around an exchange, or in what was typed
ELSEWHERE: list[tuple[str, dict[str, Any], str | None]] = [
    ("a session of another", {"request": BY_NAME, "session": {"user": {"email": OTHER}}}, None),
    ("a session's newsletter", {"request": REQUEST, "session": {"email": OTHER}}, JANE),
    ("a session's cart", {"session": {"cart": {"email": OTHER}, "order": {"email": OTHER}}}, None),
    ("a session's flash", {"session": {"messages": [OTHER], "flash": {"email": OTHER}}}, None),
    ("a user of another", {"request": BY_NAME, "user": Stored(email=OTHER, username="o")}, None),
    ("a user's manager", {"user": Stored(id=7, manager=Stored(email=OTHER))}, None),
    ("a state's sender", {"state": {"email": OTHER, "mailer": {"email": OTHER}}}, None),
    ("a state's admin", {"state": {"admin": {"email": OTHER}, "store": {"email": OTHER}}}, None),
    ("a friend that was typed", {"request": BY_NAME | {"friend": {"email": OTHER}}}, None),
    ("a referrer", {"request": REQUEST | {"referrer_email": OTHER, "invite": OTHER}}, JANE),
    ("a billing contact", {"request": REQUEST | {"billing": {"email": OTHER}}}, JANE),
    ("a newsletter", {"form": {"login[user]": "jane", "login[password]": "x",
     "newsletter[email]": OTHER}}, None),
    ("a cookie of the one before", {"request": REQUEST, "headers": cookie(jwt(email=OTHER))}, JANE),
    ("a query", {"request": BY_NAME, "query_string": urlencode({"email": OTHER}).encode()}, None),
    ("a request's token", {"request": BY_NAME, "request_headers": [
        (b"authorization", f"Bearer {jwt(email=OTHER)}".encode())]}, None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("exchange", "expected"), [row[1:] for row in ELSEWHERE], ids=[row[0] for row in ELSEWHERE]
)
def test_somebody_else_around(exchange: dict[str, Any], expected: str | None) -> None:
    """Who was there before, and whom else the request names, is not who logs in."""
    found = chosen(LOGGED_IN, **({"response": {"ok": True}} | exchange))
    assert (None if found is None else found["email"]) == expected


def verdicts(event: str = LOGGED_IN, **exchange: Any) -> list[tuple[str, str]]:
    """What became of the parts."""
    return [(part.source, part.verdict) for part in parts(exchange_of(**exchange), event)]


FAST = {"request": REQUEST, "response": {"user": {"email": JANE}}}

VERDICTS: list[tuple[str, str, dict[str, Any], str]] = [
    ("the usual login", LOGGED_IN, FAST, "-,used,-,?,-,?"),
    ("its registration", SIGNED_UP, FAST, "-,used,-,?,-,same"),
    ("a registration that adds", SIGNED_UP, {
        "request": REQUEST | {"phone": "1"}, "response": {"email": JANE}}, "-,used,-,?,-,used"),
    ("nobody", LOGGED_IN, {"status": 204}, "-,-,-,-,-,-"),
    ("nobody with an address", LOGGED_IN, {
        "request": BY_NAME, "response": {"token": jwt(sub="7")}, "session": {"user": {"id": 1}}},
     "-,-,-,-,-,-"),
    ("what was typed", LOGGED_IN, {"request": REQUEST, "status": 204}, "-,-,-,-,-,used"),
    ("claims", LOGGED_IN, {"request": BY_NAME, "response": {"token": jwt(email=JANE)}},
     "-,-,-,used,-,?"),
    ("claims beside what was typed", LOGGED_IN, {
        "request": REQUEST, "response": {"token": jwt(sub="7")}}, "-,-,-,used,-,used"),
    ("another was typed", SIGNED_UP, {
        "request": REQUEST, "response": {"email": OTHER}}, "-,used,-,?,-,other"),
    ("all around agree", LOGGED_IN, {
        "response": {"email": JANE}, "user": {"email": JANE}, "session": {"user": JANE},
        "state": {"user": {"email": JANE, "phone": "1"}}}, "used,same,same,?,used,?"),
    ("all around are another", LOGGED_IN, {
        "request": REQUEST, "status": 204, "user": {"email": OTHER},
        "session": {"user": {"email": OTHER}}, "state": {"user": {"id": 3}}},
     "other,-,other,-,other,used"),
    ("another around, by name", LOGGED_IN, {
        "request": BY_NAME, "response": TOKENS, "user": {"email": OTHER}}, "other,-,-,-,-,-"),
    ("one of two around", LOGGED_IN, {
        "response": {"user": {"id": 7, "phone": "7"}}, "user": {"email": OTHER, "id": 3},
        "session": {"user": {"email": JANE, "id": "7"}}}, "other,used,used,-,-,-"),
    ("an answer about another than who was typed and is around", LOGGED_IN, {
        "request": BY_NAME, "response": {"user": {"id": 7}},
        "user": {"email": JANE, "username": "jane", "id": 3}}, "used,other,-,-,-,same"),
]  # fmt: skip
_WORDS = {
    "-": NOBODY,
    "?": NOT_READ,
    "used": USED,
    "same": NOTHING_NEW,
    "other": SOMEBODY_ELSE,
}


@pytest.mark.parametrize(
    ("event", "exchange", "expected"),
    [row[1:] for row in VERDICTS],
    ids=[row[0] for row in VERDICTS],
)
def test_verdicts(event: str, exchange: dict[str, Any], expected: str) -> None:
    """What became of user, answer, session, claims, state and request, in this order."""
    sources = ["user", "response.json", "session", "response.jwt", "state", "request.json"]
    found = verdicts(event, **exchange)
    assert found == list(zip(sources, map(_WORDS.__getitem__, expected.split(",")), strict=True))


def test_a_form_is_named_as_one() -> None:
    """The request's part says where it was read."""
    assert verdicts(form=REQUEST, status=303)[-1] == ("request.form", USED)


def folded(judged: list[Part]) -> Person | None:
    """The used parts together, each adding what is not known yet."""
    chosen = Person()
    for part in judged:
        if part.verdict == USED:
            chosen.email = chosen.email or part.person.email
            chosen.fill(part.person)
    return None if chosen.email is None else chosen


def agrees(exchange: Exchange, event: str) -> None:
    """`choose` gives exactly what `parts` tells."""
    chosen, judged = choose(exchange, event), parts(exchange, event)
    told = folded(judged)
    if chosen is None or told is None:
        assert chosen is told
    else:
        assert (chosen.email, chosen.user_id) == (told.email, told.user_id)
        assert chosen.traits == told.traits | {"email": told.email}
        of_her = [part for part in judged if part.verdict in (USED, NOTHING_NEW)]
        assert chosen.is_typed == all(part.person.is_typed for part in of_her)


def test_parts_tell_the_choice_for_all_tables() -> None:
    """The used parts together are what was chosen."""
    for _, event, exchange, _ in EXCHANGES + TOKEN_EXCHANGES:
        agrees(exchange_of(**exchange), event)
    for _, event, typed, answer, _ in ANSWERS:
        agrees(exchange_of(request=typed, response=answer), event)
    for _, answer in OTHERS:
        agrees(exchange_of(request=REQUEST, response=answer), LOGGED_IN)
    for _, exchange, _ in ELSEWHERE:
        agrees(exchange_of(**exchange), LOGGED_IN)


@pytest.mark.parametrize(
    ("exchange", "is_typed"),
    [
        ({"request": REQUEST, "response": TOKENS}, True),
        ({"request": REQUEST, "response": {"userId": 7}}, False),
        ({"request": REQUEST, "response": {"token": jwt(sub="7")}}, False),
        ({"request": REQUEST, "response": {}, "headers": cookie(jwt(sub="7"))}, True),
        ({"request": REQUEST, "response": {}, "headers": cookie(jwt(email=JANE))}, False),
        ({"request": REQUEST, "response": {}, "session": {"user": {"email": JANE}}}, False),
        ({"request": REQUEST, "response": {}, "session": {"user": {"email": OTHER}}}, True),
    ],
    ids=range(7),
)
def test_who_was_only_typed(exchange: dict[str, Any], is_typed: bool) -> None:
    """Whoever nothing but the request speaks of has to be shown by something else."""
    person = choose(exchange_of(**exchange), LOGGED_IN)
    assert person is not None
    assert person.is_typed == is_typed


KEYS = st.sampled_from(
    sorted(
        {"user", "customer", "data", "session", "profile", "account", "token", "id_token", "access"}
        | {"email", "name", "id", "uid", "addresses", "address", "username", "password", "user_id"}
        | {"city", "company", "language", "user[email]", "login-email", "type", "phone"}
    )
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-5, 2**63)
    | st.floats(allow_nan=False)
    | st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=6)
    | st.sampled_from([JANE, OTHER, jwt(email=JANE, sub="7"), jwt(sub="8"), "7"])
)
DOCUMENTS = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=15,
)


def exchange_with(typed: Any, answer: Any, around: Any, *, is_form: bool, cookies: Any) -> Exchange:
    """An exchange of made-up parts."""
    form = {str(key): str(value) for key, value in typed.items()} if isinstance(typed, dict) else {}
    request = {"form": form} if is_form else {"request": typed}
    headers = [(b"set-cookie", f"s={cookies}".encode())]
    return exchange_of(**request, response=answer, headers=headers, **around)


AROUND = st.dictionaries(
    st.sampled_from(["user", "session", "state"]), DOCUMENTS | st.builds(Stored, email=DOCUMENTS)
)


@given(DOCUMENTS, DOCUMENTS, AROUND, st.booleans(), LEAVES, st.sampled_from(EVENTS))
def test_any_exchange_is_told_as_it_is_chosen(
    typed: Any, answer: Any, around: dict[str, Any], is_form: bool, cookies: Any, event: str
) -> None:
    """Nothing raises, parts and choice agree, and only strings and addresses leave."""
    exchange = exchange_with(typed, answer, around, is_form=is_form, cookies=cookies)
    agrees(exchange, event)
    person = choose(exchange, event)
    if person is not None:
        for name, value in person.traits.items():
            assert isinstance(value, dict if name == "address" else str)


def test_bytes_that_are_no_exchange() -> None:
    """A body that is no document, and headers that are no text, are read as nothing."""
    exchange = Exchange(scope_of(content_type=FORM))
    assert choose(exchange, LOGGED_IN) is None
    assert [part.verdict for part in parts(exchange, LOGGED_IN)] == [NOBODY] * 6
