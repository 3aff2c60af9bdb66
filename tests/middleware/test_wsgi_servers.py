"""The WSGI middleware on real servers, over real sockets, around real frameworks."""

import os
import re
import signal
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from asgi_support import JANE, as_json, emails, read_lines, read_messages
from frontdesk.event import LOGGED_IN, SIGNED_UP
from frontdesk.wsgi import CaptureMiddleware
from server_support import DEADLINE_S, free_port, running, wait_until
from wsgi_support import (
    WAYS,
    flask_app,
    raw_exchange,
    raw_login,
    shop,
    waitress_serving,
    wsgiref_serving,
)

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

Serving = Callable[["WSGIApplication"], AbstractContextManager[str]]
SERVING: dict[str, Serving] = {"waitress": waitress_serving, "wsgiref": wsgiref_serving}

TYPED = {"email": JANE, "password": "right"}

GUNICORN = ["gunicorn", "--bind", "127.0.0.1:PORT", "--no-control-socket"]
GTHREAD = [*GUNICORN, "-k", "gthread", "--threads", "4"]
WAITRESS = ["waitress", "--listen", "127.0.0.1:PORT", "--threads", "4"]


def command_of(server: list[str], app: str, port: int) -> list[str]:
    """How a server is told to serve an app at a port."""
    return [*(part.replace("PORT", str(port)) for part in server), app]


# One process


@pytest.mark.parametrize("name", SERVING)
def test_in_threads(journal: Path, name: str) -> None:
    """One message for each login, none for what fails or is no login; both cookies survive."""
    app = CaptureMiddleware(shop, journal=journal)
    with SERVING[name](app) as url, httpx.Client(base_url=url) as client:
        for number, way in enumerate(("list", "two", "length", "end", "size", "write")):
            answer = client.post("/login", params={"way": way}, json=TYPED | {"id": number})
            assert len(read_lines(journal)) == number + 1
            assert answer.json() == {"user": {"email": JANE, "id": number}}
            assert [c.split("=")[0] for c in answer.headers.get_list("set-cookie")] == [
                "session",
                "csrf",
            ]
        assert client.post("/login", json=TYPED | {"password": "wrong"}).status_code == 401
        assert client.post("/login", params={"way": "error"}, json=TYPED).status_code == 500
        assert client.post("/login", params={"way": "redirect"}, json=TYPED).status_code == 303
        assert client.get("/login").status_code == 404
        assert client.head("/login").status_code == 404
        assert client.options("/login").status_code == 404
        assert client.get("/none").status_code == 404
    assert [message.user_id for message in read_messages(journal)] == list("012345")
    assert app.desk.statistics() == {"skipped.status": 2, "skipped.not_a_form": 1}


SERVERS = {
    "sync": [*GUNICORN, "--workers", "2", "--preload"],
    "gthread": [*GTHREAD, "--workers", "2"],
    "waitress": WAITRESS,
}


