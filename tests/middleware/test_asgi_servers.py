"""The middleware on real servers, over real sockets, beside the middleware that apps have."""

import asyncio
import base64
import gzip
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.authentication import AuthCredentials, AuthenticationBackend, SimpleUser
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.sync.client import connect

import served_shop
from asgi_support import JANE, as_json, emails, read_lines, read_messages
from frontdesk import CaptureMiddleware, Rule
from frontdesk.asgi import ASGIApp, Receive, Send
from frontdesk.event import LOGGED_IN
from frontdesk.exchange import Scope
from server_support import free_port, running, serving, wait_until

TYPED = {"email": JANE, "password": "right"}


@pytest.fixture
def capture(journal: Path) -> Middleware:
    """The middleware as an app adds it."""
    return Middleware(CaptureMiddleware, journal=journal)


def log_in(url: str, path: str = "/login", **typed: Any) -> httpx.Response:
    """Log in as a shopper does."""
    return httpx.post(f"{url}{path}", json=TYPED | typed)


def shop(*middleware: Middleware, answer: Callable[[], Response] | None = None) -> Starlette:
    """An app that answers every login with a user, or as it is told to."""

    async def login(request: Request) -> Response:
        typed = await request.json()
        if answer is not None:
            return answer()
        return JSONResponse({"user": {"email": typed["email"]}})

    return Starlette(routes=[Route("/login", login, methods=["POST"])], middleware=middleware)


@pytest.mark.parametrize("http", ["h11", "httptools"])
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_uvicorn(journal: Path, loop: str, http: str) -> None:
    """One message for each login, none for what fails or is no login; both cookies survive."""
    app = CaptureMiddleware(served_shop.bare, journal=journal)
    with serving(app, loop=loop, http=http) as url, httpx.Client(base_url=url) as client:
        for number in range(3):
            answer = client.post("/login", json=TYPED | {"id": number})
            assert len(read_lines(journal)) == number + 1
            assert answer.json() == {"user": {"email": JANE, "id": number}}
            assert [c.split("=")[0] for c in answer.headers.get_list("set-cookie")] == [
                "session",
                "csrf",
            ]
        assert client.post("/login", json=TYPED | {"password": "wrong"}).status_code == 401
        assert client.get("/login").status_code == 405
        assert client.options("/login").status_code == 405
        assert client.get("/about").json()["opened"] == "yes"
        assert client.get("/none").status_code == 404
    assert [message.user_id for message in read_messages(journal)] == ["0", "1", "2"]
    assert app.desk.statistics() == {"skipped.status": 1}


SERVERS = {
    "uvicorn": ["uvicorn", "served_shop:app", "--workers", "2", "--port", "PORT"],
    "hypercorn": ["hypercorn", "served_shop:app", "--workers", "2", "--bind", "127.0.0.1:PORT"],
    "gunicorn": [
        *["gunicorn", "served_shop:app", "--preload", "--workers", "2", "--bind"],
        *["127.0.0.1:PORT", "-k", "uvicorn_worker.UvicornWorker"],
    ],
}


@pytest.mark.parametrize("name", SERVERS)
def test_several_workers(journal: Path, tmp_path: Path, name: str) -> None:
    """Every login once, each worker in a segment of its own; what ended the server took nothing."""
    port = free_port()
    command = [part.replace("PORT", str(port)) for part in SERVERS[name]]
    url = f"http://127.0.0.1:{port}"
    with running(command, port, tmp_path / "log", FRONTDESK_JOURNAL=str(journal)):
        wait_until(lambda: len(pids(url)) == 2, "both workers answer")
        assert list(journal.iterdir()) == []
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda n: log_in(url, id=n).status_code, range(40)))
        assert answers == [200] * 40
        for pid in pids(url):
            os.kill(pid, signal.SIGKILL)
    messages = read_messages(journal)
    assert sorted(int(message.user_id) for message in messages) == list(range(40))
    assert len({message.message_id for message in messages}) == 40
    written_by = {path.name.split("-")[1] for path in journal.iterdir()}
    assert 1 <= len(written_by) <= 2
    assert len(list(journal.iterdir())) == len(written_by)


