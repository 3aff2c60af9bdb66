"""A client that is signed in at a simulator in the same process."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx
import pytest

from frontdesk_sidecar.simulator import SimulatorConfig, create_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

HOST = "http://sap.test"


@asynccontextmanager
async def signed_in(config: SimulatorConfig) -> AsyncIterator[httpx.AsyncClient]:
    """A client whose base is the service root of the configured object."""
    transport = httpx.ASGITransport(create_app(config))
    base = f"{HOST}/odata2webservices/{config.definition.code}"
    async with httpx.AsyncClient(transport=transport, base_url=base) as client:
        client.headers["Accept"] = "application/json"
        credentials = {"client_id": config.client_id, "client_secret": config.client_secret}
        form = {"grant_type": "client_credentials", **credentials}
        answer = await client.post(f"{HOST}/authorizationserver/oauth/token", data=form)
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        yield client


@pytest.fixture
def connect() -> Callable[[SimulatorConfig], AbstractAsyncContextManager[httpx.AsyncClient]]:
    """Signs in at a simulator of the given settings."""
    return signed_in


@pytest.fixture
async def sap() -> AsyncIterator[httpx.AsyncClient]:
    """Signed in at a simulator of the default settings."""
    async with signed_in(SimulatorConfig()) as client:
        yield client
