"""Takes customer values out of texts written by others, before a person or a log sees them."""

import base64
import html
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Final
from urllib.parse import quote, quote_plus, unquote_plus

from frontdesk_sidecar.sap.odata import integration_key

MARK: Final = "•••"
"""Stands where a value was."""

#: More of a text is not looked at: it is somebody else's, and looking takes time.
MAX_CHARS: Final = 2000

#: With more values of one customer than this, longer ones, or more that need decoding, nothing is
#: shown: to look for them would hold up everybody else.
MAX_VALUES: Final = 600
_MAX_VALUE_CHARS = 50  # of all, on average
_MAX_ODD_CHARS = 4000
# A text that repeats more values than this is no message.
_MAX_HITS = 60

# SAP encodes a key once in a body and twice in a link; one more round costs nothing.
_DECODINGS = 3
# Below this a plain ASCII value is a part of too many words, and is replaced as a word only.
_SHORT = 4
# So many letters and digits in a row are not there by chance, whatever stands between them.
_TELLING = 6
_MAX_DOMAIN = 253
# A value that was cut off is hidden from so many characters on.
_PREFIX = 8

_RUN = re.compile(r'[^\s<>"\[\](){},|\\]+')
# An address, however encoded, or an internationalised domain, which is seldom of one's own words.
_TELLTALE = re.compile(r"[@\uff20]|%(?:25)*40|\bxn--", re.IGNORECASE)
_ESCAPE = re.compile(r"\\{1,8}(?:u([0-9a-f]{4})|x([0-9a-f]{2}))", re.IGNORECASE)
# A phone number, a birthday, a customer number, the PK of an item; not a status or a length.
_NUMBER = re.compile(r"\+?\d(?:[\d .:/()-]{0,24}\d)?")
_NUMBER_DIGITS = 5
_BASE64 = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{6,}={0,2}")
_ACCENTS = re.compile("[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+")
_WORD = re.compile(r"\w+")
# The end of an address that says nothing of anybody, and is a part of the names of classes.
_TOP_LEVEL = re.compile(
    r"@[^\s@]+\.(?P<top>com|net|org|edu|gov|info|biz)(?![\w.@-])", re.IGNORECASE
)
_ASCII_WORD = re.compile(r"[a-z0-9]+")
_LOST = re.compile("[?\ufffd]+")
_UTF8 = re.compile("[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_CP1252 = {
    byte: bytes([byte]).decode("cp1252", errors="ignore") or chr(byte) for byte in range(128, 160)
}
_FROM_CP1252 = {ord(char): byte for byte, char in _CP1252.items()}
_HEX = re.compile(r"%[0-9a-f]{2}")
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


def scrub(text: str, private: Iterable[str] = (), *, most: int = MAX_VALUES) -> str:
    """Replace e-mail addresses and every ``private`` value by `MARK`, plain or encoded.

    Entities and escapes are resolved first. A run without spaces or brackets that holds an ``@``,
    however encoded, goes as a whole; so does a number of five digits or more, and whatever stands
    in quotes or brackets or behind an equals sign, unless the words around it say that it is a name
    of the metadata: ``Property [name] is required for EntityType [Customer]`` stays. Control and
    format characters become spaces. A value is also known when it was cut off after eight
    characters or more, written in Base64, or lost its accents or its encoding on the way. When a
    private value could still be read from the result by decoding it or leaving out what stands
    between, nothing is returned at all: an empty text says less than a leak. So it is with more
    than ``most`` values. Plain ASCII values shorter than four characters are only replaced as
    whole words.
    """
    cleaned = text[:MAX_CHARS].rpartition(" ")[0] if len(text) > MAX_CHARS else text
    resolved = _resolved(cleaned)
    cleaned = plain(resolved)
    values = _values(private, most)
    found = None if values is None else _found(values, cleaned, resolved)
    if values is None or found is None:
        return ""
    cleaned = _without_base64(values, _without(cleaned, found))
    if _readable(values, cleaned):
        return ""
    cleaned = _without(cleaned, _begun(found, cleaned.lower()))
    before = cleaned
    cleaned = _DELIMITED.sub(_delimited, _ELEMENT.sub(f">{MARK}</", cleaned))
    cleaned = _ASSIGNED.sub(MARK, cleaned)
    cleaned = _RUN.sub(lambda run: MARK if _TELLTALE.search(run[0]) else run[0], cleaned)
    cleaned = _NUMBER.sub(_number, cleaned)
    return "" if cleaned != before and _readable(values, cleaned) else cleaned


