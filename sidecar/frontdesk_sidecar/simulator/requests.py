"""The last requests, for `GET /_sim/requests`."""

from __future__ import annotations

from array import array
from collections import deque
from dataclasses import dataclass
from itertools import islice
from typing import Any

import orjson

LOGGED_BODY_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """One request to the token endpoint or the service, without its credentials.

    `time` is epoch milliseconds at arrival, `duration` milliseconds. `status` is None when the
    connection was cut; `fault` names the fault that struck. `body` is kept for OData POSTs of
    at most 16 KiB. `parts` is the number of parts of a `$batch` (None for other requests, and
    for an envelope that cannot be read), `part_statuses` one status for each part answered.
    """

    time: int
    duration: float
    method: str
    path: str
    query: str
    status: int | None
    fault: str | None
    message_id: str | None
    passport: str | None
    body: bytes
    parts: int | None = None
    part_statuses: array[int] | None = None
    traceparent: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The request for `GET /_sim/requests`; a body that is not JSON shows as null."""
        return {
            "time": self.time,
            "duration": self.duration,
            "method": self.method,
            "path": self.path,
            "query": self.query,
            "status": self.status,
            "fault": self.fault,
            "integrationMessageId": self.message_id,
            "sap-passport": self.passport,
            "traceparent": self.traceparent,
            "payload": parsed(self.body),
            "parts": self.parts,
            "partStatuses": None if self.part_statuses is None else list(self.part_statuses),
        }


class RequestLog:
    """The last requests, oldest first, and how many there were in all."""

    def __init__(self, size: int) -> None:
        self._ring: deque[LoggedRequest] = deque(maxlen=size)
        self.total = 0

    def append(self, request: LoggedRequest) -> None:
        """Adds one; the oldest leaves when the log is full."""
        self._ring.append(request)
        self.total += 1

    def last(self, count: int) -> list[LoggedRequest]:
        """The last `count` requests, oldest first."""
        return list(islice(self._ring, max(0, len(self._ring) - count), None))

    def clear(self) -> None:
        """Forgets everything, the total included."""
        self._ring.clear()
        self.total = 0


def parsed(body: bytes) -> Any:
    """The JSON of a body, None when there is none."""
    try:
        return orjson.loads(body) if body else None
    except orjson.JSONDecodeError:
        return None
