"""What can go wrong between client and upstream, and the plain page that says so. Pure.

Source: RFC 9110 section 15; RFC 9209 (Proxy-Status) for the names of what went wrong.
"""

from __future__ import annotations

from enum import Enum

from frontdesk_sidecar.proxy.fields import Field


class Cause(Enum):
    """Why the upstream's answer is not given: RFC 9209's name, the status, and a sentence."""

    REFUSED = "http_request_error", 400, "The request cannot be read in one way alone."
    CLIENT_SLOW = "http_request_error", 408, "The request did not come to its end in time."
    UNREACHABLE = "connection_refused", 502, "The shop cannot be reached."
    TLS = "tls_certificate_error", 502, "The shop's certificate is not one that is trusted here."
    CLOSED = "connection_terminated", 502, "The shop ended the connection without an answer."
    MALFORMED = "http_protocol_error", 502, "The shop's answer cannot be read."
    BUSY = "connection_limit_reached", 503, "Too many requests are under way."
    CONNECT_SLOW = "connection_timeout", 504, "The shop did not accept a connection in time."
    SLOW = "http_response_timeout", 504, "The shop did not answer in time."
    LOOP = "proxy_loop_detected", 508, "The request came round in a circle."

    def __init__(self, error: str, status: int, text: str) -> None:
        self.error, self.status, self.text = error, status, text


class Trouble(Exception):  # noqa: N818 - says what is the case
    """There is no answer, or not all of it."""

    def __init__(self, cause: Cause) -> None:
        super().__init__(cause.name.lower())
        self.cause = cause


class Aborted(Exception):  # noqa: N818 - says what is the case
    """The answer broke off after it had begun: the server must not end it as if it were whole."""


def page(cause: Cause, *, closes: bool = False) -> tuple[int, list[Field], bytes]:
    """Status, header fields and body, with the connection's end if it `closes`.

    It names nobody and no address.
    """
    body = f"{cause.status} {cause.text}\n".encode()
    fields = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", b"no-store"),
        (b"proxy-status", b"frontdesk; error=" + cause.error.encode()),
    ]
    if cause is Cause.BUSY:
        fields.append((b"retry-after", b"1"))
    if closes or cause in (Cause.REFUSED, Cause.CLIENT_SLOW):
        # What is left of such a request must not be read as the next one.
        fields.append((b"connection", b"close"))
    return cause.status, fields, body
