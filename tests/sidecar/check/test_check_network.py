"""Names, ports and certificates on the way to SAP, with real sockets on this machine."""

from __future__ import annotations

import datetime
import ipaddress
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from frontdesk_sidecar.check import judge_network, network
from frontdesk_sidecar.check.asking import skew
from frontdesk_sidecar.check.judge_network import Connected, Handshake, Resolved
from frontdesk_sidecar.check.result import Status, Where
from frontdesk_sidecar.sap.destination import Destination
from frontdesk_sidecar.simulator import SimulatorConfig, create_app
from server_support import free_port, serving

if TYPE_CHECKING:
    from tests.sidecar.check.conftest import Checking

x509 = pytest.importorskip("cryptography.x509", reason="makes the certificates")

SECRET = "s3cr3t-Marked-Value-q9"
DAY = datetime.timedelta(days=1)
WHERE = Where("https://localhost", "InboundCustomer", "Customers", "frontdesk")


class Authority:
    """Issues certificates for a test."""

    def __init__(self, folder: Path) -> None:
        from cryptography.hazmat.primitives.asymmetric import ec

        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name(
            [x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "Authority of this test")]
        )
        builder = self._builder(self._name, self._key.public_key(), days=30)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        self.file = self._write("ca.pem", self._sign(builder))

    def issue(self, name: str, *, days: int = 30) -> tuple[str, str]:
        """Files with a certificate and its key, both PEM."""
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        names = [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        if name != "localhost":
            names = names[:1]
        builder = self._builder(subject, key.public_key(), days=days)
        builder = builder.add_extension(x509.SubjectAlternativeName(names), False)
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        key_file = self._folder / f"{name}.key"
        key_file.write_bytes(pem)
        return self._write(f"{name}.pem", self._sign(builder)), str(key_file)

    def _builder(self, subject: Any, public: Any, *, days: int) -> Any:
        now = datetime.datetime.now(datetime.UTC)
        end = now + days * DAY
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(min(now, end) - DAY)
            .not_valid_after(end)
        )

    def _sign(self, builder: Any) -> Any:
        from cryptography.hazmat.primitives import hashes

        return builder.sign(self._key, hashes.SHA256())

    def _write(self, name: str, certificate: Any) -> str:
        from cryptography.hazmat.primitives import serialization

        path = self._folder / name
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return str(path)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """An authority of one's own."""
    return Authority(tmp_path)


def destination(base_url: str, **more: Any) -> Destination:
    """Where customers would go."""
    return Destination(
        base_url, "InboundCustomer", "Customers", "frontdesk", lambda: SECRET, **more
    )


def secured(files: tuple[str, str], **more: Any) -> Any:
    """A simulated SAP that speaks TLS."""
    app = create_app(SimulatorConfig(client_secret=SECRET))
    return serving(app, ssl_certfile=files[0], ssl_keyfile=files[1], **more)


def test_a_private_authority_is_trusted_by_name(authority: Authority, checking: Checking) -> None:
    """The whole chain over TLS; who issued the certificate, for how long, for whom."""
    with secured(authority.issue("localhost")) as address:
        checking.base = f"https://localhost:{address.rpartition(':')[2]}"
        checking.sap = {"ca_file": authority.file}
        code, results = checking.run(verbose=True)
    assert (code, results["tls"]["status"]) == (0, "ok")
    found = results["tls"]["found"]
    assert "TLS 1.3, certificate of Authority of this test, 29 days left" in found
    assert results["tls"]["details"] == ["for localhost, 127.0.0.1"]
    assert results["batch"]["status"] == "ok"


@dataclass(frozen=True)
class Bad:
    """A certificate that is not taken."""

    fault: str
    words: str
    name: str = "localhost"
    days: int = 30
    trusted: bool = True


