"""Requests to SAP Commerce with credentials: a refused token is replaced once."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self, TypeAlias

import anyio

from frontdesk_sidecar.sap.answer import Answer, Failure
from frontdesk_sidecar.sap.credentials import Basic, Credentials, ExtraHeaders, scheme
from frontdesk_sidecar.sap.destination import Auth, Destination
from frontdesk_sidecar.sap.outcome import Outcome, not_repeated
from frontdesk_sidecar.sap.tokens import Tokens
from frontdesk_sidecar.sap.transport import MAX_ANSWER_BYTES, Transport

#: An answer; what happened instead of one; or why there were no credentials to ask with.
Reply: TypeAlias = Answer | Failure | Outcome
Request: TypeAlias = Callable[[], tuple[bytes, Mapping[str, str]]]


class Session:
    """What may be asked of one SAP system with one client's credentials. A context manager.

    Raises ``OSError`` or ``ssl.SSLError`` at construction when a file for TLS is unusable.
    ``clock``, ``now`` and ``on_token`` are those of `Tokens`.
    """

    def __init__(
        self,
        destination: Destination,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
        on_token: Callable[[Outcome], None] | None = None,
    ) -> None:
        self._destination = destination
        self.transport = Transport(destination, clock=clock)
        self._extra = ExtraHeaders(destination.headers, clock)
        self._credentials: Credentials
        if destination.auth is Auth.BASIC:
            self._credentials = Basic(destination, clock)
        else:
            self._credentials = Tokens(
                destination, self._post, clock=clock, now=now, on_token=on_token
            )
        self._scheme = scheme(destination.auth)
        #: asked before a request is made once more with another token
        self.may_repeat: Callable[[], bool] = lambda: True

    async def __aenter__(self) -> Self:
        await self.transport.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.transport.__aexit__(exc_type, exc, traceback)

    @property
    def private(self) -> tuple[str, ...]:
        """Texts that must not be shown: tokens, passwords, values of extra headers."""
        return (*self._credentials.private, *self._extra.private)

    async def credentials(self) -> str | Outcome:
        """Get credentials, as every request does first; why there are none."""
        return await self._credentials.get()

    async def get(
        self, url: str, headers: Mapping[str, str] | None = None, most: int = MAX_ANSWER_BYTES
    ) -> Reply:
        """One GET; never raises for what the network or SAP does."""
        return await self.ask("GET", url, lambda: (b"", headers or {}), most)

    async def ask(
        self, method: str, url: str, request: Request, most: int = MAX_ANSWER_BYTES
    ) -> Reply:
        """What came back, within the destination's total time.

        ``request`` makes the body and the headers of one attempt; it is called again after a
        refused token.
        """
        with anyio.move_on_after(self._destination.total_timeout_s):
            for is_repeated in (False, True):
                if is_repeated and not self.may_repeat():
                    return not_repeated()
                credentials = await self._credentials.get()
                if isinstance(credentials, Outcome):
                    return credentials
                body, headers = request()
                headers = {**headers, "Authorization": f"{self._scheme} {credentials}"}
                reply = await self._send(method, url, body, headers, most)
                if not isinstance(reply, Answer) or reply.status != 401:
                    return reply
                self._credentials.invalidate(credentials)
            return reply
        return Failure.TIMEOUT

    async def _post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        return await self._send("POST", url, body, headers, MAX_ANSWER_BYTES)

    async def _send(
        self, method: str, url: str, body: bytes, headers: Mapping[str, str], most: int
    ) -> Reply:
        extra = await self._extra.get()
        if isinstance(extra, Outcome):
            return extra
        return await self.transport.send(
            method, url, body=body, headers={**extra, **headers}, most=most
        )
