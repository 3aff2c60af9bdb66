"""Who asked, and how: `X-Forwarded-*`, `Forwarded` and `Via`, with rules whom to believe. Pure.

Source: RFC 7239 (Forwarded), RFC 9110 section 7.6.3 (Via); `X-Forwarded-*` as nginx, Traefik and
Envoy write them.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

from frontdesk_sidecar.proxy.fields import Field, Fields, one

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

FOR: Final = b"x-forwarded-for"
PROTO: Final = b"x-forwarded-proto"
HOST: Final = b"x-forwarded-host"
FORWARDED: Final = b"forwarded"
_WRITTEN: Final = frozenset((FOR, PROTO, HOST, FORWARDED))
#: What only somebody trusted may say of the way here.
_CLAIMS: Final = _WRITTEN | {
    *(b"x-forwarded-port", b"x-forwarded-prefix", b"x-forwarded-server", b"x-forwarded-ssl"),
    *(b"x-forwarded-scheme", b"x-forwarded-by", b"x-real-ip"),
}
#: CGI, WSGI and PHP make the same variable of these.
_DASHES: Final = bytes.maketrans(b"_.", b"--")
#: A request that came through us so often goes round in a circle.
MOST_PASSES: Final = 8


@dataclass(frozen=True, slots=True)
class Trust:
    """Whose word about the way here counts. `local`: a peer on a Unix socket."""

    networks: tuple[Network, ...] = ()
    local: bool = False

    def holds(self, peer: str | None) -> bool:
        """Whether this peer is trusted; None is one on a Unix socket."""
        return self.local if peer is None else _is_within(peer, self.networks)


@lru_cache(4096)
def _is_within(peer: str, networks: tuple[Network, ...]) -> bool:
    try:
        address = ipaddress.ip_address(peer.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address.version == one.version and address in one for one in networks)


def trust_of(words: Sequence[str]) -> Trust:
    """`unix`, `loopback`, addresses and networks. Raises ValueError for anything else."""
    networks: list[Network] = []
    for word in words:
        if word == "loopback":
            networks += map(ipaddress.ip_network, ("127.0.0.0/8", "::1/128"))
        elif word != "unix":
            networks.append(ipaddress.ip_network(word, strict=False))
    return Trust(tuple(networks), "unix" in words)


def with_forwarded(
    fields: Fields,
    *,
    peer: str | None,
    is_trusted: bool,
    scheme: str,
    host: bytes,
    always: bool = False,
) -> list[Field]:
    """The fields with what is to be said of the way here, at their end.

    What somebody untrusted claims is left out, and so are the spellings with an underscore or a
    dot, which CGI, WSGI and PHP read as the same. `Forwarded` is continued; with `always` begun as
    well.
    """
    kept, claimed = _apart(fields, is_trusted=is_trusted)
    hops = [value for name, value in claimed if name == FOR] + ([peer.encode()] if peer else [])
    if hops:
        kept.append((FOR, b", ".join(hops)))
    kept.append((PROTO, one(claimed, PROTO) or scheme.encode()))
    kept.append((HOST, one(claimed, HOST) or host))
    elements = [value for name, value in claimed if name == FORWARDED]
    if elements or always:
        kept.append((FORWARDED, b", ".join((*elements, _element(peer, scheme, host)))))
    return kept


def _apart(fields: Fields, *, is_trusted: bool) -> tuple[list[Field], list[Field]]:
    """What stays as it is, and what of the claims is believed and written anew."""
    kept, claimed = [], []
    for field in fields:
        name = field[0]
        plain = name.translate(_DASHES)
        if plain not in _CLAIMS or (is_trusted and plain == name and name not in _WRITTEN):
            kept.append(field)
        elif is_trusted and plain == name:
            claimed.append(field)
    return kept, claimed


def _element(peer: str | None, scheme: str, host: bytes) -> bytes:
    """RFC 7239 section 4; section 6: an IPv6 address stands in brackets and quotes."""
    node = "unknown" if peer is None else f'"[{peer}]"' if ":" in peer else peer
    return b'for=%b;host="%b";proto=%b' % (node.encode(), host, scheme.encode())


def via(version: str, pseudonym: str) -> bytes:
    """Our line of `Via`."""
    return f"{version} {pseudonym}".encode()


def goes_round(fields: Fields, pseudonym: str) -> bool:
    """Whether a request came through us too often: an upstream that is ourselves."""
    lines = [value for name, value in fields if name == b"via"]
    return sum(line.count(b" " + pseudonym.encode()) for line in lines) >= MOST_PASSES
