"""`/status` and `/admin` on real servers: who may, what is answered, and what is never said."""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
import uvicorn

from frontdesk.event import Identify
from frontdesk_sidecar.admin import http as admin
from frontdesk_sidecar.admin.backfill import Room
from frontdesk_sidecar.endpoints import create_app
from frontdesk_sidecar.ingest.document import Reading, read_lines
from frontdesk_sidecar.ingest.message import Envelope
from frontdesk_sidecar.store import Dead, Store, StoreError
from frontdesk_sidecar.store.sqlite import SQLiteStore
from server_support import wait_until

T = TypeVar("T")
KEY = "marked-key-7c1f"
KEYED = {"authorization": f"Bearer {KEY}"}
EMAIL = "marked.person@marked-host.example"
STATUS = {"running": True, "state": "fine"}
SECOND = 1_000_000
T0 = 1_700_000_000 * SECOND


@dataclass
class Desk:
    """Controls over a real store, which notes what was asked."""

    store: SQLiteStore
    failure: Exception | None = None
    asked: list[str] = field(default_factory=list)
    found: Room = field(default_factory=lambda: Room(0, None))

    def _note(self, what: str) -> None:
        self.asked.append(what)
        if self.failure is not None:
            raise self.failure

    @property
    def targets(self) -> tuple[str, ...]:
        """Two."""
        return ("business", "default")

    async def status(self) -> dict[str, Any]:
        """The document."""
        self._note("status")
        return STATUS

    async def pause(self, target: str | None = None) -> dict[str, Any]:
        """By hand."""
        self._note(f"pause {target}" if target else "pause")
        return {"paused": True}

    async def resume(self, target: str | None = None) -> dict[str, Any]:
        """The end of it."""
        self._note(f"resume {target}" if target else "resume")
        return {"paused": False}

    async def reload(self) -> dict[str, Any]:
        """Read its settings anew."""
        self._note("reload")
        return {"applied": True, "changed": []}

    async def forget(self, key: str) -> dict[str, Any]:
        """Without a journal."""
        self._note("forget")
        return {"forgotten": self.store.forget(key), "segments": 0, "damagedFiles": []}

    async def take(self, lines: Sequence[bytes]) -> Reading:
        """Read, and nothing else."""
        self._note("take")
        return read_lines(lines, 1, Envelope(datetime.now(UTC), "0"))

    async def room(self, target: str | None = None) -> Room:
        """As it was put."""
        self._note("room")
        return self.found

    def wake(self) -> None:
        """Noted."""
        self._note("wake")

    async def run(self, operation: Callable[[Store], T]) -> T:
        """At once."""
        self._note("run")
        with self.store.transaction():
            return operation(self.store)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """With one dead letter, number 1, of a marked person."""
    traits = {"email": EMAIL, "lastName": "Markedlast"}
    with SQLiteStore.open(tmp_path / "store.db") as store:
        now = datetime.fromtimestamp(T0 / SECOND, UTC)
        store.absorb([Identify("m", now, "marked-user", traits)], {}, T0)
        claims = store.claim(1, T0, SECOND)
        store.settle([Dead(one, "mapping", "no uid", "") for one in claims], T0)
        yield Desk(store)


async def _ready() -> str | None:
    return None


async def _metrics(accept: str) -> tuple[bytes, str]:
    return b"frontdesk_up 1.0\n", "text/plain"


@contextlib.contextmanager
def listening(listener: socket.socket, desk: Desk, **options: Any) -> Iterator[None]:
    """Serve the app as the sidecar does: uvicorn on a socket that is open already."""
    app = create_app(ready=_ready, metrics=_metrics, controls=desk, **options)
    config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        wait_until(lambda: server.started or not thread.is_alive(), "the server is up")
        yield
    finally:
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive()
        listener.close()


@contextlib.contextmanager
def local(desk: Desk, place: Path, key: str | None = KEY) -> Iterator[httpx.Client]:
    """A client through the Unix socket."""
    path = place / "s"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    with listening(listener, desk, key=key, trusted=True):
        transport = httpx.HTTPTransport(uds=str(path))
        with httpx.Client(base_url="http://frontdesk", transport=transport) as client:
            yield client