def pids(url: str) -> set[int]:
    """The processes that answer."""
    found = set()
    for _ in range(10):
        try:
            found.add(int(httpx.get(f"{url}/about").json()["pid"]))
        except httpx.TransportError:
            continue
    return found


# Paths


@pytest.mark.parametrize("route", ["/login", "/shop/login"])
def test_a_root_path_given_to_the_server(journal: Path, route: str) -> None:
    """Behind a proxy that takes a prefix off, rules are found with and without the prefix."""
    app = CaptureMiddleware(
        served_shop.bare, journal=journal, rules=[Rule(LOGGED_IN, route)], presets=()
    )
    with serving(app, root_path="/shop") as url:
        assert log_in(url).status_code == 200
    assert emails(journal) == [JANE]


@pytest.mark.parametrize("route", ["/login", "/shop/login"])
def test_inside_a_mounted_app(journal: Path, route: str) -> None:
    """Inside a mount, rules are found by the app's own path and by the whole one."""
    inner = CaptureMiddleware(shop(), journal=journal, rules=[Rule(LOGGED_IN, route)], presets=())
    with serving(Starlette(routes=[Mount("/shop", app=inner)])) as url:
        assert log_in(url, "/shop/login").status_code == 200
    assert emails(journal) == [JANE]


def test_outside_a_mounted_app(journal: Path) -> None:
    """Outside a mount, rules are found by the whole path; another's mount is another path."""
    outer = CaptureMiddleware(
        Starlette(routes=[Mount("/garden", app=shop()), Mount("/other", app=shop())]),
        journal=journal,
        rules=[Rule(LOGGED_IN, "/garden/login")],
        presets=(),
    )
    with serving(outer) as url:
        assert log_in(url, "/garden/login").status_code == 200
        assert log_in(url, "/other/login").status_code == 200
    assert emails(journal) == [JANE]


def test_inside_and_outside(journal: Path, capture: Middleware) -> None:
    """An app and one mounted in it may both have it: one login, one message."""
    inner = shop(capture)
    outer = Starlette(routes=[Mount("/shop", app=inner)], middleware=[capture])
    with serving(outer) as url:
        assert log_in(url, "/shop/login").status_code == 200
    assert emails(journal) == [JANE]


# Beside other middleware


class Passing(BaseHTTPMiddleware):
    """The kind of middleware that most apps have, and that runs the app in another task."""

    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        """Read the body, as audit logs do, then go on."""
        await request.body()
        response = await call_next(request)
        response.headers["x-passed"] = "1"
        return response


class Backend(AuthenticationBackend):
    """Knows users by a header, as an app behind single sign-on does."""

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, SimpleUser] | None:
        """The header holds the user's name."""
        name = conn.headers.get("x-remote-user")
        return None if name is None else (AuthCredentials(), SimpleUser(name))


def with_gzip(answer: httpx.Response) -> bool:
    """True when the answer came compressed."""
    return bool(answer.headers.get("content-encoding") == "gzip")


BESIDE: dict[str, tuple[Middleware, Callable[[httpx.Response], object]]] = {
    "BaseHTTPMiddleware": (Middleware(Passing), lambda answer: answer.headers["x-passed"] == "1"),
    "GZipMiddleware": (Middleware(GZipMiddleware, minimum_size=500), with_gzip),
    "SessionMiddleware": (Middleware(SessionMiddleware, secret_key="k"), httpx.Response.json),
    "AuthenticationMiddleware": (
        Middleware(AuthenticationMiddleware, backend=Backend()),
        httpx.Response.json,
    ),
}