@pytest.mark.parametrize("name", SERVERS)
def test_workers_and_threads(journal: Path, tmp_path: Path, name: str) -> None:
    """Every login once, each worker in a segment of its own; what ended the server took nothing."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    ways = ("list", "two", "length", "end", "size", "write")

    def log_in(number: int) -> int:
        params = {"way": ways[number % len(ways)]}
        return httpx.post(f"{url}/login", params=params, json=TYPED | {"id": number}).status_code

    command = command_of(SERVERS[name], "wsgi_support:app", port)
    with running(command, port, tmp_path / "log", FRONTDESK_JOURNAL=str(journal)):
        wait_until(lambda: pids(url, 1), "a worker answers")
        assert list(journal.iterdir()) == []
        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(log_in, range(60))) == [200] * 60
        for pid in pids(url, 10):
            if name != "waitress":  # its only process; it is ended as it should be
                os.kill(pid, signal.SIGKILL)
    messages = read_messages(journal)
    assert sorted(int(message.user_id) for message in messages) == list(range(60))
    assert len({message.message_id for message in messages}) == 60
    written_by = {path.name.split("-")[1] for path in journal.iterdir()}
    assert 1 <= len(written_by) <= 2
    assert len(list(journal.iterdir())) == len(written_by)


def pids(url: str, tries: int) -> set[int]:
    """The processes that answer."""
    found = set()
    for _ in range(tries):
        try:
            found.add(int(httpx.get(f"{url}/about").json()["pid"]))
        except httpx.TransportError:
            continue
    return found


# Nothing is lost


def seen(client: socket.socket) -> bytes:
    """What a client waits for before it goes on: a redirect's head, a length, or the end."""
    received = b""
    while True:
        head, separator, body = received.partition(b"\r\n\r\n")
        if separator:
            length = re.search(rb"(?i)content-length: (\d+)", head)
            if head.split()[1].startswith(b"3"):
                return received
            if length and len(body) >= int(length[1]):
                return received
            if not length and body.endswith(b"0\r\n\r\n"):
                return received
        more = client.recv(65536)
        assert more, received
        received += more


def log_in_and_kill(port: int, way: str) -> int:
    """Log in with an app that stays long after what completes its answer; end it at once."""
    with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_S) as client:
        client.sendall(raw_login(f"{way}&stay=60").replace(b"Connection: close\r\n", b""))
        pid = int(re.search(rb"X-Pid: (\d+)", seen(client))[1])  # type: ignore[index] # it answers so
        os.kill(pid, signal.SIGKILL)
    return pid


@pytest.mark.parametrize("kind", ["gthread", "sync"])
def test_gunicorn_is_killed_when_the_client_has_its_answer(
    journal: Path, tmp_path: Path, kind: str
) -> None:
    """However the answer is completed: whoever has it is in the journal."""
    port = free_port()
    server = {"gthread": GTHREAD, "sync": GUNICORN}[kind]
    command = command_of([*server, "--workers", "1", "--preload"], "wsgi_support:app", port)
    ways = ("list", "two", "length", "end", "write")
    killed: list[int] = []
    with running(command, port, tmp_path / "log", FRONTDESK_JOURNAL=str(journal)):
        for number, way in enumerate(ways, 1):
            wait_until(
                lambda: pids(f"http://127.0.0.1:{port}", 1) - {*killed}, "a new worker answers"
            )
            killed.append(log_in_and_kill(port, way))
            assert len(emails(journal)) == number, way
    assert emails(journal) == [JANE] * len(ways)
    assert len(set(killed)) == len(ways)


@pytest.mark.parametrize("way", ["list", "two", "length", "size", "write"])
def test_waitress_is_killed_when_the_client_has_its_answer(
    journal: Path, tmp_path: Path, way: str
) -> None:
    """However the answer is completed, a length that waitress adds included."""
    port = free_port()
    command = command_of(WAITRESS, "wsgi_support:app", port)
    with running(command, port, tmp_path / "log", FRONTDESK_JOURNAL=str(journal)) as process:
        assert log_in_and_kill(port, way) == process.pid
    assert emails(journal) == [JANE]


@pytest.mark.parametrize("server", [GTHREAD, WAITRESS], ids=["gunicorn", "waitress"])
def test_a_server_is_killed_when_the_client_has_a_redirect(
    journal: Path, tmp_path: Path, server: list[str]
) -> None:
    """A client follows the head; a form's login is noted before it leaves."""
    port = free_port()
    command = command_of(server, "wsgi_support:forms", port)
    with running(command, port, tmp_path / "log", FRONTDESK_JOURNAL=str(journal)):
        log_in_and_kill(port, "redirect")
        assert emails(journal) == [JANE]


# Nothing changes


REQUESTS = {
    **{way: raw_login(way) for way in WAYS},
    **{f"{way} 1.0": raw_login(way, version="1.0") for way in WAYS},
    "wrong": raw_login(password="wrong"),
    "not json": raw_login().replace(b"{", b"[", 1),
    "get": b"GET /login HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n",
    "head": b"HEAD /login HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n",
    "pipelined": raw_login().replace(b"Connection: close\r\n", b"") + raw_login("length"),
}
WELL = ("list", "two", "length", "end", "size", "write")


