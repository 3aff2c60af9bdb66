"""Runs the Django shops on real servers, and visits them as a browser does."""

import contextlib
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx

from asgi_support import memory_directory, read_lines, read_messages
from framework_support import Secrets, deliver_and_search
from frontdesk.event import Identify
from server_support import SUPPORT, free_port, running

FRAMEWORKS = Path(__file__).parent
#: What no journal line may hold.
PASSWORD = "s3cr3t-Marked-Value"
CHANGED = "s3cr3t-Marked-Changed"
STAFF = "staff@example.com"

_UVICORN = ("uvicorn", "--port", "PORT", "--log-level", "warning")
_WAITRESS = ("waitress", "--listen=127.0.0.1:PORT")
_GUNICORN = ("gunicorn", "--preload", "--workers", "2", "--bind", "127.0.0.1:PORT")


@dataclass(frozen=True)
class Way:
    """How a shop is run: by which server, wrapped or not, with the Django app or without."""

    server: tuple[str, ...]
    interface: str
    is_wrapped: bool
    has_app: bool

    def command(self, package: str, port: int) -> list[str]:
        """What follows `python -m`."""
        application = f"{package}.{self.interface}:application"
        if self.is_wrapped:
            application = "frontdesk.wrap:app" if self.interface == "asgi" else _WRAP_WSGI
        return [part.replace("PORT", str(port)) for part in (*self.server, application)]


_WRAP_WSGI = "frontdesk.wrap_wsgi:app"

WAYS = {
    "zero code, uvicorn": Way(_UVICORN, "asgi", True, False),
    "zero code, waitress": Way(_WAITRESS, "wsgi", True, False),
    "app, uvicorn": Way(_UVICORN, "asgi", False, True),
    "app, waitress": Way(_WAITRESS, "wsgi", False, True),
    "app, gunicorn": Way(_GUNICORN, "wsgi", False, True),
    "both, uvicorn": Way(_UVICORN, "asgi", True, True),
    "both, waitress": Way(_WAITRESS, "wsgi", True, True),
}
#: for what does not depend on the server
SOME_WAYS = {name: WAYS[name] for name in ("zero code, uvicorn", "app, waitress", "both, uvicorn")}
#: the same on the other servers
OTHER_WAYS = {
    name: WAYS[name] for name in ("zero code, waitress", "app, uvicorn", "both, waitress")
}

#: Makes the tables, and somebody for the admin site.
_MAKE = """
import django
from django.core.management import call_command
django.setup()
call_command("migrate", run_syncdb=True, verbosity=0)
call_command("createsuperuser", interactive=False, verbosity=0)
"""


