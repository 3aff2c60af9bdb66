"""The lanes of the settings in force, and those of former ones that finish what they had begun."""

from __future__ import annotations

import time
from collections.abc import Sequence

from anyio.abc import TaskGroup

from frontdesk_sidecar.forward.ingress import Ingress
from frontdesk_sidecar.lanes import Lane, make_lanes
from frontdesk_sidecar.settings_types import Settings
from frontdesk_sidecar.store import Store
from frontdesk_sidecar.store.writer import Writer
from frontdesk_sidecar.telemetry import Telemetry


class Fleet:
    """Runs lanes, and puts others in their place without losing an attempt that is under way.

    `key` is that of the fingerprints; the store's own, and the same as long as the sidecar runs.
    """

    def __init__(self, writer: Writer[Store], telemetry: Telemetry, key: bytes) -> None:
        self._writer = writer
        self._telemetry = telemetry
        self._key = key
        self._hosts: dict[str, Ingress] = {}
        self._leaving: list[Lane] = []
        self.lanes: Sequence[Lane] = ()

    async def make(self, settings: Settings) -> list[Lane]:
        """Lanes for these settings; nothing runs yet, and nothing else changes.

        Raises OSError when a file for TLS is unusable, and StoreError.
        """
        lanes = await make_lanes(settings, self._writer, self._telemetry, self._key, self._hosts)
        known = {lane.name for lane in self.lanes}
        for lane in lanes:
            if lane.name not in known:
                await lane.restore(self._writer)
        return lanes

    def put(self, lanes: Sequence[Lane], rate: float, tasks: TaskGroup) -> None:
        """Let these run from now on, those before them finish. Does not wait."""
        before = {lane.name: lane for lane in self.lanes}
        for lane in lanes:
            if (former := before.pop(lane.name, None)) is not None:
                lane.take_over(former)
            lane.forwarder.ledger.join_silence()
        for gone in before.values():
            gone.forwarder.ledger.retire()
            gone.forwarder.stop()
        self._leaving += self.lanes
        self.lanes = lanes
        now = time.monotonic()
        self._hosts = {lane.host: lane.forwarder.ledger.ingress for lane in lanes}
        for ingress in self._hosts.values():
            ingress.rate.change(rate, now)
        for lane in lanes:
            self._telemetry.watch(lane.name, lane.stuck)
            tasks.start_soon(self._run, lane)

    async def _run(self, lane: Lane) -> None:
        await lane.run()
        lane.leave()
        if lane in self._leaving:
            self._leaving.remove(lane)

    def stop(self) -> None:
        """Claim nothing more."""
        for lane in (*self._leaving, *self.lanes):
            lane.forwarder.stop()

    async def stopped(self) -> None:
        """Wait until all that was under way is settled."""
        for lane in (*self._leaving, *self.lanes):
            await lane.forwarder.stopped.wait()

    @property
    def is_settled(self) -> bool:
        """Whether no lane, also of those that are leaving, has anything under way."""
        return all(lane.forwarder.is_settled for lane in (*self._leaving, *self.lanes))
