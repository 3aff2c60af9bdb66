"""Names, connections and TLS as they are found on the way to SAP."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import ssl
import threading
import time
import urllib.request
from collections.abc import Callable
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import httpx

from frontdesk_sidecar.check.judge_network import Connected, Handshake, Resolved
from frontdesk_sidecar.sap.destination import Destination
from frontdesk_sidecar.sap.tls import load_certificate

_T = TypeVar("_T")
_DAY_S: Final = 86_400
_PORTS: Final = {"https": 443, "http": 80}


def proxy_of(destination: Destination) -> str:
    """Host and port of the environment's proxy for this host, as httpx would use it; or empty."""
    parts = urlsplit(destination.base_url)
    host = parts.hostname or ""
    if destination.is_loopback or urllib.request.proxy_bypass(host):
        return ""
    proxies = urllib.request.getproxies()
    given = proxies.get(parts.scheme) or proxies.get("all") or ""
    found = urlsplit(given if "://" in given else f"http://{given}")
    # Without what may stand before it: a name and a password.
    return f"{found.hostname}:{found.port or 80}" if given and found.hostname else ""


def within(seconds: float, function: Callable[[], _T]) -> _T:
    """What a blocking function gives; TimeoutError, and it is left to itself, after that long.

    A resolver cannot be stopped, and a thread that is no daemon would hold up the end.
    """
    given: list[_T] = []
    raised: list[Exception] = []

    def run() -> None:
        try:
            given.append(function())
        except Exception as error:  # noqa: BLE001 - raised again where it is waited for
            raised.append(error)

    thread = threading.Thread(target=run, name="frontdesk-check", daemon=True)
    thread.start()
    thread.join(seconds)
    if raised:
        raise raised[0]
    if not given:
        raise TimeoutError
    return given[0]


def resolve(destination: Destination, limit_s: float) -> Resolved:
    """The addresses of the host."""
    host, port = _host(destination)
    if proxy := proxy_of(destination):
        return Resolved(host, proxy=proxy)
    with contextlib.suppress(ValueError):
        ipaddress.ip_address(host)
        return Resolved(host, is_address=True)
    try:
        found = within(limit_s, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    except TimeoutError:
        return Resolved(host, error=f"no answer of the name server in {limit_s:.0f} s")
    except (OSError, UnicodeError) as error:
        return Resolved(host, error=str(getattr(error, "strerror", None) or "is no name"))
    return Resolved(host, tuple(dict.fromkeys(str(one[4][0]) for one in found)))


def connect(destination: Destination, limit_s: float) -> Connected:
    """A TCP connection, closed again at once."""
    host, port = _host(destination)
    proxy = proxy_of(destination)
    if proxy:
        host, _, text = proxy.rpartition(":")
        port = int(text)
    shown = f"{host}:{port}"
    try:
        within(limit_s, lambda: socket.create_connection((host, port), timeout=limit_s).close())
    except TimeoutError:
        return Connected(shown, f"no answer in {limit_s:.0f} s", proxy=proxy)
    except OSError as error:
        refused = isinstance(error, ConnectionRefusedError)
        return Connected(shown, error.strerror or "no connection", refused, proxy)
    return Connected(shown, proxy=proxy)


def handshake(destination: Destination, limit_s: float, now: float | None = None) -> Handshake:
    """TLS with the host, by the rules of the client that sends customers."""
    try:
        context = _context(destination)
    except OSError as error:  # ssl.SSLError is one
        return Handshake(fault="own_certificate", text=error.strerror or "cannot be used")
    try:
        return _handshake(destination, context, limit_s, time.time() if now is None else now)
    except ssl.SSLCertVerificationError as error:
        names: tuple[str, ...] = ()
        if error.verify_code == _HOSTNAME:
            names = _names_in_spite(destination, limit_s)
        fault = _VERIFY_FAULTS.get(error.verify_code, "authority")
        return Handshake(names=names, fault=fault, text=error.verify_message.rstrip("."))
    except TimeoutError:
        return Handshake(fault="timeout", text=f"no answer in {limit_s:.0f} s")
    except OSError as error:
        return Handshake(fault=fault_of(error), text=_words(error))


#: Of X509_V_ERR_*: https://docs.openssl.org/master/man3/X509_STORE_CTX_get_error/
_HOSTNAME: Final = 62
_VERIFY_FAULTS: Final = {9: "not_yet", 10: "expired", 62: "hostname", 64: "hostname"}


def _handshake(
    destination: Destination, context: ssl.SSLContext, limit_s: float, now: float
) -> Handshake:
    host, port = _host(destination)
    with (
        socket.create_connection((host, port), timeout=limit_s) as plain,
        context.wrap_socket(plain, server_hostname=host) as secure,
    ):
        certificate = secure.getpeercert() or {}
        version = (secure.version() or "TLS").replace("TLSv", "TLS ")
        # With TLS 1.3 a missing client certificate shows only when something is read.
        secure.sendall(f"HEAD / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        if not secure.recv(1):
            return Handshake(fault="broken", text="the connection ended after the handshake")
        ends = ssl.cert_time_to_seconds(str(certificate.get("notAfter", _EPOCH)))
        issuer = _name_of(certificate.get("issuer", ()))
        return Handshake(version, issuer, _names(certificate), (ends - now) / _DAY_S)


_EPOCH: Final = "Jan  1 00:00:00 1970 GMT"


def _context(destination: Destination) -> ssl.SSLContext:
    """As `Transport` has it."""
    if destination.ca_file is not None:
        context = ssl.create_default_context(cafile=destination.ca_file)
    else:
        context = httpx.create_ssl_context(trust_env=not destination.is_loopback)
    if destination.client_cert_file is not None:
        load_certificate(context, destination.client_cert_file, destination.client_key_file)
    return context


def _names_in_spite(destination: Destination, limit_s: float) -> tuple[str, ...]:
    """Whom a trusted certificate is for that is not for this host; nothing is asked there."""
    try:
        context = _context(destination)
        context.check_hostname = False
        host, port = _host(destination)
        with (
            socket.create_connection((host, port), timeout=limit_s) as plain,
            context.wrap_socket(plain, server_hostname=host) as secure,
        ):
            return _names(secure.getpeercert() or {})
    except OSError:
        return ()


def _host(destination: Destination) -> tuple[str, int]:
    parts = urlsplit(destination.base_url)
    return parts.hostname or "", parts.port or _PORTS[parts.scheme]


def _names(certificate: Any) -> tuple[str, ...]:
    return tuple(str(value) for _, value in certificate.get("subjectAltName", ()))


def _name_of(parts: Any) -> str:
    """The organisation or the common name in a distinguished name."""
    found = {key: value for part in parts for key, value in part}
    return str(found.get("organizationName") or found.get("commonName") or "")


def fault_of(error: OSError) -> str:
    """Which fault of TLS an error is; its text alone tells."""
    said = str(error).lower()
    if not isinstance(error, ssl.SSLError):
        return "broken"
    if "alert" in said and "certificate" in said:
        return "client_certificate"
    if "wrong version number" in said or "wrong_version_number" in said or "http request" in said:
        return "not_tls"
    if any(
        word in said for word in ("unsupported protocol", "alert protocol", "no shared", "version")
    ):
        return "version"
    return "client_certificate" if "handshake failure" in said else "broken"


def _words(error: OSError) -> str:
    reason = getattr(error, "reason", None)
    if isinstance(reason, str) and reason:
        return reason.replace("_", " ").lower()
    return error.strerror or "the connection ended"
