"""The WSGI middleware, driven by hand: what it notes, and that it interferes with nothing."""

import contextlib
import copy
import gc
import inspect
import io
import logging
import os
import sys
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from wsgiref.handlers import SimpleHandler
from wsgiref.util import FileWrapper
from wsgiref.validate import validator

import pytest
from hypothesis import given
from hypothesis import strategies as st

import frontdesk
from asgi_support import JANE, SECRET, as_json, emails, read_lines, read_messages
from frontdesk import Capture, ConfigurationError, Rule
from frontdesk import desk as desk_module
from frontdesk import journal as journal_module
from frontdesk.event import COUNTS, LOGGED_IN, SIGNED_UP
from frontdesk.exchange import MAX_BODY_BYTES, Body
from frontdesk.notes import MARK, Notes, notes_of
from frontdesk.wsgi import CaptureMiddleware
from wsgi_support import (
    ANSWER,
    FORM_TYPE,
    JSON_TYPE,
    Chunks,
    Gateway,
    SizedChunks,
    answering,
    body_of,
    environ_of,
)

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

Wrap = Callable[..., CaptureMiddleware]
LENGTH = ("Content-Length", str(len(ANSWER)))
MOVED = ("Location", "/account")


@pytest.fixture
def wrap(journal: Path) -> Wrap:
    """Puts the middleware around an app."""

    def made(app: "WSGIApplication", **options: Any) -> CaptureMiddleware:
        return CaptureMiddleware(app, **{"journal": journal, **options})

    return made


class Recorder:
    """An app that keeps what it is called with."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, Any]] = []
        self.answer = Chunks(b"a", b"b")

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        self.calls.append((environ, start_response))
        start_response("200 OK", [JSON_TYPE])
        return self.answer


def seen_before(journal: Path) -> tuple[list[int], Gateway]:
    """A gateway that counts the journal's lines before anything leaves, and the counts."""
    written: list[int] = []
    return written, Gateway(lambda chunk: written.append(len(read_lines(journal))))


# The hot path


def test_it_is_a_wsgi_app(wrap: Wrap) -> None:
    """Two positional arguments."""
    call = wrap(Recorder()).__call__
    assert list(inspect.signature(call).parameters) == ["environ", "start_response"]


@pytest.mark.parametrize(
    "environ",
    [
        environ_of("/"),
        environ_of("/cart"),
        environ_of("/login", "GET"),
        environ_of("/login", "HEAD"),
        environ_of("/login", "OPTIONS"),
        environ_of("/login", "PUT"),
        environ_of("/login", "post"),
        environ_of("/logout"),
        environ_of("/cart", SCRIPT_NAME="/shop"),
        environ_of("/für/sie"),
        environ_of("", SCRIPT_NAME="/shop"),
        {"REQUEST_METHOD": "POST", "PATH_INFO": "/cart"},
        {"REQUEST_METHOD": "POST", "SCRIPT_NAME": "/cart"},
        {"REQUEST_METHOD": "POST"},
        {"PATH_INFO": "/login"},
        {},
    ],
    ids=range(16),
)
def test_what_is_no_login_passes_untouched(
    wrap: Wrap, environ: "WSGIEnvironment", journal: Path
) -> None:
    """The app gets the server's own environ and `start_response`, the server the app's answer."""
    app, before, gateway = Recorder(), dict(environ), Gateway()
    wrapped = wrap(app)
    answer = wrapped(environ, gateway.start_response)
    ((got_environ, got_start_response),) = app.calls
    assert got_environ is environ
    assert environ == before
    assert got_start_response is gateway.start_response
    assert answer is app.answer
    assert wrapped.desk.statistics() == {}
    assert os.listdir(journal) == []


def test_a_template_looks_at_more_and_touches_no_more(wrap: Wrap) -> None:
    """With a template in the rules, other requests still pass untouched."""
    app = Recorder()
    wrapped = wrap(app, rules=[Rule(LOGGED_IN, "/{site}/session")])
    for environ in (environ_of("/cart"), environ_of("/a/b/session"), environ_of("/für/b/session")):
        gateway = Gateway()
        assert wrapped(environ, gateway.start_response) is app.answer
        assert app.calls[-1] == (environ, gateway.start_response)


def test_nothing_is_opened_when_made(wrap: Wrap, journal: Path) -> None:
    """Neither the import nor the construction touches the journal."""
    wrap(Recorder())
    assert list(journal.iterdir()) == []


# Settings


def test_wrong_arguments_are_told_when_made() -> None:
    """Who starts the app hears of it, not the shopper."""
    with pytest.raises(ConfigurationError, match="nope"):
        CaptureMiddleware(Recorder(), presets=("nope",))
    with pytest.raises(ConfigurationError, match="absolute"):
        CaptureMiddleware(Recorder(), journal="here")


def test_wrong_arguments_are_told_whatever_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistake in the code is one, also where the environment has another."""
    monkeypatch.setenv("FRONTDESK_CAPTURE__JURNAL", "/x")
    with pytest.raises(ConfigurationError, match="nope"):
        CaptureMiddleware(Recorder(), presets=("nope",))


def test_wrong_settings_are_logged_and_nothing_is_captured(
    journal: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """There is no start-up to fail: the shop goes on, and the log says once what is wrong."""
    monkeypatch.setenv("FRONTDESK_CAPTURE__JURNAL", "/x")
    app = Recorder()
    wrapped = CaptureMiddleware(app, journal=journal, rules=[Rule(LOGGED_IN, "/enter")])
    for path in ("/login", "/enter"):
        environ, gateway = environ_of(path), Gateway()
        assert wrapped(environ, gateway.start_response) is app.answer
        assert app.calls[-1] == (environ, gateway.start_response)
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.getMessage() == "configuration: capture.jurnal: is not a setting"
    assert read_lines(journal) == []


def test_options_over_settings(journal: Path) -> None:
    """What is given by name counts more than the settings; rules are asked before theirs."""
    settings = Capture(
        journal="/not/this",
        site="a",
        presets=(),
        rules=[Rule(LOGGED_IN, "/x"), Rule(LOGGED_IN, "/y")],
    )
    app = CaptureMiddleware(
        answering([ANSWER]),
        settings=settings,
        journal=str(journal),
        site="b",
        rules=[Rule(SIGNED_UP, "/x")],
        presets=(),
    )
    for path in ("/x", "/y", "/login"):
        Gateway().call(app, environ_of(path))
    messages = read_messages(journal)
    assert [(m.event, m.route, m.site) for m in messages] == [
        (SIGNED_UP, "POST /x", "b"),
        (LOGGED_IN, "POST /y", "b"),
    ]


def test_settings_of_the_environment(journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without arguments the environment says where the journal is."""
    monkeypatch.setenv("FRONTDESK_JOURNAL", str(journal))
    Gateway().call(CaptureMiddleware(answering([ANSWER])), environ_of())
    assert emails(journal) == [JANE]


# A watched exchange: what passes


def test_a_login(wrap: Wrap, journal: Path) -> None:
    """A JSON login becomes one message."""
    Gateway().call(wrap(answering([ANSWER]), site="garden"), environ_of("/auth/login/"))
    (message,) = read_messages(journal)
    assert (message.event, message.route, message.site) == (LOGGED_IN, "POST /auth/login", "garden")
    assert message.traits == {"email": JANE}


@pytest.mark.parametrize("make", [list, tuple, Chunks, SizedChunks, iter], ids=str)
def test_every_chunk_is_handed_on_itself(wrap: Wrap, journal: Path, make: Any) -> None:
    """The very objects, in order, with nothing added, removed or changed; one head, as it is."""
    parts = [ANSWER[:5], b"", bytes(bytearray(ANSWER[5:9])), ANSWER[9:]]
    headers = [JSON_TYPE, ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("X-Name", "J\xf6rg")]
    before = list(headers)
    status = "200 All right"

    def app(environ: "WSGIEnvironment", start_response: "StartResponse") -> Any:
        start_response(status, headers)
        return make(*parts) if isinstance(make, type) and issubclass(make, Chunks) else make(parts)

    gateway = Gateway().call(wrap(app), environ_of())
    assert len(gateway.chunks) == len(parts)
    assert all(one is other for one, other in zip(gateway.chunks, parts, strict=True))
    ((got_status, got_headers),) = gateway.heads
    assert got_status is status
    assert got_headers is headers
    assert headers == before
    assert emails(journal) == [JANE]


