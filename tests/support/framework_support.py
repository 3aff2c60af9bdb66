"""Runs real frameworks' apps with zero code, visits them, and collects every secret on the way."""

import base64
import collections
import contextlib
import functools
import json
import os
import re
import shutil
import time
import zlib
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
#: What is typed where the right one is not.
WRONG = "wr0ng-Marked-Value"
#: What is typed as the new one.
CHANGED = "s3cr3t-Marked-Changed"
_CUSTOMERS = 'frontdesk_customers{state="%s",target="default"}'
#: Shorter ones stand in any text by chance.
MIN_SECRET = 6

_SECRET_NAMES = re.compile(
    r"pass|token(?!_type)|secret|csrf|session|nonce|verifier|otp|ticket"
    r"|^_id$|^key$|^jwt$|^code$|^state$",
    re.IGNORECASE,
)
_PART = re.compile(rb'name="([^"]*)"\r\n\r\n(.*?)\r\n--', re.DOTALL)


class Secrets:
    """What was typed as a password, and every token and cookie that an app issued."""

    def __init__(self) -> None:
        #: of each its kind, which a failure may name
        self.found: dict[str, str] = {}

    def client(self, url: str) -> httpx.Client:
        """A client that keeps cookies, follows no redirect, and tells of secrets here."""
        hooks: dict[str, list[Callable[..., Any]]] = {
            "request": [self._note_request],
            "response": [self._note_response],
        }
        return httpx.Client(base_url=url, timeout=20, event_hooks=hooks)

    def add(self, value: str, kind: str = "given") -> None:
        """One more; a failure names its kind."""
        if len(value) >= MIN_SECRET:
            self.found.setdefault(value, kind)

    def _note_request(self, request: httpx.Request) -> None:
        body = request.read()
        self.add(request.headers.get("authorization", "").partition(" ")[2], "authorization")
        self._note_query(str(request.url))
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
        for cookie in response.headers.get_list("set-cookie"):
            name, _, value = cookie.partition(";")[0].partition("=")
            value = value.strip('"')
            self.add(value, f"cookie {name}")
            self.add(unquote(value), f"cookie {name}")
            self._note_document(_content(unquote(value)))
        self._note_query(response.headers.get("location", ""))
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
            self.add(value, name)


def _content(cookie: str) -> Any:
    """What stands in a signed session cookie of Flask or Starlette, which anybody can read."""
    part = cookie.lstrip(".").partition(".")[0]
    with contextlib.suppress(ValueError, zlib.error):
        content = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
        return json.loads(zlib.decompress(content) if cookie[:1] == "." else content)
    return None


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


_LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(name)s %(levelname)s %(message)s"}},
    "handlers": {"lines": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"level": "INFO", "handlers": ["lines"]},
    # with a handler of its own: some frameworks replace the root's
    "loggers": {"frontdesk": {"level": "DEBUG", "handlers": ["lines"], "propagate": False}},
}


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
    """Run an app of `tests/frameworks` wrapped, in a process of its own, logging all we say.

    The server's own log of requests is off: it holds whatever stood in a query.
    """
    port = port or free_port()
    logging = tmp_path / "logging.json"
    logging.write_text(json.dumps(_LOGGING))
    if wsgi:
        command = ["gunicorn", "--bind", f"127.0.0.1:{port}", "--log-config-json", str(logging)]
        command.append("frontdesk.wrap_wsgi:app")
    else:
        command = ["uvicorn", "--port", str(port), "--log-config", str(logging)]
        command += ["--no-access-log", "frontdesk.wrap:app"]
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


def user_ids(journal: Path) -> list[str]:
    """Every message's user id, in order."""
    return [message.user_id for message in read_messages(journal)]


def assert_no_secret(shop: Shop, journal: Path) -> None:
    """All arrive in SAP; no secret is in journal, store, SAP, or in anybody's log or metrics.

    Nor is an address in the shop's log, in which the capture tells all it has to say.
    """
    log = shop.log.read_text()
    assert re.search(r"^frontdesk\S* DEBUG skipped ", log, re.MULTILINE), "nothing was told"
    assert not [m for m in read_messages(journal) if str(m.key) in log.lower()], "an address"
    deliver_and_search(journal, shop.secrets.found, [shop.log])


