"""What goes wrong: the page and its status, and what is told of it; TLS, sockets, memory."""

import contextlib
import os
import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
import trustme

from proxy_support import OK, Wire, answering, connected, proxied, raw_upstream
from server_support import free_port, wait_until

GET = b"GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhello"


def silent(wire: Wire) -> None:
    """A handler that never answers."""
    wire.rest()


def saying(answer: bytes) -> Callable[[Wire], None]:
    """A handler that answers once and hangs up."""

    def handle(wire: Wire) -> None:
        wire.request()
        wire.send(answer)

    return handle


def endless(wire: Wire) -> None:
    """A handler whose head never ends."""
    wire.send(b"HTTP/1.1 200 OK\r\n")
    while True:
        wire.send(b"X: %b\r\n" % (b"a" * 10_000))


HANDLERS: dict[str, tuple[Callable[[Wire], None], int, str]] = {
    "nothing": (saying(b""), 502, "connection_terminated"),
    "half a head": (saying(b"HTTP/1.1 200 OK\r\nContent-Le"), 502, "connection_terminated"),
    "no HTTP": (saying(b"SSH-2.0-OpenSSH\r\n\r\n"), 502, "http_protocol_error"),
    "a name": (saying(b"HTTP/1.1 200 OK\r\nBad Name: 1\r\n\r\n"), 502, "http_protocol_error"),
    "two lengths": (
        saying(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
        *(502, "http_protocol_error"),
    ),
    "an upgrade": (
        saying(b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n"),
        *(502, "http_protocol_error"),
    ),
    "a status": (saying(b"HTTP/1.1 999 Odd\r\n\r\n"), 502, "http_protocol_error"),
    "an endless head": (endless, 502, "http_protocol_error"),
    "silence": (silent, 504, "http_response_timeout"),
    "a slow client": (silent, 408, "http_request_error"),
}


@pytest.mark.parametrize("name", HANDLERS)
def test_an_answer_that_is_none(journal: Path, name: str) -> None:
    """A plain page with the status; it names no address."""
    handle, status, error = HANDLERS[name]
    with raw_upstream(handle) as raw, proxied(raw.url, journal, answer_timeout_s=0.3) as url:
        client = connected(url)
        client.send(POST if name == "a slow client" else GET)
        got = client.answer()
        assert got.status == status
        assert got.all(b"proxy-status") == [f"frontdesk; error={error}".encode()]
        assert got.all(b"cache-control") == [b"no-store"]
        assert got.body.startswith(b"%d The " % status)
        assert raw.url.rpartition(":")[2].encode() not in got.body


def test_an_upload_that_lasts_is_not_too_late(journal: Path) -> None:
    """The time for an answer runs from the last byte that the upstream was given."""

    def handle(wire: Wire) -> None:
        wire.request()
        wire.send(OK)

    with raw_upstream(handle) as raw, proxied(raw.url, journal, answer_timeout_s=0.5) as url:
        client = connected(url)
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\n")
        pause = threading.Event()
        for _ in range(8):
            pause.wait(0.15)
            client.send(b"a")
        assert client.answer().status == 200


def test_a_stream_that_falls_silent(journal: Path) -> None:
    """Once it has begun it can only be broken off."""

    def handle(wire: Wire) -> None:
        wire.request()
        wire.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n")
        wire.rest()

    with (
        raw_upstream(handle) as raw,
        proxied(raw.url, journal, idle_timeout_s=0.2) as url,
    ):
        client = connected(url)
        client.send(GET)
        got = client.answer()
        assert (got.body, got.is_whole) == (b"hi", False)


def test_an_upstream_that_is_not_there(journal: Path) -> None:
    """502 after the last try; and readiness says why."""
    with proxied(f"http://127.0.0.1:{free_port()}", journal) as url:
        answer = httpx.get(f"{url}/")
        assert answer.status_code == 502
        assert answer.headers["proxy-status"] == "frontdesk; error=connection_refused"
        assert httpx.get(f"{url}/_frontdesk/livez").text == "ok\n"
        ready = httpx.get(f"{url}/_frontdesk/readyz")
        assert (ready.status_code, ready.text.partition(":")[0]) == (503, "unreachable")
        status = httpx.get(f"{url}/_frontdesk/status").json()
        assert status["upstream_problem"].startswith("unreachable: ")
        assert status["failures"] == {"unreachable": 1}


def test_readiness_sees_that_the_upstream_has_gone(journal: Path) -> None:
    """Though connections to it were kept."""
    with contextlib.ExitStack() as upstream:
        raw = upstream.enter_context(raw_upstream(answering(OK)))
        with proxied(raw.url, journal) as url:
            assert httpx.get(f"{url}/").status_code == 200
            upstream.close()
            ready = httpx.get(f"{url}/_frontdesk/readyz")
            assert (ready.status_code, ready.text.partition(":")[0]) == (503, "unreachable")


def test_an_upstream_that_takes_no_upload(journal: Path) -> None:
    """504: it says nothing, and reads nothing, for `idle_timeout_s`."""
    go = threading.Event()

    def handle(wire: Wire) -> None:
        wire.head()
        assert go.wait(20)

    with raw_upstream(handle) as raw, proxied(raw.url, journal, idle_timeout_s=0.3) as url:
        client = connected(url)
        client.send(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n")
        thread = threading.Thread(target=pour_in, args=(client,))
        thread.start()
        got = client.answer()
        go.set()
        client.sock.shutdown(socket.SHUT_RDWR)
        thread.join(10)
    assert got.status == 504
    assert got.all(b"proxy-status") == [b"frontdesk; error=http_response_timeout"]


def pour_in(client: Wire) -> None:
    """Send until it ends."""
    with contextlib.suppress(OSError):
        while True:
            client.sock.sendall(b"x" * 65_536)


def test_an_upstream_that_is_back_in_a_moment(journal: Path) -> None:
    """Nothing was sent yet, so that connecting again is safe for any request."""
    port = free_port()
    with proxied(f"http://127.0.0.1:{port}", journal, connect_tries=8) as url:
        client = connected(url)
        client.send(POST + b"a" * 95)
        answered = threading.Event()

        def serve_late() -> None:
            with socket.create_server(("127.0.0.1", port)) as listener:
                wire = Wire(listener.accept()[0])
                assert wire.request() is not None
                wire.send(OK)
                answered.wait(10)
                wire.sock.close()

        late = threading.Timer(0.2, serve_late)
        late.start()
        assert client.answer().body == b"ok"
        answered.set()
        late.join()


def test_an_upstream_that_takes_no_connection(journal: Path) -> None:
    """504 when the time to connect is over."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        fillers = []
        for _ in range(8):  # until the kernel's queue takes no more
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
            fillers.append(one)
        with proxied(f"http://127.0.0.1:{port}", journal, connect_timeout_s=0.3) as url:
            answer = httpx.get(f"{url}/")
        for one in fillers:
            one.close()
    assert answer.status_code == 504
    assert answer.headers["proxy-status"] == "frontdesk; error=connection_timeout"


def test_too_many_at_once(journal: Path) -> None:
    """503 and when to come again; the place is free as soon as somebody has gone."""
    come, go = threading.Event(), threading.Event()

    def handle(wire: Wire) -> None:
        while wire.request() is not None:
            come.set()
            go.wait(10)
            wire.send(OK)

    with (
        raw_upstream(handle) as raw,
        proxied(raw.url, journal, connections=1, queue_timeout_s=0.2) as url,
    ):
        first = connected(url)
        first.send(GET)
        assert come.wait(10)
        second = httpx.get(f"{url}/")
        assert second.status_code == 503
        assert second.headers["retry-after"] == "1"
        go.set()
        assert first.answer().status == 200
        assert httpx.get(f"{url}/").status_code == 200


def test_an_upstream_that_is_ourselves(journal: Path) -> None:
    """A request that came through us eight times goes round: it ends (508)."""
    with raw_upstream(answering(OK)) as raw, proxied(raw.url, journal) as url:
        for rounds, status in ((7, 200), (8, 508)):
            via = ", ".join(["1.1 other", *["1.1 frontdesk"] * rounds])
            assert httpx.get(f"{url}/", headers={"via": via}).status_code == status


# TLS and Unix sockets


@pytest.fixture
def authority(tmp_path: Path) -> trustme.CA:
    """An authority, whose certificate is in `ca.pem`."""
    made = trustme.CA()
    made.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return made


def issue(authority: trustme.CA, name: str, path: Path) -> Path:
    """A certificate with its key, in one file."""
    authority.issue_cert(name).private_key_and_cert_chain_pem.write_to_path(str(path))
    return path


@pytest.mark.parametrize("name", ["127.0.0.1", "shop.example"])
def test_tls_on_both_sides(journal: Path, tmp_path: Path, authority: trustme.CA, name: str) -> None:
    """The upstream shows whom it is by its address, or by the name that is expected."""
    shown = issue(authority, name, tmp_path / "upstream.pem")
    ours = issue(authority, "127.0.0.1", tmp_path / "ours.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(shown)

    def handle(wire: Wire) -> None:
        wire.sock = context.wrap_socket(wire.sock, server_side=True)
        seen = wire.request()
        assert seen is not None
        assert seen.all(b"x-forwarded-proto") == [b"https"]
        wire.send(OK)

    with (
        raw_upstream(handle) as raw,
        proxied(
            raw.url.replace("http", "https"),
            journal,
            upstream_ca_file=str(tmp_path / "ca.pem"),
            **({} if name == "127.0.0.1" else {"upstream_name": name}),
            tls_cert_file=str(ours),
        ) as url,
    ):
        trusted = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
        answer = httpx.get(f"{url.replace('http', 'https')}/", verify=trusted)
        assert (answer.status_code, answer.text) == (200, "ok")


@pytest.mark.parametrize("shows", [True, False])
def test_the_upstream_asks_who_we_are(
    journal: Path, tmp_path: Path, authority: trustme.CA, *, shows: bool
) -> None:
    """`upstream_cert_file` is what it is shown; without one it is 502."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issue(authority, "127.0.0.1", tmp_path / "upstream.pem"))
    context.load_verify_locations(tmp_path / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED

    def handle(wire: Wire) -> None:
        with contextlib.suppress(ssl.SSLError):
            wire.sock = context.wrap_socket(wire.sock, server_side=True)
            wire.request()
            wire.send(OK)

    ours = issue(authority, "edge.example", tmp_path / "ours.pem")
    shown = {"upstream_cert_file": str(ours)} if shows else {}
    with (
        raw_upstream(handle) as raw,
        proxied(
            raw.url.replace("http", "https"),
            journal,
            upstream_ca_file=str(tmp_path / "ca.pem"),
            **shown,
        ) as url,
    ):
        assert httpx.get(f"{url}/").status_code == (200 if shows else 502)


def test_a_certificate_that_is_not_trusted(
    journal: Path, tmp_path: Path, authority: trustme.CA
) -> None:
    """502, and nothing was sent."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issue(authority, "other.example", tmp_path / "upstream.pem"))

    def handle(wire: Wire) -> None:
        with contextlib.suppress(OSError):
            wire.sock = context.wrap_socket(wire.sock, server_side=True)
            assert wire.sock.recv(1) == b""

    with (
        raw_upstream(handle) as raw,
        proxied(
            raw.url.replace("http", "https"), journal, upstream_ca_file=str(tmp_path / "ca.pem")
        ) as url,
    ):
        answer = httpx.get(f"{url}/")
        assert answer.status_code == 502
        assert answer.headers["proxy-status"] == "frontdesk; error=tls_certificate_error"
        assert raw.connections == 1


def test_an_upstream_on_a_unix_socket(journal: Path, tmp_path: Path) -> None:
    """`unix:/path`; Host stays the client's."""
    path = str(tmp_path / "shop.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        seen: list[bytes] = []

        def serve() -> None:
            wire = Wire(listener.accept()[0])
            request = wire.request()
            assert request is not None
            seen.extend(request.all(b"host"))
            wire.send(OK)
            wire.rest()
            wire.sock.close()

        thread = threading.Thread(target=serve)
        thread.start()
        with proxied(f"unix:{path}", journal) as url:
            assert httpx.get(f"{url}/", headers={"host": "shop.example"}).text == "ok"
        thread.join(10)
    assert seen == [b"shop.example"]


# Memory


def resident_kb() -> int:
    """This process's memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


@pytest.mark.parametrize("direction", ["down", "up"])
def test_memory_does_not_grow_with_what_passes(journal: Path, direction: str) -> None:
    """64 MiB to a reader that waits: what is held stays far below, and all of it arrives."""
    block, blocks = b"x" * 65_536, 1024
    stalled, go = threading.Event(), threading.Event()

    def pour(wire: Wire) -> None:
        """Send until it stalls, tell, and send the rest."""
        wire.sock.settimeout(0.5)
        sent = 0
        while sent < len(block) * blocks:
            try:
                sent += wire.sock.send(block[sent % len(block) :])
            except TimeoutError:
                stalled.set()
                assert go.wait(10)
                wire.sock.settimeout(10)
        stalled.set()

    def handle(wire: Wire) -> None:
        wire.head()
        if direction == "down":
            wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (len(block) * blocks))
            pour(wire)
        else:
            assert go.wait(20)
            assert len(wire.exactly(len(block) * blocks)) == len(block) * blocks
            wire.send(OK)

    with raw_upstream(handle) as raw, proxied(raw.url, journal) as url:
        client = connected(url)
        before = resident_kb()
        if direction == "down":
            client.send(GET)
            assert stalled.wait(20)
            grown = resident_kb() - before
            go.set()
            head = client.head()
            assert head is not None
            assert len(client.exactly(len(block) * blocks)) == len(block) * blocks
        else:
            length = len(block) * blocks
            client.send(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % length)
            thread = threading.Thread(target=pour, args=(client,))
            thread.start()
            assert stalled.wait(20)
            grown = resident_kb() - before
            go.set()
            thread.join(20)
            assert client.answer().status == 200
    assert grown < 16_384


def test_nothing_is_left_behind(journal: Path) -> None:
    """After many requests, some of them broken, no connection is counted as in use."""

    def handle(wire: Wire) -> None:
        wire.request()
        wire.send(OK)
        wire.request()

    with raw_upstream(handle) as raw, proxied(raw.url, journal, connections=2) as url:
        for number in range(20):
            client = connected(url)
            client.send(GET if number % 2 else POST)
            if number % 2:
                assert client.answer().status == 200
            client.sock.close()

        def in_use() -> int:
            status = httpx.get(f"{url}/_frontdesk/status").json()
            return int(status["connections"]["in_use"]) + int(status["under_way"])

        wait_until(lambda: in_use() == 0, "all are given back")
        assert httpx.get(f"{url}/").status_code == 200
