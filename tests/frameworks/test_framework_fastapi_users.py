"""fastapi-users: its registration, bearer login and cookie login."""

from pathlib import Path

import httpx

from framework_support import (
    CHANGED,
    PASSWORD,
    WRONG,
    Shop,
    assert_no_secret,
    running_app,
    told,
    user_ids,
)

JANE = "jane.doe@example.com"
BOB = "bob.ray@example.com"


def visit(shop: Shop, mailed: Path) -> list[str]:
    """Two customers, and everything that goes wrong; gives their ids."""
    with shop.browser() as jane, shop.browser() as bob:
        assert jane.get("/products").status_code == 200
        form = {"email": "Jane.Doe@Example.com", "password": PASSWORD}
        form |= {"first_name": "Jane", "last_name": "Doe"}
        assert jane.post("/auth/register", json={**form, "email": "no"}).status_code == 422
        answer = jane.post("/auth/register", json=form)
        assert answer.status_code == 201
        ids = [answer.json()["id"]]
        assert jane.post("/auth/register", json=form).status_code == 400
        typed = {"username": JANE, "password": PASSWORD}
        assert jane.post("/auth/jwt/login", data={**typed, "password": WRONG}).status_code == 400
        nobody = {**typed, "username": "nobody@example.com"}
        assert jane.post("/auth/jwt/login", data=nobody).status_code == 400
        answer = jane.post("/auth/jwt/login", data=typed)
        bearer = {"authorization": f"Bearer {answer.json()['access_token']}"}
        assert jane.get("/users/me", headers=bearer).json()["email"].lower() == JANE
        change = {"first_name": "Janet"}
        assert jane.patch("/users/me", headers=bearer, json=change).status_code == 200
        assert jane.post("/auth/jwt/logout", headers=bearer).status_code == 204
        follow_mails(shop, jane, mailed)
        form = {"email": BOB.upper(), "password": PASSWORD}
        answer = bob.post("/auth/register", json=form)
        ids.append(answer.json()["id"])
        typed = {"username": BOB.upper(), "password": PASSWORD}
        assert bob.post("/auth/cookie/login", data={**typed, "password": WRONG}).status_code == 400
        assert bob.post("/auth/cookie/login", data=typed).status_code == 204
        assert bob.get("/users/me").status_code == 200
        assert len(bob.get("/admin/users").json()) == 2
        assert bob.post("/auth/cookie/logout").status_code == 204
    return ids


def follow_mails(shop: Shop, jane: httpx.Client, mailed: Path) -> None:
    """Verify the address and set a new password; both answer, and neither logs in."""
    assert jane.post("/auth/request-verify-token", json={"email": JANE}).status_code == 202
    token = mailed.read_text()
    shop.secrets.add(token, "verify token")
    assert jane.post("/auth/verify", json={"token": token}).json()["email"].lower() == JANE
    assert jane.post("/auth/verify", json={"token": token}).status_code == 400
    assert jane.post("/auth/forgot-password", json={"email": JANE}).status_code == 202
    token = mailed.read_text()
    shop.secrets.add(token, "reset token")
    change = {"token": token, "password": CHANGED}
    assert jane.post("/auth/reset-password", json=change).status_code == 200
    assert jane.post("/auth/reset-password", json=change).status_code == 400


def test_a_day(journal: Path, tmp_path: Path) -> None:
    """Each registration and login once, and nothing else."""
    with running_app("app_fastapi_users:app", journal, tmp_path) as shop:
        jane, bob = visit(shop, tmp_path / "mailed")
        assert told(journal) == [
            (
                "Signed Up",
                {"email": "Jane.Doe@example.com", "firstName": "Jane", "lastName": "Doe"},
            ),
            ("Logged In", {"email": JANE}),
            ("Signed Up", {"email": "BOB.RAY@example.com"}),
            ("Logged In", {"email": BOB.upper()}),
        ]
        assert user_ids(journal) == [jane, jane, bob, bob]
        assert_no_secret(shop, journal)