@contextlib.contextmanager
def remote(desk: Desk, key: str | None = KEY) -> Iterator[httpx.Client]:
    """A client over TCP."""
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    with (
        listening(listener, desk, key=key),
        httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client,
    ):
        yield client


def test_through_the_socket_everything_goes_without_a_key(desk: Desk, tmp_path: Path) -> None:
    """Whoever can open it is the sidecar's user; a retry is told on, so that it is sent now."""
    with local(desk, tmp_path) as http:
        assert http.get("/status").json() == STATUS
        assert http.post("/admin/status", json={}).json() == STATUS
        assert http.get("/metrics").status_code == 200
        listed = http.post("/admin/dead.list", json={}).json()
        assert [letter["customer"] for letter in listed["letters"]] == ["m•••@m•••.example"]
        assert http.post("/admin/pause", json={}).json() == {"paused": True}
        assert http.post("/admin/resume", json={}).json() == {"paused": False}
        assert http.post("/admin/reload", json={}).json() == {"applied": True, "changed": []}
        assert http.post("/admin/reload", json={"file": "/etc/x"}).status_code == 400
        assert "wake" not in desk.asked
        assert http.post("/admin/dead.retry", json={"key": "1"}).json() == {"retried": 1}
        assert desk.asked[-1] == "wake"
        answer = http.post("/admin/forget", json={"key": EMAIL})
        assert answer.json() == {"forgotten": True, "segments": 0, "damagedFiles": []}


def test_over_tcp_with_the_key(desk: Desk) -> None:
    """The same; also with a name of any kind, since a browser does not know the key."""
    with remote(desk) as http:
        assert http.get("/status", headers=KEYED).json() == STATUS
        answer = http.post("/admin/pause", json={}, headers={**KEYED, "host": "frontdesk.svc"})
        assert answer.json() == {"paused": True}


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", f"Bearer {KEY}x", f"Bearer {KEY[:-1]}", f"Basic {KEY}"]
)
def test_over_tcp_a_wrong_key_is_refused(desk: Desk, header: str | None) -> None:
    """Before anything else is looked at: 401, whatever is there."""
    headers = {} if header is None else {"authorization": header}
    with remote(desk) as http:
        answers = [
            *(
                http.post(f"/admin/{path}", json={"key": EMAIL}, headers=headers)
                for path in ("status", "dead.list", "forget", "nothing")
            ),
            http.post("/admin/pause", content=b"x" * 99_999, headers=headers),
            http.get("/status", headers=headers),
        ]
    for answer in answers:
        assert answer.status_code == 401
        assert answer.json() == {"error": "a bearer key is needed"}
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.headers["cache-control"] == "no-store"
    assert desk.asked == []


def test_over_tcp_nobody_acts_when_there_is_no_key(desk: Desk) -> None:
    """Another user of the machine may ask there, or a page in a browser. Status may be read."""
    with remote(desk, key=None) as http:
        for headers in ({}, KEYED, {"authorization": "Bearer None"}, {"authorization": "Bearer"}):
            answer = http.post("/admin/dead.list", json={}, headers=headers)
            assert answer.status_code == 403
            assert "http.key" in answer.json()["error"]
        assert desk.asked == []
        assert http.get("/status").json() == STATUS


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8077", "127.0.0.1.evil.example", "169.254.1.1", "[", ""]
)
def test_a_name_that_was_rebound_to_this_machine_learns_nothing(desk: Desk, host: str) -> None:
    """A page in a browser could read the answer: its own name resolves to us."""
    with remote(desk, key=None) as http:
        status = http.get("/status", headers={"host": host})
        acted = http.post("/admin/pause", json={}, headers={"host": host})
    assert (status.status_code, acted.status_code) == (403, 403)
    assert desk.asked == []


@pytest.mark.parametrize("host", ["localhost", "localhost:1", "127.0.0.1:8077", "[::1]:8077"])
def test_the_names_of_this_machine_do(desk: Desk, host: str) -> None:
    """Without a key the sidecar binds to loopback alone."""
    with remote(desk, key=None) as http:
        assert http.get("/status", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "content_type", [None, "text/plain", "application/x-www-form-urlencoded", "application/jsonx"]
)
def test_another_content_type_is_refused(
    desk: Desk, tmp_path: Path, content_type: str | None
) -> None:
    """Those that a browser sends anywhere without asking first."""
    headers = {} if content_type is None else {"content-type": content_type}
    with local(desk, tmp_path) as http:
        answer = http.post("/admin/pause", content=b"{}", headers=headers)
        assert answer.status_code == 415
        given = {"content-type": "Application/JSON; charset=utf-8"}
        assert http.post("/admin/pause", content=b"{}", headers=given).status_code == 200
    assert desk.asked == ["pause"]


