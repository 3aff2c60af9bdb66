"""What a person can ask of a running sidecar, and tell it: see `admin`."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import anyio
import anyio.to_thread

from frontdesk import __version__
from frontdesk.traits import customer_key
from frontdesk_sidecar.erasure import is_taken_in, segments_naming
from frontdesk_sidecar.forward.forwarder import Forwarder
from frontdesk_sidecar.settings import Settings
from frontdesk_sidecar.status import Snapshot, document
from frontdesk_sidecar.store import Counts, Store
from frontdesk_sidecar.store.sqlite import SQLITE_VERSION
from frontdesk_sidecar.store.writer import Writer
from frontdesk_sidecar.tail import Tail
from frontdesk_sidecar.telemetry import Telemetry

T = TypeVar("T")
#: Under this name the store remembers that somebody paused it.
PAUSE: Final = "pause"
#: How long `forget` waits for the journal to be read and let go of.
FORGET_S: Final = 5.0
_POLL_S: Final = 0.05


class Live:
    """The `admin.Controls` of one sidecar. StoreError passes through."""

    def __init__(
        self,
        settings: Settings,
        writer: Writer[Store],
        forwarder: Forwarder,
        tail: Tail,
        telemetry: Telemetry,
        stuck: Callable[[], str | None],
    ) -> None:
        self._settings = settings
        self._writer = writer
        self._forwarder = forwarder
        self._tail = tail
        self._telemetry = telemetry
        self._stuck = stuck
        self._started_us = _now()
        self._paused_us: int | None = None

    async def restore(self) -> None:
        """Take up what an earlier run of this store left: why nothing was sent."""
        gate, paused = await self._writer.run(
            lambda store: (store.recall("gate"), store.recall(PAUSE))
        )
        self._forwarder.restore(gate)
        if paused is not None:
            since = paused.get("since") if isinstance(paused, dict) else None
            self._pause(since if isinstance(since, int) else _now())

    async def pause(self) -> dict[str, Any]:
        """Send nothing more until `resume`, whatever happens meanwhile, a restart included."""
        now = self._paused_us or _now()
        await self._writer.run(lambda store: store.remember(PAUSE, {"since": now, "by": "hand"}))
        self._pause(now)
        return {"paused": True}

    def _pause(self, since: int) -> None:
        self._paused_us = since
        self._forwarder.gate.by_hand = True
        self._forwarder.ledger.tell()

    async def resume(self) -> dict[str, Any]:
        """Send again; where something else stands in the way, try it now."""
        await self._writer.run(lambda store: store.remember(PAUSE, None))
        self._paused_us = None
        gate = self._forwarder.gate
        gate.by_hand = False
        gate.try_now(time.monotonic())
        self._forwarder.ledger.tell()
        self._forwarder.wake()
        return {"paused": False}

    async def forget(self, key: str) -> dict[str, Any]:
        """Delete everything known of a customer; what the journal may still hold is told."""
        key = customer_key({"email": key}) or key.strip().lower()
        directory = self._settings.journal
        with anyio.move_on_after(FORGET_S):
            # Else what was written a moment ago would come in afterwards.
            while not is_taken_in(directory, await self._writer.run(Store.offsets)):  # noqa: ASYNC110
                await anyio.sleep(_POLL_S)
        found = await self._writer.run(lambda store: store.forget(key))
        await self._writer.run_alone(lambda store: store.checkpoint())
        with anyio.move_on_after(FORGET_S):
            while await anyio.to_thread.run_sync(segments_naming, directory, key):
                self._tail.ask_rotation()
                await anyio.sleep(_POLL_S)
        left = await anyio.to_thread.run_sync(segments_naming, directory, key)
        damaged = sorted(str(path) for path in _set_aside(self._settings.store_path))
        return {"forgotten": found, "segments": left, "damagedFiles": damaged}

    def wake(self) -> None:
        """Something became due."""
        self._forwarder.wake()

    async def run(self, operation: Callable[[Store], T]) -> T:
        """Run `operation` on the store, in its thread."""
        return await self._writer.run(operation)

    async def status(self) -> dict[str, Any]:
        """How things stand; nothing personal in it."""
        counts, dead, held = await self._writer.run(_count)
        journal = self._settings.journal
        error = None
        try:
            segments = sum(name.endswith(".ndjson") for name in os.listdir(journal))
        except OSError as failure:
            segments, error = 0, failure.strerror
        ledger, courier = self._forwarder.ledger, self._forwarder.courier
        snapshot = Snapshot(
            now_us=_now(),
            clock_s=time.monotonic(),
            started_us=self._started_us,
            paused_us=self._paused_us,
            shut=ledger.gate.shut,
            stuck=self._stuck(),
            counts=counts,
            dead=dead,
            recent=self._telemetry.recent,
            rate=ledger.rate,
            concurrency=ledger.concurrency,
            batching=courier.batch_size > 1,
            journal={
                "path": str(journal),
                "lagBytes": self._tail.lag_bytes,
                "segments": segments,
                "unreadable": len(self._tail.unreadable),
                "error": error,
            },
            store=self._store(counts, held),
        )
        return {"running": True, **versions(), **document(snapshot)}

    def _store(self, counts: Counts, held: str | None) -> dict[str, Any]:
        path = self._settings.store_path
        damaged = sorted(_set_aside(path))
        return {
            "path": str(path),
            "bytes": counts.bytes,
            "limitBytes": self._settings.store.max_bytes,
            "diskFreeBytes": disk_free(path),
            "held": held,
            "salvaged": damaged[-1].name if damaged else None,
        }


def versions() -> dict[str, Any]:
    """Of frontdesk, Python and SQLite, and the process id."""
    return {
        "version": __version__,
        "python": platform.python_version(),
        "sqlite": SQLITE_VERSION,
        "pid": os.getpid(),
    }


def disk_free(path: Path) -> int | None:
    """Bytes free on the disk of a file; None when it cannot be asked."""
    try:
        stat = os.statvfs(path.parent)
    except OSError:
        return None
    return stat.f_bavail * stat.f_frsize


def _set_aside(path: Path) -> list[Path]:
    return [*path.parent.glob(f"{path.name}.damaged-*")]


def _count(store: Store) -> tuple[Counts, dict[str, int], str | None]:
    return store.counts(_now()), store.dead_codes(), store.held()


def _now() -> int:
    return time.time_ns() // 1000
