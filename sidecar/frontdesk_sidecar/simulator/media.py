"""Answers and the media types they come in.

Olingo decides twice: errors are JSON only when `Accept` lists exactly JSON before any XML or
wildcard (`ODataExceptionWrapper`), entries default to Atom XML. A client that sends `*/*`
therefore gets XML, and this simulator lets it notice.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

JSON: Final = "application/json"
JSON_UTF8: Final = "application/json;charset=utf-8"
XML: Final = "application/xml"
ATOM_ENTRY: Final = "application/atom+xml;type=entry;charset=utf-8"
ATOM_FEED: Final = "application/atom+xml;type=feed;charset=utf-8"
HTML: Final = "text/html;charset=utf-8"

Notation = Literal["json", "xml"]

_EXACTLY_JSON = frozenset({JSON, JSON_UTF8})
_XML_OR_ANY = frozenset(
    {XML, XML + ";charset=utf-8", "application/atom+xml", "application/atom+xml;charset=utf-8"}
)
_FORMATS: Final[dict[str, Notation]] = {"json": "json", "atom": "xml", "xml": "xml"}
_NOT_XML_1_0 = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"})


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer: `headers` come beside Content-Type and Content-Length."""

    status: int
    body: bytes = b""
    content_type: str | None = None
    headers: tuple[tuple[str, str], ...] = ()


def page(status: int, title: str, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    """An HTML page as the servlet container or the web proxy sends one: no OData."""
    head = f"<!doctype html><html><head><title>{title}</title></head>"
    return Answer(status, f"{head}<body><h1>{title}</h1></body></html>".encode(), HTML, headers)


@lru_cache(maxsize=256)
def accepted(accept: str) -> tuple[str, ...]:
    """The media types of an `Accept` header, best first, lower case, without `q` and blanks."""
    ranked: list[tuple[float, str]] = []
    for part in accept.lower().replace(" ", "").split(","):
        name, *parameters = part.split(";")
        kept = [one for one in parameters if not one.startswith("q=")]
        ranked.append((-_quality(parameters), ";".join([name, *kept])))
    return tuple(name for _, name in sorted(ranked, key=lambda pair: pair[0]) if name)


def error_notation(accept: str, format_option: str | None) -> Notation:
    """The notation of an error body."""
    if format_option is not None:
        return "json" if format_option == "json" else "xml"
    for media_type in accepted(accept):
        if media_type in _EXACTLY_JSON:
            return "json"
        if media_type in _XML_OR_ANY or "*" in media_type:
            return "xml"
    return "xml"


def entry_notation(accept: str, format_option: str | None) -> Notation | None:
    """The notation of entries and documents; None when nothing accepted can be made."""
    if format_option is not None:
        return _FORMATS.get(format_option)
    types = accepted(accept)
    for media_type in types:
        if media_type.startswith(JSON):
            return "json"
        if media_type in _XML_OR_ANY or media_type.startswith(
            ("*/", "application/*", "application/atom+xml")
        ):
            return "xml"
    return None if types else "xml"


def is_json_request(content_type: str) -> bool:
    """Whether a body is JSON by its Content-Type; without one it is not (RFC 2616, 7.2.1)."""
    return content_type.lower().replace(" ", "").replace('"', "") in _EXACTLY_JSON


def xml_text(value: str) -> str:
    """The value as XML character data; characters that XML 1.0 cannot carry become `?`."""
    return _NOT_XML_1_0.sub("?", value).translate(_ESCAPES)


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return float(parameter[2:])
            except ValueError:
                return 0.0
    return 1.0
