"""kill -9 of the web workers, of the sidecar, and of both, over and over.

The oracle stands outside: a login becomes an obligation when its client has the answer. At the
end each customer in SAP has the newest name that a client was answered for, or a newer one.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path

import pytest

from frontdesk_sidecar.demo.ports import free_port
from frontdesk_sidecar.demo.stack import Process, Stack
from login_clients import Client, logging_in, wait_until_delivered

HERE = Path(__file__).parent
#: Fewer or more, and another order of events: KILL_ROUNDS=1000 KILL_SEED=7 make test
ROUNDS = int(os.environ.get("KILL_ROUNDS", "15"))
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
        wait_until_delivered(
            stack.sap_url, [*crowd, *single], lambda: (SEED, stack.parts["sidecar"].tail())
        )
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
