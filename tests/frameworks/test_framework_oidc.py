"""OpenID Connect with Authlib: the callback fills the session."""

from pathlib import Path

import httpx

from framework_support import Shop, assert_no_secret, running_app, told, user_ids
from server_support import free_port

JANE = "jane.doe@example.com"
BOB = "BOB.RAY@EXAMPLE.COM"


def sign_on(browser: httpx.Client, who: str) -> httpx.Response:
    """To the provider and back; the callback's answer."""
    there = browser.get("/login").headers["location"]
    back = browser.get(there, headers={"x-who": who}).headers["location"]
    return browser.get(back)


def visit(shop: Shop) -> None:
    """Two customers, and everything that goes wrong."""
    with shop.browser() as jane, shop.browser() as bob:
        assert "stranger" in jane.get("/").text
        assert "access_denied" in sign_on(jane, "nobody").text
        assert "mismatching_state" in jane.get("/auth?state=made-up-state&code=1").text
        assert sign_on(jane, "jane").headers["location"] == "/"
        assert JANE in jane.get("/").text
        # She is logged in while she refuses at another try, and when an old page is loaded again.
        assert "access_denied" in sign_on(jane, "nobody").text
        for query in ("?state=made-up-state&code=1", "?error=access_denied", ""):
            assert jane.get(f"/auth{query}", headers={"x-home": "yes"}).headers["location"] == "/"
        assert jane.get("/logout").status_code == 307
        assert sign_on(bob, "bob").headers["location"] == "/"
        assert bob.get("/me").json()["user"]["email"] == BOB
        # A callback that nobody asked for, while he is logged in.
        assert "mismatching_state" in bob.get(f"/auth?state={'s' * 30}&code={'c' * 22}").text
        issued = bob.get("/provider/issued").json()
        assert [sorted(tokens) for tokens in issued] == [
            ["access_token", "id_token", "token_type"]
        ] * 2


def test_a_day(journal: Path, tmp_path: Path) -> None:
    """Each login once, and nothing else; 307 is what Starlette's redirect is by default."""
    port = free_port()
    issuer = f"http://127.0.0.1:{port}/provider"
    with running_app("app_oidc:app", journal, tmp_path, port=port, SHOP_ISSUER=issuer) as shop:
        visit(shop)
        assert told(journal) == [
            ("Logged In", {"email": JANE, "firstName": "Jane", "lastName": "Doe"}),
            ("Logged In", {"email": BOB, "name": "Bob Ray", "locale": "de"}),
        ]
        assert user_ids(journal) == ["jane", "bob"]
        kinds = set(shop.secrets.found.values())
        assert {"code", "state", "nonce", "id_token", "access_token", "cookie session"} <= kinds
        assert_no_secret(shop, journal)
