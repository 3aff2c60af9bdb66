"""What the simulator remembers: the stored items and the last requests."""

from __future__ import annotations

from array import array
from collections import deque
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

import orjson

from frontdesk_sidecar.simulator.journal import Journal
from frontdesk_sidecar.simulator.keys import join_key, split_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from frontdesk_sidecar.simulator.payload import Entry

LOGGED_BODY_BYTES = 16 * 1024


@dataclass(slots=True)
class Stored:
    """One stored item. `created` and `updated` are epoch milliseconds; `writes` counts upserts."""

    key: str
    attributes: Entry
    created: int
    updated: int
    writes: int

    def restore(self, key: str, attributes: Entry, updated: int, writes: int) -> None:
        """Takes back what an update changed."""
        self.key, self.attributes, self.updated, self.writes = key, attributes, updated, writes


class ItemStore:
    """The items of one type by integration key, in the order of their creation.

    With `case_sensitive` off, keys that differ in case are one item, as with a
    case-insensitive collation of the database. Within a transaction of the journal every write
    can be undone.
    """

    def __init__(
        self, segments: int, *, case_sensitive: bool = True, journal: Journal | None = None
    ) -> None:
        self._segments = segments
        self._case_sensitive = case_sensitive
        self._journal = journal or Journal()
        self._items: dict[str, Stored] = {}

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Stored]:
        return iter(self._items.values())

    def find(self, key: str) -> Stored | None:
        """The item with this integration key."""
        return self._items.get(self._fold(key))

    def put(self, key: str, attributes: Entry, now_ms: int) -> Stored:
        """Creates the item or replaces its attributes."""
        folded = self._fold(key)
        stored = self._items.get(folded)
        if stored is None:
            stored = self._items[folded] = Stored(key, attributes, now_ms, now_ms, 1)
            if self._journal.is_open:
                self._journal.note(partial(self._items.pop, folded))
        else:
            if self._journal.is_open:
                before = (stored.key, stored.attributes, stored.updated, stored.writes)
                self._journal.note(partial(stored.restore, *before))
            stored.key, stored.attributes, stored.updated = key, attributes, now_ms
            stored.writes += 1
        return stored

    def remove(self, key: str) -> bool:
        """Deletes the item; False when there is none."""
        folded = self._fold(key)
        if folded not in self._items:
            return False
        if self._journal.is_open:
            # A copy, because an item put back would come last in the order of creation.
            self._journal.note(partial(self._put_back, dict(self._items)))
        del self._items[folded]
        return True

    def clear(self) -> None:
        """Deletes everything."""
        self._items.clear()

    def _put_back(self, items: dict[str, Stored]) -> None:
        self._items.clear()
        self._items.update(items)

    def _fold(self, key: str) -> str:
        if self._case_sensitive:
            return key
        return join_key(value.lower() for value in split_key(key, self._segments))


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
