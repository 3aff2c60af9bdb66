"""What other watchers of ASGI apps got wrong, and where it is shown that this one does not.

Being an ASGI object

- Taken for ASGI 2 or WSGI (encode/uvicorn#900, getsentry/sentry-python#556), or called as a
  factory because of `*args`: `test_asgi.test_it_is_an_asgi_3_app`; Hypercorn, gunicorn and
  uvicorn each find the interface by themselves in `test_asgi_servers`.
- Websocket and lifespan scopes without a method (getsentry/sentry-python#700,
  simonw/asgi-csrf#15): `test_asgi.test_what_is_no_login_passes_untouched`, and on a server
  `test_asgi_servers.test_websockets`; lifespan state in `test_wrap.test_on_a_server`.
- Optional keys taken for granted (encode/starlette#935): `test_asgi.test_missing_keys`.
- Unknown message types: `test_asgi.test_every_message_is_handed_on_itself`.
- State on the middleware object (open-telemetry/opentelemetry-python-contrib#5081):
  `test_asgi.test_interleaved_requests_are_not_mixed`.
- Raising into the host, rewriting its errors (getsentry/sentry-python#4827):
  `test_asgi.test_errors_of_ours_are_counted_and_nothing_else`, `…errors_of_the_app_are_the_app_s`,
  `…cancellation_passes`.

BaseHTTPMiddleware

- Its cost is a matter of benchmarks, not of tests; that we are none: here.
- Context variables set by the endpoint are not seen outside (encode/starlette#1081): here, we use
  the scope.
- Background tasks, hidden disconnects (encode/starlette#919, #1438): here, and
  `test_asgi_servers.test_background_tasks`, `…test_a_client_that_leaves`.

The request

- Reading the body takes it from the app (encode/starlette#495, getsentry/sentry-python#7285): here.
- Uploads held in memory (elastic/apm-agent-python#1948): here.
- Passwords (getsentry/sentry-python#6283): `test_asgi.test_secrets_stay`.
- `path` and `root_path` (DataDog/dd-trace-py#8614): `test_rules.test_finding_rules`, the section
  on paths of `test_asgi_servers`.
- HEAD, OPTIONS, 401, 302: `test_asgi.test_what_is_no_login_passes_untouched`, `…test_failures`.

The response

- Rebuilt with one of two cookies: `test_asgi_servers.test_uvicorn`, `…not_a_byte_is_different`.
- Streams joined (trallnag/prometheus-fastapi-instrumentator#236):
  `test_asgi_servers.test_streams_pass_chunk_by_chunk`, `test_asgi.test_chunks_leave_at_once`.
- The order of compression: `test_asgi_servers.test_beside_other_middleware`, both ways round.
- Several body messages, an empty last one: `test_asgi.test_every_message_is_handed_on_itself`.
- An error after the start, a client that is gone: `test_asgi.test_errors_of_the_app_are_the_app_s`,
  `test_asgi_servers.test_a_client_that_leaves`.

When the work is done

- Awaiting the remote system, a sync client in an async handler: `test_asgi.exchange` runs whole
  logins without an event loop, so nothing of ours ever waits; the `nothing_blocks` fixture.
- A BackgroundTask, a task that is forgotten, a thread beside the app
  (getsentry/sentry-python#2824): here.
- "After send" is not "after the answer is out" (MagicStack/uvloop#631): the note is written before;
  `test_asgi.test_the_note_is_written_before_the_last_chunk_leaves`, on both loops.

The channel

- A full or dead receiver (DataDog/datadogpy#514), message boundaries, the kernel's buffers, waking
  the reader: there is no receiver, socket or buffer; a line is one write to a file, whether or not
  anybody reads: `test_journal.test_a_line_is_one_write`, `…missing_directory_costs_a_look…`.
- Log storms (elastic/apm-agent-python#476): `test_desk.test_warnings_are_rare_and_say_nothing`.
- Memory that grows when the far end is slow: there is no queue on a memory-backed directory;
  elsewhere `test_journal.test_a_stalled_disk`.

Fork, exit, several workers

- Threads do not survive a fork (segmentio/analytics-python#171): nothing is started before the
  first login: here and `test_asgi_servers.test_several_workers`, `test_journal.test_a_fork_…`.
- `atexit` never runs under uvicorn (encode/uvicorn#1600): there is nothing to flush on memory:
  here and `test_journal.test_a_kill_right_after_the_append`. On a disk what is queued dies with
  the process, which is said in the documentation and is no subject of a test.
- Only the default number of workers tested: `test_asgi_servers.test_several_workers`.
"""

