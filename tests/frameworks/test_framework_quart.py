"""Quart with quart-auth: forms and an API."""

from pathlib import Path

from framework_support import PASSWORD, WRONG, Shop, assert_no_secret, running_app, told, user_ids

JANE = "jane.doe@example.com"
BOB = "BOB.RAY@EXAMPLE.COM"


def visit(shop: Shop) -> None:
    """Two customers, and everything that goes wrong."""
    with shop.browser() as jane, shop.browser() as bob:
        for page in ("/", "/login", "/register"):
            assert jane.get(page).status_code == 200
        assert jane.get("/me").headers["location"] == "/login"
        form = {"email": JANE, "password": PASSWORD, "first_name": "Jane", "last_name": "Doe"}
        assert jane.post("/register", data={**form, "email": "no"}).status_code == 200
        assert jane.post("/register", data=form).headers["location"] == "/"
        assert bob.post("/register", data=form).status_code == 200
        assert jane.get("/me").json()["email"] == JANE
        assert jane.post("/forgot", data={"email": JANE}).json()["email"] == JANE
        assert jane.post("/logout").status_code == 302
        typed = {"email": JANE, "password": PASSWORD}
        assert jane.post("/login", data={**typed, "password": WRONG}).status_code == 200
        assert jane.post("/login", data={**typed, "email": "n@example.com"}).status_code == 200
        assert jane.post("/login", data=typed).headers["location"] == "/"
        form = {"email": BOB, "password": PASSWORD, "first_name": "Bob"}
        assert bob.post("/register", data=form).status_code == 302
        typed = {"email": BOB, "password": PASSWORD}
        assert "error" in bob.post("/api/login", json={**typed, "password": WRONG}).json()
        assert "user" in bob.post("/api/login", json=typed).json()
        assert len(bob.get("/admin/users").json()) == 2


def test_a_day(journal: Path, tmp_path: Path) -> None:
    """Each registration and login once, and nothing else."""
    with running_app("app_quart:app", journal, tmp_path) as shop:
        visit(shop)
        assert told(journal) == [
            ("Signed Up", {"email": JANE, "firstName": "Jane", "lastName": "Doe"}),
            ("Logged In", {"email": JANE}),
            ("Signed Up", {"email": BOB, "firstName": "Bob"}),
            ("Logged In", {"email": BOB, "firstName": "Bob"}),
        ]
        assert user_ids(journal) == [JANE, JANE, BOB.lower(), BOB.lower()]
        assert_no_secret(shop, journal)
