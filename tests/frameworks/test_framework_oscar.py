"""django-oscar, whose one page logs in and registers, on both kinds of server and in every way."""

import pytest

from app_django_shops import (
    CHANGED,
    PASSWORD,
    SOME_WAYS,
    STAFF,
    Shop,
    Shops,
    Way,
    assert_nothing_secret,
    written,
)
from frontdesk.event import LOGGED_IN, SIGNED_UP

PACKAGE = "oscar_shop"
JANE = "jane.doe@example.com"
BOB = "BOB.RAY@EXAMPLE.COM"
LOGIN = "/accounts/login/"


def registration(address: str, password: str = PASSWORD) -> dict[str, str]:
    """The right half of the page."""
    return {
        "registration-email": address,
        "registration-password1": PASSWORD,
        "registration-password2": password,
        "registration-redirect_url": "",
        "registration_submit": "Register",
    }


def login(address: str, password: str = PASSWORD, goal: str = "") -> dict[str, str]:
    """The left half of the page."""
    return {
        "login-username": address,
        "login-password": password,
        "login-redirect_url": goal,
        "login_submit": "Log In",
    }


def visit(shop: Shop) -> None:
    """Two customers register, by either page, come back, and do what customers do."""
    with shop.browser() as jane, shop.browser() as bob, shop.browser() as again:
        for page in ("/catalogue/", "/basket/", LOGIN, "/accounts/register/"):
            assert jane.get(page).status_code == 200
        assert jane.post(LOGIN, registration(JANE, "x")).status_code == 200
        assert jane.post(LOGIN, registration(JANE)).headers["location"] == "/accounts/profile/"
        assert bob.post(LOGIN, registration(JANE)).status_code == 200  # a customer already
        assert bob.post(LOGIN, {"neither": "nor"}).status_code == 400
        form = {"email": BOB, "password1": PASSWORD, "password2": PASSWORD, "redirect_url": ""}
        page = "/accounts/register/"
        assert bob.post(page, {**form, "password2": "x"}).status_code == 200
        assert bob.post(page, {**form, "email": JANE}).status_code == 200
        assert bob.post(page, form).headers["location"] == "/accounts/profile/"
        assert jane.get("/accounts/logout/").status_code == 302
        assert jane.post(LOGIN, login(JANE, "wrong")).status_code == 200
        assert jane.post(LOGIN, login("nobody@example.com")).status_code == 200
        assert jane.post(LOGIN, login(JANE)).headers["location"] == "/accounts/profile/"
        assert jane.get("/accounts/profile/").status_code == 200
        answer = again.post(LOGIN, login(JANE.upper(), goal="/checkout/"))
        assert answer.headers["location"] == "/checkout/"
        profile = {"email": BOB, "first_name": "Bob", "last_name": "Ray"}
        assert bob.post("/accounts/profile/edit/", profile).status_code == 302
        change = {"new_password1": CHANGED, "new_password2": CHANGED}
        page = "/accounts/change-password/"
        answer = bob.post(page, {"old_password": PASSWORD, **change})
        assert answer.headers["location"] == "/accounts/profile/"


def visit_as_others(shop: Shop) -> None:
    """Somebody who forgot a password; staff, by both of its entrances."""
    with shop.browser() as bob, shop.browser() as staff, shop.browser() as admin:
        assert bob.post("/password-reset/", {"email": BOB}).status_code == 302
        link = shop.mailed(BOB, r"(/password-reset/confirm/\S+)")
        form_page = bob.get(link).headers["location"]
        change = {"new_password1": PASSWORD, "new_password2": PASSWORD}
        answer = bob.post(form_page, change)
        assert answer.headers["location"] == "/password-reset/complete/"
        typed = {"username": STAFF, "password": PASSWORD}
        assert staff.post("/dashboard/login/", typed).headers["location"] == "/dashboard/"
        assert admin.post("/admin/login/?next=/admin/", typed).status_code == 302


@pytest.mark.parametrize("way", SOME_WAYS.values(), ids=SOME_WAYS)
def test_a_day(way: Way, shops: Shops) -> None:
    """Each registration and each login once, in their order, and nothing else."""
    with shops.running(way, PACKAGE) as shop:
        visit(shop)
        visit_as_others(shop)
        messages = written(shop)
        assert_nothing_secret(shop, way)
    assert [(message.event, message.key) for message in messages] == [
        (SIGNED_UP, JANE),
        (SIGNED_UP, BOB.lower()),
        (LOGGED_IN, JANE),
        (LOGGED_IN, JANE),
    ]
    if way.has_app:
        assert [message.user_id for message in messages] == ["2", "3", "2", "2"]
        assert {message.route for message in messages} == {
            "POST /accounts/login/",
            "POST /accounts/register/",
        }