def exchanges(url: str, host: bytes = b"shop") -> dict[str, bytes]:
    """Every byte that is answered to each request."""
    return {
        name: raw_exchange(url, request.replace(b"Host: shop\r\n", b"Host: %b\r\n" % host))
        for name, request in REQUESTS.items()
    }


@pytest.mark.parametrize("name", SERVING)
def test_not_a_byte_is_different_in_threads(
    journal: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """With and without the middleware, the same bytes leave the server, and the same is logged."""
    watched = CaptureMiddleware(shop, journal=journal)
    found = []
    for app in (shop, watched):
        caplog.clear()
        with SERVING[name](app) as url:
            answers = exchanges(url)
        assert all(answer.startswith(b"HTTP/1.") for answer in answers.values())
        # How many requests wait is the machine's to say.
        logged = [r.getMessage() for r in caplog.records if r.name != "waitress.queue"]
        found.append((answers, logged))
    assert found[0] == found[1]
    number = 2 * len(WELL) + (2 if name == "waitress" else 1)  # wsgiref knows no pipeline
    assert len(emails(journal)) == number
    assert "error" not in watched.desk.statistics()


@pytest.mark.parametrize("kind", ["gthread", "sync"])
def test_not_a_byte_is_different_on_gunicorn(journal: Path, tmp_path: Path, kind: str) -> None:
    """With and without the middleware, the same bytes leave gunicorn."""
    server = {"gthread": GTHREAD, "sync": GUNICORN}[kind]
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = command_of(server, "wsgi_support:either", port)
    with running(command, port, tmp_path / "log", FRONTDESK_JOURNAL=str(journal)):
        plain = exchanges(url)
        assert emails(journal) == []
        assert exchanges(url, b"watched") == plain
    assert len(emails(journal)) >= 2 * len(WELL) + 1


def test_chunks_arrive_one_by_one(journal: Path) -> None:
    """A chunk arrives while the next is not yet made."""
    content = as_json({"user": {"email": JANE}})
    arrived: list[bytes] = []

    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Type", "application/json")])
        yield content[:10]
        wait_until(lambda: arrived, "the first chunk has arrived")
        yield content[10:]

    with (
        waitress_serving(CaptureMiddleware(app, journal=journal)) as url,
        httpx.stream("POST", f"{url}/login", json=TYPED) as answer,
    ):
        arriving = answer.iter_raw()
        arrived.append(next(arriving))
        assert arrived == [content[:10]]
        assert read_lines(journal) == []
        assert b"".join(arriving) == content[10:]
    assert emails(journal) == [JANE]


def test_a_large_upload_passes(journal: Path) -> None:
    """A body that waitress keeps in a file, and that we forget, reaches the app whole."""
    sizes: list[int] = []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        sizes.append(len(environ["wsgi.input"].read()))
        start_response("200 OK", [("Content-Type", "application/json")])
        return [as_json({"user": {"email": JANE}})]

    with waitress_serving(CaptureMiddleware(app, journal=journal)) as url:
        assert httpx.post(f"{url}/login", content=b"x" * 2_000_000).status_code == 200
    assert sizes == [2_000_000]
    assert emails(journal) == [JANE]


# Flask


@pytest.fixture
def flask_client(journal: Path) -> Iterator[httpx.Client]:
    """A client of a watched Flask shop."""
    with (
        waitress_serving(CaptureMiddleware(flask_app(), journal=journal)) as url,
        httpx.Client(base_url=url) as client,
    ):
        yield client


def test_flask_by_json(flask_client: httpx.Client, journal: Path) -> None:
    """Right and wrong passwords; a request that comes in chunks."""
    assert flask_client.post("/login", json=TYPED).json() == {"user": {"email": JANE, "id": 7}}
    assert flask_client.post("/login", json=TYPED | {"password": "x"}).status_code == 401
    parts = (part for part in (as_json(TYPED)[:9], as_json(TYPED)[9:]))
    headers = {"content-type": "application/json"}
    assert flask_client.post("/login", content=parts, headers=headers).status_code == 200
    messages = read_messages(journal)
    assert [(m.event, m.user_id, m.traits) for m in messages] == [
        (LOGGED_IN, "7", {"email": JANE})
    ] * 2


def test_flask_by_form(flask_client: httpx.Client, journal: Path) -> None:
    """A form's redirect identifies who typed it, unless it leads back."""
    for password in ("right", "wrong"):
        answer = flask_client.post("/signin", data={"email": JANE, "password": password})
        assert answer.status_code == 303
        assert "session=" in answer.headers["set-cookie"]
    assert [m.route for m in read_messages(journal)] == ["POST /signin"]


def test_flask_notes(flask_client: httpx.Client, journal: Path) -> None:
    """A handler adds and vetoes by Flask's own request; a form with a file is read."""
    for consent in ("yes", "no"):
        answer = flask_client.post(
            "/register",
            data={"email": JANE, "first_name": "Jane", "consent": consent},
            files={"picture": b"x" * 100_000},
        )
        assert answer.json() == {"created": True}
    (message,) = read_messages(journal)
    assert (message.event, message.user_id) == (SIGNED_UP, "u-1")
    assert message.traits == {"email": JANE, "firstName": "Jane", "plan": "gold", "size": 100_000}


def test_flask_streams_and_files(flask_client: httpx.Client, journal: Path) -> None:
    """A streamed answer is read, and one by the server's file wrapper arrives whole."""
    answer = flask_client.post("/auth/login", json=TYPED)
    assert answer.json() == {"user": {"email": JANE}}
    assert answer.headers.get("content-length") is None
    file = flask_client.post("/auth/signin", json=TYPED)
    assert file.content == Path(shop.__code__.co_filename).read_bytes()
    assert emails(journal) == [JANE]


def test_flask_on_gunicorn(journal: Path, tmp_path: Path) -> None:
    """Added as Flask's own documentation adds a middleware; a request that comes in chunks."""
    port = free_port()
    command = command_of(GTHREAD, "wsgi_support:watched_flask_app()", port)
    with running(command, port, tmp_path / "log", FRONTDESK_JOURNAL=str(journal)):
        parts = (part for part in (as_json(TYPED)[:9], as_json(TYPED)[9:]))
        headers = {"content-type": "application/json"}
        url = f"http://127.0.0.1:{port}/login"
        assert httpx.post(url, content=parts, headers=headers).json()["user"]["email"] == JANE
        assert httpx.post(url, json=TYPED).status_code == 200
    assert emails(journal) == [JANE] * 2


# Django


def test_django(journal: Path, tmp_path: Path) -> None:
    """Session logins are told by the Django app, once; the others by the middleware."""
    port = free_port()
    command = command_of(GTHREAD, "wsgi_support:django_app()", port)
    environ = {"FRONTDESK_JOURNAL": str(journal), "SHOP_DATA": str(tmp_path)}
    with (
        running(command, port, tmp_path / "log", **environ),
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=DEADLINE_S) as client,
    ):
        typed = {"username": "jane", "password": "right"}
        assert client.post("/login", data=typed).status_code == 302
        assert client.post("/login", data=typed | {"password": "x"}).status_code == 200
        assert client.post("/api/login", json=TYPED).json() == {"user": {"email": JANE}}
        assert client.post("/api/login?way=stream", json=TYPED).json() == {"user": {"email": JANE}}
    messages = read_messages(journal)
    assert [message.traits["email"] for message in messages] == [JANE] * 3
    assert messages[0].traits["firstName"] == "Jane"
    assert [message.route for message in messages[1:]] == ["POST /api/login"] * 2
