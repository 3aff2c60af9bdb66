"""Dotted paths: where a trait may come from."""

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asgi_support import exchange_of
from frontdesk.exchange import Exchange
from frontdesk.multipart import AMBIGUOUS
from frontdesk.sources import SOURCES, Path, step, user_of


class Customer:
    """An app's user object."""

    __slots__ = ("email", "profile")

    def __init__(self) -> None:
        self.email = "jane@example.com"
        self.profile = {"names": ["Jane", "Doe"]}

    def __getitem__(self, key: str) -> str:
        raise AssertionError("an object is asked by attribute")


@pytest.fixture
def exchange() -> Exchange:
    """An exchange in which every source has something."""
    return exchange_of(
        request={"credentials": {"email": "typed@example.com"}},
        response={"users": [{"email": "first@example.com"}], "ok": True, "0": "zero"},
        request_headers=[(b"X-Customer", b"42"), (b"cookie", b"cid=c-7; other=1")],
        headers=[(b"X-User", b"u-1")],
        query_string=b"campaign=spring&term=a&term=b&e=%40",
        user=Customer(),
        session={"customer": {"email": "session@example.com"}},
        state={"tenant": SimpleNamespace(name="north")},
    )


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("response.json.users.0.email", "first@example.com"),
        ("response.json.users.1.email", None),
        ("response.json.users.email", None),
        ("response.json.users.-1.email", None),
        ("response.json.ok", True),
        ("response.json.0", "zero"),
        ("response.json.ok.deeper", None),
        ("response.headers.x-user", "u-1"),
        ("response.headers.X-User", "u-1"),
        ("response.headers.x-none", None),
        ("request.json.credentials.email", "typed@example.com"),
        ("request.form.email", None),
        ("request.query.campaign", "spring"),
        ("request.query.term", AMBIGUOUS),
        ("request.query.e", "@"),
        ("request.headers.x-customer", "42"),
        ("request.cookies.cid", "c-7"),
        ("user.email", "jane@example.com"),
        ("user.profile.names.1", "Doe"),
        ("user.nothing", None),
        ("session.customer.email", "session@example.com"),
        ("state.tenant.name", "north"),
        ("state.tenant._name", None),
        ("state.tenant.__class__", None),
        ("state.tenant.__class__.__name__", None),
    ],
)
def test_paths(exchange: Exchange, path: str, value: object) -> None:
    """Every path reads what stands there, or None."""
    assert Path.parse(path).read(exchange) == value


def test_forms_are_read() -> None:
    """`request.form` is the url-encoded form."""
    exchange = exchange_of(form={"email": "jane@example.com"})
    assert Path.parse("request.form.email").read(exchange) == "jane@example.com"
    assert Path.parse("request.json.email").read(exchange) is None


def test_an_empty_exchange_has_nothing() -> None:
    """A source that is not there reads as None, for every source."""
    exchange = Exchange({"type": "http", "method": "POST", "path": "/login"})
    for source in SOURCES:
        assert Path.parse(f"{source}.email").read(exchange) is None


@pytest.mark.parametrize("path", ["response.json.a.b", "request.headers.X-A", "user.email"])
def test_a_path_is_written_as_it_was_read(path: str) -> None:
    """`str` gives the path back."""
    assert str(Path.parse(path)) == path


@pytest.mark.parametrize(
    "text",
    ["", "email", "user", "user.", "user..email", "request.email", "requests.json.a", "User.email"],
)
def test_what_is_no_path(text: str) -> None:
    """The error names the path and the sources that there are."""
    with pytest.raises(ValueError, match=r"response\.json") as caught:
        Path.parse(text)
    assert repr(text) in str(caught.value)


def test_header_names_no_request_can_have(exchange: Exchange) -> None:
    """A header name outside ISO-8859-1 is refused when the rule is made, or reads as None."""
    try:
        path = Path.parse("request.headers.Имя")
    except ValueError:
        return
    assert path.read(exchange) is None


def test_the_user() -> None:
    """`scope["user"]`, or else the state's."""
    assert user_of(exchange_of(user="a", state={"user": "b"})) == "a"
    assert user_of(exchange_of(user=None, state={"user": "b"})) == "b"
    assert user_of(exchange_of(state=SimpleNamespace(user="c"))) == "c"
    assert user_of(exchange_of()) is None


@pytest.mark.parametrize(
    ("holder", "name", "value"),
    [
        ({"a": 1}, "a", 1),
        ({"_a": 1}, "_a", 1),
        ({}, "keys", None),
        ([1, 2], "1", 2),
        ((1, 2), "0", 1),
        ([1, 2], "2", None),
        ([1, 2], "append", None),
        ("text", "0", None),
        (b"text", "0", None),
        (None, "a", None),
        (SimpleNamespace(a=1), "a", 1),
        (SimpleNamespace(_a=1), "_a", None),
        (5, "real", 5),
    ],
    ids=range(13),
)
def test_steps(holder: object, name: str, value: object) -> None:
    """Mappings by key, lists by index, objects by public attribute."""
    assert step(holder, name) == value


ANY: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(ANY, st.text(min_size=1, max_size=12))
def test_any_step_may_be_taken(holder: Any, name: str) -> None:
    """A step into any document by any name finds something or None, and never raises."""
    step(holder, name)
