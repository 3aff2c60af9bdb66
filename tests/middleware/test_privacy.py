"""Privacy: consent, traits that are dropped, traits that travel as a hash."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asgi_support import JANE, Server, chunk, exchange_of, logging_in, read_messages, scope_of
from frontdesk import Capture, CaptureMiddleware, ConfigurationError, identify
from frontdesk.event import LOGGED_IN
from frontdesk.privacy import Privacy, compile_privacy, normal_form
from frontdesk.rules import Finding, Rule

PERSON = {"user": {"email": JANE, "id": 7, "phone": "+49 (30) 555-0100", "firstName": "Jane"}}
COOKIE = {"source": "request.cookies.consent", "accepts": ["yes", "all"]}


def sha256(text: str) -> str:
    """As the documentation says."""
    return hashlib.sha256(text.encode()).hexdigest()


def judged(exchange: Any = None, **keys: Any) -> Finding | str:
    """What a rule with these keys finds."""
    return Rule(LOGGED_IN, "/login", **keys).judge(exchange or exchange_of(response=PERSON))


def with_cookie(value: bytes) -> Any:
    """A login whose request has a consent cookie."""
    return exchange_of(response=PERSON, request_headers=[(b"cookie", b"consent=" + value)])


@pytest.mark.parametrize(
    ("consent", "exchange", "is_given"),
    [
        (COOKIE, with_cookie(b"yes"), True),
        (COOKIE, with_cookie(b"YES"), True),
        (COOKIE, with_cookie(b"%20all%20"), True),
        (COOKIE, with_cookie(b"no"), False),
        (COOKIE, with_cookie(b"yes,please"), False),
        (COOKIE, with_cookie(b""), False),
        (COOKIE, exchange_of(response=PERSON), False),
        (
            {"source": "request.cookies.consent", "pattern": r"C0004:1"},
            with_cookie(b"isGpcEnabled=0&groups=C0001%3A1%2CC0004%3A1"),
            True,
        ),
        (
            {"source": "request.cookies.consent", "pattern": r"C0004:1"},
            with_cookie(b"groups=C0001%3A1%2CC0004%3A0"),
            False,
        ),
        (
            {"source": "request.headers.x-consent", "accepts": "granted"},
            exchange_of(response=PERSON, request_headers=[(b"x-consent", b"granted")]),
            True,
        ),
        (
            {"source": "request.json.terms.marketing", "accepts": [True]},
            exchange_of(response=PERSON, request={"terms": {"marketing": True}}),
            True,
        ),
        (
            {"source": "request.json.terms.marketing", "accepts": [True]},
            exchange_of(response=PERSON, request={"terms": {"marketing": False}}),
            False,
        ),
        (
            {"source": ["session.consent", "request.cookies.consent"], "accepts": ["yes"]},
            with_cookie(b"yes"),
            True,
        ),
        (
            {"source": ["session.consent", "request.cookies.consent"], "accepts": ["yes"]},
            exchange_of(
                response=PERSON,
                request_headers=[(b"cookie", b"consent=yes")],
                session={"consent": "no"},
            ),
            False,
        ),
        ({"source": "traits.first_name", "accepts": ["jane"]}, None, True),
        ({"source": "traits.firstName", "accepts": ["joe"]}, None, False),
        ({"source": "request.cookies.consent_token", "accepts": ["1"]}, None, False),
    ],
    ids=range(17),
)
def test_consent(consent: Any, exchange: Any, is_given: bool) -> None:
    """The first source that holds something decides; nothing there is no consent."""
    found = judged(exchange, consent=consent)
    assert isinstance(found, Finding) is is_given
    assert is_given or found == "no_consent"


def test_a_rule_s_own_consent_replaces_the_general_one() -> None:
    """False is none at all; drop and hash add up."""
    general = compile_privacy(COOKIE, ["phone"], ["userId"], [])
    for own, is_given in ((None, False), (False, True), (COOKIE, False)):
        rule = Rule(LOGGED_IN, "/login", consent=own, hash=["firstName"]).under(general)
        found = rule.judge(exchange_of(response=PERSON))
        assert isinstance(found, Finding) is is_given
        if isinstance(found, Finding):
            assert found.traits == {"email": JANE, "firstName": sha256("jane")}
            assert found.user_id == sha256("7")


def test_a_rule_under_nothing_is_the_same_rule() -> None:
    """No copy where nothing is general."""
    rule = Rule(LOGGED_IN, "/login")
    assert rule.under(Privacy()) is rule
    assert rule.privacy is None


def test_drop() -> None:
    """By any spelling; without its id a customer is known by the address."""
    found = judged(drop=["first_name", "phone", "userId"])
    assert isinstance(found, Finding)
    assert (found.traits, found.user_id) == ({"email": JANE}, JANE)


def test_hash() -> None:
    """SHA-256 of the normal form, in hex; of tables, each value in it."""
    document = {
        "user": {**PERSON["user"], "address": {"city": " Bad  Homburg "}, "company": "ÄCME"}
    }
    found = judged(exchange_of(response=document), hash=["phone", "company", "address"])
    assert isinstance(found, Finding)
    assert found.traits["phone"] == sha256("+49305550100")
    assert found.traits["company"] == sha256("äcme")
    assert found.traits.get("address", {"city": sha256("bad homburg")}) == {
        "city": sha256("bad homburg")
    }
    assert found.traits["email"] == JANE


@given(st.text(), st.text(alphabet=" \t\n\u00a0", max_size=3))
def test_the_normal_form_is_one(text: str, space: str) -> None:
    """However a value is written, its hash is the same."""
    assert normal_form("x", normal_form("x", text)) == normal_form("x", text)
    assert normal_form("x", space + text + space) == normal_form("x", text)
    assert normal_form("phone", f"{text} ") == normal_form("phone", text)


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ({"drop": ["email"]}, "drop: email is the customer's key"),
        ({"hash": ["mail"]}, "hash: email is the customer's key"),
        ({"drop": "phone"}, "drop: expected a list of traits"),
        ({"hash": [5]}, "hash: expected a list of traits"),
        ({"drop": None}, "drop: expected a list of traits"),
        ({"consent": {"accepts": ["x"]}}, "consent: expected a table of source, and"),
        ({"consent": {"source": "user.x", "or": 1}}, "consent: expected a table of source, and"),
        ({"consent": True}, "consent: expected a table of source, and"),
        ({"consent": {"source": "user.x"}}, "consent: expected accepts or pattern"),
        ({"consent": {"source": "cookie", "accepts": ["x"]}}, "consent.source: 'cookie' is no"),
        ({"consent": {"source": [], "accepts": ["x"]}}, "consent.source: expected a path"),
        ({"consent": {"source": [5], "accepts": ["x"]}}, "consent.source: '5' is no path"),
        ({"consent": {"source": "user.x", "accepts": 5}}, "consent.accepts: expected a list"),
        ({"consent": {"source": "user.x", "pattern": "("}}, "consent.pattern: expected a regular"),
        ({"consent": {"source": "user.x", "pattern": 5}}, "consent.pattern: expected a regular"),
    ],
    ids=range(15),
)
def test_what_is_wrong_is_named(keys: Any, problem: str) -> None:
    """For a rule and for all of them."""
    with pytest.raises(ConfigurationError) as caught:
        Rule(LOGGED_IN, "/login", **keys)
    assert caught.value.problems[0].startswith(f"rule '/login': {problem}")
    if keys != {"consent": True}:
        with pytest.raises(ConfigurationError) as caught:
            Capture(**keys)
        assert caught.value.problems[0].startswith(f"capture.{problem}")


@pytest.mark.anyio
async def test_what_holds_for_all_rules(journal: Path) -> None:
    """Consent, drop and hash of `[capture]` hold for built-in rules; refusals are counted."""
    settings = Capture(journal=str(journal), consent=COOKIE, drop=["phone"], hash=["firstName"])
    app = CaptureMiddleware(logging_in(PERSON), settings=settings)
    await Server(chunk(b"{}")).call(app, scope_of())
    assert app.desk.statistics() == {"skipped.no_consent": 1}
    await Server().call(app, scope_of(headers=[(b"cookie", b"a=b; consent=yes")]))
    [message] = [one for one in read_messages(journal) if one.traits]
    assert message.traits == {"email": JANE, "firstName": sha256("jane")}


def test_identify_keeps_to_drop_and_hash(journal: Path) -> None:
    """What must not travel in the clear does not, whoever says it."""
    settings = Capture(journal=str(journal), drop=["phone"], hash=["userId"])
    assert identify("u-7", {"email": JANE, "phone": "555-0100"}, settings=settings)
    [message] = read_messages(journal)
    assert message.traits == {"email": JANE}
    assert message.user_id == sha256("u-7")
