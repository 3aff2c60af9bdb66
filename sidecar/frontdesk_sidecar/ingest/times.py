"""When something happened, by a client's clock that may be wrong.

Source: https://segment.com/docs/connections/spec/common/#timestamps: `timestamp` =
`receivedAt` - (`sentAt` - `originalTimestamp`), as `sentAt` and `receivedAt` are the same moment.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

#: Clocks that seem to be no further apart agree: the rest is the way through the network. Else
#: that way, which differs from request to request, would change the order of messages, and give
#: one that is sent again another time.
_ON_THE_WAY: Final = timedelta(seconds=1)
#: No time takes more characters.
_MAX_CHARS: Final = 64


def moment(value: object) -> datetime | None:
    """An ISO 8601 time, in UTC where it names no offset; None when it is none."""
    if not isinstance(value, str) or len(value) > _MAX_CHARS:
        return None
    try:
        found = datetime.fromisoformat(value.strip())
        return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def corrected(original: datetime | None, sent: datetime | None, received: datetime) -> datetime:
    """When it happened by our clock: `original` and `sent` are by the client's."""
    if original is None:
        return received
    if sent is None or abs(received - sent) <= _ON_THE_WAY:
        return original
    try:
        return received - (sent - original)
    except OverflowError:  # before the year 1 or after 9999
        return received
