"""The sidecar, wired: where the concrete parts meet, live, and come to their end."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import anyio
import uvicorn
from anyio.abc import TaskGroup, TaskStatus

from frontdesk_sidecar.dashboard.desk import Dashboard
from frontdesk_sidecar.endpoints import create_app
from frontdesk_sidecar.ingest.wiring import make_door
from frontdesk_sidecar.journal.intake import Intake
from frontdesk_sidecar.journal.tail import JournalInUse, Tail
from frontdesk_sidecar.lanes import Lane, assignment
from frontdesk_sidecar.lifecycle.draining import Drain
from frontdesk_sidecar.lifecycle.ending import GRACE_S, Ending
from frontdesk_sidecar.lifecycle.fleet import Fleet
from frontdesk_sidecar.lifecycle.reloading import Reloader
from frontdesk_sidecar.live import Live
from frontdesk_sidecar.logs.starting import start as start_log
from frontdesk_sidecar.metrics import media_type
from frontdesk_sidecar.openings import (
    CannotRun,
    NeverRuns,
    listen,
    listen_locally,
    make_journal,
    open_store,
)
from frontdesk_sidecar.serving import Switch, configure
from frontdesk_sidecar.settings import Settings
from frontdesk_sidecar.store import Store, StoreError
from frontdesk_sidecar.store.keyfile import read_or_make_key
from frontdesk_sidecar.store.sqlite import SQLiteStore
from frontdesk_sidecar.store.writer import Writer
from frontdesk_sidecar.tracing.opening import open_tracer
from frontdesk_sidecar.upkeep import Tidying

__all__ = ["GRACE_S", "CannotRun", "NeverRuns", "run"]


def run(settings: Settings, read: Callable[[], Settings]) -> None:
    """Run until SIGTERM or SIGINT. Raises CannotRun, also when the store failed on the way.

    `read` gives the settings anew after SIGHUP; it may raise ConfigurationError, and then those
    in force stay.
    """
    start_log(settings.log_level, settings.log_format)
    make_journal(settings.journal)
    listener = listen(settings.http)
    # Connections inherit it; else the end of an answer waits for an acknowledgement of its head.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        with open_store(settings) as store:
            sidecar = _Sidecar(settings, read, store, listener)
            with sidecar.traced():
                anyio.run(sidecar.run)
    finally:
        listener.close()


class _Server(uvicorn.Server):
    """uvicorn, leaving the signals to us."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _Sidecar:
    """One run of the sidecar."""

    def __init__(
        self,
        settings: Settings,
        read: Callable[[], Settings],
        store: SQLiteStore,
        listener: socket.socket,
    ) -> None:
        self._settings = settings
        self._store = store
        self._listener = listener
        self._dashboard = Dashboard(settings)
        self._telemetry = self._dashboard.telemetry
        self._writer: Writer[Store] = Writer(store)
        key = read_or_make_key(settings.store_path.with_name(settings.store_path.name + ".key"))
        self._fleet = Fleet(self._writer, self._telemetry, key)
        self._tail = Tail(settings.journal, store.offsets())
        self._live = Live(settings, self._writer, self._fleet.lanes, self._tail, self._telemetry)
        self._live.lifecycle = self
        self._intake = Intake(self._tail, self._writer, self._telemetry, on_new=self._live.wake)
        self._tidying = Tidying(settings.store, self._writer, self._telemetry)
        self._reloader = Reloader(settings, read, self._prepare, self._telemetry)
        self._apps = {False: Switch(), True: Switch()}
        self._ending = Ending(self._fleet, self._intake, self._telemetry)
        self._drain: Drain | None = None

    @contextlib.contextmanager
    def traced(self) -> Iterator[None]:
        """Spans of deliveries are exported within, if there is where to."""
        endpoint, telemetry = self._settings.otlp_endpoint, self._telemetry
        missing, refused = telemetry.spans_not_exported, telemetry.spans_refused
        with open_tracer(endpoint, self._urls, missing, refused) as telemetry.tracer:
            yield

    def _urls(self) -> dict[str, str]:
        return {one.name: one.destination.entity_url for one in self._settings.targets}

    async def run(self) -> None:
        """Until a signal asks for the end. Raises CannotRun and StoreError, maybe in groups."""
        if self._store.report is not None:
            self._telemetry.salvaged(str(self._store.report))
        try:
            self._tail.claim()
        except JournalInUse as error:
            raise CannotRun(str(error)) from error
        async with self._writer:
            async with anyio.create_task_group() as tasks:
                self._tasks = tasks
                put_in_force = await self._prepare(self._settings)
                await tasks.start(self._hear_signals)  # before it says that it started
                put_in_force()
                await tasks.start(self._serve)
                for task in (
                    self._intake.run,
                    self._tidying.run,
                    self._dashboard.run,
                    self._reloader.run,
                ):
                    tasks.start_soon(task)
                tasks.start_soon(self._until_asked, tasks)
            with contextlib.suppress(OSError):
                self._tail.look(afresh=True)
            with contextlib.suppress(StoreError):
                left = await self._draining().left()
                self._telemetry.left(left.customers, left.journal_bytes)
        self._telemetry.stopped()

    async def reload(self) -> dict[str, Any]:
        """See `admin.Controls`."""
        return await self._reloader.reload()

    def document(self) -> dict[str, Any]:
        """See `live.Lifecycle`."""
        draining = None if self._drain is None else self._drain.document()
        return {"reload": self._reloader.last, "draining": draining}

    async def _prepare(self, settings: Settings) -> Callable[[], None]:
        """What puts these settings in force. Raises OSError and StoreError."""
        lanes = await self._fleet.make(settings)
        return lambda: self._put_in_force(settings, lanes)

    def _put_in_force(self, settings: Settings, lanes: Sequence[Lane]) -> None:
        """All at once: nothing else runs meanwhile, and nothing of it fails."""
        self._settings = settings
        start_log(settings.log_level, settings.log_format)
        self._telemetry.retarget([target.name for target in settings.targets])
        self._fleet.put(lanes, settings.pace.rate, self._tasks)
        self._live.adopt(settings, lanes)
        self._store.rest_us = int(settings.pace.rest_s * 1e6)
        self._tidying.keep(settings.store)
        self._dashboard.attend(self._live, {lane.name: lane.forwarder for lane in lanes})
        self._dashboard.adopt(settings)
        target_of = assignment(settings.targets)
        self._intake.assign(target_of)
        self._door = make_door(
            settings, self._writer, self._telemetry, on_new=self._live.wake, target_of=target_of
        )
        self._live.door = self._door
        for trusted, switch in self._apps.items():
            switch.app = create_app(
                live=self._live.stuck,
                ready=self._ready,
                metrics=self._metrics,
                controls=self._live,
                dashboard=self._dashboard,
                door=self._door,
                key=settings.http.key,
                trusted=trusted,
            )

    async def _serve(self, *, task_status: TaskStatus[None]) -> None:
        """Serve all over TCP, the commands over the Unix socket as well."""
        sockets = {False: self._listener}
        if (local := listen_locally(self._settings.http.socket)) is not None:
            sockets[True] = local.listener
        self._servers = [_Server(configure(self._apps[trusted])) for trusted in sockets]
        async with contextlib.AsyncExitStack() as stack:
            if local is not None:
                stack.callback(local.remove)
            tasks = await stack.enter_async_context(anyio.create_task_group())
            for server, listener in zip(self._servers, sockets.values(), strict=True):
                tasks.start_soon(server.serve, [listener])
            host, port = self._listener.getsockname()[:2]
            self._telemetry.started(
                f"http://{host}:{port}",
                str(self._settings.journal),
                str(self._settings.store_path),
                " ".join(one.destination.entity_url for one in self._settings.targets),
            )
            task_status.started()

    async def _hear_signals(self, *, task_status: TaskStatus[None]) -> None:
        signals = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
        with anyio.open_signal_receiver(*signals) as heard:
            task_status.started()
            async for number in heard:
                if number == signal.SIGHUP:
                    self._reloader.ask()
                else:
                    self._ending.ask()

    async def _until_asked(self, tasks: TaskGroup) -> None:
        await self._ending.asked()
        self._reloader.end()
        self._door.close()
        self._drain = self._draining()
        await self._ending.carry_out(self._drain)
        await self._dashboard.close()
        for server in self._servers:
            server.should_exit = True
        tasks.cancel_scope.cancel()

    def _draining(self) -> Drain:
        return Drain(
            self._fleet,
            self._intake,
            lambda: self._tail.lag_bytes,
            self._writer,
            self._telemetry,
            self._settings.drain_s,
        )

    async def _ready(self) -> str | None:
        if self._ending.is_asked_for:
            return "it stops"
        try:
            os.scandir(self._settings.journal).close()
        except OSError as error:
            return f"journal: {error.strerror}"
        try:
            await self._writer.run(lambda store: store.counts(time.time_ns() // 1000))
        except StoreError as error:
            return f"store: {error}"
        return None

    async def _metrics(self, accept: str) -> tuple[bytes, str] | None:
        try:
            counts = await self._writer.run(Store.counts_by_target, time.time_ns() // 1000)
        except StoreError:
            return None
        return self._telemetry.exposition(counts, accept), media_type(accept)
