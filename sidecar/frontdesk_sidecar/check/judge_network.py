"""What names, connections and certificates on the way to SAP are worth. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from frontdesk_sidecar.check.remedies import ENDPOINTS
from frontdesk_sidecar.check.result import Result, Status, Where

#: A certificate that ends so soon is told of.
SOON_DAYS: Final = 14


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a name gave: addresses, or why none. `proxy` resolves it in our place."""

    host: str
    addresses: tuple[str, ...] = ()
    error: str = ""
    is_address: bool = False
    proxy: str = ""


def dns(found: Resolved) -> Result:
    """Whether the host has an address."""
    tried = f"resolve {found.host}"
    if found.proxy:
        text = f"left to the proxy {found.proxy} of the environment"
        return Result("dns", Status.OK, tried, text)
    if found.is_address:
        return Result("dns", Status.OK, tried, f"{found.host} is an address already")
    if found.addresses:
        return Result("dns", Status.OK, tried, f"{found.host} is {', '.join(found.addresses)}")
    return Result(
        "dns",
        Status.FAILED,
        tried,
        found.error,
        "The name of SAP's host does not resolve here, so nothing can be asked of it.",
        (
            f"sap.base_url: look for a slip, {ENDPOINTS} has the exact name",
            (
                "else the name resolution of this host: /etc/resolv.conf, in Kubernetes egress to"
                " the cluster's DNS"
            ),
        ),
    )


@dataclass(frozen=True, slots=True)
class Connected:
    """What a connection came to: `error` is empty when it was made."""

    address: str
    error: str = ""
    is_refused: bool = False
    proxy: str = ""


def connect(found: Connected) -> Result:
    """Whether the port answers."""
    to = f"the proxy {found.proxy}" if found.proxy else found.address
    tried = f"TCP connection to {to}"
    if not found.error:
        return Result("connect", Status.OK, tried, f"connected to {to}")
    if found.is_refused:
        means = "The host is there, and nothing listens on this port."
        todo: tuple[str, ...] = (
            "if it worked until now, SAP is down or being deployed: wait, sending resumes alone",
            "else the port in sap.base_url; SAP Commerce Cloud has 443",
        )
    else:
        means = "Nothing came back: a firewall drops it, or the host is away."
        todo = (
            "let this host out to that address: egress rules, NetworkPolicy, security group",
            "or name the way out in HTTPS_PROXY",
        )
    if found.proxy:
        todo = ("HTTPS_PROXY of the environment: its host and port, or NO_PROXY for SAP's host",)
    return Result("connect", Status.FAILED, tried, found.error, means, todo)


@dataclass(frozen=True, slots=True)
class Handshake:
    """What TLS came to. `fault` is empty when all is well, else one of `FAULTS`."""

    version: str = ""
    issuer: str = ""
    names: tuple[str, ...] = ()
    days_left: float = 0.0
    fault: str = ""
    text: str = ""


_OWN_CA: Final = (
    (
        "sap.ca_file: the PEM file of the certificate authority, if it is one of your own (a proxy"
        " that looks into TLS has one, too)"
    ),
)
_HOST: Final = ("sap.base_url: a name that the certificate is for",)
#: What it means, what to do.
FAULTS: Final = {
    "hostname": ("The certificate is for another name: this may be another system.", _HOST),
    "expired": (
        "The certificate of the endpoint has ended.",
        (f"{ENDPOINTS}: renew or replace the certificate", "the clock of this host, if it is not"),
    ),
    "not_yet": (
        "The certificate is not valid yet, by the clock of this host.",
        ("the clock of this host: chronyc tracking, timedatectl",),
    ),
    "authority": ("The certificate is of an authority that is not trusted here.", _OWN_CA),
    "client_certificate": (
        "The endpoint wants a certificate of the client (mutual TLS), and none or another came.",
        (
            "sap.client_cert_file and sap.client_key_file: a certificate that the endpoint trusts",
            f"{ENDPOINTS}: the trusted authority and the allowed common names",
        ),
    ),
    "own_certificate": (
        "The certificate of our own cannot be used.",
        ("sap.client_cert_file and sap.client_key_file: PEM, key without a password",),
    ),
    "not_tls": (
        "What answers does not speak TLS.",
        ("sap.base_url: the port of the HTTPS endpoint, 443 in SAP Commerce Cloud",),
    ),
    "version": (
        "Both sides have no version or cipher of TLS in common; SAP wants 1.2 or later.",
        ("look for a proxy on the way; and for the OpenSSL of this host",),
    ),
    "broken": (
        (
            "The connection ended at the handshake: a firewall does not let it through, or a client"
            " certificate is wanted."
        ),
        (
            "let this host out to that host, also by name (SNI): egress rules, proxy",
            "sap.client_cert_file, if the endpoint asks for mutual TLS",
        ),
    ),
    "timeout": (
        "No handshake came about in time.",
        ("what stands in between: firewall, proxy, load balancer",),
    ),
}


def tls(where: Where, found: Handshake) -> Result:
    """Whether the endpoint is who it says, and for how long."""
    tried = f"TLS handshake with {where.host}"
    if found.fault:
        means, todo = FAULTS.get(found.fault, FAULTS["broken"])
        text = found.text
        if found.fault == "hostname" and found.names:
            text += f"; it is for {_few(found.names)}"
        return Result("tls", Status.FAILED, tried, text, means, todo)
    days = int(found.days_left)
    told = f"{found.version}, certificate of {found.issuer or 'unknown'}, {days} days left"
    details = (f"for {_few(found.names)}",) if found.names else ()
    if found.days_left >= SOON_DAYS:
        return Result("tls", Status.OK, tried, told, details=details)
    return Result(
        "tls",
        Status.WARNING,
        tried,
        told,
        "It ends soon; from then on nothing reaches SAP, and nothing is lost.",
        (f"{ENDPOINTS}: renew the certificate",),
        details,
    )


def no_tls(where: Where, *, proxy: str) -> Result:
    """There is none to look at from here."""
    if proxy:
        text = "not looked at: it goes through a proxy; token tells if it fails"
    else:
        text = "none: plain http to this machine"
    return Result("tls", Status.OK, f"TLS with {where.host}", text)


def _few(names: Sequence[str]) -> str:
    shown = ", ".join(names[:5])
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"


def clock(skew_s: float | None, host: str) -> Result:
    """How far the clocks are apart; positive when SAP's is ahead."""
    tried = f"Date of {host}'s answers beside the clock of this host"
    if skew_s is None:
        return Result("clock", Status.SKIPPED, tried, "no answer had a Date that can be read")
    apart = abs(skew_s)
    side = "ahead of" if skew_s > 0 else "behind"
    if apart <= 60:
        told = "the same to a few seconds" if apart <= 5 else f"{apart:.0f} s apart"
        return Result("clock", Status.OK, tried, told)
    return Result(
        "clock",
        Status.FAILED if apart > 300 else Status.WARNING,
        tried,
        f"SAP's clock is {apart:.0f} s {side} this one",
        "Signed tokens (2211-jdk21) live 300 s and bear up to 60 s of difference; certificates"
        " and the times of customers' data go by the clock as well.",
        ("set this host's clock by NTP: timedatectl set-ntp true, chronyc tracking",),
    )
