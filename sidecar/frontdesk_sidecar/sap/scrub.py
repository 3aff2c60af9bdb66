"""Takes customer values out of texts written by others, before a person or a log sees them."""

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Final

from frontdesk_sidecar.sap.delimited import MARK as MARK
from frontdesk_sidecar.sap.delimited import without_delimited
from frontdesk_sidecar.sap.spelling import (
    canonicalize,
    canonicalize_text,
    fold,
    plain,
    resolve,
    spellings_of,
)

#: More of a text is not looked at: it is somebody else's, and looking takes time.
MAX_CHARS: Final = 2000

#: With more values of one customer than this, longer ones, or more that need decoding, nothing is
#: shown: to look for them would hold up everybody else.
MAX_VALUES: Final = 600
_MAX_VALUE_CHARS = 50  # of all, on average
_MAX_ODD_CHARS = 4000
# A text that repeats more values than this is no message.
_MAX_HITS = 60


# Below this a plain ASCII value is a part of too many words, and is replaced as a word only.
_SHORT = 4
# So many letters and digits in a row are not there by chance, whatever stands between them.
_TELLING = 6
_MAX_DOMAIN = 253
# A value that was cut off is hidden from so many characters on.
_PREFIX = 8


_BASE64 = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{6,}={0,2}")

_WORD = re.compile(r"\w+")
# The end of an address that says nothing of anybody, and is a part of the names of classes.
_TOP_LEVEL = re.compile(
    r"@[^\s@]+\.(?P<top>com|net|org|edu|gov|info|biz)(?![\w.@-])", re.IGNORECASE
)
_ASCII_WORD = re.compile(r"[a-z0-9]+")
_LOST = re.compile("[?\ufffd]+")


_HEX = re.compile(r"%[0-9a-f]{2}")
# A hexadecimal escape before a word is not a part of the word.
_WORD_START = r"(?:(?<![A-Za-z0-9])|(?<=%[0-9A-Fa-f]{2}))"
_WORD_END = r"(?![A-Za-z0-9])"


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
    resolved = resolve(cleaned)
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
    cleaned = without_delimited(cleaned)
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
                forms[form] = canonicalize(form)
    return forms


def _forms(raw: str) -> Iterator[str]:
    """A value as it is and as it may be shown; both sides of an address, the domain as Unicode."""
    shown = plain(raw)
    yield from (raw, shown)
    if (resolved := resolve(raw)) is not raw:
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
    folded = fold(text)
    there = [one for one in spellings if fold(one) in folded]
    return _pattern(there).sub(MARK, text) if there else text


def _found(values: Mapping[str, str], text: str, resolved: str) -> set[str] | None:
    """The spellings of values that stand in the text, or begin there; None when it is too much.

    `resolved` is the text with its control characters.
    """
    lowered, canonical = text.lower(), canonicalize_text(resolved)
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
    return {one for value in hits for one in spellings_of(value)}


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
            decoded[run] = canonicalize(parts)
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


def _pattern(spellings: Iterable[str]) -> re.Pattern[str]:
    longest_first = sorted(spellings, key=len, reverse=True)
    return re.compile("|".join(map(_as_pattern, longest_first)), re.IGNORECASE)


def _as_pattern(spelling: str) -> str:
    escaped = re.escape(spelling)
    return f"{_WORD_START}{escaped}{_WORD_END}" if _is_short(spelling) else escaped


def _is_short(value: str) -> bool:
    return len(value) < _SHORT and value.isascii()


def _readable(values: Mapping[str, str], cleaned: str) -> bool:
    """Whether a value can be read by decoding the text or by leaving out what is between."""
    canonical = canonicalize_text(cleaned)
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
