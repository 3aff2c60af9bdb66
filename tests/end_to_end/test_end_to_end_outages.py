"""Whatever is missing behind it, the storefront answers the same; what was kept arrives later."""

from __future__ import annotations

import http.client
import json
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from frontdesk_sidecar.demo.ports import free_port
from frontdesk_sidecar.demo.stack import Stack
from quick_start import QuickProcess

HERE = Path(__file__).parent
USER = {"email": "kim@example.com", "firstName": "Kim", "password": "marked-password"}
REQUESTS = [
    ("POST", "/auth/login", json.dumps(USER)),
    ("POST", "/auth/login?deny", json.dumps(USER)),
    ("POST", "/auth/login?split", json.dumps(USER)),
    ("POST", "/auth/login?redirect", json.dumps(USER)),
    ("POST", "/elsewhere", json.dumps(USER)),
    ("GET", "/auth/login", ""),
    ("HEAD", "/auth/login", ""),
    ("OPTIONS", "/auth/login", ""),
]


@contextmanager
def served(stack: Stack, attribute: str) -> Iterator[int]:
    """`login_app` under uvicorn; gives its port."""
    port = free_port()
    command = [
        *(sys.executable, "-m", "uvicorn", f"login_app:{attribute}", "--app-dir", str(HERE)),
        *("--port", str(port), "--no-date-header", "--lifespan", "off"),
    ]
    env = {"FRONTDESK_CONFIG": str(stack.config)}
    process = QuickProcess(attribute, command, stack.directory / f"{attribute}.log", env)
    try:
        process.await_answer(f"http://127.0.0.1:{port}/")
        yield port
    finally:
        process.stop()


def answers(port: int) -> list[tuple[int, list[tuple[str, str]], bytes]]:
    """Status, headers in order and body of each of `REQUESTS`."""
    found = []
    for method, target, body in REQUESTS:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request(method, target, body, {"content-type": "application/json"})
        answer = connection.getresponse()
        found.append((answer.status, answer.getheaders(), answer.read()))
        connection.close()
    return found


def missing(stack: Stack) -> None:
    """The journal's directory does not exist."""
    shutil.rmtree(stack.journal, ignore_errors=True)


def no_directory(stack: Stack) -> None:
    """Nothing can be written there, not even by root: a file stands in its place."""
    shutil.rmtree(stack.journal, ignore_errors=True)
    stack.journal.write_text("")


def full(stack: Stack) -> None:
    """The journal has reached its limit."""
    stack.journal.mkdir(exist_ok=True)
    (stack.journal / "0-full.ndjson").write_bytes(b"x" * 4096 + b"\n")
    text = stack.config.read_text().replace("[sap]", "journal_limit_bytes = 4096\n[sap]")
    stack.config.write_text(text)


def unread(stack: Stack) -> None:
    """There is a journal, and no sidecar."""
    stack.journal.mkdir(exist_ok=True)


@pytest.mark.parametrize("outage", [missing, no_directory, full, unread])
def test_answers_are_the_same_to_the_byte(stack: Stack, outage: Callable[[Stack], None]) -> None:
    """Status, headers and bodies with and without the middleware, whatever the journal's state."""
    outage(stack)
    with served(stack, "bare") as bare, served(stack, "app") as wrapped:
        assert answers(wrapped) == answers(bare)
    log = (stack.directory / "app.log").read_text()
    assert "Traceback" not in log
    assert "kim@example.com" not in log


def test_what_was_captured_without_a_sidecar_arrives_when_there_is_one(stack: Stack) -> None:
    """Sidecar absent and SAP down at first; the web process is gone when they come."""
    unread(stack)
    with served(stack, "app") as port:
        assert answers(port)[0][0] == 200
    stack.start_sidecar()
    _wait_for_metric(stack, 'outcome="transient"')
    stack.start_sap()
    _wait_for_customer(stack, "kim@example.com")


def test_dropped_messages_are_counted_and_told(stack: Stack) -> None:
    """What a missing journal cost travels with the first message that gets through."""
    missing(stack)
    stack.start_sap()
    with served(stack, "app") as port:
        answers(port)
        stack.start_sidecar()  # makes the directory
        deadline = time.monotonic() + 20
        while not httpx.get(f"{stack.sap_url}/_sim/customers", trust_env=False).json():
            assert time.monotonic() < deadline
            answers(port)
            time.sleep(0.1)
        _wait_for_metric(stack, 'frontdesk_web_total{name="dropped.journal_missing"}')
        _wait_for_metric(stack, 'frontdesk_web_total{name="skipped.status"}')


def test_while_sap_takes_30_seconds_the_storefront_answers(stack: Stack) -> None:
    """Answers stay the same to the byte, and do not wait for SAP."""
    stack.start_sap()
    stack.start_sidecar()
    fault = {"faults": [{"kind": "latency", "seconds": 30}]}
    httpx.post(f"{stack.sap_url}/_sim/faults", json=fault, trust_env=False).raise_for_status()
    with served(stack, "bare") as bare, served(stack, "app") as wrapped:
        expected = answers(bare)
        assert answers(wrapped) == expected
        _wait_for_metric(stack, "frontdesk_messages_total")
        assert answers(wrapped) == expected
    assert httpx.get(f"{stack.sap_url}/_sim/customers", trust_env=False).json() == []
    stack.parts["sidecar"].signal(signal.SIGKILL)  # else it would wait for SAP a while


def _wait_for_metric(stack: Stack, name: str) -> None:
    deadline = time.monotonic() + 20
    while name not in (text := httpx.get(f"{stack.sidecar_url}/metrics", trust_env=False).text):
        assert time.monotonic() < deadline, text
        time.sleep(0.05)


def _wait_for_customer(stack: Stack, uid: str) -> None:
    deadline = time.monotonic() + 20
    while uid not in httpx.get(f"{stack.sap_url}/_sim/customers", trust_env=False).text:
        assert time.monotonic() < deadline, stack.parts["sidecar"].tail()
        time.sleep(0.05)
