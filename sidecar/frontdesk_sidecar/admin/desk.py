"""Whom a command asks: the sidecar by its socket, else the store, else the sidecar by the key."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from frontdesk_sidecar.admin.client import Client, NotHere, NotRunning
from frontdesk_sidecar.admin.offline import Offline
from frontdesk_sidecar.admin.reach import Reach


class Desk:
    """Operations by name. Raises client.Refused."""

    def __init__(self, reach: Reach) -> None:
        self.has_several = len(reach.targets) > 1
        self._client = Client(reach.http)
        self._offline = Offline(reach)

    def call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        """The operation's result; arguments that are None or False are not given.

        Without a running sidecar the result has `"running": false`.
        """
        given = {name: value for name, value in arguments.items() if value not in (None, False)}
        with suppress(NotRunning):
            return self._client.call(operation, given)
        try:
            return self._offline.call(operation, given)
        except NotHere as refusal:
            # Only now the key: while no sidecar runs, its port is anybody's who listens there.
            with suppress(NotRunning):
                return self._client.call(operation, given, by_key=True)
            raise refusal

    def events(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """What a running sidecar shows, `snapshot` and `charts`, until it ends; else one `away`.

        `away` has the `status` of the store that it left. See `dashboard.view` for the others.
        """
        with suppress(NotRunning):
            yield from self._client.events()
            return
        try:
            status = self._offline.call("status", {})
        except NotHere as refusal:
            with suppress(NotRunning):  # as in `call`
                yield from self._client.events(by_key=True)
                return
            raise refusal
        yield "away", {"why": "no sidecar runs here", "status": status}

    @property
    def is_near(self) -> bool:
        """Whether a sidecar's socket can be reached."""
        return self._client.is_near