def test_a_body_has_its_limit(desk: Desk, tmp_path: Path) -> None:
    """65,536 bytes, announced or not; and the server goes on."""
    given = {"content-type": "application/json"}
    full = b'{"key": "%s"}' % (b"x" * 65_526)
    assert len(full) == 65_537
    with local(desk, tmp_path) as http:
        for content in (full, iter([full[:40_000], full[40_000:]]), b" " * 10_000_000):
            answer = http.post("/admin/dead.show", content=content, headers=given)
            assert answer.status_code == 413
        allowed = full.replace(b'x"', b'"')
        assert http.post("/admin/dead.show", content=allowed, headers=given).status_code == 400
        assert http.post("/admin/pause", json={}).status_code == 200


@pytest.mark.parametrize(
    ("operation", "body", "status"),
    [
        ("dead.list", b"", 400),
        ("dead.list", b"{", 400),
        ("dead.list", b"[]", 400),
        ("dead.list", b'"marked"', 400),
        ("dead.list", b"[" * 60_000, 400),
        ("dead.list", b'{"marked@marked.example": 1}', 400),
        ("dead.show", b'{"key": ["marked"]}', 400),
        ("dead.retry", b"{}", 400),
        ("forget", b"{}", 400),
        ("forget", b'{"key": "marked", "x": 1}', 400),
        ("pause", b'{"marked": 1}', 400),
        ("dead.show", b'{"key": "marked@marked.example"}', 404),
        ("dead.retry", b'{"key": "4711"}', 404),
        ("dead.marked", b"{}", 404),
        ("run", b"{}", 404),
        ("wake", b"{}", 404),
        ("__class__", b"{}", 404),
    ],
)
def test_what_is_wrong_is_said_without_a_value(
    desk: Desk, tmp_path: Path, operation: str, body: bytes, status: int
) -> None:
    """As JSON, and nothing is done."""
    given = {"content-type": "application/json"}
    with local(desk, tmp_path) as http:
        answer = http.post(f"/admin/{operation}", content=body, headers=given)
    assert answer.status_code == status
    assert answer.json()["error"]
    assert "marked" not in answer.text.lower()
    assert desk.store.counts(T0).dead == 1


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS"])
def test_operations_are_posted(desk: Desk, tmp_path: Path, method: str) -> None:
    """No link and no image does anything; a browser that asks first gets no leave."""
    with local(desk, tmp_path) as http:
        answer = http.request(method, "/admin/pause", headers={"origin": "http://evil.example"})
    assert answer.status_code == 405
    assert "access-control-allow-origin" not in answer.headers
    assert desk.asked == []


def test_a_store_that_cannot_be_asked_is_503(desk: Desk, tmp_path: Path) -> None:
    """With the store's own words."""
    desk.failure = StoreError("the disk is full")
    with local(desk, tmp_path) as http:
        answers = [http.get("/status")]
        answers += [http.post(f"/admin/{one}", json={}) for one in ("dead.list", "pause")]
    for answer in answers:
        assert answer.status_code == 503
        assert answer.json() == {"error": "the store cannot be asked: the disk is full"}


