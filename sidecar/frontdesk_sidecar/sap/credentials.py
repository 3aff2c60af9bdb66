"""What proves to SAP, or to a gateway before it, who asks; secrets are read anew when they end."""

from __future__ import annotations

import base64
import math
import time
from collections.abc import Callable, Mapping
from typing import Final, Protocol

import anyio
import anyio.to_thread

from frontdesk_sidecar.sap.destination import Auth, Destination, is_header_value
from frontdesk_sidecar.sap.outcome import Outcome, secret_unreadable

#: What was read from a file is used for so long.
_LIFE_S: Final = 60.0


class Credentials(Protocol):
    """What stands behind the scheme in `Authorization`."""

    async def get(self) -> str | Outcome:
        """The credentials, or why there are none."""

    def invalidate(self, credentials: str) -> None:
        """SAP refused these."""

    @property
    def private(self) -> tuple[str, ...]:
        """Texts that must not be shown."""


class Basic:
    """Name and password (RFC 7617); the password is read anew after a minute, or a refusal."""

    def __init__(self, destination: Destination, clock: Callable[[], float]) -> None:
        self._destination = destination
        self._clock = clock
        self._current: str | None = None
        self._until = -math.inf
        self.private: tuple[str, ...] = ()

    async def get(self) -> str | Outcome:
        """See `Credentials.get`."""
        if self._current is not None and self._clock() < self._until:
            return self._current
        try:
            secret = await anyio.to_thread.run_sync(
                self._destination.client_secret, abandon_on_cancel=True
            )
        except (OSError, ValueError):
            return secret_unreadable()
        if not secret:
            return secret_unreadable()
        self._current = basic(self._destination.client_id, secret)
        self._until = self._clock() + _LIFE_S
        self.private = (self._current, secret)
        return self._current

    def invalidate(self, credentials: str) -> None:
        """See `Credentials.invalidate`."""
        if self._current == credentials:
            self._current = None


def basic(name: str, secret: str) -> str:
    """The credentials of the Basic scheme, in UTF-8."""
    return base64.b64encode(f"{name}:{secret}".encode()).decode()


def scheme(auth: Auth) -> str:
    """The scheme that the credentials are of."""
    return "Basic" if auth is Auth.BASIC else "Bearer"


class ExtraHeaders:
    """The headers that go with every request; their values are read anew after a minute."""

    def __init__(
        self,
        headers: Mapping[str, Callable[[], str]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._headers = headers
        self._clock = clock
        self._current: Mapping[str, str] = {}
        self._until = -math.inf

    async def get(self) -> Mapping[str, str] | Outcome:
        """The headers, or why there are none."""
        if self._headers and self._clock() >= self._until:
            try:
                current = await anyio.to_thread.run_sync(self._read, abandon_on_cancel=True)
            except (OSError, ValueError):
                return secret_unreadable()
            self._current, self._until = current, self._clock() + _LIFE_S
        return self._current

    @property
    def private(self) -> tuple[str, ...]:
        """Texts that must not be shown."""
        return tuple(self._current.values())

    def _read(self) -> Mapping[str, str]:
        current = {name: value() for name, value in self._headers.items()}
        if not all(map(is_header_value, current.values())):
            raise ValueError("not a header's value")
        return current
