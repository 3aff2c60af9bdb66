"""Where customers are sent."""

from typing import Any

import pytest

from frontdesk_sidecar.sap.destination import Destination, parse_base_url

USUAL: dict[str, Any] = {
    "base_url": "API.example.com",
    "integration_object": "InboundCustomer",
    "entity_set": "Customers",
    "client_id": "frontdesk",
    "client_secret": lambda: "marked-secret",
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "api.c1.model-t.cc.commerce.ondemand.com",
            "https://api.c1.model-t.cc.commerce.ondemand.com",
        ),
        (" API.Example.com/ ", "https://api.example.com"),
        ("api.example.com:8443", "https://api.example.com:8443"),
        ("https://api.example.com:443", "https://api.example.com:443"),
        ("http://127.0.0.1:8090", "http://127.0.0.1:8090"),
        ("http://127.9.9.9", "http://127.9.9.9"),
        ("HTTP://localhost:1", "http://localhost:1"),
        ("http://[::1]:8090/", "http://[::1]:8090"),
        ("localhost:8090", "https://localhost:8090"),
    ],
)
def test_a_host_or_an_address_is_taken(text: str, expected: str) -> None:
    """A bare host means https; http is for this machine alone."""
    assert parse_base_url(text) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "expected a host"),
        ("https://", "expected a host"),
        ("http://api.example.com", "loopback"),
        ("http://localhost.example.com", "loopback"),
        ("http://10.0.0.1", "loopback"),
        ("ftp://api.example.com", "scheme must be https"),
        ("https://user:hunter2@api.example.com", "credentials"),
        ("https://api.example.com/odata2webservices", "leave out the path"),
        ("https://api.example.com?hunter2", "leave out the path"),
        ("https://api.example.com#hunter2", "leave out the path"),
        ("https://api.example.com:hunter2", "expected a host"),
        ("https://api.example.com:99999", "expected a host"),
        ("https://[::1", "expected a host"),
        ("api example.com", "expected a host"),
        ("-api.example.com", "expected a host"),
        ("exämple.com", "expected a host"),
        ("a" * 64 + ".example.com", "expected a host"),
    ],
)
def test_anything_else_is_refused_without_repeating_it(text: str, reason: str) -> None:
    """The error says what was expected, and never what may be a password."""
    with pytest.raises(ValueError, match=reason) as caught:
        parse_base_url(text)
    assert "hunter2" not in str(caught.value)


def test_addresses_are_built_from_the_parts() -> None:
    """The two addresses that are called follow from the base."""
    destination = Destination(**USUAL)
    assert destination.base_url == "https://api.example.com"
    assert destination.token_url == "https://api.example.com/authorizationserver/oauth/token"
    expected = "https://api.example.com/odata2webservices/InboundCustomer/Customers"
    assert destination.entity_url == expected
    assert not destination.is_loopback


@pytest.mark.parametrize(
    ("base_url", "expected"),
    [("http://127.0.0.1:1", True), ("http://[::1]:1", True), ("https://localhost", True)],
)
def test_loopback_is_known(base_url: str, expected: bool) -> None:
    """Names are not resolved to find out."""
    assert Destination(**USUAL | {"base_url": base_url}).is_loopback is expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("base_url", "http://api.example.com"),
        ("integration_object", "Inbound/../Customer"),
        ("integration_object", ""),
        ("entity_set", "Customers?x"),
        ("client_id", ""),
        ("token_path", "oauth/token"),
        ("token_path", "/token?x=y"),
        ("connect_timeout_s", 0),
        ("total_timeout_s", float("nan")),
        ("max_connections", -1),
    ],
)
def test_unusable_values_are_refused(name: str, value: object) -> None:
    """What could build a wrong address or no request at all is said at construction."""
    with pytest.raises(ValueError, match=r"expected|loopback"):
        Destination(**USUAL | {name: value})


def test_the_secret_is_not_in_the_repr() -> None:
    """Not even the callable is shown: it may have the secret bound."""
    assert "secret" not in repr(Destination(**USUAL))
