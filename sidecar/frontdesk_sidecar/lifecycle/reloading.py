"""New settings for a sidecar that runs: all of them or none."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import anyio
import anyio.to_thread

from frontdesk import ConfigurationError
from frontdesk_sidecar.lifecycle.changes import compare
from frontdesk_sidecar.settings_types import Settings
from frontdesk_sidecar.status import iso
from frontdesk_sidecar.store import StoreError
from frontdesk_sidecar.telemetry import Telemetry

#: A file on a volume that hangs is not waited for any longer.
READ_S: Final = 10.0


class Reloader:
    """Reads the settings anew and has them applied, or refuses them whole.

    `read` gives the settings, in a thread, and raises ConfigurationError with every problem.
    `prepare` gives what puts them in force at once; until that is called nothing changes. It
    raises OSError for what cannot be used.
    """

    def __init__(
        self,
        settings: Settings,
        read: Callable[[], Settings],
        prepare: Callable[[Settings], Awaitable[Callable[[], None]]],
        telemetry: Telemetry,
        *,
        now: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self.settings = settings
        self._read = read
        self._prepare = prepare
        self._telemetry = telemetry
        self._now = now
        self._turn = anyio.Lock()
        self._asked = anyio.Event()
        self._is_over = False
        #: what became of the last one, as JSON; None before the first
        self.last: dict[str, Any] | None = None

    def ask(self) -> None:
        """Have `run` reload; once for all who ask before it begins."""
        self._asked.set()

    def end(self) -> None:
        """Refuse from now on: the sidecar stops."""
        self._is_over = True

    async def run(self) -> None:
        """Until cancelled. StoreError passes through."""
        while True:
            await self._asked.wait()
            self._asked = anyio.Event()
            await self.reload()

    async def reload(self) -> dict[str, Any]:
        """`{"applied": bool, "at": time, "changed": [name], "problems": [text]}`, kept as `last`.

        `changed` are names of settings; no problem holds a value. Raises StoreError.
        """
        async with self._turn:
            try:
                changed = await self._reloaded()
            except ConfigurationError as error:
                return self._told(problems=error.problems)
            return self._told(changed=changed)

    async def _reloaded(self) -> Sequence[str]:
        self._refuse_at_the_end()
        settings = await self._found()
        changes = compare(self.settings, settings)
        if changes.fixed:
            why = "is kept as long as the sidecar runs: start it anew to change it"
            raise ConfigurationError([f"{name}: {why}" for name in changes.fixed])
        try:
            put_in_force = await self._prepare(settings)
        except OSError as error:  # a file for TLS that was replaced since it was looked at
            reason = error.strerror or type(error).__name__
            raise ConfigurationError([f"a file for TLS cannot be used: {reason}"]) from None
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - what runs must go on running
            reason = f"cannot be put in force: {type(error).__name__}"
            raise ConfigurationError([f"the settings: {reason}"]) from None
        self._refuse_at_the_end()
        put_in_force()
        self.settings = settings
        return changes.names

    def _refuse_at_the_end(self) -> None:
        if self._is_over:
            raise ConfigurationError(["the sidecar stops; its next start reads the settings"])

    async def _found(self) -> Settings:
        """Raises ConfigurationError, whatever goes wrong: what runs must go on running."""
        try:
            with anyio.fail_after(READ_S):
                return await anyio.to_thread.run_sync(self._read, abandon_on_cancel=True)
        except ConfigurationError:
            raise
        except TimeoutError:
            reason = f"could not be read within {READ_S:.0f} s"
        except Exception as error:  # noqa: BLE001 - its text may hold a value
            reason = f"cannot be read: {type(error).__name__}"
        raise ConfigurationError([f"the settings: {reason}"])

    def _told(self, *, changed: Sequence[str] = (), problems: Sequence[str] = ()) -> dict[str, Any]:
        if problems:
            self._telemetry.reload_refused(problems)
        else:
            self._telemetry.reloaded(changed)
        self.last = {
            "applied": not problems,
            "at": iso(self._now()),
            "changed": list(changed),
            "problems": list(problems),
        }
        return self.last
