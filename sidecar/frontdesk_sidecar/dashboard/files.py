"""The files of the page and what every answer says of itself; read when first asked for."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Final

_PAGE: Final = "index.html"
_TYPES: Final = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
#: Of every answer of the dashboard.
HEADERS: Final = MappingProxyType(
    {
        "content-security-policy": _POLICY,
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
    }
)


@dataclass(frozen=True, slots=True)
class File:
    """One file as it is sent."""

    body: bytes
    headers: dict[str, str]


def page() -> File:
    """The page itself."""
    return _files()[_PAGE]


def file(name: str) -> File | None:
    """What the page loads; None when there is none of that name."""
    return _files().get(name)


@cache
def _files() -> dict[str, File]:
    return {
        one.name: _sent(one.name, one.read_bytes())
        for one in (resources.files(__package__ or "") / "static").iterdir()
        if one.name.rpartition(".")[2] in _TYPES
    }


def _sent(name: str, body: bytes) -> File:
    kind = _TYPES[name.rpartition(".")[2]]
    tag = hashlib.sha256(body).hexdigest()[:24]
    # Asked for anew each time, and sent only when it is another one: an upgrade shows at once.
    own = {"content-type": kind, "cache-control": "no-cache", "etag": f'"{tag}"'}
    return File(body, {**HEADERS, **own})
