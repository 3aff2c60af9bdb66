"""One HTTP exchange, as seen so far: fed ASGI messages, holding references, never in the way.

Nothing here does I/O. Bodies are kept as the chunks that passed, up to a limit each way; beyond
it they are forgotten, not truncated.

Source: ASGI HTTP & WebSocket message format, version 2.5 (optional keys have defaults).
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any, Final
from urllib.parse import parse_qsl

import orjson

from frontdesk.coding import unpack
from frontdesk.headers import RawHeaders, header
from frontdesk.multipart import AMBIGUOUS, Multipart
from frontdesk.trace_context import traceparent

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]

MAX_BODY_BYTES: Final = 64 * 1024
#: A small compressed body can unpack to gigabytes; what exceeds this is not read.
MAX_UNPACKED_BYTES: Final = 256 * 1024
MAX_FIELDS: Final = 256

FORM: Final = b"application/x-www-form-urlencoded"
MULTIPART: Final = b"multipart/form-data"

_UNREAD: Final = object()
_JSON_KIND: Final = (b"application/json", b"")


class Body:
    """One direction's body: the chunks that passed, and what its headers say of it.

    Headers are read when first asked for; `read_headers` does so at once.
    """

    __slots__ = (
        *("_chunks", "_form", "_headers", "_json", "_kind", "_parts", "_size"),
        *("complete", "expected", "too_large"),
    )

    def __init__(self, headers: RawHeaders) -> None:
        self.complete = False
        self.too_large = False
        #: bytes that the other side waits for, if it was told
        self.expected: int | None = None
        self._headers = headers
        self._kind: tuple[bytes, bytes] | None = None
        self._chunks: list[bytes] = []
        self._size = 0
        self._json: Any = _UNREAD
        self._form: dict[str, str] | None = None
        self._parts: Multipart | None = None

    @property
    def media_type(self) -> bytes:
        """Lower-case media type without parameters, `b""` when there is none."""
        return (self._kind or self.read_headers())[0]

    @property
    def coding(self) -> bytes:
        """Lower-case content-coding, `b""` when there is none."""
        return (self._kind or self.read_headers())[1]

    @property
    def is_json(self) -> bool:
        """True for `application/json` and `application/*+json` (RFC 6839)."""
        kind = self.media_type
        return kind == b"application/json" or (
            kind.startswith(b"application/") and kind.endswith(b"+json")
        )

    @property
    def is_form(self) -> bool:
        """True for what an HTML form sends."""
        return self.media_type in (FORM, MULTIPART)

    @property
    def is_stream(self) -> bool:
        """True for Server-Sent Events, which identify nobody and may never end."""
        return self.media_type == b"text/event-stream"

    @property
    def is_empty(self) -> bool:
        """True when the body is complete and has no byte."""
        return self.complete and self._size == 0

    @property
    def is_null(self) -> bool:
        """True for JSON that says `null`, which is what some frameworks say instead of nothing."""
        return self._json is None and (self._plain() or b"").strip() == b"null"

    def feed(self, message: Message) -> bool:
        """Take one body message, whose bytes are not copied; True when nothing more is awaited."""
        chunk = message.get("body", b"")
        if chunk:
            self._size += len(chunk)
            if self._size <= MAX_BODY_BYTES:
                self._chunks.append(chunk)
            else:
                self._feed_beyond(chunk)
        expected = self.expected
        if not message.get("more_body", False) or (expected and self._size >= expected):
            # Whoever was told the length is content once it is reached, whatever may follow.
            self.complete = True
        return self.complete

    def json(self) -> Any:
        """The JSON document; None when there is none, or none that can be read."""
        if self._json is _UNREAD:
            self._json = _loads(self._plain()) if self.is_json else None
        return self._json

    def form(self) -> dict[str, str]:
        """The form's texts by name; empty when there is none. Files are not read."""
        if self._form is None:
            self._form = self._read_form()
        return self._form

    def holds(self, word: bytes) -> bool:
        """Whether these bytes are anywhere in what is held, as it passed."""
        chunks = self._chunks
        return word in chunks[0] if len(chunks) == 1 else word in b"".join(chunks)

    def raw(self) -> bytes | None:
        """All bytes as they passed; None beyond the limit, or with a content-coding."""
        if self.too_large or self.coding not in (b"", b"identity"):
            return None
        return self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)

    def read_headers(self) -> tuple[bytes, bytes]:
        """Media type and content-coding; `expected` is known from here on."""
        media_type = coding = b""
        for name, value in self._headers:
            # Names should be lower-case, not all are; their length tells most of them apart.
            length = len(name)
            if length == 12 and name.lower() == b"content-type":
                media_type = value.partition(b";")[0].strip().lower()
            elif length == 14 and name.lower() == b"content-length" and value.isdigit():
                self.expected = int(value)
            elif length == 16 and name.lower() == b"content-encoding":
                coding = value.strip().lower()
        self._kind = kind = (media_type, coding)
        return kind

    def _feed_beyond(self, chunk: bytes) -> None:
        """What exceeds the limit is forgotten; of a multipart form only the files are."""
        if not self.too_large:
            self.too_large = True
            if self.media_type == MULTIPART and self.coding == b"":
                self._parts = self._multipart()
            self._chunks.clear()
        if self._parts is not None:
            self._parts.feed(chunk)

    def _read_form(self) -> dict[str, str]:
        if self.media_type == FORM:
            return fields(self._plain() or b"")
        if self.media_type != MULTIPART or not self.complete:
            return {}
        return (self._parts or self._multipart()).fields()

    def _multipart(self) -> Multipart:
        parts = Multipart((header(self._headers, b"content-type") or "").encode("latin-1"))
        for chunk in self._chunks:
            parts.feed(chunk)
        return parts

    def _plain(self) -> bytes | None:
        """The whole body without its content-coding; None if it can't be had within the bounds."""
        if not self.complete or self.too_large:
            return None
        body = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        return body if self.coding == b"" else unpack(body, self.coding, MAX_UNPACKED_BYTES)

    @classmethod
    def of(cls, document: Any) -> Body:
        """A body that is this JSON document."""
        body = cls(())
        body._kind, body._json, body._size, body.complete = _JSON_KIND, document, 1, True
        return body


