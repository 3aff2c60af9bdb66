"""Whom a command asks: the sidecar by its socket, else the store, else the sidecar by the key."""

from __future__ import annotations

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
