"""The token endpoint in both manners."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass

import pytest

from frontdesk_sidecar.simulator import SimulatorConfig
from frontdesk_sidecar.simulator.config import TokenMode
from frontdesk_sidecar.simulator.media import Answer
from frontdesk_sidecar.simulator.tokens import TokenOffice, TokenRequest

FORM = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
GOOD = "grant_type=client_credentials&client_id=frontdesk&client_secret=secret"
BOTH: tuple[TokenMode, ...] = ("classic", "jdk21")


@dataclass
class Clock:
    """Epoch seconds that move by hand."""

    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def ask(
    office: TokenOffice,
    body: str = GOOD,
    *,
    query: str = "",
    method: str = "POST",
    headers: dict[str, str] | None = None,
) -> Answer:
    return office.answer(TokenRequest(method, query, {**FORM, **(headers or {})}, body.encode()))


def basic(credentials: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(credentials.encode()).decode()}


def test_classic_token_is_handed_out_again() -> None:
    """The classic stack gives the live token again, with the life that is left."""
    clock = Clock()
    office = TokenOffice(SimulatorConfig(clock=clock))
    first = json.loads(ask(office).body)
    clock.now += 1000
    second = json.loads(ask(office).body)
    assert (first["token_type"], first["expires_in"]) == ("bearer", 43199)
    assert (second["access_token"], second["expires_in"]) == (first["access_token"], 42199)
    clock.now += 43_000
    third = json.loads(ask(office).body)
    assert third["access_token"] != first["access_token"]
    assert third["expires_in"] == 43199


def test_jdk21_token_is_new_each_time() -> None:
    """The jdk21 stack gives a fresh JWT of 300 seconds each time."""
    office = TokenOffice(SimulatorConfig(mode="jdk21"))
    first, second = (json.loads(ask(office).body) for _ in range(2))
    assert (first["token_type"], first["expires_in"]) == ("Bearer", 299)
    assert first["access_token"] != second["access_token"]
    header, claims, signature = first["access_token"].split(".")
    assert json.loads(base64.urlsafe_b64decode(header + "=="))["alg"] == "RS256"
    assert json.loads(base64.urlsafe_b64decode(claims + "=="))["sub"] == "frontdesk"
    assert len(signature) > 300
    assert office.is_good(f"Bearer {first['access_token']}")
    assert office.is_good(f"bearer {second['access_token']}")


@pytest.mark.parametrize("mode", BOTH)
def test_expiry_and_revocation(mode: TokenMode) -> None:
    """A token is good until it expires or is revoked; nothing else is ever good."""
    clock = Clock()
    office = TokenOffice(SimulatorConfig(mode=mode, token_lifetime_s=10, clock=clock))
    token = json.loads(ask(office).body)["access_token"]
    clock.now += 9.9
    assert office.is_good(f"Bearer {token}")
    clock.now += 0.1
    assert not office.is_good(f"Bearer {token}")
    token = json.loads(ask(office).body)["access_token"]
    assert office.revoke_all() == 1
    for header in (f"Bearer {token}", f"Basic {token}", token, "Bearer ", "Bearer x", ""):
        assert not office.is_good(header)


def test_grace_for_expired_tokens() -> None:
    """With a grace, an expired JWT passes a little longer, as on jdk21."""
    clock = Clock()
    config = SimulatorConfig(mode="jdk21", expired_token_grace_s=60, clock=clock)
    office = TokenOffice(config)
    token = json.loads(ask(office).body)["access_token"]
    clock.now += 300 + 59
    ask(office)
    assert office.is_good(f"Bearer {token}")
    clock.now += 1
    assert not office.is_good(f"Bearer {token}")


@pytest.mark.parametrize("mode", BOTH)
@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (GOOD + "&scope=basic", {}),
        ("scope=basic&grant_type=client_credentials", basic("frontdesk:secret")),
        ("scope=basic&grant_type=client_credentials", basic("front%64esk:secret")),
    ],
)
def test_credentials(mode: TokenMode, body: str, headers: dict[str, str]) -> None:
    """Credentials may be in the form or in a Basic header; a scope is echoed."""
    answer = ask(TokenOffice(SimulatorConfig(mode=mode)), body, headers=headers)
    assert answer.status == 200
    assert json.loads(answer.body)["scope"] == "basic"


@pytest.mark.parametrize("mode", BOTH)
@pytest.mark.parametrize(
    ("body", "headers", "status", "error"),
    [
        (GOOD.replace("=secret", "=wrong"), {}, 401, "invalid_client"),
        (GOOD.replace("frontdesk", "nobody"), {}, 401, "invalid_client"),
        ("grant_type=client_credentials&client_id=frontdesk", {}, 401, "invalid_client"),
        (GOOD, {"content-type": "application/json"}, 401, "invalid_client"),
        (GOOD, basic("frontdesk:wrong"), 401, "invalid_client"),
        (GOOD, {"authorization": "Basic !"}, 401, "invalid_client"),
        ("client_id=frontdesk&client_secret=secret", {}, 400, "invalid_request"),
        (GOOD.replace("client_credentials", "password"), {}, 400, "unsupported_grant_type"),
    ],
)
def test_failures(
    mode: TokenMode, body: str, headers: dict[str, str], status: int, error: str
) -> None:
    """A refused request has the status and the error code of OAuth 2.0."""
    answer = ask(TokenOffice(SimulatorConfig(mode=mode)), body, headers=headers)
    assert (answer.status, json.loads(answer.body)["error"]) == (status, error)


def test_classic_names_the_reason_in_the_header() -> None:
    """The classic 401 has a text and a WWW-Authenticate header."""
    answer = ask(TokenOffice(SimulatorConfig()), "")
    assert json.loads(answer.body)["error_description"] == "Bad client credentials"
    assert dict(answer.headers)["WWW-Authenticate"].startswith('Basic realm="hybris"')


@pytest.mark.parametrize(("mode", "status"), [("classic", 200), ("jdk21", 401)])
def test_credentials_in_the_url(mode: TokenMode, status: int) -> None:
    """Parameters in the URL work on the classic stack only."""
    office = TokenOffice(SimulatorConfig(mode=mode))
    assert ask(office, "", query=GOOD).status == status


def test_only_post() -> None:
    """Another verb is a 405."""
    assert ask(TokenOffice(SimulatorConfig()), method="GET").status == 405


def test_classic_token_as_xml() -> None:
    """The classic stack answers a client that prefers XML with an oauth document."""
    answer = ask(TokenOffice(SimulatorConfig()), headers={"accept": "application/xml"})
    assert answer.content_type == "application/xml"
    assert answer.body.startswith(b"<oauth><access_token>")
