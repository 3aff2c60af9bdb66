"""Rules: which exchange identifies whom."""

import re
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asgi_support import (
    FORM,
    JANE,
    JSON,
    SECRET,
    as_json,
    chunk,
    exchange_of,
    said,
    scope_of,
    started,
)
from frontdesk.event import EVENTS, IDENTIFIED, LOGGED_IN, SIGNED_UP
from frontdesk.exceptions import ConfigurationError
from frontdesk.exchange import Exchange
from frontdesk.rules import Finding, Rule
from frontdesk.traits import MAX_VALUE_CHARS, SPELLINGS

LOGIN = Rule(LOGGED_IN, "POST /login")


@pytest.mark.parametrize(
    ("route", "name"),
    [
        ("POST /login", "POST /login"),
        ("post /login/", "POST /login"),
        ("/login", "POST /login"),
        ("PUT /session", "PUT /session"),
        ("PATCH /session", "PATCH /session"),
        ("GET /callback", "GET /callback"),
        (" POST  /login", "POST /login"),
        ("POST /", "POST /"),
        ("POST /{site}/login", "POST /{site}/login"),
    ],
)
def test_routes(route: str, name: str) -> None:
    """A route is a method and a path, in one spelling."""
    rule = Rule(LOGGED_IN, route)
    assert rule.name == name
    assert f"{rule.method} {rule.path}" == name


@pytest.mark.parametrize(
    "route",
    ["", "login", "POST login", "HEAD /login", "OPTIONS /login", "DELETE /x", "/a?b=c", "GET"],
)
def test_bad_routes(route: str) -> None:
    """Another method, no path, a query: refused."""
    with pytest.raises(ConfigurationError, match="route: expected a method and a path"):
        Rule(LOGGED_IN, route)


def test_every_problem_is_named_at_once() -> None:
    """The rule and each of its problems stand in the error."""
    with pytest.raises(ConfigurationError) as caught:
        Rule(
            "Registered",
            "login",
            when="sometimes",
            traits={"email": "email", "name": [], "phone": [5]},  # type: ignore[list-item] # wrong
            user_id=7,  # type: ignore[arg-type] # wrong
        )
    problems = caught.value.problems
    assert len(problems) == 7
    assert all(problem.startswith("rule 'login': ") for problem in problems)
    named = [problem.removeprefix("rule 'login': ").partition(":")[0] for problem in problems]
    assert named == [
        "event",
        "route",
        "when",
        "traits.email",
        "traits.name",
        "traits.phone",
        "user_id",
    ]


@pytest.mark.parametrize(
    "when",
    ["", "3xx", [], [99], [600], ["200"], [200, None], [True], 200, None, {}],
    ids=range(11),
)
def test_bad_conditions(when: Any) -> None:
    """Success is one of the words, a list of statuses or a table of conditions."""
    with pytest.raises(ConfigurationError, match="when: expected auto, json, 2xx, redirect"):
        Rule(LOGGED_IN, "/login", when=when)


@pytest.mark.parametrize("traits", [{}, {"name": "user.name"}, [], "email", 5], ids=range(5))
def test_traits_need_an_address(traits: Any) -> None:
    """A rule that names traits names the address."""
    with pytest.raises(ConfigurationError, match="with at least email"):
        Rule(LOGGED_IN, "/login", traits=traits)


def test_odd_values_are_refused_not_raised_over() -> None:
    """Values of any type give problems."""
    for value in (None, 5, [], {}, object()):
        with pytest.raises(ConfigurationError):
            Rule(value, value)  # type: ignore[arg-type] # wrong


def test_rules_are_values() -> None:
    """Two rules of the same words are equal."""
    assert Rule(LOGGED_IN, "/login") == Rule(LOGGED_IN, "/login")
    assert Rule(LOGGED_IN, "/login", when=[200]).when == (200,)


def test_a_finding() -> None:
    """A success gives the event, the id, the traits and the rule's name."""
    exchange = exchange_of(response={"user": {"email": JANE, "id": 7, "firstName": "Jane"}})
    expected = Finding(LOGGED_IN, "7", {"email": JANE, "firstName": "Jane"}, "POST /login")
    assert LOGIN.judge(exchange) == expected


def test_the_address_stands_in_for_the_id() -> None:
    """Without an id the user is the address in lower case."""
    found = LOGIN.judge(exchange_of(response={"email": "Jane@Example.com"}))
    assert isinstance(found, Finding)
    assert (found.user_id, found.traits["email"]) == ("jane@example.com", "Jane@Example.com")


@pytest.mark.parametrize(
    ("exchange", "reason"),
    [
        ({"response": {"email": JANE}, "status": 401}, "status"),
        ({"response": {"email": JANE, "error": "x"}}, "error_in_answer"),
        ({"content": b"<p>", "content_type": b"text/html"}, "no_json"),
        ({"response": {"access_token": SECRET}}, "anonymous"),
        ({"request": {"username": "jane"}, "status": 204}, "anonymous"),
    ],
    ids=range(5),
)
def test_reasons(exchange: dict[str, Any], reason: str) -> None:
    """Whatever identifies nobody says why not, in one word."""
    assert LOGIN.judge(exchange_of(**exchange)) == reason


