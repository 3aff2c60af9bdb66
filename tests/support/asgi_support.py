"""Drives an ASGI app by hand: scripted messages go in, the very objects that come out are kept."""

import contextlib
import json
import os
import shutil
import tempfile
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode

from frontdesk.asgi import ASGIApp, Receive, Send
from frontdesk.event import Identify, counts_of
from frontdesk.exchange import Exchange, Message, Scope

T = TypeVar("T")

JSON = b"application/json"
FORM = b"application/x-www-form-urlencoded"
HTML = b"text/html; charset=utf-8"
JANE = "jane.doe@example.com"
#: What no journal line, log record or repr may ever hold.
SECRET = "s3cr3t-Marked-Value"

DISCONNECT: Message = {"type": "http.disconnect"}


class Server:
    """The server's side of one call; `receive` and `send` are single objects, so `is` tells."""

    def __init__(
        self, *received: Message, on_send: Callable[[Message], object] = lambda message: None
    ) -> None:
        script = deque(received)
        self.sent: list[Message] = []

        async def receive() -> Message:
            return script.popleft() if script else DISCONNECT

        async def send(message: Message) -> None:
            on_send(message)
            self.sent.append(message)

        self.receive: Receive = receive
        self.send: Send = send

    async def call(self, app: ASGIApp, scope: Scope) -> "Server":
        """Serve one scope with the app."""
        await app(scope, self.receive, self.send)
        return self


def scope_of(
    path: str = "/login",
    method: str = "POST",
    *,
    content_type: bytes = JSON,
    headers: Iterable[tuple[bytes, bytes]] = (),
    **more: Any,
) -> Scope:
    """An HTTP scope as a server makes it."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.5"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"content-type", content_type), *headers],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8000),
        **more,
    }


def said(content: bytes, *, more: bool = False) -> Message:
    """One message of the request's body."""
    return {"type": "http.request", "body": content, "more_body": more}


def started(
    status: int = 200, content_type: bytes = JSON, *headers: tuple[bytes, bytes]
) -> Message:
    """The start of a response."""
    return {
        "type": "http.response.start",
        "status": status,
        "headers": [(b"content-type", content_type), *headers],
    }


def chunk(content: bytes = b"", *, more: bool = False) -> Message:
    """One message of the response's body."""
    return {"type": "http.response.body", "body": content, "more_body": more}


def as_json(document: object) -> bytes:
    """The document as an app would send it."""
    return json.dumps(document).encode()


def answering(*messages: Message) -> ASGIApp:
    """An app that reads the whole request, then sends these very messages."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body", False):
            pass
        for message in messages:
            await send(message)

    return app


def logging_in(document: object = None) -> ASGIApp:
    """An app whose every answer is a successful login."""
    content = as_json({"user": {"email": JANE}} if document is None else document)
    return answering(started(), chunk(content))


def finish(call: Awaitable[T]) -> T:
    """Run a call that never has to wait; needs no event loop."""
    assert isinstance(call, Coroutine)
    try:
        call.send(None)
    except StopIteration as stop:
        value: T = stop.value
        return value
    raise AssertionError("the call waited")


_NO_BODY: Any = object()


def exchange_of(
    *,
    request: object = _NO_BODY,
    form: Mapping[str, str] | None = None,
    response: object = _NO_BODY,
    content: bytes = b"",
    content_type: bytes | None = None,
    request_type: bytes | None = None,
    status: int = 200,
    headers: Iterable[tuple[bytes, bytes]] = (),
    request_headers: Iterable[tuple[bytes, bytes]] = (),
    path: str = "/login",
    **scope: Any,
) -> Exchange:
    """A finished exchange: JSON or a form went in, JSON or `content` came out."""
    posted = urlencode(form).encode() if form is not None else b""
    if request is not _NO_BODY:
        posted = as_json(request)
    exchange = Exchange(
        scope_of(
            path,
            content_type=request_type or (FORM if form is not None else JSON),
            headers=request_headers,
            **scope,
        )
    )
    exchange.request.feed(said(posted))
    if response is not _NO_BODY:
        content = as_json(response)
    kind = JSON if content_type is None else content_type
    exchange.respond(started(status, kind, *headers))
    exchange.response.feed(chunk(content))
    return exchange


@contextlib.contextmanager
def memory_directory(fallback: Path) -> Iterator[Path]:
    """A private directory on tmpfs when there is one, else below `fallback`."""
    memory = Path("/dev/shm")  # noqa: S108 - a private directory is made in it
    usable = os.access(memory, os.W_OK)
    directory = Path(tempfile.mkdtemp(prefix="frontdesk-", dir=memory if usable else fallback))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def all_lines(journal: Path) -> list[bytes]:
    """Every line of every segment, in the order of the segments' names."""
    segments = sorted(journal.glob("*.ndjson"))
    return [line for path in segments for line in path.read_bytes().splitlines(keepends=True)]


def read_lines(journal: Path) -> list[bytes]:
    """Every line but those that tell counts alone."""
    return [line for line in all_lines(journal) if not line.startswith(b'{"type":"counts"')]


def read_counts(journal: Path) -> Counter[str]:
    """What the lines of both kinds tell together."""
    told: Counter[str] = Counter()
    for line in all_lines(journal):
        told.update(counts_of(line))
    return told


def read_messages(journal: Path) -> list[Identify]:
    """Every message in the journal."""
    return [Identify.decode(line) for line in read_lines(journal)]


def emails(journal: Path) -> list[object]:
    """The customers in the journal, one for each message."""
    return [message.traits["email"] for message in read_messages(journal)]
