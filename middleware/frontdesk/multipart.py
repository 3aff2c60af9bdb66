"""The text fields of a multipart form, read as it passes: files are skipped, not kept.

Feed the chunks, then ask once. What is held meanwhile is the text so far, the headers of one part,
and the end of the last chunk as far as a delimiter may begin there.

Apps read the same bytes with parsers of their own, which differ where a body is odd: a delimiter
within a line, after a bare line feed, right after headers, after the end. Of such a body nothing
is read, or one customer could pass for another.

Source: RFC 7578 (form-data), RFC 2046 section 5.1 (delimiters), WHATWG HTML standard, section
"Multipart form data" (names).
"""

from __future__ import annotations

import re
from typing import Final

MAX_FIELDS: Final = 256
#: Names and values of all text fields, before decoding.
MAX_TEXT_BYTES: Final = 64 * 1024
#: The headers of one part.
MAX_HEADER_BYTES: Final = 8 * 1024
#: Parts of all kinds: one that is skipped costs as much as a field.
MAX_PARTS: Final = 1024
#: Spaces after a delimiter in its line; hardly anybody sends any.
MAX_PADDING: Final = 64
#: A longer chunk is worked on in pieces of this size, so that no copy is larger.
_PIECE: Final = 64 * 1024
#: Stands for a value that was given twice in different ways: nobody knows which of them the app
#: takes. Like anything undecodable, it is no trait.
AMBIGUOUS: Final = "\ufffd"

#: One parameter of a header's value, or an empty one. No byte fits two neighbouring parts of it, so
#: it takes linear time on any input.
_PARAMETER: Final = re.compile(
    rb'[ \t]*;[ \t]*(?:([^\s;="]+)[ \t]*=[ \t]*'
    rb'(?:"([^"\\]*(?:\\.[^"\\]*)*)"[ \t]*|([^;"]*)))?',
    re.DOTALL,
)
_ESCAPED: Final = re.compile(rb'\\(["\\])')
#: RFC 2046 allows fewer characters, but clients send these.
_BOUNDARY: Final = re.compile(rb"[ -~]{0,69}[!-~]")
#: What a part's text may have been encoded with and still be itself (RFC 2045 section 6.2).
_PLAIN: Final = (b"", b"7bit", b"8bit", b"binary")

# Where the next byte is: in a preamble, file or text; in headers; in the line of the closing
# delimiter; behind it; in what is not read.
_CONTENT, _HEADERS, _CLOSED, _EPILOGUE, _BROKEN = range(5)
# What comes with a delimiter: a part, the end, what is not known yet, or what may not be there.
_PART, _END, _UNKNOWN, _ODD = range(4)


