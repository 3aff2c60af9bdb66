"""GraphQL over HTTP: what a request's mutation selects, and how each of it was answered.

Rules name mutation fields, clients name everything else. Read are the document, the variables and
the answer; the schema is not known, so nothing is validated: what the server rejected has no data.

Source: GraphQL specification, September 2025, sections 2, 6 and 7; GraphQL over HTTP draft, section
"Request Parameters" (`query`, `operationName`, `variables`).
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any, Final, NamedTuple

from frontdesk.graphql_lexer import Malformed
from frontdesk.graphql_parser import ABSENT, Definition, Node, Variable, parse

MAX_DOCUMENT_CHARS: Final = 64 * 1024
#: Selected by one operation.
MAX_FIELDS: Final = 64
#: Operations in one request.
MAX_BATCH: Final = 32

_FLAGS: Final = frozenset(("success", "ok"))
_ERRORS: Final = ("error", "errors", "errorcode", "errormessage")
_BAD_TYPES: Final = ("Failure", "Invalid")
_TYPE: Final = "__typename"
#: Relay's, which the server echoes whatever happens
_CLIENT_ID: Final = "clientMutationId"
_NO_ARGUMENTS: Final[Mapping[str, Any]] = {}


class Selected(NamedTuple):
    """A root field of the executed mutation.

    `key`: its key in the answer, which is the alias or the name. `name`: its name in the schema.
    `arguments`: values with variables put in; a variable that is absent takes its default, else the
    argument or the field of an object is left out, and an item of a list is None.
    """

    key: str
    name: str
    arguments: Mapping[str, Any]

    def __repr__(self) -> str:
        return f"Selected({self.key!r}, {self.name!r}, arguments={list(self.arguments)})"


class Operation(NamedTuple):
    """A root field that somebody asked for.

    `index`: its operation's place in a batch, None without one. `key`: its key in the answer; None
    of a persisted operation, whose text is unknown: `arguments` are then its variables. `name`: the
    one that was asked for, be it the field's or the operation's.
    """

    index: int | None  # type: ignore[assignment]  # in place of tuple's method
    key: str | None
    name: str
    arguments: Mapping[str, Any]

    def __repr__(self) -> str:
        told = f"{self.index!r}, {self.key!r}, {self.name!r}"
        return f"Operation({told}, arguments={list(self.arguments)})"


def mutations(
    document: str, variables: Mapping[str, Any], operation_name: str | None
) -> list[Selected]:
    """The root fields that a document's executed operation selects, if it is a mutation.

    Empty for a malformed document, one that lacks the operation, and beyond the bounds of this
    module, `graphql_parser` and `graphql_lexer`. Nothing raises.
    """
    return _executed(document, variables, operation_name)[1]


def operations(document: object, names: Container[str]) -> list[Operation]:
    """What a decoded request body selects of these names; a body that is a list is a batch.

    A name is that of a mutation field, or of an operation that selects one field and no named one.
    """
    if not isinstance(document, list):
        return _operations(None, document, names)
    if len(document) > MAX_BATCH:
        return []
    return [found for at, one in enumerate(document) for found in _operations(at, one, names)]


def answer(document: object, operation: Operation, names: Container[str]) -> tuple[object, bool]:
    """An operation's payload in a decoded answer, and whether it failed.

    `names` are those that `operations` was asked for: they tell a persisted operation's field.
    """
    result = document
    if operation.index is not None:
        results = document if isinstance(document, list) else []
        result = results[operation.index] if operation.index < len(results) else None
    data = result.get("data") if isinstance(result, dict) else None
    if not isinstance(result, dict) or not isinstance(data, dict):
        return None, True
    key = operation.key or _key(data, operation.name, names)
    payload = data.get(key)
    return payload, _is_failure(payload) or _is_blamed(key, result.get("errors"))


def _operations(index: int | None, request: object, names: Container[str]) -> list[Operation]:
    if not isinstance(request, dict):
        return []
    document, variables, name = map(request.get, ("query", "variables", "operationName"))
    name = name if isinstance(name, str) else None
    variables = variables if isinstance(variables, dict) else {}
    if document is None or document == "":
        return [Operation(index, None, name, variables)] if name and name in names else []
    if not isinstance(document, str):
        return []
    name, selected = _executed(document, variables, name)
    named = [one for one in selected if one.name in names]
    if named or name is None or name not in names:
        return [Operation(index, *one) for one in named]
    # Of several fields under a client's own name any may be the one that was meant.
    fields = [one for one in selected if not one.name.startswith("__")]
    return [Operation(index, one.key, name, one.arguments) for one in fields if len(fields) == 1]


def _executed(
    document: str, variables: Mapping[str, Any], operation_name: str | None
) -> tuple[str | None, list[Selected]]:
    """The executed mutation's name, and its fields."""
    if len(document) > MAX_DOCUMENT_CHARS or "mutation" not in document:
        return None, []
    try:
        definitions = parse(document)
        # Some clients send an empty name for none.
        chosen = [
            one
            for one in definitions
            if one.kind != "fragment" and (not operation_name or one.name == operation_name)
        ]
        if len(chosen) != 1 or chosen[0].kind != "mutation":
            return None, []
        return chosen[0].name, _collect(chosen[0], definitions, variables)
    except (Malformed, RecursionError):  # the app's own stack may be deep
        return None, []


