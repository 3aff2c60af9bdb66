"""From the first signal to the end, or from the second one straight to it."""

from __future__ import annotations

import os
import threading
import time
from typing import Final

import anyio

from frontdesk_sidecar.lifecycle.draining import Drain, Journal
from frontdesk_sidecar.lifecycle.fleet import Fleet
from frontdesk_sidecar.logs.speaking import Voice
from frontdesk_sidecar.logs.starting import flush
from frontdesk_sidecar.telemetry import Telemetry

#: How long what is under way may take after SIGTERM. Nothing is lost when it takes longer: what
#: was not settled is due again at the next start.
GRACE_S: Final = 8.0
#: The same after a second signal.
HURRY_S: Final = 1.0
#: What does not let go in time has so much more.
_LATE_S: Final = 1.0


class Ending:
    """Lets a sidecar finish what it has begun."""

    def __init__(self, fleet: Fleet, journal: Journal, telemetry: Telemetry) -> None:
        self._fleet = fleet
        self._journal = journal
        self._telemetry = telemetry
        self._asked, self._hurried = anyio.Event(), anyio.Event()

    @property
    def is_asked_for(self) -> bool:
        """Whether there was a signal."""
        return self._asked.is_set()

    def ask(self) -> None:
        """A signal: the second one ends it at once."""
        (self._hurried if self._asked.is_set() else self._asked).set()

    async def asked(self) -> None:
        """Wait for the first signal."""
        await self._asked.wait()

    async def carry_out(self, drain: Drain) -> None:
        """Drain, claim nothing more, read the journal to its end, and settle what is under way.

        Raises StoreError. The process ends by itself where something does not let go.
        """
        self._telemetry.stopping()
        _end_anyway(drain.drain_s + GRACE_S + _LATE_S)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._watch_for_hurry, tasks.cancel_scope)
            await drain.run()
            self._fleet.stop()
            with anyio.move_on_after(GRACE_S):
                await self._journal.catch_up()
                await self._fleet.stopped()
            tasks.cancel_scope.cancel()

    async def _watch_for_hurry(self, scope: anyio.CancelScope) -> None:
        await self._hurried.wait()
        self._telemetry.hurried()
        _end_anyway(HURRY_S + _LATE_S)
        scope.cancel()


def _end_anyway(within_s: float) -> None:
    """End the process after a while, whatever still holds it.

    A name that is being resolved, or a secret on a volume that hangs, holds a thread that Python
    would wait for. Nothing depends on an orderly end.
    """

    def end() -> None:
        time.sleep(within_s)
        Voice("frontdesk.sidecar").say("ended_late", "something did not let go in time")
        flush()
        os._exit(0)

    threading.Thread(target=end, daemon=True).start()
