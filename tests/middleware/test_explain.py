"""Explanations: the engine's own steps, and the same end as the engine's."""

from typing import Any

import pytest
from hypothesis import given

from asgi_support import HTML, JANE, SECRET, exchange_of, scope_of
from frontdesk import add_traits, veto
from frontdesk.event import COUNTS, LOGGED_IN, SIGNED_UP
from frontdesk.exchange import Exchange
from frontdesk.explain import Explanation, Trait, explain
from frontdesk.notes import MARK, Notes
from frontdesk.presets import USUAL_ROUTES, rules_of
from frontdesk.reasons import REASONS
from frontdesk.routes import RouteTable
from frontdesk.rules import Finding, Rule
from fuzz_strategies import inputs
from fuzz_target import TABLE
from fuzz_target import exchange_of as fuzzed

USUAL = RouteTable(rules_of([USUAL_ROUTES]))


def explained(table: RouteTable = USUAL, **answer: Any) -> Explanation:
    """The explanation of one exchange."""
    return explain(table, exchange_of(**answer))


def test_a_login() -> None:
    """Which rule, which traits from where, masked."""
    told = explained(
        request={"email": JANE, "password": SECRET},
        response={"user": {"email": JANE, "firstName": "Jane", "id": 7}},
    )
    assert (told.method, told.path, told.status) == ("POST", "/login", 200)
    [verdict] = told.captured
    assert (verdict.rule, verdict.event) == ("POST /login", LOGGED_IN)
    assert verdict.origin == "preset usual-routes"
    assert verdict.user_id == "•••"
    assert Trait("firstName", "J•••", "response.json") in verdict.traits
    assert Trait("email", "j•••@e•••.com", "response.json") in verdict.traits
    assert SECRET not in repr(told)
    assert JANE not in repr(told)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"response": {"error": "x"}}, "error_in_answer"),
        ({"status": 401, "response": {}}, "status"),
        ({"content": b"<form>", "content_type": HTML}, "no_json"),
        ({"response": {"ok": True}}, "anonymous"),
        ({"request": {"email": JANE}, "response": {"message": "hi"}}, "no_sign"),
        ({"form": {"email": JANE}, "status": 302, "headers": [(b"location", b"/login")]},
         "redirected_back"),
    ],
    ids=range(6),
)  # fmt: skip
def test_why_not(answer: dict[str, Any], reason: str) -> None:
    """The reason is the counter's."""
    [verdict] = explained(**answer).verdicts
    assert verdict.reason == reason
    assert not verdict.is_captured


def test_no_rule() -> None:
    """What is near is said, and what would help."""
    told = explain(USUAL, Exchange(scope_of("/club/join")))
    assert told.unwatched is not None
    assert told.unwatched[0] == "no rule is about this route"
    assert 'route = "POST /club/join"' in told.unwatched[1]
    told = explain(USUAL, Exchange(scope_of("/login", "GET")))
    assert told.unwatched is not None
    assert "by POST alone" in told.unwatched[0]


def test_paths_of_a_rule() -> None:
    """Which path a trait came from, and which held nothing."""
    rule = Rule(
        SIGNED_UP,
        "/login",
        traits={
            "email": ["response.json.mail", "request.json.mail"],
            "phone": ["response.json.tel"],
            "birthday": "request.json.born",
        },
        drop=["birthday"],
        when="2xx",
    )
    told = explained(RouteTable([rule]), request={"mail": JANE, "born": "2000-01-01"}, response={})
    [verdict] = told.captured
    assert [(trait.name, trait.source) for trait in verdict.traits] == [
        ("email", "request.json.mail")
    ]
    assert verdict.origin == "your own rule"
    assert set(verdict.left_out) == {
        ("birthday", "dropped by `drop`"),
        ("phone", "nothing at response.json.tel"),
    }


def test_what_a_handler_said() -> None:
    """Its traits are its own; a veto is a reason."""
    exchange = exchange_of(response={"user": {"email": JANE}})
    exchange.scope[MARK] = Notes()
    add_traits(exchange.scope, {"phone_number": "1"})
    [verdict] = explain(USUAL, exchange).captured
    assert Trait("phone", "•••", "frontdesk.add_traits()") in verdict.traits
    veto(exchange.scope)
    [verdict] = explain(USUAL, exchange).verdicts
    assert verdict.reason == "vetoed"
    exchange.scope[MARK].tell()
    assert explain(USUAL, exchange).unwatched == REASONS["told"]


def test_every_reason_has_words() -> None:
    """What is counted as skipped can be explained."""
    skipped = {name.partition(".")[2] for name in COUNTS if name.startswith("skipped.")}
    assert skipped - REASONS.keys() == set()


@given(inputs())
def test_the_same_end_as_the_engine(made: tuple[list[int], list[bytes], int]) -> None:
    """What is told is what would have been written."""
    picks, sections, _ = made
    exchange = fuzzed(picks, sections)
    group = TABLE.find(exchange.scope)
    assert group is not None
    judged = group.judge(exchange) if group.concerns(exchange) else []
    results = judged if isinstance(judged, list) else [judged]
    told = explain(TABLE, exchange)
    findings = [one for one in results if isinstance(one, Finding)]
    assert [verdict.event for verdict in told.captured] == [one.event for one in findings]
    for verdict, found in zip(told.captured, findings, strict=True):
        assert {trait.name for trait in verdict.traits} == set(found.traits)
        assert "unknown" not in {trait.source for trait in verdict.traits}
    if not findings and results:
        assert results[0] in {verdict.reason for verdict in told.verdicts}
