"""The token endpoint in both manners, and which tokens are good.

"classic" is the `oauth2` extension of SAP Commerce up to 2211 on JDK 17 (Spring Security
OAuth): one opaque token per client, handed out again until it expires. "jdk21" is the
`authorizationserver` of 2211-jdk21 (Spring Authorization Server): a new JWT each time, and
credentials in the URL are not looked at. Grant: client credentials (RFC 6749, section 4.4).
"""

from __future__ import annotations

import base64
import binascii
import secrets
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, unquote_plus

import orjson

from frontdesk_sidecar.simulator.media import XML, Answer, accepted, xml_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from frontdesk_sidecar.simulator.config import SimulatorConfig

_FORM = "application/x-www-form-urlencoded"
_LIFETIME_S: Final = {"classic": 43_200, "jdk21": 300}
_NO_STORE = (("Cache-Control", "no-store"), ("Pragma", "no-cache"))
_BAD_CREDENTIALS = (
    (
        "WWW-Authenticate",
        'Basic realm="hybris", error="invalid_client", error_description="Bad client credentials"',
    ),
)


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A request to `/authorizationserver/oauth/token`; header names are in lower case."""

    method: str
    query: str
    headers: Mapping[str, str]
    body: bytes


class TokenOffice:
    """Issues and checks access tokens; keeps no more than the live ones."""

    def __init__(self, config: SimulatorConfig) -> None:
        self._config = config
        self._client = (config.client_id, config.client_secret)
        # The token that the classic stack hands out again: the last one of this client.
        self._shared: str | None = None
        self._lifetime = config.token_lifetime_s or _LIFETIME_S[config.mode]
        # Token and its end in epoch seconds; oldest first, so that the expired ones lead.
        self._ends: dict[str, float] = {}

    def answer(self, request: TokenRequest) -> Answer:
        """Answers a token request."""
        if request.method != "POST":
            text = f"Request method '{request.method}' not supported"
            return _failure(405, "method_not_allowed", text)
        form = self._parameters(request)
        if not self._knows(form, request.headers.get("authorization", "")):
            return self._bad_client()
        grant = form.get("grant_type")
        if not grant:
            return _failure(400, "invalid_request", "Missing grant type")
        if grant != "client_credentials":
            return _failure(400, "unsupported_grant_type", f"Unsupported grant type: {grant}")
        return self._granted(form.get("scope"), request.headers.get("accept", ""))

    def is_good(self, authorization: str) -> bool:
        """Whether an `Authorization` header carries a live Bearer token."""
        scheme, _, token = authorization.partition(" ")
        end = self._ends.get(token.strip()) if scheme.lower() == "bearer" else None
        return end is not None and self._config.clock() < end + self._config.expired_token_grace_s

    def revoke_all(self) -> int:
        """Ends every token at once; returns how many there were."""
        count = len(self._ends)
        self._ends.clear()
        return count

    def change_client(self, client_id: str | None = None, client_secret: str | None = None) -> None:
        """The client's credentials from now on, None for what stays. Live tokens stay good."""
        current_id, current_secret = self._client
        if client_id not in (None, current_id):
            self._shared = None
        self._client = (
            current_id if client_id is None else client_id,
            current_secret if client_secret is None else client_secret,
        )

    def restore_client(self) -> None:
        """Puts the configured credentials back."""
        self.change_client(self._config.client_id, self._config.client_secret)

    @property
    def client_id(self) -> str:
        """The client's current id."""
        return self._client[0]

    def _parameters(self, request: TokenRequest) -> dict[str, str]:
        form: dict[str, str] = {}
        if self._config.mode == "classic":
            form.update(parse_qsl(request.query))
        if request.headers.get("content-type", "").lower().startswith(_FORM):
            form.update(parse_qsl(request.body.decode(errors="replace")))
        return form

    def _knows(self, form: Mapping[str, str], authorization: str) -> bool:
        expected = self._client
        if authorization[:6].lower() == "basic ":
            given = _basic(authorization[6:])
            # RFC 6749, 2.3.1 has both parts form-encoded; the classic stack takes them as they are.
            return expected in (given, tuple(map(unquote_plus, given)))
        return expected == (form.get("client_id"), form.get("client_secret"))

    def _bad_client(self) -> Answer:
        if self._config.mode == "classic":
            text = "Bad client credentials"
            return _failure(401, "invalid_client", text, _BAD_CREDENTIALS)
        return _failure(401, "invalid_client", None)

    def _granted(self, scope: str | None, accept: str) -> Answer:
        now = self._config.clock()
        self._drop_expired(now)
        token, end = self._live_token(now)
        content: dict[str, str | int] = {"access_token": token}
        if self._config.mode == "classic":
            content["token_type"] = "bearer"  # noqa: S105 - a token type, not a token
        else:
            content["token_type"] = "Bearer"  # noqa: S105 - a token type, not a token
        # Both stacks count whole seconds that are left, so a fresh token shows one less.
        content["expires_in"] = max(0, -int(-(end - now) // 1) - 1)
        if scope:
            content["scope"] = scope
        if self._config.mode == "classic" and XML in accepted(accept)[:1]:
            return Answer(200, _oauth_xml(content), XML, _NO_STORE)
        return Answer(200, orjson.dumps(content), "application/json;charset=UTF-8", _NO_STORE)

    def _live_token(self, now: float) -> tuple[str, float]:
        if self._config.mode == "classic" and self._shared in self._ends:
            return self._shared, self._ends[self._shared]
        end = now + self._lifetime
        token = str(uuid.uuid4()) if self._config.mode == "classic" else self._jwt(now, end)
        self._ends[token] = end
        self._shared = token
        return token, end

    def _jwt(self, now: float, end: float) -> str:
        """Three segments like a JWT (RFC 7519); the signature is noise."""
        claims = {
            "sub": self.client_id,
            "aud": self.client_id,
            "nbf": int(now),
            "iat": int(now),
            "exp": int(end),
            "jti": str(uuid.uuid4()),
        }
        header = {"kid": "simulator", "alg": "RS256"}
        parts = (orjson.dumps(header), orjson.dumps(claims), secrets.token_bytes(256))
        return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)

    def _drop_expired(self, now: float) -> None:
        grace = 0.0 if self._config.mode == "classic" else self._config.expired_token_grace_s
        while self._ends and next(iter(self._ends.values())) + grace <= now:
            del self._ends[next(iter(self._ends))]


def _basic(credentials: str) -> tuple[str, str]:
    try:
        text = base64.b64decode(credentials.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    name, _, secret = text.partition(":")
    return name, secret


def _failure(
    status: int, error: str, text: str | None, headers: tuple[tuple[str, str], ...] = ()
) -> Answer:
    content = {"error": error} | ({} if text is None else {"error_description": text})
    return Answer(
        status, orjson.dumps(content), "application/json;charset=UTF-8", _NO_STORE + headers
    )


def _oauth_xml(content: Mapping[str, str | int]) -> bytes:
    members = "".join(f"<{name}>{xml_text(str(one))}</{name}>" for name, one in content.items())
    return f"<oauth>{members}</oauth>".encode()