def _collect(
    operation: Definition, definitions: list[Definition], variables: Mapping[str, Any]
) -> list[Selected]:
    """Fields by key in order of the document (section 6.3.2); a fragment counts once."""
    fragments = {one.name: one.selections for one in definitions if one.kind == "fragment"}
    values = {name: variables.get(name, default) for name, default in operation.variables.items()}
    found: dict[str, Selected] = {}
    pending = list(reversed(operation.selections))
    while pending:
        node = pending.pop()
        if node.directives and not _is_included(node, values):
            continue
        if node.key is None:
            inner = node.selections if node.name is None else fragments.pop(node.name, ())
            pending += reversed(inner)
        elif node.key not in found:
            arguments: dict[str, Any] = _resolved(node.arguments, values)
            found[node.key] = Selected(node.key, node.name or node.key, arguments)
            if len(found) > MAX_FIELDS:
                return []
    return list(found.values())


def _is_included(node: Node, values: Mapping[str, Any]) -> bool:
    """False if a directive leaves the selection out (sections 3.13.1 and 3.13.2)."""
    conditions = _resolved(node.directives, values)
    return not (
        conditions.get("skip", _NO_ARGUMENTS).get("if") is True
        or conditions.get("include", _NO_ARGUMENTS).get("if") is False
    )


def _resolved(value: Any, values: Mapping[str, Any]) -> Any:
    """A value with variables put in."""
    kind = type(value)
    if kind is Variable:
        return values.get(value.name, ABSENT)
    if kind is list:
        items = [_resolved(item, values) for item in value]
        return [None if item is ABSENT else item for item in items]
    if kind is dict:
        fields = [(name, _resolved(inner, values)) for name, inner in value.items()]
        return {name: inner for name, inner in fields if inner is not ABSENT}
    return value


def _key(data: Mapping[str, Any], name: str, names: Container[str]) -> str:
    """The key of a persisted operation's field: its name, a name asked for, or the only key."""
    if name in data:
        return name
    keys = [key for key in data if key in names] or [key for key in data if key != _TYPE]
    return keys[0] if len(keys) == 1 else ""


def _is_blamed(key: str, errors: object) -> bool:
    """True when an error's path leads into the field (section 7.1.2)."""
    if not isinstance(errors, list):
        return False
    paths = [error.get("path") for error in errors if isinstance(error, dict)]
    return any(isinstance(path, list) and path[:1] == [key] for path in paths)


def _is_failure(payload: object) -> bool:
    """True for a payload that is null, false or empty, or that tells an error or nothing at all."""
    if not isinstance(payload, dict) or not payload:
        return not payload
    told = []
    for name, value in payload.items():
        if name == _TYPE:
            if isinstance(value, str) and ("Error" in value or value.endswith(_BAD_TYPES)):
                return True
        elif name.replace("_", "").lower().endswith(_ERRORS):
            if any(value.values()) if isinstance(value, dict) else value:
                return True
        elif name in _FLAGS and value is False:
            return True
        elif name != _CLIENT_ID:
            told.append(value)
    return bool(told) and all(_is_empty(value) for value in told)


def _is_empty(value: object) -> bool:
    # A flag that is false tells something, such as that no confirmation is required.
    return value is None or (isinstance(value, str | list | dict) and not value)
