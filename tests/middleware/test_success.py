"""What success looks like, as a table."""

from typing import Any

import pytest

from asgi_support import exchange_of
from frontdesk.event import COUNTS, LOGGED_IN, SIGNED_UP
from frontdesk.rules import Finding, Rule
from frontdesk.success import failure
from frontdesk.when import When

TYPED = {"email": "jane@example.com"}


def to(location: str, status: int = 303) -> dict[str, Any]:
    """A form answered by a redirect."""
    return {"form": TYPED, "status": status, "headers": [(b"location", location.encode())]}


ROWS: list[tuple[str, dict[str, Any], str | None]] = [
    # JSON answers
    ("200", {"response": {"ok": True}}, None),
    ("201", {"response": {}, "status": 201}, None),
    ("204", {"status": 204}, None),
    ("200 without a body", {"content_type": b"text/html"}, None),
    ("problem json", {"response": {}, "content_type": b"application/hal+json"}, None),
    ("list", {"response": []}, None),
    ("null error", {"response": {"error": None, "errors": []}}, None),
    ("error", {"response": {"error": "bad password"}}, "error_in_answer"),
    ("errors", {"response": {"errors": [{"message": "no"}]}}, "error_in_answer"),
    ("success false", {"response": {"success": False}}, "error_in_answer"),
    ("ok false", {"response": {"ok": False}}, "error_in_answer"),
    ("status error", {"response": {"status": "Error"}}, "error_in_answer"),
    ("status fail", {"response": {"status": "fail"}}, "error_in_answer"),
    ("status unauthorized", {"response": {"status": "unauthorized"}}, "error_in_answer"),
    ("status number", {"response": {"status": 0}}, None),
    ("status success", {"response": {"status": "success"}}, None),
    ("malformed json", {"content": b"{"}, "unreadable"),
    ("success 0", {"response": {"success": 0}}, "error_in_answer"),
    ("success false, as text", {"response": {"success": "false"}}, "error_in_answer"),
    ("success 1", {"response": {"success": 1}}, None),
    ("success null", {"response": {"success": None}}, None),
    # the form shown again
    ("200 html", {"content": b"<form>", "content_type": b"text/html"}, "no_json"),
    ("200 text", {"content": b"welcome", "content_type": b"text/plain"}, "no_json"),
    # failures
    ("0", {"status": 0}, "status"),
    ("101", {"status": 101}, "status"),
    ("400", {"response": {}, "status": 400}, "status"),
    ("401", {"response": {}, "status": 401}, "status"),
    ("403", {"response": {}, "status": 403}, "status"),
    ("409", {"response": {}, "status": 409}, "status"),
    ("422", {"response": {}, "status": 422}, "status"),
    ("429", {"response": {}, "status": 429}, "status"),
    ("500", {"response": {}, "status": 500}, "status"),
    ("503", {"response": {}, "status": 503}, "status"),
    # redirects of a form
    ("home", to("/"), None),
    ("302", to("/account", 302), None),
    ("301", to("/account", 301), None),
    ("307", to("/account", 307), "status"),
    ("308", to("/account", 308), "status"),
    ("304", to("/account", 304), "status"),
    ("elsewhere", to("https://shop.example/account"), None),
    ("query", to("/account?welcome=1"), None),
    ("the form", to("/login"), "redirected_back"),
    ("the form with a slash", to("/login/"), "redirected_back"),
    ("the form in capitals", to("/Login"), "redirected_back"),
    ("the form with a query", to("/login?error=1"), "redirected_back"),
    ("the form elsewhere", to("https://shop.example/en/login?next=/"), "redirected_back"),
    ("another form", to("/account/sign-in"), "redirected_back"),
    ("a second factor", to("/login/2fa"), "redirected_back"),
    ("another second factor", to("/mfa"), "redirected_back"),
    ("an error", to("/?error=credentials"), "redirected_back"),
    ("a failure", to("/?login=failed"), "redirected_back"),
    ("no address", to("http://["), "redirected_back"),
    ("json post redirected", {"request": TYPED, "status": 303}, "not_a_form"),
]


