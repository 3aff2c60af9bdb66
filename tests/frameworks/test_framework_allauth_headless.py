"""allauth's headless API, as a browser's script and as an app on a phone call it."""

import contextlib
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from app_django_shops import (
    CHANGED,
    OTHER_WAYS,
    PASSWORD,
    SOME_WAYS,
    STAFF,
    Browser,
    Shop,
    Shops,
    Way,
    written,
)
from asgi_support import read_lines
from frontdesk.event import LOGGED_IN, SIGNED_UP

PACKAGE = "allauth_shop"
JANE = "jane.doe@example.com"
BOB = "bob.ray@example.com"


@pytest.fixture(params=["browser", "app"])
def kind(request: pytest.FixtureRequest) -> str:
    """By whom the API is called."""
    name: str = request.param
    return name


class Script:
    """Calls the API and keeps what it gives out: a cookie, or a token in the answer."""

    def __init__(self, browser: Browser, kind: str) -> None:
        self._browser = browser
        self._path = f"/_allauth/{kind}/v1"
        self._headers: dict[str, str] = {}
        assert self("GET", "/config").status_code == 200

    def __call__(self, method: str, path: str, document: Any = None) -> httpx.Response:
        answer = self._browser.send_json(method, self._path + path, document, **self._headers)
        token = answer.json().get("meta", {}).get("session_token")
        if token:
            self._headers = {"x-session-token": token}
        return answer


@contextlib.contextmanager
def scripts(shop: Shop, kind: str, number: int) -> Iterator[list[Script]]:
    """As many visitors."""
    with contextlib.ExitStack() as stack:
        browsers = [stack.enter_context(shop.browser()) for _ in range(number)]
        yield [Script(browser, kind) for browser in browsers]


def form_of(address: str, first: str, last: str) -> dict[str, str]:
    """What a customer types to register."""
    return {"email": address, "password": PASSWORD, "first_name": first, "last_name": last}


def typed_by(address: str, password: str = PASSWORD) -> dict[str, str]:
    """What a customer types to log in."""
    return {"email": address, "password": password}


def visit(jane: Script, bob: Script, again: Script, reset: Script, shop: Shop) -> None:
    """Two customers register, one logs in again, and does what customers do."""
    assert jane("GET", "/auth/session").status_code == 401
    form = form_of("Jane.Doe@Example.com", "Jane", "Doe")
    assert jane("POST", "/auth/signup", {**form, "password": "x"}).status_code == 400
    assert jane("POST", "/auth/signup", form).status_code == 200
    assert jane("GET", "/auth/session").status_code == 200
    assert jane("POST", "/auth/login", typed_by(JANE)).status_code == 409
    assert jane("POST", "/auth/reauthenticate", {"password": "wrong"}).status_code == 400
    assert jane("POST", "/auth/reauthenticate", {"password": PASSWORD}).status_code == 200
    key = shop.mailed(JANE, r"/verify-email/(\S+)")
    assert jane("POST", "/auth/email/verify", {"key": key}).status_code == 200
    assert bob("POST", "/auth/signup", form).status_code == 400  # she is a customer already
    assert bob("POST", "/auth/signup", form_of(BOB.upper(), "Bob", "Ray")).status_code == 200
    assert jane("DELETE", "/auth/session").status_code == 401
    assert again("POST", "/auth/login", typed_by(JANE, "wrong")).status_code == 400
    assert again("POST", "/auth/login", typed_by("nobody@example.com")).status_code == 400
    assert again("POST", "/auth/login", {}).status_code == 400
    assert again("POST", "/auth/login", typed_by(JANE.upper())).status_code == 200
    change = {"current_password": PASSWORD, "new_password": CHANGED}
    assert again("POST", "/account/password/change", change).status_code in (200, 401)
    assert reset("POST", "/auth/password/request", {"email": BOB}).status_code == 200
    key = shop.mailed(BOB, r"/password/reset/key/(\S+)")
    new = {"key": key, "password": CHANGED}
    assert reset("POST", "/auth/password/reset", new).status_code == 401
    assert reset("POST", "/auth/login", typed_by(BOB)).status_code == 400
    assert reset("POST", "/auth/login", typed_by(BOB, CHANGED)).status_code == 200


