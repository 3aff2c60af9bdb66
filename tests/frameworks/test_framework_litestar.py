"""Litestar: sessions, and tokens in a cookie."""

from pathlib import Path

import pytest

from framework_support import PASSWORD, Shop, assert_no_secret, running_app, told

JANE = "jane.doe@example.com"
BOB = "BOB.RAY@EXAMPLE.COM"


def visit(shop: Shop) -> None:
    """Two customers, and everything that goes wrong."""
    with shop.browser() as jane, shop.browser() as bob:
        assert jane.get("/products").status_code == 200
        form = {"name": "Jane Doe", "email": JANE, "password": PASSWORD}
        assert jane.post("/signup", json={"name": "Jane"}).status_code == 400
        assert jane.post("/signup", json=form).status_code == 201
        assert bob.post("/signup", json=form).status_code == 401
        typed = {"email": JANE, "password": PASSWORD}
        assert bob.post("/login", json={**typed, "password": "x"}).status_code == 401
        assert bob.post("/login", json={**typed, "email": "n@example.com"}).status_code == 401
        assert jane.post("/login", json=typed).status_code == 201
        assert jane.get("/user").json()["email"] == JANE
        assert bob.get("/user").status_code == 401
        form = {"name": "Bob Ray", "email": BOB, "password": PASSWORD}
        assert bob.post("/signup", json=form).status_code == 201
        assert bob.post("/login", json={"email": BOB, "password": PASSWORD}).status_code == 201


@pytest.mark.parametrize("kind", ["by_sessions", "by_tokens"])
def test_a_day(kind: str, journal: Path, tmp_path: Path) -> None:
    """Each registration and login once, and nothing else; a bare token tells no name."""
    with running_app(f"app_litestar:{kind}", journal, tmp_path) as shop:
        visit(shop)
        jane, bob = ({"email": JANE, "name": "Jane Doe"}, {"email": BOB, "name": "Bob Ray"})
        bare = ({"email": JANE}, {"email": BOB})
        logged_in = (jane, bob) if kind == "by_sessions" else bare
        assert told(journal) == [
            ("Signed Up", jane),
            ("Logged In", logged_in[0]),
            ("Signed Up", bob),
            ("Logged In", logged_in[1]),
        ]
        assert_no_secret(shop, journal)
