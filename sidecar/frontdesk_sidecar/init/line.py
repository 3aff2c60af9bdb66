"""What is proposed for one attribute, and for an object as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from frontdesk_sidecar.metadata import Item, Metadata, Navigation, Property

Attribute: TypeAlias = Property | Navigation


@dataclass(frozen=True, slots=True)
class Line:
    """One attribute.

    `expression` is what it would be given; it is sent if `is_sent`, with customers of `event` alone
    if that is named. `note` is for who reads the file. `decision` says what only a person can know.
    """

    to: Attribute
    expression: str = ""
    is_sent: bool = False
    event: str | None = None
    note: str = ""
    decision: str = ""

    @property
    def name(self) -> str:
        """The attribute's."""
        return self.to.name


@dataclass(frozen=True, slots=True)
class Proposal:
    """A line for every attribute of an item that can be written, in their order."""

    entity_set: str
    item: Item
    metadata: Metadata
    lines: tuple[Line, ...]

    @property
    def undecided(self) -> tuple[Line, ...]:
        """The lines of which a person must say whether they are right."""
        return tuple(line for line in self.lines if line.decision)

    def sent(self, event: str | None = None) -> dict[str, str]:
        """The mapping, or what an event adds to it."""
        return {
            line.name: line.expression
            for line in self.lines
            if line.is_sent and line.event == event
        }

    @property
    def events(self) -> tuple[str, ...]:
        """The events that have lines of their own."""
        events = (line.event for line in self.lines if line.event is not None)
        return tuple(dict.fromkeys(events))


def is_needed(to: Attribute) -> bool:
    """Whether SAP refuses a new item without the attribute."""
    return to.is_unique or not to.nullable


def kind(to: Attribute, metadata: Metadata) -> str:
    """The attribute's type for people: `String, key` or `list of PrincipalGroup by uid`."""
    if isinstance(to, Navigation):
        target = metadata.items.get(to.target)
        key = ", ".join(target.key) if target is not None else ""
        text = f"{'list of ' if to.many else 'reference to '}{to.target or 'an unknown item'}"
        text += f" by {key}" if key else ""
    else:
        text = to.type.removeprefix("Edm.")
        text += "" if to.max_length is None else f"({to.max_length})"
        text += ", localised" if to.is_localized else ""
    if to.is_unique:
        return f"{text}, key"
    return text if to.nullable else f"{text}, required"


def as_data(line: Line, item: Item, metadata: Metadata) -> Mapping[str, Any]:
    """A line as JSON for a script."""
    to = line.to
    is_reference = isinstance(to, Navigation)
    return {
        "attribute": line.name,
        "type": None if isinstance(to, Navigation) else to.type,
        "reference": to.target if isinstance(to, Navigation) else None,
        "many": is_reference and getattr(to, "many", False),
        "key": to.name in item.key,
        "required": not to.nullable,
        "localised": not isinstance(to, Navigation) and to.is_localized,
        "kind": kind(to, metadata),
        "mapped_from": line.expression if line.is_sent else None,
        "suggested": line.expression or None,
        "event": line.event,
        "note": line.note,
        "decision": line.decision,
    }
