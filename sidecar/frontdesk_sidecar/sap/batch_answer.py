"""Takes the answer to a ``$batch`` apart.

Sources: RFC 2046, section 5.1 (multipart), RFC 9112 (status line), "OData Version 2.0" (Batch
Processing), the SAP Help topic "Batch Requests", and how Apache Olingo 2 writes the answer.
"""

import re
from collections.abc import Iterator
from typing import Final

from frontdesk_sidecar.sap.answer import Answer

MAX_HEAD_BYTES: Final = 16_384
"""The headers of a part of an answer may not be longer than this."""

_HEADER: Final = r"[!#-'*+.0-9A-Z^-z|~-]+:.*"  # a token of RFC 9110, section 5.6.2, and a value
_HEADERS: Final = re.compile(rf"{_HEADER}(?:\n{_HEADER})*")
_USUAL_CHANGESET: Final = re.compile(
    rb"Content-Type: multipart/mixed; boundary=([A-Za-z0-9_-]{1,70})\r\n\r\n--\1\r\n"
    rb"Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
)
_STATUS_LINE: Final = re.compile(r"HTTP/1\.[01] ([1-9][0-9]{2})(?: .*)?")
_PARAMETER: Final = re.compile(r'[\s;]*([^=;"\s]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;"]*))')


class BatchError(ValueError):
    """The answer is no batch answer for so many changes. The text holds nothing of the answer."""


def decode(answer: Answer, count: int) -> tuple[Answer, ...]:
    """The answers in the answer to a batch of ``count`` changes, in their order.

    A part is the ``multipart/mixed`` of a changeset with a single answer in it, or the bare
    answer to a changeset that failed. A body goes up to the delimiter: some lengths in SAP's
    answers count characters, so ``Content-Length`` is not used. Of headers that are repeated the
    first counts. Lines may end in LF alone, and what surrounds the parts is ignored.

    Takes linear time. Raises `BatchError`, and nothing else, whatever the bytes are.
    """
    if answer.status != 202:
        raise BatchError(f"the status of a batch answer is 202, not {answer.status}")
    boundary = _multipart_boundary(answer.header("content-type"))
    if boundary is None:
        raise BatchError("the answer is not multipart/mixed")
    parts = _split(answer.body, boundary, count)
    return tuple([_part_answer(part) for part in parts])


def _part_answer(part: bytes) -> Answer:
    content = _usual_content(part)
    if content is None:
        kind, content = _part_type(part)
        boundary = _multipart_boundary(kind)
        if boundary is not None:
            kind, content = _part_type(_split(content, boundary, 1)[0])
        if kind.partition(";")[0].strip().lower() != "application/http":
            raise BatchError("a part is neither an answer nor a changeset with an answer")
    return _http_answer(content)


def _usual_content(part: bytes) -> bytes | None:
    """What is in a changeset just as Olingo writes it; None for any other. Half the time saved."""
    usual = _USUAL_CHANGESET.match(part)
    if usual is None:
        return None
    start, delimiter = usual.end(), b"\r\n--" + usual[1]
    end = part.find(delimiter[1:], start) - 1
    return part[start:end] if part[end:] == delimiter + b"--" else None


def _http_answer(content: bytes) -> Answer:
    head, body = _head_and_body(content)
    line, _, rest = head.partition("\n")
    status = _STATUS_LINE.fullmatch(line)
    if status is None:
        raise BatchError("a part has no status line")
    return Answer(int(status[1]), _headers(rest), body)


def _part_type(part: bytes) -> tuple[str, bytes]:
    """The media type of a part, empty when it has none, and what is below its headers."""
    head, content = _head_and_body(part)
    return _headers(head).get("content-type", ""), content


def _head_and_body(content: bytes) -> tuple[str, bytes]:
    """What is before the first blank line, its line ends LF, and what is after it.

    Without a blank line all of it is the head.
    """
    crlf = content.find(b"\n\r\n", 0, MAX_HEAD_BYTES)
    lf = content.find(b"\n\n", 0, MAX_HEAD_BYTES if crlf < 0 else crlf + 1)
    if lf >= 0:
        end, start = lf, lf + 2
    elif crlf >= 0:
        end, start = crlf, crlf + 3
    else:
        end = start = len(content)
    if end > MAX_HEAD_BYTES:
        raise BatchError("the headers of a part are too long")
    head = content[:end].decode("latin-1").replace("\r\n", "\n")
    return head.rstrip("\r\n"), content[start:]


def _headers(head: str) -> dict[str, str]:
    """Values by name in lower case."""
    headers: dict[str, str] = {}
    if not head:
        return headers
    if "\r" in head or "\0" in head or not _HEADERS.fullmatch(head):
        raise BatchError("a part has a malformed header")
    for line in head.split("\n"):
        name, _, value = line.partition(":")
        headers.setdefault(name.lower(), value.strip(" \t"))
    return headers


def _split(content: bytes, boundary: bytes, count: int) -> list[bytes]:
    """The ``count`` parts between delimiter lines (RFC 2046, section 5.1.1)."""
    parts: list[bytes] = []
    start = -1
    for at, after, is_closing in _delimiter_lines(content, b"--" + boundary):
        if start >= 0:
            parts.append(_without_line_end(content[start:at]))
        if is_closing or len(parts) > count:
            break
        start = after
    else:
        raise BatchError("the answer has no closing delimiter")
    if len(parts) != count:
        raise BatchError(f"the answer does not have {count} parts where it should")
    return parts


def _delimiter_lines(content: bytes, delimiter: bytes) -> Iterator[tuple[int, int, bool]]:
    """Where each begins and the next line begins, and whether it is the closing one."""
    at = content.find(delimiter)
    while at >= 0:
        after = at + len(delimiter)
        if at == 0 or content[at - 1] == 0x0A:
            end = content.find(b"\n", after) + 1 or len(content)
            is_closing = content.startswith(b"--", after)
            if not content[after + 2 * is_closing : end].strip(b" \t\r\n"):
                yield at, end, is_closing
            after = end
        at = content.find(delimiter, after)


def _without_line_end(part: bytes) -> bytes:
    """The line end before a delimiter belongs to the delimiter."""
    return part.removesuffix(b"\n").removesuffix(b"\r") if part.endswith(b"\n") else part


def _multipart_boundary(media_type: str) -> bytes | None:
    """The boundary when this is a ``multipart/mixed``; None when it is something else.

    Raises `BatchError` when there is none, or none of 1 to 70 printable ASCII characters.
    """
    kind, _, rest = media_type.partition(";")
    if kind.strip().lower() != "multipart/mixed":
        return None
    boundary = _parameter(rest, "boundary").rstrip(" ")
    if not (1 <= len(boundary) <= 70 and boundary.isascii() and boundary.isprintable()):
        raise BatchError("a multipart has no usable boundary")
    return boundary.encode("ascii")


def _parameter(text: str, wanted: str) -> str:
    """The value of a media type parameter (RFC 9110, section 5.6.6), or an empty text."""
    position = 0
    while (found := _PARAMETER.match(text, position)) is not None:
        name, quoted, plain = found.groups()
        if name.lower() == wanted:
            return plain.strip() if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
        position = found.end()
    return ""