def texts_of(document: object) -> Iterator[str]:
    """What somebody might repeat of a JSON document: every value but true, false and null, and
    the longer words of it, but not the ``com`` of an address. Names of members are not values.

    An object or a list is an empty text, so that whoever takes only so many is soon done.
    """
    left = [document]
    while left:
        one = left.pop()
        if isinstance(one, Mapping | list | tuple):
            left += one.values() if isinstance(one, Mapping) else one
            yield ""
        elif not isinstance(one, bool | None):
            text = str(one)
            yield text
            tops = (
                {found.start("top") for found in _TOP_LEVEL.finditer(text)} if "@" in text else ()
            )
            for word in _WORD.finditer(text):
                if word.end() - word.start() > 2 and word.start() not in tops:
                    yield word[0]


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


def _values(private: Iterable[str], most: int) -> dict[str, str] | None:
    """Each form of each value with its canonical form; None when there are too many."""
    raws = list(islice(private, most + 1))
    if len(raws) > most or sum(map(len, raws)) > most * _MAX_VALUE_CHARS:
        return None
    odd = 0
    forms: dict[str, str] = {}
    for raw in raws:
        if not raw or raw in forms:
            continue
        raw = raw[:MAX_CHARS]  # nothing longer is in the text
        if raw.isascii() and raw.isalnum():
            forms[raw] = raw.lower()
            continue
        if "&" in raw or "\\" in raw or "%" in raw:
            odd += len(raw)
            if odd > _MAX_ODD_CHARS:
                return None
        for form in _forms(raw):
            if form not in forms and not form.isspace():
                forms[form] = _canonical(form)
    return forms


def _forms(raw: str) -> Iterator[str]:
    """A value as it is and as it may be shown; both sides of an address, the domain as Unicode."""
    shown = plain(raw)
    yield from (raw, shown)
    if (resolved := _resolved(raw)) is not raw:
        yield plain(resolved)
    local, at, domain = raw.rpartition("@")
    if not (at or "xn--" in raw) or len(domain) > _MAX_DOMAIN:
        return
    yield from (local, domain)
    try:
        yield domain.encode("ascii").decode("idna")
    except UnicodeError:
        return


def _without(text: str, spellings: Iterable[str]) -> str:
    """Only what is there makes a pattern: compiling one of all spellings takes milliseconds."""
    folded = _folded(text)
    there = [one for one in spellings if _folded(one) in folded]
    return _pattern(there).sub(MARK, text) if there else text


def _found(values: Mapping[str, str], text: str, resolved: str) -> set[str] | None:
    """The spellings of values that stand in the text, or begin there; None when it is too much.

    `resolved` is the text with its control characters.
    """
    lowered, canonical = text.lower(), _canonical_text(resolved)
    lossy = _LOST.sub("?", lowered) if _LOST.search(lowered) else ""
    words = set(_ASCII_WORD.findall(lowered)).union(_ASCII_WORD.findall(_HEX.sub(" ", lowered)))
    hits: list[str] = []
    for value, wanted in values.items():
        low = value.lower()
        if _is_short(low) and low.isalnum():
            if low not in words:
                continue
        elif not (
            low[:_PREFIX] in lowered
            or (wanted and wanted[:_PREFIX] in canonical)
            or (lossy and not low.isascii() and _lost(low)[:_PREFIX] in lossy)
        ):
            continue
        hits.append(value)
        if len(hits) > _MAX_HITS:
            return None
    return {one for value in hits for one in _spellings(value)}


def _lost(value: str) -> str:
    """``M?ller``; MARK, which is nowhere, when too little is left of a value."""
    left = _LOST.sub("?", value.encode("ascii", errors="replace").decode())
    return left if len(_ASCII_WORD.findall(left)) and len(left) > 2 else MARK


