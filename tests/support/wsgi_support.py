"""Drives a WSGI app by hand, and serves one with real servers.

The module is also what real servers import: `app` is watched, `shop` is not, `django_app()` makes a
Django shop. What they do not need is imported where it is needed: they are started often.
"""

import contextlib
import io
import json
import os
import re
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs
from wsgiref.util import FileWrapper

import frontdesk
from asgi_support import JANE, as_json
from frontdesk import Rule
from frontdesk.event import LOGGED_IN
from frontdesk.wsgi import CaptureMiddleware

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

Headers = list[tuple[str, str]]

DEADLINE_S = 20.0
JSON_TYPE = ("Content-Type", "application/json")
FORM_TYPE = "application/x-www-form-urlencoded"
ANSWER = as_json({"user": {"email": JANE}})


class Gateway:
    """The server's side of one call: keeps the very objects it is given.

    `on_chunk` is called with each chunk when it would be sent, with None when nothing more comes.
    """

    def __init__(self, on_chunk: Callable[[bytes | None], object] = lambda chunk: None) -> None:
        self.heads: list[tuple[Any, ...]] = []
        self.chunks: list[bytes] = []
        self.result: Any = None
        self._on_chunk = on_chunk

        def start_response(*args: Any) -> Callable[[bytes], object]:
            self.heads.append(args)
            return self.write

        self.start_response: StartResponse = start_response

    def write(self, chunk: bytes) -> None:
        """Send one chunk."""
        self._on_chunk(chunk)
        self.chunks.append(chunk)

    def call(self, app: "WSGIApplication", environ: "WSGIEnvironment") -> "Gateway":
        """Serve one request, as PEP 3333 says."""
        self.result = app(environ, self.start_response)
        try:
            for chunk in self.result:
                self.write(chunk)
            self._on_chunk(None)
        finally:
            if hasattr(self.result, "close"):
                self.result.close()
        return self


def environ_of(
    path: str = "/login",
    method: str = "POST",
    content: bytes = b"{}",
    *,
    content_type: str = "application/json",
    headers: Mapping[str, str] | None = None,
    stream: Any = None,
    **more: Any,
) -> "WSGIEnvironment":
    """An environ as a server makes it; a path is text, and given as PEP 3333 wants it."""
    named = {f"HTTP_{name.upper().replace('-', '_')}": v for name, v in (headers or {}).items()}
    return {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path.encode().decode("latin-1"),
        "QUERY_STRING": "",
        "SERVER_NAME": "shop",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_TYPE": content_type,
        "CONTENT_LENGTH": str(len(content)),
        "HTTP_HOST": "shop",
        **named,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(content) if stream is None else stream,
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        **more,
    }


def body_of(environ: "WSGIEnvironment") -> bytes:
    """The request's body, read as an app must: no further than it was promised."""
    length = int(environ.get("CONTENT_LENGTH") or 0)
    content: bytes = environ["wsgi.input"].read(length)
    return content


def answering(
    chunks: Any, status: str = "200 OK", headers: Iterable[tuple[str, str]] = (JSON_TYPE,)
) -> "WSGIApplication":
    """An app that reads the request, then gives these very chunks."""
    listed = list(headers)

    def app(environ: "WSGIEnvironment", start_response: "StartResponse") -> Any:
        body_of(environ)
        start_response(status, listed)
        return chunks

    return app


class Chunks:
    """An iterable as frameworks have them: counts how often it is closed."""

    def __init__(self, *chunks: bytes | BaseException) -> None:
        self.chunks = chunks
        self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self.chunks:
            if isinstance(chunk, BaseException):
                raise chunk
            yield chunk

    def close(self) -> None:
        """PEP 3333: called once, at the end or on an error."""
        self.closed += 1


class SizedChunks(Chunks):
    """One whose length a server may ask for."""

    def __len__(self) -> int:
        return len(self.chunks)


# What real servers serve


