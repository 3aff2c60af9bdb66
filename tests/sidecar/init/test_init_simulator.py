"""The whole way with the simulator: init, the file, the sidecar's plan, a customer that arrives."""

from __future__ import annotations

import os
from pathlib import Path

import anyio
import httpx
import pytest

from frontdesk_sidecar import cli, settings
from frontdesk_sidecar.customer import Customer
from frontdesk_sidecar.describing import describe
from frontdesk_sidecar.metadata import Metadata
from frontdesk_sidecar.metadata.fit import Level
from frontdesk_sidecar.plan import Plan, make_plan
from frontdesk_sidecar.sap.session import Session
from frontdesk_sidecar.settings import Target
from frontdesk_sidecar.simulator import SimulatorConfig, running, shipped_config
from frontdesk_sidecar.simulator.config import TokenMode

JANE = Customer(
    "jane.doe@example.com",
    user_id="7",
    event="Signed Up",
    route=None,
    site=None,
    traits={
        "email": "Jane.Doe@example.com",
        "firstName": "Jane",
        "lastName": "Doe",
        "title": "ms",
        "locale": "de-AT",
        "loyaltyTier": "GOLD",
        "nicknames": ["JJ"],
        "points": 12,
    },
)
BOB = Customer("bob@example.com", None, "Logged In", None, None, {"email": "bob@example.com"})
EXPECTED: dict[str, dict[str, object]] = {
    "flat": {"originalUid": "Jane.Doe@example.com"},
    "standard": {"title": "ms", "sessionLanguage": "de"},
    "surprising": {"title": "ms", "loyaltyTier": "GOLD", "nicknames": ["JJ"], "points": "12"},
}


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings from outside, and a folder of its own with the client's secret."""
    for name in os.environ:
        if name.startswith("FRONTDESK"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret").write_text("secret")


def plan_of(target: Target) -> Plan:
    """What the sidecar makes of the file and of what SAP says."""

    async def ask() -> Metadata:
        async with Session(target.destination) as session:
            found = await describe(session, target.destination.metadata_url)
        assert found.metadata is not None, found.text
        return found.metadata

    return make_plan(target.mapping, anyio.run(ask), target.destination.entity_set)


@pytest.mark.parametrize("mode", ["classic", "jdk21"])
@pytest.mark.parametrize("shipped", ["flat", "standard", "surprising"])
def test_a_file_by_init_delivers(
    shipped: str, mode: TokenMode, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a look at any document: those of whom much is known, and those who but log in."""
    with running(shipped_config(shipped, SimulatorConfig(mode=mode))) as url:
        command = ("init", url, "--client-id", "frontdesk", "--client-secret-file", "secret")
        assert cli.main(command) == 0, capsys.readouterr().err
        target = settings.load("frontdesk.toml", {}).default
        plan = plan_of(target)
        assert [one for one in plan.findings if one.level is not Level.NOTICE] == []
        for customer in (JANE, BOB):
            payload = plan.payload(customer, None)
            assert isinstance(payload, dict)
            answer = httpx.post(
                target.destination.entity_url,
                json=payload,
                headers=authorized(url),
                trust_env=False,
            )
            assert answer.status_code == 201, answer.text
        stored = httpx.get(f"{url}/_sim/customers", trust_env=False).json()
    jane, bob = stored
    assert jane["uid"] == "jane.doe@example.com"
    assert jane["name"] == "Jane Doe"
    for name, value in EXPECTED[shipped].items():
        assert (jane[name], name) == (value, name)
    assert bob["uid"] == "bob@example.com"


def authorized(url: str) -> dict[str, str]:
    """Headers with a token of the simulator."""
    form = {
        "grant_type": "client_credentials",
        "client_id": "frontdesk",
        "client_secret": "secret",
    }
    granted = httpx.post(f"{url}/authorizationserver/oauth/token", data=form, trust_env=False)
    return {
        "Authorization": f"Bearer {granted.json()['access_token']}",
        "Accept": "application/json",
    }
