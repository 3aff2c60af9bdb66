"""Access tokens by client credentials (RFC 6749, section 4.4)."""

import math
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final
from urllib.parse import quote_plus, urlencode

import anyio
import anyio.to_thread

from frontdesk_sidecar.sap.answer import Answer, Failure, read_grant
from frontdesk_sidecar.sap.credentials import basic
from frontdesk_sidecar.sap.destination import Auth, Destination
from frontdesk_sidecar.sap.outcome import Kind, Outcome, classify_token, secret_unreadable

Post = Callable[[str, bytes, Mapping[str, str]], Awaitable[Answer | Failure | Outcome]]
"""Sends one POST (address, body, headers) and never raises for what the network does.

An Outcome says why it was not sent.
"""

# When the answer does not say how long a token lives; RFC 6749 only recommends that it does.
_ASSUMED_LIFE_S: Final = 60.0
_REFRESH_SHARE: Final = 0.2
_REFRESH_AT_MOST_S: Final = 60.0


class Tokens:
    """The current access token of one client, fetched when needed, once for all who wait.

    ``clock`` is monotonic, ``now`` the wall clock; both in seconds. ``on_token`` is told the
    outcome of every request to the token endpoint.
    """

    def __init__(
        self,
        destination: Destination,
        post: Post,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
        on_token: Callable[[Outcome], None] | None = None,
    ) -> None:
        self._destination = destination
        self._post = post
        self._clock = clock
        self._now = now
        self._on_token = on_token
        self._lock = anyio.Lock()
        self._token: str | None = None
        self._secret: str | None = None
        self._refresh_at = -math.inf
        self._flights = 0
        self._refusal: Outcome | None = None

    async def get(self) -> str | Outcome:
        """A token that is not about to end, or why there is none."""
        flights = self._flights
        if (token := self._fresh()) is not None:
            return token
        async with self._lock:
            if (token := self._fresh()) is not None:
                return token
            # The request this one waited for failed; asking again at once would fail as well.
            if self._flights != flights and self._refusal is not None:
                return self._refusal
            return await self._fetch()

    @property
    def private(self) -> tuple[str, ...]:
        """The token that was handed out last, if SAP did not refuse it, and the secret."""
        return tuple(text for text in (self._token, self._secret) if text is not None)

    def invalidate(self, credentials: str) -> None:
        """Forget the token, which SAP refused, unless it was replaced in the meantime."""
        if self._token == credentials:
            self._token = None

    def _fresh(self) -> str | None:
        return self._token if self._clock() < self._refresh_at else None

    async def _fetch(self) -> str | Outcome:
        try:
            form, headers = await anyio.to_thread.run_sync(self._request, abandon_on_cancel=True)
        except (OSError, ValueError):
            return self._landed(None, secret_unreadable())
        started = self._clock()
        reply = await self._post(self._destination.token_url, form, headers)
        if isinstance(reply, Outcome):
            return self._landed(None, reply)
        grant = read_grant(reply) if isinstance(reply, Answer) else None
        outcome = classify_token(reply, now=self._now())
        if grant is None or outcome.kind is not Kind.DELIVERED:
            return self._landed(None, outcome)
        life = _ASSUMED_LIFE_S if grant.expires_in_s is None else grant.expires_in_s
        self._refresh_at = started + life - min(_REFRESH_AT_MOST_S, _REFRESH_SHARE * life)
        return self._landed(grant.token, outcome)

    def _request(self) -> tuple[bytes, Mapping[str, str]]:
        secret = self._destination.client_secret()
        if not secret:
            raise ValueError("empty")
        self._secret = secret
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        fields = {"grant_type": "client_credentials"}
        client_id = self._destination.client_id
        if self._destination.auth is Auth.OAUTH_BASIC:
            # RFC 6749, section 2.3.1: both are form-encoded before they are joined.
            both = basic(quote_plus(client_id), quote_plus(secret))
            headers["Authorization"] = f"Basic {both}"
        else:
            # In the body: SAP's newer authorization server ignores what stands in the query.
            fields |= {"client_id": client_id, "client_secret": secret}
        return urlencode(fields).encode(), headers

    def _landed(self, token: str | None, outcome: Outcome) -> str | Outcome:
        self._flights += 1
        self._token = token
        self._refusal = outcome if token is None else None
        if self._on_token is not None:
            self._on_token(outcome)
        return outcome if token is None else token
