"""The WSGI middleware: watches the routes that its rules name, and interferes with none.

What passes is told to the same watch as under ASGI, in that one's words. Source: PEP 3333.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from frontdesk.desk import Desk, desk_of, log_problems
from frontdesk.environ import Decoded, Headers, decoded, raw, session_of
from frontdesk.exceptions import ConfigurationError
from frontdesk.exchange import Body, Exchange, Message, Scope
from frontdesk.notes import MARK, Notes
from frontdesk.routes import RouteTable
from frontdesk.rules import Rule
from frontdesk.settings import Capture, load_capture
from frontdesk.watch import Watch, failed

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

_INPUT: Final = "wsgi.input"


class CaptureMiddleware:
    """Notes who registered or logged in: `app = CaptureMiddleware(app)` is enough.

    Settings and arguments are those of the ASGI middleware, `frontdesk.CaptureMiddleware`.

    Raises ConfigurationError for wrong arguments. Wrong settings of file or environment are logged
    as an error, and nothing is captured: a WSGI app has no start-up that could fail. In a request
    nothing is raised: errors of our own are counted, the app's and the server's pass through.
    """

    def __init__(
        self,
        app: WSGIApplication,
        *,
        rules: Sequence[Rule] | None = None,
        presets: Sequence[str] | None = None,
        journal: str | os.PathLike[str] | None = None,
        site: str | None = None,
        settings: Capture | None = None,
    ) -> None:
        loaded = _load() if settings is None else settings
        given = loaded or Capture()
        settings = given.with_arguments(rules, presets, journal, site)
        all_rules = settings.all_rules()
        self.app = app
        self.desk: Desk = desk_of(settings)
        self._table = RouteTable(all_rules if loaded is not None else ())
        paths = self._table.paths
        is_ascii = all(rule.path.isascii() for rule in self._table.rules)
        self._paths: Container[object] = paths if is_ascii else Decoded(paths)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Pass the call on; of all that is not a rule's route, with the server's own objects."""
        # One look-up decides for nearly every request, so nothing else stands before it.
        try:
            may_be_ours = environ["PATH_INFO"] in self._paths or environ["SCRIPT_NAME"]
        except KeyError:  # what is empty may be left out
            may_be_ours = True
        if may_be_ours:
            answer = self._answer(environ, start_response)
            if answer is not None:
                return answer.of(self.app)
        return self.app(environ, start_response)

    def _answer(self, environ: WSGIEnvironment, start_response: StartResponse) -> _Answer | None:
        """The watched answer to a request that a rule is about, else None."""
        try:
            if MARK in environ:
                return None
            root = decoded(environ.get("SCRIPT_NAME", ""))
            scope: Scope = {
                "type": "http",
                "method": environ.get("REQUEST_METHOD", ""),
                "path": root + decoded(environ.get("PATH_INFO", "")),
                "root_path": root,
            }
            group = self._table.find(scope)
            if group is None:
                return None
            scope["query_string"] = raw(environ.get("QUERY_STRING", ""))
            scope["headers"] = headers = Headers(environ)
            exchange = Exchange(scope)
            exchange.request = Body(headers.about_the_body())
            exchange.trace = environ.get("HTTP_TRACEPARENT")
            watch = Watch(self.desk, group, exchange, _handed_on_by_the_server)
            answer = _Answer(environ, start_response, watch, scope)
            if _INPUT in environ:
                environ[_INPUT] = watch.reading(environ[_INPUT])
            environ[MARK] = scope[MARK] = Notes()
            return answer
        except Exception as error:  # noqa: BLE001 - an error of ours must not become the shop's
            failed(self.desk, error)
            return None


