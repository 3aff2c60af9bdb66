"""Presets: the usual routes."""

import pytest

from asgi_support import scope_of
from frontdesk.event import LOGGED_IN, SIGNED_UP
from frontdesk.exceptions import ConfigurationError
from frontdesk.presets import DEFAULT_PRESETS, PRESETS, rules_of
from frontdesk.rules import RouteTable

USUAL = RouteTable(rules_of(DEFAULT_PRESETS))


@pytest.mark.parametrize(
    ("path", "event"),
    [
        ("/login", LOGGED_IN),
        ("/login/", LOGGED_IN),
        ("/auth/login", LOGGED_IN),
        ("/api/v1/auth/login", LOGGED_IN),
        ("/auth/jwt/login", LOGGED_IN),
        ("/users/sign_in", LOGGED_IN),
        ("/accounts/login/", LOGGED_IN),
        ("/token", LOGGED_IN),
        ("/api/v1/login/access-token", LOGGED_IN),
        ("/register", SIGNED_UP),
        ("/auth/register", SIGNED_UP),
        ("/api/users/signup", SIGNED_UP),
        ("/customer/account/create-account", SIGNED_UP),
    ],
)
def test_usual_routes(path: str, event: str) -> None:
    """The routes that most apps have are known, by POST alone."""
    rules = USUAL.find(scope_of(path))
    assert {(rule.event, rule.method) for rule in rules} == {(event, "POST")}


@pytest.mark.parametrize("path", ["/", "/logout", "/cart", "/products/login-shoes", "/password"])
def test_other_routes(path: str) -> None:
    """What is no login is no business of ours."""
    assert path not in USUAL.paths


def test_the_usual_routes_are_looked_up() -> None:
    """One dictionary look-up decides, not an expression."""
    assert type(USUAL.paths) is dict


@pytest.mark.parametrize("name", PRESETS)
def test_no_route_twice(name: str) -> None:
    """No preset names a route twice."""
    routes = [rule.name for rule in PRESETS[name]]
    assert len(routes) == len(set(routes))


def test_unknown_presets() -> None:
    """Every name there is none of is named, with the names there are."""
    with pytest.raises(ConfigurationError) as caught:
        rules_of(["nope", "usual-routes", "also-not"])
    assert [problem.partition(" is ")[0] for problem in caught.value.problems] == [
        "presets: 'also-not'",
        "presets: 'nope'",
    ]
    assert "usual-routes" in str(caught.value)


def test_no_presets() -> None:
    """Nothing named, no rules."""
    assert rules_of(()) == []