@pytest.mark.parametrize("chunks", [[ANSWER], (ANSWER,), ANSWER], ids=["list", "tuple", "bytes"])
def test_what_is_complete_stays_the_app_s_own(wrap: Wrap, journal: Path, chunks: Any) -> None:
    """The server gets the app's own list, whose length it may make use of; uWSGI takes bytes."""
    assert wrap(answering(chunks))(environ_of(), Gateway().start_response) is chunks
    assert emails(journal) == [JANE]


@pytest.mark.parametrize(
    ("chunks", "has_length"),
    [(Chunks(ANSWER), False), (SizedChunks(ANSWER), True), (iter([ANSWER]), False)],
    ids=range(3),
)
def test_a_length_is_there_if_the_app_s_answer_has_one(
    wrap: Wrap, chunks: Any, has_length: bool
) -> None:
    """Servers look for it: one more or one less would change the head."""
    answer = wrap(answering(chunks))(environ_of(), Gateway().start_response)
    assert hasattr(answer, "__len__") is has_length
    if has_length:
        assert len(answer) == 1  # type: ignore[arg-type] # a WSGI answer may have a length


def test_a_length_that_fails_is_the_server_s_to_ask(wrap: Wrap, journal: Path) -> None:
    """What the app's `__len__` raises reaches who asks for it, and nobody else."""

    class Wrong(SizedChunks):
        def __len__(self) -> int:
            raise LookupError("the app's own")

    gateway = Gateway().call(wrap(answering(Wrong(ANSWER))), environ_of())
    assert gateway.chunks == [ANSWER]
    assert emails(journal) == [JANE]
    with pytest.raises(LookupError):
        len(wrap(answering(Wrong(ANSWER)))(environ_of(), gateway.start_response))  # type: ignore[arg-type] # what the server would ask


