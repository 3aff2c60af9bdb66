"""The simulator on a real port."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx
import pytest

from frontdesk_sidecar.simulator import DefinitionError, running, serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CUSTOMERS = "/odata2webservices/InboundCustomer/Customers"
PROGRAM = """
import sys
from pathlib import Path
from frontdesk_sidecar.simulator import serve
serve(definition=Path(sys.argv[1]), on_ready=lambda port: print(port, flush=True))
"""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The address of a running simulator."""
    with running() as address:
        yield address


@pytest.fixture
def client(url: str) -> Iterator[httpx.Client]:
    """A signed-in client; nothing of a test stays in the simulator."""
    with httpx.Client(base_url=url, headers={"Accept": "application/json"}) as made:
        form = {
            "grant_type": "client_credentials",
            "client_id": "frontdesk",
            "client_secret": "secret",
        }
        answer = made.post("/authorizationserver/oauth/token", data=form)
        made.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        yield made
        made.post("/_sim/reset")


def test_upsert_over_the_network(client: httpx.Client, url: str) -> None:
    """Links carry the host and port that were called, and lead to the entity."""
    answer = client.post(CUSTOMERS, json={"uid": "a+b@x.com"})
    assert answer.status_code == 201
    assert answer.headers["location"].startswith(f"{url}{CUSTOMERS}('")
    assert client.get(answer.headers["location"]).json() == answer.json()


@pytest.mark.parametrize(("when", "stored"), [("before", 0), ("after", 1)])
def test_drop_sends_no_byte(client: httpx.Client, when: str, stored: int) -> None:
    """A dropped connection ends without a single byte of an answer."""
    client.post("/_sim/faults", json=[{"kind": "drop", "when": when}])
    content = b'{"uid": "a"}'
    head = (
        f"POST {CUSTOMERS} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Authorization: {client.headers['authorization']}\r\n"
        f"Content-Length: {len(content)}\r\n\r\n"
    )
    address = (client.base_url.host, client.base_url.port or 80)
    with socket.create_connection(address, timeout=10) as connection:
        connection.sendall(head.encode() + content)
        try:
            received = connection.recv(100)
        except ConnectionResetError:
            received = b""
    assert received == b""
    assert len(client.get("/_sim/customers").json()) == stored
    [fault] = client.get("/_sim/faults").json()
    assert fault["hits"] == 1


def test_drop_as_a_client_sees_it(client: httpx.Client) -> None:
    """An HTTP client gets a transport error, and the next connection works."""
    client.post("/_sim/faults", json=[{"kind": "drop", "times": 1}])
    with pytest.raises(httpx.TransportError):
        client.post(CUSTOMERS, json={"uid": "a"})
    assert client.post(CUSTOMERS, json={"uid": "a"}).status_code == 201


def test_drop_with_the_other_protocol(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without httptools the connection is cut just the same."""
    monkeypatch.setattr("frontdesk_sidecar.simulator.server.find_spec", lambda _: None)
    with running() as address, httpx.Client(base_url=address) as made:
        made.post("/_sim/faults", json=[{"kind": "drop"}])
        with pytest.raises(httpx.TransportError):
            made.get(CUSTOMERS)


def test_client_that_leaves_early(client: httpx.Client) -> None:
    """A request whose body never comes to its end is nothing to the simulator."""
    address = (client.base_url.host, client.base_url.port or 80)
    with socket.create_connection(address, timeout=10) as connection:
        connection.sendall(f"POST {CUSTOMERS} HTTP/1.1\r\nContent-Length: 9\r\n\r\n{{".encode())
    assert client.get("/_sim/customers").json() == []


def test_latency_is_real(client: httpx.Client) -> None:
    """A slow answer takes the seconds asked for, and the commit happens all the same."""
    client.post("/_sim/faults", json=[{"kind": "latency", "seconds": 0.3, "times": 1}])
    began = time.monotonic()
    assert client.post(CUSTOMERS, json={"uid": "a"}).status_code == 201
    assert time.monotonic() - began >= 0.3


def test_unknown_outcome(client: httpx.Client) -> None:
    """A client that gives up during a latency after the commit finds the customer stored."""
    client.post("/_sim/faults", json=[{"kind": "latency", "seconds": 0.5, "when": "after"}])
    with pytest.raises(httpx.ReadTimeout):
        client.post(CUSTOMERS, json={"uid": "a"}, timeout=0.1)
    assert [one["uid"] for one in client.get("/_sim/customers").json()] == ["a"]


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_serve_ends_cleanly(tmp_path: Path, end: signal.Signals) -> None:
    """The blocking form tells its port, serves the given object and ends with 0 on a signal."""
    item = {"code": "Partner", "attributes": [{"name": "code", "unique": True}]}
    path = tmp_path / "object.json"
    path.write_text(json.dumps({"object": "InboundPartner", "items": [item]}))
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        answer = httpx.get(f"http://127.0.0.1:{port}/_sim/customers")
        assert answer.json() == []
        process.send_signal(end)
        output, errors = process.communicate(timeout=20)
    assert (process.returncode, output, errors) == (0, "", "")


def test_serve_does_not_wait_for_latency() -> None:
    """A request in a long latency is answered at the end, and leaves no noise."""
    program = "from frontdesk_sidecar.simulator import serve\n"
    program += "serve(on_ready=lambda port: print(port, flush=True))"
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        base = f"http://127.0.0.1:{int(process.stdout.readline())}"
        httpx.post(f"{base}/_sim/faults", json=[{"kind": "latency", "seconds": 600}])
        with ThreadPoolExecutor() as pool:
            waiting = pool.submit(httpx.get, f"{base}{CUSTOMERS}", timeout=60)
            while not httpx.get(f"{base}/_sim/faults").json()[0]["hits"]:
                pass
            process.send_signal(signal.SIGTERM)
            output, errors = process.communicate(timeout=20)
            assert waiting.result().status_code == 401
    assert (process.returncode, output, errors) == (0, "", "")


def test_unknown_mode() -> None:
    """A misspelt mode is refused before anything listens."""
    with pytest.raises(ValueError, match="classic, jdk21"):
        serve(mode="jdk17")


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"webhook": "ftp://x"}, "webhook: expected an http or https address"),
        ({"shipped": "odd"}, "object: expected one of flat, standard, surprising"),
    ],
)
def test_wrong_settings(wrong: dict[str, str], text: str) -> None:
    """Refused before anything listens."""
    with pytest.raises(DefinitionError, match=text):
        serve(**wrong)  # type: ignore[arg-type] # texts all of them


def test_port_in_use() -> None:
    """A port that is taken is an OSError, at once."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match="in use"), running(port=port):
            pass