import asyncio
import contextvars
import os
import subprocess
import sys
import threading
import tracemalloc
from pathlib import Path

import anyio
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from asgi_support import (
    JANE,
    Server,
    answering,
    as_json,
    chunk,
    emails,
    finish,
    logging_in,
    read_messages,
    said,
    scope_of,
    started,
)
from frontdesk import CaptureMiddleware
from frontdesk.asgi import Receive, Send
from frontdesk.exchange import Message, Scope

USER = contextvars.ContextVar("user", default="nobody")


class Passing(BaseHTTPMiddleware):
    """Runs the app in another task, and so in another context."""

    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        """Go on."""
        return await call_next(request)


def test_we_are_no_base_http_middleware() -> None:
    """The class is a plain ASGI object."""
    assert CaptureMiddleware.__mro__ == (CaptureMiddleware, object)


async def test_the_state_is_seen_from_any_task(journal: Path) -> None:
    """What the endpoint leaves in the state arrives, though its context variables do not."""

    async def login(request: Request) -> Response:
        USER.set(JANE)
        request.state.user = {"email": USER.get()}
        return Response(status_code=204)

    seen: list[str] = []

    async def outermost(scope: Scope, receive: Receive, send: Send) -> None:
        await app(scope, receive, send)
        seen.append(USER.get())

    app = Starlette(
        routes=[Route("/login", login, methods=["POST"])],
        middleware=[Middleware(CaptureMiddleware, journal=journal), Middleware(Passing)],
    )
    await Server(said(b"{}")).call(outermost, scope_of())
    assert seen == ["nobody"]
    assert emails(journal) == [JANE]


async def test_a_disconnect_is_seen_through_us(journal: Path) -> None:
    """The app hears that the client has gone, also while it answers."""
    heard: list[bool] = []

    async def login(request: Request) -> Response:
        await request.body()
        heard.append(await request.is_disconnected())
        return Response(status_code=204)

    app = CaptureMiddleware(
        Starlette(routes=[Route("/login", login, methods=["POST"])]), journal=journal
    )
    await Server(said(as_json({"email": JANE}))).call(app, scope_of())
    assert heard == [True]
    assert emails(journal) == [JANE]


@pytest.mark.parametrize("is_read", [True, False], ids=["read", "unread"])
def test_receive_is_called_by_the_app_alone(journal: Path, is_read: bool) -> None:
    """The body is the app's: nothing is taken before it, after it or instead of it."""
    asked: list[str] = []
    server = Server(said(b'{"a":', more=True), said(b"1}"))

    async def receive() -> Message:
        asked.append("server")
        return await server.receive()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for _ in range(2 if is_read else 0):
            asked.append("app")
            await receive()
        await send(started())
        await send(chunk(as_json({"email": JANE})))

    finish(CaptureMiddleware(app, journal=journal)(scope_of(), receive, server.send))
    assert asked == (["app", "server"] * 2 if is_read else [])
    assert emails(journal) == [JANE]


async def test_a_middleware_that_reads_the_body_for_the_app(journal: Path) -> None:
    """Others may read the body first and give it to the app again: we see what passes us."""
    content = as_json({"email": JANE})

    async def rereading(scope: Scope, receive: Receive, send: Send) -> None:
        first = await receive()

        async def again() -> Message:
            return first

        await answering(started(204), chunk())(scope, again, send)

    await Server(said(content)).call(CaptureMiddleware(rereading, journal=journal), scope_of())
    inner = CaptureMiddleware(answering(started(204), chunk()), journal=journal)

    async def outside(scope: Scope, receive: Receive, send: Send) -> None:
        first = await receive()

        async def again() -> Message:
            return first

        await inner(scope, again, send)

    await Server(said(content)).call(outside, scope_of())
    assert emails(journal) == [JANE, JANE]