@pytest.mark.parametrize(
    ("exchange", "reason"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)
def test_automatic(exchange: dict[str, Any], reason: str | None) -> None:
    """What `auto` makes of a login's answer."""
    assert failure("auto", exchange_of(**exchange), LOGGED_IN) == reason
    assert reason is None or f"skipped.{reason}" in COUNTS


@pytest.mark.parametrize(
    ("event", "path", "location", "reason"),
    [
        (SIGNED_UP, "/register", "/login", None),
        (SIGNED_UP, "/register", "/account", None),
        (SIGNED_UP, "/register", "/register", "redirected_back"),
        (SIGNED_UP, "/register", "/en/sign-up?x=1", "redirected_back"),
        (LOGGED_IN, "/sessions", "/sessions", "redirected_back"),
        (LOGGED_IN, "/sessions", "/account", None),
    ],
    ids=range(6),
)
def test_which_page_is_the_form(event: str, path: str, location: str, reason: str | None) -> None:
    """A new customer may be sent on to log in; a login may not."""
    assert failure("auto", exchange_of(path=path, **to(location)), event) == reason


@pytest.mark.parametrize(
    "location", ["?wrong=1", "enter", "./enter?wrong=1", "../shop/enter", "#x"]
)
def test_relative_references_to_the_form(location: str) -> None:
    """A location may be relative to the form's own address (RFC 9110 section 10.2.2)."""
    exchange = exchange_of(path="/shop/enter", **to(location))
    assert failure("auto", exchange, LOGGED_IN) == "redirected_back"


def test_the_form_behind_a_prefix() -> None:
    """An app that knows its prefix sends the shopper back to the form with it."""
    exchange = exchange_of(path="/enter", root_path="/shop", **to("/shop/enter"))
    assert failure("auto", exchange, LOGGED_IN) == "redirected_back"


@pytest.mark.parametrize(
    ("when", "exchange", "reason"),
    [
        ("2xx", {"content": b"<p>", "content_type": b"text/html"}, None),
        ("2xx", {"response": {"error": "x"}}, None),
        ("2xx", {"status": 302}, "status"),
        ("2xx", {"status": 400}, "status"),
        ("redirect", {"request": TYPED, "status": 302, "headers": [(b"location", b"/a")]}, None),
        ("redirect", to("/login"), "redirected_back"),
        ("redirect", {"response": {}}, "status"),
        ((200, 302), {"status": 302, "headers": [(b"location", b"/login")]}, None),
        ((200, 302), {"content": b"<p>", "content_type": b"text/html"}, None),
        ((200, 302), {"status": 201}, "status"),
    ],
    ids=range(10),
)
def test_named(when: When, exchange: dict[str, Any], reason: str | None) -> None:
    """A rule that says what success is, is believed."""
    assert failure(when, exchange_of(**exchange), LOGGED_IN) == reason


def test_an_upload_is_a_form_too() -> None:
    """A form posted as multipart may be answered by a redirect."""
    exchange = exchange_of(
        request_type=b"multipart/form-data; boundary=x", status=303, headers=[(b"location", b"/")]
    )
    assert failure("auto", exchange, LOGGED_IN) is None


@pytest.mark.parametrize(
    "answer",
    [
        False,
        "Invalid password",
        ["bad password"],
        {},
        {"message": "Invalid credentials"},
        {"user": None},
        {"token": None},
        {"code": 401, "message": "no"},
        {"statusCode": "401"},
        {"status": False},
        {"authenticated": False},
        {"logged_in": False},
        {"isSuccess": False},
        {"errorMessage": "no"},
        {"error_code": 7},
        {"detail": "no"},
        {"data": {"success": False}},
        {"data": {"errors": ["no"]}},
        {"mfa_required": True, "mfa_token": "x"},
        {"requires_two_factor": True, "token": "half"},
    ],
    ids=str,
)
def test_an_answer_that_shows_no_success_identifies_nobody(answer: object) -> None:
    """What was typed alone is no customer: many an API tells a failed login with a 200."""
    exchange = exchange_of(request={"email": "jane@example.com"}, response=answer)
    assert isinstance(Rule(LOGGED_IN, "/login").judge(exchange), str)


@pytest.mark.parametrize(
    "answer",
    [
        {"access_token": "x", "token_type": "bearer"},
        {"token": "x"},
        {"success": True},
        {"status": "ok"},
        {"data": {"userId": 7}},
        {"user": {"id": 7}},
        {"error": {"code": 0, "message": ""}, "user": {"id": 7}},
        {"error": "0", "token": "x"},
    ],
    ids=str,
)
def test_an_answer_that_shows_success(answer: object) -> None:
    """A token, an id, or a word that says so."""
    exchange = exchange_of(request={"email": "jane@example.com"}, response=answer)
    assert isinstance(Rule(LOGGED_IN, "/login").judge(exchange), Finding)


@pytest.mark.parametrize(
    ("event", "path", "location", "reason"),
    [
        (SIGNED_UP, "/accounts/register/", "/accounts/register/complete/", None),
        (SIGNED_UP, "/signup", "/signup/welcome", None),
        (SIGNED_UP, "/register", "/verify-email", None),
        (LOGGED_IN, "/login", "/login/success", None),
        (LOGGED_IN, "/login", "/search?q=failsafe+lock", None),
        (LOGGED_IN, "/login", "https://www.example.com/account", None),
        *(
            (LOGGED_IN, "/enter", location, "redirected_back")
            for location in (
                *("/login.html", "/login;jsessionid=1", "/%6Cogin", "/#error", "/?invalid=1"),
                *("/?err=1", "/?msg=wrong", "/verify-otp", "/totp", "/2fa-challenge"),
                *("/auth/verify", "/accounts/locked", "/sessions/new", "/login/2fa"),
            )
        ),
        (LOGGED_IN, "/login", "https://idp.example.com/authorize?client_id=x", "sent_elsewhere"),
    ],
    ids=str,
)
def test_where_redirects_lead(event: str, path: str, location: str, reason: str | None) -> None:
    """On into the shop, back to the form, to one step more, or to somebody else's login."""
    assert failure("auto", exchange_of(path=path, **to(location)), event) == reason
