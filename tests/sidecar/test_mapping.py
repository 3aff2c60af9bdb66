"""From traits to attributes."""

import math

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk_sidecar.mapping import DEFAULT_MAPPING, MappingError, Problem, compile_mapping

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
NAMES = st.sampled_from(["email", "name", "firstName", "lastName", "phone", "address"])


def one(expression: str, **traits: object) -> object:
    """The value of one expression, or None when it is absent."""
    return compile_mapping({"it": expression}).apply(traits).get("it")


@pytest.mark.parametrize(
    ("traits", "expected"),
    [
        (
            {"email": " Jane@Example.COM ", "name": "Jane D.", "firstName": "J", "lastName": "D"},
            {
                "uid": "jane@example.com",
                "contactEmail": "jane@example.com",
                "name": "Jane D.",
                "firstName": "J",
                "lastName": "D",
            },
        ),
        (
            {"email": "a@x.com", "firstName": "Jane", "lastName": "Doe"},
            {
                "uid": "a@x.com",
                "contactEmail": "a@x.com",
                "name": "Jane Doe",
                "firstName": "Jane",
                "lastName": "Doe",
            },
        ),
        (
            {"email": "a@x.com", "name": "", "lastName": "Doe", "firstName": None},
            # half a name is none: it would overwrite the whole one that SAP may have
            {"uid": "a@x.com", "contactEmail": "a@x.com", "lastName": "Doe"},
        ),
        ({"email": "a@x.com"}, {"uid": "a@x.com", "contactEmail": "a@x.com"}),
        ({}, {}),
    ],
)
def test_the_default_mapping(traits: dict[str, object], expected: dict[str, object]) -> None:
    """The key is the normalised address; what is not known is left out; the order is kept."""
    payload = compile_mapping(DEFAULT_MAPPING).apply(traits)
    assert list(payload.items()) == list(expected.items())


@pytest.mark.parametrize(
    ("expression", "traits", "expected"),
    [
        ("upper(a)", {"a": "straße"}, "STRASSE"),
        ("lower(a)", {}, None),
        ("upper(a)", {"a": None}, None),
        ("trim(a)", {"a": " \t\u00a0x\n"}, "x"),
        ("trim(a)", {"a": "  "}, None),
        ("join('-', [a, b, c])", {"a": "1", "b": None, "c": "3"}, "1-3"),
        ("join('-', [a, ''])", {"a": "1"}, "1"),
        ("join('-', [a, b])", {}, None),
        ("join('-', a)", {}, None),
        ("address.city", {"address": {"city": "Bern"}}, "Bern"),
        ("address.city", {}, None),
        ("tags[0]", {"tags": ["x", "y"]}, "x"),
        ("length(tags)", {"tags": ["x"]}, 1),
        ("a", {"a": 0}, 0),
        ("a", {"a": False}, False),
        ("a", {"a": 1.5}, 1.5),
        ("`true`", {}, True),
        ("length(@)", {"a": 1, "b": 2}, 2),
    ],
)
def test_expressions(expression: str, traits: dict[str, object], expected: object) -> None:
    """The usual JMESPath and our four functions; false and zero are values, empty is not."""
    assert one(expression, **traits) == expected


@pytest.mark.parametrize(
    ("expression", "column", "reason"),
    [
        ("", 1, "empty"),
        ("a.", 3, "not understood"),
        ("a b", 3, "not understood"),
        ("lower(", 7, "ends too early"),
        ("a == #", 6, "does not know"),
        ("'open", 1, "does not know"),
        ("  lowr(email)", 3, r"no function lowr\(\)"),
        ("a || trim(b, c)", 6, r"takes 1 argument\(s\), not 2"),
        ("trim()", 1, r"takes 1 argument\(s\), not 0"),
        ("join(' ', [a, b], c)", 1, r"takes 2 argument\(s\), not 3"),
        ("not_null()", 1, r"at least 1 argument\(s\), not 0"),
        ("(" * 5_000 + "a", None, "too deeply"),
    ],
)
def test_a_wrong_expression_is_found_at_compilation(
    expression: str, column: int | None, reason: str
) -> None:
    """The attribute, the column and the reason are named before any customer is mapped."""
    with pytest.raises(MappingError, match=reason) as caught:
        compile_mapping({"it": expression})
    assert [(problem.attribute, problem.column) for problem in caught.value.problems] == [
        ("it", column)
    ]


def test_right_calls_are_not_refused() -> None:
    """Commas inside lists, objects, filters and literals do not count as arguments."""
    expressions = {
        "a": "join(',', [a, b, trim(c)])",
        "b": "length(to_array({x: a, y: b}))",
        "c": "not_null(a, b, c, lower(d))",
        "d": "join(',', tags[?contains(@, ',')])",
        "e": "lower(a) == upper(b) && 'trim(1,2,3)'",
    }
    assert compile_mapping(expressions).attributes == ("a", "b", "c", "d", "e")


def test_all_problems_are_told_at_once() -> None:
    """Nobody corrects a configuration one error at a time."""
    with pytest.raises(MappingError) as caught:
        compile_mapping({"uid": "email", "bad name": "email", "x": "a b", "y": "f(g(a))"})
    assert caught.value.problems == (
        Problem("bad name", "not an OData property name"),
        Problem("x", "not understood from here", 3),
        Problem("y", "there is no function f()", 1),
        Problem("y", "there is no function g()", 3),
    )
    assert "x, column 3: not understood from here" in str(caught.value)


@pytest.mark.parametrize(
    ("expression", "value", "reason"),
    [
        ("lower(a)", 4711, r"lower\(\) cannot take number"),
        ("join(' ', [a])", 4711, r"join\(\) cannot take int"),
        ("sum(a)", ["marked"], r"sum\(\) cannot take str"),
        ("ceil(a)", math.inf, "failed on these traits"),
        ("a", ["marked"], "a list or an object"),
        ("{x: a}", "marked", "a list or an object"),
        ("a", math.nan, "not finite"),
        ("a", 2**64, "too large"),
        ("a", "\ud800marked", "not valid Unicode"),
    ],
)
def test_odd_traits_are_an_error_without_the_value(
    expression: str, value: object, reason: str
) -> None:
    """The attribute is named; neither the error nor what caused it holds the value."""
    mapping = compile_mapping({"it": expression})
    with pytest.raises(MappingError, match=rf"^it: .*{reason}") as caught:
        mapping.apply({"a": value})
    assert str(value) not in str(caught.value)
    assert caught.value.__cause__ is caught.value.__context__ is None


@given(st.dictionaries(NAMES, SCALARS | st.lists(SCALARS) | st.dictionaries(NAMES, SCALARS)))
def test_what_is_sent_is_never_null_or_empty(traits: dict[str, object]) -> None:
    """Whatever the traits, the payload is JSON scalars that SAP would store, or an error."""
    try:
        payload = compile_mapping({**DEFAULT_MAPPING, "phone": "phone"}).apply(traits)
    except MappingError:
        return
    decoded = orjson.loads(orjson.dumps(payload))
    assert all(value not in (None, "") for value in decoded.values())
    assert all(isinstance(value, str | int | float) for value in decoded.values())