def _begun(spellings: Iterable[str], text: str) -> set[str]:
    """As much of each as stands at each place where it begins; the text is in lower case."""
    found = set()
    for spelling in {one.lower() for one in spellings if len(one) > _PREFIX}:
        at = text.find(spelling[:_PREFIX])
        while at >= 0:
            end = _PREFIX
            while end < len(spelling) and text[at + end : at + end + 1] == spelling[end]:
                end += 1
            found.add(spelling[:end])
            at = text.find(spelling[:_PREFIX], at + end)
    return found


def _without_base64(values: Mapping[str, str], text: str) -> str:
    decoded = {}
    for run in set(_BASE64.findall(text)):
        parts = "\0".join(filter(None, map(_decoded, {run, *re.split("[+/_-]", run)})))
        if parts:
            decoded[run] = _canonical(parts)
    if decoded:
        every = "\0".join(decoded.values())
        known = [one for one in values.values() if len(one) >= _SHORT and one in every]
        for run, said in decoded.items():
            if any(one in said for one in known):
                text = text.replace(run, MARK)
    return text


def _decoded(run: str) -> str:
    """The text that Base64 hides, or an empty one: a word that is none gives no text."""
    bare = run.rstrip("=")
    whole = bare[:-1] if len(bare) % 4 == 1 else bare
    try:
        said = base64.urlsafe_b64decode(
            whole.translate(_URLSAFE) + "=" * (-len(whole) % 4)
        ).decode()
    except ValueError:
        return ""
    return said if said.isprintable() else ""


_URLSAFE: Final = str.maketrans("+/", "-_")


def _resolved(text: str) -> str:
    """Without the escapes of JSON and JavaScript, and without entities."""
    for _ in range(_DECODINGS if "&" in text or "\\" in text else 0):
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


def _pattern(spellings: Iterable[str]) -> re.Pattern[str]:
    longest_first = sorted(spellings, key=len, reverse=True)
    return re.compile("|".join(map(_as_pattern, longest_first)), re.IGNORECASE)


def _spellings(value: str) -> Iterator[str]:
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


def _as_pattern(spelling: str) -> str:
    escaped = re.escape(spelling)
    return f"{_WORD_START}{escaped}{_WORD_END}" if _is_short(spelling) else escaped


def _is_short(value: str) -> bool:
    return len(value) < _SHORT and value.isascii()


def _readable(values: Mapping[str, str], cleaned: str) -> bool:
    """Whether a value can be read by decoding the text or by leaving out what is between."""
    canonical = _canonical_text(cleaned)
    bare = "".join(char for char in canonical if char.isalnum() or char in MARK)
    for value, wanted in values.items():
        if not wanted or _is_short(value):
            continue
        if wanted in canonical:
            return True
        if len(wanted) >= _TELLING:
            # Letters and digits alone; where a value was, something remains.
            left = wanted if wanted.isalnum() else "".join(filter(str.isalnum, wanted))
            if len(left) >= _TELLING and left in bare:
                return True
    return False


def _canonical_text(text: str) -> str:
    """The canonical form, and behind it that of the text as it was before a wrong encoding."""
    canonical = _canonical(text)
    if text.isascii():
        return canonical
    mended = _UTF8.sub(_decode, text.translate(_FROM_CP1252))
    return f"{canonical}\0{_canonical(mended)}"


def _decode(found: re.Match[str]) -> str:
    return found[0].encode("latin-1").decode(errors="replace")


def _canonical(text: str) -> str:
    """What is left when nothing of the spelling counts: encoding, case, width, accents."""
    for _ in range(_DECODINGS if "%" in text or "+" in text else 0):
        text = unquote_plus(text)
    text = _resolved(text)
    if not text.isascii():
        text = _unaccented(_folded(text))
    return plain(text.casefold()).replace("''", "'")


def _folded(text: str) -> str:
    """Without case; a dotless i too is an i."""
    return text.lower() if text.isascii() else text.upper().casefold()


def _unaccented(text: str) -> str:
    return unicodedata.normalize("NFKC", _ACCENTS.sub("", unicodedata.normalize("NFKD", text)))
