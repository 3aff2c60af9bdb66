"""The webhook on save, delivered to a receiver of the test's own."""

from __future__ import annotations

import json
import queue
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from frontdesk_sidecar.simulator import (
    DefinitionError,
    SimulatorConfig,
    parse_config,
    running,
    shipped_config,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

Received = tuple[str, dict[str, str], dict[str, Any]]


@contextmanager
def receiver(status: int = 200) -> Iterator[tuple[str, queue.Queue[Received]]]:
    """Answers every POST with a status and hands on what came."""
    came: queue.Queue[Received] = queue.Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            came.put((self.path, dict(self.headers.items()), json.loads(body)))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_port}", came
        server.shutdown()
        thread.join()


@contextmanager
def signed_in(webhook: str) -> Iterator[httpx.Client]:
    """A client of a running simulator that posts to this address."""
    config = shipped_config("standard", SimulatorConfig(webhook=webhook))
    with running(config) as url, httpx.Client(base_url=url, timeout=10) as client:
        form = {
            "grant_type": "client_credentials",
            "client_id": "frontdesk",
            "client_secret": "secret",
        }
        answer = client.post("/authorizationserver/oauth/token", data=form)
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        yield client


CUSTOMERS = "/odata2webservices/InboundCustomer/Customers"


def test_saved_items_are_posted() -> None:
    """Creates and updates, in their order, as plain JSON with what they lead to."""
    with receiver() as (host, came), signed_in(f"http://u%40x:p@{host}/hook?a=b") as client:
        entry = {"uid": "a@x", "title": {"code": "mr"}, "groups": [{"uid": "customergroup"}]}
        client.post(CUSTOMERS, json=entry)
        client.post(CUSTOMERS, json={"uid": "a@x", "name": "A"})
        client.post(CUSTOMERS, json={"uid": "a@x", "nick": "refused"})
        client.patch(f"{CUSTOMERS}('a%2540x')", json={"name": "B"})
        path, headers, first = came.get(timeout=10)
        assert (path, headers["Content-Type"]) == ("/hook?a=b", "application/json")
        assert headers["Authorization"] == "Basic dUB4OnA="
        assert (first["uid"], first["integrationKey"]) == ("a@x", "a%40x")
        assert (first["title"]["code"], first["title"]["name"]) == ("mr", "Mr")
        assert [one["uid"] for one in first["groups"]] == ["customergroup"]
        assert (first["type"], first["addresses"]) == (None, [])
        assert [came.get(timeout=10)[2]["name"] for _ in "ab"] == ["A", "B"]
        assert came.empty()
        assert client.delete(f"{CUSTOMERS}('a%2540x')").status_code == 200
        assert came.empty()


def test_failed_deliveries() -> None:
    """An error of the receiver is noted, and so is nobody there; the upsert knows nothing."""
    with receiver(503) as (host, came), signed_in(f"http://{host}/") as client:
        assert client.post(CUSTOMERS, json={"uid": "a"}).status_code == 201
        came.get(timeout=10)
        while not (noted := client.get("/_sim/webhooks").json()):
            pass
        assert (noted[0]["integrationKey"], noted[0]["status"], noted[0]["error"]) == (
            "a",
            503,
            None,
        )
        client.post("/_sim/reset?keep=tokens")
        assert client.get("/_sim/webhooks").json() == []
    with signed_in(f"http://{host}/") as client:
        assert client.post(CUSTOMERS, json={"uid": "a"}).status_code == 201
        while not (noted := client.get("/_sim/webhooks").json()):
            pass
        assert (noted[0]["status"], noted[0]["error"]) == (None, "ConnectionRefusedError")


def test_only_web_addresses() -> None:
    """Another scheme is refused when the file is read."""
    document = {"object": "O", "items": [{"code": "X", "enum": []}], "webhook": "file:///etc"}
    with pytest.raises(DefinitionError, match="webhook: expected an http or https address"):
        parse_config(document, SimulatorConfig())
