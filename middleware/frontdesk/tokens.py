"""What tokens and session cookies say, unverified: a JWT's claims, a session's content.

Only of use for what the app itself has just made. Bounds: `MAX_TOKEN_BYTES`, and
`MAX_UNPACKED_BYTES` for what is deflated.

Source: RFC 7519 (JWT) and RFC 7515 section 3.1 (its compact form), itsdangerous 2.2.
"""

from __future__ import annotations

import binascii
import re
import zlib
from collections.abc import Mapping
from itertools import islice
from typing import Any, Final

import orjson

from frontdesk.traits import spellings

MAX_TOKEN_BYTES: Final = 16 * 1024
MAX_UNPACKED_BYTES: Final = 64 * 1024
_MAX_CLAIMS: Final = 256

#: a JSON object in base64 begins with one of these, deflated or not
_BEGINNING: Final = ("e", ".eJ")

_KINDS: Final = ("typ", "type", "token_use", "token_type", "tokenType", "use", "grant_type", "gty")
_NO_USERS: Final = frozenset(
    ("refresh", "refresh_token", "offline", "client_credentials", "client-credentials", "csrf")
)
_ROLES: Final = ("role", "user_type", "provider_id")
_ANONYMOUS: Final = frozenset(("anon", "anonymous", "guest"))
_FLAGS: Final = spellings("is anonymous", "anonymous", "is guest", "guest")
#: a claim of somebody who acts for the user, under a name of its own
_OTHERS: Final = re.compile(
    r"^act(?:or|ing)?$|admin|agent|impersonat|support|referr|invit|owner|seller", re.IGNORECASE
)


def jwt_claims(token: str) -> Mapping[str, Any] | None:
    """The claims of a JWT in its compact form that is a user's."""
    token = token.removeprefix("Bearer ").strip()
    # Three parts: five are encrypted (RFC 7516 section 3.1).
    if len(token) > MAX_TOKEN_BYTES or token[:1] != "e" or token.count(".") != 2:
        return None
    head, body, _ = token.split(".")
    header = _object(_bytes(head))
    if header is None or "alg" not in header:
        return None
    found = _object(_bytes(body))
    return None if not found or _is_nobody(found) else _unspaced(found)


def session_content(value: str) -> Mapping[str, Any] | None:
    """The content of a session's cookie that begins with it.

    itsdangerous: `content.time.signature`, with a dot before a deflated content; Starlette the
    same in standard base64; Express the content alone.
    """
    if len(value) > MAX_TOKEN_BYTES or not value.startswith(_BEGINNING) or value.count(".") > 3:
        return None
    packed = value.startswith(".")
    content = _bytes(value[packed:].partition(".")[0])
    found = _object(_inflated(content) if packed else content)
    return None if not found or _is_nobody(found) else found


def _bytes(text: str) -> bytes:
    """Base64 in either alphabet, with or without padding; `b""` when it is none."""
    try:
        plain = text.rstrip("=").translate(_STANDARD).encode("ascii")
        return binascii.a2b_base64(plain + b"=" * (-len(plain) % 4), strict_mode=True)
    except (UnicodeEncodeError, binascii.Error):
        return b""


_STANDARD: Final = str.maketrans("-_", "+/")


def _inflated(packed: bytes) -> bytes:
    reader = zlib.decompressobj()
    try:
        plain = reader.decompress(packed, MAX_UNPACKED_BYTES)
    except zlib.error:
        return b""
    return plain if reader.eof else b""


def _object(content: bytes) -> dict[str, Any] | None:
    if content[:1] != b"{":
        return None
    try:
        found = orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
    return found if type(found) is dict else None


def _is_nobody(found: Mapping[str, Any]) -> bool:
    """True for a machine's token, a token to get tokens with, and that of a guest."""
    kinds = (found[name] for name in _KINDS if name in found)
    roles = [found[name] for name in _ROLES if name in found]
    if type(firebase := found.get("firebase")) is dict:
        roles.append(firebase.get("sign_in_provider"))
    return (
        any(type(kind) is str and kind.lower() in _NO_USERS for kind in kinds)
        or any(type(role) is str and role.lower() in _ANONYMOUS for role in roles)
        or any(found[flag] is True for flag in _FLAGS if flag in found)
    )


def _unspaced(found: Mapping[str, Any]) -> Mapping[str, Any]:
    """Claims with those of a namespace also under the last part of their names."""
    spaced = [name for name in islice(found, _MAX_CLAIMS) if ":" in name or "/" in name]
    if not spaced:
        return found
    whole = dict(found)
    for name in spaced:
        path = name.partition("://")[2].partition("/")[2] or name
        *space, last = re.split("[/:]", path)
        if last and not any(map(_OTHERS.search, space)):
            whole.setdefault(last, found[name])
    return whole
