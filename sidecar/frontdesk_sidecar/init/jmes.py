"""Pieces of JMESPath, as the proposed mapping is made of them."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Final

#: What an attribute must be called for a mapping to hold it; also a field of JMESPath.
_FIELD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
#: Literals without anything that would have to be escaped; others are not proposed.
_PLAIN: Final = re.compile(r"[A-Za-z0-9 _.@:+-]{1,128}")
NOTHING: Final = "`null`"
_EMPTY: Final = "''"


def is_field(name: str) -> bool:
    """Whether a name can be an attribute of a mapping."""
    return _FIELD.fullmatch(name) is not None


def is_plain(text: str) -> bool:
    """Whether a text can be a literal."""
    return _PLAIN.fullmatch(text) is not None


def literal(text: str) -> str:
    """A constant text; only for what `is_plain`."""
    return f"'{text}'"


def default(expression: str, instead: str) -> str:
    """The value, or another one where there is none."""
    return f"default({expression}, {instead})"


def one(key: Sequence[tuple[str, str]]) -> str:
    """An object: the key of what is referred to."""
    inside = ", ".join(f"{_name(name)}: {expression}" for name, expression in key)
    return f"{{{inside}}}"


def several(referred: str) -> str:
    """A list with one object."""
    return f"[{referred}]"


def wrapped(trait: str) -> str:
    """A list of simple values, each as SAP wants it; nothing for what is no list."""
    return f"{trait}[].{{value: @}}"


def among(trait: str, codes: Sequence[str], key: str, instead: str) -> str:
    """The trait as a reference if it is one of the codes, else `instead`.

    What is not there must not be `false`, which would be sent.
    """
    known = ", ".join(map(literal, codes))
    return f"(contains([{known}], {trait}) && {one([(key, trait)])}) || {instead}"


def by_beginning(trait: str, codes: Sequence[str], key: str, instead: str) -> str:
    """The code that the trait begins with as a reference: `en` for `en-US`; else `instead`."""
    longest_first = sorted(codes, key=lambda code: (-len(code), code))
    choices = (
        f"(starts_with({default(trait, _EMPTY)}, {literal(code)}) && {one([(key, literal(code))])})"
        for code in longest_first
    )
    return " || ".join((*choices, instead))


def _name(name: str) -> str:
    return name if is_field(name) else json.dumps(name)