@pytest.mark.parametrize(
    "bad",
    [
        Bad("hostname", "it is for shop.example", name="shop.example"),
        Bad("expired", "has ended", days=-1),
        Bad("authority", "sap.ca_file", trusted=False),
    ],
    ids=lambda bad: bad.fault,
)
def test_a_certificate_that_is_not_taken(authority: Authority, bad: Bad) -> None:
    """Which kind of wrong it is decides what to do."""
    with secured(authority.issue(bad.name, days=bad.days)) as address:
        base = f"https://localhost:{address.rpartition(':')[2]}"
        ca_file = authority.file if bad.trusted else None
        found = network.handshake(destination(base, ca_file=ca_file), 5)
    assert found.fault == bad.fault
    result = judge_network.tls(WHERE, found)
    assert result.status is Status.FAILED
    assert bad.words in " ".join((result.found, result.means, *result.todo))


def test_a_certificate_that_ends_soon(authority: Authority) -> None:
    """There is time to renew it, so it is a warning."""
    with secured(authority.issue("localhost", days=5)) as address:
        base = f"https://localhost:{address.rpartition(':')[2]}"
        found = network.handshake(destination(base, ca_file=authority.file), 5)
    result = judge_network.tls(WHERE, found)
    assert (result.status, "4 days left" in result.found) == (Status.WARNING, True)


def test_a_certificate_of_our_own_is_wanted(authority: Authority) -> None:
    """With TLS 1.3 that shows only after the handshake; with one it works.

    This server ends the connection without the alert that others send.
    """
    wants = {"ssl_ca_certs": authority.file, "ssl_cert_reqs": ssl.CERT_REQUIRED}
    cert, key = authority.issue("shop")
    with secured(authority.issue("localhost"), **wants) as address:
        base = f"https://localhost:{address.rpartition(':')[2]}"
        without = network.handshake(destination(base, ca_file=authority.file), 5)
        ours = destination(base, ca_file=authority.file, client_cert_file=cert, client_key_file=key)
        assert network.handshake(ours, 5).fault == ""
    result = judge_network.tls(WHERE, without)
    assert without.fault in ("client_certificate", "broken")
    assert result.status is Status.FAILED
    assert "sap.client_cert_file" in " ".join(result.todo)


def test_a_port_that_does_not_speak_tls() -> None:
    """Such as that of plain http."""
    with serving(create_app(SimulatorConfig())) as address:
        base = f"https://localhost:{address.rpartition(':')[2]}"
        found = network.handshake(destination(base), 5)
    assert found.fault == "not_tls"
    assert "443" in judge_network.tls(WHERE, found).todo[0]


