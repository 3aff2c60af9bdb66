"""What came back from SAP Commerce, or did not, and how its parts are read.

Sources: RFC 9110 (``Retry-After``) and RFC 6749, section 5.1 (token answer).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any, Final

import orjson

MAX_RETRY_AFTER_S: Final = 900.0
"""A longer wait than this is taken as this."""


class Failure(StrEnum):
    """What happened instead of an answer. Whether SAP acted on the request is unknown."""

    CONNECT = "connect"
    REFUSED = "refused"
    CONNECT_TIMEOUT = "connect_timeout"
    TLS = "tls"
    DNS = "dns"
    TIMEOUT = "timeout"
    DISCONNECTED = "disconnected"
    PROTOCOL = "protocol"
    TOO_LARGE = "too_large"


@dataclass(frozen=True, slots=True)
class Answer:
    """One complete HTTP answer. Header names in any case; ``body`` after content decoding."""

    status: int
    headers: Mapping[str, str] = field(repr=False, default_factory=dict)
    body: bytes = field(repr=False, default=b"")

    def header(self, name: str) -> str:
        """The value of a header, or an empty text."""
        wanted = name.lower()
        return next((value for key, value in self.headers.items() if key.lower() == wanted), "")

    def json_object(self) -> dict[str, Any]:
        """The JSON object in the body, or an empty one."""
        try:
            document = orjson.loads(self.body)
        except ValueError:
            return {}
        return document if isinstance(document, dict) else {}


@dataclass(frozen=True, slots=True)
class Grant:
    """An access token, and how many seconds after the answer it ends; None when not told."""

    token: str = field(repr=False)
    expires_in_s: float | None


def read_grant(answer: Answer) -> Grant | None:
    """Read a successful token answer (RFC 6749, section 5.1); None when it holds no token.

    A token outside visible ASCII is none: it could not be sent in a header.
    """
    found = answer.json_object()
    token = found.get("access_token")
    if not isinstance(token, str) or not token or not all("!" <= char <= "~" for char in token):
        return None
    return Grant(token, _seconds(found.get("expires_in")))


def _seconds(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        seconds = float(value)
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) else None


def retry_after_s(answer: Answer, *, now: float | None = None) -> float | None:
    """Seconds to wait by the ``Retry-After`` header (RFC 9110, section 10.2.3), 900 at most.

    Takes delta-seconds and, when ``now`` (seconds since the epoch) is given, an HTTP-date, which
    gives zero when it is past. None when the header is absent or unreadable.
    """
    value = answer.header("retry-after").strip()
    if value.isascii() and value.isdigit():
        return min(float(value), MAX_RETRY_AFTER_S)
    if now is None or not value:
        return None
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    # The asctime form names no zone; every HTTP-date is in UTC.
    zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max(zoned.timestamp() - now, 0.0), MAX_RETRY_AFTER_S)