@pytest.mark.parametrize("side", ["inside", "outside"])
@pytest.mark.parametrize("name", BESIDE)
def test_beside_other_middleware(journal: Path, capture: Middleware, name: str, side: str) -> None:
    """Before or after the middleware that apps have, a login is one message."""
    other, seen = BESIDE[name]
    stack = [capture, other] if side == "inside" else [other, capture]
    document = {"user": {"email": JANE, "firstName": "Jane"}, "filler": "x" * 2000}
    app = shop(*stack, answer=lambda: JSONResponse(document))
    with serving(app) as url:
        answer = log_in(url)
    assert answer.json() == document
    assert seen(answer)
    (message,) = read_messages(journal)
    assert message.traits == {"email": JANE, "firstName": "Jane"}


@pytest.mark.parametrize("side", ["inside", "outside"])
def test_beside_the_compression_of_a_stream(journal: Path, capture: Middleware, side: str) -> None:
    """Outside us, GZipMiddleware changes the very headers that passed us; inside, the chunks."""
    content = as_json({"user": {"email": JANE}, "filler": "x" * 3000})

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(content), 700):
            yield content[start : start + 700]

    other = Middleware(GZipMiddleware, minimum_size=1)
    stack = [capture, other] if side == "inside" else [other, capture]
    answer = lambda: StreamingResponse(chunks(), media_type="application/json")  # noqa: E731 - one line says it
    with serving(shop(*stack, answer=answer)) as url:
        assert with_gzip(got := log_in(url))
    assert got.content == content
    assert emails(journal) == [JANE]


def test_the_session_says_who_it_was(journal: Path, capture: Middleware) -> None:
    """A form login that leaves the user in the session and redirects."""

    async def login(request: Request) -> Response:
        await request.body()
        request.session["user"] = {"email": JANE, "id": 7}
        return RedirectResponse("/account", 303)

    app = Starlette(
        routes=[Route("/login", login, methods=["POST"])],
        middleware=[capture, Middleware(SessionMiddleware, secret_key="k")],
    )
    with serving(app) as url:
        assert httpx.post(f"{url}/login", data={"name": "jane"}).status_code == 303
    (message,) = read_messages(journal)
    assert (message.user_id, message.traits) == ("7", {"email": JANE})


@pytest.mark.parametrize("side", ["inside", "outside"])
def test_the_user_of_the_scope(journal: Path, capture: Middleware, side: str) -> None:
    """What an authentication middleware knows is taken, whether it stands inside or outside."""
    other = Middleware(AuthenticationMiddleware, backend=Backend())
    stack = [capture, other] if side == "inside" else [other, capture]
    with serving(shop(*stack, answer=lambda: Response(status_code=204))) as url:
        httpx.post(f"{url}/login", json={"code": "1"}, headers={"x-remote-user": JANE})
        httpx.post(f"{url}/login", json={"code": "1"}, headers={"x-remote-user": "jane"})
        httpx.post(f"{url}/login", json={"code": "1"})
    assert emails(journal) == [JANE]


def test_background_tasks(journal: Path, capture: Middleware) -> None:
    """The note does not wait for what the app does after its answer, nor for an error there."""
    noted: list[int] = []

    async def task() -> None:
        noted.append(len(read_lines(journal)))
        raise RuntimeError("the app's own")

    app = shop(
        capture, answer=lambda: JSONResponse({"email": JANE}, background=BackgroundTask(task))
    )
    with serving(app) as url:
        assert log_in(url).status_code == 200
        wait_until(lambda: noted, "the background task ran")
    assert noted == [1]
    assert emails(journal) == [JANE]


# Streams


@pytest.mark.parametrize("media_type", ["text/event-stream", "application/json"])
def test_streams_pass_chunk_by_chunk(journal: Path, capture: Middleware, media_type: str) -> None:
    """A chunk arrives while the next is not yet made."""
    go = asyncio.Event()
    content = as_json({"user": {"email": JANE}})

    async def chunks() -> AsyncIterator[bytes]:
        yield content[:10]
        await go.wait()
        yield content[10:]

    async def proceed(request: Request) -> Response:
        go.set()
        return Response()

    app = shop(capture, answer=lambda: StreamingResponse(chunks(), media_type=media_type))
    app.router.routes.append(Route("/go", proceed))
    with serving(app) as url, httpx.stream("POST", f"{url}/login", json=TYPED) as answer:
        arriving = answer.iter_raw()
        assert next(arriving) == content[:10]
        assert read_lines(journal) == []
        assert httpx.get(f"{url}/go").status_code == 200
        assert b"".join(arriving) == content[10:]
    assert emails(journal) == ([] if media_type == "text/event-stream" else [JANE])


