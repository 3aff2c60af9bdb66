"""The sidecar, wired: where the concrete parts meet, live, and come to their end."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import anyio
import uvicorn
from anyio.abc import TaskGroup, TaskStatus

from frontdesk_sidecar.answer import MAX_RETRY_AFTER_S
from frontdesk_sidecar.commerce import Commerce
from frontdesk_sidecar.endpoints import create_app
from frontdesk_sidecar.forwarder import SECOND, Forwarder
from frontdesk_sidecar.intake import Intake
from frontdesk_sidecar.settings import Http, Settings
from frontdesk_sidecar.store import Store, StoreError, StoreFull
from frontdesk_sidecar.store.sqlite import SQLiteStore
from frontdesk_sidecar.store.writer import Writer
from frontdesk_sidecar.tail import Tail
from frontdesk_sidecar.telemetry import Telemetry

#: How long what is under way may take after SIGTERM. Nothing is lost when it takes longer: what
#: was not settled is due again at the next start.
GRACE_S: Final = 8.0
SCRUB_S: Final = 60.0
SCRUB_LIMIT: Final = 500


class CannotRun(Exception):  # noqa: N818 - says what is the case
    """Something outside the configuration keeps the sidecar from running; the text says what."""


def run(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT. Raises CannotRun, also when the store failed on the way."""
    logging.basicConfig(
        level=settings.log_level.upper(),
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
    )
    for noisy in ("asyncio", "httpx", "httpcore", "uvicorn.error"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    make_journal(settings.journal)
    listener = listen(settings.http)
    try:
        now, pace = time.time_ns() // 1000, settings.pace
        longest_s = max(pace.retry_cap_s, pace.rest_s, MAX_RETRY_AFTER_S)
        store = SQLiteStore.open(
            settings.store_path,
            quiet_until=now + int(pace.rest_s * SECOND),
            latest=now + int(longest_s * SECOND),
        )
    except StoreError as error:
        listener.close()
        raise CannotRun(f"store {settings.store_path}: {error}") from error
    try:
        anyio.run(_Sidecar(settings, store, listener).run)
    except StoreError as error:
        raise CannotRun(f"store {settings.store_path}: {error}") from error
    except BaseExceptionGroup as group:
        failure = _first(group, StoreError)
        if failure is None:
            raise
        # Started anew, the sidecar reads the journal from where the store last committed.
        raise CannotRun(f"store {settings.store_path}: {failure}") from group
    finally:
        store.close()


def _first(group: BaseExceptionGroup, kind: type[Exception]) -> BaseException | None:
    """The first exception of a kind in a tree of groups."""
    for error in group.exceptions:
        found = _first(error, kind) if isinstance(error, BaseExceptionGroup) else error
        if isinstance(found, kind):
            return found
    return None


def make_journal(directory: Path) -> None:
    """Make the journal's directory if it is missing. Raises CannotRun."""
    try:
        if not directory.exists():
            directory.mkdir(parents=True)
            directory.chmod(0o2770)  # the web processes write there as members of the group
        os.scandir(directory).close()
    except OSError as error:
        remedy = "make it, or name another in capture.journal (FRONTDESK_JOURNAL)"
        raise CannotRun(f"journal {directory}: {error.strerror}; {remedy}") from error


def listen(http: Http) -> socket.socket:
    """A listening socket. Raises CannotRun."""
    family = socket.AF_INET6 if ":" in http.host else socket.AF_INET
    listener = socket.socket(family)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((http.host, http.port))
    except OSError as error:
        listener.close()
        raise CannotRun(f"http {http.host}:{http.port}: {error.strerror}") from error
    return listener


def _end_anyway() -> None:
    time.sleep(GRACE_S + 1)
    logging.getLogger("frontdesk.sidecar").warning("ended: something did not let go in time")
    os._exit(0)


class _Server(uvicorn.Server):
    """uvicorn, leaving the signals to us."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _Sidecar:
    """One run of the sidecar."""

    def __init__(self, settings: Settings, store: Store, listener: socket.socket) -> None:
        self._settings = settings
        self._store = store
        self._listener = listener
        self._telemetry = Telemetry()
        self._writer: Writer[Store] = Writer(store)

    async def run(self) -> None:
        settings = self._settings
        tail = Tail(settings.journal, self._store.offsets())
        async with Commerce(settings.destination) as commerce, self._writer:
            forwarder = Forwarder(
                self._writer, commerce.upsert, settings.mapping, self._telemetry, settings.pace
            )
            intake = Intake(tail, self._writer, self._telemetry, on_new=forwarder.wake)
            async with anyio.create_task_group() as tasks:
                asked = await tasks.start(self._hear_signal)  # before it says that it started
                server = await tasks.start(self._serve)
                tasks.start_soon(intake.run)
                tasks.start_soon(self._scrub)
                tasks.start_soon(self._until_asked, asked, tasks, forwarder, server)
                tasks.start_soon(forwarder.run)
        self._telemetry.stopped()

    async def _serve(self, *, task_status: TaskStatus[uvicorn.Server]) -> None:
        app = create_app(ready=self._ready, metrics=self._metrics, key=self._settings.http.key)
        server = _Server(
            uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", ws="none")
        )
        host, port = self._listener.getsockname()[:2]
        self._telemetry.started(
            f"http://{host}:{port}",
            str(self._settings.journal),
            str(self._settings.store_path),
            self._settings.destination.entity_url,
        )
        task_status.started(server)
        await server.serve(sockets=[self._listener])

    async def _hear_signal(self, *, task_status: TaskStatus[anyio.Event]) -> None:
        asked = anyio.Event()
        with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            task_status.started(asked)
            async for _ in signals:
                asked.set()

    async def _until_asked(
        self, asked: anyio.Event, tasks: TaskGroup, forwarder: Forwarder, server: uvicorn.Server
    ) -> None:
        await asked.wait()
        # A name that is being resolved, or a secret on a volume that hangs, holds a thread that
        # Python would wait for. Nothing depends on an orderly end.
        threading.Thread(target=_end_anyway, daemon=True).start()
        self._telemetry.stopping()
        forwarder.stop()
        with anyio.move_on_after(GRACE_S):
            await forwarder.stopped.wait()
        server.should_exit = True
        tasks.cancel_scope.cancel()

    async def _scrub(self) -> None:
        """Erase the values of settled customers when their time is over, a few at a time."""
        while True:
            before = int((time.time() - self._settings.retention_s) * 1e6)
            try:
                scrubbed = await self._writer.run(Store.scrub, before, SCRUB_LIMIT)
            except StoreFull:
                scrubbed = 0
            if scrubbed < SCRUB_LIMIT:
                await anyio.sleep(SCRUB_S)

    async def _ready(self) -> str | None:
        try:
            os.scandir(self._settings.journal).close()
        except OSError as error:
            return f"journal: {error.strerror}"
        try:
            await self._writer.run(lambda store: store.counts(time.time_ns() // 1000))
        except StoreError as error:
            return f"store: {error}"
        return None

    async def _metrics(self) -> bytes | None:
        try:
            counts = await self._writer.run(lambda store: store.counts(time.time_ns() // 1000))
        except StoreError:
            return None
        return self._telemetry.exposition(counts)
