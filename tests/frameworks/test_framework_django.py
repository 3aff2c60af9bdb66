"""Django's own views, as its documentation shows them, on every server and in every way."""

import pytest

from app_django_shops import (
    CHANGED,
    PASSWORD,
    WAYS,
    Shop,
    Shops,
    assert_nothing_secret,
    told,
    written,
)
from frontdesk.event import LOGGED_IN, SIGNED_UP

PACKAGE = "django_shop"
JANE = "jane.doe@example.com"
BOB = "BOB.RAY@EXAMPLE.COM"


#: Which user model the shop has: either with each interface, and in each way to capture.
USERS = {
    "zero code, uvicorn": "username",
    "zero code, waitress": "email",
    "app, uvicorn": "email",
    "app, waitress": "username",
    "app, gunicorn": "email",
    "both, uvicorn": "username",
    "both, waitress": "email",
}


def sign_up_form(user: str, address: str, **fields: str) -> dict[str, str]:
    """What a customer types to register."""
    typed = {"email": address, "password1": PASSWORD, "password2": PASSWORD, **fields}
    return typed if user == "email" else {"username": address, **typed}


def visit(shop: Shop, user: str) -> None:
    """Two customers come, register, come back, and do what customers do."""
    with shop.browser() as jane, shop.browser() as other:
        form = sign_up_form(user, JANE, first_name="Jane", last_name="Doe")
        if user == "email":
            form |= {"phone": "+49 30 1234", "birth_date": "1990-05-17"}
        for page in ("/", "/products/garden-chair/", "/accounts/signup/", "/accounts/login/"):
            assert jane.get(page).status_code == 200
        # Typed wrongly, taken already, then right.
        assert jane.post("/accounts/signup/", {**form, "password2": "x"}).status_code == 200
        assert jane.post("/accounts/signup/", form).headers["location"] == "/"
        assert other.post("/accounts/signup/", form).status_code == 200
        assert jane.get("/accounts/profile/").status_code == 200
        assert jane.post("/", {}, to="/accounts/logout/").status_code == 302
        typed = {"username": JANE, "password": PASSWORD}
        assert jane.post("/accounts/login/", {**typed, "password": "x"}).status_code == 200
        nobody = {**typed, "username": "nobody@example.com"}
        assert jane.post("/accounts/login/", nobody).status_code == 200
        answer = jane.post("/accounts/login/?next=/products/chair/", typed)
        assert answer.headers["location"] == "/products/chair/"
        change = {"new_password1": CHANGED, "new_password2": CHANGED}
        answer = jane.post("/accounts/password_change/", {"old_password": PASSWORD, **change})
        assert answer.headers["location"] == "/accounts/password_change/done/"


def visit_without_login(shop: Shop, user: str) -> None:
    """A page that registers and asks to log in; a script that logs in; a forgotten password."""
    with shop.browser() as bob:
        form = sign_up_form(user, BOB, first_name="Bob")
        assert bob.post("/accounts/register/", {**form, "password2": "x"}).status_code == 200
        answer = bob.post("/accounts/register/", form)
        assert answer.headers["location"] == "/accounts/login/"
        name = BOB if user == "username" else "BOB.RAY@example.com"  # as Django normalises it
        typed = {"username": name, "password": PASSWORD}
        assert bob.post("/accounts/login/", typed).headers["location"] == "/"
        assert bob.post("/", {}, to="/accounts/logout/").status_code == 302
        wrong = {**typed, "password": "x"}
        page = "/accounts/login/"
        assert bob.post(page, wrong, to="/accounts/signin/").status_code == 400
        assert bob.post(page, typed, to="/accounts/signin/").status_code == 200
        assert bob.post("/", {}, to="/accounts/logout/").status_code == 302
        assert bob.post("/accounts/password_reset/", {"email": name}).status_code == 302
        link = shop.mailed(name, r"(/accounts/reset/\S+)")
        form_page = bob.get(link).headers["location"]
        change = {"new_password1": CHANGED, "new_password2": CHANGED}
        answer = bob.post(form_page, change)
        assert answer.headers["location"] == "/accounts/reset/done/"


def visit_as_staff(shop: Shop, user: str) -> None:
    """Staff comes in by the admin site."""
    with shop.browser() as staff:
        typed = {"username": "staff" if user == "username" else "staff@example.com"}
        page = "/admin/login/?next=/admin/"
        assert staff.post(page, {**typed, "password": "x"}).status_code == 200
        assert staff.post(page, {**typed, "password": PASSWORD}).status_code == 302
        assert staff.get("/admin/").status_code == 200


@pytest.mark.parametrize("name", WAYS)
def test_a_day(name: str, shops: Shops) -> None:
    """Each registration and each login once, in their order, and nothing else."""
    way, user = WAYS[name], USERS[name]
    with shops.running(way, PACKAGE, SHOP_USER=user) as shop:
        visit(shop, user)
        messages = written(shop)
        assert told(messages) == [(SIGNED_UP, JANE), (LOGGED_IN, JANE)]
        signed_up = messages[0].traits
        assert (signed_up["firstName"], signed_up["lastName"]) == ("Jane", "Doe")
        if user == "email":
            assert (signed_up["phone"], signed_up["birthday"]) == ("+49 30 1234", "1990-05-17")
        assert [m.user_id for m in messages] == ["2" if way.has_app else JANE] * 2
        visit_without_login(shop, user)
        visit_as_staff(shop, user)
        later = written(shop)[2:]
        # The page that only registers gives no signal: alone, the app knows of Bob once he is in.
        first = [SIGNED_UP, LOGGED_IN] if way.is_wrapped else [SIGNED_UP]
        assert [message.event for message in later] == [*first, LOGGED_IN]
        assert {str(message.key) for message in later} == {BOB.lower()}
        assert_nothing_secret(shop, way)


@pytest.mark.parametrize("name", ["zero code, uvicorn", "app, waitress", "both, waitress"])
def test_where_a_login_leads(name: str, shops: Shops) -> None:
    """A login that leads on to the shop's own page is one, whatever the page is called."""
    user = USERS[name]
    with (
        shops.running(WAYS[name], PACKAGE, SHOP_USER=user) as shop,
        shop.browser() as jane,
    ):
        form = sign_up_form(user, JANE)
        assert jane.post("/accounts/signup/", form).headers["location"] == "/"
        for page in ("/checkout/confirm/", "/orders/verify/", "/products/login/"):
            assert jane.post("/", {}, to="/accounts/logout/").status_code == 302
            typed = {"username": JANE, "password": PASSWORD, "next": page}
            assert jane.post("/accounts/login/", typed).headers["location"] == page
        assert told(written(shop)) == [(SIGNED_UP, JANE), *[(LOGGED_IN, JANE)] * 3]


@pytest.mark.parametrize("name", ["app, waitress", "both, uvicorn"])
def test_in_transactions(name: str, shops: Shops) -> None:
    """With ATOMIC_REQUESTS a login is written when it is committed, before the answer."""
    user = USERS[name]
    with (
        shops.running(WAYS[name], PACKAGE, SHOP_USER=user, SHOP_ATOMIC="yes") as shop,
        shop.browser() as jane,
    ):
        assert jane.post("/accounts/signup/", sign_up_form(user, JANE)).status_code == 302
        assert told(written(shop)) == [(SIGNED_UP, JANE)]
