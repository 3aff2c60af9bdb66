"""`frontdesk proxy` as a process: what it listens on, how it drains, how workers die."""

import contextlib
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import trustme

from asgi_support import JANE, emails
from frontdesk_sidecar import cli
from proxy_support import OK, Wire, answering, connected, raw_upstream
from server_support import free_port, is_listening, wait_until

ENVIRON = {name: value for name, value in os.environ.items() if not name.startswith("FRONTDESK")}
USER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 32\r\n\r\n"
RULE = '[capture]\npresets = []\n[[capture.rule]]\nevent = "Logged In"\nroute = "POST /enter"\n'
LOGGED_IN = USER + b'{"email":"jane.doe@example.com"}'


@contextlib.contextmanager
def proxy(
    upstream: str, journal: Path, log: Path, *arguments: str, port: int = 0, **environ: str
) -> Iterator[subprocess.Popen[bytes]]:
    """The command, until the block ends."""
    listen = ["--listen", f"127.0.0.1:{port}"] if port else []
    command = ["proxy", "--upstream", upstream, *listen, *arguments]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "frontdesk_sidecar", *command],
            env={**ENVIRON, "FRONTDESK_JOURNAL": str(journal), **environ},
            stderr=output,
        )
    try:
        if port:
            wait_until(lambda: is_listening(port) or process.poll() is not None, "it listens")
        yield process
    finally:
        process.terminate()
        process.wait(20)


def test_one_process(journal: Path, tmp_path: Path) -> None:
    """It notes logins, logs no person, and ends with 0."""
    port, log = free_port(), tmp_path / "log"
    with (
        raw_upstream(answering(LOGGED_IN)) as raw,
        proxy(raw.url, journal, log, "--access-log", port=port) as process,
    ):
        url = f"http://127.0.0.1:{port}"
        answer = httpx.post(f"{url}/login?next=secret", json={"email": JANE, "password": "x"})
        assert answer.json() == {"email": JANE}
        httpx.get(f"{url}/customers/{JANE}")
        wait_until(lambda: log.read_text().count(" ms=") == 2, "both are logged")
        process.terminate()
        assert process.wait(10) == 0
    assert emails(journal) == [JANE]
    lines = log.read_text()
    assert "method=POST route=/login status=200 sent=" in lines
    assert "method=GET route=- status=200 sent=0 received=32 head_ms=" in lines
    for personal in ("jane", "example.com", "secret", "customers"):
        assert personal not in lines
    assert "127.0.0.1" not in "".join(one for one in lines.splitlines() if "access" in one)


def test_what_is_under_way_is_finished(journal: Path, tmp_path: Path) -> None:
    """After SIGTERM nobody new is let in, and who is in gets the whole answer."""
    port, come, go = free_port(), threading.Event(), threading.Event()

    def handle(wire: Wire) -> None:
        wire.request()
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha")
        come.set()
        assert go.wait(20)
        wire.send(b"lf")

    with (
        raw_upstream(handle) as raw,
        proxy(raw.url, journal, tmp_path / "log", port=port) as process,
    ):
        client = connected(f"http://127.0.0.1:{port}")
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert come.wait(10)
        process.terminate()
        wait_until(lambda: not is_listening(port), "nobody new is let in")
        go.set()
        assert client.answer().body == b"half"
        assert process.wait(10) == 0


def test_a_drain_has_an_end(journal: Path, tmp_path: Path) -> None:
    """A stream that never ends is broken off, not ended."""
    port = free_port()

    def handle(wire: Wire) -> None:
        wire.request()
        wire.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n")
        wire.rest()

    with (
        raw_upstream(handle) as raw,
        proxy(raw.url, journal, tmp_path / "log", "--drain-s", "1", port=port) as process,
    ):
        client = connected(f"http://127.0.0.1:{port}")
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.until(b"hi\r\n") is not None
        process.terminate()
        assert process.wait(10) == 0
        assert b"0\r\n\r\n" not in client.rest()


