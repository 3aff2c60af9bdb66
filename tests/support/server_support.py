"""Runs real ASGI servers: in a thread of this process, or in processes of their own."""

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import uvicorn

from frontdesk_sidecar.demo.ports import free_port as free_port

DEADLINE_S = 20.0
SUPPORT = Path(__file__).parent


def wait_until(condition: Callable[[], object], what: str) -> None:
    """Ask until the condition holds."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, f"waited too long until {what}"
        time.sleep(0.01)


class _Server(uvicorn.Server):
    """Looks ten times as often as usual whether it is to end."""

    async def main_loop(self) -> None:
        counter = 0
        while not await self.on_tick(counter):
            counter += 1
            await asyncio.sleep(0.01)


@contextlib.contextmanager
def serving(app: Any, **options: Any) -> Iterator[str]:
    """Serve an app with uvicorn in a thread; gives the address, such as `http://127.0.0.1:80`."""
    config = uvicorn.Config(
        app,
        **{"loop": "asyncio", "http": "h11", "log_level": "critical", **options},
    )
    with serving_by(config) as url:
        yield url


@contextlib.contextmanager
def serving_by(config: uvicorn.Config) -> Iterator[str]:
    """The same with a configuration of one's own; the port is a free one."""
    config.host, config.port = "127.0.0.1", 0
    server = _Server(config)
    thread = threading.Thread(target=server.run, name="uvicorn")
    thread.start()
    try:
        wait_until(lambda: server.started or not thread.is_alive(), "the server is up")
        assert thread.is_alive(), "the server did not start"
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(DEADLINE_S)
        assert not thread.is_alive()


def is_listening(port: int) -> bool:
    """True when a connection is accepted."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@contextlib.contextmanager
def running(
    command: list[str], port: int, log: Path, **environ: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `python -m` a server until the block ends; what it prints goes to the log."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(SUPPORT),
        "PYTHONDONTWRITEBYTECODE": "1",
        **environ,
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *command], env=environment, stdout=output, stderr=output
        )
    try:
        wait_until(lambda: process.poll() is not None or is_listening(port), f"{command[0]} is up")
        assert process.poll() is None, log.read_text()
        yield process
    finally:
        process.terminate()
        try:
            process.wait(DEADLINE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
