"""The order in which writes of the root item were applied, for those who check a client."""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import Any

import orjson

from frontdesk_sidecar.simulator.requests import LOGGED_BODY_BYTES, parsed


class CommitLog:
    """The last applied writes. Each is one bytes object: a JSON head, a line feed, the payload."""

    def __init__(self, size: int) -> None:
        self._ring: deque[bytes] = deque(maxlen=size)
        self.last = 0

    def append(self, time_ms: int, uid: object, message_id: str | None, payload: bytes) -> None:
        """Adds one; the oldest leaves when the log is full. A payload above 16 KiB is not kept."""
        kept = payload if len(payload) <= LOGGED_BODY_BYTES else b""
        self._ring.append(orjson.dumps((time_ms, uid, message_id)) + b"\n" + kept)
        self.last += 1

    def since(self, seq: int) -> list[dict[str, Any]]:
        """The writes behind this number, in their order; `time` is epoch milliseconds."""
        count = min(len(self._ring), max(0, self.last - seq))
        # From the right, so that a poll for the newest does not walk over the whole ring.
        packed = list(islice(reversed(self._ring), count))[::-1]
        first = self.last - count + 1
        return [_entry(number, one) for number, one in enumerate(packed, first)]

    def clear(self) -> None:
        """Forgets everything; numbers begin at 1 again."""
        self._ring.clear()
        self.last = 0


def _entry(seq: int, packed: bytes) -> dict[str, Any]:
    head, _, payload = packed.partition(b"\n")
    time_ms, uid, message_id = orjson.loads(head)
    return {
        "seq": seq,
        "time": time_ms,
        "uid": uid,
        "payload": parsed(payload),
        "integrationMessageId": message_id,
    }
