"""What a person can ask of a running sidecar, and tell it: see `admin`."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

import anyio
import anyio.to_thread

from frontdesk import __version__
from frontdesk.traits import customer_key
from frontdesk_sidecar.admin.backfill import Room
from frontdesk_sidecar.forward.draw import PAUSE, note_of
from frontdesk_sidecar.forward.verdict import SECOND
from frontdesk_sidecar.ingest.document import Reading
from frontdesk_sidecar.ingest.door import Door
from frontdesk_sidecar.journal.erasure import is_taken_in, segments_naming
from frontdesk_sidecar.journal.tail import Tail
from frontdesk_sidecar.lanes import Lane
from frontdesk_sidecar.settings import Settings
from frontdesk_sidecar.status import document_of, iso
from frontdesk_sidecar.store import Counts, Store
from frontdesk_sidecar.store.sqlite import SQLITE_VERSION
from frontdesk_sidecar.store.writer import Writer
from frontdesk_sidecar.telemetry import Telemetry

T = TypeVar("T")
#: How long `forget` waits for the journal to be read and let go of.
FORGET_S: Final = 5.0
_POLL_S: Final = 0.05
#: What is handed over by hand fills no more of the store.
_SHARE: Final = 0.75


class Lifecycle(Protocol):
    """What becomes of the sidecar itself while it runs."""

    async def reload(self) -> dict[str, Any]:
        """See `admin.Controls`."""

    def document(self) -> dict[str, Any]:
        """What the status says of it: `reload` and `draining`, each None when there is nothing."""


class Fixed:
    """The `Lifecycle` of a sidecar that keeps its settings."""

    async def reload(self) -> dict[str, Any]:
        """Refused."""
        return {"applied": False, "changed": [], "problems": ["the settings cannot be read anew"]}

    def document(self) -> dict[str, Any]:
        """Nothing to say."""
        return {"reload": None, "draining": None}


class Live:
    """The `admin.Controls` of one sidecar. StoreError passes through."""

    def __init__(
        self,
        settings: Settings,
        writer: Writer[Store],
        lanes: Sequence[Lane],
        tail: Tail,
        telemetry: Telemetry,
    ) -> None:
        self._settings = settings
        self._writer = writer
        self._lanes = lanes
        self._tail = tail
        self._telemetry = telemetry
        self._started_us = _now()
        #: set by whoever can read the settings anew
        self.lifecycle: Lifecycle = Fixed()
        #: how messages come in that a person hands over
        self.door: Door

    def adopt(self, settings: Settings, lanes: Sequence[Lane]) -> None:
        """These settings are in force, and these lanes at work."""
        self._settings, self._lanes = settings, lanes

    @property
    def targets(self) -> tuple[str, ...]:
        """The names of the targets, the default one last."""
        return tuple(lane.name for lane in self._lanes)

    async def restore(self) -> None:
        """Take up what an earlier run of this store left: why nothing was sent."""
        for lane in self._lanes:
            await lane.restore(self._writer)

    async def pause(self, target: str | None = None) -> dict[str, Any]:
        """Send nothing more until `resume`, whatever happens meanwhile, a restart included."""
        since = {lane: lane.paused_us or _now() for lane in self._chosen(target)}

        def remember(store: Store) -> None:
            for lane, at in since.items():
                store.remember(note_of(PAUSE, lane.name), {"since": at, "by": "hand"})

        await self._writer.run(remember)
        at_of = {lane.name: at for lane, at in since.items()}
        for lane in self._chosen(target):  # others, where settings were read anew meanwhile
            lane.pause(at_of.get(lane.name, _now()))
        return {"paused": True}

    async def resume(self, target: str | None = None) -> dict[str, Any]:
        """Send again; where something else stands in the way, try it now."""
        lanes = self._chosen(target)

        def forget(store: Store) -> None:
            for lane in lanes:
                store.remember(note_of(PAUSE, lane.name), None)

        await self._writer.run(forget)
        return {"paused": False, "resumed": [lane.resume() for lane in self._chosen(target)]}

    def _chosen(self, target: str | None) -> list[Lane]:
        return [lane for lane in self._lanes if target in (None, lane.name)]

    async def forget(self, key: str) -> dict[str, Any]:
        """Delete everything known of a customer; what the journal may still hold is told."""
        key = customer_key({"email": key}) or key.strip().lower()
        directory = self._settings.journal
        with anyio.move_on_after(FORGET_S):
            # Else what was written a moment ago would come in afterwards.
            while not is_taken_in(directory, await self._writer.run(Store.offsets)):  # noqa: ASYNC110 - the journal's files tell nobody
                await anyio.sleep(_POLL_S)
        for lane in self._lanes:
            lane.forwarder.ledger.rest(key)  # a request may be under way, and the next login come
        found = await self._writer.run(lambda store: store.forget(key))
        await self._writer.run_alone(lambda store: store.checkpoint())
        with anyio.move_on_after(FORGET_S):
            while await anyio.to_thread.run_sync(segments_naming, directory, key):
                self._tail.ask_rotation()
                await anyio.sleep(_POLL_S)
        left = await anyio.to_thread.run_sync(segments_naming, directory, key)
        damaged = sorted(str(path) for path in _set_aside(self._settings.store_path))
        return {"forgotten": found, "segments": left, "damagedFiles": damaged}

    async def take(self, lines: Sequence[bytes]) -> Reading:
        """Take messages, as the door does."""
        return await self.door.take_lines(lines)

    async def room(self, target: str | None = None) -> Room:
        """How many are on their way; and whether the store has room for more than shoppers."""
        limit = self._settings.store.max_bytes

        def look(store: Store) -> Room:
            full = store.held()
            if full is None and store.size() > limit * _SHARE:
                full = "the store is three quarters full, and the rest is for who logs in"
            return Room(store.under_way(target, _now()), full)

        return await self._writer.run(look)

    def wake(self) -> None:
        """Something became due."""
        for lane in self._lanes:
            lane.forwarder.wake()

    async def run(self, operation: Callable[[Store], T]) -> T:
        """Run `operation` on the store, in its thread."""
        return await self._writer.run(operation)

    def stuck(self) -> str | None:
        """Why the sidecar should be started anew; None when it need not."""
        return next((why for lane in self._lanes if (why := lane.stuck()) is not None), None)

    async def status(self) -> dict[str, Any]:
        """How things stand; nothing personal in it."""
        lanes = self._lanes  # there may be others before it is told
        names = [lane.name for lane in lanes]
        counts, dead, failing, store = await self._writer.run(
            lambda store: self._count(store, names)
        )
        standings = [
            lane.standing(
                counts.pop(lane.name, Counts.together((), store["bytes"])),
                dead[lane.name],
                self._telemetry,
                now_us=_now(),
                started_us=self._started_us,
                journal=self._journal(),
                store=store,
                failing=failing[lane.name],
            )
            for lane in lanes
        ]
        told = {**document_of(standings, counts), **self.lifecycle.document()}
        return {"running": True, **versions(), **told}

    async def reload(self) -> dict[str, Any]:
        """Read the settings anew, and go by them if all of them are right."""
        return await self.lifecycle.reload()

    def _journal(self) -> dict[str, Any]:
        journal = self._settings.journal
        error, heard = None, self._telemetry.heard_at
        try:
            segments = sum(name.endswith(".ndjson") for name in os.listdir(journal))
        except OSError as failure:
            segments, error = 0, failure.strerror
        return {
            "path": str(journal),
            "lagBytes": self._tail.lag_bytes,
            "limitBytes": self._settings.capture.journal_limit_bytes,
            "lastLineAt": None if heard is None else iso(int(heard * SECOND)),
            "segments": segments,
            "unreadable": len(self._tail.unreadable),
            "error": error,
        }

    def _count(
        self, store: Store, names: Sequence[str]
    ) -> tuple[
        dict[str, Counts],
        dict[str, dict[str, int]],
        dict[str, tuple[int, int, str] | None],
        dict[str, Any],
    ]:
        dead = {target: store.dead_codes(target) for target in names}
        failing = {target: store.failing(target) for target in names}
        counts = store.counts_by_target(_now())
        return counts, dead, failing, self._store(store.size(), store.held())

    def _store(self, size: int, held: str | None) -> dict[str, Any]:
        path = self._settings.store_path
        damaged = sorted(_set_aside(path))
        return {
            "path": str(path),
            "bytes": size,
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


def _now() -> int:
    return time.time_ns() // 1000
