"""The middleware, driven by hand: what it notes, and that it interferes with nothing."""

import asyncio
import contextlib
import gc
import gzip
import inspect
import logging
import os
import weakref
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asgi_support import (
    FORM,
    HTML,
    JANE,
    JSON,
    SECRET,
    Server,
    answering,
    as_json,
    chunk,
    emails,
    finish,
    logging_in,
    read_counts,
    read_lines,
    read_messages,
    said,
    scope_of,
    started,
)
from frontdesk import Capture, CaptureMiddleware, ConfigurationError, Rule
from frontdesk import desk as desk_module
from frontdesk import journal as journal_module
from frontdesk.asgi import ASGIApp, Receive, Send
from frontdesk.event import COUNTS, LOGGED_IN, SIGNED_UP
from frontdesk.exchange import MAX_BODY_BYTES, Body, Message, Scope
from frontdesk.notes import MARK

Wrap = Callable[..., CaptureMiddleware]
ANSWER = as_json({"user": {"email": JANE}})


@pytest.fixture
def wrap(journal: Path) -> Wrap:
    """Puts the middleware around an app."""

    def made(app: ASGIApp, **options: Any) -> CaptureMiddleware:
        return CaptureMiddleware(app, **{"journal": journal, **options})

    return made


class Recorder:
    """An app that keeps what it is called with and answers nothing."""

    def __init__(self) -> None:
        self.calls: list[tuple[Scope, Receive, Send]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.calls.append((scope, receive, send))


# The hot path


def test_it_is_an_asgi_3_app(wrap: Wrap) -> None:
    """Servers that look for a coroutine function find one, with exactly three parameters."""
    call = wrap(Recorder()).__call__
    assert inspect.iscoroutinefunction(call)
    assert list(inspect.signature(call).parameters) == ["scope", "receive", "send"]
    with pytest.raises(TypeError):
        call()  # type: ignore[call-arg, unused-coroutine] # uvicorn tries this for factories


@pytest.mark.parametrize(
    "scope",
    [
        scope_of("/"),
        scope_of("/cart"),
        scope_of("/login", "GET"),
        scope_of("/login", "HEAD"),
        scope_of("/login", "OPTIONS"),
        scope_of("/login", "PUT"),
        scope_of("/login", "post"),
        scope_of("/logout"),
        scope_of("/cart", root_path="/shop"),
        {"type": "websocket", "path": "/login", "headers": []},
        {"type": "websocket", "path": "/chat", "headers": [], "root_path": "/shop"},
        {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}},
        {"type": "lifespan"},
        {"type": "something.new", "path": "/login"},
        {"type": "http", "path": "/cart", "method": "POST"},
    ],
    ids=range(15),
)
async def test_what_is_no_login_passes_untouched(wrap: Wrap, scope: Scope, journal: Path) -> None:
    """The app gets the server's very own scope, `receive` and `send`, unchanged."""
    app, before = Recorder(), dict(scope)
    server = await Server().call(wrap(app), scope)
    ((got_scope, receive, send),) = app.calls
    assert got_scope is scope
    assert scope == before
    assert receive is server.receive
    assert send is server.send
    assert os.listdir(journal) == []


async def test_a_template_looks_at_more_and_touches_no_more(wrap: Wrap) -> None:
    """With a template in the rules, other requests still pass untouched."""
    app = Recorder()
    wrapped = wrap(app, rules=[Rule(LOGGED_IN, "/{site}/session")])
    for scope in (scope_of("/cart"), scope_of("/a/b/session"), {"type": "lifespan"}):
        server = await Server().call(wrapped, scope)
        assert app.calls[-1][0] is scope
        assert app.calls[-1][1:] == (server.receive, server.send)


def test_nothing_is_opened_when_made(wrap: Wrap, journal: Path) -> None:
    """Neither the import nor the construction touches the journal."""
    wrap(Recorder())
    assert list(journal.iterdir()) == []


def test_a_missing_journal_is_no_error_when_made(tmp_path: Path) -> None:
    """The sidecar's volume may come later."""
    CaptureMiddleware(Recorder(), journal=tmp_path / "later")
    assert list(tmp_path.iterdir()) == []


def test_wrong_settings_are_told_when_made() -> None:
    """Who starts the app hears of it, not the shopper."""
    with pytest.raises(ConfigurationError, match="nope"):
        CaptureMiddleware(Recorder(), presets=("nope",))