@pytest.mark.parametrize(
    "kind", [b"multipart/form-data; boundary=x", b"application/json", b"image/png"]
)
def test_uploads_are_not_held(journal: Path, kind: bytes) -> None:
    """Megabytes that pass through a login's route leave nothing in memory."""
    megabyte = 1024 * 1024
    left = 30

    async def receive() -> Message:
        nonlocal left
        left -= 1
        return said(bytes(megabyte), more=left > 0)

    app = CaptureMiddleware(logging_in(), journal=journal)
    server = Server()
    tracemalloc.start()
    try:
        finish(app(scope_of(content_type=kind), receive, server.send))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert left == 0
    assert peak < 4 * megabyte
    assert emails(journal) == [JANE]


async def test_no_task_timer_or_thread(journal: Path) -> None:
    """When the request is over nothing of ours goes on, and nothing was handed to the loop."""
    app = CaptureMiddleware(logging_in(), journal=journal)
    loop, scheduled = asyncio.get_running_loop(), []
    tasks, threads = asyncio.all_tasks(), threading.enumerate()
    with pytest.MonkeyPatch.context() as patched:
        names = ("call_soon", "call_later", "call_at", "create_task", "run_in_executor")
        for name in names if isinstance(loop, asyncio.BaseEventLoop) else ():  # not uvloop's
            patched.setattr(loop, name, lambda *args, name=name, **more: scheduled.append(name))
        await Server(said(b"{}")).call(app, scope_of())
    assert scheduled == []
    assert asyncio.all_tasks() == tasks
    assert threading.enumerate() == threads
    assert emails(journal) == [JANE]


async def test_a_slow_client_holds_up_nobody_else(journal: Path) -> None:
    """While one answer waits for its client, others are noted and answered."""
    release = anyio.Event()
    sent: list[str] = []

    async def slow(message: Message) -> None:
        await release.wait()
        sent.append("slow")

    app = CaptureMiddleware(logging_in(), journal=journal)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(app, scope_of(), Server(said(b"{}")).receive, slow)
        await Server(said(b"{}"), on_send=lambda message: sent.append("fast")).call(app, scope_of())
        release.set()
    assert sent == ["fast", "fast", "slow", "slow"]
    assert emails(journal) == [JANE, JANE]


def test_nothing_is_started_or_registered(journal: Path) -> None:
    """Import, construction and a login leave no thread, exit hook, fork hook or signal handler."""
    script = """
import asyncio, atexit, logging, os, queue, random, signal, sys, threading
handlers = {number: signal.getsignal(number) for number in signal.valid_signals()}
hooks, forks = atexit._ncallbacks(), []
os.register_at_fork = lambda **options: forks.append(options)
import frontdesk
from asgi_support import Server, finish, logging_in, said, scope_of
app = frontdesk.CaptureMiddleware(logging_in(), journal=sys.argv[1])
assert os.listdir(sys.argv[1]) == []
opened = set(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else None
finish(Server(said(b"{}")).call(app, scope_of()))
assert len(os.listdir(sys.argv[1])) == 1
assert opened is None or len(os.listdir("/proc/self/fd")) == len(opened) + 1
assert threading.enumerate() == [threading.main_thread()]
assert atexit._ncallbacks() == hooks
assert forks == []
assert handlers == {number: signal.getsignal(number) for number in signal.valid_signals()}
assert not [name for name in sys.modules if name.startswith("frontdesk_sidecar")]
assert logging.getLogger("frontdesk").handlers == []
assert asyncio.events._get_running_loop() is None
"""
    support = str(Path(__file__).parents[1] / "support")
    done = subprocess.run(
        [sys.executable, "-c", script, str(journal)],
        env={**os.environ, "PYTHONPATH": support},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert len(read_messages(journal)) == 1
