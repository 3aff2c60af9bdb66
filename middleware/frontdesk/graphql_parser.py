"""GraphQL documents: operations and fragments, and what their fields are given.

Source: GraphQL specification, September 2025, section 2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from frontdesk.graphql_lexer import Malformed, literal, text_of, tokens_of

#: Selection sets and values inside each other; people write five.
MAX_DEPTH: Final = 64
_OPERATIONS: Final = frozenset(("query", "mutation", "subscription"))
#: What a variable without a value stands for.
ABSENT: Final = object()


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
    return _Parser(tokens_of(document)).document()


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
            text_of(word)
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
                text_of(self._take())
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
            return literal(word)
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