@pytest.fixture
def mute() -> Iterator[int]:
    """A port that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_port_that_says_nothing(mute: int) -> None:
    """It is not waited for without end."""
    found = network.handshake(destination(f"https://localhost:{mute}"), 0.1)
    assert (found.fault, judge_network.tls(WHERE, found).status) == ("timeout", Status.FAILED)


def test_our_own_certificate_may_be_unusable(tmp_path: Path) -> None:
    """It was there when the settings were read, and is not any more."""
    found = network.handshake(
        destination("https://localhost:1", client_cert_file=str(tmp_path / "none")), 1
    )
    assert found.fault == "own_certificate"


def test_a_name_that_does_not_resolve(checking: Checking) -> None:
    """Nothing after it is tried; the name is there to look at."""
    checking.base = "https://nonexistent.invalid"
    code, results = checking.run()
    assert (code, results["dns"]["status"]) == (1, "failed")
    assert "nonexistent.invalid" in results["dns"]["tried"]
    assert "sap.base_url" in results["dns"]["todo"][0]
    for name in ("connect", "tls", "token", "rights", "clock"):
        assert results[name]["found"] == "not tried: dns failed"


def test_a_port_that_nobody_listens_on(checking: Checking) -> None:
    """The host is there, so it is not the firewall."""
    checking.base = f"http://127.0.0.1:{free_port()}"
    code, results = checking.run()
    assert (code, results["connect"]["status"]) == (1, "failed")
    assert "nothing listens" in results["connect"]["means"]
    assert results["token"]["found"] == "not tried: connect failed"


def test_addresses_are_told() -> None:
    """Of a name all that it has."""
    found = network.resolve(destination("https://localhost"), 5)
    assert set(found.addresses) <= {"127.0.0.1", "::1"}
    assert judge_network.dns(found).status is Status.OK


def test_a_proxy_of_the_environment_stands_in_between(monkeypatch: pytest.MonkeyPatch) -> None:
    """It resolves and connects in our place; its password is not told."""
    monkeypatch.setenv("HTTPS_PROXY", "http://me:Marked-Value@127.0.0.1:9")
    monkeypatch.setenv("https_proxy", "http://me:Marked-Value@127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    to = destination("https://sap.invalid")
    assert network.resolve(to, 1) == Resolved("sap.invalid", proxy="127.0.0.1:9")
    result = judge_network.connect(network.connect(to, 1))
    assert "HTTPS_PROXY" in result.todo[0]
    assert "Marked" not in repr(result)
    assert network.proxy_of(destination("https://localhost")) == ""
    assert "proxy" in judge_network.no_tls(WHERE, proxy="127.0.0.1:9").found


def test_a_function_that_hangs_is_left_behind(mute: int) -> None:
    """And what one raises is raised."""
    with socket.create_connection(("127.0.0.1", mute)) as hanging:
        with pytest.raises(TimeoutError):
            network.within(0.05, lambda: hanging.recv(1))
        hanging.shutdown(socket.SHUT_RDWR)
    with pytest.raises(ValueError, match="this"):
        network.within(1, lambda: int("this"))


@pytest.mark.parametrize("fault", sorted(judge_network.FAULTS))
def test_every_fault_of_tls_has_a_remedy(fault: str) -> None:
    """In words, not in codes of OpenSSL."""
    result = judge_network.tls(WHERE, Handshake(fault=fault, text="said"))
    assert result.status is Status.FAILED
    assert result.means
    assert result.todo


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ("ssl/tls alert handshake failure", "client_certificate"),
        ("tlsv1 alert protocol version", "version"),
        ("tlsv13 alert certificate required", "client_certificate"),
        ("record layer failure", "broken"),
    ],
)
def test_what_openssl_says_is_understood(said: str, fault: str) -> None:
    """Its texts are the only thing that tells these apart."""
    assert network.fault_of(ssl.SSLError(1, said)) == fault
    assert network.fault_of(ConnectionResetError(104, "reset")) == "broken"


def test_a_connection_that_is_dropped() -> None:
    """Another remedy than for one that is refused."""
    result = judge_network.connect(Connected("192.0.2.1:443", "no answer in 5 s"))
    assert "egress" in result.todo[0]


@pytest.mark.parametrize(
    ("ahead_s", "status"),
    [
        (0.4, Status.OK),
        (-59, Status.OK),
        (61, Status.WARNING),
        (-299, Status.WARNING),
        (301, Status.FAILED),
        (-86_400, Status.FAILED),
        (None, Status.SKIPPED),
    ],
)
def test_clocks(ahead_s: float | None, status: Status) -> None:
    """A minute is borne by SAP, five are the life of a token."""
    result = judge_network.clock(ahead_s, "sap.example")
    assert result.status is status
    if status in (Status.WARNING, Status.FAILED):
        assert ("ahead of" if ahead_s is not None and ahead_s > 0 else "behind") in result.found
        assert "NTP" in result.todo[0]


def test_a_date_is_read() -> None:
    """In its three forms; what is none says nothing."""
    assert skew("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777.0) == 0
    assert skew("Sun Nov  6 08:50:37 1994", 784_111_777.0) == 60
    assert skew("yesterday", 0) is None
    assert skew("", 0) is None


def test_the_clock_of_sap_is_looked_at(shop: Checking) -> None:
    """By the Date of its answers."""
    shop.faults({"kind": "clock", "seconds": -400, "on": "all"})
    code, results = shop.run()
    assert (code, results["clock"]["status"]) == (1, "failed")
    assert "behind this one" in results["clock"]["found"]
    shop.faults({"kind": "clock", "seconds": 90, "on": "all"})
    code, results = shop.run()
    assert (code, results["clock"]["status"]) == (0, "warning")
    assert "ahead of this one" in results["clock"]["found"]
