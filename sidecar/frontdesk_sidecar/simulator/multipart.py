"""MIME multipart as Olingo's batch parser reads it: strictly, on bytes, without the email package.

Line ends are CRLF. Header lines are ISO-8859-1 and are not folded. Sources: Olingo's
`BatchParserCommon`, `BatchBodyPart` and `BatchTransformatorCommon`; RFC 2046, section 5.1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from frontdesk_sidecar.simulator.errors import ODataError, odata_error

MIXED: Final = "multipart/mixed"
HTTP: Final = "application/http"
CONTENT_ID: Final = "content-id"
BLANK_LINE: Final = b"\r\n\r\n"

_FIELD = re.compile(r"([\w!#$%&'*+\-.^`|~]+):\s?(.*)", re.ASCII)
_BOUNDARY = re.compile(
    r"""([\w\-.'+]{1,70})|"([\w\-.'+(),/:=?\s]{0,69}[\w\-.'+(),/:=?])\"""", re.ASCII
)


# The head of nearly every changeset. Its boundary is new each time, so no cache would hit.
_PLAIN_CHANGESET = re.compile(
    rb"content-type: multipart/mixed; ?boundary=([\w\-.'+]{1,70})", re.IGNORECASE
)


@dataclass(slots=True)
class MimeHead:
    """The checked headers of a part; `boundary` is None unless it is a multipart itself."""

    boundary: bytes | None
    has_encoding: bool
    content_id: str | None


def media_type(content_type: str) -> str:
    """The media type without parameters, in lower case."""
    return content_type.partition(";")[0].strip().lower()


@lru_cache(maxsize=256)
def boundary_of(content_type: str) -> bytes:
    """The boundary a `multipart/mixed` names. Raises `ODataError` with 400."""
    for parameter in content_type.split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "boundary":
            match = _BOUNDARY.fullmatch(value)
            if match is None:
                raise odata_error(f"Invalid boundary '{value}'.")
            return (match[1] or match[2]).encode()
    raise odata_error(f"Content-Type should be '{MIXED}' with a boundary.")


def split(message: bytes, boundary: bytes) -> list[bytes]:
    """The parts between the delimiter lines, without the CRLF before each delimiter.

    What stands before the first and behind the closing delimiter is dropped. Raises `ODataError`
    with 400 when a delimiter or every part is missing.
    """
    delimiter, parts = b"--" + boundary, list[bytes]()
    start = -1
    at = message.find(delimiter)
    while at >= 0:
        end = message.find(b"\n", at)
        end = len(message) if end < 0 else end + 1
        tail = message[at + len(delimiter) : end].strip()
        if tail not in (b"", b"--") or (at > 0 and message[at - 1] not in b"\r\n"):
            end = at + len(delimiter)
        else:
            if start >= 0:
                parts.append(message[start:at].removesuffix(b"\r\n"))
            if tail:
                return _not_empty(parts)
            start = end
        at = message.find(delimiter, end)
    missing = "Missing boundary delimiter." if start < 0 else "Missing close delimiter."
    raise odata_error(missing)


def parse_head(head: bytes) -> dict[str, str]:
    """The header lines by name in lower case; repeated ones are joined by commas.

    Raises `ODataError` with 400 for a line that is no header: Olingo takes it for the end of the
    headers and misses the blank line there.
    """
    headers: dict[str, str] = {}
    for line in head.split(b"\r\n"):
        name, value = _field(line)
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def mime_head(head: bytes) -> MimeHead:
    """The headers of a part of a multipart.

    Raises `ODataError` with 400 for a Content-Type that is neither `multipart/mixed` nor exactly
    `application/http`, and for a Content-Transfer-Encoding other than `binary`.
    """
    match = _PLAIN_CHANGESET.fullmatch(head)
    return _mime_head(head) if match is None else MimeHead(match[1], False, None)


def encoding_error() -> ODataError:
    """The Content-Transfer-Encoding is missing inside a changeset, or is not `binary`."""
    return odata_error("Content-Transfer-Encoding should be 'binary'.")


@lru_cache(maxsize=256)
def _mime_head(head: bytes) -> MimeHead:
    headers = parse_head(head)
    content_type = headers.get("content-type")
    if content_type is None:
        raise odata_error("Missing Content-Type.")
    is_multipart = content_type.lower().startswith(MIXED)
    if not is_multipart and content_type.lower() != HTTP:
        raise odata_error(f"Content-Type should be '{MIXED}' or '{HTTP}'.")
    encoding = headers.get("content-transfer-encoding")
    if encoding is not None and encoding.lower() != "binary":
        raise encoding_error()
    boundary = boundary_of(content_type) if is_multipart else None
    return MimeHead(boundary, encoding is not None, headers.get(CONTENT_ID))


def _not_empty(parts: list[bytes]) -> list[bytes]:
    if not parts:
        raise odata_error("No part between the boundary delimiters.")
    return parts


@lru_cache(maxsize=1024)
def _field(line: bytes) -> tuple[str, str]:
    match = _FIELD.fullmatch(line.decode("latin-1"))
    if match is None:
        raise odata_error("Missing blank line.")
    return match[1].lower(), match[2].strip()
