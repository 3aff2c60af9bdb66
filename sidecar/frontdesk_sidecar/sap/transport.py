"""HTTP to SAP Commerce: one request, one whole answer, or what happened instead."""

from __future__ import annotations

import contextlib
import http.cookiejar
import logging
import math
import os
import ssl
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from types import TracebackType
from typing import Final, Self, cast

import httpx

from frontdesk_sidecar.sap.answer import Answer, Failure
from frontdesk_sidecar.sap.destination import Destination
from frontdesk_sidecar.sap.failures import NETWORK_ERRORS, failure_of
from frontdesk_sidecar.sap.tls import load_certificate

MAX_ANSWER_BYTES: Final = 1_048_576
#: A client certificate may be replaced; it is looked at again after so long.
_LOOK_S: Final = 10.0

# Identity: an answer is about a kilobyte, and what is not packed cannot unpack to gigabytes. One
# that comes packed all the same is not read.
_HEADERS: Final = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "User-Agent": "frontdesk",
}


#: What these say is said without a body.
_SAID_BY_STATUS: Final = (401, 403, 407, 429, 502, 503, 504)


class Transport:
    """The connections to one SAP system. An async context manager.

    Raises ``OSError`` or ``ssl.SSLError`` at construction when a file for TLS is unusable.
    """

    def __init__(
        self, destination: Destination, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._destination = destination
        self._clock = clock
        self._look_at = clock() + _LOOK_S
        self._certificate = _identity(destination.client_cert_file, destination.client_key_file)
        self._tls = _tls(destination)
        self._client = _new_client(destination, self._tls)

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

    async def send(
        self,
        method: str,
        url: str,
        *,
        body: bytes = b"",
        headers: Mapping[str, str],
        most: int = MAX_ANSWER_BYTES,
    ) -> Answer | Failure:
        """The answer, with a body of at most ``most`` bytes. Raises nothing the network does."""
        if self._clock() >= self._look_at:
            self._renew_certificate()
        try:
            async with self._client.stream(
                method, url, content=body or None, headers=headers
            ) as response:
                if _is_plain(response.headers):
                    content = await _read(response, most)
                elif response.status_code in _SAID_BY_STATUS:
                    content = b""
                else:
                    return Failure.PROTOCOL
        except NETWORK_ERRORS as error:
            return failure_of(error)
        if content is None:
            return Failure.TOO_LARGE
        return Answer(response.status_code, dict(response.headers), content)

    def _renew_certificate(self) -> None:
        """Let new connections use the client certificate that the files hold now."""
        self._look_at = self._clock() + _LOOK_S
        cert, key = self._destination.client_cert_file, self._destination.client_key_file
        if cert is None:
            self._look_at = math.inf
            return
        # Files that are being replaced may not belong together for a moment: look again later.
        with contextlib.suppress(OSError):  # ssl.SSLError is one
            identity = _identity(cert, key)
            if identity != self._certificate:
                load_certificate(self._tls, cert, key)
                self._certificate = identity


def _tls(destination: Destination) -> ssl.SSLContext:
    if destination.ca_file is not None:
        context = ssl.create_default_context(cafile=destination.ca_file)
    elif destination.base_url.startswith("http:"):  # then the authorities are not needed
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    else:
        context = httpx.create_ssl_context(trust_env=not destination.is_loopback)
    if destination.client_cert_file is not None:
        load_certificate(context, destination.client_cert_file, destination.client_key_file)
    return context


def _identity(*paths: str | None) -> tuple[object, ...]:
    """What tells whether files were replaced or written to."""
    found = [os.stat(path) for path in paths if path is not None]
    return tuple((one.st_dev, one.st_ino, one.st_size, one.st_mtime_ns) for one in found)


def _new_client(destination: Destination, tls: ssl.SSLContext) -> httpx.AsyncClient:
    total_s = destination.total_timeout_s
    most = destination.max_connections
    no_cookies = http.cookiejar.DefaultCookiePolicy(allowed_domains=())
    return httpx.AsyncClient(
        headers=_HEADERS,
        verify=tls,
        timeout=httpx.Timeout(
            connect=destination.connect_timeout_s, read=total_s, write=total_s, pool=total_s
        ),
        limits=httpx.Limits(max_connections=most, max_keepalive_connections=most),
        follow_redirects=False,
        trust_env=not destination.is_loopback,
        # A session or ROUTE cookie would tie every call to one node of the cluster.
        cookies=http.cookiejar.CookieJar(no_cookies),
    )


def _is_plain(headers: httpx.Headers) -> bool:
    """Whether the body is what it seems; asking for identity is only a request."""
    codings = headers.get("content-encoding", "").split(",")
    return all(coding.strip().lower() in ("", "identity") for coding in codings)


async def _read(response: httpx.Response, most: int) -> bytes | None:
    """The whole body, or None as soon as it is larger than the limit."""
    content = bytearray()
    generator = cast(AsyncGenerator[bytes, None], response.aiter_raw())
    async with aclosing(generator) as chunks:
        async for chunk in chunks:
            content += chunk
            if len(content) > most:
                return None
    return bytes(content)


def _above_debug(record: logging.LogRecord) -> bool:
    return record.levelno > logging.DEBUG