def test_workers_are_replaced(journal: Path, tmp_path: Path) -> None:
    """A dead one, while the other goes on, and each at SIGHUP; a journal segment for each."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"

    def two(count: int, apart_from: frozenset[int]) -> frozenset[int]:
        """Both workers, once so many of them are none of the earlier ones."""
        found: set[int] = set()

        def are_there() -> bool:
            found.clear()
            for _ in range(12):
                with contextlib.suppress(httpx.TransportError):
                    found.add(int(client.get("/_frontdesk/status").json()["pid"]))
            return len(found) == 2 and len(found - apart_from) == count

        wait_until(are_there, f"{count} others are there")
        return frozenset(found)

    with (
        raw_upstream(answering(LOGGED_IN)) as raw,
        proxy(raw.url, journal, tmp_path / "log", "--workers", "2", port=port) as process,
        # Each question on a connection of its own, for any worker to take.
        httpx.Client(base_url=url, headers={"Connection": "close"}) as client,
    ):
        first = two(2, frozenset())
        os.kill(min(first), signal.SIGKILL)
        second = two(1, first)
        for _ in range(10):
            assert client.post("/login", json={"email": JANE}).status_code == 200
        process.send_signal(signal.SIGHUP)
        two(2, second)
        process.terminate()
        assert process.wait(20) == 0
    assert emails(journal) == [JANE] * 10


def test_with_tls(journal: Path, tmp_path: Path) -> None:
    """Certificate and key from their files; nobody is asked for a password."""
    port, authority = free_port(), trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    issued.cert_chain_pems[0].write_to_path(str(certificate))
    issued.private_key_pem.write_to_path(str(key))
    trusted = ssl.create_default_context()
    authority.configure_trust(trusted)
    files = ("--tls-cert-file", str(certificate), "--tls-key-file", str(key))
    with (
        raw_upstream(answering(LOGGED_IN)) as raw,
        proxy(raw.url, journal, tmp_path / "log", *files, port=port),
    ):
        answer = httpx.post(f"https://127.0.0.1:{port}/login", json={"email": JANE}, verify=trusted)
        assert answer.json() == {"email": JANE}
    assert emails(journal) == [JANE]


def test_on_a_unix_socket(journal: Path, tmp_path: Path) -> None:
    """With the mode that is asked for; what a dead proxy left is replaced, a live one is not."""
    path = tmp_path / "proxy.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    arguments = ("--listen", f"unix:{path}", "--socket-mode", "600")
    with (
        raw_upstream(answering(OK)) as raw,
        proxy(raw.url, journal, tmp_path / "log", *arguments),
        httpx.Client(transport=httpx.HTTPTransport(uds=str(path))) as client,
    ):

        def is_up() -> bool:
            with socket.socket(socket.AF_UNIX) as probe:
                return probe.connect_ex(str(path)) == 0

        wait_until(is_up, "it listens")
        assert path.stat().st_mode & 0o777 == 0o600
        assert client.get("http://shop.example/").text == "ok"
        assert client.get("http://localhost/_frontdesk/status").status_code == 200
        with proxy(raw.url, journal, tmp_path / "second", *arguments) as second:
            assert second.wait(20) == 1
        assert "somebody listens there already" in (tmp_path / "second").read_text()
        assert client.get("http://shop.example/").text == "ok"
    assert not path.exists()


def test_a_socket_that_is_handed_over(journal: Path, tmp_path: Path) -> None:
    """`fd:N`, as systemd hands over a socket that stays open while the process is replaced."""
    with socket.create_server(("127.0.0.1", 0)) as listener, raw_upstream(answering(OK)) as raw:
        os.set_inheritable(listener.fileno(), True)
        number, port = listener.fileno(), listener.getsockname()[1]
        command = ["proxy", "--upstream", raw.url, "--listen", f"fd:{number}"]
        for _ in range(2):
            with subprocess.Popen(
                [sys.executable, "-m", "frontdesk_sidecar", *command],
                env={**ENVIRON, "FRONTDESK_JOURNAL": str(journal)},
                pass_fds=[number],
                stderr=subprocess.DEVNULL,
            ) as process:
                assert httpx.get(f"http://127.0.0.1:{port}/", timeout=20).text == "ok"
                process.terminate()


def test_settings_from_the_file(journal: Path, tmp_path: Path) -> None:
    """`[proxy]` and `[capture]` stand in the same one."""
    port, config = free_port(), tmp_path / "frontdesk.toml"
    with raw_upstream(answering(LOGGED_IN)) as raw:
        config.write_text(f'[proxy]\nlisten = "127.0.0.1:{port}"\n' + RULE)
        with proxy(raw.url, journal, tmp_path / "log", "--config", str(config)):
            wait_until(lambda: is_listening(port), "it listens")
            for path in ("login", "enter"):
                httpx.post(f"http://127.0.0.1:{port}/{path}", json={"email": JANE})
    assert emails(journal) == [JANE]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), 78, "proxy.upstream: is required (--upstream)"),
        (("--upstream", "shop:3000"), 78, "proxy.upstream: expected http://host:port"),
        (("--upstream", "http://a", "--workers", "0"), 78, "proxy.workers: expected"),
        (("--upstream", "http://a", "--listen", "192.0.2.1:1"), 1, "Cannot assign requested"),
    ],
)
def test_what_is_wrong_is_said(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    """In one line, with the exit code of its kind."""
    for name in set(os.environ) - set(ENVIRON):
        monkeypatch.delenv(name)
    assert cli.main(["proxy", *arguments]) == code
    assert said in capsys.readouterr().err


def test_rules_that_are_wrong_are_said_before_it_listens(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A roll-out then fails, and what runs goes on."""
    config = tmp_path / "frontdesk.toml"
    config.write_text('[capture]\nrule = "x"\n')
    assert cli.main(["proxy", "--upstream", "http://a", "--config", str(config)]) == 78
    assert "capture.rule: expected" in capsys.readouterr().err


def test_only_auth_routes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On standard output, for a file; nothing runs."""
    config = tmp_path / "frontdesk.toml"
    config.write_text(RULE)
    arguments = ["proxy", "--config", str(config), "--only-auth-routes"]
    assert cli.main([*arguments, "paths"]) == 0
    assert capsys.readouterr().out == "POST /enter\n"
