"""Paths of the door, and what the head of a request says.

`/v1/i`, `/v1/t` and so on are analytics.js's: the first letter of the kind, `b` for a batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from frontdesk_sidecar.ingest.document import MAX_BATCH, MAX_IMPORT, MAX_MESSAGE
from frontdesk_sidecar.ingest.message import KINDS

BATCH: Final = "batch"
IMPORT: Final = "import"


class Route(NamedTuple):
    """What comes by a path: a kind of message, a batch or lines; and most bytes of it."""

    kind: str
    limit: int


_ROUTES: Final = (
    {kind: Route(kind, MAX_MESSAGE) for kind in KINDS}
    | {kind[0]: Route(kind, MAX_MESSAGE) for kind in KINDS}
    | dict.fromkeys(("batch", "b"), Route(BATCH, MAX_BATCH))
    | {IMPORT: Route(IMPORT, MAX_IMPORT)}
)


class Head:
    """A request without its body."""

    def __init__(self, scope: Mapping[str, Any]) -> None:
        self.method: str = scope["method"]
        self.scheme: str = scope.get("scheme", "http")
        #: what follows `/v1/`, wherever that is mounted
        self.path: str = scope["path"].rpartition("/v1/")[2]
        self._headers: dict[str, str] = {
            name.lower().decode("latin-1"): value.decode("latin-1")
            for name, value in scope["headers"]
        }

    def __getitem__(self, name: str) -> str | None:
        """A header by its lower-case name."""
        return self._headers.get(name)

    @property
    def length(self) -> int:
        """`Content-Length`, 0 where it is not told."""
        told = self._headers.get("content-length", "")
        return int(told) if told.isdecimal() and len(told) < 20 else 0

    @property
    def encoding(self) -> str:
        """`Content-Encoding` in lower case, empty where there is none."""
        told = self._headers.get("content-encoding", "").strip().lower()
        return "" if told == "identity" else told

    @property
    def waits(self) -> bool:
        """True when the client sends its body only when told to go on."""
        return self._headers.get("expect", "").lower() == "100-continue"


def find_route(head: Head) -> Route | None:
    """The route of a path; None when there is none.

    Older SDKs of Segment send their batches to `/v1/import`, as JSON.
    """
    route = _ROUTES.get(head.path)
    if route is not None and route.kind == IMPORT:
        media_type = (head["content-type"] or "").partition(";")[0].strip().lower()
        if media_type == "application/json":
            return _ROUTES[BATCH]
    return route


def settings_key(head: Head) -> str | None:
    """The write key of `projects/<key>/settings`; None when it is another path."""
    parts = head.path.split("/")
    if len(parts) == 3 and parts[0] == "projects" and parts[2] == "settings":
        return parts[1]
    return None
