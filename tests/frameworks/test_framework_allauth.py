"""django-allauth's HTML pages, on every server and in every way."""

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
    assert_nothing_secret,
    told,
    written,
)
from asgi_support import read_lines
from frontdesk.event import LOGGED_IN, SIGNED_UP

PACKAGE = "allauth_shop"
JANE = "jane.doe@example.com"
BOB = "bob.ray@example.com"


def form_of(address: str, first: str, last: str) -> dict[str, str]:
    """What a customer types to register."""
    names = {"first_name": first, "last_name": last}
    return {"email": address, "password1": PASSWORD, "password2": PASSWORD, **names}


def typed_by(address: str, password: str = PASSWORD) -> dict[str, str]:
    """What a customer types to log in."""
    return {"login": address, "password": password}


def look_around(browser: Browser) -> None:
    """What everybody sees."""
    for page in ("/", "/products/garden-chair/", "/accounts/login/", "/accounts/signup/"):
        assert browser.get(page).status_code == 200


def fail_to_log_in(browser: Browser) -> None:
    """A wrong password, an unknown address, nothing at all."""
    page = "/accounts/login/"
    assert browser.post(page, typed_by(JANE, "wrong")).status_code == 200
    assert browser.post(page, typed_by("nobody@example.com")).status_code == 200
    assert browser.post(page, {}).status_code == 200


def visit(shop: Shop) -> None:
    """Two customers register; one comes back, by page and by script, and changes her password."""
    with shop.browser() as jane, shop.browser() as bob, shop.browser() as again:
        look_around(jane)
        form = form_of("Jane.Doe@Example.com", "Jane", "Doe")
        assert jane.post("/accounts/signup/", {**form, "password2": "x"}).status_code == 200
        assert jane.post("/accounts/signup/", form).headers["location"] == "/"
        assert bob.post("/accounts/signup/", form).status_code == 200  # she is a customer already
        form = form_of(BOB.upper(), "Bob", "Ray")
        assert bob.post("/accounts/signup/", form).headers["location"] == "/"
        assert jane.post("/accounts/logout/", {}).headers["location"] == "/"
        fail_to_log_in(jane)
        look_around(jane)
        page = "/accounts/login/?next=/checkout/confirm/"
        assert jane.post(page, typed_by(JANE)).headers["location"] == "/checkout/confirm/"
        assert jane.get("/accounts/email/").status_code == 200
        # She is logged in already, and the form that is still open sends her on unasked.
        wrong = typed_by(BOB, "wrong")
        assert jane.post("/accounts/login/", wrong).headers["location"] == "/"
        assert jane.post("/accounts/signup/", form).headers["location"] == "/"
        script = {"x-requested-with": "XMLHttpRequest"}
        page = "/accounts/login/"
        assert again.post(page, typed_by(JANE, "wrong"), **script).status_code == 400
        answer = again.post(page, typed_by(JANE.upper()), **script)
        assert answer.json()["location"] == "/"
    with shop.browser() as jane:
        assert jane.post("/accounts/password/reset/", {"email": JANE}).status_code == 302
        link = shop.mailed(JANE, r"(/account(?:s/password/reset|/password/reset/key)/\S+)")
        assert link


@pytest.mark.parametrize("way", SOME_WAYS.values(), ids=SOME_WAYS)
def test_a_day(way: Way, shops: Shops) -> None:
    """Each registration and each login once, in their order, and nothing else."""
    with shops.running(way, PACKAGE) as shop:
        visit(shop)
        messages = written(shop)
        assert_nothing_secret(shop, way)
    assert [(message.event, message.key) for message in messages] == [
        (SIGNED_UP, JANE),
        (SIGNED_UP, BOB),
        (LOGGED_IN, JANE),
        (LOGGED_IN, JANE),
    ]
    names = [(m.traits["firstName"], m.traits["lastName"]) for m in messages[:2]]
    assert names == [("Jane", "Doe"), ("Bob", "Ray")]
    if way.has_app:
        assert [message.user_id for message in messages] == ["2", "3", "2", "2"]


