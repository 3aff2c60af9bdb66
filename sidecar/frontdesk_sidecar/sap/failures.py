"""Which failure an exception of httpx, or of what it stands on, is."""

import socket
import ssl
from collections.abc import Iterator
from typing import Final

import anyio
import httpx

from frontdesk_sidecar.sap.answer import Failure

NETWORK_ERRORS: Final = (
    httpx.HTTPError,
    httpx.InvalidURL,
    OSError,
    anyio.BrokenResourceError,
    anyio.ClosedResourceError,
)
"""What a request may raise for what the network or the other side does."""


def failure_of(error: BaseException) -> Failure:
    """Which `Failure` an exception of httpx, or of what it stands on, is."""
    connecting = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.ProxyError)
    for cause in _causes(error):
        if _is_tls_failure(cause, connecting=connecting):
            return Failure.TLS
        if isinstance(cause, socket.gaierror):
            return Failure.DNS
    if connecting:
        return _of_connecting(error)
    if isinstance(error, httpx.TimeoutException | TimeoutError):
        return Failure.TIMEOUT
    # httpcore has one class for an early end and for a malformed answer.
    early_end = any(word in str(error) for word in ("disconnected", "closed connection"))
    malformed = httpx.ProtocolError | httpx.DecodingError | httpx.InvalidURL
    if isinstance(error, malformed) and not early_end:
        return Failure.PROTOCOL
    return Failure.DISCONNECTED


def _of_connecting(error: BaseException) -> Failure:
    """Whether somebody said no, or nobody said anything: the one is a stopped SAP, the other a
    firewall as a rule."""
    if isinstance(error, httpx.ConnectTimeout):
        return Failure.CONNECT_TIMEOUT
    if any(_is_refusal(cause) for cause in _causes(error)):
        return Failure.REFUSED
    return Failure.CONNECT


def _is_refusal(error: BaseException) -> bool:
    """One address refused, or each of several, which is then a group."""
    if isinstance(error, BaseExceptionGroup):
        return all(map(_is_refusal, error.exceptions))
    return isinstance(error, ConnectionRefusedError)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _is_tls_failure(cause: BaseException, *, connecting: bool) -> bool:
    """Whether TLS itself refused; a connection that merely ended is not that.

    With TLS 1.3 a missing client certificate shows only as an alert after the handshake.
    """
    if not isinstance(cause, ssl.SSLError):
        return False
    ended = isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError | ssl.SSLSyscallError)
    return not ended and (connecting or "alert" in str(cause).lower())
