"""Recorded exchanges: HAR files as browsers save them, and a small text form. Pure.

The text form is that of HTTP/1.1 itself: a request line, headers, an empty line, a body; then the
answer the same way, beginning with its status line. A line `###` begins the next exchange.

Source: HAR 1.2 (http://www.softwareishard.com/blog/har-12-spec/); RFC 9112 section 2.1.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import orjson

from frontdesk.exchange import Exchange
from frontdesk.notes import MARK, Notes

_STATUS_LINE: Final = re.compile(r"HTTP/[\d.]+ (\d{3})\b")
_REQUEST_LINE: Final = re.compile(r"([A-Z]+) (\S+)(?: HTTP/[\d.]+)?")
_NEXT: Final = "###"

Headers = tuple[tuple[bytes, bytes], ...]


class NotARecording(Exception):  # noqa: N818 - it is the file that is wrong
    """What is wrong with a file, and where; never with a value of it."""


@dataclass(frozen=True, slots=True, repr=False)
class Recorded:
    """A request, and its answer if it has one (`status` is None otherwise)."""

    method: str
    target: str
    request_headers: Headers = ()
    request_body: bytes = b""
    status: int | None = None
    response_headers: Headers = ()
    response_body: bytes = b""

    def exchange(self) -> Exchange:
        """As the middleware would have seen it from outside: without an app's user or session."""
        path, query = urlsplit(self.target).path, urlsplit(self.target).query
        exchange = Exchange(
            {
                "type": "http",
                "method": self.method,
                "path": path or "/",
                "root_path": "",
                "query_string": query.encode(),
                "headers": list(self.request_headers),
                MARK: Notes(),
            }
        )
        exchange.request.feed({"body": self.request_body})
        exchange.respond({"status": self.status or 0, "headers": list(self.response_headers)})
        exchange.response.feed({"body": self.response_body})
        return exchange


def read(content: bytes) -> list[Recorded]:
    """The exchanges of a file, of either form. Raises NotARecording."""
    if content.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"{"):
        return list(_har(content))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise NotARecording("is neither a HAR file nor text in UTF-8") from None
    return list(_texts(text))


def _har(content: bytes) -> Iterator[Recorded]:
    try:
        entries = orjson.loads(content.removeprefix(b"\xef\xbb\xbf"))["log"]["entries"]
        for entry in entries:
            yield _entry(entry["request"], entry["response"])
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError, ValueError):
        raise NotARecording("is not a HAR file: expected log.entries with requests") from None


def _entry(request: dict[str, Any], response: dict[str, Any]) -> Recorded:
    url = urlsplit(request["url"])
    posted = request.get("postData") or {}
    body = posted.get("text") or urlencode(
        [(one["name"], one.get("value", "")) for one in posted.get("params", ())]
    )
    content = response.get("content") or {}
    answered = (content.get("text") or "").encode()
    if content.get("encoding") == "base64":
        try:
            answered = base64.b64decode(answered)
        except binascii.Error:
            answered = b""
    return Recorded(
        request["method"],
        url.path + (f"?{url.query}" if url.query else ""),
        _har_headers(request["headers"]),
        body.encode(),
        int(response["status"]),
        # The bodies of a HAR file are decoded already, whatever their headers say.
        _har_headers(response["headers"], without=("content-encoding", "content-length")),
        answered,
    )


def _har_headers(headers: Iterable[dict[str, str]], without: tuple[str, ...] = ()) -> Headers:
    pairs = ((one["name"].lower(), one["value"]) for one in headers)
    return tuple(
        (name.encode(), line.encode("latin-1", "replace"))
        for name, value in pairs
        if name not in without and not name.startswith(":")
        for line in value.split("\n")  # one header of a HAR file may be several
    )


def _texts(text: str) -> Iterator[Recorded]:
    lines = text.splitlines()
    start = 0
    for end, line in enumerate([*lines, _NEXT]):
        if line.startswith(_NEXT):
            if any(one.strip() for one in lines[start:end]):
                yield _text(lines[start:end], start)
            start = end + 1


def _text(lines: list[str], before: int) -> Recorded:
    skipped = next(place for place, line in enumerate(lines) if line.strip())
    lines, place = lines[skipped:], before + skipped + 1
    request = _REQUEST_LINE.fullmatch(lines[0].strip())
    if request is None:
        raise NotARecording(f"line {place}: expected a request, such as POST /login HTTP/1.1")
    answer = next((n for n, line in enumerate(lines) if _STATUS_LINE.match(line)), len(lines))
    headers, body = _headers_and_body(lines[1:answer], place + 1)
    target = urlsplit(request[2])
    recorded = Recorded(
        request[1],
        target.path + (f"?{target.query}" if target.query else ""),
        headers,
        body,
    )
    if answer == len(lines):
        return recorded
    status = _STATUS_LINE.match(lines[answer])
    answered = _headers_and_body(lines[answer + 1 :], place + answer + 1)
    return Recorded(
        recorded.method,
        recorded.target,
        headers,
        body,
        int(status[1]) if status else None,
        *answered,
    )


def _headers_and_body(lines: list[str], place: int) -> tuple[Headers, bytes]:
    headers: list[tuple[bytes, bytes]] = []
    for number, line in enumerate(lines):
        if not line.strip():
            return tuple(headers), "\n".join(lines[number + 1 :]).strip().encode()
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise NotARecording(f"line {place + number}: expected a header, or an empty line")
        if name.strip().lower() != "content-length":  # the body may have been edited
            pair = (name.strip().lower().encode(), value.strip().encode("latin-1", "replace"))
            headers.append(pair)
    return tuple(headers), b""
