"""fastapi-users: its registration, bearer login and cookie login."""

from pathlib import Path

from framework_support import PASSWORD, Shop, assert_no_secret, running_app, told

JANE = "jane.doe@example.com"
BOB = "bob.ray@example.com"


def visit(shop: Shop) -> None:
    """Two customers, and everything that goes wrong."""
    with shop.browser() as jane, shop.browser() as bob:
        assert jane.get("/products").status_code == 200
        form = {"email": "Jane.Doe@Example.com", "password": PASSWORD}
        form |= {"first_name": "Jane", "last_name": "Doe"}
        assert jane.post("/auth/register", json={**form, "email": "no"}).status_code == 422
        assert jane.post("/auth/register", json=form).status_code == 201
        assert jane.post("/auth/register", json=form).status_code == 400
        typed = {"username": JANE, "password": PASSWORD}
        assert jane.post("/auth/jwt/login", data={**typed, "password": "x"}).status_code == 400
        nobody = {**typed, "username": "nobody@example.com"}
        assert jane.post("/auth/jwt/login", data=nobody).status_code == 400
        answer = jane.post("/auth/jwt/login", data=typed)
        bearer = {"authorization": f"Bearer {answer.json()['access_token']}"}
        assert jane.get("/users/me", headers=bearer).json()["email"].lower() == JANE
        change = {"first_name": "Janet"}
        assert jane.patch("/users/me", headers=bearer, json=change).status_code == 200
        assert jane.post("/auth/jwt/logout", headers=bearer).status_code == 204
        assert jane.post("/auth/forgot-password", json={"email": JANE}).status_code == 202
        assert jane.post("/auth/request-verify-token", json={"email": JANE}).status_code == 202
        form = {"email": BOB.upper(), "password": PASSWORD}
        assert bob.post("/auth/register", json=form).status_code == 201
        typed = {"username": BOB.upper(), "password": PASSWORD}
        assert bob.post("/auth/cookie/login", data={**typed, "password": "x"}).status_code == 400
        assert bob.post("/auth/cookie/login", data=typed).status_code == 204
        assert bob.get("/users/me").status_code == 200
        assert bob.post("/auth/cookie/logout").status_code == 204


def test_a_day(journal: Path, tmp_path: Path) -> None:
    """Each registration and login once, and nothing else."""
    with running_app("app_fastapi_users:app", journal, tmp_path) as shop:
        visit(shop)
        assert told(journal) == [
            (
                "Signed Up",
                {"email": "Jane.Doe@example.com", "firstName": "Jane", "lastName": "Doe"},
            ),
            ("Logged In", {"email": JANE}),
            ("Signed Up", {"email": "BOB.RAY@example.com"}),
            ("Logged In", {"email": BOB.upper()}),
        ]
        assert_no_secret(shop, journal)
