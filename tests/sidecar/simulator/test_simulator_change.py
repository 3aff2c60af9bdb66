"""PATCH and DELETE."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

JANE = "Customers('jane%2540x.com')"


@pytest.fixture(autouse=True)
async def jane(sap: httpx.AsyncClient) -> None:
    """One customer to change."""
    await sap.post("Customers", json={"uid": "jane@x.com", "name": "Jane", "firstName": "J"})


async def test_patch(sap: httpx.AsyncClient) -> None:
    """A PATCH is a 200 with the entry; only what is given changes, null clears."""
    entry = {"uid": "jane@x.com", "name": None, "lastName": "Doe"}
    answer = await sap.patch(JANE, json=entry)
    changed = answer.json()["d"]
    assert answer.status_code == 200
    assert (changed["name"], changed["firstName"], changed["lastName"]) == (None, "J", "Doe")


@pytest.mark.parametrize(
    ("path", "entry", "status", "code"),
    [
        ("Customers('nobody')", {"name": "x"}, 404, "not_found"),
        ("Customers(jane)", {"name": "x"}, 400, "invalid_key"),
        ("Customers", {"name": "x"}, 405, "method_not_allowed"),
        (JANE, {"uid": "other"}, 400, "invalid_key"),
        (JANE, {"nick": "x"}, 400, "invalid_property"),
        (JANE, {"name": 1}, 400, "odata_error"),
    ],
)
async def test_refused_patch(
    sap: httpx.AsyncClient, path: str, entry: dict[str, Any], status: int, code: str
) -> None:
    """A PATCH needs an existing item, its own key and known attributes."""
    answer = await sap.patch(path, json=entry)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


async def test_delete(sap: httpx.AsyncClient) -> None:
    """A DELETE is a 200 without a body; a second one finds nothing."""
    answer = await sap.delete(JANE)
    assert (answer.status_code, answer.content) == (200, b"")
    assert (await sap.delete(JANE)).status_code == 404
    assert (await sap.get(JANE)).status_code == 404


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [("Customers(jane)", 404, "invalid_key"), ("Customers", 405, "method_not_allowed")],
)
async def test_refused_delete(sap: httpx.AsyncClient, path: str, status: int, code: str) -> None:
    """A DELETE needs a key of the right form."""
    answer = await sap.delete(path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
