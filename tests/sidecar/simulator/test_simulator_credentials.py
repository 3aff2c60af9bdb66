"""Credentials that change while the simulator runs."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import httpx
import orjson
import pytest

from frontdesk_sidecar.simulator import SimulatorConfig

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    Connect = Callable[[SimulatorConfig], AbstractAsyncContextManager[httpx.AsyncClient]]

SIM = "http://sap.test/_sim"
TOKEN = "http://sap.test/authorizationserver/oauth/token"


async def token(sap: httpx.AsyncClient, client_id: str, client_secret: str) -> str | None:
    form = {"grant_type": "client_credentials", "client_id": client_id}
    answer = await sap.post(TOKEN, data={**form, "client_secret": client_secret})
    assert answer.status_code in {200, 401}
    found: str | None = answer.json().get("access_token")
    return found


async def test_rotated_secret(sap: httpx.AsyncClient) -> None:
    """The old secret is refused from now on, and the live token stays good until revoked."""
    live = sap.headers["authorization"]
    answer = await sap.post(f"{SIM}/credentials", json={"client_secret": "new"})
    assert (answer.status_code, answer.json()) == (200, {"client_id": "frontdesk"})
    assert await token(sap, "frontdesk", "secret") is None
    assert f"Bearer {await token(sap, 'frontdesk', 'new')}" == live
    assert (await sap.get("Customers")).status_code == 200
    await sap.post(f"{SIM}/tokens/revoke")
    assert (await sap.get("Customers")).status_code == 401
    fresh = await token(sap, "frontdesk", "new")
    assert fresh is not None
    assert f"Bearer {fresh}" != live


async def test_another_client(sap: httpx.AsyncClient) -> None:
    """Another client gets a token of its own; the secret stays when it is not given."""
    live = sap.headers["authorization"]
    await sap.post(f"{SIM}/credentials", json={"client_id": "other"})
    assert await token(sap, "frontdesk", "secret") is None
    own = await token(sap, "other", "secret")
    assert own is not None
    assert f"Bearer {own}" != live
    assert await token(sap, "other", "secret") == own
    assert (await sap.get("Customers")).status_code == 200


async def test_subject_of_the_new_stack(connect: Connect) -> None:
    """A JWT names the client that asked."""
    async with connect(SimulatorConfig(mode="jdk21")) as sap:
        await sap.post(f"{SIM}/credentials", json={"client_id": "other", "client_secret": "s"})
        made = await token(sap, "other", "s")
        assert made is not None
        claims = _claims(made)
        assert (claims["sub"], claims["aud"]) == ("other", "other")


@pytest.mark.parametrize(("keep", "good"), [("", "secret"), ("credentials", "new")])
async def test_reset(sap: httpx.AsyncClient, keep: str, good: str) -> None:
    """A reset puts the configured credentials back, unless they are kept."""
    await sap.post(f"{SIM}/credentials", json={"client_secret": "new"})
    await sap.post(f"{SIM}/reset?keep={keep}")
    found = {secret: await token(sap, "frontdesk", secret) for secret in ("secret", "new")}
    assert [secret for secret, made in found.items() if made] == [good]


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"client": "x"}', b'{"client_id": 1}', b'{"client_secret": null}']
)
async def test_refused(sap: httpx.AsyncClient, body: bytes) -> None:
    """Anything but an object of strings is refused, and nothing changes."""
    assert (await sap.post(f"{SIM}/credentials", content=body)).status_code == 400
    assert await token(sap, "frontdesk", "secret") is not None


def _claims(made: str) -> dict[str, Any]:
    payload = made.split(".")[1]
    claims: dict[str, Any] = orjson.loads(
        base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    )
    return claims
