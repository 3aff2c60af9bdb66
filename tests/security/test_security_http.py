"""The sidecar's own HTTP, attacked: without a key, from other sites, with odd paths and heads."""

from __future__ import annotations

import gzip
from typing import Any

import orjson
import pytest

from frontdesk_sidecar.admin.operations import OPERATIONS
from frontdesk_sidecar.admin.people import PEOPLE
from frontdesk_sidecar.admin.strays import STRAYS

TOLD = ("/status", "/metrics", "/dashboard/events")
DONE = (*OPERATIONS, *PEOPLE, *STRAYS, "forget", "pause", "reload", "resume", "status")
JSON = "Content-Type: application/json"
HERE = "Host: localhost"


def without_the_key(key: str) -> list[str]:
    """Headers that are none, or nearly the right one."""
    return [
        "X: y",
        "Authorization: ",
        "Authorization: Bearer",
        f"Authorization: Bearer {key}x",
        f"Authorization: Bearer {key[:-1]}",
        f"Authorization: Bearer {key.upper()}",
        f"Authorization: Basic {key}",
        f"Authorization: Bearer Bearer {key}",
        f"Authorization: Bearer {key}\u00e9",
        f"Cookie: key={key}; authorization={key}",
        f"X-Api-Key: {key}",
        f"Proxy-Authorization: Bearer {key}",
    ]


@pytest.mark.parametrize("path", TOLD)
def test_nothing_is_told_without_the_key(guarded: Any, path: str) -> None:
    """Nor with it in the address, where it would be in everybody's logs."""
    for header in without_the_key(guarded.key):
        status, answer = guarded.ask("GET", path, HERE, header)
        assert status == 401, header
        assert guarded.key.encode() not in answer
    for query in (f"?key={guarded.key}", f"?access_token={guarded.key}", f"?token={guarded.key}"):
        assert guarded.ask("GET", path + query, HERE)[0] == 401


@pytest.mark.parametrize("operation", DONE)
def test_nothing_is_done_without_the_key(guarded: Any, unguarded: Any, operation: str) -> None:
    """Where there is none, nobody has it; what there is no operation of says the same."""
    path, body = f"/admin/{operation}", b'{"all":true}'
    for header in without_the_key(guarded.key):
        assert guarded.ask("POST", path, HERE, JSON, header, body=body)[0] == 401
    assert guarded.ask("POST", "/admin/nothing", HERE, JSON, body=body)[0] == 401
    for authorization in ("Bearer ", "Bearer None", "Bearer null", f"Bearer {guarded.key}"):
        given = f"Authorization: {authorization}"
        assert unguarded.ask("POST", path, HERE, JSON, given, body=body)[0] == 403


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"])
def test_other_methods_do_nothing(guarded: Any, method: str) -> None:
    """With the key or without; no page of another site is told that it may."""
    key = f"Authorization: Bearer {guarded.key}"
    asks = "Origin: https://evil.example"
    for path in ("/", *TOLD, "/livez", "/readyz", "/dashboard/main.js", "/admin/pause"):
        status, answer = guarded.ask(method, path, HERE, key, asks)
        assert status == 405, path
        assert b"access-control-" not in answer.lower()
    assert guarded.ask("GET", "/admin/pause", HERE, key)[0] == 405
    assert guarded.ask("HEAD", "/admin/pause", HERE, key)[0] == 405


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "evil.example:8077", "127.0.0.1.evil.example", "localhost.evil.example"),
        *("xlocalhost", "localhost.", "0.0.0.0", "10.0.0.1", "2130706433", "[::2]", "127.1"),
        *("evil.example#localhost", "evil.example?@", "[::1", "", "localhost,evil.example"),
    ],
)
def test_a_rebound_name_is_told_nothing(unguarded: Any, host: str) -> None:
    """A page whose name resolves to this machine reads what answers to that name: nothing does."""
    for path in TOLD:
        status, answer = unguarded.ask("GET", path, f"Host: {host}")
        assert status in (400, 403), path
        assert b"frontdesk_" not in answer
        assert b"integration" not in answer


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8077", "127.0.0.1", "127.8.8.8", "[::1]"])
def test_this_machine_is_told(unguarded: Any, host: str) -> None:
    """By each of its names."""
    for path in TOLD[:2]:
        assert unguarded.ask("GET", path, f"Host: {host}")[0] == 200


@pytest.mark.parametrize(
    "kind",
    [
        *("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"),
        *("text/plain; application/json", "application/jsonp", "", "text/json"),
    ],
)
def test_what_a_form_can_send_is_not_done(guarded: Any, kind: str) -> None:
    """Even with the key: only what a browser asks leave for is an operation."""
    key = f"Authorization: Bearer {guarded.key}"
    for origin in ("Origin: null", "Origin: https://evil.example", "X: y"):
        headers = [HERE, origin, f"Content-Type: {kind}"]
        assert guarded.ask("POST", "/admin/pause", *headers, body=b"a=b")[0] == 401
        headers.append(key)
        assert guarded.ask("POST", "/admin/pause", *headers, body=b'{"a":"="}')[0] == 415


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_page_of_another_site_does_not_look(guarded: Any, unguarded: Any, site: str) -> None:
    """Browsers say for whom they ask, by Fetch Metadata."""
    for sidecar in (guarded, unguarded):
        key = f"Authorization: Bearer {sidecar.key}"
        asked = sidecar.ask("GET", "/dashboard/events", HERE, key, f"Sec-Fetch-Site: {site}")
        assert asked[0] == 403


