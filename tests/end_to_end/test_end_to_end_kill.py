"""kill -9 of the web workers, of the sidecar, and of both, over and over.

The oracle stands outside: a login becomes an obligation when its client has the answer. At the
end each customer in SAP has the newest name that a client was answered for, or a newer one.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest

from frontdesk_sidecar.demo.ports import free_port
from frontdesk_sidecar.demo.stack import Process, Stack

HERE = Path(__file__).parent
#: Fewer or more, and another order of events: KILL_ROUNDS=1000 KILL_SEED=7 make test
ROUNDS = int(os.environ.get("KILL_ROUNDS", "25"))
CLIENTS = 3
SEED = int(os.environ.get("KILL_SEED", "20261121"))


class Web:
    """gunicorn with two preloaded workers: a killed one is replaced in a moment."""

    def __init__(self, stack: Stack) -> None:
        self.port = free_port()
        command = [
            *(sys.executable, "-m", "gunicorn", "login_app:app", "--chdir", str(HERE)),
            *("--worker-class", "uvicorn_worker.UvicornWorker", "--workers", "2", "--preload"),
            *("--bind", f"127.0.0.1:{self.port}", "--log-level", "error"),
        ]
        env = {"FRONTDESK_CONFIG": str(stack.config)}
        self.process = Process("web", command, stack.directory / "web.log", env)
        self.process.await_answer(f"http://127.0.0.1:{self.port}/")

    def kill_workers(self) -> None:
        """SIGKILL to every worker, none spared."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        for pid in children.read_text().split():
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                continue


#: How a login is asked for and answered: what completes the answer differs.
_WAYS: list[Callable[[dict[str, str]], tuple[str, str, str]]] = [
    lambda user: ("", "application/json", json.dumps(user)),
    lambda user: ("split", "application/json", json.dumps(user)),
    lambda user: ("redirect", "application/x-www-form-urlencoded", urlencode(user)),
]


class Client:
    """One customer, logging in again and again with a name that counts up."""

    def __init__(self, number: int, port: int) -> None:
        self.email = f"customer{number}@example.com"
        self._number = number
        self.answered = 0
        self.tried = 0
        self._port = port

    def log_in(self) -> bool:
        """One login; True when the answer arrived whole."""
        self.tried += 1
        user = {"email": self.email, "firstName": "Kim", "lastName": f"v{self.tried:06d}"}
        way, kind, body = _WAYS[(self._number + self.tried) % len(_WAYS)](user)
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        try:
            connection.request("POST", f"/auth/login?{way}", body, {"content-type": kind})
            answer = connection.getresponse()
            answered = answer.status in (200, 303) and answer.read()[-1:] in (b"}", b"")
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
        if answered:
            self.answered = self.tried
        return answered


@contextmanager
def logging_in(clients: list[Client]) -> Iterator[None]:
    """Clients log in one after the other, each in its own thread, until the block ends."""
    done = threading.Event()

    def visit(client: Client) -> None:
        while not done.is_set():
            if not client.log_in():
                done.wait(0.02)  # the workers are being replaced

    threads = [threading.Thread(target=visit, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        done.set()
        for thread in threads:
            thread.join()


@pytest.mark.timeout(600)
def test_nothing_answered_is_lost(stack: Stack) -> None:
    """Every answered login, or a newer one of that customer, is in SAP in the end."""
    chance = random.Random(SEED)
    stack.start_sap()
    stack.start_sidecar()
    web = Web(stack)
    crowd = [Client(number, web.port) for number in range(CLIENTS)]
    single = [Client(1000 + number, web.port) for number in range(ROUNDS)]
    try:
        with logging_in(crowd):
            for customer in single:
                kill_once(stack, web, customer, chance)
        if stack.parts["sidecar"].poll() is not None:
            stack.start_sidecar()
        wait_until_delivered(stack, [*crowd, *single])
    finally:
        web.process.stop()
    assert all(client.answered for client in [*crowd, *single])


def kill_once(stack: Stack, web: Web, customer: Client, chance: random.Random) -> None:
    """One round: a login, then kill -9 the moment its answer is there, or a little later."""
    while not customer.log_in():
        time.sleep(0.01)
    kind = chance.choices(("web", "sidecar", "both"), (3, 1, 1))[0]
    if kind == "web":
        web.kill_workers()
        return
    sidecar = stack.parts["sidecar"]
    time.sleep(chance.random() * 0.05)  # any instant of its work
    if kind == "both":
        web.kill_workers()
    sidecar.signal(signal.SIGKILL)
    sidecar.wait()
    stack.start_sidecar()


def wait_until_delivered(stack: Stack, clients: list[Client]) -> None:
    """Wait until SAP has each customer's answered name or a newer one that was tried."""
    deadline = time.monotonic() + 60
    missing = {client.email: "?" for client in clients}
    while missing:
        assert time.monotonic() < deadline, (SEED, missing, stack.parts["sidecar"].tail())
        found = {c["uid"]: c for c in httpx.get(f"{stack.sap_url}/_sim/customers").json()}
        assert found.keys() <= {client.email for client in clients}
        missing = {}
        for client in clients:
            name = found.get(client.email, {}).get("lastName", "nothing")
            if not f"v{client.answered:06d}" <= name <= f"v{client.tried:06d}":
                missing[client.email] = f"{name} is not v{client.answered:06d}"
        time.sleep(0.05)
