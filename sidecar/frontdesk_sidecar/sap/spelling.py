"""How one value may be spelled in somebody else's text, and what its spellings have in common."""

import html
import re
import unicodedata
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote, quote_plus, unquote_plus

from frontdesk_sidecar.sap.odata import integration_key

# SAP encodes a key once in a body and twice in a link; one more round costs nothing.
_DECODINGS = 3
_ESCAPE = re.compile(r"\\{1,8}(?:u([0-9a-f]{4})|x([0-9a-f]{2}))", re.IGNORECASE)
_ACCENTS = re.compile("[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+")
_UTF8 = re.compile("[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_CP1252 = {
    byte: bytes([byte]).decode("cp1252", errors="ignore") or chr(byte) for byte in range(128, 160)
}
_FROM_CP1252 = {ord(char): byte for byte, char in _CP1252.items()}


def plain(text: str) -> str:
    """``text`` on one line, without control, format, surrogate and private-use characters."""
    return " ".join((text if text.isprintable() else text.translate(_PRINTABLE)).split())


class _Printable(dict[int, int]):
    """A character's code to itself, or to a space; remembers what it was asked."""

    def __missing__(self, char: int) -> int:
        shown = char if chr(char).isprintable() else 32
        if len(self) < 10_000:
            self[char] = shown
        return shown


_PRINTABLE: Final = _Printable()


def resolve(text: str) -> str:
    """Without the escapes of JSON and JavaScript, and without entities."""
    for _ in range(_DECODINGS if "&" in text or "\\" in text else 0):
        text = html.unescape(_ESCAPE.sub(lambda found: chr(int(found[1] or found[2], 16)), text))
    return text


def spellings_of(value: str) -> Iterator[str]:
    cases: tuple[str, ...] = (value,)
    if not value.isascii():
        bare = _unaccented(value)
        cases = (value, value.lower(), value.upper(), bare, bare.lower(), bare.upper())
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
    if not value.isascii():
        yield from (unicodedata.normalize("NFD", value), *map(plain, _mangled(value)))


def _mangled(value: str) -> Iterator[str]:
    """What a wrong encoding made of a value: ``MÃ¼ller``, ``M?ller``."""
    encoded = value.encode(errors="replace").decode("latin-1")
    yield from (encoded, encoded.translate(_CP1252))
    for lost in (value, encoded):
        left = lost.encode("ascii", errors="replace").decode()
        yield from (left, left.replace("?", "\ufffd"))


def canonicalize_text(text: str) -> str:
    """The canonical form, and behind it that of the text as it was before a wrong encoding."""
    canonical = canonicalize(text)
    if text.isascii():
        return canonical
    mended = _UTF8.sub(_decode, text.translate(_FROM_CP1252))
    return f"{canonical}\0{canonicalize(mended)}"


def _decode(found: re.Match[str]) -> str:
    return found[0].encode("latin-1").decode(errors="replace")


def canonicalize(text: str) -> str:
    """What is left when nothing of the spelling counts: encoding, case, width, accents."""
    for _ in range(_DECODINGS if "%" in text or "+" in text else 0):
        text = unquote_plus(text)
    text = resolve(text)
    if not text.isascii():
        text = _unaccented(fold(text))
    return plain(text.casefold()).replace("''", "'")


def fold(text: str) -> str:
    """Without case; a dotless i too is an i."""
    return text.lower() if text.isascii() else text.upper().casefold()


def _unaccented(text: str) -> str:
    return unicodedata.normalize("NFKC", _ACCENTS.sub("", unicodedata.normalize("NFKD", text)))
