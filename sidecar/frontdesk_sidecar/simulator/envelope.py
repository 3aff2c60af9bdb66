"""The envelope of a `$batch` request: its parts, and the HTTP requests in them.

As strict as Olingo's `BatchRequestTransformator`: one wrong line makes the whole request a 400.
The body of a change is UTF-8 when the change says that it is JSON. Without a Content-Type of its
own it is read as ISO-8859-1, which spoils every character beyond ASCII.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from frontdesk_sidecar.simulator.call import ServiceRequest
from frontdesk_sidecar.simulator.errors import ODataError, odata_error
from frontdesk_sidecar.simulator.media import JSON
from frontdesk_sidecar.simulator.multipart import (
    BLANK_LINE,
    CONTENT_ID,
    MIXED,
    boundary_of,
    encoding_error,
    media_type,
    mime_head,
    parse_head,
    split,
)

_CHANGES: Final = frozenset({"POST", "PUT", "DELETE", "MERGE", "PATCH"})
_METHODS: Final = _CHANGES | {"GET", "OPTIONS", "HEAD"}
_MESSAGE_ID: Final = "integrationmessageid"


@dataclass(slots=True)
class Operation:
    """One request of a batch with its two possible `Content-Id`: of the part, of the request."""

    request: ServiceRequest
    mime_id: str | None
    http_id: str | None


@dataclass(slots=True)
class Part:
    """One part of a batch: a changeset with its changes, or a single GET."""

    operations: list[Operation]
    is_changeset: bool


def parse_envelope(request: ServiceRequest, object_code: str) -> list[Part]:
    """The parts of a `$batch` request, of which there is at least one.

    A change without an `integrationMessageId` takes that of the whole request. Raises
    `ODataError`: 415 for another media type, 400 for everything that is malformed.
    """
    content_type = request.header("content-type")
    if media_type(content_type) != MIXED:
        raise ODataError(415, None, f"Media type {content_type} is not supported.")
    boundary = boundary_of(content_type)
    reader = _Reader(request, object_code, boundary)
    return [reader.part(piece) for piece in split(request.body, boundary)]


class _Reader:
    """Reads the parts of one batch."""

    def __init__(self, request: ServiceRequest, object_code: str, boundary: bytes) -> None:
        self._boundary = boundary
        self._base = request.base
        self._code = object_code
        self._message_id = request.headers.get(_MESSAGE_ID)
        address = urlsplit(request.base)
        self._hosts = {address.netloc.lower(), request.header("host").lower()}
        self._roots = tuple(f"{address.scheme}://{host}" for host in self._hosts if host)
        self._service = f"{address.path}/{object_code}/"
        # Request lines repeat within a batch: method, path and query by line.
        self._lines: dict[bytes, tuple[str, str, str]] = {}

    def part(self, piece: bytes) -> Part:
        head, blank, rest = piece.partition(BLANK_LINE)
        mime = mime_head(_closed(head, blank))
        if mime.boundary is None:
            operation = self._operation(rest, mime.content_id)
            if operation.request.method != "GET":
                raise odata_error("Outside a changeset only GET is allowed.")
            return Part([operation], False)
        if mime.boundary == self._boundary:
            raise odata_error("The boundary of a changeset must differ from that of the batch.")
        changes = split(rest, mime.boundary)
        return Part([self._change(change) for change in changes], True)

    def _change(self, piece: bytes) -> Operation:
        head, blank, rest = piece.partition(BLANK_LINE)
        mime = mime_head(_closed(head, blank))
        if not mime.has_encoding:
            raise encoding_error()
        operation = self._operation(rest, mime.content_id)
        if operation.request.method not in _CHANGES:
            raise odata_error("A changeset cannot contain retrieve requests.")
        return operation

    def _operation(self, text: bytes, mime_id: str | None) -> Operation:
        head, blank, body = text.partition(BLANK_LINE)
        line, _, fields = _closed(head, blank).partition(b"\r\n")
        found = self._lines.get(line)
        if found is None:
            found = self._lines[line] = self._target(line)
        method, path, query = found
        headers = parse_head(fields) if fields else {}
        if headers.get("host", "").lower() not in {"", *self._hosts}:
            raise odata_error(f"Invalid header: '{headers['host']}'.")
        if method == "GET":
            if body.strip():
                raise odata_error("Invalid request line: a GET has no body.")
            body = b""
        else:
            body = _body(headers, body)
        if self._message_id is not None:
            headers.setdefault(_MESSAGE_ID, self._message_id)
        request = ServiceRequest(method, path, query, headers, body, self._base)
        return Operation(request, mime_id, headers.get(CONTENT_ID))

    def _target(self, line: bytes) -> tuple[str, str, str]:
        method, uri = _request_line(line)
        for root in self._roots:
            if uri.startswith(f"{root}/"):
                uri = uri.removeprefix(root)
                break
        relative = uri.removeprefix(self._service)
        if not relative or relative.startswith(("/", "?")) or "://" in relative.partition("?")[0]:
            raise odata_error(f"Invalid URI: '{uri}'.")
        path, _, query = relative.partition("?")
        return method, f"{self._code}/{path}", query


def _closed(head: bytes, blank: bytes) -> bytes:
    """The head, if a blank line follows. Raises `ODataError` with 400."""
    if not blank:
        raise odata_error("Missing blank line.")
    return head


@lru_cache(maxsize=256)
def _request_line(line: bytes) -> tuple[str, str]:
    tokens = line.decode("latin-1").rstrip(" ").split(" ")
    if len(tokens) != 3 or tokens[2].strip() != "HTTP/1.1":
        raise odata_error(f"Invalid request line '{line.decode('latin-1')}'.")
    if tokens[0] not in _METHODS:
        raise odata_error(f"Missing method in request line '{line.decode('latin-1')}'.")
    return tokens[0], tokens[1]


def _body(headers: dict[str, str], body: bytes) -> bytes:
    """The body as UTF-8; `headers` get the Content-Type that a change without one is taken for."""
    if "content-type" not in headers:
        headers["content-type"] = JSON
        body = body.decode("latin-1").encode()
    length = headers.get("content-length")
    if length is None:
        return body
    if not length.isdecimal() or len(length) > 10:
        raise odata_error(f"Invalid header: '{length}'.")
    return _cut(body, int(length))


def _cut(body: bytes, characters: int) -> bytes:
    """The first characters, as Java counts them: one beyond the Basic Multilingual Plane is two."""
    if characters >= len(body):
        return body
    units = body.decode(errors="replace").encode("utf-16-le")[: 2 * characters]
    return units.decode("utf-16-le", errors="replace").encode(errors="replace")