def shop(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    """A small storefront; the query says in which way a login is answered."""
    if environ["PATH_INFO"] == "/about":
        start_response("200 OK", [JSON_TYPE])
        return [as_json({"pid": os.getpid()})]
    if environ["PATH_INFO"] != "/login" or environ["REQUEST_METHOD"] != "POST":
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [b"not ", b"here"]
    query = parse_qs(environ["QUERY_STRING"])
    typed = json.loads(body_of(environ))
    if typed.get("password") != "right":
        start_response("401 Unauthorized", [JSON_TYPE, ("X-Shop", "1")])
        return [as_json({"error": "wrong"})]
    content = as_json({"user": {"email": typed["email"], "id": typed.get("id", 1)}})
    way = query.get("way", ["list"])[0]
    stay = Stay(float(query.get("stay", ["0"])[0]))
    return WAYS[way](environ, start_response, content, stay)


class Stay:
    """Lets the app stay in a place for long, so that a test can end the process there."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __call__(self) -> None:
        time.sleep(self.seconds)


Way = Callable[["WSGIEnvironment", "StartResponse", bytes, Stay], Iterable[bytes]]

#: what a login answers with, cookies included
HEAD = [JSON_TYPE, ("Set-Cookie", "session=1"), ("Set-Cookie", "csrf=2"), ("X-Name", "J\xf6rg")]


def pid() -> tuple[str, str]:
    """A header that says which process answers."""
    return ("X-Pid", str(os.getpid()))


def by_list(environ: Any, start_response: Any, content: bytes, stay: Stay) -> Iterable[bytes]:
    """All at once."""
    start_response("200 OK", [*HEAD, pid()])
    return [content]


def by_two(environ: Any, start_response: Any, content: bytes, stay: Stay) -> Iterable[bytes]:
    """A tuple of two."""
    start_response("200 OK", [*HEAD, pid()])
    return content[:7], content[7:]


def by_length(environ: Any, start_response: Any, content: bytes, stay: Stay) -> Iterable[bytes]:
    """A generator with a length, lazy, that goes on when all that was promised has left."""
    start_response("200 OK", [*HEAD, ("Content-Length", str(len(content))), pid()])
    yield content[:7]
    yield b""
    yield content[7:]
    stay()


def by_end(environ: Any, start_response: Any, content: bytes, stay: Stay) -> Iterable[bytes]:
    """Chunks without a length; closing them takes long."""
    start_response("200 OK", [*HEAD, pid()])
    chunks = Chunks(content[:7], content[7:])
    chunks.close = stay  # type: ignore[method-assign] # a server that does not close
    return chunks


def by_size(environ: Any, start_response: Any, content: bytes, stay: Stay) -> Iterable[bytes]:
    """An iterable with a length of one, which some servers make the answer's length."""

    class Lingering(SizedChunks):
        def __iter__(self) -> Iterator[bytes]:
            yield from super().__iter__()
            stay()

    start_response("200 OK", [*HEAD, pid()])
    return Lingering(content)


def by_write(environ: Any, start_response: Any, content: bytes, stay: Stay) -> Iterable[bytes]:
    """The legacy callable, with a length."""
    write = start_response("200 OK", [*HEAD, ("Content-Length", str(len(content))), pid()])
    write(content[:7])
    write(content[7:])
    stay()
    return []


def by_redirect(environ: Any, start_response: Any, content: bytes, stay: Stay) -> Iterable[bytes]:
    """A head that a client follows at once."""
    start_response("303 See Other", [("Location", "/account"), pid()])
    yield b"moved"
    stay()


def by_error(environ: Any, start_response: Any, content: bytes, stay: Stay) -> Iterable[bytes]:
    """A head that is replaced before anything left."""
    start_response("200 OK", [JSON_TYPE])
    try:
        raise KeyError("lost")
    except KeyError as error:
        exc_info = (type(error), error, error.__traceback__)
        start_response("500 Internal Server Error", [("Content-Type", "text/plain")], exc_info)
    return [b"oh dear"]


def by_file(environ: Any, start_response: Any, content: bytes, stay: Stay) -> Iterable[bytes]:
    """By the server's own wrapper for files."""
    start_response("200 OK", [JSON_TYPE])
    wrapped: Iterable[bytes] = environ.get("wsgi.file_wrapper", FileWrapper)(open(__file__, "rb"))  # noqa: SIM115 - the server closes it
    return wrapped


WAYS: dict[str, Way] = {
    "list": by_list,
    "two": by_two,
    "length": by_length,
    "end": by_end,
    "size": by_size,
    "write": by_write,
    "redirect": by_redirect,
    "error": by_error,
    "file": by_file,
}

app = CaptureMiddleware(shop)
#: the same for a JSON form, which no browser sends: what is redirected counts
forms = CaptureMiddleware(shop, rules=[Rule(LOGGED_IN, "/login", when="redirect")])


def either(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    """The shop, watched where the request says so by its Host."""
    return (app if environ["HTTP_HOST"] == "watched" else shop)(environ, start_response)


class Shops:
    """A holder, for servers that take `module:holder.attribute`."""

    garden = shop


def flask_app() -> "WSGIApplication":
    """A Flask shop, bare."""
    from flask import Flask, Response, jsonify, redirect, request, send_file, session

    made = Flask("shop")
    made.secret_key = "k"

    @made.post("/login")
    def login() -> Any:
        typed = request.get_json()
        if typed["password"] != "right":
            return jsonify(error="wrong"), 401
        answer = jsonify(user={"email": typed["email"], "id": 7})
        answer.set_cookie("a", "1")
        return answer

    @made.post("/signin")
    def signin() -> Any:
        session["email"] = request.form["email"]
        return redirect("/account" if request.form["password"] == "right" else "/signin", 303)

    @made.post("/register")
    def register() -> Any:
        picture = request.files["picture"].read()
        frontdesk.add_traits(request, {"plan": "gold", "size": len(picture)}, user_id="u-1")
        if request.form.get("consent") == "no":
            frontdesk.veto(request)
        return jsonify(created=True), 201

    @made.post("/auth/login")
    def stream() -> Any:
        content = as_json({"user": {"email": request.get_json()["email"]}})
        parts = (content[at : at + 10] for at in range(0, len(content), 10))
        return Response(parts, mimetype="application/json")

    @made.post("/auth/signin")
    def file() -> Any:
        return send_file(__file__)

    return made


def watched_flask_app() -> Any:
    """The same, watched as Flask's documentation has it."""
    made: Any = flask_app()
    made.wsgi_app = CaptureMiddleware(made.wsgi_app)
    return made


def django_app() -> "WSGIApplication":
    """A Django shop that logs in for real, watched twice; SHOP_DATA is where its data lies."""
    import django
    from django.conf import settings

    settings.configure(
        SECRET_KEY="k",
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=__name__,
        USE_TZ=True,
        MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware"],
        # Fast, as Django's documentation advises for tests.
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "frontdesk.contrib.django",
        ],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": os.path.join(os.environ["SHOP_DATA"], "shop.sqlite3"),
            }
        },
    )
    django.setup()
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.core.wsgi import get_wsgi_application
    from django.urls import path

    call_command("migrate", verbosity=0)
    User.objects.create_user("jane", JANE, "right", first_name="Jane")
    urlpatterns.append(path("login", _django_login))
    urlpatterns.append(path("api/login", _django_api_login))
    return CaptureMiddleware(get_wsgi_application())


