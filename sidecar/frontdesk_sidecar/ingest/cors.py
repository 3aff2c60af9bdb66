"""Which pages in browsers may talk to the door: Fetch standard, section 3.3 (CORS protocol).

https://fetch.spec.whatwg.org/#http-cors-protocol. Credentials (cookies) are never allowed.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any, Final

#: `X-Retry-Count` is analytics.js's own; `Retry-After` is no header that pages may read unasked.
_ASKED: Final = {
    "access-control-allow-methods": "GET, POST",
    "access-control-allow-headers": (
        "authorization, content-encoding, content-type, traceparent, x-retry-count"
    ),
    "access-control-max-age": "7200",
}
_VARY: Final = {"vary": "origin"}


#: As browsers write one: https://html.spec.whatwg.org/#ascii-serialisation-of-an-origin.
_ORIGIN: Final = re.compile(r"[a-z][a-z0-9+.-]*://(?:[a-z0-9._-]+|\[[0-9a-f:]+\])(?::\d{1,5})?")


def origins_of(given: Any) -> tuple[str, ...] | None:
    """The origins in a list, or in a text with commas; None when there is something else in it."""
    listed = given.split(",") if isinstance(given, str) else given
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
        return None
    origins = tuple(one.strip() for one in listed)
    return origins if all(map(_ORIGIN.fullmatch, origins)) else None


def is_allowed(origin: str | None, origins: Collection[str]) -> bool:
    """Whether a request may come from there; one without an origin is no page's."""
    return origin is None or origin in origins


def headers(origin: str | None, origins: Collection[str]) -> dict[str, str]:
    """The headers of any answer."""
    if not origins:
        return {}
    if origin is None or origin not in origins:
        return dict(_VARY)
    return {
        **_VARY,
        "access-control-allow-origin": origin,
        "access-control-expose-headers": "retry-after",
    }


def preflight(*, to_private_network: bool) -> dict[str, str]:
    """What the answer to `OPTIONS` has beside them, for an origin that is allowed.

    A page of the internet may be kept from talking to a private address without a word of its own:
    https://wicg.github.io/private-network-access/.
    """
    if to_private_network:
        return {**_ASKED, "access-control-allow-private-network": "true"}
    return dict(_ASKED)
