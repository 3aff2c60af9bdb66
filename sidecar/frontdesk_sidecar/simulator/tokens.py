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
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, unquote_plus

import orjson

from frontdesk_sidecar.simulator.access import Client
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
        self._client = Client(config.client_id, config.client_secret, config.run_as)
        self._others = {client.id: client for client in config.clients}
        # The tokens that the classic stack hands out again: the last one of each client.
        self._shared: dict[str, str] = {}
        self._lifetime = config.token_lifetime_s or _LIFETIME_S[config.mode]
        # Token, its end in epoch seconds and whose it is; oldest first, so the expired ones lead.
        self._live: dict[str, tuple[float, Client]] = {}

    def answer(self, request: TokenRequest) -> Answer:
        """Answers a token request."""
        if request.method != "POST":
            text = f"Request method '{request.method}' not supported"
            return _failure(405, "method_not_allowed", text)
        form = self._parameters(request)
        client = self._client_of(form, request.headers.get("authorization", ""))
        if client is None:
            return self._bad_client()
        grant = form.get("grant_type")
        if not grant:
            return _failure(400, "invalid_request", "Missing grant type")
        if grant != "client_credentials":
            return _failure(400, "unsupported_grant_type", f"Unsupported grant type: {grant}")
        return self._granted(client, form.get("scope"), request.headers.get("accept", ""))

    def is_good(self, authorization: str) -> bool:
        """Whether an `Authorization` header carries a live Bearer token."""
        return self.holder(authorization) is not None

    def holder(self, authorization: str) -> Client | None:
        """Whose live Bearer token an `Authorization` header carries, None without a live one."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or (live := self._live.get(token.strip())) is None:
            return None
        end, client = live
        return client if self._config.clock() < end + self._config.expired_token_grace_s else None

    def revoke_all(self) -> int:
        """Ends every token at once; returns how many there were."""
        count = len(self._live)
        self._live.clear()
        return count

    def change_client(self, client_id: str | None = None, client_secret: str | None = None) -> None:
        """The client's credentials from now on, None for what stays. Live tokens stay good."""
        current = self._client
        self._client = replace(
            current,
            id=current.id if client_id is None else client_id,
            secret=current.secret if client_secret is None else client_secret,
        )
        if self._client.id != current.id:
            self._shared.pop(self._client.id, None)

    def restore_client(self) -> None:
        """Puts the configured credentials back."""
        self.change_client(self._config.client_id, self._config.client_secret)

    @property
    def client_id(self) -> str:
        """The first client's current id."""
        return self._client.id

    def _parameters(self, request: TokenRequest) -> dict[str, str]:
        form: dict[str, str] = {}
        if self._config.mode == "classic":
            form.update(parse_qsl(request.query))
        if request.headers.get("content-type", "").lower().startswith(_FORM):
            form.update(parse_qsl(request.body.decode(errors="replace")))
        return form

    def _client_of(self, form: Mapping[str, str], authorization: str) -> Client | None:
        """The client whose credentials these are."""
        if authorization[:6].lower() == "basic ":
            given = basic_credentials(authorization[6:])
            # RFC 6749, 2.3.1 has both parts form-encoded; the classic stack takes them as they are.
            pairs = [given, (unquote_plus(given[0]), unquote_plus(given[1]))]
        else:
            pairs = [(form.get("client_id", ""), form.get("client_secret", ""))]
        for client_id, secret in pairs:
            is_first = client_id == self._client.id
            client = self._client if is_first else self._others.get(client_id)
            if client is not None and client.secret == secret:
                return client
        return None

    def _bad_client(self) -> Answer:
        if self._config.mode == "classic":
            text = "Bad client credentials"
            return _failure(401, "invalid_client", text, _BAD_CREDENTIALS)
        return _failure(401, "invalid_client", None)

    def _granted(self, client: Client, scope: str | None, accept: str) -> Answer:
        now = self._config.clock()
        self._drop_expired(now)
        token, end = self._live_token(client, now)
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

    def _live_token(self, client: Client, now: float) -> tuple[str, float]:
        shared = self._shared.get(client.id, "")
        if self._config.mode == "classic" and shared in self._live:
            return shared, self._live[shared][0]
        end = now + self._lifetime
        is_classic = self._config.mode == "classic"
        token = str(uuid.uuid4()) if is_classic else self._jwt(client, now, end)
        self._live[token] = (end, client)
        self._shared[client.id] = token
        return token, end

    def _jwt(self, client: Client, now: float, end: float) -> str:
        """Three segments like a JWT (RFC 7519); the signature is noise."""
        claims = {
            "sub": client.id,
            "aud": client.id,
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
        while self._live:
            token, (end, _) = next(iter(self._live.items()))
            if end + grace > now:
                return
            del self._live[token]


def basic_credentials(credentials: str) -> tuple[str, str]:
    """User and password of a Basic header, both empty when it cannot be read (RFC 7617)."""
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
