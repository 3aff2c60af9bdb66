"""FastAPI by its tutorial: tokens, a registration with a picture, a second factor."""

from pathlib import Path
from typing import Any

from framework_support import PASSWORD, WRONG, Shop, assert_no_secret, running_app, told, user_ids

JANE = "jane.doe@example.com"
BOB = "BOB.RAY@EXAMPLE.COM"
#: The tutorial has no second factor, and nobody knows where an app has its own.
RULES = """
[[capture.rule]]
event = "Logged In"
route = "POST /login/verify"
"""


def visit(shop: Shop) -> None:
    """Two customers, and everything that goes wrong."""
    picture = {"avatar": ("me.png", b"\x89PNG\r\n--\r\n" + b"x" * 300_000, "image/png")}
    with shop.browser() as jane, shop.browser() as bob:
        form: dict[str, Any] = {"email": JANE, "password": PASSWORD, "first_name": "Jane"}
        no_name = {"email": JANE, "password": PASSWORD}
        assert jane.post("/register", data=no_name, files=picture).status_code == 422
        assert jane.post("/register", data=form, files=picture).json()["size"] > 300_000
        assert bob.post("/register", data=form, files=picture).status_code == 409
        typed = {"username": JANE, "password": PASSWORD}
        assert jane.post("/token", data={**typed, "password": WRONG}).status_code == 401
        assert jane.post("/token", data={**typed, "username": "n@example.com"}).status_code == 401
        issued = jane.post("/token", data=typed).json()["access_token"]
        assert jane.get("/users/me", headers={"authorization": f"Bearer {issued}"}).json()
        assert jane.post("/forgot-password", data={"email": JANE}).status_code == 200
        assert jane.get("/admin/users").json() == [{"email": JANE}]
        form |= {"email": BOB, "first_name": "Bob"}
        assert bob.post("/register", data=form, files=picture).status_code == 201
        typed = {"email": BOB, "password": PASSWORD}
        assert bob.post("/login", json={**typed, "password": WRONG}).status_code == 401
        ticket = bob.post("/login", json=typed).json()["mfa_token"]
        wrong = {"ticket": ticket, "otp": "11223344"}
        assert bob.post("/login/verify", json=wrong).status_code == 401
        assert bob.post("/login/verify", json={**wrong, "otp": "48291377"}).status_code == 200


def test_a_day(journal: Path, tmp_path: Path) -> None:
    """Each registration and login once; what is only a login's first half is none."""
    config = tmp_path / "frontdesk.toml"
    config.write_text(RULES)
    with running_app("app_tutorial:app", journal, tmp_path, FRONTDESK_CONFIG=str(config)) as shop:
        visit(shop)
        assert told(journal) == [
            ("Signed Up", {"email": JANE, "firstName": "Jane"}),
            ("Logged In", {"email": JANE}),
            ("Signed Up", {"email": BOB, "firstName": "Bob"}),
            ("Logged In", {"email": BOB, "firstName": "Bob"}),
        ]
        assert user_ids(journal) == [JANE, JANE, BOB.lower(), BOB.lower()]
        assert_no_secret(shop, journal)