NAMED = Rule(
    SIGNED_UP,
    "/register",
    traits={
        "email": ["response.json.mail", "request.form.email"],
        "first_name": "request.form.vorname",
        "tier": ["user.tier", "session.tier"],
        "vip": "response.json.vip",
    },
    user_id=["response.json.nr", "request.cookies.nr"],
)


def test_named_traits() -> None:
    """Named traits come from where the rule says, the first hit wins, spellings are reserved."""
    exchange = exchange_of(
        form={"email": JANE, "vorname": "Jane", "password": SECRET, "lastName": "not named"},
        response={"vip": True, "nr": 12, "mail": None},
        session={"tier": "gold"},
        user=SimpleNamespace(tier=None),
    )
    traits = {"email": JANE, "firstName": "Jane", "tier": "gold", "vip": True}
    assert NAMED.judge(exchange) == Finding(SIGNED_UP, "12", traits, "POST /register")


def test_named_traits_are_not_guessed() -> None:
    """Where a rule names the address, no other is taken."""
    answer = {"email": JANE, "user": {"email": JANE}}
    assert NAMED.judge(exchange_of(response=answer)) == "anonymous"
    assert NAMED.judge(exchange_of(response={"mail": "no address"})) == "anonymous"


def test_a_named_id_that_is_not_there() -> None:
    """When the rule's id is not found, the address stands in."""
    found = NAMED.judge(exchange_of(response={"mail": JANE, "id": 5}))
    assert isinstance(found, Finding)
    assert found.user_id == JANE


def test_structures_are_no_traits() -> None:
    """A path that leads to an object or a list finds nothing."""
    rule = Rule(LOGGED_IN, "/login", traits={"email": "response.json.e", "x": "response.json.x"})
    for value in ({"a": 1}, [1], None, "", "\x00", "x" * (MAX_VALUE_CHARS + 1)):
        found = rule.judge(exchange_of(response={"e": JANE, "x": value}))
        assert isinstance(found, Finding)
        assert found.traits == {"email": JANE}


def test_a_finding_is_not_printed() -> None:
    """A finding printed by accident, as in a crash report's variables, does not tell who it was."""
    found = LOGIN.judge(exchange_of(response={"email": JANE, "id": 7, "phone": "555-0100"}))
    assert JANE not in repr(found)
    assert "555-0100" not in repr(found)


#: JSON documents made of the names that mean something here
NAMES = st.text(max_size=4) | st.sampled_from(
    [
        *["email", "user", "data", "profile", "username", "id", "name", "firstName", "error"],
        *["status", "password", "token", "attributes", "customer", "success", "ok", "phone", "x"],
    ]
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=10)
    | st.emails()
    | st.just(JANE)
)
DOCUMENTS = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=12,
)
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(
            [b"content-type", b"Content-Type", b"content-encoding", b"location", b"cookie", b"x"]
        ),
        st.sampled_from([JSON, FORM, b"text/html", b"gzip", b"/login", b"/", b"a=b; c"])
        | st.binary(max_size=10),
    ),
    max_size=5,
)
RULES = [
    LOGIN,
    Rule(SIGNED_UP, "/login"),
    Rule(IDENTIFIED, "/login", when="2xx"),
    Rule(LOGGED_IN, "/login", when="redirect"),
    Rule(LOGGED_IN, "/login", when=[200, 302]),
    Rule(
        LOGGED_IN,
        "/login",
        when="2xx",
        traits={
            "email": ["user.email", "response.json.user.email", "request.json.email"],
            "name": ["response.json.data.0.name", "request.form.name", "request.query.a"],
            "phone": [
                "session.phone",
                "state.user.phone",
                "response.headers.x",
                "request.headers.x",
            ],
        },
        user_id=["request.cookies.a", "response.json.id"],
    ),
]


CONTENTS = (
    st.binary(max_size=50)
    | DOCUMENTS.map(lambda document: repr(document).encode("utf-8", "replace"))
    | DOCUMENTS.map(as_json)
)


@st.composite
def exchanges(draw: st.DrawFn) -> Exchange:
    """Any exchange: any bodies with any headers, any surroundings."""
    scope = scope_of(headers=draw(HEADERS), query_string=draw(st.binary(max_size=9)))
    for name in ("user", "session", "state"):
        if draw(st.booleans()):
            scope[name] = draw(DOCUMENTS)
    exchange = Exchange(scope)
    request, answer = draw(CONTENTS), draw(CONTENTS)
    exchange.request.feed(said(request[:10], more=True))
    exchange.request.feed(said(request[10:]))
    exchange.respond(started(draw(st.integers(0, 999)), JSON, *draw(HEADERS)))
    exchange.response.feed(chunk(answer[:10], more=True))
    exchange.response.feed(chunk(answer[10:], more=draw(st.integers(0, 9)) == 0))
    return exchange


@given(exchanges(), st.sampled_from(RULES))
def test_any_exchange_may_be_judged(exchange: Exchange, rule: Rule) -> None:
    """Judging never raises; what it finds is an address, spelled traits, plain values."""
    found = rule.judge(exchange)
    if isinstance(found, str):
        assert re.fullmatch("[a-z_]+", found)
        return
    assert found.event in EVENTS
    assert found.user_id
    assert found.traits["email"]
    assert found.traits.keys() <= set(SPELLINGS.values())
    for value in found.traits.values():
        assert isinstance(value, str | int | float)
        assert not isinstance(value, str) or 0 < len(value) <= MAX_VALUE_CHARS
