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
        ("{x: [{y: a}]}", "\ud800marked", "not valid Unicode"),
        ("@", {"\ud800marked": 1}, "a name in an object"),
        ("a", {"\ud800marked": 1}, "a name in an object"),
        ("odata_date(a)", "marked", r"odata_date\(\) found no ISO 8601"),
        ("odata_datetime(a)", 1e300, r"odata_datetime\(\) found no ISO 8601"),
        ("digits(a)", {"marked": 1}, r"digits\(\) cannot take object"),
        ("lower(clear())", "marked", r"lower\(\) cannot take"),
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


def empties(value: object) -> list[object]:
    """Every null, empty text, list and object at any depth."""
    if isinstance(value, dict | list):
        inside = list(value.values()) if isinstance(value, dict) else value
        return [value] if not value else [found for one in inside for found in empties(one)]
    return [value] if value is None or value == "" else []


TRAITS = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner))


@given(st.dictionaries(NAMES, TRAITS), st.sampled_from(["phone", "{a: phone, b: [@, `null`]}"]))
def test_what_is_sent_is_never_null_or_empty(traits: dict[str, object], expression: str) -> None:
    """Whatever the traits, at any depth: SAP would store an emptiness over what it knows."""
    try:
        payload = compile_mapping({**DEFAULT_MAPPING, "phone": expression}).apply(traits)
    except MappingError:
        return
    assert all(empties(value) == [] for value in orjson.loads(orjson.dumps(payload)).values())


def test_a_null_is_sent_where_it_is_asked_for() -> None:
    """`clear()` erases, also in the depths; beside it what is absent stays absent."""
    mapping = compile_mapping(
        {
            "phone": "phone || clear()",
            "title": "title && {code: title} || clear()",
            "address": "{town: town, street: clear()}",
        }
    )
    assert mapping.apply({}) == {"phone": None, "title": None, "address": {"street": None}}
    assert mapping.apply({"phone": "1", "title": "mr", "town": "Bern"}) == {
        "phone": "1",
        "title": {"code": "mr"},
        "address": {"town": "Bern", "street": None},
    }


@pytest.mark.parametrize(
    ("expression", "traits", "expected"),
    [
        ("{isocode: locale}", {"locale": "de"}, {"isocode": "de"}),
        ("{isocode: locale}", {}, None),
        ("[{uid: 'customergroup'}]", {}, [{"uid": "customergroup"}]),
        ("[{uid: group}, {uid: 'x'}]", {}, [{"uid": "x"}]),
        ("[{language: 'de', name: name}]", {"name": "N"}, [{"language": "de", "name": "N"}]),
        (
            "{street: address.street, country: {isocode: upper(address.country)}}",
            {"address": {"street": "S", "country": "ch"}},
            {"street": "S", "country": {"isocode": "CH"}},
        ),
        ("title(a)", {"a": "ANNA-LENA o'brien d’arcy"}, "Anna-Lena O'Brien D’Arcy"),
        ("title(a)", {"a": "MCDONALD's"}, "Mcdonald's"),
        ("title(a)", {"a": "élodie ÖZGÜR 2b"}, "Élodie Özgür 2B"),
        ("digits(a)", {"a": "+41 (0)79 / 12"}, "4107912"),
        ("digits(a)", {"a": "none"}, None),
        ("hash(a)", {"a": "x"}, "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"),
        ("default(a, 'z')", {}, "z"),
        ("default(a, 'z')", {"a": ""}, "z"),
        ("default(a, 'z')", {"a": False}, False),
        ("default(a, 'z')", {"a": 0}, 0),
        ("odata_datetime(a)", {"a": "2018-10-25T12:16:03.078Z"}, "/Date(1540469763078)/"),
        ("odata_datetime(a)", {"a": "2018-10-25T14:16:03.078+02:00"}, "/Date(1540469763078)/"),
        ("odata_datetime(a)", {"a": "2018-10-25T12:16:03"}, "/Date(1540469763000)/"),
        ("odata_datetime(a)", {"a": 1540469763}, "/Date(1540469763000)/"),
        ("odata_datetime(a)", {"a": 1540469763078}, "/Date(1540469763078)/"),
        ("odata_datetime(a)", {"a": "/Date(1540469763078)/"}, "/Date(1540469763078)/"),
        ("odata_datetime(a)", {"a": "1969-12-31T23:59:59.999Z"}, "/Date(-1)/"),
        ("odata_date(a)", {"a": "1980-02-29"}, "/Date(320630400000)/"),
        ("odata_date(a)", {"a": "1980-02-29T23:30:00Z"}, "/Date(320630400000)/"),
        ("odata_date(a)", {}, None),
    ],
)
def test_what_sap_needs(expression: str, traits: dict[str, object], expected: object) -> None:
    """References, collections, localised attributes, and the functions for SAP's forms."""
    assert one(expression, **traits) == expected


def test_attributes_of_one_event() -> None:
    """They come along with customers of that event alone, and win over the others."""
    mapping = compile_mapping(
        {"uid": "email", "name": "name"}, {"Signed Up": {"groups": "[{uid: 'g'}]", "name": "'new'"}}
    )
    assert mapping.attributes == ("uid", "name", "groups")
    traits = {"email": "e", "name": "n"}
    assert mapping.apply(traits, ["Logged In"]) == {"uid": "e", "name": "n"}
    assert mapping.apply(traits, ["Logged In", "Signed Up"]) == {
        "uid": "e",
        "name": "new",
        "groups": [{"uid": "g"}],
    }
    assert mapping.without({"groups", "name"}).attributes == ("uid",)


def test_problems_of_one_event_name_it() -> None:
    """The event stands before the attribute."""
    problem = 'on "Signed Up": groups, column 1: there is no function f'
    with pytest.raises(MappingError, match=problem):
        compile_mapping({"uid": "email"}, {"Signed Up": {"groups": "f(x)"}})