def test_a_defect_tells_no_value(
    desk: Desk, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Neither in the answer nor in the log: an exception's text may be a customer's."""
    desk.failure = ValueError(f"cannot make anything of {EMAIL}")
    with caplog.at_level(logging.DEBUG), local(desk, tmp_path) as http:
        answer = http.post("/admin/dead.show", json={"key": EMAIL})
    assert (answer.status_code, answer.json()) == (500, {"error": "it failed: ValueError"})
    logged = [record for record in caplog.records if record.name == "frontdesk.admin"]
    assert [record.getMessage() for record in logged] == ["admin_failed error=ValueError"]
    said = caplog.text + "".join(capfd.readouterr())
    assert "marked" not in said.replace(str(tmp_path), "").lower()


def test_a_person_shows_only_when_revealed(
    desk: Desk, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """And then no cache keeps the answer, and the log knows nothing of it."""
    with caplog.at_level(logging.DEBUG), local(desk, tmp_path) as http:
        for operation in ("dead.list", "dead.show", "dead.export"):
            key = {"key": EMAIL} if operation == "dead.show" else {}
            masked = http.post(f"/admin/{operation}", json=key)
            assert masked.status_code == 200
            assert "marked" not in masked.text.lower()
            revealed = http.post(f"/admin/{operation}", json={**key, "reveal": True})
            for value in (EMAIL, "marked-user", "Markedlast"):
                assert value in revealed.text
            assert revealed.headers["cache-control"] == "no-store"
            assert revealed.headers["content-type"] == "application/json"
            assert revealed.headers["x-content-type-options"] == "nosniff"
    ours = [one for one in caplog.records if not one.name.startswith(("httpx", "httpcore"))]
    assert "marked" not in json.dumps([one.getMessage() for one in ours]).lower()


def test_without_controls_there_is_neither(desk: Desk) -> None:
    """What is not there cannot be asked."""
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    with listening(listener, None, trusted=True):  # type: ignore[arg-type] # no desk is asked
        for path in ("/status", "/admin/pause"):
            answer = httpx.post(f"http://127.0.0.1:{port}{path}", json={}, trust_env=False)
            assert answer.status_code == 404


@pytest.mark.parametrize(
    ("operation", "arguments", "why"),
    [
        ("lines", {}, "lines: expected an array of texts"),
        ("lines", {"lines": "marked"}, "lines: expected an array of texts"),
        ("lines", {"lines": [{"marked": 1}]}, "lines: expected an array of texts"),
        ("lines", {"lines": [], "marked": 1}, "an argument is not known; known are lines, most"),
        ("lines", {"lines": [], "most": -1}, "most: expected a whole number from 1 to "),
        ("known", {"limit": 501}, "limit: expected a whole number from 1 to 500"),
        ("known", {"after": "marked"}, "after: expected a whole number from 1 to "),
        ("known", {"target": "marked"}, "target: expected a target of the settings: business, d"),
        ("known", {"marked": 1}, "an argument is not known; known are after, limit, target, most"),
    ],
)
async def test_a_backfill_is_read_strictly(
    desk: Desk, operation: str, arguments: dict[str, Any], why: str
) -> None:
    """What is wrong is named by the argument alone."""
    body = json.dumps(arguments).encode()
    status, told = await admin.answer(desk, f"backfill.{operation}", body)
    assert status == 400
    assert told["error"].startswith(why)
    assert desk.asked == []


async def test_lines_are_taken_as_far_as_they_can_be(desk: Desk) -> None:
    """Each is counted; nothing of them is told."""
    lines = ['{"traits":{"email":"marked@example.com"}}', '{"traits":{"email":"marked"}}', "marked"]
    body = json.dumps({"lines": [*lines, '{"type":"page"}']}).encode()
    counts = {"taken": 1, "ignored": 1, "anonymous": 0, "unusable": 1, "refused": 1}
    expected = {"waiting": 0, "full": None, "messages": counts}
    assert await admin.answer(desk, "backfill.lines", body) == (200, expected)


@pytest.mark.parametrize("room", [Room(9, None), Room(0, "no room")])
async def test_without_room_nothing_is_done(desk: Desk, room: Room) -> None:
    """And why is told."""
    desk.found = room
    for operation, wanted in (("lines", "messages"), ("known", "page")):
        given = {"most": 8} | ({"lines": ["{}"]} if operation == "lines" else {})
        told = await admin.answer(desk, f"backfill.{operation}", json.dumps(given).encode())
        assert told == (200, {"waiting": room.waiting, "full": room.full, wanted: None})
    assert desk.asked == ["room", "room"]


async def test_who_is_sent_once_more_is_sent_now(desk: Desk) -> None:
    """The dead are not."""
    page = {"resent": 0, "erased": 0, "after": None}
    expected = {"waiting": 0, "full": None, "page": page}
    assert await admin.answer(desk, "backfill.known", b"{}") == (200, expected)
    assert desk.asked == ["room", "run", "wake"]
