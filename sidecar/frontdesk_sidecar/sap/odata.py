"""The parts of OData V2 that are text: error bodies, string literals, keys.

Sources: "OData Version 2.0" (URI Conventions, JSON and Atom formats) and the SAP Help topics
"Integration Key" and "Error Messages" of the Integration API Module.
"""

import xml.parsers.expat
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, quote_plus, unquote, unquote_plus

import orjson

MAX_ERROR_BYTES: Final = 65_536
"""An error body larger than this is not read."""

KNOWN_CODES: Final = frozenset(
    [
        "batch_limit_exceeded",
        "deletion_failure",
        "forbidden",
        "hook_not_found",
        "inaccessible_integration_object",
        "internal_error",
        "invalid_attribute_value",
        "invalid_key",
        "invalid_key_definition",
        "invalid_language",
        "invalid_property",
        "invalid_property_definition",
        "method_not_allowed",
        "misconfigured_attribute",
        "missing_key",
        "missing_nav_property",
        "missing_property",
        "not_found",
        "odata_error",
        "post_persist_error",
        "pre_persist_error",
        "runtime_error",
        "schema_generation_error",
        "unknown_error",
    ]
)
"""The ``code`` values SAP documents for writing (topic "Error Messages")."""


@dataclass(frozen=True, slots=True)
class ODataError:
    """What an OData V2 error body says, as sent and not cleaned of customer values.

    ``innererror`` is SAP's integration key of the record, or whatever text an object there holds
    at its top level. Every field may be empty.
    """

    code: str
    message: str = field(repr=False)
    innererror: str = field(repr=False)


def read_error(body: bytes) -> ODataError | None:
    """Read an OData V2 error document, JSON or XML; None when the body is not one.

    Never raises. Olingo answers in XML when it cannot satisfy ``Accept``, so both forms are tried
    whatever the media type says.
    """
    if not body or len(body) > MAX_ERROR_BYTES:
        return None
    return _read_json(body) or _read_xml(body)


def _read_json(body: bytes) -> ODataError | None:
    try:
        document = orjson.loads(body)
    except ValueError:
        return None
    error = document.get("error") if isinstance(document, dict) else None
    if not isinstance(error, dict):
        return None
    return ODataError(
        _text(error.get("code")), _text(error.get("message")), _text(error.get("innererror"))
    )


def _text(value: Any) -> str:
    """The text of ``value``, ``{"value": …}`` or ``{"message": …}``; empty for anything else."""
    if isinstance(value, dict):
        value = value.get("value", value.get("message"))
    return value if isinstance(value, str) else ""


class _NotAnError(Exception):
    """Stops the parser as soon as the document cannot be an OData error."""


class _ErrorReader:
    """Collects the text of code, message and innererror below a root element ``error``."""

    def __init__(self) -> None:
        self._path: list[str] = []
        self._texts: dict[str, list[str]] = {}

    def start(self, name: str, _attributes: dict[str, str]) -> None:
        local = name.rpartition(":")[2]
        if not self._path and local != "error":
            raise _NotAnError
        self._path.append(local)

    def end(self, _name: str) -> None:
        self._path.pop()

    def characters(self, text: str) -> None:
        if len(self._path) >= 2:
            self._texts.setdefault(self._path[1], []).append(text)

    def refuse(self, *_: object) -> None:
        raise _NotAnError

    def text(self, name: str) -> str:
        return "".join(self._texts.get(name, ())).strip()


def _read_xml(body: bytes) -> ODataError | None:
    reader = _ErrorReader()
    parser = xml.parsers.expat.ParserCreate()
    # Entities need a document type declaration; without one there is nothing to expand or fetch.
    parser.StartDoctypeDeclHandler = reader.refuse
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.characters
    try:
        parser.Parse(body, True)
    except (_NotAnError, xml.parsers.expat.ExpatError, ValueError, LookupError):
        return None
    return ODataError(reader.text("code"), reader.text("message"), reader.text("innererror"))


def string_literal(value: str) -> str:
    """``O'Brien`` as ``'O''Brien'``, for ``$filter``; not yet percent-encoded."""
    return "'" + value.replace("'", "''") + "'"


def read_string_literal(literal: str) -> str:
    """The opposite of `string_literal`. Raises ``ValueError`` when it is not one literal."""
    inner = literal[1:-1]
    if len(literal) < 2 or literal[0] != "'" or literal[-1] != "'":
        raise ValueError("not an OData string literal")
    if "'" in inner.replace("''", ""):
        raise ValueError("a quote inside an OData string literal must be doubled")
    return inner.replace("''", "'")


def integration_key(values: Sequence[str]) -> str:
    """SAP's ``integrationKey`` of key values in alias order: ``Staged|Default|p%7C1``.

    Each value is form-encoded the way Java's ``URLEncoder`` does it, so that ``|`` only separates:
    letters, digits and ``.-_*`` stay, a space becomes ``+``. A lone surrogate becomes ``?``.
    """
    return "|".join(map(_form_encoded, values))


def _form_encoded(value: str) -> str:
    return quote_plus(value, safe="*", errors="replace").replace("~", "%7E")


def read_integration_key(key: str) -> tuple[str, ...]:
    """The values in an ``integrationKey``, decoded; empty ones stand for absent values."""
    return tuple(unquote_plus(segment) for segment in key.split("|"))


def key_predicate(key: str) -> str:
    """The address part ``('jane.doe%2540example.com')`` for an ``integrationKey``.

    The key is encoded once more as Olingo writes links: letters, digits, ``-._~`` and ``'`` stay,
    and a ``'`` is doubled. With a single encoding ``+`` and ``%`` would not survive.
    """
    literal = quote(string_literal(key), safe="'", errors="replace")
    return f"({literal})"


def read_key_predicate(predicate: str) -> str:
    """The opposite of `key_predicate`. Raises ``ValueError`` when it is not one string key."""
    if not (predicate.startswith("(") and predicate.endswith(")")):
        raise ValueError("not an OData key predicate")
    return read_string_literal(unquote(predicate[1:-1]))
