"""Presets: the usual routes."""

import pytest

from asgi_support import scope_of
from frontdesk.event import LOGGED_IN, SIGNED_UP
from frontdesk.exceptions import ConfigurationError
from frontdesk.presets import AUTO, USUAL_ROUTES, chosen, names, preset, preset_of, rules_of
from frontdesk.routes import RouteTable
from frontdesk.rules import Rule

USUAL = RouteTable(rules_of([USUAL_ROUTES]))


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
    group = USUAL.find(scope_of(path))
    assert group is not None
    assert {(rule.event, rule.method) for rule in group.rules} == {(event, "POST")}


@pytest.mark.parametrize("path", ["/", "/logout", "/cart", "/products/login-shoes", "/password"])
def test_other_routes(path: str) -> None:
    """What is no login is no business of ours."""
    assert path not in USUAL.paths


def test_the_usual_routes_are_looked_up() -> None:
    """One dictionary look-up decides, not an expression, also with all that `auto` may choose."""
    assert type(USUAL.paths) is dict
    assert type(RouteTable(rules_of([AUTO], loaded=())).paths) is dict


@pytest.mark.parametrize("name", names())
def test_every_preset_can_be_read(name: str) -> None:
    """Each says what it is for, and has rules; none says the same thing twice."""
    one = preset(name)
    assert one.about
    assert one.rules
    said = [(rule.event, rule.name, rule.operations, repr(rule.when)) for rule in one.rules]
    assert len(said) == len(set(said))


@pytest.mark.parametrize("name", names())
def test_no_preset_is_about_what_is_no_login(name: str) -> None:
    """Nobody is identified by a logout, a reset of a password or a renewal of a token."""
    for rule in preset(name).rules:
        for word in ("logout", "reset", "refresh", "forgot", "admin"):
            assert word not in " ".join((rule.path, *rule.operations)).lower()


def test_auto_goes_by_what_is_loaded() -> None:
    """A framework's preset is chosen when the app has loaded the framework."""
    by_module = [one for one in map(preset, names()) if one.modules]
    for one in by_module:
        assert one.name in [c.name for c in chosen([AUTO], loaded=one.modules)]
        if not one.is_automatic:
            assert one.name not in [c.name for c in chosen([AUTO], loaded=())]


def test_the_usual_routes_are_asked_last() -> None:
    """Whoever knows the framework is asked before."""
    assert [one.name for one in chosen([USUAL_ROUTES, AUTO])][-1] == USUAL_ROUTES


def test_a_later_preset_is_not_asked_about_an_earlier_ones_route() -> None:
    """What the framework's own rule refuses is not taken by a general one."""
    for name in names():
        own = {rule.name for rule in preset(name).rules if not rule.operations}
        rules = rules_of([name, USUAL_ROUTES])
        usual = {rule.name for rule in rules if rule.origin == USUAL_ROUTES}
        assert usual
        assert name == USUAL_ROUTES or not own & usual


def test_a_document_says_many_rules_at_once() -> None:
    """Routes below prefixes; a rule's own prefixes win."""
    one = preset_of(
        "x",
        {
            "about": " text\n",
            "module": "shop",
            "prefixes": ["", "/api"],
            "rule": [
                {"event": LOGGED_IN, "routes": ["/login", "PUT /session"]},
                {"event": SIGNED_UP, "route": "/join", "prefixes": ["/v1"], "when": [201]},
            ],
        },
    )
    assert (one.about, one.modules, one.is_automatic) == ("text", ("shop",), False)
    assert [rule.name for rule in one.rules] == [
        *("POST /login", "PUT /session", "POST /api/login", "PUT /api/session"),
        "POST /v1/join",
    ]
    assert one.rules[-1] == Rule(SIGNED_UP, "POST /v1/join", when=[201])


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