@pytest.mark.parametrize("way", SOME_WAYS.values(), ids=SOME_WAYS)
def test_a_day(way: Way, kind: str, shops: Shops) -> None:
    """Each registration and each login once, in their order, and nothing else."""
    with (
        shops.running(way, PACKAGE) as shop,
        scripts(shop, kind, 4) as (jane, bob, again, reset),
    ):
        visit(jane, bob, again, reset, shop)
        messages = written(shop)
        assert_nothing_secret(shop)
    assert [(message.event, message.key, message.user_id) for message in messages] == [
        (SIGNED_UP, JANE, "2"),
        (SIGNED_UP, BOB, "3"),
        (LOGGED_IN, JANE, "2"),
        (LOGGED_IN, BOB, "3"),
    ]
    names = [(m.traits["firstName"], m.traits["lastName"]) for m in messages[:2]]
    assert names == [("Jane", "Doe"), ("Bob", "Ray")]


@pytest.mark.parametrize("way", OTHER_WAYS.values(), ids=OTHER_WAYS)
def test_an_address_to_confirm(way: Way, kind: str, shops: Shops) -> None:
    """401 after a registration is one all the same; 401 after a login is none."""
    with (
        shops.running(way, PACKAGE, SHOP_VERIFICATION="mandatory") as shop,
        scripts(shop, kind, 2) as (jane, other),
    ):
        form = form_of(JANE, "Jane", "Doe")
        assert jane("POST", "/auth/signup", {**form, "password": "x"}).status_code == 400
        assert jane("POST", "/auth/signup", form).status_code == 401
        assert events(shop) == [SIGNED_UP]
        assert other("POST", "/auth/login", typed_by(JANE)).status_code == 401
        assert other("GET", "/auth/session").status_code == 401
        assert events(shop) == [SIGNED_UP]
        key = shop.mailed(JANE, r"/verify-email/(\S+)")
        assert jane("POST", "/auth/email/verify", {"key": "wrong"}).status_code == 400
        assert jane("POST", "/auth/email/verify", {"key": key}).status_code == 200
        assert events(shop) == [SIGNED_UP, LOGGED_IN]
        assert other("POST", "/auth/login", typed_by(JANE)).status_code == 200
        messages = written(shop)
        assert_nothing_secret(shop)
    assert [(message.event, message.key) for message in messages] == [
        (SIGNED_UP, JANE),
        (LOGGED_IN, JANE),
        (LOGGED_IN, JANE),
    ]
    # Unconfirmed, and maybe no registration at all: by the answer alone, names may be anybody's.
    assert messages[0].traits.get("firstName") == ("Jane" if way.has_app else None)


@pytest.mark.parametrize("way", SOME_WAYS.values(), ids=SOME_WAYS)
def test_a_code_by_mail(way: Way, kind: str, shops: Shops) -> None:
    """401 with a second step to take is no login; the second step is."""
    with (
        shops.running(way, PACKAGE, SHOP_CODE="yes") as shop,
        scripts(shop, kind, 1) as (staff,),
    ):
        assert staff("POST", "/auth/login", typed_by(STAFF)).status_code == 401
        code = shop.mailed(STAFF, r"\n([A-Z0-9]{4}-[A-Z0-9]{4})\n")
        assert staff("POST", "/auth/code/confirm", {"code": "WRNG-CODE"}).status_code == 400
        assert read_lines(shop.journal) == []
        assert staff("POST", "/auth/code/confirm", {"code": code}).status_code == 200
        (message,) = written(shop)
        assert (message.event, message.key) == (LOGGED_IN, STAFF)
        assert_nothing_secret(shop)


@pytest.mark.parametrize("name", ["app, uvicorn", "both, waitress"])
def test_a_registration_that_is_none(name: str, kind: str, shops: Shops) -> None:
    """allauth answers as if a customer's address were new. The app knows that it is not."""
    with (
        shops.running(OTHER_WAYS[name], PACKAGE, SHOP_VERIFICATION="mandatory") as shop,
        scripts(shop, kind, 2) as visitors,
    ):
        for script in visitors:
            form = form_of(JANE, "Jane", "Doe")
            assert script("POST", "/auth/signup", form).status_code == 401
        assert events(shop) == [SIGNED_UP]


def events(shop: Shop) -> list[str]:
    """What was noted."""
    return [message.event for message in written(shop)]


def assert_nothing_secret(shop: Shop) -> None:
    """No password and no token was written."""
    lines = b"".join(read_lines(shop.journal))
    for secret in (PASSWORD, CHANGED, "token", "csrf"):
        assert secret.encode() not in lines
