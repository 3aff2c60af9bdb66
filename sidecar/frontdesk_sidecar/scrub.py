"""Takes customer values out of texts written by others, before a person or a log sees them."""

import html
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
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
# So many letters and digits in a row are not there by chance, whatever stands between them.
_TELLING = 6
_MAX_DOMAIN = 253

_RUN = re.compile(r'[^\s<>"\[\](){},|\\]+')
# An address, however encoded, or an internationalised domain, which is seldom of one's own words.
_TELLTALE = re.compile(r"[@\uff20]|%(?:25)*40|\bxn--", re.IGNORECASE)
_ESCAPE = re.compile(r"\\{1,8}(?:u([0-9a-f]{4})|x([0-9a-f]{2}))", re.IGNORECASE)
# A phone number, a birthday, a customer number, the PK of an item; not a status or a length.
_NUMBER = re.compile(r"\+?\d(?:[\d .:/()-]{0,24}\d)?")
_NUMBER_DIGITS = 5
# A hexadecimal escape before a word is not a part of the word.
_WORD_START = r"(?:(?<![A-Za-z0-9])|(?<=%[0-9A-Fa-f]{2}))"
_WORD_END = r"(?![A-Za-z0-9])"

# An apostrophe within or after a word is none of these. What is not closed goes to the end.
_DELIMITED = re.compile(
    r"""\[ (?P<list>[^\[\]]*) (?:\]|$)
    | \{ (?P<pairs>[^{}]*) (?:\}|$)
    | (?<!\w)['`‘‚] (?P<quoted>(?:''|[^'`’‘]|['`’‘](?=\w))*) (?:['`’‘](?!\w)|$)
    | ["„“”«»‹›「『] (?P<text>[^"„“”«»‹›」』]*) (?:["„“”«»‹›」』]|$)
    | <(?=\S) (?P<tag>[^<>]*) (?:>|$)""",
    re.VERBOSE,
)
_ELEMENT = re.compile(r">[^<>]+</")
_ASSIGNED = re.compile(r"(?<=\w=)[^\s,;=<>{}()\[\]]+")
# How SAP, Olingo and the interceptors of the platform name parts of the integration object.
_NAME = r"[A-Za-z_][A-Za-z0-9_.]{0,63}"
_NAMES = re.compile(rf"{_NAME}(?:, ?{_NAME}){{0,19}}")
_NAMED_BEFORE = re.compile(
    r"\b(?:property|properties|navigationproperty|attributes?|entity ?type|entity set"
    r"|function import for|entity contains|language provided|integration object"
    r"|missing values for|lacks|accessing the|(?:pre|post)persisthook|property with name)"
    r":?\s*$",
    re.IGNORECASE,
)
_NAMED_AFTER = re.compile(
    r"\s+(?:is required for|with integration key|item does not exist|privileges)\b", re.IGNORECASE
)
_HARMLESS = frozenset(("", MARK, "unsaved", "null", "true", "false"))


def scrub(text: str, private: Iterable[str] = ()) -> str:
    """Replace e-mail addresses and every ``private`` value by `MARK`, plain or encoded.

    Entities and escapes are resolved first. A run without spaces or brackets that holds an ``@``,
    however encoded, goes as a whole; so does a number of five digits or more, and whatever stands
    in quotes or brackets or behind an equals sign, unless the words around it say that it is a name
    of the metadata: ``Property [name] is required for EntityType [Customer]`` stays. Control and
    format characters become spaces. When a private value could still be read from the result by
    decoding it or leaving out what stands between, nothing is returned at all: an empty text says
    less than a leak. Plain ASCII values shorter than four characters are only replaced as whole
    words.
    """
    values = {value for raw in private for value in _forms(raw) if value.strip()}
    cleaned = text[:MAX_CHARS].rpartition(" ")[0] if len(text) > MAX_CHARS else text
    cleaned = plain(_resolved(cleaned))
    if values:
        cleaned = _pattern(values).sub(MARK, cleaned)
    if _readable(values, cleaned):
        return ""
    cleaned = _DELIMITED.sub(_delimited, _ELEMENT.sub(f">{MARK}</", cleaned))
    cleaned = _ASSIGNED.sub(MARK, cleaned)
    cleaned = _RUN.sub(lambda run: MARK if _TELLTALE.search(run[0]) else run[0], cleaned)
    cleaned = _NUMBER.sub(_number, cleaned)
    return "" if _readable(values, cleaned) else cleaned