def test_websockets(journal: Path, capture: Middleware) -> None:
    """A socket at a login's path is no login."""

    async def echo(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text(await websocket.receive_text())
        await websocket.close()

    app = Starlette(routes=[WebSocketRoute("/login", echo)], middleware=[capture])
    with (
        serving(app, ws="websockets-sansio") as url,
        connect(f"{url.replace('http', 'ws')}/login") as websocket,
    ):
        websocket.send("hello")
        assert websocket.recv() == "hello"
    assert list(journal.iterdir()) == []


def test_a_client_that_leaves(journal: Path) -> None:
    """Who hangs up in the middle of the answer has logged in all the same."""
    content = as_json({"user": {"email": JANE}})
    left = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return
        await receive()
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": content[:5], "more_body": True})
        while (await receive())["type"] != "http.disconnect":
            pass
        await send({"type": "http.response.body", "body": content[5:]})
        left.set()

    with serving(CaptureMiddleware(app, journal=journal)) as url:
        with connected(url) as client:
            client.sendall(raw_login())
            received = b""
            while content[:5] not in received:
                received += client.recv(1000)
        wait_until(left.is_set, "the app has seen it")
    assert emails(journal) == [JANE]


# Nothing changes


def connected(url: str) -> socket.socket:
    """A connection to the server, on which one waits ten seconds at most."""
    return socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=10)


def raw_login(password: str = "right", connection: str = "close") -> bytes:
    """A login as it looks on the wire."""
    content = as_json(TYPED | {"password": password})
    return (
        b"POST /login HTTP/1.1\r\nhost: shop\r\ncontent-type: application/json\r\n"
        b"connection: %b\r\ncontent-length: %d\r\n\r\n%b"
        % (connection.encode(), len(content), content)
    )


def bytes_answered(app: ASGIApp, *requests: bytes, **options: Any) -> list[bytes]:
    """Every byte the server answers, for each connection."""
    answers = [b"" for _ in requests]
    with serving(app, date_header=False, **options) as url:
        for number, request in enumerate(requests):
            with connected(url) as client:
                client.sendall(request)
                while more := client.recv(65536):
                    answers[number] += more
    return answers


@pytest.mark.parametrize("http", ["h11", "httptools"])
def test_not_a_byte_is_different(journal: Path, http: str) -> None:
    """With and without the middleware, the same bytes leave the server."""
    watched = CaptureMiddleware(served_shop.bare, journal=journal)
    requests = (
        raw_login(),
        raw_login("wrong"),
        raw_login(connection="keep-alive") + raw_login("wrong", "keep-alive") + raw_login(),
        b"GET /login HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\r\n",
        b"POST /login HTTP/1.1\r\nhost: shop\r\nconnection: close\r\ncontent-length: 1\r\n\r\n{",
    )
    plain = bytes_answered(served_shop.bare, *requests, http=http)
    assert all(answer.startswith(b"HTTP/1.1 ") for answer in plain)
    assert bytes_answered(watched, *requests, http=http) == plain
    assert len(read_lines(journal)) == 3


def test_compressed_bytes_are_not_different(journal: Path, capture: Middleware) -> None:
    """Reading through a compression changes nothing of it."""
    packed = gzip.compress(as_json({"email": JANE}), mtime=0)
    headers = {"content-encoding": "gzip", "x-check": base64.b64encode(packed).decode()}

    def answer() -> Response:
        return Response(packed, media_type="application/json", headers=headers)

    plain = bytes_answered(shop(answer=answer), raw_login())
    assert bytes_answered(shop(capture, answer=answer), raw_login()) == plain
    assert emails(journal) == [JANE]