def test_chunks_leave_at_once(wrap: Wrap) -> None:
    """A chunk is with the server before the app makes the next."""
    log: list[str] = []

    def app(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterator[bytes]:
        start_response("200 OK", [JSON_TYPE])
        for number in range(3):
            log.append(f"made {number}")
            yield b"x"

    Gateway(lambda chunk: log.append(f"sent {chunk!r}")).call(wrap(app), environ_of())
    assert log == [
        *[line for number in range(3) for line in (f"made {number}", "sent b'x'")],
        "sent None",
    ]


def test_the_app_runs_as_late_as_without_us(wrap: Wrap) -> None:
    """Neither `iter()` nor `next()` is called before the server does."""
    log: list[str] = []

    class Lazy:
        def __iter__(self) -> Iterator[bytes]:
            log.append("iter")
            return iter([ANSWER])

    answer = wrap(answering(Lazy()))(environ_of(), Gateway().start_response)
    assert log == []
    iterator = iter(answer)
    assert log == ["iter"]
    assert next(iterator) is ANSWER


def test_an_iterator_that_is_not_asked_for_one(wrap: Wrap, journal: Path) -> None:
    """A middleware around us may call `next` at once, as it could with a generator."""
    answer: Any = wrap(answering(iter([ANSWER])))(environ_of(), Gateway().start_response)
    assert next(answer) == ANSWER
    with pytest.raises(StopIteration):
        next(answer)
    assert emails(journal) == [JANE]


@pytest.mark.parametrize("where", ["call", "first", "class"])
def test_a_lazy_start_response(wrap: Wrap, journal: Path, where: str) -> None:
    """`start_response` may come with the call, or as late as with the first chunk."""

    def first(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterator[bytes]:
        start_response("200 OK", [JSON_TYPE])
        yield ANSWER

    class App:
        def __init__(self, environ: Any, start_response: Any) -> None:
            self.start = start_response

        def __iter__(self) -> Iterator[bytes]:
            self.start("200 OK", [JSON_TYPE])
            yield ANSWER

    apps: dict[str, Any] = {"call": answering(iter([ANSWER])), "first": first, "class": App}
    gateway = Gateway().call(wrap(apps[where]), environ_of())
    assert gateway.heads == [("200 OK", [JSON_TYPE])]
    assert gateway.chunks == [ANSWER]
    assert emails(journal) == [JANE]


def test_the_legacy_write(wrap: Wrap, journal: Path) -> None:
    """What goes by `write` is read, and goes at once; the rest may come as chunks."""

    def app(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        write = start_response("200 OK", [JSON_TYPE])
        write(ANSWER[:5])
        write(ANSWER[5:9])
        assert gateway.chunks == [ANSWER[:5], ANSWER[5:9]]
        return [ANSWER[9:]]

    written, gateway = seen_before(journal)
    gateway.call(wrap(app), environ_of())
    assert b"".join(gateway.chunks) == ANSWER
    assert written == [0, 0, 1, 1]


def test_what_write_gives_and_raises_is_the_server_s(wrap: Wrap) -> None:
    """An error of the server's `write` reaches the app, and what it returns does."""
    got: list[object] = []

    def start_response(status: str, headers: Any, exc_info: Any = None) -> Any:
        return lambda data: data.upper()

    def app(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        write = start_response("200 OK", [JSON_TYPE])
        got.append(write(b"x"))
        with pytest.raises(AttributeError):
            write(5)  # type: ignore[arg-type] # wrong on purpose
        return []

    wrap(app)(environ_of(), start_response)
    assert got == [b"X"]


def failure() -> Any:
    """An `exc_info`, as an app has one when it fails."""
    try:
        raise KeyError("the app's own")
    except KeyError:
        return sys.exc_info()


@pytest.mark.parametrize(
    ("first", "then", "expected"),
    [
        ("200 OK", "500 Oh Dear", []),
        ("302 Found", "500 Oh Dear", []),
        ("204 No Content", "500 Oh Dear", []),
        ("500 Oh Dear", "200 OK", [JANE]),
    ],
)
def test_a_head_that_is_replaced(
    wrap: Wrap, journal: Path, first: str, then: str, expected: list[str]
) -> None:
    """Only the last head counts, so none is believed before something leaves."""
    exc_info = failure()

    def app(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        body_of(environ)
        start_response(first, [JSON_TYPE, MOVED])
        start_response(then, [JSON_TYPE], exc_info)
        return [ANSWER]

    gateway = Gateway().call(wrap(app), environ_of())
    assert gateway.heads == [(first, [JSON_TYPE, MOVED]), (then, [JSON_TYPE], exc_info)]
    assert gateway.heads[1][2] is exc_info
    assert emails(journal) == expected


def test_a_head_that_is_replaced_too_late(wrap: Wrap, journal: Path) -> None:
    """The server raises the app's error then, which passes, and nobody is identified."""
    sent: list[bytes] = []

    def start_response(status: str, headers: Any, exc_info: Any = None) -> Any:
        if exc_info and sent:
            raise exc_info[1]
        return sent.append

    def app(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterator[bytes]:
        start_response("200 OK", [JSON_TYPE])
        yield ANSWER[:5]
        start_response("500 Oh Dear", [JSON_TYPE], failure())

    wrapped = wrap(app)
    answer = wrapped(environ_of(), start_response)
    with pytest.raises(KeyError, match="the app's own"):
        sent.extend(answer)
    answer.close()  # type: ignore[attr-defined] # WSGI's optional close
    assert wrapped.desk.statistics() == {"skipped.unfinished": 1}
    assert read_lines(journal) == []


def test_arguments_of_start_response_are_the_app_s(wrap: Wrap, journal: Path) -> None:
    """They are given on as they are, by place or by name; the server judges them."""
    got: list[Any] = []

    def start_response(*args: Any, **options: Any) -> Any:
        got.append((args, options))

    def app(environ: "WSGIEnvironment", start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [JSON_TYPE], exc_info=None)
        start_response("200 OK", [JSON_TYPE], None)
        return [ANSWER]

    wrap(app)(environ_of(), start_response)
    assert got == [
        (("200 OK", [JSON_TYPE]), {"exc_info": None}),
        (("200 OK", [JSON_TYPE], None), {}),
    ]
    assert emails(journal) == [JANE]


def test_headers_that_can_be_read_once(wrap: Wrap) -> None:
    """No list, but some servers take it: then they read it, not we."""
    arrived: list[Any] = []

    def start_response(status: str, headers: Any, exc_info: Any = None) -> Any:
        arrived.extend(headers)

    def app(environ: "WSGIEnvironment", start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", iter([JSON_TYPE, LENGTH]))
        return [ANSWER]

    wrapped = wrap(app)
    wrapped(environ_of(), start_response)
    assert arrived == [JSON_TYPE, LENGTH]
    assert wrapped.desk.statistics() == {"skipped.no_json": 1}


@pytest.mark.parametrize(
    "args",
    [
        (),
        ("200 OK",),
        (200, []),
        ("fine", []),
        ("200 OK", 5),
        ("200 OK", [5]),
        ("200 OK", [(1, 2)]),
    ],
    ids=range(7),
)
def test_wrong_heads_are_the_server_s_to_judge(wrap: Wrap, args: tuple[Any, ...]) -> None:
    """What breaks the protocol is handed on like anything else, and counted once."""

    def app(environ: "WSGIEnvironment", start_response: Any) -> Iterable[bytes]:
        start_response(*args)
        start_response(*args)
        return iter([ANSWER])

    wrapped = wrap(app)
    gateway = Gateway().call(wrapped, environ_of())
    assert gateway.heads == [args, args]
    assert gateway.chunks == [ANSWER]
    assert wrapped.desk.statistics() == {"error": 1}


@pytest.mark.parametrize(
    "chunks", [["text"], [5], [None], ["text", 5], iter([5]), iter(["text"])], ids=range(6)
)
def test_wrong_chunks_are_the_server_s_to_judge(wrap: Wrap, journal: Path, chunks: Any) -> None:
    """What is no bytes passes as it is, and is at most an error of ours that is counted."""
    wrapped = wrap(answering(chunks))
    gateway = Gateway().call(wrapped, environ_of())
    assert not all(isinstance(chunk, bytes) for chunk in gateway.chunks)
    assert sum(wrapped.desk.statistics().values()) == 1
    assert read_lines(journal) == []


def test_an_answer_that_is_none(wrap: Wrap) -> None:
    """An app that gives nothing to iterate makes the same error as without us."""
    with pytest.raises(TypeError, match="not iterable"):
        Gateway().call(wrap(answering(None)), environ_of())


@pytest.mark.parametrize("chunks", [[ANSWER], iter([ANSWER]), [], iter(())], ids=range(4))
def test_an_answer_without_a_head_is_none(wrap: Wrap, journal: Path, chunks: Any) -> None:
    """An app that never calls `start_response` identifies nobody."""
    wrapped = wrap(lambda environ, start_response: chunks)
    Gateway().call(wrapped, environ_of())
    assert wrapped.desk.statistics() == {"skipped.unfinished": 1}
    assert read_lines(journal) == []


def test_a_file_without_a_head_is_no_answer(wrap: Wrap) -> None:
    """Nor is one that the server's own wrapper made."""
    file = FileWrapper(io.BytesIO(ANSWER))
    wrapped = wrap(lambda environ, start_response: file)
    Gateway().call(wrapped, environ_of() | {"wsgi.file_wrapper": FileWrapper})
    assert wrapped.desk.statistics() == {"skipped.stream": 1}


# Closing, and errors


@pytest.mark.parametrize("kind", [Chunks, SizedChunks])
def test_it_is_closed_once(wrap: Wrap, kind: type[Chunks]) -> None:
    """The app's iterable is closed exactly once, however often the server closes."""
    chunks = kind(ANSWER)
    gateway = Gateway().call(wrap(answering(chunks)), environ_of())
    assert chunks.closed == 1
    gateway.result.close()
    assert chunks.closed == 1
    assert list(gateway.result) == []


def test_it_is_closed_when_the_server_gives_up(wrap: Wrap, journal: Path) -> None:
    """A client that left: the server closes early, the generator ends, nobody is identified."""
    log: list[str] = []

    def app(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterator[bytes]:
        start_response("200 OK", [JSON_TYPE])
        try:
            yield ANSWER[:5]
            yield ANSWER[5:]
        finally:
            log.append("closed")

    def gone(chunk: bytes | None) -> None:
        raise ConnectionResetError

    wrapped = wrap(app)
    with pytest.raises(ConnectionResetError):
        Gateway(gone).call(wrapped, environ_of())
    assert log == ["closed"]
    assert wrapped.desk.statistics() == {"skipped.unfinished": 1}
    assert read_lines(journal) == []


def test_a_client_that_leaves_with_the_whole_answer(wrap: Wrap, journal: Path) -> None:
    """Who was promised so many bytes, and may have them all, has logged in."""

    def gone(chunk: bytes | None) -> None:
        raise ConnectionResetError

    chunks = Chunks(ANSWER, b"")
    with pytest.raises(ConnectionResetError):
        Gateway(gone).call(wrap(answering(chunks, headers=[JSON_TYPE, LENGTH])), environ_of())
    assert chunks.closed == 1
    assert emails(journal) == [JANE]


def test_errors_of_close_are_the_app_s(wrap: Wrap, journal: Path) -> None:
    """They pass, and what was told before stays told."""

    class Failing(Chunks):
        def close(self) -> None:
            super().close()
            raise LookupError("the app's own")

    chunks = Failing(ANSWER)
    with pytest.raises(LookupError):
        Gateway().call(wrap(answering(chunks)), environ_of())
    assert chunks.closed == 1
    assert emails(journal) == [JANE]


@pytest.mark.parametrize("kind", [LookupError, KeyboardInterrupt, SystemExit, GeneratorExit])
@pytest.mark.parametrize("place", ["call", "started", "first", "later", "iter"])
def test_errors_of_the_app_are_the_app_s(
    wrap: Wrap, journal: Path, place: str, kind: type[BaseException]
) -> None:
    """The app's error passes as it is; what is unfinished identifies nobody; it is closed."""
    error = kind("the app's own")
    chunks = Chunks(*([error] if place == "first" else [ANSWER, error]))
    if place == "iter":
        chunks.__class__ = type("Failing", (Chunks,), {"__iter__": lambda self: throw(error)})

    def app(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if place == "call":
            raise error
        start_response("200 OK", [JSON_TYPE])
        if place == "started":
            raise error
        return chunks

    wrapped, environ = wrap(app), environ_of()
    with pytest.raises(kind) as caught:
        Gateway().call(wrapped, environ)
    assert caught.value is error
    assert error.__cause__ is None
    assert error.__context__ is None
    assert chunks.closed == (0 if place in ("call", "started") else 1)
    assert wrapped.desk.statistics() == {"skipped.unfinished": 1}
    assert read_lines(journal) == []


def throw(error: BaseException) -> Any:
    """Raise, as an expression."""
    raise error


def test_a_second_try(wrap: Wrap, journal: Path) -> None:
    """A middleware around us may call again with the same environ, after an error."""
    tries: list[int] = []

    def app(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        tries.append(len(body_of(environ)))
        if len(tries) == 1:
            raise LookupError("conflict")
        start_response("200 OK", [JSON_TYPE])
        return [ANSWER]

    wrapped, environ = wrap(app), environ_of()
    with pytest.raises(LookupError):
        wrapped(environ, Gateway().start_response)
    environ["wsgi.input"] = io.BytesIO(b"{}")
    Gateway().call(wrapped, environ)
    assert tries == [2, 2]
    assert emails(journal) == [JANE]


FAULTS: list[tuple[object, str]] = [
    (Rule, "judge"),
    (Body, "feed"),
    (Body, "__init__"),
    (desk_module.Desk, "note"),
    (desk_module, "encode"),
    (journal_module.Journal, "append"),
]


@pytest.mark.parametrize("make", [list, iter])
@pytest.mark.parametrize(("owner", "name"), FAULTS, ids=[name for _, name in FAULTS])
def test_errors_of_ours_are_counted_and_nothing_else(
    wrap: Wrap,
    journal: Path,
    owner: object,
    name: str,
    make: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whatever breaks on our side: the same answer, a count, a log line without a value."""

    def broken(*args: object, **options: object) -> None:
        raise RuntimeError(f"{SECRET} {JANE}")

    monkeypatch.setattr(owner, name, broken)
    caplog.set_level(logging.DEBUG)
    wrapped = wrap(lambda *args: answering(make([ANSWER[:5], ANSWER[5:]]))(*args))
    for _ in range(3):
        gateway = Gateway().call(wrapped, environ_of(content=as_json({"email": JANE})))
        assert gateway.chunks == [ANSWER[:5], ANSWER[5:]]
        assert gateway.heads == [("200 OK", [JSON_TYPE])]
    assert wrapped.desk.statistics() == {"error": 3}
    assert len(caplog.records) == 1
    assert caplog.records[0].levelno == logging.WARNING
    assert "RuntimeError" in caplog.text
    assert SECRET not in caplog.text
    assert JANE not in caplog.text
    assert read_lines(journal) == []


# When it is told


@pytest.mark.parametrize(
    ("status", "headers", "chunks", "at"),
    [
        ("303 See Other", [MOVED], lambda: iter([b"", b"moved"]), 0),
        ("303 See Other", [MOVED], lambda: iter([]), 0),
        ("303 See Other", [MOVED], lambda: [b"mo", b"ved"], 0),
        ("302 Found", [MOVED], lambda: Chunks(b"mo", b"ved"), 0),
        ("204 No Content", [], lambda: iter([b"", b""]), 0),
        ("204 No Content", [], list, 0),
        ("200 OK", [JSON_TYPE, ("Content-Length", "0")], lambda: iter([b"", b""]), 0),
        ("200 OK", [JSON_TYPE, LENGTH], lambda: Chunks(ANSWER, b"", b"x"), 0),
        ("200 OK", [JSON_TYPE, LENGTH], lambda: iter([ANSWER[:5], ANSWER[5:], b""]), 1),
        ("200 OK", [JSON_TYPE], lambda: SizedChunks(ANSWER), 0),
        ("200 OK", [JSON_TYPE], lambda: SizedChunks(ANSWER[:5], ANSWER[5:]), 2),
        ("200 OK", [JSON_TYPE], lambda: iter([ANSWER]), 1),
        ("200 OK", [JSON_TYPE], lambda: Chunks(ANSWER[:5], ANSWER[5:]), 2),
        ("200 OK", [JSON_TYPE], lambda: [ANSWER], 0),
        ("200 OK", [JSON_TYPE], lambda: (ANSWER[:5], ANSWER[5:]), 0),
    ],
    ids=range(15),
)
def test_the_note_is_written_before_a_client_can_be_content(
    wrap: Wrap, journal: Path, status: str, headers: Any, chunks: Callable[[], Any], at: int
) -> None:
    """A client goes on with a redirect's head, as many bytes as promised, or the end.

    Counted before each chunk, and before the end, leaves. A list is told all at once.
    """
    written, gateway = seen_before(journal)
    app = answering(chunks(), status, headers)
    content = urlencode({"email": JANE, "password": SECRET}).encode()
    gateway.call(wrap(app), environ_of(content=content, content_type=FORM_TYPE))
    assert written == [0] * at + [1] * (len(written) - at)
    assert emails(journal) == [JANE]


@pytest.mark.parametrize("data", [b"", b"moved"])
def test_the_note_is_written_before_a_head_leaves_by_write(
    wrap: Wrap, journal: Path, data: bytes
) -> None:
    """`write` sends the head, be it with nothing."""

    def app(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        body_of(environ)
        start_response("303 See Other", [MOVED])(data)
        raise LookupError("the app's own")

    written, gateway = seen_before(journal)
    content = urlencode({"email": JANE}).encode()
    wrapped = wrap(app)
    with pytest.raises(LookupError):
        gateway.call(wrapped, environ_of(content=content, content_type=FORM_TYPE))
    assert written == [1]
    assert wrapped.desk.statistics() == {}


def test_a_head_alone_is_no_answer(wrap: Wrap, journal: Path) -> None:
    """As long as nothing makes the server send it, a head can still be taken back."""

    def app(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterator[bytes]:
        body_of(environ)
        start_response("303 See Other", [MOVED])
        assert read_lines(journal) == []
        start_response("200 OK", [JSON_TYPE], failure())
        yield b"{}"

    content = urlencode({"email": JANE}).encode()
    wrapped = wrap(app)
    Gateway().call(wrapped, environ_of(content=content, content_type=FORM_TYPE))
    assert wrapped.desk.statistics() == {"skipped.no_sign": 1}


def test_a_stream_is_not_held(wrap: Wrap, journal: Path) -> None:
    """Of Server-Sent Events nothing is kept, and they are counted when they begin."""

    def app(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterator[bytes]:
        start_response("200 OK", [("Content-Type", "text/event-stream")])
        yield ANSWER
        assert wrapped.desk.statistics() == {"skipped.stream": 1}
        yield b""

    wrapped = wrap(app)
    Gateway().call(wrapped, environ_of())
    assert wrapped.desk.statistics() == {"skipped.stream": 1}
    assert read_lines(journal) == []


def test_a_file_stays_the_server_s(wrap: Wrap, journal: Path) -> None:
    """What the server's own wrapper made, it gets back as it is, and may send in its own way."""
    file = FileWrapper(io.BytesIO(ANSWER))
    wrapped = wrap(answering(file))
    gateway = Gateway().call(wrapped, environ_of() | {"wsgi.file_wrapper": FileWrapper})
    assert gateway.result is file
    assert gateway.chunks == [ANSWER]
    assert wrapped.desk.statistics() == {"skipped.stream": 1}
    assert read_lines(journal) == []


def test_a_file_of_a_server_whose_wrapper_is_a_function(wrap: Wrap, journal: Path) -> None:
    """Then nothing tells it from another iterable, and it passes as one; it is closed."""
    opened = io.BytesIO(ANSWER)
    wrapper = lambda file, size=8192: FileWrapper(file, size)  # noqa: E731 - as C servers have it

    def app(environ: "WSGIEnvironment", start_response: "StartResponse") -> Any:
        start_response("200 OK", [JSON_TYPE])
        return environ["wsgi.file_wrapper"](opened, 5)

    gateway = Gateway().call(wrap(app), environ_of() | {"wsgi.file_wrapper": wrapper})
    assert b"".join(gateway.chunks) == ANSWER
    assert opened.closed
    assert emails(journal) == [JANE]


def test_a_redirect_with_a_file(wrap: Wrap, journal: Path) -> None:
    """The head says enough."""
    app = answering(FileWrapper(io.BytesIO(b"moved")), "303 See Other", [MOVED])
    content = urlencode({"email": JANE}).encode()
    environ = environ_of(content=content, content_type=FORM_TYPE)
    Gateway().call(wrap(app), environ | {"wsgi.file_wrapper": FileWrapper})
    assert emails(journal) == [JANE]


# The request's body

TYPED = as_json({"email": JANE, "password": SECRET, "filler": "x" * 40})


def reading(
    read: Callable[[Any], object], *, content: bytes = TYPED, stream: Any = None, **more: Any
) -> tuple["WSGIApplication", "WSGIEnvironment"]:
    """An app that reads its request in this way and answers 204, and an environ for it."""

    def app(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        read(environ["wsgi.input"])
        start_response("204 No Content", [])
        return []

    return app, environ_of(content=content, stream=stream, **more)


def into(stream: Any, name: str = "readinto") -> bytes:
    """The whole of a stream, read by pieces of seven into one buffer."""
    got, buffer = b"", bytearray(7)
    while count := getattr(stream, name)(buffer):
        got += buffer[:count]
    return got


def pieces(read: Callable[[int], bytes]) -> bytes:
    """The whole of a stream, by reads of seven."""
    return b"".join(iter(lambda: read(7), b""))


READS: dict[str, Callable[[Any], Any]] = {
    "read all": lambda stream: stream.read(),
    "read -1": lambda stream: stream.read(-1),
    "read None": lambda stream: stream.read(None),
    "read enough": lambda stream: stream.read(len(TYPED)),
    "read too much": lambda stream: stream.read(10**6),
    "read pieces": lambda stream: pieces(stream.read),
    "read1": lambda stream: pieces(stream.read1),
    "read1 all": lambda stream: stream.read1() + stream.read1(),
    "readline": lambda stream: b"".join(iter(stream.readline, b"")),
    "readline pieces": lambda stream: pieces(stream.readline),
    "readlines": lambda stream: b"".join(stream.readlines()),
    "readlines hint": lambda stream: b"".join(stream.readlines(1) + stream.readlines(-1)),
    "iter": lambda stream: b"".join(stream),
    "next": lambda stream: next(stream) + stream.read(),
    "readinto": into,
    "readinto1": lambda stream: into(stream, "readinto1"),
    "buffered": lambda stream: io.BufferedReader(stream).read(),
    "text": lambda stream: io.TextIOWrapper(stream).read().encode(),
    "nothing first": lambda stream: stream.read(0) + stream.read(),
    "back and again": lambda stream: (stream.read(20), stream.seek(0), stream.read())[2],
    "again": lambda stream: (stream.read(), stream.seek(0), stream.read())[2],
    "from the start": lambda stream: (stream.seek(0), stream.read())[1],
}


@pytest.mark.parametrize("length", ["known", "unknown"])
@pytest.mark.parametrize("name", READS)
def test_every_way_to_read(wrap: Wrap, journal: Path, name: str, length: str) -> None:
    """Whichever way the app reads its request, it gets what it would, and it is noted.

    Without a length, and without looking for the end, the app cannot know that it has it all.
    """
    got: list[bytes] = []
    lines = TYPED.replace(b", ", b",\n")
    app, environ = reading(lambda stream: got.append(READS[name](stream)), content=lines)
    if length == "unknown":  # as with chunked requests, where the server marks the end
        del environ["CONTENT_LENGTH"]
        environ["wsgi.input_terminated"] = True
    environ["wsgi.input"] = io.BufferedReader(environ["wsgi.input"])  # can do all there is
    Gateway().call(wrap(app), environ)
    assert got == [lines]
    is_open = length == "unknown" and name in ("read enough", "read too much")
    assert emails(journal) == ([] if is_open else [JANE])


def test_nothing_is_read_but_by_the_app(wrap: Wrap, journal: Path) -> None:
    """What the app leaves unread stays unread, and says nothing."""
    stream = io.BytesIO(TYPED)
    app, environ = reading(lambda given: given.read(7), stream=stream)
    wrapped = wrap(app)
    Gateway().call(wrapped, environ)
    assert stream.tell() == 7
    assert wrapped.desk.statistics() == {"skipped.anonymous": 1}


def test_a_request_that_ends_early_says_nothing(wrap: Wrap) -> None:
    """A client that hung up while it typed: half an address is none."""
    content = b"email=jane%40example.com&email2="
    app, environ = reading(
        pieces_of_all, content=content, content_type=FORM_TYPE, CONTENT_LENGTH="100"
    )
    wrapped = wrap(app)
    Gateway().call(wrapped, environ)
    assert wrapped.desk.statistics() == {"skipped.anonymous": 1}


def pieces_of_all(stream: Any) -> bytes:
    """Every byte of a stream."""
    return pieces(stream.read)


def test_going_back_is_not_reading_twice(wrap: Wrap, journal: Path) -> None:
    """After a step back into the middle the body cannot be told, so it says nothing."""
    content = urlencode({"email": JANE}).encode()
    app, environ = reading(
        lambda stream: (stream.read(9), stream.seek(6), stream.read()),
        content=content,
        content_type=FORM_TYPE,
    )
    wrapped = wrap(app)
    Gateway().call(wrapped, environ)
    assert wrapped.desk.statistics() == {"skipped.anonymous": 1}


def test_what_else_a_stream_can_do_it_still_can(wrap: Wrap) -> None:
    """Attributes of the server's own stream are there, and none that it does not have."""

    class Stream(io.BytesIO):
        extra = "of the server"

    def read(stream: Any) -> None:
        assert stream.extra == "of the server"
        assert stream.tell() == 0
        assert stream.readable()
        assert not hasattr(stream, "nothing")
        assert copy.copy(stream).read(1) == TYPED[:1]

    class Bare:
        """No more than PEP 3333 asks for."""

        def read(self, size: int) -> bytes:
            return b""

    def read_bare(stream: Any) -> None:
        assert not hasattr(stream, "readinto")
        assert not hasattr(stream, "readline")
        assert stream.read(5) == b""
        with pytest.raises(TypeError):
            next(stream)

    for check, stream in ((read, Stream(TYPED)), (read_bare, Bare())):
        app, environ = reading(check, stream=stream)
        Gateway().call(wrap(app), environ)


@pytest.mark.parametrize("name", ["read", "readline", "readlines", "readinto"])
def test_errors_of_the_stream_are_the_server_s(wrap: Wrap, name: str) -> None:
    """A client that left in the middle of the request is the app's to know."""

    class Gone(io.BytesIO):
        def broken(self, *args: Any) -> Any:
            raise ConnectionResetError

        read = readline = readlines = readinto = broken

    app, environ = reading(lambda stream: getattr(stream, name)(bytearray(1)), stream=Gone())
    wrapped = wrap(app)
    with pytest.raises(ConnectionResetError):
        Gateway().call(wrapped, environ)
    assert wrapped.desk.statistics() == {"skipped.unfinished": 1}


def test_a_stream_that_gives_no_bytes_is_counted(wrap: Wrap) -> None:
    """What we cannot take of a request reaches the app all the same, and ends the watch."""
    got: list[Any] = []
    stream = SimpleNamespace(read=lambda size: 5, readlines=lambda: ["text"])
    app, environ = reading(
        lambda given: got.extend([given.read(1), given.readlines()]), stream=stream
    )
    wrapped = wrap(app)
    Gateway().call(wrapped, environ)
    assert got == [5, ["text"]]
    assert wrapped.desk.statistics() == {"error": 1}


def test_an_environ_without_an_input(wrap: Wrap, journal: Path) -> None:
    """Then there is nothing to note; the answer is still read."""
    environ = environ_of()
    del environ["wsgi.input"]

    def app(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        start_response("200 OK", [JSON_TYPE])
        return [ANSWER]

    Gateway().call(wrap(app), environ)
    assert "wsgi.input" not in environ
    assert emails(journal) == [JANE]


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("application/json", as_json({"email": JANE, "password": SECRET})),
        (FORM_TYPE, urlencode({"email": JANE, "password": SECRET}).encode()),
        (FORM_TYPE, urlencode({"username": JANE, "password": SECRET}).encode()),
        ("application/json; charset=utf-8", as_json({"login": JANE})),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="email"\r\n\r\n'
            + JANE.encode()
            + b"\r\n--x--\r\n",
        ),
    ],
    ids=range(5),
)
@pytest.mark.parametrize(
    "answer",
    [
        ("204 No Content", []),
        ("200 OK", [as_json({"access_token": SECRET, "token_type": "bearer"})]),
        ("200 OK", [ANSWER]),
    ],
    ids=["cookie", "token", "user"],
)
def test_bodies_both_ways(
    wrap: Wrap, journal: Path, kind: str, content: bytes, answer: tuple[str, list[bytes]]
) -> None:
    """JSON and forms in, tokens, users or nothing but a cookie out."""
    status, chunks = answer
    app = answering(chunks, status)
    Gateway().call(wrap(app), environ_of(content=content, content_type=kind))
    assert emails(journal) == [JANE]
    assert SECRET.encode() not in b"".join(read_lines(journal))


def test_long_requests_are_forgotten(wrap: Wrap, journal: Path) -> None:
    """Beyond the limit the request says nothing, and passes; the answer is still read."""
    content = as_json({"email": "jane@example.com", "x": "x" * MAX_BODY_BYTES})
    for chunks, status in (([], "204 No Content"), ([ANSWER], "200 OK")):
        wrapped = wrap(answering(chunks, status))
        Gateway().call(wrapped, environ_of(content=content))
    assert wrapped.desk.statistics() == {"skipped.anonymous": 1}
    assert emails(journal) == [JANE]


def test_every_split_gives_the_same(wrap: Wrap, journal: Path) -> None:
    """Wherever request and answer are cut, the finding is the same."""
    request = as_json({"email": JANE, "firstName": "Jane"})
    answer = as_json({"user": {"id": 7, "lastName": "Doe"}})
    cut = 0

    def app(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterator[bytes]:
        environ["wsgi.input"].read(cut)
        environ["wsgi.input"].read(len(request) - cut)
        start_response("201 Created", [JSON_TYPE])
        yield answer[:cut]
        yield answer[cut:]

    wrapped, most = wrap(app), max(len(request), len(answer))
    for cut in range(most + 1):  # noqa: B007 - the app asks for it
        Gateway().call(wrapped, environ_of("/register", content=request))
    assert len(read_messages(journal)) == most + 1
    found = {(m.user_id, tuple(sorted(m.traits.items()))) for m in read_messages(journal)}
    assert found == {("7", (("email", JANE), ("firstName", "Jane"), ("lastName", "Doe")))}


@given(
    st.binary(max_size=60),
    st.lists(st.binary(max_size=30), max_size=3),
    st.sampled_from(["application/json", FORM_TYPE, "text/html", "", "\xff"]),
    st.sampled_from(["gzip", "deflate", "br", ""]),
    st.integers(100, 599),
    st.text(st.characters(max_codepoint=255), max_size=20),
    st.booleans(),
)
def test_any_bytes_pass(
    request: bytes,
    chunks: list[bytes],
    kind: str,
    coding: str,
    status: int,
    text: str,
    is_lazy: bool,
) -> None:
    """Any request and any answer pass as they are, and never make an error of ours."""
    headers = [("Content-Type", kind), ("Content-Encoding", coding), ("Location", text)]
    app = answering(iter(chunks) if is_lazy else chunks, f"{status} {text}", headers)
    wrapped = CaptureMiddleware(app, journal="/nowhere/at/all")
    before = wrapped.desk.statistics().get("error", 0)
    environ = environ_of(content=request, content_type=kind, headers={"Cookie": text})
    gateway = Gateway().call(wrapped, {**environ, "QUERY_STRING": text})
    assert gateway.heads == [(f"{status} {text}", headers)]
    assert gateway.chunks == chunks
    after = wrapped.desk.statistics()
    assert after.get("error", 0) == before
    assert after.keys() <= COUNTS


BYTES = st.binary(max_size=12) | st.just(ANSWER)
HEADERS = st.lists(
    st.sampled_from([JSON_TYPE, LENGTH, MOVED, ("Content-Length", "0"), ("Content-Length", "x")]),
    max_size=3,
)
ACTIONS = st.one_of(
    st.tuples(st.just("head"), st.sampled_from(["200 OK", "204 No", "303 See", "401 No"]), HEADERS),
    st.tuples(st.just("write"), BYTES),
    st.tuples(st.just("chunk"), BYTES),
    st.tuples(st.just("read"), st.sampled_from([-1, 0, 5])),
    st.just(("raise",)),
)


class Scripted:
    """An app that does these things; what the server sees of it is logged."""

    def __init__(self, script: list[Any], kind: str) -> None:
        self.script = script
        self.kind = kind
        self.log: list[Any] = []

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Any:
        chunks = self.run(environ["wsgi.input"], start_response)
        if self.kind == "generator":
            return chunks
        if self.kind == "list":
            return list(chunks)
        return (SizedChunks if self.kind == "sized" else Chunks)(*chunks)

    def run(self, stream: Any, start_response: Any) -> Iterator[bytes]:
        """Do one thing after the other."""
        write = None
        for name, *what in self.script:
            if name == "head":
                write = start_response(*what, *([failure()] if write else []))
            elif name == "write" and write:
                write(*what)
            elif name == "chunk":
                yield what[0]
            elif name == "read":
                self.log.append(stream.read(*what))
            elif name == "raise":
                raise LookupError("the app's own")

    def serve(self, app: "WSGIApplication", stop: int) -> list[Any]:
        """Everything a server sees that loses its client after so many chunks."""
        log = self.log

        def start_response(status: str, headers: Any, exc_info: Any = None) -> Any:
            log.append((status, list(headers), exc_info and exc_info[0]))
            return lambda data: log.append(("write", data))

        try:
            answer: Any = app(environ_of(content=TYPED), start_response)
            log.append(hasattr(answer, "__len__") and len(answer))
            try:
                for number, chunk in enumerate(answer):
                    log.append(chunk)
                    if number == stop:
                        break
            finally:
                if hasattr(answer, "close"):
                    answer.close()
        except LookupError as error:
            log.append(str(error))
        return log


@given(
    st.lists(ACTIONS, max_size=8),
    st.sampled_from(["generator", "list", "chunks", "sized"]),
    st.integers(0, 4),
)
def test_whatever_an_app_does(script: list[Any], kind: str, stop: int) -> None:
    """The server sees the same, in the same order, with and without us."""
    bare, watched = Scripted(script, kind), Scripted(script, kind)
    wrapped = CaptureMiddleware(watched, journal="/nowhere/at/all")
    assert watched.serve(wrapped, stop) == bare.serve(bare, stop)
    assert "error" not in wrapped.desk.statistics()


# What it is judged by


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (("401 Unauthorized", [JSON_TYPE], ANSWER), "status"),
        (("422 No", [JSON_TYPE], ANSWER), "status"),
        (("500 Oh Dear", [JSON_TYPE], ANSWER), "status"),
        (("200 OK", [JSON_TYPE], as_json({"error": "no", "email": JANE})), "error_in_answer"),
        (("200 OK", [("Content-Type", "text/html")], b"<form>"), "no_json"),
        (("303 See Other", [("Location", "/login")], b""), "redirected_back"),
        (("303 See Other", [("Location", "login")], b""), "redirected_back"),
        (("303 See Other", [("Location", "/login?error=1")], b""), "redirected_back"),
        (("307 Temporary Redirect", [MOVED], b""), "status"),
    ],
    ids=range(9),
)
def test_failures(
    wrap: Wrap, journal: Path, answer: tuple[str, list[Any], bytes], reason: str
) -> None:
    """A login that failed identifies nobody, and is counted."""
    status, headers, content = answer
    for chunks in ([content], iter([content])):
        wrapped = wrap(answering(chunks, status, headers))
        typed = urlencode({"email": JANE}).encode()
        Gateway().call(wrapped, environ_of(content=typed, content_type=FORM_TYPE))
    assert wrapped.desk.statistics() == {f"skipped.{reason}": 2}
    assert read_lines(journal) == []


@pytest.mark.parametrize(
    ("route", "given"),
    [
        ("/login", {"SCRIPT_NAME": "/shop", "PATH_INFO": "/login"}),
        ("/shop/login", {"SCRIPT_NAME": "/shop", "PATH_INFO": "/login"}),
        ("/shop/{site}/login", {"SCRIPT_NAME": "/shop", "PATH_INFO": "/de/login/"}),
        ("/{site}/login", {"SCRIPT_NAME": "/shop", "PATH_INFO": "/de/login"}),
        ("/shop", {"SCRIPT_NAME": "/shop", "PATH_INFO": ""}),
        ("/login", {"SCRIPT_NAME": "/für", "PATH_INFO": "/login"}),
        ("/für/login", {"SCRIPT_NAME": "/für", "PATH_INFO": "/login"}),
        ("/anmeldung/für-sie", {"PATH_INFO": "/anmeldung/für-sie"}),
        ("/anmeldung/für-sie", {"PATH_INFO": "/anmeldung/für-sie/"}),
        ("/für/{site}/登录", {"PATH_INFO": "/für/中国/登录"}),
        ("/{site}/login", {"PATH_INFO": "/für/login"}),
    ],
    ids=range(11),
)
def test_paths(wrap: Wrap, journal: Path, route: str, given: dict[str, str]) -> None:
    """A rule is found by the app's own path and by the whole one, whatever its letters."""
    environ = environ_of() | {k: text.encode().decode("latin-1") for k, text in given.items()}
    wrapped = wrap(answering([ANSWER]), rules=[Rule(LOGGED_IN, route)], presets=())
    Gateway().call(wrapped, environ)
    assert [message.route for message in read_messages(journal)] == [f"POST {route}"]


@pytest.mark.parametrize("path", ["/anmeldung/f\xfcr-sie", "/anmeldung/fur-sie", "/\xff\xfe", "/a"])
def test_paths_of_others(wrap: Wrap, path: str) -> None:
    """A path that is not UTF-8, or another, is not a rule's."""
    app = Recorder()
    wrapped = wrap(app, rules=[Rule(LOGGED_IN, "/anmeldung/für-sie")])
    environ = environ_of() | {"PATH_INFO": path}
    assert wrapped(environ, Gateway().start_response) is app.answer


def test_a_redirect_back_below_a_mount(wrap: Wrap) -> None:
    """A form below a mount that leads back to itself, by its whole path or a relative one."""
    for location in ("/shop/login", "login", "../shop/login", "http://shop/shop/login?next=/"):
        wrapped = wrap(answering([], "302 Found", [("Location", location)]))
        typed = urlencode({"email": JANE}).encode()
        environ = environ_of(content=typed, content_type=FORM_TYPE, SCRIPT_NAME="/shop")
        Gateway().call(wrapped, environ)
    assert wrapped.desk.statistics() == {"skipped.redirected_back": 4}


def test_what_a_rule_may_name(wrap: Wrap, journal: Path) -> None:
    """Headers, cookies, query and session of the request, headers of the answer."""
    traits = {
        "email": "request.headers.x-email",
        "firstName": "request.cookies.first",
        "lastName": "request.query.last",
        "phone": "response.headers.x-phone",
        "plan": "session.plan",
    }
    rule = Rule(LOGGED_IN, "GET /callback", when="2xx", traits=traits)
    environ = environ_of(
        "/callback",
        "GET",
        b"",
        headers={"X-Email": JANE, "Cookie": "a=b; first=Jane"},
        QUERY_STRING="last=Doe",
    )
    environ["werkzeug.session"] = {"plan": "gold"}
    wrapped = wrap(answering([], headers=[("X-Phone", "J\xf6")]), rules=[rule])
    Gateway().call(wrapped, environ)
    (message,) = read_messages(journal)
    assert message.traits == {
        "email": JANE,
        "firstName": "Jane",
        "lastName": "Doe",
        "phone": "Jö",
        "plan": "gold",
    }


class BeakerSession:
    """As Beaker's `SessionObject`: stands for a session that it loads when it is first used."""

    def __init__(self, stored: dict[str, Any] | None) -> None:
        self.__dict__["_sess"] = stored

    def __getattr__(self, name: str) -> Any:
        raise AssertionError("the session was loaded")


@pytest.mark.parametrize(
    ("key", "session", "expected"),
    [
        ("beaker.session", BeakerSession({"user": {"email": JANE}}), [JANE]),
        ("beaker.session", BeakerSession(None), []),
        ("beaker.session", {"user": {"email": JANE}}, [JANE]),
        ("werkzeug.session", {"user": {"email": JANE}}, [JANE]),
        ("werkzeug.session", {}, []),
    ],
    ids=range(5),
)
def test_the_session_says_who_it_was(
    wrap: Wrap, journal: Path, key: str, session: Any, expected: list[str]
) -> None:
    """A session of the usual middleware is looked at, and never loaded for it."""

    def app(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        environ[key] = session  # set by a middleware inside us
        start_response("303 See Other", [MOVED])
        return []

    environ = environ_of(content=b"code=1", content_type=FORM_TYPE)
    Gateway().call(wrap(app), environ)
    assert emails(journal) == expected


def test_a_session_that_cannot_be_looked_at_is_counted(wrap: Wrap) -> None:
    """What somebody else's session raises does not reach the app."""

    class Session:
        def __getattribute__(self, name: str) -> Any:
            raise RuntimeError

    wrapped = wrap(answering([ANSWER]))
    gateway = Gateway().call(wrapped, environ_of() | {"beaker.session": Session()})
    assert gateway.chunks == [ANSWER]
    assert wrapped.desk.statistics() == {"error": 1}


# Notes, and other middleware


def test_a_handler_adds_and_corrects(wrap: Wrap, journal: Path) -> None:
    """By the environ, or by whatever holds it."""

    def app(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        assert notes_of(environ) is environ[MARK]
        assert frontdesk.add_traits(environ, {"phone": "1"})
        assert frontdesk.add_traits(SimpleNamespace(environ=environ), {"plan": "gold"})
        assert frontdesk.add_traits(SimpleNamespace(META=environ), {}, user_id="u-1")
        start_response("200 OK", [JSON_TYPE])
        return [ANSWER]

    Gateway().call(wrap(app), environ_of())
    (message,) = read_messages(journal)
    assert message.traits == {"email": JANE, "phone": "1", "plan": "gold"}
    assert message.user_id == "u-1"


def test_a_veto(wrap: Wrap, journal: Path) -> None:
    """Nothing is captured, and that is counted."""

    def app(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterator[bytes]:
        start_response("200 OK", [JSON_TYPE])
        yield ANSWER
        assert frontdesk.veto(environ)

    wrapped = wrap(app)
    Gateway().call(wrapped, environ_of())
    assert wrapped.desk.statistics() == {"skipped.vetoed": 1}
    assert emails(journal) == []


def test_somebody_else_has_told(wrap: Wrap, journal: Path) -> None:
    """The message was written by one who knows better: none is added, and nothing is counted."""

    def app(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        notes = notes_of(environ)
        assert notes is not None
        notes.tell()
        start_response("200 OK", [JSON_TYPE])
        return [ANSWER]

    wrapped = wrap(app)
    Gateway().call(wrapped, environ_of())
    assert wrapped.desk.statistics() == {}
    assert emails(journal) == []


def test_nested_middleware_reports_once(wrap: Wrap, journal: Path) -> None:
    """Twice in the stack, the login is reported once; the notes are the outer one's."""
    seen: list[Any] = []

    def app(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        seen.append(environ[MARK])
        body_of(environ)
        start_response("204 No Content", [])
        return iter([])

    Gateway().call(wrap(wrap(wrap(app))), environ_of(content=as_json({"email": JANE})))
    assert emails(journal) == [JANE]
    assert isinstance(seen[0], Notes)


def test_nested_below_a_mount(wrap: Wrap, journal: Path) -> None:
    """A dispatcher shifts the path for the inner app: still one login, one message."""
    inner = wrap(answering([ANSWER]))

    def dispatcher(environ: "WSGIEnvironment", start_response: "StartResponse") -> Any:
        mounted = {**environ, "SCRIPT_NAME": "/garden", "PATH_INFO": "/login"}
        return inner(mounted, start_response)

    rules = [Rule(LOGGED_IN, "/garden/login")]
    Gateway().call(wrap(dispatcher, rules=rules), environ_of("/garden/login"))
    Gateway().call(wrap(dispatcher, presets=()), environ_of("/garden/login"))  # only the inner's
    assert [message.route for message in read_messages(journal)] == [
        "POST /garden/login",
        "POST /login",
    ]


def test_a_middleware_around_us_may_edit_the_headers(wrap: Wrap, journal: Path) -> None:
    """It compresses what has passed us: what counts is the list as the app gave it."""

    def start_response(status: str, headers: list[Any], exc_info: Any = None) -> Any:
        headers[:] = [("Content-Encoding", "br"), ("Content-Length", "1")]

    list(wrap(answering(iter([ANSWER])))(environ_of(), start_response))
    assert emails(journal) == [JANE]


# The validator of the standard library


@pytest.mark.parametrize(
    "make",
    [lambda: [ANSWER], lambda: iter([ANSWER]), lambda: Chunks(ANSWER[:5], ANSWER[5:]), list],
    ids=range(4),
)
@pytest.mark.parametrize("path", ["/login", "/cart"])
@pytest.mark.parametrize("side", ["outside", "inside"])
def test_the_validator(wrap: Wrap, journal: Path, side: str, path: str, make: Any) -> None:
    """wsgiref's validator is content around us and, with us around it, inside."""
    app = answering(make(), headers=[("Content-Type", "application/json")])
    stack = validator(wrap(app)) if side == "outside" else wrap(validator(app))
    gateway = Gateway().call(stack, environ_of(path))
    assert b"".join(gateway.chunks) in (ANSWER, b"")


def test_the_validator_around_all_that_an_app_can_do(wrap: Wrap) -> None:
    """Lines of the request, `write`, and a head that is replaced."""

    def app(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        stream = environ["wsgi.input"]
        assert stream.readline() == b"{\n"
        assert stream.readlines(1) == [b"}\n"]
        assert list(stream) == []
        start_response("200 OK", [JSON_TYPE])
        write = start_response("200 OK", [JSON_TYPE], failure())
        write(ANSWER[:5])
        return iter([ANSWER[5:]])

    gateway = Gateway().call(validator(wrap(app)), environ_of(content=b"{\n}\n"))
    assert b"".join(gateway.chunks) == ANSWER


@pytest.mark.parametrize("chunks", [[ANSWER], SizedChunks(ANSWER), Chunks(ANSWER)], ids=range(3))
def test_the_standard_library_s_handler_sends_the_same(wrap: Wrap, chunks: Any) -> None:
    """It makes an only chunk's length the answer's, with and without us."""
    sent = []
    for app in (answering(chunks), wrap(answering(chunks))):
        output = io.BytesIO()
        environ = environ_of()
        SimpleHandler(environ["wsgi.input"], output, io.StringIO(), environ).run(app)
        sent.append([line for line in output.getvalue().splitlines() if b"Date:" not in line])
    assert sent[0] == sent[1]


# Threads, and what is left


def test_threads_do_not_mix(wrap: Wrap, journal: Path) -> None:
    """Requests at the same time through one middleware each get their own customer."""
    number_of_threads, turns = 8, 25
    barrier = threading.Barrier(number_of_threads)

    def app(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterator[bytes]:
        number = body_of(environ).decode()
        start_response("200 OK", [JSON_TYPE])
        content = as_json({"user": {"email": f"jane{number}@example.com", "id": number}})
        for start in range(0, len(content), 16):
            yield content[start : start + 16]
        barrier.wait(20)

    wrapped = wrap(app)
    failed: list[BaseException] = []

    def serve(number: int) -> None:
        try:
            for turn in range(turns):
                environ = environ_of(content=str(number * turns + turn).encode())
                Gateway().call(wrapped, environ)
        except BaseException as error:
            failed.append(error)
            raise

    threads = [threading.Thread(target=serve, args=(n,)) for n in range(number_of_threads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failed == []
    messages = read_messages(journal)
    assert sorted(int(m.user_id) for m in messages) == list(range(number_of_threads * turns))
    assert all(m.traits == {"email": f"jane{m.user_id}@example.com"} for m in messages)
    assert len({m.message_id for m in messages}) == len(messages)
    assert len(list(journal.iterdir())) == 1


def test_nothing_is_held_after_the_answer(wrap: Wrap) -> None:
    """Closing may take long: the request's body does not wait with it."""
    body = as_json({"email": JANE, "password": SECRET, "filler": "x" * 100})
    holders: list[int] = []

    def count() -> None:
        holders.append(sum(type(holder) is list for holder in gc.get_referrers(body)))

    class Stream(io.BytesIO):
        def read(self, *size: Any) -> bytes:
            return body

    class Closing(Chunks):
        def close(self) -> None:
            count()

    def app(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        environ["wsgi.input"].read()
        count()
        start_response("401 No", [JSON_TYPE])
        return Closing(b"no")

    Gateway().call(wrap(app), environ_of(content=body, stream=Stream()))
    assert holders == [1, 0]


class Traced(io.BytesIO):
    """A stream that can be referred to weakly, and is referred to by the environ."""


class Holding(Chunks):
    """An app's answer that holds the request, as those of frameworks do."""

    def __init__(self, environ: Any, start_response: Any) -> None:
        super().__init__(ANSWER)
        self.held = (environ, start_response)


def holding(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    """An app whose answer holds all there is."""
    body_of(environ)
    start_response("200 OK", [JSON_TYPE])
    return Holding(environ, start_response)


def failing(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    """An app that reads and fails."""
    body_of(environ)
    raise KeyError("x")


@pytest.mark.parametrize("is_broken", [False, True], ids=["fine", "errors of ours"])
@pytest.mark.parametrize(
    "app",
    [
        answering([ANSWER]),
        lambda *args: answering(iter([ANSWER]))(*args),
        holding,
        failing,
        answering([b"no"], "500 Oh Dear"),
    ],
    ids=["list", "iterator", "holding", "failing", "500"],
)
def test_nothing_waits_for_the_collector(
    wrap: Wrap, app: "WSGIApplication", is_broken: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request's objects are gone with the last reference, without garbage collection."""

    def broken(*args: object) -> None:
        raise RuntimeError

    if is_broken:
        monkeypatch.setattr(Rule, "judge", broken)
    gc.disable()
    try:
        stream = Traced(b"{}")
        gone = weakref.ref(stream)
        with contextlib.suppress(KeyError):
            answer = wrap(app)(environ_of(stream=stream), lambda *args: len)
            assert len(list(answer)) == 1
            if hasattr(answer, "close"):
                answer.close()
            del answer
        del stream
        assert gone() is None
    finally:
        gc.enable()


def test_secrets_stay(wrap: Wrap, journal: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Passwords, tokens and cookies are in no line, no log and no object that is printed."""
    caplog.set_level(logging.DEBUG)
    shown: list[str] = []
    answer = as_json({"access_token": SECRET, "user": {"email": JANE, "token": SECRET}})

    def app(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        body_of(environ)
        start_response("200 OK", [JSON_TYPE, ("Set-Cookie", SECRET)])
        shown.extend(map(repr, (environ["wsgi.input"], environ[MARK], start_response)))
        return Chunks(answer)

    content = as_json({"email": JANE, "password": SECRET})
    headers = {"Cookie": f"session={SECRET}", "Authorization": f"Bearer {SECRET}"}
    wrapped = wrap(app)
    gateway = Gateway().call(wrapped, environ_of(content=content, headers=headers))
    shown += [repr(gateway.result), repr(wrapped)]
    assert emails(journal) == [JANE]
    printed = " ".join([*shown, caplog.text, *map(str, read_lines(journal))])
    assert SECRET not in printed
    assert JANE not in " ".join([*shown, caplog.text])


def test_a_login_without_a_journal(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The shopper is answered, the drop is counted and logged once, without a value."""
    caplog.set_level(logging.DEBUG, "frontdesk")
    wrapped = CaptureMiddleware(answering([ANSWER]), journal=tmp_path / "none")
    for _ in range(3):
        assert Gateway().call(wrapped, environ_of()).chunks == [ANSWER]
    assert wrapped.desk.statistics() == {"dropped.journal_missing": 3}
    assert [record.name for record in caplog.records] == ["frontdesk"]
    assert JANE not in caplog.text
