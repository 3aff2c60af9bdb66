"""A webhook on save: what SAP's `webhookservices` do when an upsert saves the root item.

Once the transaction is through, the item is posted to a URL as plain JSON, without the envelope
and without deferred links: its attributes, and those of what it leads to, one level deep. It
happens in a thread of its own, after the answer to the upsert, and is not repeated. Credentials
in the URL are sent as Basic. Sources: SAP Help on Webhook Services, for "item saved" events and
Basic destinations; the exact body is inferred from the outbound objects.
"""

from __future__ import annotations

import base64
import queue
import threading
import uuid
from collections import deque
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

import orjson

from frontdesk_sidecar.simulator.entries import properties

if TYPE_CHECKING:
    from frontdesk_sidecar.simulator.call import Call
    from frontdesk_sidecar.simulator.edm import Item
    from frontdesk_sidecar.simulator.entries import View
    from frontdesk_sidecar.simulator.state import Stored

_WAITING: Final = 10_000
_KEPT: Final = 1000
_TIMEOUT_S: Final = 10.0
_ENDED: Final = None


class Webhook:
    """Posts saved items to one URL, in their order. Raises `ValueError` for another scheme."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"webhook: expected an http or https address, got {parts.scheme!r}")
        self._host, self._port, self._scheme = parts.hostname, parts.port, parts.scheme
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if parts.username is not None:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            self._headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        self._waiting: queue.Queue[tuple[str, bytes] | None] = queue.Queue(_WAITING)
        self._deliveries: deque[dict[str, Any]] = deque(maxlen=_KEPT)
        self._thread: threading.Thread | None = None

    def saved(self, call: Call, stored: Stored) -> None:
        """Takes a saved item as it is now; when too many wait already, it is left out."""
        body = orjson.dumps(payload(call.view, call.item, stored))
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="webhook", daemon=True)
            self._thread.start()
        try:
            self._waiting.put_nowait((stored.key, body))
        except queue.Full:
            self._note(stored.key, "", None, "too many are waiting")

    def deliveries(self) -> list[dict[str, Any]]:
        """The last deliveries, oldest first: key, message id, status, and what went wrong."""
        return list(self._deliveries)

    def clear(self) -> None:
        """Forgets the deliveries."""
        self._deliveries.clear()

    def close(self) -> None:
        """Ends the thread when what waits is delivered."""
        if self._thread is not None:
            self._waiting.put(_ENDED)
            self._thread.join(_TIMEOUT_S)
            self._thread = None

    def _work(self) -> None:
        while (one := self._waiting.get()) is not _ENDED:
            self._deliver(*one)

    def _deliver(self, key: str, body: bytes) -> None:
        message_id = str(uuid.uuid4())
        kind = HTTPSConnection if self._scheme == "https" else HTTPConnection
        connection = kind(self._host, self._port, timeout=_TIMEOUT_S)
        try:
            headers = {**self._headers, "integrationMessageId": message_id}
            connection.request("POST", self._path, body, headers)
            answer = connection.getresponse()
            answer.read()
            self._note(key, message_id, answer.status, None)
        except (OSError, HTTPException) as error:
            self._note(key, message_id, None, type(error).__name__)
        finally:
            connection.close()

    def _note(self, key: str, message_id: str, status: int | None, error: str | None) -> None:
        self._deliveries.append(
            {
                "integrationKey": key,
                "integrationMessageId": message_id,
                "status": status,
                "error": error,
            }
        )


def payload(view: View, item: Item, stored: Stored) -> dict[str, Any]:
    """The item as a webhook carries it."""
    content = properties(item, stored, view.language)
    for navigation in item.navigations:
        target = view.definition.target(navigation)
        found = [properties(target, one, view.language) for one in view.related(navigation, stored)]
        content[navigation.name] = found if navigation.many else next(iter(found), None)
    return content
