r"""The GraphQL language as far as clients send it: a document's operations and fragments.

Type systems are not read: no server executes a document that has one. A document that the grammar
does not allow raises `Malformed`; what only validation would find does not. Time is linear.

Source: GraphQL specification, September 2025, section 2 and appendix B. As in the reference
implementation a selection set may be empty, and `\u{…}` has up to eight digits.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import orjson

#: Selection sets and values inside each other; people write five.
MAX_DEPTH: Final = 64
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
_OPERATIONS: Final = frozenset(("query", "mutation", "subscription"))

#: What a variable without a value stands for.
ABSENT: Final = object()


class Malformed(ValueError):  # noqa: N818  # it never leaves the two modules
    """No executable document, or one beyond the bounds. Says nothing of what it holds."""


class Variable(NamedTuple):
    """A variable where a value is expected; it may be inside lists and dicts."""

    name: str


class Node(NamedTuple):
    """A selection: a field has a key, a spread only a name, an inline fragment neither."""

    key: str | None
    name: str | None
    arguments: Mapping[str, Any]
    directives: Mapping[str, Mapping[str, Any]]
    selections: Sequence[Node]


class Definition(NamedTuple):
    """An operation or a fragment. `variables`: each with its default, or ABSENT."""

    kind: str
    name: str | None
    variables: Mapping[str, Any]
    selections: Sequence[Node]


def parse(document: str) -> list[Definition]:
    """All definitions of a document. Raises Malformed."""
    return _Parser(_tokens(document)).document()


def _tokens(document: str) -> list[str]:
    """Every token as it is written, and an empty one at the end."""
    leading = _LEADING.match(document)
    found: list[str] = _TOKEN.findall(document, leading.end() if leading else 0)
    if len(found) > MAX_TOKENS or "" in found:
        raise Malformed
    found.append("")
    return found


class _Parser:
    """Recursive descent. Each method takes what it is named for; `_at` is the next token."""

    __slots__ = ("_at", "_depth", "_tokens")

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._at = self._depth = 0

    def document(self) -> list[Definition]:
        found = [self._definition()]
        while self._tokens[self._at]:
            found.append(self._definition())
        return found

    def _definition(self) -> Definition:
        word = self._tokens[self._at]
        if word == "{":
            return Definition("query", None, {}, self._selections())
        self._at += 1
        if word.startswith('"'):
            _text(word)
            word = self._take()
        if word == "fragment":
            return self._fragment()
        if word not in _OPERATIONS:
            raise Malformed
        name = self._name() if self._tokens[self._at].isidentifier() else None
        variables = self._variables()
        self._directives()
        return Definition(word, name, variables, self._selections())

    def _fragment(self) -> Definition:
        name = self._name()
        self._expect("on")
        self._name()
        self._directives()
        if name == "on":
            raise Malformed
        return Definition("fragment", name, {}, self._selections())

    def _variables(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if not self._skip("("):
            return found
        while not found or not self._skip(")"):
            if self._tokens[self._at].startswith('"'):
                _text(self._take())
            self._expect("$")
            name = self._name()
            self._expect(":")
            self._type()
            start = self._at
            found[name] = self._value() if self._skip("=") else ABSENT
            self._directives()
            if "$" in self._tokens[start : self._at]:
                raise Malformed
        return found

    def _type(self) -> None:
        lists = 0
        while self._skip("["):
            lists += 1
        self._name()
        self._skip("!")
        for _ in range(lists):
            self._expect("]")
            self._skip("!")

    def _selections(self) -> list[Node]:
        self._expect("{")
        self._enter()
        found = []
        while (word := self._take()) != "}":
            found.append(self._spread() if word == "..." else self._field(word))
        self._depth -= 1
        return found

    def _field(self, key: str) -> Node:
        if not key.isidentifier():
            raise Malformed
        name = self._name() if self._skip(":") else key
        arguments = self._arguments()
        directives = self._directives()
        selections = self._selections() if self._tokens[self._at] == "{" else ()
        return Node(key, name, arguments, directives, selections)

    def _spread(self) -> Node:
        word = self._tokens[self._at]
        if word.isidentifier():
            self._at += 1
            if word != "on":
                return Node(None, word, {}, self._directives(), ())
            self._name()
        directives = self._directives()
        return Node(None, None, {}, directives, self._selections())

    def _arguments(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if not self._skip("("):
            return found
        while not found or not self._skip(")"):
            name = self._name()
            self._expect(":")
            found[name] = self._value()
        return found

    def _directives(self) -> dict[str, Mapping[str, Any]]:
        found: dict[str, Mapping[str, Any]] = {}
        while self._skip("@"):
            name = self._name()
            found[name] = self._arguments()
        return found

    def _value(self) -> Any:
        word = self._take()
        if word == "$":
            return Variable(self._name())
        if word not in ("[", "{"):
            return _literal(word)
        self._enter()
        value = self._list() if word == "[" else self._object()
        self._depth -= 1
        return value

    def _list(self) -> list[Any]:
        found = []
        while not self._skip("]"):
            found.append(self._value())
        return found

    def _object(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not self._skip("}"):
            name = self._name()
            self._expect(":")
            found[name] = self._value()
        return found

    def _enter(self) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise Malformed

    def _take(self) -> str:
        word = self._tokens[self._at]
        self._at += 1
        return word

    def _name(self) -> str:
        word = self._take()
        if not word.isidentifier():
            raise Malformed
        return word

    def _skip(self, token: str) -> bool:
        if self._tokens[self._at] != token:
            return False
        self._at += 1
        return True

    def _expect(self, token: str) -> None:
        if self._take() != token:
            raise Malformed


def _literal(token: str) -> Any:
    """A name, text or number as JSON would have it; an enum's value is its name."""
    if token.isidentifier():
        return _NAMED.get(token, token)
    if token.startswith('"'):
        return _text(token)
    if token[:1] not in _NUMERIC:
        raise Malformed
    try:
        return orjson.loads(token)  # the same grammar, and the same value as of a variable
    except orjson.JSONDecodeError:
        return token  # beyond a double: an id at most


def _text(token: str) -> str:
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
