"""The pytest fixture for our users' own tests, in a pytest run of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

CONFTEST = """
import pytest
from frontdesk_sidecar.simulator import SimulatorConfig, shipped_config

pytest_plugins = ["frontdesk_sidecar.simulator.pytest_plugin"]


@pytest.fixture(scope="session")
def sap_config():
    return shipped_config("standard", SimulatorConfig())
"""
TESTS = """
import httpx
import pytest
from frontdesk_sidecar.simulator.pytest_plugin import SimulatorRefusal


def post(sap, uid):
    form = {"client_id": sap.client_id, "client_secret": sap.client_secret}
    answer = httpx.post(sap.token_url, data={"grant_type": "client_credentials", **form})
    assert answer.status_code == 200
    headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    body = {"uid": uid, "title": {"code": "mr"}}
    return httpx.post(f"{sap.service_url}/Customers", json=body, headers=headers)


def test_stored(sap):
    assert post(sap, "jane@x.com").status_code == 201
    [jane] = sap.customers()
    assert (jane["uid"], jane["title"]) == ("jane@x.com", "mr")
    assert sap.customers(uid="nobody") == []
    assert sap.customers(entitySet="Languages")[0]["isocode"]
    assert [one["status"] for one in sap.requests()] == [200, 201]
    assert [one["uid"] for one in sap.commits()] == ["jane@x.com"]


def test_empty_again(sap):
    assert sap.customers() == [] == sap.requests()


def test_faults(sap):
    sap.fault("status", status=503, times=2)
    assert post(sap, "a").status_code == 503
    sap.fault("status", status=504, times=1)
    assert [post(sap, "a").status_code for _ in range(3)] == [503, 504, 201]
    sap.fault("drop")
    sap.clear_faults()
    assert post(sap, "a").status_code == 201
    with pytest.raises(SimulatorRefusal, match="kind: expected one of"):
        sap.fault("flood")


def test_switches(sap):
    post(sap, "a")
    sap.switch(updateStatus=200)
    assert post(sap, "a").status_code == 200
    sap.revoke_tokens()
    sap.reset()
    assert [post(sap, "a").status_code for _ in range(2)] == [201, 201]
"""


def test_fixture(tmp_path: Path) -> None:
    """Everything the fixture offers, as a user would use it."""
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_shop.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    # Plugins of ours that a user need not have only take time.
    environ = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    ended = subprocess.run(
        command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 0, ended.stdout
    assert "4 passed" in ended.stdout
