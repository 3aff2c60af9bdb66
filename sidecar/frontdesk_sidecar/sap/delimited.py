"""What of somebody else's text may be a value by where it stands, or by its looks."""

import re
from typing import Final

MARK: Final = "•••"
"""Stands where a value was."""

_RUN = re.compile(r'[^\s<>"\[\](){},|\\]+')
# An address, however encoded, or an internationalised domain, which is seldom of one's own words.
_TELLTALE = re.compile(r"[@\uff20]|%(?:25)*40|\bxn--", re.IGNORECASE)
# A phone number, a birthday, a customer number, the PK of an item; not a status or a length.
_NUMBER = re.compile(r"\+?\d(?:[\d .:/()-]{0,24}\d)?")
_NUMBER_DIGITS = 5
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


def without_delimited(text: str) -> str:
    """The text with `MARK` for all that may be a value by where it stands, or by its looks."""
    text = _DELIMITED.sub(_delimited, _ELEMENT.sub(f">{MARK}</", text))
    text = _ASSIGNED.sub(MARK, text)
    text = _RUN.sub(lambda run: MARK if _TELLTALE.search(run[0]) else run[0], text)
    return _NUMBER.sub(_number, text)


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
