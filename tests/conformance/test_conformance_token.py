"""The token endpoint, and what it guards."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.conformance.conftest import Tenant


def test_token(tenant: Tenant) -> None:
    """Either stack: a bearer token, its life in seconds, and no refresh token."""
    answer = tenant.ask_token()
    content = answer.json()
    assert answer.status_code == 200
    assert content["token_type"] in {"bearer", "Bearer"}
    assert 0 <= content["expires_in"] <= 43_200
    assert "refresh_token" not in content
    is_jwt = content["access_token"].count(".") == 2
    assert is_jwt == (content["token_type"] == "Bearer")


def test_basic_credentials(tenant: Tenant) -> None:
    """Id and secret may be in a Basic header instead of the form."""
    answer = tenant.http.post(
        tenant.token_url,
        data={"grant_type": "client_credentials"},
        headers={"Accept": "application/json"},
        auth=(tenant.client_id, tenant.client_secret),
    )
    assert answer.status_code == 200
    assert answer.json()["access_token"]


def test_wrong_secret(tenant: Tenant) -> None:
    """401 with the OAuth error."""
    answer = tenant.ask_token(client_secret="wrong")
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_other_grant(tenant: Tenant) -> None:
    """A password grant is refused."""
    answer = tenant.ask_token(grant_type="password")
    assert answer.status_code in {400, 401}
    assert answer.json()["error"]


def test_without_a_token(tenant: Tenant) -> None:
    """401 before anything else, and not as OData."""
    for authorization in ("", "Bearer unknown", "Basic YTpi"):
        headers = {"Accept": "application/json", "Authorization": authorization}
        answer = tenant.http.get(f"{tenant.service}/{tenant.entity_set}", headers=headers)
        assert answer.status_code == 401
        assert '"d":' not in answer.text
