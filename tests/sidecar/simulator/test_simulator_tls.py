"""HTTPS, and certificates that clients must have."""

from __future__ import annotations

import datetime as dt
import importlib
import ipaddress
import ssl
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from frontdesk_sidecar.simulator import SimulatorConfig, Tls, running

if TYPE_CHECKING:
    from pathlib import Path

NAME = "frontdesk simulator test"


def written(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    try:
        x509: Any = importlib.import_module("cryptography.x509")
        hashes: Any = importlib.import_module("cryptography.hazmat.primitives.hashes")
        serialization: Any = importlib.import_module("cryptography.hazmat.primitives.serialization")
        ec: Any = importlib.import_module("cryptography.hazmat.primitives.asymmetric.ec")
    except ImportError:
        pytest.skip("cryptography is not installed")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    now = dt.datetime.now(dt.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(pem))
    (folder / "key.pem").write_bytes(private)
    return folder / "cert.pem", folder / "key.pem"


def test_https(tmp_path: Path) -> None:
    """Links have the scheme of the request."""
    cert, key = written(tmp_path)
    trust = ssl.create_default_context(cafile=str(cert))
    with (
        running(SimulatorConfig(), tls=Tls(cert, key)) as url,
        httpx.Client(base_url=url, verify=trust) as client,
    ):
        assert url.startswith("https://")
        form = {
            "grant_type": "client_credentials",
            "client_id": "frontdesk",
            "client_secret": "secret",
        }
        token = client.post("/authorizationserver/oauth/token", data=form).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        path = "/odata2webservices/InboundCustomer/Customers"
        answer = client.post(path, json={"uid": "a"}, headers=headers)
        assert answer.headers["location"].startswith(f"{url}/odata2webservices/")


def test_mutual(tmp_path: Path) -> None:
    """With a client authority, nobody comes in without a certificate of it."""
    cert, key = written(tmp_path)
    trust = ssl.create_default_context(cafile=str(cert))
    with running(tls=Tls(cert, key, client_ca=cert)) as url:
        with (
            httpx.Client(base_url=url, verify=trust) as stranger,
            pytest.raises((httpx.ReadError, httpx.ConnectError, httpx.RemoteProtocolError)),
        ):
            stranger.get("/_sim/customers")
        trust.load_cert_chain(cert, key)
        with httpx.Client(base_url=url, verify=trust) as friend:
            assert friend.get("/_sim/customers").json() == []
