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
from collections.abc import Iterator, Sequence
from typing import Final

import anyio
import uvicorn
from anyio.abc import TaskGroup, TaskStatus

from frontdesk_sidecar.dashboard.desk import Dashboard
from frontdesk_sidecar.endpoints import create_app
from frontdesk_sidecar.forward.pace import Pace
from frontdesk_sidecar.forward.verdict import SECOND
from frontdesk_sidecar.ingest.door import Door
from frontdesk_sidecar.ingest.wiring import make_door
from frontdesk_sidecar.journal.intake import Intake
from frontdesk_sidecar.journal.tail import JournalInUse, Tail
from frontdesk_sidecar.lanes import Lane, assignment, make_lanes
from frontdesk_sidecar.live import Live
from frontdesk_sidecar.openings import CannotRun, listen, listen_locally, make_journal
from frontdesk_sidecar.sap.commerce import Commerce
from frontdesk_sidecar.settings import Settings
from frontdesk_sidecar.store import Store, StoreError
from frontdesk_sidecar.store.damage import suspect
from frontdesk_sidecar.store.sqlite import SQLiteStore
from frontdesk_sidecar.store.writer import Writer
from frontdesk_sidecar.upkeep import Tidying

__all__ = ["CannotRun", "run"]

#: How long what is under way may take after SIGTERM. Nothing is lost when it takes longer: what
#: was not settled is due again at the next start.
GRACE_S: Final = 8.0


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
    # Connections inherit it; else the end of an answer waits for an acknowledgement of its head.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        with _store(settings) as store:
            anyio.run(_Sidecar(settings, store, listener).run)
    finally:
        listener.close()


@contextlib.contextmanager
def _store(settings: Settings) -> Iterator[SQLiteStore]:
    """The open store. Raises CannotRun when it cannot be opened, or failed on the way."""
    path, now, pace = settings.store.path, time.time_ns() // 1000, settings.pace
    longest_s = _longest_s(pace)
    try:
        with SQLiteStore.open(
            path,
            rest_us=int(pace.rest_s * SECOND),
            quiet_until=now + int(pace.rest_s * SECOND),
            latest=now + int(longest_s * SECOND),
            max_bytes=settings.store.max_bytes,
            ballast_bytes=settings.store.ballast_bytes,
        ) as store:
            yield store
    except StoreError as error:
        raise CannotRun(f"store {path}: {error}") from error
    except BaseExceptionGroup as group:
        if (reason := _first(group, CannotRun)) is not None:
            raise CannotRun(str(reason)) from group
        failure = _first(group, StoreError)
        if failure is None:
            # Whatever it was: a value that is not of its type would be met again, start by start.
            suspect(path)
            raise
        # Started anew, the sidecar reads the journal from where the store last committed.
        raise CannotRun(f"store {path}: {failure}") from group


def _longest_s(pace: Pace) -> float:
    """No customer is ever due later than after so many seconds."""
    refused_s = pace.reject_base_s * 2.0 ** min(pace.reject_tries, 10)
    return max(pace.retry_cap_s + pace.rest_s, refused_s)


def _first(group: BaseExceptionGroup, kind: type[Exception]) -> BaseException | None:
    """The first exception of a kind in a tree of groups."""
    for error in group.exceptions:
        found = _first(error, kind) if isinstance(error, BaseExceptionGroup) else error
        if isinstance(found, kind):
            return found
    return None


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

    def __init__(self, settings: Settings, store: SQLiteStore, listener: socket.socket) -> None:
        self._settings = settings
        self._store = store
        self._listener = listener
        self._dashboard = Dashboard(settings)
        self._telemetry = self._dashboard.telemetry
        self._writer: Writer[Store] = Writer(store)
        self._servers: list[uvicorn.Server] = []

    async def run(self) -> None:
        settings, writer, telemetry = self._settings, self._writer, self._telemetry
        if self._store.report is not None:
            telemetry.salvaged(str(self._store.report))
        tail = Tail(settings.journal, self._store.offsets())
        try:
            tail.claim()
        except JournalInUse as error:
            raise CannotRun(str(error)) from error
        async with contextlib.AsyncExitStack() as stack:
            clients = [
                await stack.enter_async_context(Commerce(target.destination))
                for target in settings.targets
            ]
            await stack.enter_async_context(writer)
            lanes = await make_lanes(
                settings, clients, writer, telemetry, longest_s=_longest_s(settings.pace)
            )
            live = Live(settings, writer, lanes, tail, telemetry)
            await live.restore()
            self._dashboard.attend(live, {lane.name: lane.forwarder for lane in lanes})
            target_of = assignment(settings.targets)
            intake = Intake(tail, writer, telemetry, on_new=live.wake, target_of=target_of)
            door = make_door(settings, writer, telemetry, on_new=live.wake, target_of=target_of)
            async with anyio.create_task_group() as tasks:
                asked = await tasks.start(self._hear_signal)  # before it says that it started
                await tasks.start(self._serve, live, door)
                for task in (
                    intake.run,
                    Tidying(settings.store, writer, telemetry).run,
                    self._dashboard.run,
                    *(task for lane in lanes for task in lane.runs),
                ):
                    tasks.start_soon(task)
                tasks.start_soon(self._until_asked, asked, tasks, lanes)
        telemetry.stopped()

    async def _serve(self, live: Live, door: Door, *, task_status: TaskStatus[None]) -> None:
        """Serve all over TCP, the commands over the Unix socket as well."""
        http, key = self._settings.http, self._settings.http.key
        sockets = {False: self._listener}
        if (local := listen_locally(http.socket)) is not None:
            sockets[True] = local.listener
        async with contextlib.AsyncExitStack() as stack:
            if local is not None:
                stack.callback(local.remove)
            tasks = await stack.enter_async_context(anyio.create_task_group())
            for trusted, listener in sockets.items():
                app = create_app(
                    live=live.stuck,
                    ready=self._ready,
                    metrics=self._metrics,
                    controls=live,
                    dashboard=self._dashboard,
                    door=door,
                    key=key,
                    trusted=trusted,
                )
                server = _Server(
                    uvicorn.Config(
                        app, log_config=None, access_log=False, lifespan="off", ws="none"
                    )
                )
                self._servers.append(server)
                tasks.start_soon(server.serve, [listener])
            host, port = self._listener.getsockname()[:2]
            self._telemetry.started(
                f"http://{host}:{port}",
                str(self._settings.journal),
                str(self._settings.store_path),
                " ".join(one.destination.entity_url for one in self._settings.targets),
            )
            task_status.started()

    async def _hear_signal(self, *, task_status: TaskStatus[anyio.Event]) -> None:
        asked = anyio.Event()
        with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            task_status.started(asked)
            async for _ in signals:
                asked.set()

    async def _until_asked(
        self, asked: anyio.Event, tasks: TaskGroup, lanes: Sequence[Lane]
    ) -> None:
        await asked.wait()
        # A name that is being resolved, or a secret on a volume that hangs, holds a thread that
        # Python would wait for. Nothing depends on an orderly end.
        threading.Thread(target=_end_anyway, daemon=True).start()
        self._telemetry.stopping()
        await self._dashboard.close()
        for lane in lanes:
            lane.forwarder.stop()
        with anyio.move_on_after(GRACE_S):
            for lane in lanes:
                await lane.forwarder.stopped.wait()
        for server in self._servers:
            server.should_exit = True
        tasks.cancel_scope.cancel()

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
            counts = await self._writer.run(Store.counts_by_target, time.time_ns() // 1000)
        except StoreError:
            return None
        return self._telemetry.exposition(counts)
