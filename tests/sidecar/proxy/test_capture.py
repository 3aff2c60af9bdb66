"""Logins through the proxy are noted; whatever breaks in that, the request goes through."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from asgi_support import JANE, as_json, emails, read_messages
from frontdesk import desk
from frontdesk.exchange import Exchange
from frontdesk.journal import Journal
from frontdesk.routes import RouteTable
from frontdesk.rules import Rule
from proxy_support import Wire, connected, proxied, raw_upstream

TYPED = {"email": JANE, "password": "right"}
USER = as_json({"user": {"email": JANE, "id": 7, "firstName": "Jane"}})


def shop(wire: Wire) -> None:
    """A storefront in any language: a login by JSON, one by a form, and a page."""
    while (request := wire.request()) is not None:
        method, target, _ = request.line.split(b" ")
        path = target.partition(b"?")[0]
        if (method, path) == (b"POST", b"/login") and b"wrong" in request.body:
            wire.send(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")
        elif (method, path) == (b"POST", b"/login"):
            head = (
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
            )
            wire.send(head % len(USER) + USER)
        elif (method, path) == (b"POST", b"/account/login"):
            wire.send(
                b"HTTP/1.1 303 See Other\r\nLocation: /account\r\nContent-Length: 0\r\n"
                b"Set-Cookie: session=abc\r\n\r\n"
            )
        else:
            wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\npage")


@pytest.fixture
def url(journal: Path) -> Iterator[str]:
    """The shop through the proxy."""
    with raw_upstream(shop) as raw, proxied(raw.url, journal) as address:
        yield address


def test_logins_are_noted(journal: Path, url: str) -> None:
    """One message for each that succeeded; the answers are the shop's."""
    with httpx.Client(base_url=url) as client:
        answer = client.post("/login", json=TYPED)
        assert answer.content == USER
        assert client.post("/login", json=TYPED | {"password": "wrong"}).status_code == 401
        answer = client.post("/account/login", data={"email": "omar@example.org", "password": "x"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/account")
        assert client.get("/login").text == "page"
    assert emails(journal) == [JANE, "omar@example.org"]
    assert read_messages(journal)[0].traits == {"email": JANE, "firstName": "Jane"}


def test_a_login_by_an_absolute_target_is_noted(journal: Path, url: str) -> None:
    """As clients of a proxy write it: the path is the same, and so is its query."""
    wire = connected(url)
    body = b'{"email":"jane.doe@example.com","password":"right"}'
    head = b"POST http://shop.example/login?a=%%2F HTTP/1.1\r\nHost: other\r\n"
    kind = b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
    wire.send((head + kind) % (len(body), body))
    assert wire.answer().status == 200
    assert emails(journal) == [JANE]


def test_a_login_is_noted_once_it_is_answered(journal: Path) -> None:
    """An answer that breaks off is no login."""

    def handle(wire: Wire) -> None:
        wire.request()
        wire.send(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
            + USER
        )

    with (
        raw_upstream(handle) as raw,
        proxied(raw.url, journal) as url,
        pytest.raises(httpx.RemoteProtocolError),
    ):
        httpx.post(f"{url}/login", json=TYPED)
    assert emails(journal) == []


def broken(*args: Any, **kwargs: Any) -> Any:
    """What stands in for a defect of ours."""
    raise RuntimeError("a defect of ours")


def break_rules(monkeypatch: pytest.MonkeyPatch, journal: Path) -> None:
    monkeypatch.setattr(Rule, "judge", broken)


def break_routes(monkeypatch: pytest.MonkeyPatch, journal: Path) -> None:
    monkeypatch.setattr(RouteTable, "find", broken)


def break_desk(monkeypatch: pytest.MonkeyPatch, journal: Path) -> None:
    monkeypatch.setattr(desk.Desk, "note", broken)


def break_reading(monkeypatch: pytest.MonkeyPatch, journal: Path) -> None:
    monkeypatch.setattr(Exchange, "respond", broken)


def remove_journal(monkeypatch: pytest.MonkeyPatch, journal: Path) -> None:
    for one in journal.iterdir():
        one.unlink()
    journal.rmdir()


def make_a_file_of_it(monkeypatch: pytest.MonkeyPatch, journal: Path) -> None:
    remove_journal(monkeypatch, journal)
    journal.write_text("not a directory")


def fill_journal(monkeypatch: pytest.MonkeyPatch, journal: Path) -> None:
    monkeypatch.setattr(Journal, "append", lambda *args: False)


FAULTS: dict[str, Callable[[pytest.MonkeyPatch, Path], None]] = {
    "rules": break_rules,
    "routes": break_routes,
    "desk": break_desk,
    "reading": break_reading,
    "no journal": remove_journal,
    "a file": make_a_file_of_it,
    "a full journal": fill_journal,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_it_fails_open(
    journal: Path, url: str, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """The answer is the same, byte for byte; nothing is noted."""
    FAULTS[fault](monkeypatch, journal)
    with httpx.Client(base_url=url) as client:
        for _ in range(3):
            answer = client.post("/login", json=TYPED)
            assert (answer.status_code, answer.content) == (200, USER)
            answer = client.post("/account/login", data={"email": JANE, "password": "x"})
            assert answer.headers["set-cookie"] == "session=abc"
    monkeypatch.undo()
    if journal.is_dir():
        assert emails(journal) == []
    elif journal.exists():
        journal.unlink()


def test_status_tells_what_capture_counted(journal: Path, url: str) -> None:
    """By the reasons that `docs/capture.md` explains; no person stands there."""
    httpx.post(f"{url}/login", json=TYPED | {"password": "wrong"})
    httpx.post(f"{url}/login", json=TYPED)
    status = httpx.get(f"{url}/_frontdesk/status")
    assert status.json()["capture"] == {"skipped.status": 1}
    assert status.json()["answers"] == {"2xx": 1, "4xx": 1}
    metrics = httpx.get(f"{url}/_frontdesk/metrics").text
    assert 'frontdesk_proxy_capture_total{reason="skipped.status"} 1' in metrics
    assert "example.com" not in metrics + status.text


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "shop.example"},
        {"x-forwarded-for": "203.0.113.7"},
        {"forwarded": "for=203.0.113.7"},
        {"via": "1.1 edge"},
    ],
)
def test_status_is_for_this_machine(url: str, headers: dict[str, str]) -> None:
    """What came from elsewhere finds nothing there, whoever passed it on; health is no secret."""
    for path in ("status", "metrics"):
        answer = httpx.get(f"{url}/_frontdesk/{path}", headers=headers)
        assert answer.status_code == 404
    assert httpx.get(f"{url}/_frontdesk/livez", headers=headers).status_code == 200


def test_status_with_a_key(journal: Path) -> None:
    """Then the key is needed, and enough."""
    with raw_upstream(shop) as raw, proxied(raw.url, journal, key="s3cret") as url:
        path, elsewhere = f"{url}/_frontdesk/status", {"host": "shop.example"}
        assert httpx.get(path).status_code == 404
        good = {"authorization": "Bearer s3cret"}
        assert httpx.get(path, headers=elsewhere | good).status_code == 200
        bad = {"authorization": "Bearer s3cre"}
        assert httpx.get(path, headers=bad).status_code == 404


def test_the_prefix_is_the_operators(journal: Path) -> None:
    """What begins alike is the shop's, and without a prefix all is."""
    with raw_upstream(shop) as raw:
        with proxied(raw.url, journal, prefix="/-/edge") as url:
            assert httpx.get(f"{url}/-/edge/livez").text == "ok\n"
            assert httpx.get(f"{url}/-/edges/livez").text == "page"
            assert httpx.get(f"{url}/_frontdesk/livez").text == "page"
        with proxied(raw.url, journal, prefix="") as url:
            assert httpx.get(f"{url}/_frontdesk/livez").text == "page"
