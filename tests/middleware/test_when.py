"""`when`: conditions as tables."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asgi_support import HTML, JANE, exchange_of
from frontdesk.event import LOGGED_IN
from frontdesk.exceptions import ConfigurationError
from frontdesk.rules import Finding, Rule
from frontdesk.when import Condition, compile_when, takes_errors

FLOWS = {"data": {"flows": [{"id": "login"}, {"id": "verify_email", "is_pending": True}]}}


@pytest.mark.parametrize(
    ("when", "answer", "holds"),
    [
        ({"json": {"ok": True}}, {"response": {"ok": True}}, True),
        ({"json": {"ok": True}}, {"response": {"ok": 1}}, False),
        ({"json": {"ok": 1}}, {"response": {"ok": True}}, False),
        ({"json": {"ok": [True, "yes"]}}, {"response": {"ok": "yes"}}, True),
        ({"json": {"ok": "*"}}, {"response": {"ok": {"a": 1}}}, True),
        ({"json": {"ok": "*"}}, {"response": {"ok": None}}, False),
        ({"json": {"ok": "*"}}, {"response": {"ok": False}}, False),
        ({"json": {"ok": "*"}}, {"response": {"ok": ""}}, False),
        ({"json": {"ok": "*"}}, {"response": {"ok": 0}}, True),
        ({"json": {"ok": "*"}}, {"response": {"ok": []}}, False),
        ({"json": {"ok": "*"}}, {"response": {}}, False),
        ({"json": {"a.b": 1, "a.c": 2}}, {"response": {"a": {"b": 1, "c": 2}}}, True),
        ({"json": {"a.b": 1, "a.c": 2}}, {"response": {"a": {"b": 1, "c": 3}}}, False),
        ({"json": {"a.1": "x"}}, {"response": {"a": ["y", "x"]}}, True),
        ({"json": {"data.flows.*.id": "verify_email"}}, {"response": FLOWS}, True),
        ({"json": {"data.flows.*.id": "mfa"}}, {"response": FLOWS}, False),
        ({"json": {"data.*.1.is_pending": True}}, {"response": FLOWS}, True),
        ({"json": {"data.*": "x"}}, {"response": {"data": "x"}}, False),
        ({"json": {"ok": True}}, {"content": b"no json"}, False),
        ({"json": {"ok": True}}, {"response": {"ok": True}, "status": 401}, False),
        ({"json": {"ok": True}, "status": [401]}, {"response": {"ok": True}, "status": 401}, True),
        ({"status": [200]}, {"response": {}, "status": 201}, False),
        ({"status": [200, 201]}, {"response": {}, "status": 201}, True),
    ],
    ids=range(23),
)
def test_tables(when: Any, answer: dict[str, Any], holds: bool) -> None:
    """Everything that is named must hold; statuses are 2xx and redirects unless named."""
    problems: list[str] = []
    condition = compile_when(when, problems)
    assert problems == []
    assert isinstance(condition, Condition)
    assert condition.holds(exchange_of(**answer)) is holds


@pytest.mark.parametrize(
    ("cookies", "holds"),
    [
        ([b"sid=abc; Path=/; HttpOnly"], True),
        ([b'sid="abc"; Path=/'], True),
        ([b"other=1", b"sid=abc"], True),
        ([b"sid=; Path=/"], False),
        ([b'sid=""; expires=Thu, 01 Jan 1970 00:00:00 GMT'], False),
        ([b"sid=abc; Max-Age=0"], False),
        ([b"sid=abc; Max-Age=-1"], False),
        ([b"sid=abc; expires=Thu, 01-Jan-1970 00:00:00 GMT"], False),
        ([b"sid=abc; Max-Age=60; expires=Thu, 01 Jan 1970 00:00:00 GMT"], True),
        ([b"sid=abc", b"sid=; Max-Age=0"], False),
        ([b"SID=abc"], False),
        ([], False),
        ([b"=abc"], False),
        ([b"sid"], False),
    ],
    ids=range(14),
)
def test_a_cookie_that_is_set(cookies: list[bytes], holds: bool) -> None:
    """Set, not deleted (RFC 6265 section 5.2); also with an HTML answer."""
    condition = compile_when({"cookie": "sid"}, [])
    assert isinstance(condition, Condition)
    headers = [(b"set-cookie", cookie) for cookie in cookies]
    exchange = exchange_of(content=b"<p>", content_type=HTML, headers=headers)
    assert condition.holds(exchange) is holds


@pytest.mark.parametrize(
    ("when", "problem"),
    [
        ({"state": 1}, "when: state is not one of status, json, cookie"),
        ({"status": []}, "when.status: expected a list of statuses"),
        ({"status": 200}, "when.status: expected a list of statuses"),
        ({"status": [True]}, "when.status: expected a list of statuses"),
        ({"cookie": ""}, "when.cookie: expected the name of a cookie"),
        ({"cookie": 5}, "when.cookie: expected the name of a cookie"),
        ({"json": []}, "when.json: expected a table of paths to values"),
        ({"json": {"a..b": 1}}, "when.json.a..b: expected a path"),
        ({"json": {"a": None}}, "when.json.a: expected a path"),
        ({"json": {"a": {"b": 1}}}, "when.json.a: expected a path"),
    ],
    ids=range(10),
)
def test_what_is_wrong_is_named(when: Any, problem: str) -> None:
    """The key, never a value."""
    with pytest.raises(ConfigurationError) as caught:
        Rule(LOGGED_IN, "/login", when=when)
    assert caught.value.problems[0].startswith(f"rule '/login': {problem}")


def test_only_a_rule_that_names_errors_takes_them() -> None:
    """An answer from 400 is dismissed at its head unless a rule wants it."""
    assert takes_errors(compile_when({"status": [401]}, []))
    assert takes_errors(compile_when([200, 422], []))
    for when in ("auto", "2xx", "redirect", [200], {"cookie": "a"}):
        assert not takes_errors(compile_when(when, []))


def test_an_explicit_condition_is_believed() -> None:
    """What the rule calls a success needs no other sign."""
    rule = Rule(LOGGED_IN, "/login", when={"json": {"message": "welcome"}})
    found = rule.judge(exchange_of(request={"email": JANE}, response={"message": "welcome"}))
    assert isinstance(found, Finding)
    assert rule.judge(exchange_of(request={"email": JANE}, response={"message": "no"})) == (
        "condition"
    )
    assert rule.judge(exchange_of(request={"email": JANE}, response={}, status=500)) == "status"


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc*"), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(
    JSON_VALUES,
    st.lists(st.sampled_from(["a", "b", "*", "0"]), min_size=1, max_size=4),
    st.booleans() | st.integers() | st.text(max_size=3),
)
def test_any_document_and_path(document: object, keys: list[str], value: Any) -> None:
    """A path is true of a document exactly when walking every branch finds the value."""

    def walk(here: Any, left: list[str]) -> list[Any]:
        if not left:
            return [here]
        if left[0] == "*":
            inner = list(here.values()) if isinstance(here, dict) else here
            elements = inner if isinstance(here, dict | list) else []
            return [end for element in elements for end in walk(element, left[1:])]
        if isinstance(here, dict):
            return walk(here.get(left[0]), left[1:])
        if isinstance(here, list) and left[0].isdecimal() and int(left[0]) < len(here):
            return walk(here[int(left[0])], left[1:])
        return [None]

    condition = compile_when({"json": {".".join(keys): value}}, [])
    assert isinstance(condition, Condition)
    ends = walk(document, keys)
    if value == "*":
        expected = any(end not in (None, "", [], {}) and end is not False for end in ends)
    else:
        expected = any(
            end == value and isinstance(end, bool) == isinstance(value, bool) for end in ends
        )
    assert condition.holds(exchange_of(response=document)) is expected
