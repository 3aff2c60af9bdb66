"""Who may send: whoever knows a write key, or can sign with the key for signatures.

A write key comes as the user of Basic authentication (RFC 7617), as SDKs send it, as a bearer
token (RFC 6750), or as `writeKey` in the body. A signature is an HMAC (RFC 2104) with SHA-256 over
the time and the body as sent: `X-Frontdesk-Signature: t=<seconds since the epoch>,v1=<hex>`.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Sequence
from typing import Final

#: A signed request is good for so long, before and after its time.
TOLERANCE_S: Final = 300
_SIGNATURE: Final = re.compile(r"t=(\d{1,12}),v1=([0-9a-fA-F]{64})")


def is_known(given: str, keys: Sequence[str]) -> bool:
    """Whether it is one of the keys; takes as long for each, whatever it is."""
    encoded = given.encode("utf-8", "surrogatepass")
    # No any(): it would stop at the first.
    return sum([hmac.compare_digest(encoded, key.encode()) for key in keys]) > 0


def key_in(authorization: str) -> str | None:
    """The key in an `Authorization` header; None when there is none to be read."""
    scheme, _, rest = authorization.strip().partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    if scheme.lower() != "basic":
        return None
    try:
        user, _, _ = base64.b64decode(rest.strip(), validate=True).partition(b":")
        return user.decode()
    except (binascii.Error, ValueError):
        return None


class Signature:
    """A signature to be checked against the body, which is fed to it as it comes."""

    def __init__(self, time: str, digest: str, keys: Sequence[str]) -> None:
        self._given = digest.lower()
        self._macs = [hmac.new(key.encode(), f"{time}.".encode(), "sha256") for key in keys]

    @classmethod
    def read(cls, header: str, keys: Sequence[str], now: float) -> Signature | str:
        """The signature of that header, or why it cannot be right."""
        found = _SIGNATURE.fullmatch(header.strip())
        if found is None:
            return "expected t=<seconds since the epoch>,v1=<64 hexadecimal digits>"
        if abs(now - int(found[1])) > TOLERANCE_S:
            return f"its time is more than {TOLERANCE_S} seconds from now"
        return cls(found[1], found[2], keys)

    def feed(self, chunk: bytes) -> None:
        """A part of the body, as it was sent."""
        for mac in self._macs:
            mac.update(chunk)

    def is_right(self) -> bool:
        """Whether one of the keys made it; to be asked after the whole body."""
        right = [hmac.compare_digest(mac.hexdigest(), self._given) for mac in self._macs]
        return sum(right) > 0
