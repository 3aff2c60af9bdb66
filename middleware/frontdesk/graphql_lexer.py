r"""The GraphQL language as far as clients send it: a document's operations and fragments.

Type systems are not read: no server executes a document that has one. A document that the grammar
does not allow raises `Malformed`; what only validation would find does not. Time is linear.

Source: GraphQL specification, September 2025, section 2 and appendix B. As in the reference
implementation a selection set may be empty, and `\u{…}` has up to eight digits.
"""

from __future__ import annotations

import re
from typing import Any, Final

import orjson

#: Without comments; all fragments of a large app make a few thousand.
MAX_TOKENS: Final = 8192

_IGNORED: Final = r"(?:[ \t\n\r,\ufeff]++|\#[^\n\r]*+)*"
_LEADING: Final = re.compile(_IGNORED)
# No input is tried twice: inner repeats are possessive, no two alternatives go on alike, and what
# is no token takes all that follows.
_TOKEN: Final = re.compile(
    r"""(?:
      ( [A-Za-z_][0-9A-Za-z_]*+
      | [!$():=@\[\]{}]
      | \.\.\.
      | \"{3} (?: [^"\\]++ | \\"{3} | \\(?!"{3}) | "(?!"") )* \"{3}
      | "(?!"") (?: [^"\\\n\r]++ | \\["\\/bfnrt] | \\u[0-9A-Fa-f]{4} | \\u\{[0-9A-Fa-f]{1,8}\} )* "
      | -? (?: 0 | [1-9][0-9]*+ ) (?: \.[0-9]++ )? (?: [eE][+-]?[0-9]++ )? (?![.0-9A-Za-z_])
      )
    | (?s:.++)
    )"""
    + _IGNORED,
    re.VERBOSE,
)
_ESCAPE: Final = re.compile(
    r"\\(?:u(D[89AB][0-9A-F]{2})\\u(D[C-F][0-9A-F]{2})|u([0-9A-F]{4})|u\{([0-9A-F]+)\}|(.))",
    re.IGNORECASE,
)
_ESCAPED: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_NEWLINE: Final = re.compile(r"\r\n|[\n\r]")
_NAMED: Final = {"true": True, "false": False, "null": None}
_NUMERIC: Final = frozenset("-0123456789")


class Malformed(ValueError):  # noqa: N818  # it never leaves the two modules
    """No executable document, or one beyond the bounds. Says nothing of what it holds."""


def tokens_of(document: str) -> list[str]:
    """Every token as it is written, and an empty one at the end."""
    leading = _LEADING.match(document)
    found: list[str] = _TOKEN.findall(document, leading.end() if leading else 0)
    if len(found) > MAX_TOKENS or "" in found:
        raise Malformed
    found.append("")
    return found


def literal(token: str) -> Any:
    """A name, text or number as JSON would have it; an enum's value is its name."""
    if token.isidentifier():
        return _NAMED.get(token, token)
    if token.startswith('"'):
        return text_of(token)
    if token[:1] not in _NUMERIC:
        raise Malformed
    try:
        return orjson.loads(token)  # the same grammar, and the same value as of a variable
    except orjson.JSONDecodeError:
        return token  # beyond a double: an id at most


def text_of(token: str) -> str:
    """What a string token says. Raises Malformed for an escape that stands for nothing."""
    if token.startswith('"""'):
        return _block(token[3:-3])
    return _ESCAPE.sub(_unescaped, token[1:-1]) if "\\" in token else token[1:-1]


def _unescaped(match: re.Match[str]) -> str:
    high, low, unit, point, character = match.groups()
    if character is not None:
        return _ESCAPED.get(character, character)
    if high is not None:
        return chr(0x10000 + ((int(high, 16) & 0x3FF) << 10) + (int(low, 16) & 0x3FF))
    code = int(unit or point, 16)
    if 0xD800 <= code <= 0xDFFF or code > 0x10FFFF:
        raise Malformed
    return chr(code)


def _block(raw: str) -> str:
    """The text without common indentation and without blank lines around it (section 2.9.4)."""
    lines = _NEWLINE.split(raw.replace('\\"""', '"""'))
    indents = [len(line) - len(line.lstrip(" \t")) for line in lines]
    filled = [place for place, line in enumerate(lines) if indents[place] < len(line)]
    if not filled:
        return ""
    common = min((indents[place] for place in filled if place), default=0)
    lines[1:] = [line[common:] for line in lines[1:]]
    return "\n".join(lines[filled[0] : filled[-1] + 1])
