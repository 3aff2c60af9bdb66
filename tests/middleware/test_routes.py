"""Routes: which rules a request is about, and what they come to together."""

import pytest

from asgi_support import JANE, exchange_of, scope_of
from frontdesk.event import LOGGED_IN, SIGNED_UP
from frontdesk.routes import RouteTable
from frontdesk.rules import Finding, Rule


def rules_at(table: RouteTable, path: str, method: str = "POST") -> list[Rule]:
    """The rules for a path, in the order they are asked."""
    group = table.find(scope_of(path, method))
    return [] if group is None else list(group.rules)


def table(*routes: str) -> RouteTable:
    """A table of login rules."""
    return RouteTable(Rule(LOGGED_IN, route) for route in routes)


@pytest.mark.parametrize(
    ("route", "path", "root_path", "is_found"),
    [
        ("/login", "/login", "", True),
        ("/login", "/login/", "", True),
        ("/login/", "/login", "", True),
        ("/login", "/login//", "", False),
        ("/login", "/Login", "", False),
        ("/login", "/login/x", "", False),
        ("/login", "/x/login", "", False),
        ("/login", "/shop/login", "/shop", True),
        ("/login", "/login", "/shop", True),
        ("/shop/login", "/login", "/shop", True),
        ("/shop/login", "/shop/login", "/shop", True),
        ("/login", "/shop/login", "/other", False),
        ("/{site}/login", "/de/login", "", True),
        ("/{site}/login", "/de/login/", "", True),
        ("/{site}/login", "//login", "", False),
        ("/{site}/login", "/de/at/login", "", False),
        ("/{site}/login", "/shop/de/login", "/shop", True),
        ("/{site}/{lang}/login", "/a/b/login", "", True),
        ("/a.b/{x}", "/a.b/1", "", True),
        ("/a.b/{x}", "/aXb/1", "", False),
        ("/", "/", "", True),
        ("/", "", "", False),
    ],
    ids=range(22),
)
def test_finding_rules(route: str, path: str, root_path: str, is_found: bool) -> None:
    """A path is known as it stands, with and without the root path, with and without a slash."""
    found = table(route).find(scope_of(path, root_path=root_path))
    assert bool(found) is is_found


def test_paths_are_what_the_hot_path_asks() -> None:
    """Every path that may be a rule's is among `paths`; None, a lifespan's, never is."""
    exact, any_path = table("/login"), table("/login", "/{site}/login")
    assert "/login" in exact.paths
    assert "/login/" in exact.paths
    assert "/" not in exact.paths
    assert None not in exact.paths
    assert "/de/login/" in any_path.paths
    assert "/login" in any_path.paths
    assert "/anything" not in any_path.paths
    assert None not in any_path.paths
    assert 5 not in any_path.paths


def test_rules_of_one_route_keep_their_order() -> None:
    """Several rules of one route are asked as they were given."""
    first, second = Rule(SIGNED_UP, "/x", when=[201]), Rule(LOGGED_IN, "/x/")
    assert rules_at(RouteTable([first, second]), "/x/") == [first, second]


def test_templates_that_overlap() -> None:
    """Of templates that both fit, the first given is asked."""
    first, second = Rule(SIGNED_UP, "/{a}/x"), Rule(LOGGED_IN, "/s/{b}")
    assert rules_at(RouteTable([first, second]), "/s/x") == [first, second]


def test_rules_that_name_traits_are_found() -> None:
    """Rules with tables of traits stand in a table of rules like any other."""
    own = Rule(LOGGED_IN, "/login", traits={"email": ["response.json.mail"]}, when=[200])
    for route in ("/login", "/{site}"):
        other = Rule(LOGGED_IN, route, traits={"email": "response.json.e"}, user_id=["user.id"])
        assert rules_at(RouteTable([own, other]), "/login") == [own, other]


def test_a_template_given_first_is_asked_first() -> None:
    """Rules are asked in the order given, also when the first is a template and the next is not."""
    own, built_in = (
        Rule(LOGGED_IN, "/api/{version}/login", when=[299]),
        Rule(LOGGED_IN, "/api/v1/login"),
    )
    assert rules_at(RouteTable([own, built_in]), "/api/v1/login")[0] is own


def test_the_same_rules_are_one_group() -> None:
    """What was found once for a path is found again as it is."""
    both = table("/{a}/x", "/s/{b}", "/s/x")
    assert both.find(scope_of("/s/x")) is both.find(scope_of("/s/x/"))
    assert both.find(scope_of("/q/x")) is not both.find(scope_of("/s/x"))


def test_of_several_rules_the_first_that_finds_somebody_counts() -> None:
    """One after the other; if none does, the first's reason is told."""
    exact = Rule(SIGNED_UP, "/x", when=[201])
    rules = RouteTable([exact, Rule(LOGGED_IN, "/x", when=[200])])
    group = rules.find(scope_of("/x"))
    assert group is not None
    found = group.judge(exchange_of(response={"user": {"email": JANE}}, status=200))
    assert isinstance(found, Finding)
    assert found.event == LOGGED_IN
    assert group.judge(exchange_of(response={"user": {"email": JANE}}, status=202)) == "status"


def test_errors_are_looked_at_only_where_a_rule_takes_them() -> None:
    """A 401 may be a registration whose address is to be verified."""
    pending = Rule(SIGNED_UP, "/x", when={"status": [401], "json": {"flow": "verify_email"}})
    taking = RouteTable([Rule(LOGGED_IN, "/x"), pending]).find(scope_of("/x"))
    assert taking is not None
    assert taking.takes_errors
    other = table("/x").find(scope_of("/x"))
    assert other is not None
    assert not other.takes_errors


def test_the_methods_of_a_path() -> None:
    """For saying why a request was not watched."""
    both = RouteTable([Rule(LOGGED_IN, "GET /a/{b}"), Rule(LOGGED_IN, "/a/b")])
    assert both.methods_at("/a/b") == ["GET", "POST"]
    assert both.methods_at("/a/c") == ["GET"]
    assert both.methods_at("/") == []
