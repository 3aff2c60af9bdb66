"""Who it was when a rule names no traits: a table of what exchanges give."""

from collections.abc import Mapping
from types import MappingProxyType, SimpleNamespace
from typing import Any

import pytest

from asgi_support import JANE, SECRET, exchange_of
from frontdesk.automatic import choose
from frontdesk.event import LOGGED_IN, SIGNED_UP
from frontdesk.persons import Person, person_in

OTHER = "other@example.com"


class Stored:
    """An app's user whose properties must not be run."""

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)
        self.password_hash = SECRET

    @property
    def name(self) -> str:
        raise AssertionError("app code was run")

    def __str__(self) -> str:
        raise AssertionError("app code was run")


class Slotted:
    """An app's user without a `__dict__`."""

    __slots__ = ("email", "first_name", "unset")

    def __init__(self) -> None:
        self.email = JANE
        self.first_name = "Jane"


class OneSlot:
    """`__slots__` may be a single text."""

    __slots__ = "email"

    def __init__(self) -> None:
        self.email = JANE


#: document -> (email, user id, other traits); None: nobody can be told
DOCUMENTS: list[tuple[str, Any, tuple[str | None, str | None, dict[str, object]]]] = [
    ("flat", {"email": JANE, "id": 7, "firstName": "Jane"}, (JANE, "7", {"firstName": "Jane"})),
    ("snake", {"email": JANE, "first_name": "Jane"}, (JANE, None, {"firstName": "Jane"})),
    ("oidc", {"sub": "abc", "email": JANE, "given_name": "J"}, (JANE, "abc", {"firstName": "J"})),
    ("user", {"user": {"email": JANE, "uuid": "u"}}, (JANE, "u", {})),
    ("customer", {"customer": {"mail": JANE}}, (JANE, None, {})),
    ("me", {"data": {"me": {"email": JANE}}}, (JANE, None, {})),
    ("envelope", {"data": {"user": {"email": JANE}}}, (JANE, None, {})),
    ("two envelopes", {"response": {"data": {"user": {"email": JANE}}}}, (JANE, None, {})),
    ("bare envelope", {"data": {"email": JANE, "name": "Jane"}}, (JANE, None, {"name": "Jane"})),
    (
        "json api",
        {"data": {"type": "users", "id": "7", "attributes": {"email": JANE, "lastName": "Doe"}}},
        (JANE, "7", {"lastName": "Doe"}),
    ),
    (
        "profile without an address",
        {"user": {"email": JANE, "profile": {"first_name": "Jane", "phone": "123"}}},
        (JANE, None, {"firstName": "Jane", "phone": "123"}),
    ),
    (
        "profile of somebody else",
        {"user": {"email": JANE, "profile": {"email": OTHER, "first_name": "Otto"}}},
        (JANE, None, {}),
    ),
    ("address below the user", {"user": {"id": 1, "account": {"email": JANE}}}, (JANE, "1", {})),
    ("user name that is an address", {"user": {"username": JANE}}, (JANE, None, {})),
    ("user name that is none", {"user": {"username": "jane", "id": 7}}, (None, "7", {})),
    ("address over user name", {"username": OTHER, "email": JANE}, (JANE, None, {})),
    ("numbers as written", {"email": JANE, "phone": 123, "id": 0}, (JANE, "0", {"phone": "123"})),
    ("booleans are no traits", {"email": JANE, "name": True, "id": True}, (JANE, None, {})),
    ("lists are no traits", {"email": JANE, "name": ["Jane"]}, (JANE, None, {})),
    ("objects are no traits", {"email": JANE, "company": {"name": "Acme"}}, (JANE, None, {})),
    (
        "first spelling wins",
        {"email": JANE, "name": "A", "fullName": "B"},
        (JANE, None, {"name": "A"}),
    ),
    (
        "no secrets",
        {"email": JANE, "password": SECRET, "token": SECRET, "access_token": SECRET},
        (JANE, None, {}),
    ),
    (
        "a shop of the user's",
        {"store": {"email": OTHER}, "user": {"email": JANE}},
        (JANE, None, {}),
    ),
    ("a name without an address", {"name": "Jane", "id": 3}, (None, None, {})),
    ("a token", {"access_token": SECRET, "token_type": "bearer"}, (None, None, {})),
    ("a list", [{"email": JANE}], (None, None, {})),
    ("a list of users", {"users": [{"email": JANE}]}, (None, None, {})),
    ("a user in a list", {"user": [{"email": JANE}]}, (None, None, {})),
    ("text", JANE, (None, None, {})),
    ("nothing", None, (None, None, {})),
    ("a number", 5, (None, None, {})),
    ("empty", {}, (None, None, {})),
    ("a bad address", {"user": {"email": "jane", "id": 7}}, (None, "7", {})),
    ("a null user", {"user": None, "email": JANE}, (JANE, None, {})),
    ("odd keys", {1: JANE, None: JANE, ("email",): JANE}, (None, None, {})),
    (
        "too deep",
        {"data": {"data": {"data": {"data": {"data": {"email": JANE}}}}}},
        (None, None, {}),
    ),
    ("a mapping", MappingProxyType({"email": JANE}), (JANE, None, {})),
    ("an object", Stored(email=JANE, id=7), (JANE, "7", {})),
    ("a namespace", SimpleNamespace(user=Stored(email=JANE)), (JANE, None, {})),
    ("slots", Slotted(), (JANE, None, {"firstName": "Jane"})),
    ("one slot", OneSlot(), (JANE, None, {})),
    ("a bare object", object(), (None, None, {})),
]


@pytest.mark.parametrize(
    ("document", "expected"), [row[1:] for row in DOCUMENTS], ids=[row[0] for row in DOCUMENTS]
)
def test_documents(
    document: Any, expected: tuple[str | None, str | None, dict[str, object]]
) -> None:
    """What one document says of its person."""
    person = person_in(document)
    assert (person.email, person.user_id, person.traits) == expected


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


def test_a_person_is_not_printed() -> None:
    """What is known of a person does not show when an object holding it is printed."""
    shown = repr(Person(JANE, "user-77", {"email": JANE, "phone": "555-0100"}))
    assert JANE not in shown
    assert "555-0100" not in shown


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
