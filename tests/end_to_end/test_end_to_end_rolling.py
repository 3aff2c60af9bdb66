"""A rolling deploy in every order, over real processes, while customers go on logging in.

The oracle stands outside, as with the kills: whatever was answered is in SAP in the end.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from frontdesk_sidecar.demo.ports import free_port
from frontdesk_sidecar.demo.stack import Process, Stack
from login_clients import Client, logging_in, missing, wait_until_delivered
from quick_start import QuickProcess
from server_support import wait_until

HERE = Path(__file__).parent


class Web:
    """One web process, as a pod has it."""

    def __init__(self, stack: Stack) -> None:
        self.port = free_port()
        command = [
            *(sys.executable, "-m", "uvicorn", "login_app:app", "--app-dir", str(HERE)),
            *("--port", str(self.port), "--log-level", "error"),
            *("--timeout-graceful-shutdown", "2"),
        ]
        env = {"FRONTDESK_CONFIG": str(stack.config)}
        self.process = QuickProcess("web", command, stack.directory / "web.log", env)


class Deployment:
    """Web processes, of which clients use the last one, beside one sidecar after the other."""

    def __init__(self, stack: Stack, crowd: Sequence[Client]) -> None:
        self.stack, self.crowd = stack, crowd
        self.webs: list[Web] = []

    @property
    def sidecar(self) -> Process:
        """The last one."""
        return self.stack.parts["sidecar"]

    def start_web(self) -> Web:
        """Another web process, to which everybody goes once it answers."""
        web = Web(self.stack)
        self.webs.append(web)
        answered = [client.answered for client in self.crowd]
        for client in self.crowd:
            client.port = web.port
        wait_until(
            lambda: all(
                one.answered > before for one, before in zip(self.crowd, answered, strict=True)
            ),
            "everybody has logged in there",
        )
        return web

    def close(self) -> None:
        """End what runs still."""
        for web in self.webs:
            web.process.stop()


@pytest.fixture
def deployed(stack: Stack) -> Iterator[Deployment]:
    """Nothing runs yet but SAP; the journal is there, as an init container makes it."""
    stack.journal.mkdir(mode=0o2770)
    stack.start_sap()
    deployment = Deployment(stack, [Client(number, free_port()) for number in range(4)])
    try:
        yield deployment
    finally:
        deployment.close()


def test_a_rolling_deploy_loses_nothing(deployed: Deployment) -> None:
    """Started and ended in every order; at the last end everything is delivered, without another
    start: as where the store goes with the pod."""
    stack, crowd = deployed.stack, deployed.crowd
    with logging_in(crowd):
        first = deployed.start_web()  # the web process first: the journal takes what comes
        stack.start_sidecar()
        for _ in range(2):  # the sidecar is replaced, the web process stays
            assert deployed.sidecar.stop() == 0
            stack.start_sidecar()
        second = deployed.start_web()  # the web process is replaced, the sidecar stays
        assert first.process.stop() in (0, -signal.SIGTERM)
        for process in (second.process, deployed.sidecar):  # both at once, as a pod is deleted
            process.signal(signal.SIGTERM)
        assert second.process.wait() in (0, -signal.SIGTERM)
        assert deployed.sidecar.wait() == 0
        with stack.config.open("a") as config:
            config.write("drain_s = 60\n")
        stack.start_sidecar()  # the sidecar first
        third = deployed.start_web()
    assert third.process.stop() in (0, -signal.SIGTERM)  # the web process ends before the sidecar
    assert deployed.sidecar.stop() == 0
    assert missing(stack.sap_url, crowd) == {}, deployed.sidecar.tail()
    assert list(stack.journal.glob("*.ndjson")) == []


def test_a_sidecar_may_come_last_of_all(deployed: Deployment) -> None:
    """When every web process has gone already: what they wrote is there."""
    with logging_in(deployed.crowd):
        web = deployed.start_web()
    assert web.process.stop() in (0, -signal.SIGTERM)
    assert missing(deployed.stack.sap_url, deployed.crowd)
    deployed.stack.start_sidecar()
    wait_until_delivered(deployed.stack.sap_url, deployed.crowd, deployed.sidecar.tail)