async def test_options_over_settings(journal: Path) -> None:
    """What is given by name counts more than the settings; rules are asked before theirs."""
    settings = Capture(
        journal="/not/this",
        site="a",
        presets=(),
        rules=[Rule(LOGGED_IN, "/x"), Rule(LOGGED_IN, "/y")],
    )
    app = CaptureMiddleware(
        logging_in(),
        settings=settings,
        journal=str(journal),
        site="b",
        rules=[Rule(SIGNED_UP, "/x")],
        presets=(),
    )
    for path in ("/x", "/y", "/login"):
        await Server(said(b"{}")).call(app, scope_of(path))
    messages = read_messages(journal)
    assert [(m.event, m.route, m.site) for m in messages] == [
        (SIGNED_UP, "POST /x", "b"),
        (LOGGED_IN, "POST /y", "b"),
    ]


async def test_settings_of_the_environment(journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without arguments the environment says where the journal is."""
    monkeypatch.setenv("FRONTDESK_JOURNAL", str(journal))
    await Server(said(b"{}")).call(CaptureMiddleware(logging_in()), scope_of())
    assert emails(journal) == [JANE]


# A watched exchange


async def test_a_login(wrap: Wrap, journal: Path) -> None:
    """A JSON login becomes one message."""
    await Server(said(b"{}")).call(wrap(logging_in(), site="garden"), scope_of("/auth/login/"))
    (message,) = read_messages(journal)
    assert (message.event, message.route, message.site) == (LOGGED_IN, "POST /auth/login", "garden")
    assert message.traits == {"email": JANE}


MANY: list[Message] = [
    {"type": "http.response.debug", "info": {"template": None}},
    {"type": "http.response.early_hint", "links": []},
    {"type": "http.response.push", "path": "/style.css", "headers": []},
    started(200, JSON, (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")),
    chunk(ANSWER[:5], more=True),
    chunk(b"", more=True),
    {"type": "something.new"},
    chunk(ANSWER[5:], more=True),
    {"type": "http.response.body"},
    {"type": "http.response.trailers", "headers": [], "more_trailers": False},
]


async def test_every_message_is_handed_on_itself(wrap: Wrap, journal: Path) -> None:
    """The very objects, in order, with nothing added, removed or changed."""
    copies = [dict(message) for message in MANY]
    server = await Server(said(b"{}")).call(wrap(answering(*MANY)), scope_of())
    assert len(server.sent) == len(MANY)
    assert all(sent is message for sent, message in zip(server.sent, MANY, strict=True))
    assert copies == MANY
    assert emails(journal) == [JANE]


@pytest.mark.parametrize(
    "ending",
    [
        {"type": "http.response.pathsend", "path": "/tmp/answer.json"},  # noqa: S108 - never opened
        {"type": "http.response.zerocopysend", "file": 3},
        chunk(ANSWER, more=True),
        None,
    ],
    ids=["pathsend", "zerocopysend", "unfinished", "started"],
)
async def test_without_a_last_chunk_nobody_is_identified(
    wrap: Wrap, journal: Path, ending: Message | None
) -> None:
    """A response that we cannot see the end of identifies nobody."""
    messages = [started(), *([] if ending is None else [ending])]
    server = await Server(said(b"{}")).call(wrap(answering(*messages)), scope_of())
    assert server.sent == messages
    assert read_lines(journal) == []


async def test_the_request_is_handed_on_itself(wrap: Wrap) -> None:
    """The app receives the server's very messages, also those after the body."""
    script = [said(b'{"a"', more=True), said(b": 1}"), {"type": "http.disconnect"}]
    got: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for _ in script:
            got.append(await receive())  # noqa: PERF401 - a plain loop is what apps have

    await Server(*script).call(wrap(app), scope_of())
    assert all(one is other for one, other in zip(got, script, strict=True))


async def test_a_request_that_is_of_no_use(wrap: Wrap, journal: Path) -> None:
    """An upload to a login route says nothing, and reaches the app as it is."""
    script = [said(b"\x89PNG", more=True), said(as_json({"email": JANE}))]
    got: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        got.extend([await receive(), await receive()])
        await answering(started(204), chunk())(scope, receive, send)

    await Server(*script).call(wrap(app), scope_of(content_type=b"image/png"))
    assert all(one is other for one, other in zip(got, script, strict=True))
    assert read_lines(journal) == []


async def test_a_stream_is_not_held(wrap: Wrap, journal: Path) -> None:
    """Of Server-Sent Events nothing is kept, and they are counted when they begin."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(started(200, b"text/event-stream"))
        await send(chunk(ANSWER, more=True))
        assert wrapped.desk.statistics() == {"skipped.stream": 1}
        await send(chunk())

    wrapped = wrap(app)
    await Server().call(wrapped, scope_of())
    assert wrapped.desk.statistics() == {"skipped.stream": 1}
    assert read_lines(journal) == []


async def test_chunks_leave_at_once(wrap: Wrap) -> None:
    """A chunk is with the server before the app makes the next."""
    log: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(started())
        for number in range(3):
            log.append(f"made {number}")
            await send(chunk(b"x", more=True))
        await send(chunk())

    def on_send(message: Message) -> None:
        log.append(f"sent {message.get('body', message['type'])!r}")

    await Server(on_send=on_send).call(wrap(app), scope_of())
    assert log == [
        "sent 'http.response.start'",
        *[line for number in range(3) for line in (f"made {number}", "sent b'x'")],
        "sent b''",
    ]


@pytest.mark.parametrize("is_split", [False, True], ids=["one", "several"])
async def test_the_note_is_written_before_the_last_chunk_leaves(
    wrap: Wrap, journal: Path, is_split: bool
) -> None:
    """When the server is handed the last chunk the login is in the journal, and not earlier."""
    written: list[int] = []

    def on_send(message: Message) -> None:
        written.append(len(read_lines(journal)))

    messages = [chunk(ANSWER, more=True), chunk()] if is_split else [chunk(ANSWER)]
    server = Server(said(b"{}"), on_send=on_send)
    await server.call(wrap(answering(started(), *messages)), scope_of())
    assert written == [0] * len(messages) + [1]


async def test_missing_keys(wrap: Wrap, journal: Path) -> None:
    """Messages and scopes without their optional keys pass, and still identify."""
    messages: list[Message] = [
        {"type": "http.response.start", "status": 204},
        {"type": "http.response.body"},
    ]
    scope = {
        "type": "http",
        "path": "/login",
        "method": "POST",
        "headers": [(b"content-type", JSON)],
    }
    app = wrap(answering(*messages))
    server = await Server(said(as_json({"email": JANE}))).call(app, scope)
    assert server.sent == messages
    assert emails(journal) == [JANE]
    await Server({"type": "http.request"}).call(app, {**scope, "headers": []} | {MARK: 1})
    bare = {"type": "http", "path": "/login", "method": "POST"}
    assert (await Server().call(app, bare)).sent == messages
    assert app.desk.statistics() == {"skipped.anonymous": 1}


@pytest.mark.parametrize(
    "make", [iter, lambda pairs: (pair for pair in pairs)], ids=["iter", "gen"]
)
async def test_headers_that_can_be_read_once(wrap: Wrap, make: Any) -> None:
    """ASGI's headers are an iterable: an app may send a generator, and the server reads it."""
    pairs = [(b"content-type", JSON), (b"set-cookie", b"session=1")]
    arrived: list[Any] = []

    def on_send(message: Message) -> None:
        arrived.extend(message.get("headers", ()))

    start = {"type": "http.response.start", "status": 200, "headers": make(pairs)}
    await Server(on_send=on_send).call(wrap(answering(start, chunk(ANSWER))), scope_of())
    assert arrived == pairs


async def test_an_answer_before_the_request_was_read(wrap: Wrap, journal: Path) -> None:
    """An app may answer without reading; the answer alone is looked at."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(started())
        await send(chunk(ANSWER))
        await receive()

    await Server(said(as_json({"email": "other@example.com"}))).call(wrap(app), scope_of())
    assert emails(journal) == [JANE]


@pytest.mark.parametrize("place", range(4))
async def test_errors_of_the_app_are_the_app_s(wrap: Wrap, journal: Path, place: int) -> None:
    """The app's error passes as it is; only what it had finished before is noted."""
    error = LookupError("the app's own")

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for number, message in enumerate([started(), chunk(ANSWER, more=True), chunk()]):
            if number == place:
                raise error
            await send(message)
        raise error

    server = Server(said(b"{}"))
    wrapped = wrap(app)
    with pytest.raises(LookupError) as caught:
        await wrapped(scope_of(), server.receive, server.send)
    assert caught.value is error
    assert error.__cause__ is None
    assert error.__context__ is None
    assert len(server.sent) == place
    assert emails(journal) == ([JANE] if place == 3 else [])
    assert wrapped.desk.statistics() == ({} if place == 3 else {"skipped.unfinished": 1})


async def test_errors_of_the_server_are_the_server_s(wrap: Wrap) -> None:
    """What the server's `send` raises, the app sees."""
    seen: list[Exception] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await send(started())
        except OSError as error:
            seen.append(error)
            raise

    def on_send(message: Message) -> None:
        raise OSError("client gone")

    wrapped = wrap(app)
    with pytest.raises(OSError, match="client gone"):
        await Server(on_send=on_send).call(wrapped, scope_of())
    assert len(seen) == 1
    assert wrapped.desk.statistics() == {"skipped.unfinished": 1}


@pytest.mark.parametrize("where", ["receive", "send", "app"])
async def test_cancellation_passes(wrap: Wrap, journal: Path, where: str) -> None:
    """A cancelled request is cancelled, wherever it waits, and identifies nobody."""
    waiting, ended = anyio.Event(), []

    async def wait() -> None:
        waiting.set()
        await anyio.sleep_forever()

    async def receive() -> Message:
        if where == "receive":
            await wait()
        return said(b"{}")

    async def send(message: Message) -> None:
        if where == "send":
            await wait()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await receive()
            await send(started())
            if where == "app":
                await wait()
            await send(chunk(ANSWER))
        except asyncio.CancelledError:
            ended.append(where)
            raise

    wrapped = wrap(app)
    task = asyncio.ensure_future(wrapped(scope_of(), receive, send))
    await waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == [where]
    assert read_lines(journal) == []
    assert wrapped.desk.statistics() == {"skipped.unfinished": 1}


FAULTS: list[tuple[object, str]] = [
    (Rule, "judge"),
    (Body, "feed"),
    (Body, "__init__"),
    (desk_module.Desk, "note"),
    (desk_module, "encode"),
    (journal_module.Journal, "append"),
]


@pytest.mark.parametrize(("owner", "name"), FAULTS, ids=[name for _, name in FAULTS])
async def test_errors_of_ours_are_counted_and_nothing_else(
    wrap: Wrap,
    journal: Path,
    owner: object,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whatever breaks on our side: the same response, a count, a log line without a value."""

    def broken(*args: object, **options: object) -> None:
        raise RuntimeError(f"{SECRET} {JANE}")

    monkeypatch.setattr(owner, name, broken)
    caplog.set_level(logging.DEBUG)
    wrapped = wrap(answering(*MANY))
    for _ in range(3):
        server = await Server(said(b"{}", more=True), said(b"")).call(wrapped, scope_of())
        assert all(sent is message for sent, message in zip(server.sent, MANY, strict=True))
    assert wrapped.desk.statistics() == {"error": 3}
    assert len(caplog.records) == 1
    assert caplog.records[0].levelno == logging.WARNING
    assert "RuntimeError" in caplog.text
    assert SECRET not in caplog.text
    assert JANE not in caplog.text
    assert read_lines(journal) == []


@pytest.mark.parametrize(
    "messages",
    [
        [{}, started(), chunk(ANSWER)],
        [{"type": "http.response.start"}, chunk(ANSWER)],
        [{"type": "http.response.start", "status": "200"}, chunk(ANSWER)],
        [{"type": "http.response.start", "status": 200, "headers": [5]}, chunk(ANSWER)],
        [{"type": "http.response.start", "status": 200, "headers": None}, chunk(ANSWER)],
        [started(), {"type": "http.response.body", "body": "text"}],
        [started(), {"type": "http.response.body", "body": 5}],
        [chunk(ANSWER)],
        [started(), chunk(ANSWER), chunk(ANSWER), started()],
    ],
    ids=range(9),
)
async def test_wrong_messages_are_the_server_s_to_judge(
    wrap: Wrap, messages: list[Message]
) -> None:
    """What breaks the protocol is handed on like anything else."""
    server = await Server(said(b"{}")).call(wrap(answering(*messages)), scope_of())
    assert all(one is other for one, other in zip(server.sent, messages, strict=True))


async def test_a_wrong_request_message_is_counted(wrap: Wrap, journal: Path) -> None:
    """What we cannot take of a request reaches the app all the same, and ends the watch."""
    wrong: Message = {"type": "http.request", "body": 5}
    wrapped = wrap(logging_in())
    server = await Server(wrong).call(wrapped, scope_of())
    assert len(server.sent) == 2
    assert wrapped.desk.statistics() == {"error": 1}
    assert read_lines(journal) == []


async def test_interleaved_requests_are_not_mixed(wrap: Wrap, journal: Path) -> None:
    """Requests at the same time through one middleware each get their own customer."""
    order = [anyio.Event() for _ in range(10)]

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        number = scope["number"]
        await receive()
        await send(started())
        content = as_json({"user": {"email": f"jane{number}@example.com", "id": number}})
        for byte in content:
            await send(chunk(bytes([byte]), more=True))
            await anyio.lowlevel.checkpoint()
        await order[number].wait()
        await send(chunk())
        if number:
            order[number - 1].set()

    wrapped = wrap(app)
    async with anyio.create_task_group() as tasks:
        for number in range(10):
            tasks.start_soon(Server(said(b"{}")).call, wrapped, scope_of(number=number))
        order[9].set()
    messages = read_messages(journal)
    assert [m.user_id for m in messages] == [str(number) for number in range(9, -1, -1)]
    assert all(m.traits == {"email": f"jane{m.user_id}@example.com"} for m in messages)


async def test_nested_middleware_reports_once(wrap: Wrap, journal: Path) -> None:
    """Twice in the stack, the login is reported once."""
    await Server(said(b"{}")).call(wrap(wrap(wrap(logging_in()))), scope_of())
    assert len(read_lines(journal)) == 1


def test_nothing_waits_for_the_collector(wrap: Wrap) -> None:
    """A request's objects are gone with the last reference, without garbage collection."""

    class TracedScope(dict[str, Any]):
        """A scope that can be referred to weakly."""

    class Failing:
        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            await receive()
            raise KeyError("x")

    gc.disable()
    try:
        for app in (logging_in(), answering(*MANY), answering(started(500), chunk()), Failing()):
            scope = TracedScope(scope_of())
            gone = weakref.ref(scope)
            server = Server(said(b"{}"))
            with contextlib.suppress(KeyError):
                finish(wrap(app)(scope, server.receive, server.send))
            del scope
            assert gone() is None
    finally:
        gc.enable()


def test_errors_of_ours_leave_nothing_either(wrap: Wrap, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even a traceback of ours keeps a request alive."""

    class TracedScope(dict[str, Any]):
        """A scope that can be referred to weakly."""

    def broken(*args: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(Rule, "judge", broken)
    gc.disable()
    try:
        scope = TracedScope(scope_of())
        gone = weakref.ref(scope)
        server = Server(said(b"{}"))
        finish(wrap(logging_in())(scope, server.receive, server.send))
        del scope
        assert gone() is None
    finally:
        gc.enable()


# Bodies


def exchange(wrapped: CaptureMiddleware, sent: Sequence[Message], **scope: Any) -> Server:
    """One request through the middleware, without an event loop."""
    server = Server(*sent)
    return finish(server.call(wrapped, scope_of(**scope)))


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        (JSON, as_json({"email": JANE, "password": SECRET})),
        (FORM, urlencode({"email": JANE, "password": SECRET}).encode()),
        (FORM, urlencode({"username": JANE, "password": SECRET}).encode()),
        (b"application/json; charset=utf-8", as_json({"login": JANE})),
    ],
    ids=range(4),
)
@pytest.mark.parametrize(
    "answer",
    [
        [started(204), chunk()],
        [started(200, JSON), chunk(as_json({"access_token": SECRET, "token_type": "bearer"}))],
        [started(200, JSON), chunk(as_json({"user": {"email": JANE}}))],
    ],
    ids=["cookie", "token", "user"],
)
def test_bodies_both_ways(
    wrap: Wrap, journal: Path, kind: bytes, content: bytes, answer: list[Message]
) -> None:
    """JSON and forms in, tokens, users or nothing but a cookie out."""
    wrapped = wrap(answering(*answer))
    exchange(wrapped, [said(content[:7], more=True), said(content[7:])], content_type=kind)
    assert emails(journal) == [JANE]
    assert SECRET.encode() not in b"".join(read_lines(journal))


@pytest.mark.parametrize(
    ("coding", "packed"),
    [(b"gzip", gzip.compress(ANSWER)), (b"deflate", zlib.compress(ANSWER))],
    ids=["gzip", "deflate"],
)
def test_compressed_answers(wrap: Wrap, journal: Path, coding: bytes, packed: bytes) -> None:
    """A compressed answer is read, and leaves as it is."""
    start = started(200, JSON, (b"content-encoding", coding))
    server = exchange(
        wrap(answering(start, chunk(packed[:20], more=True), chunk(packed[20:]))), [said(b"{}")]
    )
    assert b"".join(message.get("body", b"") for message in server.sent) == packed
    assert emails(journal) == [JANE]


def test_answers_that_cannot_be_read_identify_nobody(wrap: Wrap, journal: Path) -> None:
    """With an unknown coding or too long an answer, nobody knows whether the login failed."""
    request = [said(as_json({"email": JANE}))]
    for answer in (
        [started(200, JSON, (b"content-encoding", b"compress")), chunk(b"\x0b\x02")],
        [started(), *[chunk(b"x" * 8192, more=True)] * 9, chunk()],
        [started(200, JSON, (b"content-encoding", b"gzip")), chunk(gzip.compress(b"x" * 10**7))],
    ):
        wrapped = wrap(answering(*answer))
        exchange(wrapped, request)
    assert wrapped.desk.statistics() == {
        "skipped.unreadable": 2,
        "skipped.unreadable_encoding": 1,
    }
    assert emails(journal) == []


def test_long_requests_are_forgotten(wrap: Wrap, journal: Path) -> None:
    """Beyond the limit the request says nothing, and passes; the answer is still read."""
    filler = [said(b'{"email": "jane@example.com", "x": "', more=True)]
    filler += [said(b"x" * 1024, more=True)] * (MAX_BODY_BYTES // 1024)
    wrapped = wrap(answering(started(204), chunk()))
    exchange(wrapped, [*filler, said(b'"}')])
    assert wrapped.desk.statistics() == {"skipped.anonymous": 1}
    exchange(wrap(logging_in()), [*filler, said(b'"}')])
    assert emails(journal) == [JANE]


def test_every_split_gives_the_same(wrap: Wrap, journal: Path) -> None:
    """Wherever request and answer are cut, the finding is the same."""
    request = as_json({"email": JANE, "firstName": "Jane"})
    answer = as_json({"user": {"id": 7, "lastName": "Doe"}})
    cut = 0

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        halves = chunk(answer[:cut], more=True), chunk(answer[cut:])
        await answering(started(201), *halves)(scope, receive, send)

    wrapped, most = wrap(app), max(len(request), len(answer))
    for cut in range(most + 1):
        exchange(wrapped, [said(request[:cut], more=True), said(request[cut:])], path="/register")
    assert len(read_messages(journal)) == most + 1
    found = {(m.user_id, tuple(sorted(m.traits.items()))) for m in read_messages(journal)}
    assert found == {("7", (("email", JANE), ("firstName", "Jane"), ("lastName", "Doe")))}


HOSTILE: list[bytes] = [
    b"",
    b"{",
    b"null",
    b"[]",
    b'"text"',
    b"\xff\xfe\x00",
    b"[" * 60_000,
    b'{"user":' * 5_000 + b"1" + b"}" * 5_000,
    b'{"email": "jane\\u0000@example.com"}',
    b'{"email": "\\ud800@example.com"}',
    b'{"email": "\xed\xa0\x80@example.com"}',
    b'{"email": ' + b"9" * 5_000 + b"}",
    b'{"email": {"email": {"email": 5}}}',
    b'{"email": "none", "email": "none at all"}',
    b'{"user": {"user": {"user": {"user": null}}}}',
    '{"email": "zoë@exämple.com"}'.encode("latin-1"),
    b"&".join(b"email%d=x" % number for number in range(5_000)),
    b"email=%00&email=%ff&%=%&&&=",
    b"email=%ED%A0%80@example.com",
]


@pytest.mark.parametrize("kind", [JSON, FORM, b"multipart/form-data; boundary=x"], ids=range(3))
@pytest.mark.parametrize("content", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_bodies(wrap: Wrap, journal: Path, content: bytes, kind: bytes) -> None:
    """Nothing is captured, nothing fails, nothing changes, whichever way it goes."""
    wrapped = wrap(answering(started(), chunk(content)))
    server = exchange(wrapped, [said(content)], content_type=kind)
    assert [message.get("body") for message in server.sent] == [None, content]
    counted = wrapped.desk.statistics()
    assert "error" not in counted
    assert counted.keys() <= COUNTS
    assert sum(counted.values()) == 1
    assert read_lines(journal) == []


@given(
    st.binary(max_size=60),
    st.binary(max_size=60),
    st.sampled_from([JSON, FORM, HTML, b"", b"\xff"]),
    st.sampled_from([b"gzip", b"deflate", b"br", b""]),
    st.integers(100, 599),
)
def test_any_bytes_pass(
    request_bytes: bytes, answer: bytes, kind: bytes, coding: bytes, status: int
) -> None:
    """Any request and any answer pass as they are, and never make an error of ours."""
    start = started(status, kind, (b"content-encoding", coding), (b"location", answer))
    wrapped = CaptureMiddleware(answering(start, chunk(answer)), journal="/nowhere/at/all")
    before = wrapped.desk.statistics().get("error", 0)
    server = exchange(wrapped, [said(request_bytes)], content_type=kind)
    assert server.sent == [start, chunk(answer)]
    assert wrapped.desk.statistics().get("error", 0) == before


# Failures identify nobody, successes do


def redirect(location: bytes, status: int = 303) -> list[Message]:
    """A form's redirect."""
    return [started(status, HTML, (b"location", location)), chunk()]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ([started(401), chunk(ANSWER)], "status"),
        ([started(403), chunk(ANSWER)], "status"),
        ([started(409), chunk(ANSWER)], "status"),
        ([started(422), chunk(ANSWER)], "status"),
        ([started(500), chunk(ANSWER)], "status"),
        ([started(200), chunk(as_json({"error": "no", "email": JANE}))], "error_in_answer"),
        ([started(200, HTML), chunk(b"<form>")], "no_json"),
        (redirect(b"/login"), "redirected_back"),
        (redirect(b"/login?error=1"), "redirected_back"),
        (redirect(b"/", 307), "status"),
        ([started(200, b"text/event-stream"), chunk(ANSWER, more=True), chunk()], "stream"),
    ],
    ids=range(11),
)
def test_failures(wrap: Wrap, journal: Path, answer: list[Message], reason: str) -> None:
    """A login that failed identifies nobody, and is counted."""
    wrapped = wrap(answering(*answer))
    exchange(wrapped, [said(urlencode({"email": JANE}).encode())], content_type=FORM)
    assert wrapped.desk.statistics() == {f"skipped.{reason}": 1}
    assert read_lines(journal) == []


@pytest.mark.parametrize(
    ("path", "answer", "event"),
    [
        ("/login", redirect(b"/account"), LOGGED_IN),
        ("/login", redirect(b"/", 302), LOGGED_IN),
        ("/login", [started(204), chunk()], LOGGED_IN),
        ("/token", [started(), chunk(as_json({"access_token": SECRET}))], LOGGED_IN),
        ("/register", redirect(b"/login"), SIGNED_UP),
        ("/register", [started(201), chunk(as_json({"id": 1}))], SIGNED_UP),
    ],
    ids=range(6),
)
def test_successes(wrap: Wrap, journal: Path, path: str, answer: list[Message], event: str) -> None:
    """A login or registration that succeeded identifies who typed it."""
    form = urlencode({"username": JANE, "password": SECRET}).encode()
    exchange(wrap(answering(*answer)), [said(form)], path=path, content_type=FORM)
    (message,) = read_messages(journal)
    assert (message.event, message.key) == (event, JANE)


def test_rules_of_one_route_are_asked_in_turn(wrap: Wrap, journal: Path) -> None:
    """The first rule that identifies somebody does; if none does, the first reason counts."""
    rules = [
        Rule(SIGNED_UP, "/enter", when=[201]),
        Rule(LOGGED_IN, "/enter", when=[200]),
    ]
    for status in (200, 201, 202):
        wrapped = wrap(answering(started(status), chunk(ANSWER)), rules=rules)
        exchange(wrapped, [said(b"{}")], path="/enter")
    assert [message.event for message in read_messages(journal)] == [LOGGED_IN, SIGNED_UP]
    assert wrapped.desk.statistics() == {"skipped.status": 1}


def test_an_own_template_is_asked_before_the_presets(wrap: Wrap, journal: Path) -> None:
    """A rule of yours counts before a built-in one, template or not."""
    own = Rule(LOGGED_IN, "/api/{version}/login", traits={"email": "response.json.mail"})
    answer = as_json({"mail": JANE, "user": {"email": "service@example.com"}})
    wrapped = wrap(answering(started(), chunk(answer)), rules=[own])
    exchange(wrapped, [said(b"{}")], path="/api/v1/login")
    assert emails(journal) == [JANE]


def test_a_rule_by_get(wrap: Wrap, journal: Path) -> None:
    """A single sign-on's callback is a GET, if the rule says so."""
    rule = Rule(LOGGED_IN, "GET /callback", when="redirect", traits={"email": "session.email"})
    wrapped = wrap(answering(*redirect(b"/", 302)), rules=[rule])
    exchange(wrapped, [], path="/callback", method="GET", session={"email": JANE})
    exchange(wrapped, [], path="/callback", method="HEAD", session={"email": JANE})
    assert emails(journal) == [JANE]


# What must not leave


@pytest.fixture
def watched_repr(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the objects of an exchange look like when a crash reporter prints them."""
    shown: list[str] = []
    judge = Rule.judge

    def noted(rule: Rule, watched: Any) -> object:
        found = judge(rule, watched)
        shown.extend(map(repr, (rule, watched, watched.request, watched.response)))
        return found

    monkeypatch.setattr(Rule, "judge", noted)
    return shown


def test_secrets_stay(
    wrap: Wrap, journal: Path, caplog: pytest.LogCaptureFixture, watched_repr: list[str]
) -> None:
    """Passwords, tokens and cookies are in no line, no log and no object that is printed."""
    caplog.set_level(logging.DEBUG)
    marked = SECRET.encode()
    answer = as_json(
        {
            "access_token": SECRET,
            "refreshToken": SECRET,
            "user": {"email": JANE, "passwordHash": SECRET, "session": {"token": SECRET}},
        }
    )
    start = started(200, JSON, (b"set-cookie", marked), (b"x-auth-token", marked))
    headers = [(b"cookie", b"session=" + marked), (b"authorization", b"Bearer " + marked)]
    for kind, content in (
        (JSON, as_json({"email": JANE, "password": SECRET, "otp": SECRET})),
        (FORM, urlencode({"email": JANE, "password": SECRET, "csrf": SECRET}).encode()),
    ):
        for path in ("/login", "/register"):
            for last in (answer, b"{}", b""):
                wrapped = wrap(answering(start, chunk(last)))
                exchange(
                    wrapped,
                    [said(content)],
                    path=path,
                    content_type=kind,
                    headers=headers,
                    query_string=b"token=" + marked,
                    session={"token": SECRET, "user": {"email": JANE, "secret": SECRET}},
                    state={"password": SECRET},
                )
    lines = read_lines(journal)
    assert len(lines) == 12
    assert marked not in b"".join(lines)
    assert SECRET not in caplog.text
    printed = " ".join(
        [*watched_repr, repr(wrapped), repr(wrapped.desk), *map(repr, read_messages(journal))]
    )
    assert SECRET not in printed
    assert JANE not in printed


async def test_a_login_without_a_journal(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The shopper is answered, the drop is counted and logged once, without a value."""
    caplog.set_level(logging.DEBUG, "frontdesk")
    wrapped = CaptureMiddleware(logging_in(), journal=tmp_path / "none")
    for _ in range(3):
        server = await Server(said(b"{}")).call(wrapped, scope_of())
        assert len(server.sent) == 2
    assert wrapped.desk.statistics() == {"dropped.journal_missing": 3}
    assert [record.name for record in caplog.records] == ["frontdesk"]
    assert JANE not in caplog.text


async def test_send_is_awaited_by_the_app(wrap: Wrap) -> None:
    """`send` gives an awaitable that the app may hold before it awaits it, or run as a task."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        first = send(started())
        await first
        await asyncio.ensure_future(send(chunk(ANSWER)))

    server = await Server().call(wrap(app), scope_of())
    assert len(server.sent) == 2


LENGTH = (b"content-length", b"%d" % len(ANSWER))


@pytest.mark.parametrize(
    ("answer", "at"),
    [
        (redirect(b"/account"), 0),
        ([started(204), chunk()], 0),
        ([started(200, JSON, (b"content-length", b"0")), chunk()], 0),
        (
            [
                started(200, JSON, (b"content-length", b"%d" % len(ANSWER))),
                chunk(ANSWER, more=True),
                chunk(),
            ],
            1,
        ),
        ([started(), chunk(ANSWER, more=True), chunk()], 2),
    ],
    ids=["redirect", "204", "empty", "length reached", "no length"],
)
def test_the_note_is_written_before_a_client_can_be_content(
    wrap: Wrap, journal: Path, answer: list[Message], at: int
) -> None:
    """A client goes on with a redirect's head, or with as many bytes as it was promised."""
    written: list[int] = []
    server = Server(
        said(b"email=jane.doe%40example.com&x=1"),
        on_send=lambda message: written.append(len(emails(journal))),
    )
    finish(server.call(wrap(answering(*answer)), scope_of(content_type=FORM)))
    assert written == [0] * at + [1] * (len(answer) - at)


def test_nothing_is_held_after_the_answer(wrap: Wrap) -> None:
    """A background task may go on for long: the request's body does not wait with it."""
    body = b"email=jane.doe%40example.com&password=" + SECRET.encode()
    script = said(body)
    holders: list[int] = []

    def count() -> None:
        holders.append(sum(type(holder) is list for holder in gc.get_referrers(body)))

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        count()
        await send(started(401))
        await send(chunk(b"no"))
        count()

    finish(Server(script).call(wrap(app), scope_of(content_type=FORM)))
    assert holders == [1, 0]


async def test_wrong_settings_fail_the_start_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a framework makes its middleware in the lifespan; a request passes all the same."""
    monkeypatch.setenv("FRONTDESK_CAPTURE__JURNAL", "/x")
    wrapped = CaptureMiddleware(answering(started(), chunk(ANSWER)))
    server = await Server({"type": "lifespan.startup"}).call(wrapped, {"type": "lifespan"})
    assert server.sent == [
        {"type": "lifespan.startup.failed", "message": "capture.jurnal: is not a setting"}
    ]
    server = await Server(said(b"{}")).call(wrapped, scope_of())
    assert server.sent == [started(), chunk(ANSWER)]


async def test_the_end_of_the_lifespan_tells_the_rest(wrap: Wrap, journal: Path) -> None:
    """Servers end by a signal then: what is counted and not told yet would be lost."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await receive()
            return
        await send(started(401))
        await send(chunk(b"{}"))

    wrapped = wrap(app)
    for _ in range(3):
        await Server().call(wrapped, scope_of())
    assert read_counts(journal) == {"skipped.status": 1}
    await Server().call(wrapped, {"type": "lifespan"})
    assert read_counts(journal) == {"skipped.status": 3}
