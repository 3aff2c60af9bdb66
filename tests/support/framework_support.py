"""Runs real frameworks' apps with zero code, visits them, and collects every secret on the way."""

import contextlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import httpx

from asgi_support import read_messages
from frontdesk_sidecar.demo.stack import Stack
from server_support import SUPPORT, free_port, running, wait_until

FRAMEWORKS = SUPPORT.parent / "frameworks"
#: What is typed as a password in every script.
PASSWORD = "s3cr3t-Marked-Value"
#: Shorter ones stand in any text by chance.
MIN_SECRET = 6

_SECRET_NAMES = re.compile(
    r"pass|token|secret|csrf|session|^key$|^jwt$|^code$|^state$", re.IGNORECASE
)
_PART = re.compile(rb'name="([^"]*)"\r\n\r\n(.*?)\r\n--', re.DOTALL)


class Secrets:
    """What was typed as a password, and every token and cookie that an app issued."""

    def __init__(self) -> None:
        self.found: set[str] = set()

    def client(self, url: str) -> httpx.Client:
        """A client that keeps cookies, follows no redirect, and tells of secrets here."""
        hooks: dict[str, list[Callable[..., Any]]] = {
            "request": [self._note_request],
            "response": [self._note_response],
        }
        return httpx.Client(base_url=url, timeout=20, event_hooks=hooks)

    def add(self, value: str) -> None:
        """One more."""
        if len(value) >= MIN_SECRET:
            self.found.add(value)

    def _note_request(self, request: httpx.Request) -> None:
        body = request.read()
        self._note_query(str(request.url))
        self.add(request.headers.get("authorization", "").partition(" ")[2])
        kind = request.headers.get("content-type", "")
        if kind.startswith("application/json"):
            self._note_document(json.loads(body))
        elif kind.startswith("multipart/"):
            for name, value in _PART.findall(body):
                self._note_named(name.decode(), value.decode("utf-8", "replace"))
        else:
            for name, value in parse_qsl(body.decode("utf-8", "replace")):
                self._note_named(name, value)

    def _note_response(self, response: httpx.Response) -> None:
        response.read()
        self._note_query(response.headers.get("location", ""))
        for cookie in response.headers.get_list("set-cookie"):
            value = cookie.partition("=")[2].partition(";")[0].strip('"')
            self.add(value)
            self.add(unquote(value))
        with contextlib.suppress(ValueError):
            self._note_document(response.json())

    def _note_query(self, url: str) -> None:
        for name, value in parse_qsl(urlsplit(url).query):
            self._note_named(name, value)

    def _note_document(self, document: Any) -> None:
        if isinstance(document, Mapping):
            for name, value in document.items():
                self._note_named(name, value)
                self._note_document(value)
        elif isinstance(document, list):
            for value in document:
                self._note_document(value)

    def _note_named(self, name: str, value: Any) -> None:
        if isinstance(value, str) and _SECRET_NAMES.search(name):
            self.add(value)


@dataclass
class Shop:
    """A running shop, and the secrets that were typed there or issued by it."""

    url: str
    log: Path
    secrets: Secrets = field(default_factory=Secrets)

    @contextlib.contextmanager
    def browser(self) -> Iterator[httpx.Client]:
        """A browser of somebody's own."""
        with self.secrets.client(self.url) as client:
            yield client


@contextlib.contextmanager
def running_app(
    app: str,
    journal: Path,
    tmp_path: Path,
    *,
    wsgi: bool = False,
    port: int | None = None,
    **environ: str,
) -> Iterator[Shop]:
    """Run an app of `tests/frameworks` wrapped, in a process of its own."""
    port = port or free_port()
    if wsgi:
        command = ["gunicorn", "--bind", f"127.0.0.1:{port}", "frontdesk.wrap_wsgi:app"]
    else:
        # A server's own log of requests has their queries, with a provider's codes in them.
        command = ["uvicorn", "--port", str(port), "--no-access-log", "frontdesk.wrap:app"]
    environ = {
        "PYTHONPATH": os.pathsep.join((str(SUPPORT), str(FRAMEWORKS))),
        "FRONTDESK_APP": app,
        "FRONTDESK_JOURNAL": str(journal),
        "SHOP_DIRECTORY": str(tmp_path),
        **environ,
    }
    log = tmp_path / "server.log"
    with running(command, port, log, **environ):
        yield Shop(f"http://127.0.0.1:{port}", log)
    # What the apps themselves log of bad input is theirs.
    for sign in ("frontdesk error", "Exception in ASGI application", "Internal Server Error"):
        assert sign not in log.read_text(), log.read_text()


def told(journal: Path) -> list[tuple[str, dict[str, object]]]:
    """Every message's event and traits, in order."""
    return [(message.event, dict(message.traits)) for message in read_messages(journal)]


def assert_no_secret(shop: Shop, journal: Path) -> None:
    """All arrive in SAP; no secret is in journal, store, SAP, or in anybody's log or metrics."""
    assert shop.secrets.found
    deliver_and_search(journal, shop.secrets.found, [shop.log])


def deliver_and_search(journal: Path, secrets: Iterable[str], logs: Iterable[Path]) -> None:
    """Deliver a journal's customers by the real sidecar, then look for secrets everywhere."""
    places = {path.name: path.read_bytes() for path in (*journal.iterdir(), *logs)}
    expected = {str(message.key) for message in read_messages(journal)}
    assert expected
    stack = Stack()
    try:
        stack.journal.mkdir()
        for segment in journal.iterdir():
            shutil.copy(segment, stack.journal)
        stack.start_sap()
        stack.start_sidecar()
        wait_until(lambda: _arrived(stack) >= expected, "all customers are in SAP")
        assert _arrived(stack) == expected
        places |= _everywhere(stack)
    finally:
        stack.close()
    found = {name: len(_held(content, secrets)) for name, content in places.items()}
    assert not any(found.values()), found


def _held(content: bytes, secrets: Iterable[str]) -> list[str]:
    return [secret for secret in secrets if secret.encode() in content]


def _arrived(stack: Stack) -> set[str]:
    customers = httpx.get(f"{stack.sap_url}/_sim/customers", trust_env=False).json()
    return {customer["uid"] for customer in customers}


def _everywhere(stack: Stack) -> dict[str, bytes]:
    """Files of the sidecar's directory, its logs and the simulator's, and what both tell."""
    told = {
        name: httpx.get(url, trust_env=False).content
        for name, url in (
            ("metrics", f"{stack.sidecar_url}/metrics"),
            ("customers", f"{stack.sap_url}/_sim/customers"),
            ("requests", f"{stack.sap_url}/_sim/requests"),
        )
    }
    files = [path for path in stack.directory.rglob("*") if path.is_file()]
    return told | {str(path.relative_to(stack.directory)): path.read_bytes() for path in files}