def texts_of(document: object) -> Iterator[str]:
    """What somebody might repeat of a JSON document: every value but true, false and null, and
    the longer words of it. Names of members are not values."""
    if isinstance(document, Mapping):
        for value in document.values():
            yield from texts_of(value)
    elif isinstance(document, list | tuple):
        for value in document:
            yield from texts_of(value)
    elif not isinstance(document, bool | None):
        text = str(document)
        yield text
        yield from (word for word in re.split(r"\W+", text) if len(word) > 2)


def plain(text: str) -> str:
    """``text`` on one line, without control, format, surrogate and private-use characters."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def _forms(raw: str) -> Iterator[str]:
    """A value as it is and as it may be shown; both sides of an address, the domain as Unicode."""
    yield from (raw, plain(raw), plain(_resolved(raw)))
    local, at, domain = raw.rpartition("@")
    if not (at or "xn--" in raw.lower()) or len(domain) > _MAX_DOMAIN:
        return
    yield from (local, domain)
    try:
        yield domain.encode("ascii").decode("idna")
    except UnicodeError:
        return


def _resolved(text: str) -> str:
    """Without the escapes of JSON and JavaScript, and without entities."""
    for _ in range(_DECODINGS):
        text = html.unescape(_ESCAPE.sub(lambda found: chr(int(found[1] or found[2], 16)), text))
    return text


def _delimited(found: re.Match[str]) -> str:
    """The quotes or brackets with their content, or with `MARK` when it could be a value."""
    content = found[found.lastgroup or 0]
    if content.strip() in _HARMLESS or (_NAMES.fullmatch(content.strip()) and _is_named(found)):
        return found[0]
    if found.lastgroup == "pairs":
        return found[0].replace(content, ",".join(map(_pair, content.split(","))), 1)
    return found[0].replace(content, MARK, 1)


def _pair(text: str) -> str:
    """``uid=…`` of a pair such as hybris writes keys, or `MARK`."""
    name, equals, _ = text.partition("=")
    return f"{name}={MARK}" if equals and re.fullmatch(rf" ?{_NAME}", name) else MARK


def _is_named(found: re.Match[str]) -> bool:
    before = found.string[max(0, found.start() - 60) : found.start()]
    return bool(_NAMED_BEFORE.search(before) or _NAMED_AFTER.match(found.string, found.end()))


def _number(found: re.Match[str]) -> str:
    digits = sum(char.isdigit() for char in found[0])
    return MARK if digits >= _NUMBER_DIGITS else found[0]


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


def _readable(values: Iterable[str], cleaned: str) -> bool:
    """Whether a value can be read by decoding the text or by leaving out what is between."""
    canonical = _canonical(cleaned)
    bare = _bare(canonical)
    for value in values:
        if _is_short(value):
            continue
        wanted = _canonical(value)
        if wanted and wanted in canonical:
            return True
        if len(wanted := _bare(wanted)) >= _TELLING and wanted in bare:
            return True
    return False


def _canonical(text: str) -> str:
    for _ in range(_DECODINGS):
        text = unquote_plus(text)
    return plain(unicodedata.normalize("NFKC", _resolved(text)).casefold())


def _bare(text: str) -> str:
    """Letters and digits alone; where a value was, something remains."""
    return "".join(char for char in text if char.isalnum() or char in MARK)
