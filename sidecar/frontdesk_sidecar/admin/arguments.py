"""The arguments of an operation: a JSON object, read strictly.

What is wrong is named by the argument, never by its value: values are keys of customers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

MAX_TEXT: Final = 320


class BadArgument(ValueError):  # noqa: N818 - says what is the case
    """An argument is missing, unknown or not of its kind; the text names it and what it takes."""


def only(arguments: Mapping[str, Any], *known: str) -> None:
    """Raises BadArgument when there is an argument that is not known."""
    if not arguments.keys() <= set(known):
        # Not even its name is repeated: somebody may have put an address there.
        raise BadArgument(f"an argument is not known; known are {', '.join(known)}")


def text(arguments: Mapping[str, Any], name: str) -> str | None:
    """A text that is not blank, trimmed; None when it is not given. Raises BadArgument."""
    value = arguments.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not value.strip() or len(value) > MAX_TEXT:
        raise BadArgument(f"{name}: expected text of up to {MAX_TEXT} characters")
    return value.strip()


def needed_text(arguments: Mapping[str, Any], name: str) -> str:
    """The same, and it must be given. Raises BadArgument."""
    value = text(arguments, name)
    if value is None:
        raise BadArgument(f"{name}: is required")
    return value


def flag(arguments: Mapping[str, Any], name: str) -> bool:
    """True or false; false when it is not given. Raises BadArgument."""
    value = arguments.get(name, False)
    if not isinstance(value, bool):
        raise BadArgument(f"{name}: expected true or false")
    return value


def number(arguments: Mapping[str, Any], name: str, default: int, most: int) -> int:
    """A whole number from 1 to `most`. Raises BadArgument."""
    value = arguments.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise BadArgument(f"{name}: expected a whole number from 1 to {most}")
    return value
