"""The dashboard of one sidecar, put together; see `endpoints` for its HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractContextManager
from typing import Any, Final, Protocol

import anyio

from frontdesk_sidecar.admin.controls import Controls
from frontdesk_sidecar.dashboard.configuration import configuration
from frontdesk_sidecar.dashboard.hub import Hub, note
from frontdesk_sidecar.dashboard.watch import Watch, WatchedTelemetry
from frontdesk_sidecar.plan import Plan
from frontdesk_sidecar.settings import Settings
from frontdesk_sidecar.store import StoreError

#: So often the store is asked for the charts while nobody looks.
SAMPLE_S: Final = 60.0


class HasPlan(Protocol):
    """What knows what customers are made into now, such as a `Forwarder`."""

    plan: Plan | None


class Dashboard:
    """Everything there is to see; `telemetry` is what it sees it by."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._watch = Watch()
        self.telemetry = WatchedTelemetry(
            self._watch, targets=[target.name for target in settings.targets]
        )
        self._controls: Controls | None = None
        self._hub = Hub(self._watch, self._status, self._hello)

    def attend(self, controls: Controls, forwarders: Mapping[str, HasPlan]) -> None:
        """Show these; the forwarders are those of the targets, by name."""
        self._controls = controls
        self._watch.plan_of = lambda target: forwarders[target].plan

    def adopt(self, settings: Settings) -> None:
        """Show this configuration from now on; who looks is let go, and comes back to see it."""
        self._settings = settings
        self._hub.let_go()

    def seat(self) -> AbstractContextManager[bool]:
        """A place among those who look, taken at once; False when there is none."""
        return self._hub.seat()

    def stream(self, *, may_act: bool) -> AsyncIterator[bytes]:
        """What whoever looks is sent, as server-sent events."""
        return self._hub.stream(may_act=may_act)

    async def run(self) -> None:
        """Note once a minute how much waits, until cancelled."""
        while True:
            await self.sample()
            await anyio.sleep(SAMPLE_S)

    async def sample(self) -> None:
        """Once; a store that cannot be asked leaves a gap."""
        if self._controls is None or self._watch.viewers:
            return  # those who look have it noted each second
        now = self._watch.now()
        try:
            counts = await self._controls.run(lambda store: store.counts_by_target(now))
        except StoreError:
            return
        waiting = sum(one.pending + one.leased for one in counts.values())
        oldest_us = max((one.oldest_us or 0 for one in counts.values()), default=0)
        note(self._watch, pending=waiting, oldest=oldest_us / 1e6)

    async def close(self) -> None:
        """Let everybody go who looks: the sidecar ends."""
        await self._hub.close()

    async def _status(self) -> dict[str, Any]:
        if self._controls is None:
            raise StoreError("it is not open yet")
        return await self._controls.status()

    def _hello(self) -> dict[str, Any]:
        return {"configuration": configuration(self._settings)}
