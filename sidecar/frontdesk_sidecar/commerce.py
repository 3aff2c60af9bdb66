"""The client of SAP Commerce's Integration API.

Sources: RFC 6750 (bearer tokens), SAP Help topics "Inbound Integration Authentication" and "POST"
of the Integration API Module. Nothing is logged here, and nothing that SAP or the network does is
raised: it becomes an `Outcome`.
"""

import http.cookiejar
import logging
import ssl
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from types import TracebackType
from typing import Final, Self, cast

import anyio
import httpx
import orjson

from frontdesk_sidecar import batch
from frontdesk_sidecar.advice import advice_for
from frontdesk_sidecar.answer import Answer, Failure
from frontdesk_sidecar.batch import Change
from frontdesk_sidecar.destination import Destination, parse_base_url
from frontdesk_sidecar.failures import NETWORK_ERRORS, failure_of
from frontdesk_sidecar.outcome import Kind, Outcome, classify
from frontdesk_sidecar.scrub import texts_of
from frontdesk_sidecar.tokens import Tokens

__all__ = ["Commerce", "Destination", "Tokens", "parse_base_url"]

MAX_ANSWER_BYTES: Final = 1_048_576
MAX_BATCH_BYTES: Final = 16 * MAX_ANSWER_BYTES
_JSON: Final = {"Content-Type": "application/json"}
_MESSAGE_ID: Final = "integrationMessageId"

Request = Callable[[], tuple[bytes, Mapping[str, str]]]
"""Makes the body and the headers of one attempt."""

# Identity: an answer is about a kilobyte, and what is not packed cannot unpack to gigabytes.
_HEADERS: Final = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "User-Agent": "frontdesk",
}


class Commerce:
    """Upserts customers into one integration object. An async context manager.

    Raises ``OSError`` or ``ssl.SSLError`` at construction when ``destination.ca_file`` is
    unusable. ``clock``, ``now`` and ``on_token`` are those of `Tokens`.
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
        self._now = now
        self._client = _new_client(destination)
        self._tokens = Tokens(destination, self._post, clock=clock, now=now, on_token=on_token)

    async def __aenter__(self) -> Self:
        # At DEBUG httpcore writes answer headers, and a Location holds the customer's e-mail.
        logging.getLogger("httpcore.http11").addFilter(_above_debug)
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._client.__aexit__(exc_type, exc, traceback)

    async def upsert(
        self, payload: Mapping[str, object], *, message_id: Callable[[], str]
    ) -> Outcome:
        """Create or update the customer whose key is in ``payload``, a flat JSON object.

        ``message_id`` is called for each attempt and gives SAP's ``integrationMessageId``, which
        should be unique per attempt. A refused token is replaced once. Never raises for anything
        the network or SAP does; after a timeout it is unknown whether SAP acted, and sending the
        same payload again is harmless. Cancellation passes through.
        """
        body = orjson.dumps(dict(payload))

        def request() -> tuple[bytes, Mapping[str, str]]:
            return body, _JSON | {_MESSAGE_ID: message_id()}

        reply = await self._ask(self._destination.entity_url, request, MAX_ANSWER_BYTES)
        return self._classified(reply, payload)

    async def upsert_many(
        self,
        payloads: Sequence[Mapping[str, object]],
        *,
        message_id: Callable[[int], str],
        boundary: str,
    ) -> tuple[Outcome, ...] | Outcome:
        """Create or update several customers in one ``$batch``, each in a changeset of its own.

        One outcome for each, in order; or a single one when it is that of the whole request, which
        has the code ``batch.unreadable`` when SAP's answer cannot be told apart. ``message_id`` is
        called with the position. ``boundary`` is random text of letters and digits. Otherwise as
        `upsert`.
        """
        bodies = [orjson.dumps(dict(payload)) for payload in payloads]
        entity_set = self._destination.entity_set

        def request() -> tuple[bytes, Mapping[str, str]]:
            changes = [
                Change(body, {_MESSAGE_ID: message_id(number)})
                for number, body in enumerate(bodies)
            ]
            content = batch.encode(changes, entity_set=entity_set, boundary=boundary)
            return content, {"Content-Type": batch.content_type(boundary)}

        reply = await self._ask(self._destination.batch_url, request, MAX_BATCH_BYTES)
        if not isinstance(reply, Answer) or reply.status != 202:
            return self._classified(reply, *payloads)
        try:
            parts = batch.decode(reply, len(payloads))
        except batch.BatchError as error:
            code = "batch.unreadable"
            return Outcome(Kind.TRANSIENT, code, str(error), advice_for(code))
        return tuple(
            self._classified(part, payload) for part, payload in zip(parts, payloads, strict=True)
        )

    async def _ask(self, url: str, request: Request, most: int) -> Answer | Failure | Outcome:
        """What came back, once more with a new token when SAP refused it; an Outcome: no token."""
        with anyio.move_on_after(self._destination.total_timeout_s):
            for _ in range(2):
                token = await self._tokens.get()
                if isinstance(token, Outcome):
                    return token
                body, headers = request()
                headers = {**headers, "Authorization": f"Bearer {token}"}
                reply = await self._send(url, body, headers, most)
                if not isinstance(reply, Answer) or reply.status != 401:
                    return reply
                self._tokens.invalidate(token)
            return reply
        return Failure.TIMEOUT

    def _classified(
        self, reply: Answer | Failure | Outcome, *payloads: Mapping[str, object]
    ) -> Outcome:
        if isinstance(reply, Outcome):
            return reply
        if isinstance(reply, Answer) and reply.status in (200, 201):
            return classify(reply)  # what says nothing of its own needs no search for values
        private = {text for payload in payloads for text in texts_of(payload)}
        token = self._tokens.current
        return classify(reply, private=(*private, *filter(None, [token])), now=self._now())

    async def _post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer | Failure:
        return await self._send(url, body, headers, MAX_ANSWER_BYTES)

    async def _send(
        self, url: str, body: bytes, headers: Mapping[str, str], most: int
    ) -> Answer | Failure:
        try:
            async with self._client.stream("POST", url, content=body, headers=headers) as response:
                content = await _read(response, most)
        except NETWORK_ERRORS as error:
            return failure_of(error)
        if content is None:
            return Failure.TOO_LARGE
        return Answer(response.status_code, dict(response.headers), content)


def _new_client(destination: Destination) -> httpx.AsyncClient:
    total_s = destination.total_timeout_s
    most = destination.max_connections
    ca_file = destination.ca_file
    no_cookies = http.cookiejar.DefaultCookiePolicy(allowed_domains=())
    return httpx.AsyncClient(
        headers=_HEADERS,
        verify=ssl.create_default_context(cafile=ca_file) if ca_file else True,
        timeout=httpx.Timeout(
            connect=destination.connect_timeout_s, read=total_s, write=total_s, pool=total_s
        ),
        limits=httpx.Limits(max_connections=most, max_keepalive_connections=most),
        follow_redirects=False,
        trust_env=not destination.is_loopback,
        # A session or ROUTE cookie would tie every call to one node of the cluster.
        cookies=http.cookiejar.CookieJar(no_cookies),
    )


async def _read(response: httpx.Response, most: int) -> bytes | None:
    """The whole body, or None as soon as it is larger than the limit."""
    content = bytearray()
    generator = cast(AsyncGenerator[bytes, None], response.aiter_bytes())
    async with aclosing(generator) as chunks:
        async for chunk in chunks:
            content += chunk
            if len(content) > most:
                return None
    return bytes(content)


def _above_debug(record: logging.LogRecord) -> bool:
    return record.levelno > logging.DEBUG
