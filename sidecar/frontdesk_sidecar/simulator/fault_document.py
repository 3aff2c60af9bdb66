"""Reads the JSON of `POST /_sim/faults`, and says exactly what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from frontdesk_sidecar.simulator.faults import ActiveFault, Fault

Check = Callable[[object], bool]


class FaultDocumentError(ValueError):
    """The faults cannot be taken; the text names the field."""


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_positive_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_duration(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 3600


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_headers(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(one, str) for one in value.values())


def _is_one_of(*choices: str) -> Check:
    return lambda value: value in choices


# Field in JSON: attribute of Fault, what is expected, the check.
_Field = tuple[str, str, Check]
_WHEN: Final[_Field] = ("when", '"before" or "after"', _is_one_of("before", "after"))
_COMMON: Final[dict[str, _Field]] = {
    "on": ("on", '"token", "odata" or "all"', _is_one_of("token", "odata", "all")),
    "times": ("times", "an integer from 1", _is_positive_integer),
    "match": ("match", "a uid", _is_text),
    "every": ("every", "an integer from 1", _is_positive_integer),
    "probability": (
        "probability",
        "a number from 0 to 1",
        lambda value: _is_number(value) and 0 <= value <= 1,  # type: ignore[operator] # checked
    ),
    "seed": ("seed", "an integer", lambda value: isinstance(value, int)),
}
_OF_KIND: Final[dict[str, dict[str, _Field]]] = {
    "latency": {"seconds": ("seconds", "seconds from 0 to 3600", _is_duration), "when": _WHEN},
    "status": {
        "status": (
            "status",
            "an HTTP status from 200 to 599",
            lambda value: _is_positive_integer(value) and 200 <= value <= 599,  # type: ignore[operator] # checked
        ),
        "body": ("body", "a string or a JSON object", lambda value: isinstance(value, str | dict)),
        "contentType": ("content_type", "a media type", _is_text),
        "headers": ("headers", "an object of strings", _is_headers),
        "code": ("code", "an error code", _is_text),
        "message": ("message", "a text", _is_text),
        "when": _WHEN,
        "parts": ("parts", "true or false", lambda value: isinstance(value, bool)),
    },
    "drop": {"when": _WHEN},
    "throttle": {
        "threshold": ("threshold", "an integer from 1", _is_positive_integer),
        "cooldown": ("cooldown", "seconds from 0 to 3600", _is_duration),
        "interval": ("interval", "seconds from 0 to 3600", _is_duration),
    },
    "maintenance": {},
    "login": {},
    "blocked": {},
    "timeout": {"seconds": ("seconds", "seconds from 0 to 3600", _is_duration), "when": _WHEN},
    "stale": {"when": _WHEN},
    "deadlock": {"when": _WHEN},
    "ambiguous": {"when": _WHEN},
    "clock": {"seconds": ("seconds", "a number of seconds", _is_number)},
}
_NEEDED: Final = {"latency": "seconds", "status": "status", "clock": "seconds"}


KINDS: Final = {kind: tuple(fields) for kind, fields in _OF_KIND.items()}
"""The kinds of faults with the fields of their own."""


def parse_faults(document: object) -> list[ActiveFault]:
    """The faults of a JSON list, or of an object `{"faults": [...]}`.

    Raises `FaultDocumentError`.
    """
    if isinstance(document, dict):
        if document.keys() != {"faults"}:
            raise FaultDocumentError('expected a list of faults, or {"faults": [...]}')
        document = document["faults"]
    if not isinstance(document, list):
        raise FaultDocumentError("expected a list of faults")
    return [_active(entry, f"faults[{number}]") for number, entry in enumerate(document)]


def _active(entry: object, where: str) -> ActiveFault:
    if not isinstance(entry, dict):
        raise FaultDocumentError(f"{where}: expected a JSON object")
    kind = entry.get("kind")
    if kind not in _OF_KIND:
        raise FaultDocumentError(f"{where}.kind: expected one of {', '.join(_OF_KIND)}")
    if (needed := _NEEDED.get(kind)) and needed not in entry:
        raise FaultDocumentError(f"{where}.{needed}: a {kind} fault needs it")
    if {"every", "probability"} <= entry.keys():
        raise FaultDocumentError(f"{where}.every: not together with probability")
    fields = _values(entry, {**_COMMON, **_OF_KIND[kind]}, kind, where)
    return ActiveFault(Fault(kind=kind, **fields), entry)


def _values(
    entry: dict[str, object], known: dict[str, _Field], kind: str, where: str
) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in entry.items():
        if name == "kind":
            continue
        if name not in known:
            fields = ", ".join(sorted(known))
            raise FaultDocumentError(
                f"{where}.{name}: unknown field; a {kind} fault knows {fields}"
            )
        attribute, expected, check = known[name]
        if not check(value):
            raise FaultDocumentError(f"{where}.{name}: expected {expected}")
        values[attribute] = value
    return values
