"""Values in the form that SAP's JSON reader takes, or a reason without the value."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edmx_support import CUSTOMER
from frontdesk_sidecar.metadata.coercion import Misfit, coerce

ROOT = CUSTOMER.items["Customer"]


def one(name: str, value: object) -> object:
    """What becomes of one attribute."""
    return coerce({name: value}, ROOT, CUSTOMER)[name]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("name", "Jane", "Jane"),
        ("name", 4711, "4711"),
        ("name", 1.0, "1"),
        ("name", 1.5, "1.5"),
        ("name", True, "true"),
        ("name", "x" * 20, "x" * 20),
        ("name", None, None),
        ("loginDisabled", True, True),
        ("loginDisabled", "False", False),
        ("loginDisabled", " yes ", True),
        ("loginDisabled", 0, False),
        ("visits", 5, 5),
        ("visits", " 6 ", 6),
        ("visits", 5.0, 5),
        ("visits", "-2147483648", -2_147_483_648),
        ("points", 2**62, str(2**62)),
        ("points", "7", "7"),
        ("spent", 12.5, "12.5"),
        ("spent", "12.50", "12.50"),
        ("spent", 1e20, "100000000000000000000"),
        ("spent", "1E-7", "0.0000001"),
        ("score", "1.5", 1.5),
        ("score", 3, 3.0),
        ("birthday", "1980-02-29", "/Date(320630400000)/"),
        ("birthday", "1980-02-29T01:00:00+01:00", "/Date(320630400000)/"),
        ("birthday", "/Date(-5)/", "/Date(-5)/"),
        (
            "externalId",
            "8C1F0000-0000-4000-8000-00000000000A",
            "8c1f0000-0000-4000-8000-00000000000a",
        ),
        ("title", {"code": "mr"}, {"code": "mr"}),
        ("title", {"code": 5}, {"code": "5"}),
        ("groups", [{"uid": "a"}, {"uid": "b"}], [{"uid": "a"}, {"uid": "b"}]),
        ("groups", [], []),
        (
            "address",
            {"publicKey": "k", "country": {"isocode": "CH"}, "town": None},
            {"publicKey": "k", "country": {"isocode": "CH"}, "town": None},
        ),
        (
            "localizedAttributes",
            [{"language": "de", "motto": 5}],
            [{"language": "de", "motto": "5"}],
        ),
    ],
)
def test_what_can_be_made_fit(name: str, value: object, expected: object) -> None:
    """Each Edm type in its JSON form; references in the depths as well."""
    made = one(name, value)
    assert made == expected
    assert type(made) is type(expected)


def test_a_reference_without_its_key_is_left_out() -> None:
    """Nobody knows to what it leads; where it is required, that is said."""
    given = {
        "address": {"town": "Bern", "country": {"isocode": "CH"}},
        "groups": [{"uid": "a"}, {"uid": None}],
    }
    assert coerce(given, ROOT, CUSTOMER) == {"groups": [{"uid": "a"}]}
    nested = {"address": {"publicKey": "k", "country": {}}}
    assert coerce(nested, ROOT, CUSTOMER) == {"address": {"publicKey": "k"}}
    with pytest.raises(Misfit, match="title: refers to Title: an object such as"):
        one("title", {"name": "Mr"})


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("name", "marked" * 4, "name: is longer than 20 characters"),
        ("name", "\U0001f600" * 11, "name: is longer than 20 characters"),
        ("name", ["marked"], "name: is a list where one value of type Edm.String is expected"),
        ("name", {"marked": 1}, "name: is an object where one value of type Edm.String"),
        ("loginDisabled", "marked", "loginDisabled: is a text that makes no Edm.Boolean"),
        ("loginDisabled", 2, "loginDisabled: is a number that makes no Edm.Boolean"),
        ("visits", True, "visits: is a truth value that makes no Edm.Int32"),
        ("visits", 1.5, "visits: is a number that makes no Edm.Int32"),
        ("visits", 2**31, "visits: is a number that makes no Edm.Int32"),
        ("visits", "marked", "visits: is a text that makes no Edm.Int32"),
        ("points", "1e999999999", "points: is a text that makes no Edm.Int64"),
        ("spent", "NaN", "spent: is a text that makes no Edm.Decimal"),
        ("score", "1e400", "score: is a text that makes no Edm.Double"),
        ("score", math.inf, "score: is a number that makes no Edm.Double"),
        ("birthday", "marked", "birthday: is a text that makes no Edm.DateTime"),
        ("birthday", 5, "birthday: is a number that makes no Edm.DateTime"),
        ("externalId", "marked", "externalId: is a text that makes no Edm.Guid"),
        ("uid", None, "uid: is required and cannot be cleared"),
        ("title", None, "title: is required and cannot be cleared"),
        ("title", "marked", "title: refers to Title: an object such as {code: …} is expected"),
        ("title", [{"code": "mr"}], "title: refers to Title: one object is expected"),
        ("title", {"code": "mr", "kode": "marked"}, "title.kode: is no attribute of Title"),
        ("groups", {"uid": "a"}, "groups: refers to PrincipalGroup: a list of objects"),
        ("groups", ["marked"], "groups: refers to PrincipalGroup: an object such as {uid: …}"),
        ("phone", "marked", "phone: is no attribute of Customer"),
    ],
)
def test_what_cannot_be_made_fit(name: str, value: object, text: str) -> None:
    """The attribute and what is wrong with it, never the value."""
    with pytest.raises(Misfit) as caught:
        one(name, value)
    assert str(caught.value).startswith(text)
    assert "marked" not in str(caught.value)
    assert caught.value.__cause__ is None


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["code", "uid", "x"]), inner)
    ),
)


@given(st.sampled_from(ROOT.attributes), ANY)
def test_it_fits_or_it_is_said_why_not(name: str, value: object) -> None:
    """Nothing else is raised, whatever the value; and what fits once fits as it is."""
    try:
        made = coerce({name: value}, ROOT, CUSTOMER)
    except Misfit:
        return
    assert coerce(made, ROOT, CUSTOMER) == made
