"""Takes customer values out of texts written by others, before a person or a log sees them."""

import html
import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import quote, quote_plus, unquote_plus

from frontdesk_sidecar.odata import integration_key

MARK: Final = "•••"
"""Stands where a value was."""

#: More of a text is not looked at: it is somebody else's, and looking takes time.
MAX_CHARS: Final = 2000

# SAP encodes a key once in a body and twice in a link; one more round costs nothing.
_DECODINGS = 3
# Below this a plain ASCII value is a part of too many words, and is replaced as a word only.
_SHORT = 4

_RUN = re.compile(r'[^\s<>"\[\](){},|\\]+')
_AT = re.compile(r"[@\uff20]|%(?:25)*40|&#(?:0*64|x0*40)", re.IGNORECASE)
# A hexadecimal escape before a word is not a part of the word.
_WORD_START = r"(?:(?<![A-Za-z0-9])|(?<=%[0-9A-Fa-f]{2}))"
_WORD_END = r"(?![A-Za-z0-9])"


def scrub(text: str, private: Iterable[str] = ()) -> str:
    """Replace e-mail addresses and every ``private`` value by `MARK`, plain or URL-encoded.

    A run without spaces or brackets that holds an ``@``, however encoded, goes as a whole.
    Control and format characters become spaces. When a private value could still be read from
    the result by decoding it, nothing is returned at all: an empty text says less than a leak.
    Plain ASCII values shorter than four characters are only replaced as whole words.
    """
    values = {value for raw in private for value in (raw, plain(raw)) if value.strip()}
    cleaned = plain(text[:MAX_CHARS].rpartition(" ")[0] if len(text) > MAX_CHARS else text)
    if values:
        cleaned = _pattern(values).sub(MARK, cleaned)
    cleaned = _RUN.sub(lambda run: MARK if _AT.search(run[0]) else run[0], cleaned)
    return "" if _readable(values, _canonical(cleaned)) else cleaned


def plain(text: str) -> str:
    """``text`` on one line, without control, format, surrogate and private-use characters."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def _pattern(values: Iterable[str]) -> re.Pattern[str]:
    spellings = {spelling for value in values for spelling in _spellings(value)}
    longest_first = sorted(spellings, key=len, reverse=True)
    return re.compile("|".join(map(_as_pattern, longest_first)), re.IGNORECASE)


def _spellings(value: str) -> Iterator[str]:
    cases = (value,) if value.isascii() else (value, value.lower(), value.upper())
    for case in cases:
        once = (
            quote(case, safe="", errors="replace"),
            quote_plus(case, errors="replace"),
            integration_key([case]),
        )
        yield case
        yield from once
        yield from (quote(spelling, safe="") for spelling in once)
        yield from (case.replace("'", "''"), html.escape(case))


def _as_pattern(spelling: str) -> str:
    escaped = re.escape(spelling)
    return f"{_WORD_START}{escaped}{_WORD_END}" if _is_short(spelling) else escaped


def _is_short(value: str) -> bool:
    return len(value) < _SHORT and value.isascii()


def _readable(values: Iterable[str], canonical: str) -> bool:
    return any(
        _canonical(value) in canonical
        for value in values
        if not _is_short(value) and _canonical(value)
    )


def _canonical(text: str) -> str:
    for _ in range(_DECODINGS):
        text = unquote_plus(text)
    return plain(unicodedata.normalize("NFKC", html.unescape(text)).casefold())