class _Answer:
    """One watched answer: told to the watch before the server gets it, and given as it is.

    A head may still be replaced (`exc_info`), so it is told with the first thing that can make
    the server send it: a chunk, be it an empty one, or the end.
    """

    __slots__ = ("_environ", "_head", "_is_started", "_scope", "_start_response", "_watch")

    def __init__(
        self, environ: WSGIEnvironment, start_response: StartResponse, watch: Watch, scope: Scope
    ) -> None:
        self._environ = environ
        self._scope = scope
        self._start_response = start_response
        self._watch = watch
        self._head: Message | None = None
        self._is_started = False

    def of(self, app: WSGIApplication) -> Iterable[bytes]:
        """Call the app; what it gives is wrapped only where it is still to come."""
        try:
            chunks = app(self._environ, self.start_response)
        except BaseException:
            self.end()
            self._environ.pop(MARK, None)  # a middleware around us may try again
            raise
        kind: Any = type(chunks)
        if kind is list or kind is tuple or kind is bytes:  # complete, so it is told at once
            # Bytes are not PEP 3333, and uWSGI sends them.
            parts: Any = (chunks,) if kind is bytes else chunks
            for chunk in parts:
                self.tell(chunk)
            self.finish()
        elif self._is_file(chunks):
            self._tell_head()
            self._watch.end("stream")  # no login's answer, and the server may have a quick way
        else:
            return (_SizedChunks if hasattr(kind, "__len__") else _Chunks)(chunks, self)
        return chunks

    def start_response(self, *args: Any, **options: Any) -> Callable[[bytes], object]:
        """The server's `start_response`, with whatever the app gives it."""
        # A middleware around us may edit the list, so it is read first.
        head = self._read_head(args) if self._watch.is_watching else None
        write = self._start_response(*args, **options)
        self._head, self._is_started = head, True

        def write_telling(data: bytes) -> object:
            self.tell(data)
            return write(data)

        return write_telling

    def tell(self, chunk: bytes, *, is_last: bool = False) -> None:
        """The server is about to get a chunk."""
        if self._head is not None:
            self._tell_head()
        if self._is_started and self._watch.is_watching:
            body = {"type": "http.response.body", "body": chunk, "more_body": not is_last}
            self._watch.send(body)

    def finish(self) -> None:
        """The server is about to learn that nothing more comes."""
        self.tell(b"", is_last=True)
        self._watch.end()

    def end(self) -> None:
        """Nothing more comes, finished or not."""
        self._watch.end()

    def _is_file(self, chunks: object) -> bool:
        wrapper = self._environ.get("wsgi.file_wrapper")
        return isinstance(wrapper, type) and isinstance(chunks, wrapper)

    def _tell_head(self) -> None:
        head, self._head = self._head, None
        if head is None:
            return
        try:
            session = session_of(self._environ)
            if session is not None:
                self._scope["session"] = session
        except Exception as error:  # noqa: BLE001 - see failed()
            self._watch.fail(error)
        self._watch.send(head)

    def _read_head(self, args: tuple[Any, ...]) -> Message | None:
        try:
            status, headers = args[:2]
            if iter(headers) is headers:  # can be read but once, and that is the server's to do
                headers = ()
            pairs = [(raw(name), raw(value)) for name, value in headers]
            return {"type": "http.response.start", "status": int(status[:3]), "headers": pairs}
        except Exception as error:  # noqa: BLE001 - the server judges what the app gives it
            self._watch.fail(error)
            return None


class _Chunks:
    """An app's iterable, one chunk after the other, closed as often as the app's own: once."""

    __slots__ = ("_answer", "_chunks", "_iterator")

    def __init__(self, chunks: Iterable[bytes], answer: _Answer) -> None:
        self._chunks = chunks
        self._answer = answer
        self._iterator: Iterator[bytes] | None = None

    def __iter__(self) -> Iterator[bytes]:
        self._iterator = iter(self._chunks)
        return self

    def __next__(self) -> bytes:
        if self._iterator is None:
            self._iterator = iter(self._chunks)
        try:
            chunk = next(self._iterator)
        except StopIteration:
            self._answer.finish()
            raise
        except BaseException:
            self._answer.end()
            raise
        self._tell(chunk)
        return chunk

    def close(self) -> None:
        """Close the app's iterable, if it has a `close`."""
        self._answer.end()
        chunks, self._chunks, self._iterator = self._chunks, (), None
        close = getattr(chunks, "close", None)
        if close is not None:
            close()

    def _tell(self, chunk: bytes) -> None:
        self._answer.tell(chunk)


class _SizedChunks(_Chunks):
    """One that knows its length: a server may make the length of an only chunk the answer's."""

    __slots__ = ()

    def __len__(self) -> int:
        return len(self._chunks)  # type: ignore[arg-type] # chosen for what has a length

    def _tell(self, chunk: bytes) -> None:
        try:
            is_only = len(self) == 1
        except Exception:  # noqa: BLE001 - not every server would have asked
            is_only = False
        self._answer.tell(chunk, is_last=is_only)


def _load() -> Capture | None:
    try:
        return load_capture()
    except ConfigurationError as error:
        log_problems(error)
        return None


def _handed_on_by_the_server(message: Message) -> Any:
    """A WSGI answer is fetched by who wants it; its watch hands nothing on."""
