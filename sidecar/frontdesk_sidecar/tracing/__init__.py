"""Traces: each attempt to deliver is a span of the trace that the shopper's request was in.

Without an exporter nothing is recorded here: the trace of the request goes on to SAP in
`traceparent`, with a span id of its own for each attempt. See `export` for what is told of it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from frontdesk.trace_context import child


@dataclass(frozen=True, slots=True)
class Ending:
    """What an attempt came to; nothing of the customer.

    `message_id` is SAP's `integrationMessageId`, `status` the one of HTTP if there was an answer.
    """

    outcome: str
    code: str
    message_id: str
    status: int | None = None

    @property
    def is_fine(self) -> bool:
        """Whether SAP took the customer."""
        return self.outcome == "delivered"


class Span(Protocol):
    """One attempt under way. `traceparent` goes to SAP with it; None where there is no trace."""

    @property
    def traceparent(self) -> str | None:
        """The header's value."""

    def end(self, ending: Ending) -> None:
        """The attempt is over."""


class Tracer(Protocol):
    """Begins spans."""

    def begin(self, parent: str | None, target: str) -> Span:
        """An attempt for a target, within the trace of `parent` if there is one."""


@dataclass(frozen=True, slots=True)
class Passed:
    """A span that nobody records."""

    traceparent: str | None

    def end(self, ending: Ending) -> None:
        """Nobody wants to know."""


_NO_SPAN: Final = Passed(None)


class Passing:
    """The tracer without an exporter: hands on what came, and begins no trace of its own."""

    def __init__(self, new_id: Callable[[], str] = lambda: os.urandom(8).hex()) -> None:
        self._new_id = new_id

    def begin(self, parent: str | None, target: str) -> Span:
        """See `Tracer`; costs nothing where there is no trace."""
        return _NO_SPAN if parent is None else Passed(child(parent, self._new_id()))


PASSING: Final = Passing()
