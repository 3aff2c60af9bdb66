"""One HTTP exchange, as seen so far: fed ASGI messages, holding references, never in the way.

Nothing here does I/O. Bodies are kept as the chunks that passed, up to a limit each way; beyond
it they are forgotten, not truncated.

Source: ASGI HTTP & WebSocket message format, version 2.5 (optional keys have defaults).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, MutableMapping
from typing import Any, Final
from urllib.parse import parse_qsl

import orjson

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
RawHeaders = Iterable[tuple[bytes, bytes]]

MAX_BODY_BYTES: Final = 64 * 1024
#: A small compressed body can unpack to gigabytes; what exceeds this is not read.
MAX_UNPACKED_BYTES: Final = 256 * 1024
MAX_FIELDS: Final = 256

FORM: Final = b"application/x-www-form-urlencoded"
MULTIPART: Final = b"multipart/form-data"

#: zlib window bits by content-coding, RFC 9110 section 8.4.1; "deflate" is the zlib format there.
_CODINGS: Final = {b"gzip": 31, b"x-gzip": 31, b"deflate": 15}
_UNREAD: Final = object()


class Body:
    """One direction's body: the chunks that passed, and what its headers say of it.

    Headers are read when first asked for; `read_headers` does so at once.
    """

    __slots__ = (
        *("_chunks", "_form", "_headers", "_json", "_kind", "_size"),
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

    def feed(self, message: Message) -> bool:
        """Take one body message, whose bytes are not copied; True when nothing more is awaited."""
        chunk = message.get("body", b"")
        if chunk:
            self._size += len(chunk)
            if self._size <= MAX_BODY_BYTES:
                self._chunks.append(chunk)
            elif not self.too_large:
                self.too_large = True
                self._chunks.clear()
        expected = self.expected
        if not message.get("more_body", False) or (expected and self._size >= expected):
            # Whoever was told the length is content once it is reached, whatever may follow.
            self.complete = True
        return self.complete

    def forget(self) -> None:
        """Let go of the bytes, and of what was read of them."""
        self._chunks.clear()
        self._json, self._form = None, {}

    def json(self) -> Any:
        """The JSON document; None when there is none, or none that can be read."""
        if self._json is _UNREAD:
            self._json = _loads(self._plain()) if self.is_json else None
        return self._json

    def form(self) -> dict[str, str]:
        """The url-encoded form's first value by name; empty when there is none."""
        if self._form is None:
            self._form = fields(self._plain() or b"") if self.media_type == FORM else {}
        return self._form

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

    def _plain(self) -> bytes | None:
        """The whole body without its content-coding; None if it can't be had within the bounds."""
        if not self.complete or self.too_large:
            return None
        body = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        if self.coding in (b"", b"identity"):
            return body
        if self.coding not in _CODINGS:
            return None
        reader = zlib.decompressobj(_CODINGS[self.coding])
        try:
            plain = reader.decompress(body, MAX_UNPACKED_BYTES)
        except zlib.error:
            return None
        return plain if reader.eof else None


class Exchange:
    """One request and its response; the state of one request lives here and nowhere else."""

    __slots__ = ("request", "response", "response_headers", "scope", "status")

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.status = 0
        self.request = Body(scope.get("headers", ()))
        self.response = _NOTHING
        self.response_headers: RawHeaders = ()

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

    def forget(self) -> None:
        """Let go of both bodies."""
        self.request.forget()
        if self.response is not _NOTHING:
            self.response.forget()


_NOTHING: Final = Body(())


def header(headers: RawHeaders, name: bytes) -> str | None:
    """The first value of a header, `name` in lower case; bytes read as ISO-8859-1 (RFC 9110)."""
    for key, value in headers:
        if key.lower() == name:
            return value.decode("latin-1")
    return None


def cookies(headers: RawHeaders) -> dict[str, str]:
    """The request's cookies by name (RFC 6265 section 4.2)."""
    texts = (value.decode("latin-1") for key, value in headers if key.lower() == b"cookie")
    pairs = (part.partition("=") for part in ";".join(texts).split(";"))
    return {name.strip(): value.strip() for name, _, value in pairs if name.strip()}


def fields(encoded: bytes) -> dict[str, str]:
    """Names and first values of url-encoded bytes (WHATWG URL standard, section 5.1).

    Undecodable bytes become U+FFFD, which no trait may hold. More than `MAX_FIELDS` fields are no
    login form: nothing is read.
    """
    if encoded.count(b"&") >= MAX_FIELDS:
        return {}
    form: dict[str, str] = {}
    for name, value in parse_qsl(encoded.decode("utf-8", "replace"), errors="replace"):
        form.setdefault(name, value)
    return form


def _loads(body: bytes | None) -> Any:
    if not body:
        return None
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