urlpatterns: list[Any] = []


def _django_login(request: Any) -> Any:
    from django.contrib.auth import authenticate, login
    from django.http import HttpResponse, HttpResponseRedirect

    user = authenticate(
        request, username=request.POST["username"], password=request.POST["password"]
    )
    if user is None:
        return HttpResponse("<form>")
    login(request, user)
    return HttpResponseRedirect("/account")


def _django_api_login(request: Any) -> Any:
    """A login that is no session's: the middleware's alone."""
    from django.http import JsonResponse, StreamingHttpResponse

    typed = json.loads(request.body)
    if request.GET.get("way") == "stream":
        parts = (part for part in (b'{"user": ', as_json({"email": typed["email"]}), b"}"))
        return StreamingHttpResponse(parts, content_type="application/json")
    return JsonResponse({"user": {"email": typed["email"]}})


# Servers in this process


@contextlib.contextmanager
def waitress_serving(app: "WSGIApplication", **options: Any) -> Iterator[str]:
    """Serve an app with waitress in a thread; gives the address."""
    from waitress.server import create_server
    from waitress.wasyncore import close_all

    server = create_server(app, host="127.0.0.1", port=0, **{"threads": 4, **options})
    thread = threading.Thread(target=server.run, name="waitress")
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.effective_port}"
    finally:
        # In its own thread; which may have done so before it is woken.
        with contextlib.suppress(OSError):
            server.trigger.pull_trigger(lambda: close_all(server._map))
        thread.join(DEADLINE_S)
        server.task_dispatcher.shutdown()
        assert not thread.is_alive()


@contextlib.contextmanager
def wsgiref_serving(app: "WSGIApplication") -> Iterator[str]:
    """Serve an app with the standard library's server in a thread; gives the address."""
    from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

    class Quiet(WSGIRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            """Nothing."""

    with WSGIServer(("127.0.0.1", 0), Quiet) as server:
        server.set_app(app)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), name="wsgiref")
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join(DEADLINE_S)


_DATE = re.compile(rb"\r\n(Date|X-Pid): [^\r]*")


def raw_exchange(url: str, request: bytes) -> bytes:
    """Every byte a server answers, but the date and the process."""
    received = b""
    address = ("127.0.0.1", int(url.rpartition(":")[2]))
    with socket.create_connection(address, timeout=DEADLINE_S) as client:
        client.sendall(request)
        while more := client.recv(65536):
            received += more
    return _DATE.sub(b"", received)


def raw_login(way: str = "list", password: str = "right", version: str = "1.1") -> bytes:
    """A login as it looks on the wire; the connection ends with it."""
    content = as_json({"email": JANE, "password": password})
    head = (
        f"POST /login?way={way} HTTP/{version}\r\nHost: shop\r\nContent-Type: application/json\r\n"
        f"Connection: close\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content
