"""The whole sidecar, killed and started anew while clients send: what was answered 200 is there."""

from __future__ import annotations

import importlib.util
import os
import random
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx
import pytest

from frontdesk_sidecar.customer import Customer
from frontdesk_sidecar.demo.stack import Process, Stack
from frontdesk_sidecar.store.sqlite import SQLiteStore
from quick_start import QuickStack
from server_support import wait_until

HERE: Final = Path(__file__).parent
KEY: Final = "write-key-1"
SEED: Final = int(os.environ.get("KILL_SEED", "20261121"))
ROUNDS: Final = int(os.environ.get("INGEST_KILL_ROUNDS", "5"))
CLIENTS: Final = 4
EACH: Final = 5


@pytest.fixture
def stack() -> Iterator[Stack]:
    """A sidecar with an open door; its SAP is not there."""
    stack = QuickStack(settings=f'[ingest]\nwrite_key = "{KEY}"\n')
    try:
        yield stack
    finally:
        stack.close()


def customers(stack: Stack) -> dict[str, Customer]:
    """Everybody in the store of a sidecar that has ended."""
    with SQLiteStore.open(stack.directory / "store" / "frontdesk.db") as store:
        late = time.time_ns() // 1000 + 10**12
        fresh = store.claim(10**6, late, 1)
        failed = store.claim(10**6, late + 2, 1, failed=True)
        return {claim.key: claim.customer for claim in (*fresh, *failed)}


class Sender:
    """One client: batches and single messages, one after the other, each tried once."""

    def __init__(self, number: int, url: str) -> None:
        self._number = number
        self._client = httpx.Client(base_url=f"{url}/v1", trust_env=False, timeout=10)
        self.answered: dict[str, int] = {}
        self.turn = 0

    def send(self) -> bool:
        """One request; what is answered 200 is an obligation."""
        self.turn += 1
        emails = [f"s{self._number}-{n}@example.com" for n in range(EACH)]
        if self.turn % 2:
            emails = emails[: self.turn % EACH + 1]
        batch = [
            {"type": "identify", "traits": {"email": one, "turn": self.turn}} for one in emails
        ]
        try:
            answer = self._client.post("/batch", json={"writeKey": KEY, "batch": batch})
        except httpx.TransportError:
            return False
        assert answer.status_code == 200, answer.text
        self.answered |= dict.fromkeys(emails, self.turn)
        return True

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()


@contextmanager
def sending(senders: list[Sender]) -> Iterator[None]:
    """All of them at once, until the block ends."""
    done = threading.Event()

    def work(sender: Sender) -> None:
        while not done.is_set():
            if not sender.send():
                done.wait(0.02)
        sender.close()

    threads = [threading.Thread(target=work, args=(sender,)) for sender in senders]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        done.set()
        for thread in threads:
            thread.join()


def kill(process: Process) -> None:
    """SIGKILL, and its end."""
    process.signal(signal.SIGKILL)
    process.wait()


@pytest.mark.timeout(300)
def test_kill_9_at_any_instant(stack: Stack) -> None:
    """The newest that was answered, or something newer, is in the store."""
    chance = random.Random(SEED)
    senders = [Sender(number, stack.sidecar_url) for number in range(CLIENTS)]
    sidecar = stack.start_sidecar()
    with sending(senders):
        for _ in range(ROUNDS):
            seen = sum(len(sender.answered) + sender.turn for sender in senders)
            wait_for_more(senders, seen + chance.randrange(2, 60))
            kill(sidecar)
            sidecar = stack.start_sidecar()
    kill(sidecar)
    found = customers(stack)
    obligations = {email: turn for one in senders for email, turn in one.answered.items()}
    assert len(obligations) == CLIENTS * EACH
    for email, turn in obligations.items():
        told = found[email].traits["turn"]
        assert isinstance(told, int)
        assert told >= turn, (SEED, email)


def wait_for_more(senders: list[Sender], number: int) -> None:
    """Until so much has happened."""
    wait_until(
        lambda: sum(len(sender.answered) + sender.turn for sender in senders) >= number,
        "so many were sent",
    )


@pytest.mark.skipif(
    importlib.util.find_spec("segment") is None, reason="segment-analytics-python is not installed"
)
@pytest.mark.timeout(180)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_an_sdk_in_mid_stream(stack: Stack, number: signal.Signals) -> None:
    """Segment's SDK for Python tries again, so nobody at all is missing in the end."""
    sidecar = stack.start_sidecar()
    script = [sys.executable, "-W", "ignore", str(HERE / "sdks" / "segment_sdk.py")]
    environ = {**os.environ, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    sdk = subprocess.Popen(
        [*script, stack.sidecar_url, KEY, "600"], env=environ, stderr=subprocess.PIPE, text=True
    )
    try:
        wait_for_some(stack)
        assert sdk.poll() is None, "it was done already"
        sidecar.signal(number)
        sidecar.wait()
        sidecar = stack.start_sidecar()
        _, complaints = sdk.communicate(timeout=90)
    finally:
        sdk.kill()
        sdk.wait()
    assert sdk.returncode == 0, complaints
    kill(sidecar)
    assert set(customers(stack)) == {f"python-{n}@example.com" for n in range(600)}


def wait_for_some(stack: Stack) -> None:
    """Until the door has taken the first of them, as the metrics tell."""
    taken = 'frontdesk_ingest_messages_total{type="identify",verdict="taken"}'
    with httpx.Client(base_url=stack.sidecar_url, trust_env=False) as client:
        wait_until(lambda: taken in client.get("/metrics").text, "the first is there")


def test_answers_leave_at_once(stack: Stack) -> None:
    """Not when the client has acknowledged their beginning, which takes it 40 ms."""
    stack.start_sidecar()
    took = []
    with httpx.Client(trust_env=False) as client:
        for _ in range(50):
            began = time.perf_counter()
            client.post(f"{stack.sidecar_url}/v1/page", json={"writeKey": KEY}).raise_for_status()
            took.append(time.perf_counter() - began)
    assert statistics.median(took) < 0.03


def test_a_sidecar_without_keys_takes_nothing(stack: Stack) -> None:
    """As it is after installation."""
    stack.config.write_text(stack.config.read_text().replace("write_key", "#"))
    stack.start_sidecar()
    answer = httpx.post(f"{stack.sidecar_url}/v1/identify", json={}, trust_env=False)
    assert (answer.status_code, answer.json()["code"]) == (404, "closed")
