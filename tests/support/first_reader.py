"""The reader of the first format, as it was at commit a962b42: what it makes of a line today.

Frozen. A line that this reader takes for another customer, time or trait would break every sidecar
of that version beside a newer web process.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import orjson

IDENTIFIED = "Identified"


class MalformedMessage(Exception):  # noqa: N818 - as it was
    """A line is no identify message; its text is the field that is wrong."""


@dataclass(frozen=True, slots=True, repr=False)
class Identify:
    """One identified customer."""

    message_id: str
    timestamp: datetime
    user_id: str
    traits: Mapping[str, object]
    event: str = IDENTIFIED
    route: str | None = None
    site: str | None = None
    counts: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def decode(cls, line: bytes) -> Identify:
        """Read one line back; unknown fields are ignored, so that a newer writer is understood.

        Raises MalformedMessage, which names the field.
        """
        try:
            message = orjson.loads(line)
        except orjson.JSONDecodeError:
            raise MalformedMessage("json") from None
        if not isinstance(message, dict) or message.get("type") != "identify":
            raise MalformedMessage("type")
        traits = message.get("traits")
        if not isinstance(traits, dict):
            raise MalformedMessage("traits")
        context = message.get("context")
        if not isinstance(context, dict):
            context = {}
        return cls(
            message_id=_text(message, "messageId"),
            timestamp=_moment(message.get("timestamp")),
            user_id=_text(message, "userId"),
            traits=traits,
            event=_optional_text(context, "event") or IDENTIFIED,
            route=_optional_text(context, "route"),
            site=_optional_text(context, "site"),
            counts=_counts(context.get("counts")),
        )


def _text(message: Mapping[str, object], name: str) -> str:
    value = message.get(name)
    if not isinstance(value, str) or not value:
        raise MalformedMessage(name)
    return value


def _optional_text(context: Mapping[str, object], name: str) -> str | None:
    value = context.get(name)
    return value if isinstance(value, str) else None


def _moment(value: object) -> datetime:
    """An ISO 8601 time with an offset; without one nobody knows which moment is meant."""
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            moment = None
        if moment is not None and moment.tzinfo is not None:
            try:
                return moment.astimezone(UTC)
            except OverflowError:
                pass
    raise MalformedMessage("timestamp")


def _counts(value: object) -> dict[str, int]:
    if not isinstance(value, dict):
        return {}
    return {
        name: number
        for name, number in value.items()
        if isinstance(name, str) and isinstance(number, int) and number > 0
    }
