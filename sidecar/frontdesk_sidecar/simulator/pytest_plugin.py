"""A pytest fixture `sap`: a running simulator on a free loopback port.

In a `conftest.py`, or in a test module, of a project's own:

    pytest_plugins = ["frontdesk_sidecar.simulator.pytest_plugin"]

    def test_registration(sap):
        ...  # the application registers somebody, against sap.url
        assert [one["uid"] for one in sap.customers()] == ["jane@example.com"]

The process is the test's own; the simulator runs in a thread of it and is emptied before each
test. Another object: override the session fixture `sap_config`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import pytest

from frontdesk_sidecar.simulator.config import SimulatorConfig
from frontdesk_sidecar.simulator.server import running

if TYPE_CHECKING:
    from collections.abc import Iterator

_TIMEOUT_S = 30.0


class SimulatorRefusal(Exception):  # noqa: N818 - a refusal of what the test asked for
    """The simulator does not take a fault, a switch or a query; the text says why."""


@dataclass(frozen=True)
class Sap:
    """A running simulator, seen from a test."""

    url: str
    config: SimulatorConfig

    @property
    def token_url(self) -> str:
        """Where access tokens are."""
        return f"{self.url}/authorizationserver/oauth/token"

    @property
    def service_url(self) -> str:
        """The address of the object: `POST {service_url}/Customers`."""
        return f"{self.url}/odata2webservices/{self.config.definition.code}"

    @property
    def client_id(self) -> str:
        """The OAuth client's id."""
        return self.config.client_id

    @property
    def client_secret(self) -> str:
        """The OAuth client's secret."""
        return self.config.client_secret

    def customers(self, **query: str) -> list[dict[str, Any]]:
        """What is stored, oldest first; `uid=` picks one, `object=` and `entitySet=` others."""
        found: list[dict[str, Any]] = self._call("GET", "customers", query)
        return found

    def requests(self) -> list[dict[str, Any]]:
        """What was asked of the token endpoint and of the service, oldest first."""
        found: list[dict[str, Any]] = self._call("GET", "requests")["requests"]
        return found

    def commits(self) -> list[dict[str, Any]]:
        """The applied writes in their order."""
        found: list[dict[str, Any]] = self._call("GET", "commits")["commits"]
        return found

    def fault(self, kind: str, **fields: object) -> None:
        """Adds a fault to those there are: `sap.fault("status", status=503, times=2)`."""
        present = [_asked(one) for one in self._call("GET", "faults") if one.get("remaining") != 0]
        self._call("POST", "faults", body=[*present, {"kind": kind, **fields}])

    def clear_faults(self) -> None:
        """Ends all faults."""
        self._call("POST", "faults", body=[])

    def switch(self, **switches: object) -> None:
        """Throws switches: `sap.switch(updateStatus=200)`."""
        self._call("POST", "switches", body=switches)

    def revoke_tokens(self) -> None:
        """Ends every token, so that the next request is a 401."""
        self._call("POST", "tokens/revoke")

    def reset(self) -> None:
        """Forgets everything: customers, requests, faults, tokens, switches."""
        self._call("POST", "reset")

    def _call(
        self, method: str, name: str, query: dict[str, str] | None = None, body: object = None
    ) -> Any:
        address = urlsplit(self.url)
        connection = HTTPConnection(address.hostname or "", address.port, timeout=_TIMEOUT_S)
        path = f"/_sim/{name}?{urlencode(query or {})}"
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            answer = connection.getresponse()
            content = json.loads(answer.read())
        finally:
            connection.close()
        if answer.status != 200:
            raise SimulatorRefusal(content["error"])
        return content


def _asked(fault: dict[str, Any]) -> dict[str, Any]:
    """A fault as it has to be asked for again, with what is left of its times."""
    left = {"times": fault["remaining"]} if "remaining" in fault else {}
    counted = {"hits", "remaining"}
    return {name: value for name, value in fault.items() if name not in counted} | left


@pytest.fixture(scope="session")
def sap_config() -> SimulatorConfig:
    """The settings of the simulator; override it for another object."""
    return SimulatorConfig()


@pytest.fixture(scope="session")
def sap_server(sap_config: SimulatorConfig) -> Iterator[Sap]:
    """The simulator that all tests of a session share."""
    with running(sap_config) as url:
        yield Sap(url, sap_config)


@pytest.fixture
def sap(sap_server: Sap) -> Sap:
    """An empty simulator: `.url`, `.customers()`, `.requests()`, `.fault(...)`, `.reset()`."""
    sap_server.reset()
    return sap_server
