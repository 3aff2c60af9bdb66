"""One delivery as a person follows it: event, traits, payload, answer. Pure, and all masked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from frontdesk.traits import mask
from frontdesk_sidecar.sap.outcome import Outcome
from frontdesk_sidecar.store import Claim, Dead, Release, Retry, Settlement

#: More of a list, or of an object, is not shown.
_MOST: Final = 40
_DEPTH: Final = 8
#: What a member is called; anything else could be a value.
_NAME: Final = re.compile(r"[A-Za-z_@][A-Za-z0-9_.\- ]{0,63}")
_EVENT_CHARS: Final = 64


def veiled(value: object, depth: int = 0) -> Any:
    """JSON with every value masked; what holds them, and its names, stay as they are."""
    if depth > _DEPTH:
        return "•••"
    if isinstance(value, Mapping):
        members = list(value.items())[:_MOST]
        return {veiled_name(str(name)): veiled(one, depth + 1) for name, one in members}
    if isinstance(value, list | tuple):
        return [veiled(one, depth + 1) for one in value[:_MOST]]
    return None if value is None else mask(value)


def veiled_name(name: str) -> str:
    """The name of a member as it is, or masked where it looks like a value."""
    return name if _NAME.fullmatch(name) else mask(name)


def entry(
    claim: Claim,
    payload: Mapping[str, object] | Outcome | None,
    outcome: Outcome,
    settlement: Settlement,
    *,
    now_us: int,
    seconds: float,
) -> dict[str, Any]:
    """What became of one customer; `payload` None where it is not known what was sent."""
    who = claim.customer
    return {
        "at": now_us // 1000,
        "target": claim.target,
        "customer": mask(claim.key),
        "userId": None if who.user_id is None else mask(who.user_id),
        "event": (who.event or "")[:_EVENT_CHARS],
        "site": (who.site or "")[:_EVENT_CHARS],
        "timestamp": who.timestamp,
        "traits": veiled(who.traits),
        "payload": veiled(payload) if isinstance(payload, Mapping) else None,
        "outcome": str(outcome.kind),
        "code": outcome.code,
        "text": outcome.text,
        "advice": outcome.advice,
        "seconds": round(seconds, 4),
        "attempts": claim.attempts + 1,
        **_next(settlement),
    }


def _next(settlement: Settlement) -> dict[str, Any]:
    """What follows, and the id by which the Backoffice's monitoring finds the attempt."""
    if isinstance(settlement, Dead):
        return {"next": "dead", "messageId": settlement.message_id}
    if isinstance(settlement, Retry):
        due_ms = settlement.due_at // 1000
        return {"next": "retry", "dueAt": due_ms, "messageId": settlement.message_id}
    if isinstance(settlement, Release):
        return {"next": "again", "messageId": ""}
    return {"next": "settled", "messageId": ""}