def deliver_and_search(journal: Path, secrets: Mapping[str, str], logs: Iterable[Path]) -> None:
    """Deliver a journal's customers by the real sidecar, then look for secrets everywhere.

    `secrets`: of each its kind; a failure names place and kind, never the secret.
    """
    assert secrets
    places = {path.name: path.read_bytes() for path in (*journal.iterdir(), *logs)}
    messages = read_messages(journal)
    expected = {str(message.key) for message in messages}
    assert expected
    stack = shared_stack()
    with httpx.Client(trust_env=False) as client:
        client.post(f"{stack.sap_url}/_sim/reset").raise_for_status()
        taken = _metrics(stack, client)["frontdesk_messages_total"]

        def is_delivered() -> bool:
            told = _metrics(stack, client)
            is_taken = told["frontdesk_messages_total"] == taken + len(messages)
            waiting = (told[_CUSTOMERS % state] for state in ("pending", "leased"))
            return is_taken and not any(waiting)

        for segment in journal.iterdir():
            _hand_over(segment, stack.journal)
        wait_until(is_delivered, "all messages are delivered")
        assert _arrived(stack, client) == expected
        places |= _everywhere(stack, client)
    assert {"server.log", "sidecar.log", "sap.log", "store/frontdesk.db"} <= places.keys()
    found = {name: kinds for name, held in places.items() if (kinds := _held(held, secrets))}
    assert not found, found


@functools.cache
def shared_stack() -> Stack:
    """A sidecar and a simulator for all tests of this process, which `close_shared_stack` ends."""
    # Whom another test sent in already, with the same name, is sent again.
    stack = Stack(settings="resync_s = 0.001\n")
    try:
        stack.journal.mkdir()
        stack.start_sap()
        stack.start_sidecar()
    except BaseException:
        stack.close()
        raise
    return stack


def close_shared_stack() -> None:
    """End both, if they were needed."""
    if shared_stack.cache_info().currsize:
        shared_stack().close()
        shared_stack.cache_clear()


def _hand_over(segment: Path, journal: Path) -> None:
    """A whole copy at once, and as new: a shop may have written more into one that was read."""
    rest = segment.name.partition("-")[2]
    part = journal / f"{segment.name}.part"
    shutil.copy(segment, part)
    part.rename(journal / f"{time.time_ns():020d}-{rest}")


def _metrics(stack: Stack, client: httpx.Client) -> Mapping[str, float]:
    """The sidecar's, and those of several series also as a sum."""
    told = collections.defaultdict[str, float](float)
    for line in client.get(f"{stack.sidecar_url}/metrics").text.splitlines():
        if not line.startswith("#"):
            series, _, value = line.rpartition(" ")
            told[series] = float(value)
            if "{" in series:
                told[series.partition("{")[0]] += float(value)
    return told


def _held(content: bytes, secrets: Mapping[str, str]) -> list[str]:
    return sorted({kind for secret, kind in secrets.items() if secret.encode() in content})


def _arrived(stack: Stack, client: httpx.Client) -> set[str]:
    customers = client.get(f"{stack.sap_url}/_sim/customers").json()
    return {customer["uid"] for customer in customers}


def _everywhere(stack: Stack, client: httpx.Client) -> dict[str, bytes]:
    """Files of the sidecar's directory, its logs and the simulator's, and what both tell."""
    told = {
        name: client.get(url).content
        for name, url in (
            ("metrics", f"{stack.sidecar_url}/metrics"),
            ("customers", f"{stack.sap_url}/_sim/customers"),
            ("requests", f"{stack.sap_url}/_sim/requests"),
        )
    }
    for path in filter(Path.is_file, stack.directory.rglob("*")):
        # The sidecar may just be removing a segment that it has read.
        with contextlib.suppress(FileNotFoundError):
            # Megabytes of zeros, which hold room for a full disk, take long to search.
            content = path.read_bytes().replace(bytes(4096), b"\0")
            told[str(path.relative_to(stack.directory))] = content
    return told
