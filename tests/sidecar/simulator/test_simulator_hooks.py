"""Persistence hooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from frontdesk_sidecar.simulator import SimulatorConfig, parse_config, shipped_config
from frontdesk_sidecar.simulator.hooks import Hook

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

    from tests.sidecar.simulator.conftest import Batches

    Connect = Callable[[SimulatorConfig], AbstractAsyncContextManager[httpx.AsyncClient]]

HOOKS = {
    "noop": Hook(),
    "failing": Hook("fail"),
    "discarding": Hook("discard"),
    "member": Hook(set={"groups": [{"uid": "customergroup"}], "customerID": "c-1"}),
    "wrong": Hook(set={"title": {"code": "lord"}}),
}


@pytest.fixture
async def shop(connect: Connect) -> AsyncIterator[httpx.AsyncClient]:
    """The standard object, with some hooks."""
    standard = shipped_config("standard", SimulatorConfig(hooks=HOOKS))
    async with connect(standard) as client:
        yield client


async def count(shop: httpx.AsyncClient) -> int:
    return int((await shop.get("Customers/$count")).text)


@pytest.mark.parametrize(
    ("header", "name", "code", "text"),
    [
        ("Pre-Persist-Hook", "unknown", "hook_not_found", "PrePersistHook [unknown] does not"),
        ("Post-Persist-Hook", "unknown", "hook_not_found", "PostPersistHook [unknown] does not"),
        ("Pre-Persist-Hook", "failing", "pre_persist_error", "of PrePersistHook: [failing]."),
        (
            "Post-Persist-Hook",
            "bean://failing",
            "post_persist_error",
            "of PostPersistHook: [bean://failing].",
        ),
        ("Pre-Persist-Hook", "wrong", "missing_nav_property", "attribute [title]"),
    ],
)
async def test_refusals(
    shop: httpx.AsyncClient, header: str, name: str, code: str, text: str
) -> None:
    """An unknown or failing hook is a 400, and nothing is stored."""
    answer = await shop.post("Customers", json={"uid": "a"}, headers={header: name})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, code)
    assert text in error["message"]["value"]
    assert await count(shop) == 0


async def test_hooks_that_work(shop: httpx.AsyncClient) -> None:
    """Both run, an empty header is none, and one before persisting can set attributes."""
    both = {"Pre-Persist-Hook": "member", "Post-Persist-Hook": "noop"}
    assert (await shop.post("Customers", json={"uid": "a"}, headers=both)).status_code == 201
    [stored] = (await shop.get("http://sap.test/_sim/customers")).json()
    assert (stored["groups"], stored["customerID"]) == (["customergroup"], "c-1")
    empty = {"Pre-Persist-Hook": " ", "Post-Persist-Hook": ""}
    assert (await shop.post("Customers", json={"uid": "b"}, headers=empty)).status_code == 201


@pytest.mark.parametrize("status", [201, 200, 204])
async def test_discard(shop: httpx.AsyncClient, status: int) -> None:
    """A hook that returns nothing stores nothing, whatever the answer; the other does not run."""
    await shop.post("http://sap.test/_sim/switches", json={"discardedStatus": status})
    headers = {"Pre-Persist-Hook": "discarding", "Post-Persist-Hook": "failing"}
    answer = await shop.post("Customers", json={"uid": "a", "name": "A"}, headers=headers)
    assert answer.status_code == status
    assert answer.content == b"" if status == 204 else answer.json()["d"]["name"] == "A"
    assert await count(shop) == 0


async def test_patch(shop: httpx.AsyncClient) -> None:
    """PATCH has hooks too; a failure after persisting undoes the change."""
    await shop.post("Customers", json={"uid": "a", "name": "A"})
    headers = {"Post-Persist-Hook": "failing"}
    answer = await shop.patch("Customers('a')", json={"name": "B"}, headers=headers)
    assert answer.json()["error"]["code"] == "post_persist_error"
    [stored] = (await shop.get("http://sap.test/_sim/customers")).json()
    assert stored["name"] == "A"
    headers = {"Pre-Persist-Hook": "discarding"}
    answer = await shop.patch("Customers('a')", json={"name": "B"}, headers=headers)
    assert (answer.status_code, answer.json()["d"]["name"]) == (200, "A")


async def test_in_a_batch(shop: httpx.AsyncClient, batches: Batches) -> None:
    """Each change has its own hooks; a failing one undoes its changeset."""
    head = ("Content-Type: application/json", "Post-Persist-Hook: failing")
    failing = batches.change({"uid": "b"}, headers=head)
    content = batches.multipart(
        batches.changeset(batches.change({"uid": "a"}), failing),
        batches.changeset(batches.change({"uid": "c"})),
    )
    assert batches.statuses(await batches.send(shop, content)) == [[400], [201]]
    assert await count(shop) == 1


async def test_from_a_definition_file(connect: Connect) -> None:
    """A file can name hooks."""
    document = {
        "object": "InboundX",
        "items": [{"code": "X", "enum": ["a"]}],
        "hooks": {"failing": {"does": "fail"}},
    }
    async with connect(parse_config(document, SimulatorConfig())) as sap:
        headers = {"Pre-Persist-Hook": "failing"}
        answer = await sap.post("Xs", json={"code": "b"}, headers=headers)
        assert answer.json()["error"]["code"] == "pre_persist_error"
