"""Flask with flask-login, by WSGI: forms and an API."""

from pathlib import Path

from framework_support import PASSWORD, WRONG, Shop, assert_no_secret, running_app, told, user_ids

JANE = "jane.doe@example.com"
BOB = "BOB.RAY@EXAMPLE.COM"


def visit(shop: Shop) -> None:
    """Two customers, and everything that goes wrong."""
    with shop.browser() as jane, shop.browser() as bob:
        for page in ("/", "/login", "/register"):
            assert jane.get(page).status_code == 200
        assert jane.get("/me").headers["location"].startswith("/login")
        form = {"email": JANE, "password": PASSWORD, "name": "Jane Doe"}
        assert jane.post("/register", data={**form, "email": "no"}).status_code == 200
        assert jane.post("/register", data=form).headers["location"] == "/login"
        assert bob.post("/register", data=form).status_code == 200
        typed = {"email": JANE, "password": PASSWORD}
        assert jane.post("/login", data={**typed, "password": WRONG}).status_code == 200
        assert jane.post("/login", data={**typed, "email": "n@example.com"}).status_code == 200
        answer = jane.post("/login?next=/me", data=typed)
        assert answer.headers["location"] == "/me"
        assert jane.get("/me").json()["email"] == JANE
        assert jane.post("/forgot", data={"email": JANE}).json()["email"] == JANE
        assert jane.post("/logout").status_code == 302
        form = {"email": BOB, "password": PASSWORD, "name": "Bob Ray"}
        assert bob.post("/register", data=form).status_code == 302
        typed = {"email": BOB, "password": PASSWORD}
        assert bob.post("/api/login", json={**typed, "password": WRONG}).status_code == 200
        assert bob.post("/api/login", json=typed).json()["success"]
        assert len(bob.get("/admin/users").json()) == 2


def test_a_day(journal: Path, tmp_path: Path) -> None:
    """Each registration and login once, and nothing else."""
    with running_app("app_flask:app", journal, tmp_path, wsgi=True) as shop:
        visit(shop)
        assert told(journal) == [
            ("Signed Up", {"email": JANE, "name": "Jane Doe"}),
            ("Logged In", {"email": JANE}),
            ("Signed Up", {"email": BOB, "name": "Bob Ray"}),
            ("Logged In", {"email": BOB, "name": "Bob Ray"}),
        ]
        # Flask-Login's session has an id of its own beside the user's.
        assert user_ids(journal) == [JANE, JANE, BOB.lower(), BOB.lower()]
        assert_no_secret(shop, journal)