@pytest.mark.parametrize("way", OTHER_WAYS.values(), ids=OTHER_WAYS)
def test_an_address_to_confirm(way: Way, shops: Shops) -> None:
    """A registration is one before the address is confirmed; a login is none until it is."""
    with (
        shops.running(way, PACKAGE, SHOP_VERIFICATION="mandatory") as shop,
        shop.browser() as jane,
    ):
        form = form_of(JANE, "Jane", "Doe")
        answer = jane.post("/accounts/signup/", form)
        assert answer.headers["location"] == "/accounts/confirm-email/"
        assert told(written(shop)) == [(SIGNED_UP, JANE)]
        answer = jane.post("/accounts/login/", typed_by(JANE))
        assert answer.headers["location"] == "/accounts/confirm-email/"
        assert len(read_lines(shop.journal)) == 1
        link = shop.mailed(JANE, r"/verify-email/(\S+)")
        page = f"/accounts/confirm-email/{link}/"
        assert jane.post(page, {}).status_code == 302
        # What logs her in says nothing of her: only the app can know.
        expected = [(SIGNED_UP, JANE), *([(LOGGED_IN, JANE)] if way.has_app else [])]
        assert told(written(shop)) == expected
        with shop.browser() as other:
            assert other.post("/accounts/login/", typed_by(JANE)).headers["location"] == "/"
        assert told(written(shop)) == [*expected, (LOGGED_IN, JANE)]
        if way.has_app:
            confirmed = written(shop)[1]
            assert confirmed.route == "POST /accounts/confirm-email/{key}/"
        assert link.encode() not in b"".join(read_lines(shop.journal))


@pytest.mark.parametrize("name", ["app, uvicorn", "both, waitress"])
def test_a_registration_that_is_none(name: str, shops: Shops) -> None:
    """allauth answers as if a customer's address were new. The app knows that it is not."""
    with (
        shops.running(OTHER_WAYS[name], PACKAGE, SHOP_VERIFICATION="mandatory") as shop,
        shop.browser() as jane,
        shop.browser() as other,
    ):
        for browser in (jane, other):
            answer = browser.post("/accounts/signup/", form_of(JANE, "Jane", "Doe"))
            assert answer.headers["location"] == "/accounts/confirm-email/"
        assert told(written(shop)) == [(SIGNED_UP, JANE)]


@pytest.mark.parametrize("way", SOME_WAYS.values(), ids=SOME_WAYS)
def test_a_code_by_mail(way: Way, shops: Shops) -> None:
    """The password is not enough: the login is one when the code was right."""
    with (
        shops.running(way, PACKAGE, SHOP_CODE="yes") as shop,
        shop.browser() as staff,
    ):
        answer = staff.post("/accounts/login/", typed_by(STAFF))
        step = answer.headers["location"]
        assert step == "/accounts/login/code/confirm/"
        assert read_lines(shop.journal) == []
        code = shop.mailed(STAFF, r"\n([A-Z0-9]{4}-[A-Z0-9]{4})\n")
        assert staff.post(step, {"code": "WRNG-CODE"}).status_code == 200
        assert read_lines(shop.journal) == []
        assert staff.post(step, {"code": code}).headers["location"] == "/"
        assert told(written(shop)) == ([(LOGGED_IN, STAFF)] if way.has_app else [])


@pytest.mark.parametrize("way", SOME_WAYS.values(), ids=SOME_WAYS)
def test_a_password_changed(way: Way, shops: Shops) -> None:
    """Neither a new password nor being asked for the old one again is a login."""
    with shops.running(way, PACKAGE) as shop, shop.browser() as jane:
        assert jane.post("/accounts/signup/", form_of(JANE, "Jane", "Doe")).status_code == 302
        change = {"oldpassword": PASSWORD, "password1": CHANGED, "password2": CHANGED}
        assert jane.post("/accounts/password/change/", change).status_code == 302
        again = {"password": CHANGED}
        page = "/accounts/reauthenticate/?next=/accounts/email/"
        assert jane.post(page, again).headers["location"] == "/accounts/email/"
        assert told(written(shop)) == [(SIGNED_UP, JANE)]
        assert PASSWORD.encode() not in b"".join(read_lines(shop.journal))
