"""One Segment message: whom it identifies, or why it identifies nobody.

Source: https://segment.com/docs/connections/spec/ (identify, track, common fields). `Signed Up` and
`Signed In` are the names of https://segment.com/docs/connections/spec/b2b-saas/.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypeAlias

from frontdesk.event import EVENTS, IDENTIFIED, LOGGED_IN, SIGNED_UP, Identify
from frontdesk.privacy import Privacy
from frontdesk.traits import clean, email
from frontdesk_sidecar.ingest.times import corrected, moment
from frontdesk_sidecar.ingest.traits import address_in, plain

KINDS: Final = ("identify", "track", "page", "screen", "group", "alias")
#: What a message that cannot be told is counted as.
OTHER: Final = "other"
#: The tracked events that identify somebody, and what they are here.
TRACKED: Final = {"Signed Up": SIGNED_UP, "Signed In": LOGGED_IN, "Logged In": LOGGED_IN}

#: What becomes of a message: a customer; nothing, as it is not for that; nothing, as it holds no
#: address, or none that anybody can have; nothing, as it is not what the spec says.
TAKEN: Final = "taken"
IGNORED: Final = "ignored"
ANONYMOUS: Final = "anonymous"
UNUSABLE: Final = "unusable"
REFUSED: Final = "refused"
VERDICTS: Final = (TAKEN, IGNORED, ANONYMOUS, UNUSABLE, REFUSED)

#: Longer ones than any SDK makes.
_MAX_ID_CHARS: Final = 256

Message: TypeAlias = Mapping[str, Any]


class NotTaken(Exception):  # noqa: N818 - says what is the case
    """A message that becomes no customer: the verdict, the field it is about, and why.

    The texts name the field and never tell its value.
    """

    def __init__(self, verdict: str, name: str = "", why: str = "") -> None:
        self.verdict = verdict
        self.name = name
        self.why = why
        super().__init__(verdict, name, why)


def refusal(name: str, why: str) -> NotTaken:
    """What is raised where a field is not what the spec says."""
    return NotTaken(REFUSED, name, why)


@dataclass(frozen=True, slots=True)
class Envelope:
    """What messages of one request share.

    `received`: when it came, by our clock, and `sent`, by the client's. `id`: the beginning of
    the ids of messages that have none. `context` is merged with each message's own. `trace` is the
    request's `traceparent`.
    """

    received: datetime
    id: str
    sent: datetime | None = None
    context: Message = field(default_factory=dict)
    site: str | None = None
    privacy: Privacy = field(default_factory=Privacy)
    trace: str | None = None


def kind_of(message: object, named: str | None) -> str:
    """The kind that the path named, or that the message names itself. Raises NotTaken."""
    if not isinstance(message, dict):
        raise refusal("", "expected an object")
    kind = named or message.get("type")
    if not isinstance(kind, str) or kind not in KINDS:
        raise refusal("type", f"expected one of {', '.join(KINDS)}")
    return kind


def identified(message: Message, kind: str, number: int, envelope: Envelope) -> Identify:
    """Whom a message of that kind identifies. Raises NotTaken."""
    if kind not in ("identify", "track"):
        raise NotTaken(IGNORED)
    tracked = _tracked(message) if kind == "track" else None
    context = {**envelope.context, **_table(message, "context")}
    own = _table(message, "traits") if tracked is None else {}
    more = _table(context, "traits", "context.")
    user_id = _user_id(message)
    address = _address(own, more, user_id)
    # More than one address may be told; the one that was found is the customer's.
    traits = {**plain(more), **plain(own), "email": address}
    return Identify(
        _text(message, "messageId") or f"{envelope.id}-{number}",
        _time(message, envelope),
        *envelope.privacy.protect(user_id or address.lower(), traits),
        event=tracked or _event_of(context),
        route=f"POST /v1/{kind}",
        site=_text(context, "site") or envelope.site,
        traceparent=envelope.trace,
    )


def _tracked(message: Message) -> str:
    event = message.get("event")
    if not isinstance(event, str) or not event:
        raise refusal("event", "expected text")
    if event not in TRACKED:
        raise NotTaken(IGNORED)
    return TRACKED[event]


def _address(own: Message, more: Message, user_id: str | None) -> str:
    """Many apps' user id is the address."""
    address = address_in({"traits": own, "context.traits": more})
    if address.is_wrong:
        raise refusal(address.name, "expected text")
    usable = address.email or email(user_id)
    if usable is None and address.name:
        raise NotTaken(UNUSABLE, address.name, "is no usable e-mail address")
    if usable is None:
        raise NotTaken(ANONYMOUS)
    return usable


def _event_of(context: Message) -> str:
    """A line of the journal says what event it was; SDKs do not."""
    event = context.get("event")
    return event if isinstance(event, str) and event in EVENTS else IDENTIFIED


def _table(holder: Message, name: str, within: str = "") -> Message:
    value = holder.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise refusal(f"{within}{name}", "expected an object")
    return value


def _user_id(message: Message) -> str | None:
    value = message.get("userId")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise refusal("userId", "expected text")
    return clean(str(value))


def _text(holder: Message, name: str) -> str | None:
    value = holder.get(name)
    if not isinstance(value, str) or len(value) > _MAX_ID_CHARS:
        return None
    return clean(value)


def _time(message: Message, envelope: Envelope) -> datetime:
    """`originalTimestamp` is what some SDKs call their `timestamp`; both are the client's."""
    for name in ("originalTimestamp", "timestamp"):
        value = message.get(name)
        if value is not None:
            original = moment(value)
            if original is None:
                raise refusal(name, "expected an ISO 8601 time")
            sent = moment(message.get("sentAt")) or envelope.sent
            return corrected(original, sent, envelope.received)
    return envelope.received