class Multipart:
    """One multipart/form-data body. `content_type` is the header's whole value.

    Whatever is malformed, without a closing delimiter or beyond a bound has no fields at all.
    Nothing raises.
    """

    __slots__ = (
        *("_at", "_count", "_delimiter", "_fields", "_held", "_is_fresh"),
        *("_name", "_parts", "_scanned", "_size", "_text"),
    )

    def __init__(self, content_type: bytes) -> None:
        boundary = (_parameters(content_type) or {}).get(b"boundary", b"")
        self._at = _CONTENT if _BOUNDARY.fullmatch(boundary) else _BROKEN
        self._delimiter = b"--" + boundary
        # As if a line ended before the body: then its first delimiter is like any other.
        self._held = bytearray(b"\r\n")
        self._fields: dict[str, str] = {}
        self._parts = self._count = self._size = 0
        #: how far what is held was searched for the end of headers
        self._scanned = 0
        #: of the field that is read; None in what is skipped
        self._name: str | None = None
        #: of that field, after the line break that ends its headers
        self._text = bytearray()
        #: right after the headers
        self._is_fresh = False

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes; time is linear in them, however the body is cut."""
        for start in range(0, len(chunk), _PIECE):
            if self._at == _BROKEN:
                return
            self._held += chunk[start : start + _PIECE]
            while (self._at == _CONTENT and self._content()) or (
                self._at == _HEADERS and self._headers()
            ):
                pass
            if self._at in (_CLOSED, _EPILOGUE):
                self._close()

    def fields(self) -> dict[str, str]:
        """The value of each text field by name, in order; to be asked after the last chunk.

        A part is a text field unless it has a file name, a media type other than text/plain or a
        transfer encoding. Read as UTF-8, whatever `_charset_` says; the undecodable is U+FFFD.
        """
        return self._fields if self._at in (_CLOSED, _EPILOGUE) else {}

    def _content(self) -> bool:
        """Go on to the next delimiter; True if its whole line is there."""
        held = self._held
        start = held.find(self._delimiter)
        if start < 0:
            # Kept: a line break, and a delimiter but for its last byte.
            self._pass(len(held) - len(self._delimiter) - 1)
            return False
        after = start + len(self._delimiter)
        kind = _kind(held[start - 2 : start], held[after : after + MAX_PADDING + 2])
        if kind == _ODD or (start == 2 and self._is_fresh):
            return self._break()
        return self._pass(start - 2) and kind != _UNKNOWN and self._end_part(kind)

    def _pass(self, size: int) -> bool:
        """Let go of so much content, which is a field's text or nothing to us."""
        if size <= 0:
            return True
        if self._name is not None:
            self._text += self._held[:size]
            if self._size + len(self._text) > MAX_TEXT_BYTES + 2:
                return self._break()
        self._is_fresh = False
        del self._held[:size]
        return True

    def _end_part(self, kind: int) -> bool:
        """Keep the field that ends here, and leave the delimiter behind."""
        if self._name is not None:
            value = self._text[2:]
            self._size += len(value)
            text = value.decode("utf-8", "replace")
            if self._fields.setdefault(self._name, text) != text:
                self._fields[self._name] = AMBIGUOUS
            self._name = None
            self._text.clear()
        del self._held[: 2 + len(self._delimiter)]
        if kind == _END:
            del self._held[:2]
            self._at = _CLOSED
        else:
            # The line break stays: headers end with an empty line, even if there are none.
            del self._held[: self._held.find(b"\r\n")]
            self._at, self._scanned = _HEADERS, 0
        return True

    def _headers(self) -> bool:
        """Read a part's headers if they are all there."""
        held = self._held
        end = held.find(b"\r\n\r\n", self._scanned)
        if end > MAX_HEADER_BYTES + 2 or (end < 0 and len(held) > MAX_HEADER_BYTES + 5):
            return self._break()
        if end < 0:
            self._scanned = max(len(held) - 3, 0)
            return False
        self._parts += 1
        part = _part(bytes(held[2:end]))
        if part is None or self._parts > MAX_PARTS:
            return self._break()
        name, is_text = part
        if is_text:
            self._count += 1
            self._size += len(name)
            if self._count > MAX_FIELDS or self._size > MAX_TEXT_BYTES:
                return self._break()
            self._name = name.decode("utf-8", "replace")
        # The last line break stays, as before the body.
        del held[: end + 2]
        self._at, self._is_fresh = _CONTENT, True
        return True

    def _close(self) -> None:
        """Look at what follows the end: spaces, a line break, anything but a delimiter."""
        held = self._held
        if self._at == _CLOSED:
            del held[: len(held) - len(held.lstrip(b" \t"))]
            if not held:
                return
            self._at = _EPILOGUE if held[0] in b"\r\n" else _BROKEN
        if self._at == _BROKEN or self._delimiter in held:
            self._break()
        del held[: max(len(held) - len(self._delimiter) + 1, 0)]

    def _break(self) -> bool:
        """Read no further, and forget what was read."""
        self._at = _BROKEN
        self._name = None
        self._fields = {}
        self._text.clear()
        self._held.clear()
        return False


def _kind(before: bytearray, line: bytearray) -> int:
    """What a delimiter stands for, by two bytes before it and the start of what follows."""
    if before != b"\r\n":
        return _ODD
    if line[:2] == b"--":
        return _END
    ending = line.lstrip(b" \t")
    if ending[:2] == b"\r\n":
        return _PART
    if line == b"-" or (len(line) < MAX_PADDING + 2 and (not ending or ending == b"\r")):
        return _UNKNOWN
    return _ODD


def _part(block: bytes) -> tuple[bytes, bool] | None:
    """Name of the field and whether it is a text, by a part's headers; None if malformed."""
    headers: dict[bytes, bytes] = {}
    # A line that begins with a space goes on with the one before it (RFC 5322 section 2.2.3).
    for line in block.replace(b"\r\n ", b" ").replace(b"\r\n\t", b" ").split(b"\r\n"):
        key, colon, value = line.partition(b":")
        key = key.lower()
        if not colon or key in headers or b"\r" in line or b"\n" in line:
            return None
        headers[key] = value.strip()
    disposition = headers.get(b"content-disposition", b"")
    parameters = _parameters(disposition)
    if parameters is None or _bare(disposition) != b"form-data" or b"name" not in parameters:
        return None
    is_text = (
        not any(key.startswith(b"filename") for key in parameters)
        and _bare(headers.get(b"content-type", b"")) in (b"", b"text/plain")
        and headers.get(b"content-transfer-encoding", b"").lower() in _PLAIN
    )
    name = parameters[b"name"]
    if b"%" in name:
        name = name.replace(b"%22", b'"').replace(b"%0D", b"\r").replace(b"%0A", b"\n")
    return name, is_text


def _bare(value: bytes) -> bytes:
    """A header's value without its parameters, in lower case."""
    return value.partition(b";")[0].strip().lower()


def _parameters(value: bytes) -> dict[bytes, bytes] | None:
    """A header's parameters by name in lower case; None if malformed or one is there twice."""
    found: dict[bytes, bytes] = {}
    at = value.find(b";")
    while 0 <= at < len(value):
        match = _PARAMETER.match(value, at)
        if match is None:
            return None
        at = match.end()
        key, quoted, token = match.groups()
        if key is None:
            continue
        if (key := key.lower()) in found:
            return None
        found[key] = token.strip() if quoted is None else _ESCAPED.sub(rb"\1", quoted)
    return found
