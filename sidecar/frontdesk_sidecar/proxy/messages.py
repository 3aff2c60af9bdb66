"""The message that goes to the upstream, and what of its answer goes to the client. Pure.

The head is written by hand, not by h11: that would put `Host` first, and the order is the
client's.

Source: RFC 9110, RFC 9112; ASGI HTTP & WebSocket message format 2.5.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from frontdesk_sidecar.proxy.fields import Field, Fields, end_to_end, one, split_absolute, tokens
from frontdesk_sidecar.proxy.forwarded import Trust, via, with_forwarded

#: RFC 9110 section 9.2.2, of those the ones that browsers send without a body.
_REPEATABLE: Final = frozenset(("GET", "HEAD", "OPTIONS"))
_SMALL: Final = 65_536
_NO_CONTENT: Final = 204


class Framing(Enum):
    """How a request's body is delimited (RFC 9112 section 6)."""

    NONE = "none"
    LENGTH = "length"
    CHUNKED = "chunked"


@dataclass(frozen=True, slots=True)
class Terms:
    """What of a request is the operator's to choose.

    `host`: what stands in `Host`, None for what the client sent; `authority`: the upstream's own;
    `pseudonym`: our name in `Via`, empty for none.
    """

    authority: bytes
    base: bytes = b""
    host: bytes | None = None
    trust: Trust = field(default_factory=Trust)
    pseudonym: str = "frontdesk"
    writes_forwarded: bool = False


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request as it goes to the upstream."""

    method: bytes
    head: bytes
    framing: Framing
    length: int
    expects_continue: bool
    is_repeatable: bool

    @property
    def is_small(self) -> bool:
        """Whether the head goes out with the first of the body, in one write: as of a login."""
        return (
            self.framing is Framing.LENGTH
            and 0 < self.length <= _SMALL
            and not self.expects_continue
        )


def prepare(scope: Mapping[str, Any], terms: Terms) -> Outgoing:
    """The request for the upstream. Only for what `why_refused` lets through."""
    fields: Fields = scope["headers"]
    authority, path = split_absolute(scope["raw_path"])
    framing, length = _framing(scope, fields)
    sent = request_fields(scope, terms, authority)
    if framing is Framing.CHUNKED:
        sent.append((b"transfer-encoding", b"chunked"))
    method = scope["method"].encode()
    return Outgoing(
        method=method,
        head=_head(method, target(terms.base, path, scope["query_string"]), sent),
        framing=framing,
        length=length,
        expects_continue=framing is not Framing.NONE
        and scope["http_version"] != "1.0"
        and b"100-continue" in tokens(fields, b"expect"),
        is_repeatable=framing is Framing.NONE and scope["method"] in _REPEATABLE,
    )


def target(base: bytes, path: bytes, query: bytes) -> bytes:
    """The request target: path and query as they came, below the upstream's own path if any."""
    return base + path + (b"?" + query if query else b"")


def request_fields(
    scope: Mapping[str, Any], terms: Terms, authority: bytes | None = None
) -> list[Field]:
    """A request's header fields as they go to the upstream, without those of this hop."""
    fields = end_to_end(scope["headers"])
    asked = authority if authority is not None else one(fields, b"host")
    host = terms.host if terms.host is not None else asked
    if host is None:
        host = terms.authority
    if one(fields, b"host") is None:
        fields.insert(0, (b"host", host))
    sent = [(name, host if name == b"host" else value) for name, value in fields]
    client = scope.get("client")
    peer = client[0] if client and client[0] else None
    secure = scope["scheme"] in ("https", "wss")
    sent = with_forwarded(
        sent,
        peer=peer,
        is_trusted=terms.trust.holds(peer),
        scheme="https" if secure else "http",
        host=asked if asked is not None else host,
        always=terms.writes_forwarded,
    )
    if terms.pseudonym:
        sent.append((b"via", via(scope["http_version"], terms.pseudonym)))
    return sent


def _framing(scope: Mapping[str, Any], fields: Fields) -> tuple[Framing, int]:
    length = one(fields, b"content-length")
    if length is not None:
        return Framing.LENGTH, int(length)
    if one(fields, b"transfer-encoding") is not None:
        return Framing.CHUNKED, 0
    # HTTP/2 and 3 delimit a body by themselves (RFC 9113 section 8.1).
    is_later = scope["http_version"] not in ("1.0", "1.1") and scope["method"] not in _REPEATABLE
    return (Framing.CHUNKED if is_later else Framing.NONE), 0


def _head(method: bytes, target: bytes, fields: Fields) -> bytes:
    lines = [b"%b %b HTTP/1.1" % (method, target)]
    lines += [b"%b: %b" % field for field in fields]
    return b"\r\n".join((*lines, b"", b""))


def chunk(body: bytes) -> bytes:
    """One chunk (RFC 9112 section 7.1)."""
    return b"%x\r\n%b\r\n" % (len(body), body)


LAST_CHUNK: Final = b"0\r\n\r\n"


def answer_fields(
    status: int, fields: Fields, *, has_trailers: bool, date: bytes = b""
) -> list[Field]:
    """An answer's header fields as they go to the client.

    `date` is added where there is none (RFC 9110 section 6.6.1).

    A length beside chunks goes (RFC 9112 section 6.3), and so does one of 204 (RFC 9110 section
    8.6); that of HEAD and 304 tells of another answer and stays. `Trailer` goes where the server
    has no trailers.
    """
    is_chunked = any(name.lower() == b"transfer-encoding" for name, _ in fields)
    without = {b"content-length"} if is_chunked or status == _NO_CONTENT else set()
    if not has_trailers:
        without.add(b"trailer")
    kept = end_to_end(fields)
    if date and one(kept, b"date") is None:
        kept.append((b"date", date))
    return [field for field in kept if field[0] not in without] if without else kept