class Exchange:
    """One request and its response; the state of one request lives here and nowhere else."""

    __slots__ = ("request", "response", "response_headers", "scope", "status", "trace")

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.status = 0
        self.request = Body(scope.get("headers", ()))
        self.response: Body = _NOTHING
        self.response_headers: RawHeaders = ()
        #: the header `traceparent` as it came, where it need not be looked for
        self.trace: object = _UNREAD

    def respond(self, message: Message) -> bool:
        """Take `http.response.start`; True when a client needs nothing more to go on.

        So it is with an answer without a body (RFC 9110 sections 15.3.5 and 15.4.5), and with a
        redirect, which is followed as soon as its head is there.
        """
        self.status = status = message["status"]
        headers = message.get("headers") or ()
        # ASGI allows any iterable; one that can be read but once is the server's to read.
        self.response_headers = () if iter(headers) is headers else headers
        self.response = response = Body(self.response_headers)
        # At once: a middleware around us may edit the list when the first chunk comes.
        response.read_headers()
        if response.expected == 0 or 300 <= status < 400 or status == 204:
            response.complete = True
        return response.complete

    @property
    def traceparent(self) -> str | None:
        """Of which trace the request is a part, if it says so; asked for a login alone."""
        found = self.trace
        if found is _UNREAD:
            found = None
            for name, value in self.scope.get("headers", ()):
                if len(name) == 11 and name.lower() == b"traceparent":
                    if found is not None:
                        return None  # two are none
                    found = value
        return None if found is None else traceparent(found)

    def part(self, request: Any, response: Any) -> Exchange:
        """A part of this exchange as one of its own: what was asked, and what was answered."""
        part = Exchange(self.scope)
        part.status, part.response_headers = self.status, self.response_headers
        part.request, part.response = Body.of(request), Body.of(response)
        return part


class _Nothing(Body):
    """The answer of an app that has not begun one; what it says too early is not kept."""

    __slots__ = ()

    def feed(self, message: Message) -> bool:
        return False


_NOTHING: Final = _Nothing(())


def fields(encoded: bytes) -> dict[str, str]:
    """Names and values of url-encoded bytes (WHATWG URL standard, section 5.1).

    Undecodable bytes become U+FFFD, which no trait may hold; so does a value given twice in
    different ways, since nobody knows which of them the app takes. More than `MAX_FIELDS` fields
    are no login form: nothing is read.
    """
    if encoded.count(b"&") >= MAX_FIELDS:
        return {}
    form: dict[str, str] = {}
    for name, value in parse_qsl(encoded.decode("utf-8", "replace"), errors="replace"):
        if form.setdefault(name, value) != value:
            form[name] = AMBIGUOUS
    return form


def _loads(body: bytes | None) -> Any:
    if not body:
        return None
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
