"""Litestar: sessions, and tokens in a cookie and in a header."""

from pathlib import Path

import httpx
import pytest

from framework_support import (
    PASSWORD,
    WRONG,
    Shop,
    assert_no_secret,
    running_app,
    told,
    user_ids,
)

JANE = "jane.doe@example.com"
BOB = "BOB.RAY@EXAMPLE.COM"


def log_in(browser: httpx.Client, email: str) -> None:
    """Log in; a token in a header is sent along from then on, as a script does."""
    answer = browser.post("/login", json={"email": email, "password": PASSWORD})
    assert answer.status_code == 201
    if issued := answer.headers.get("authorization"):
        browser.headers["authorization"] = issued


def visit(shop: Shop) -> None:
    """Two customers, and everything that goes wrong."""
    with shop.browser() as jane, shop.browser() as bob:
        assert jane.get("/products").status_code == 200
        form = {"name": "Jane Doe", "email": JANE, "password": PASSWORD}
        assert jane.post("/signup", json={"name": "Jane"}).status_code == 400
        assert jane.post("/signup", json=form).status_code == 201
        assert bob.post("/signup", json=form).status_code == 401
        typed = {"email": JANE, "password": PASSWORD}
        assert bob.post("/login", json={**typed, "password": WRONG}).status_code == 401
        assert bob.post("/login", json={**typed, "email": "n@example.com"}).status_code == 401
        log_in(jane, JANE)
        assert jane.get("/user").json()["email"] == JANE
        assert bob.get("/user").status_code == 401
        assert bob.post("/forgot-password", json={"email": JANE}).status_code == 201
        assert jane.post("/logout").json()["email"] == JANE
        form = {"name": "Bob Ray", "email": BOB, "password": PASSWORD}
        assert bob.post("/signup", json=form).status_code == 201
        log_in(bob, BOB)
        assert len(bob.get("/admin/users").json()) == 2


@pytest.mark.parametrize("kind", ["by_sessions", "by_tokens", "by_headers"])
def test_a_day(kind: str, journal: Path, tmp_path: Path) -> None:
    """Each registration and login once, and nothing else; a bare token tells no name."""
    with running_app(f"app_litestar:{kind}", journal, tmp_path) as shop:
        visit(shop)
        jane, bob = ({"email": JANE, "name": "Jane Doe"}, {"email": BOB, "name": "Bob Ray"})
        bare = ({"email": JANE}, {"email": BOB})
        logged_in = bare if kind == "by_tokens" else (jane, bob)
        assert told(journal) == [
            ("Signed Up", jane),
            ("Logged In", logged_in[0]),
            ("Signed Up", bob),
            ("Logged In", logged_in[1]),
        ]
        assert user_ids(journal) == ["1", "1", "2", "2"]
        assert_no_secret(shop, journal)