def test_nobody_frames_the_page_and_it_loads_nothing_else(unguarded: Any) -> None:
    """What every answer of the dashboard says to the browser."""
    for path in ("/", "/dashboard/main.js", "/dashboard/icon.svg"):
        head = unguarded.ask("GET", path, HERE)[1].lower()
        assert b"default-src 'none'; script-src 'self'; style-src 'self'" in head
        assert b"frame-ancestors 'none'" in head
        assert b"form-action 'none'" in head
        assert b"base-uri 'none'" in head
        assert b"x-frame-options: deny" in head
        assert b"x-content-type-options: nosniff" in head
        assert b"cross-origin-opener-policy: same-origin" in head
        assert b"set-cookie" not in head
        assert b"server: " not in head


@pytest.mark.parametrize(
    "path",
    [
        *("/dashboard/../app.py", "/dashboard/%2e%2e/endpoints.py", "/dashboard/..%2ffiles.py"),
        *("/dashboard/..\\files.py", "/dashboard/%5c..%5cfiles.py", "/dashboard/%00index.html"),
        *("/dashboard/index.html%00.js", "/dashboard/./index.html", "/dashboard//index.html"),
        *("/dashboard/", "/dashboard/static/index.html", "/../../etc/passwd", "//etc/passwd"),
        *("/dashboard/%c0%ae%c0%ae/", "/dashboard/__init__.py", "/dashboard/index.html/x"),
        *("/dashboard/" + "a" * 5000, "/dashboard/%252e%252e", "/dashboard/index.html.bak"),
    ],
)
def test_no_path_leads_to_a_file(unguarded: Any, path: str) -> None:
    """Names are looked up among those read at the start; nothing is opened by a name."""
    status, answer = unguarded.ask("GET", path, HERE)
    assert status == 404
    assert b"root:" not in answer
    assert b"import" not in answer


def test_a_head_has_an_end(unguarded: Any) -> None:
    """A header without one is refused while it comes, not gathered."""
    with unguarded.connect() as connection:
        connection.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX: ")
        sent = 0
        try:
            while sent < 64 << 20:
                connection.sendall(b"a" * 65_536)
                sent += 65_536
        except OSError:
            pass
    assert sent < 16 << 20
    many = "".join(f"X{number}: y\r\n" for number in range(20_000))
    answer = unguarded.raw(f"GET /livez HTTP/1.1\r\nHost: localhost\r\n{many}\r\n".encode())
    assert b" 200 " not in answer[:20]


def test_a_body_that_is_not_wanted_is_not_gathered(guarded: Any) -> None:
    """Before the key is right nothing is read; with it, no more than an operation's arguments."""
    key = f"Authorization: Bearer {guarded.key}"
    assert guarded.ask("POST", "/admin/pause", HERE, JSON, body=b" " * 1_000_000)[0] == 401
    status, answer = guarded.ask("POST", "/admin/pause", HERE, JSON, key, body=b" " * 1_000_000)
    assert (status, b"65536 bytes" in answer) == (413, True)


def test_nothing_is_unpacked_but_at_the_door(guarded: Any) -> None:
    """What is packed is no JSON."""
    key, packed = f"Authorization: Bearer {guarded.key}", gzip.compress(b'{"target":"default"}')
    asked = ("POST", "/admin/pause", HERE, JSON, key, "Content-Encoding: gzip")
    assert guarded.ask(*asked, body=packed)[0] == 400


def test_arguments_are_read_strictly(guarded: Any) -> None:
    """Depth, size, type and name: 400 that repeats nothing, and the log stays silent."""
    key, before = f"Authorization: Bearer {guarded.key}", len(guarded.log())
    for body in (
        b"[" * 60_000,
        b'{"a":' * 10_000,
        b'{"key":"' + b"marked-value" * 100 + b'"}',
        b'{"marked-value":1}',
        b'{"key":{"marked-value":[]}}',
        b'{"key":"\\ud800"}',
        b'{"limit":1e999}',
        b'{"limit":-1}',
        b'{"limit":999999999999999999999999}',
        b'{"after":"99999999999999999999.1"}',
        b"NaN",
        b"",
    ):
        status, answer = guarded.ask("POST", "/admin/dead.list", HERE, JSON, key, body=body or b" ")
        assert status == 400, body[:40]
        assert b"marked-value" not in answer
    assert "Traceback" not in guarded.log()[before:]
    body = orjson.dumps({"key": "'; DROP TABLE customers; --"})
    assert guarded.ask("POST", "/admin/dead.show", HERE, JSON, key, body=body)[0] == 404
    assert guarded.ask("GET", "/status", HERE, key)[0] == 200


def test_what_is_no_http_is_not_logged(unguarded: Any) -> None:
    """Or whoever reaches the port would fill the disk with the log."""
    before = len(unguarded.log())
    for sent in (b"\0\x01\x02\r\n\r\n", b"GET\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00"):
        assert unguarded.raw(sent + b"\r\n\r\n")[:12] in (b"HTTP/1.1 400", b"")
    upgrade = ("Connection: upgrade", "Upgrade: websocket")
    assert unguarded.ask("GET", "/livez", HERE, *upgrade)[0] == 200
    assert len(unguarded.log()) == before


def test_no_key_is_in_the_log(guarded: Any) -> None:
    """Whatever was asked with it."""
    for path in (*TOLD[:2], f"/v1/projects/{guarded.write_key}/settings", f"/?key={guarded.key}"):
        guarded.ask("GET", path, HERE, f"Authorization: Bearer {guarded.key}")
    for key in (guarded.key, guarded.write_key, guarded.signing_key):
        assert key not in guarded.log()