def _make_database(package: str, made: Path, environ: dict[str, str]) -> None:
    names = {"EMAIL": STAFF, "USERNAME": "staff", "PASSWORD": PASSWORD}
    environment = {
        **os.environ,
        "PYTHONPATH": str(FRAMEWORKS),
        "PYTHONDONTWRITEBYTECODE": "1",
        "DJANGO_SETTINGS_MODULE": f"{package}.settings",
        "SHOP_DB": str(made),
        **{f"DJANGO_SUPERUSER_{name}": value for name, value in names.items()},
        **environ,
    }
    done = subprocess.run(
        [sys.executable, "-c", _MAKE], env=environment, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()


@dataclass
class Shop:
    """A running shop, and the secrets that were typed there or issued by it."""

    url: str
    directory: Path
    journal: Path
    secrets: Secrets = field(default_factory=Secrets)
    #: how many messages a test saw when it looked last; None when it failed
    seen: int | None = 0

    @property
    def log(self) -> Path:
        """What the server prints."""
        return self.directory / "server.log"

    @contextlib.contextmanager
    def browser(self) -> Iterator["Browser"]:
        """A browser of somebody's own."""
        with self.secrets.client(self.url) as client:
            yield Browser(client)

    def mailed(self, address: str, pattern: str) -> str:
        """What the newest mail to an address says where the pattern's group stands."""
        texts = [path.read_text() for path in sorted((self.directory / "mails").iterdir())]
        for text in reversed(texts):
            found = re.search(pattern, text)
            if found and f"To: {address}".lower() in text.lower():
                return unquote(found[1])
        raise AssertionError(f"no such mail among {len(texts)}")

    def assert_nothing_later(self) -> None:
        """No message was written when a test had looked for the last time."""
        assert self.seen in (None, len(read_lines(self.journal))), "one more, of the last test"

    def clear(self, made: Path) -> None:
        """Forget all customers, and what was mailed, limited and noted: the server runs on."""
        self.secrets = Secrets()
        self.seen = 0
        with (
            contextlib.closing(sqlite3.connect(made)) as new,
            contextlib.closing(sqlite3.connect(self.directory / "shop.db")) as old,
        ):
            new.backup(old, sleep=0.01)
        for name in ("mails", "cache"):
            shutil.rmtree(self.directory / name, ignore_errors=True)
        for segment in self.journal.iterdir():
            os.truncate(segment, 0)  # it is open, and appended to


class Shops:
    """Shops of one package at a time, each run once for all tests, which find it as new."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._package = ""
        self._made: dict[str, Path] = {}
        self._open: dict[tuple[object, ...], Shop] = {}
        self._servers = contextlib.ExitStack()

    def close(self) -> None:
        """End all servers."""
        self._open.clear()
        self._servers.close()

    @contextlib.contextmanager
    def running(self, way: Way, package: str, **environ: str) -> Iterator[Shop]:
        """A shop that nobody has visited."""
        if package != self._package:
            self.close()
            self._package = package
        made = self._database(package, environ)
        key = (way, *sorted(environ.items()))
        if key not in self._open:
            serving = self._serving(way, package, made, environ)
            self._open[key] = self._servers.enter_context(serving)
        shop = self._open[key]
        shop.assert_nothing_later()
        shop.clear(made)
        logged = len(shop.log.read_text())
        try:
            yield shop
            text = shop.log.read_text()[logged:]
            assert "Traceback" not in text, text
        except BaseException:
            shop.seen = None
            raise

    def _database(self, package: str, environ: dict[str, str]) -> Path:
        users = {name: value for name, value in environ.items() if name == "SHOP_USER"}
        name = "-".join((package, *users.values(), "shop.db"))
        if name not in self._made:
            _make_database(package, self._folder / name, users)
            self._made[name] = self._folder / name
        return self._made[name]

    @contextlib.contextmanager
    def _serving(
        self, way: Way, package: str, made: Path, environ: dict[str, str]
    ) -> Iterator[Shop]:
        directory = Path(tempfile.mkdtemp(dir=self._folder))
        port = free_port()
        with memory_directory(directory) as journal:
            shop = Shop(f"http://127.0.0.1:{port}", directory, journal)
            shop.clear(made)
            environ = {
                "PYTHONPATH": os.pathsep.join((str(SUPPORT), str(FRAMEWORKS))),
                "FRONTDESK_JOURNAL": str(journal),
                "FRONTDESK_APP": f"{package}.{way.interface}:application",
                "SHOP_DB": str(directory / "shop.db"),
                "SHOP_MAILS": str(directory / "mails"),
                "SHOP_CACHE": str(directory / "cache"),
                "SHOP_APPS": "frontdesk.contrib.django" if way.has_app else "",
                **environ,
            }
            with running(way.command(package, port), port, shop.log, **environ):
                yield shop
            shop.assert_nothing_later()
        text = shop.log.read_text()
        assert shop.seen is None or "Traceback" not in text, text


class Browser:
    """Fills in forms, with their hidden fields, and follows no redirect."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client

    def get(self, page: str) -> httpx.Response:
        """Look at a page."""
        return self.client.get(page)

    def post(
        self, page: str, fields: dict[str, str], to: str | None = None, **headers: str
    ) -> httpx.Response:
        """Send the form of a page."""
        typed = {**self._token(page), **fields}
        return self.client.post(to or page, data=typed, headers=headers)

    def send_json(
        self, method: str, path: str, document: Any = None, **headers: str
    ) -> httpx.Response:
        """Call an API as a page's script does."""
        token = self.client.cookies.get("csrftoken")
        headers |= {"x-csrftoken": token} if token else {}
        return self.client.request(method, path, json=document, headers=headers)

    def _token(self, page: str) -> dict[str, str]:
        found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self.client.get(page).text)
        token = found[1] if found else self.client.cookies.get("csrftoken")
        return {"csrfmiddlewaretoken": token} if token else {}


def written(shop: Shop) -> list[Identify]:
    """Every message, the earliest first, whichever worker wrote it."""
    messages = read_messages(shop.journal)
    shop.seen = len(messages)
    return sorted(messages, key=lambda message: message.timestamp)


def told(messages: list[Identify]) -> list[tuple[str, object]]:
    """Events and addresses."""
    return [(message.event, message.traits["email"]) for message in messages]


def assert_nothing_secret(shop: Shop, way: Way) -> None:
    """No secret in journal and log; of some ways, also not in store, SAP, and what they tell."""
    assert PASSWORD in shop.secrets.found
    if way in (WAYS["zero code, uvicorn"], WAYS["app, waitress"]):
        deliver_and_search(shop.journal, shop.secrets.found, [shop.log])
    for place in (*shop.journal.iterdir(), shop.log):
        content = place.read_bytes()
        assert not [secret for secret in shop.secrets.found if secret.encode() in content]
