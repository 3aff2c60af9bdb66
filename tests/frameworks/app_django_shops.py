"""Runs the Django shops on real servers, and visits them as a browser does."""

import contextlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx

from asgi_support import read_messages
from framework_support import Secrets, deliver_and_search
from frontdesk.event import Identify
from server_support import SUPPORT, free_port, running

FRAMEWORKS = Path(__file__).parent
#: What no journal line may hold.
PASSWORD = "s3cr3t-Marked-Value"
CHANGED = "s3cr3t-Marked-Changed"
STAFF = "staff@example.com"

_UVICORN = ["uvicorn", "--port", "PORT", "--log-level", "warning"]
_WAITRESS = ["waitress", "--listen=127.0.0.1:PORT"]
_GUNICORN = ["gunicorn", "--preload", "--workers", "2", "--bind", "127.0.0.1:PORT"]


@dataclass(frozen=True)
class Way:
    """How a shop is run: by which server, wrapped or not, with the Django app or without."""

    server: list[str]
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


@cache
def database(package: str, folder: Path, **environ: str) -> Path:
    """A database with its tables and somebody for the admin site, made once."""
    made = folder / "-".join((package, *environ.values(), "shop.db"))
    _manage(package, "migrate", "--run-syncdb", SHOP_DB=str(made), **environ)
    names = {"EMAIL": STAFF, "USERNAME": "staff", "PASSWORD": PASSWORD}
    variables = {f"DJANGO_SUPERUSER_{name}": value for name, value in names.items()}
    _manage(package, "createsuperuser", "--noinput", SHOP_DB=str(made), **environ, **variables)
    return made


def _manage(package: str, *command: str, **environ: str) -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": str(FRAMEWORKS),
        "PYTHONDONTWRITEBYTECODE": "1",
        "DJANGO_SETTINGS_MODULE": f"{package}.settings",
        **environ,
    }
    done = subprocess.run(
        [sys.executable, "-m", "django", *command, "-v", "0"],
        env=environment,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()


@dataclass(frozen=True)
class Shop:
    """A running shop."""

    url: str
    mails: Path
    is_wrapped: bool
    has_app: bool
    log: Path
    secrets: Secrets = field(default_factory=Secrets)

    @contextlib.contextmanager
    def browser(self) -> Iterator["Browser"]:
        """A browser of somebody's own."""
        with self.secrets.client(self.url) as client:
            yield Browser(client)

    def mailed(self, address: str, pattern: str) -> str:
        """What the newest mail to an address says where the pattern's group stands."""
        texts = [path.read_text() for path in sorted(self.mails.iterdir())]
        for text in reversed(texts):
            found = re.search(pattern, text)
            if found and f"To: {address}".lower() in text.lower():
                return unquote(found[1])
        raise AssertionError(f"no such mail among {len(texts)}")


@contextlib.contextmanager
def running_shop(
    way: Way, package: str, made: Path, journal: Path, tmp_path: Path, **environ: str
) -> Iterator[Shop]:
    """Run a shop on a copy of its database."""
    port = free_port()
    mails = tmp_path / "mails"
    shutil.copy(made, tmp_path / "shop.db")
    environ = {
        "PYTHONPATH": os.pathsep.join((str(SUPPORT), str(FRAMEWORKS))),
        "FRONTDESK_JOURNAL": str(journal),
        "FRONTDESK_APP": f"{package}.{way.interface}:application",
        "SHOP_DB": str(tmp_path / "shop.db"),
        "SHOP_MAILS": str(mails),
        "SHOP_APPS": "frontdesk.contrib.django" if way.has_app else "",
        **environ,
    }
    log = tmp_path / "server.log"
    with running(way.command(package, port), port, log, **environ):
        yield Shop(f"http://127.0.0.1:{port}", mails, way.is_wrapped, way.has_app, log)
    assert "Traceback" not in log.read_text(), log.read_text()


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


def written(journal: Path) -> list[Identify]:
    """Every message, the earliest first, whichever worker wrote it."""
    return sorted(read_messages(journal), key=lambda message: message.timestamp)


def told(messages: list[Identify]) -> list[tuple[str, object]]:
    """Events and addresses."""
    return [(message.event, message.traits["email"]) for message in messages]


def assert_nothing_secret(shop: Shop, journal: Path, way: Way) -> None:
    """No secret in journal and log; of some ways, also not in store, SAP, and what they tell."""
    assert PASSWORD in shop.secrets.found
    if way in (WAYS["zero code, uvicorn"], WAYS["app, waitress"]):
        deliver_and_search(journal, shop.secrets.found, [shop.log])
    for place in (*journal.iterdir(), shop.log):
        content = place.read_bytes()
        assert not [secret for secret in shop.secrets.found if secret.encode() in content]
