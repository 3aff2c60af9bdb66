"""The errors that frontdesk raises on the web side.

    FrontdeskError
    ├── ConfigurationError   who starts the app must change the configuration
    └── MalformedMessage     a journal line that is no identify message

Nothing is ever raised into a request: there, errors are counted.
"""

from __future__ import annotations

from collections.abc import Iterable


class FrontdeskError(Exception):
    """Base of every error of this package."""


class ConfigurationError(FrontdeskError):
    """One or more settings are wrong; `problems` has a line for each, never with a secret."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems: tuple[str, ...] = tuple(problems)
        super().__init__("\n".join(self.problems))


class MalformedMessage(FrontdeskError):  # noqa: N818 - it is the message that is wrong
    """A line is no identify message; `field` names what is wrong with it, never its value."""

    def __init__(self, field: str) -> None:
        self.field = field
        super().__init__(f"not an identify message: {field}")
