"""GraphQL with strawberry: inline and as variables, aliases, batches, errors with 200."""

from pathlib import Path
from typing import Any

import httpx

from framework_support import PASSWORD, WRONG, Shop, assert_no_secret, running_app, told, user_ids

JANE = "jane.doe@example.com"
BOB = "BOB.RAY@EXAMPLE.COM"
REGISTER = """
mutation Join($input: Account!) {
  joined: accountRegister(input: $input) { user { id email firstName } errors { field message } }
}"""
LOGIN = """
mutation L($email: String!, $password: String!) {
  tokenCreate(email: $email, password: $password) { token errors { message } }
}"""

LOGIN_AND_USER = """
mutation B($email: String!, $password: String!) {
  tokenCreate(email: $email, password: $password) {
    token user { id email firstName } errors { message }
  }
}"""


def ask(client: httpx.Client, query: str, **variables: Any) -> Any:
    """One operation; always answered with 200."""
    answer = client.post("/graphql", json={"query": query, "variables": variables})
    assert answer.status_code == 200
    return answer.json()


def visit(shop: Shop) -> None:
    """Two customers, and everything that goes wrong."""
    with shop.browser() as jane, shop.browser() as bob:
        assert ask(jane, "{ me { email } products }")["data"]["products"]
        form = {"email": JANE, "password": PASSWORD, "firstName": "Jane"}
        assert ask(jane, REGISTER, input={**form, "email": "no"})["errors"]
        assert ask(jane, REGISTER, input=form)["data"]["joined"]["user"]["id"] == "1"
        assert ask(bob, REGISTER, input=form)["data"]["joined"]["errors"]
        typed = {"email": JANE, "password": PASSWORD}
        assert ask(jane, LOGIN, **{**typed, "password": WRONG})["data"]["tokenCreate"]["errors"]
        assert ask(jane, LOGIN, **{**typed, "email": "n@example.com"})["data"]
        assert ask(jane, LOGIN, **typed)["data"]["tokenCreate"]["token"]
        query = 'mutation A { requestPasswordReset(email: "n@example.com") { errors { field } } }'
        named = {"query": query + LOGIN_AND_USER, "operationName": "B"}
        answer = jane.post("/graphql", json={**named, "variables": typed}).json()
        assert answer["data"]["tokenCreate"]["user"]["firstName"] == "Jane"
        answer = jane.post("/graphql", json={**named, "operationName": "A", "variables": typed})
        assert "requestPasswordReset" in answer.json()["data"]
        query = f'mutation {{ tokenRefresh(email: "{JANE}") {{ token user {{ email }} }} }}'
        assert ask(jane, query)["data"]["tokenRefresh"]["token"]
        query = f'mutation {{ requestPasswordReset(email: "{JANE}") {{ errors {{ field }} }} }}'
        assert ask(jane, query)["data"]
        form = {"email": BOB, "password": PASSWORD}
        assert ask(bob, REGISTER, input=form)["data"]["joined"]["user"]["id"] == "2"
        query = 'mutation {{ hi: login(email: "{}", password: "{}") {{ id email firstName }} }}'
        assert ask(bob, query.format(BOB, "x"))["data"]["hi"] is None
        right = query.format(BOB, PASSWORD)
        wrong = query.format(JANE, "x")
        batch = [{"query": text} for text in ("{ products }", wrong, right)]
        answers = bob.post("/graphql", json=batch).json()
        assert answers[2]["data"]["hi"]["id"] == "2"


def test_a_day(journal: Path, tmp_path: Path) -> None:
    """Each registration and login once, and nothing else."""
    with running_app("app_strawberry:app", journal, tmp_path) as shop:
        visit(shop)
        # Many a shop of this API hides who is registered already, so of a registration the
        # preset takes the address alone.
        assert told(journal) == [
            ("Signed Up", {"email": JANE}),
            ("Logged In", {"email": JANE}),
            ("Logged In", {"email": JANE, "firstName": "Jane"}),
            ("Signed Up", {"email": BOB}),
            ("Logged In", {"email": BOB}),
        ]
        # An id is told only by what names the user in its answer.
        assert user_ids(journal) == [JANE, JANE, "1", BOB.lower(), "2"]
        assert_no_secret(shop, journal)
