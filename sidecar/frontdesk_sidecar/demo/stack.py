"""Storefront, sidecar and simulated SAP, each a process of its own, on free loopback ports."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import httpx

from frontdesk_sidecar.demo.ports import free_port

_HERE: Final = Path(__file__).resolve()
_READY_S: Final = 30.0
_STOP_S: Final = 12.0
_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - a directory of our own is made in it


class StackError(Exception):
    """The stack cannot run; the text says what and holds the end of that part's log."""


def examples_directory() -> Path:
    """Where the example storefront is: in the wheel, or in a checkout. Raises StackError."""
    for place in (_HERE.parents[1] / "examples", _HERE.parents[3] / "examples"):
        if (place / "shop" / "main.py").is_file():
            return place
    raise StackError("the example storefront is not installed")


class Process:
    """One part: started with its log in a file, asked to end, and killed if it does not."""

    def __init__(
        self, name: str, command: Sequence[str], log: Path, env: Mapping[str, str]
    ) -> None:
        self.name = name
        self.log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own programs, no shell
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **env},
                start_new_session=True,  # Ctrl-C is for us; we end the parts in order
            )

    @property
    def pid(self) -> int:
        """The process id, which is also that of its group."""
        return self._process.pid

    def poll(self) -> int | None:
        """The exit code, or None while it runs."""
        return self._process.poll()

    def signal(self, number: int) -> None:
        """Send a signal to the part and to what it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def wait(self) -> int:
        """Wait for its end; the exit code."""
        return self._process.wait(_STOP_S)

    def stop(self) -> int:
        """Ask it to end and wait; kill what is left."""
        self._process.terminate()
        try:
            return self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()
        finally:
            self.signal(9)

    def await_answer(self, url: str) -> None:
        """Wait until the part answers at `url`. Raises StackError with the end of its log."""
        deadline = time.monotonic() + _READY_S
        with httpx.Client(timeout=1, trust_env=False) as client:
            while time.monotonic() < deadline:
                if self.poll() is not None:
                    raise StackError(f"{self.name} ended with {self.poll()}:\n{self.tail()}")
                with contextlib.suppress(httpx.TransportError):
                    if client.get(url).status_code == 200:
                        return
                time.sleep(0.02)
        raise StackError(f"{self.name} does not answer at {url}:\n{self.tail()}")

    def tail(self, lines: int = 12) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


class Stack:
    """The three parts and their directory, removed at the end. A context manager.

    `shop_workers`: uvicorn's. `settings`: more lines for the sidecar's `frontdesk.toml`. `sap_url`:
    a simulator that runs already.
    """

    def __init__(
        self,
        *,
        shop_workers: int = 1,
        log_level: str = "debug",
        settings: str = "",
        sap_url: str = "",
    ) -> None:
        self.shop_workers = shop_workers
        place = _MEMORY if os.access(_MEMORY, os.W_OK) else None
        self.directory = Path(tempfile.mkdtemp(prefix="frontdesk-", dir=place))
        self.shop_url, self.sidecar_url, own_url = (
            f"http://127.0.0.1:{free_port()}" for _ in range(3)
        )
        self.sap_url = sap_url or own_url
        self.journal = self.directory / "journal"
        self.config = self.directory / "frontdesk.toml"
        self.parts: dict[str, Process] = {}
        secret = self.directory / "client_secret"
        secret.write_text("secret\n")
        secret.chmod(0o600)
        self.config.write_text(
            f'[capture]\njournal = "{self.journal}"\n'
            f'[sap]\nbase_url = "{self.sap_url}"\nclient_id = "frontdesk"\n'
            f'client_secret_file = "{secret}"\n'
            f'[store]\npath = "{self.directory / "store" / "frontdesk.db"}"\n'
            f"[http]\nport = {_port(self.sidecar_url)}\n"
            f'[log]\nlevel = "{log_level}"\nformat = "text"\n'
            # The simulator answers at once: a second is enough of a rest.
            f"[forward]\nrest_s = 1\nquiet_s = 1\n{settings}"
        )

    def __enter__(self) -> Self:
        try:
            self.start_sap()
            self.start_sidecar()
            self.start_shop()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End every part, the storefront first, and remove the directory."""
        for name in ("shop", "sidecar", "sap"):
            if name in self.parts:
                self.parts.pop(name).stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def start_sap(self) -> Process:
        """Start the simulator and wait until it answers."""
        port = _port(self.sap_url)
        command = [sys.executable, "-m", "frontdesk_sidecar", "simulate", "--port", port]
        return self._start("sap", command, {}, f"{self.sap_url}/_sim/customers")

    def start_sidecar(self) -> Process:
        """Start `frontdesk run` and wait until it is ready."""
        command = [sys.executable, "-m", "frontdesk_sidecar", "run", "--config", str(self.config)]
        return self._start("sidecar", command, {}, f"{self.sidecar_url}/readyz")

    def start_shop(self) -> Process:
        """Start the storefront, wrapped without a change to it, and wait until it answers."""
        command = [
            *(sys.executable, "-m", "uvicorn", "frontdesk.wrap:app"),
            *("--app-dir", str(examples_directory()), "--port", _port(self.shop_url)),
            *("--workers", str(self.shop_workers), "--timeout-graceful-shutdown", "2"),
        ]
        env = {
            "FRONTDESK_APP": "shop.main:app",
            "FRONTDESK_CONFIG": str(self.config),
            "SHOP_DATABASE": str(self.directory / "shop" / "shop.db"),
        }
        return self._start("shop", command, env, f"{self.shop_url}/healthz")

    def _start(self, name: str, command: list[str], env: dict[str, str], url: str) -> Process:
        part = Process(name, command, self.directory / f"{name}.log", env)
        self.parts[name] = part
        part.await_answer(url)
        return part


def _port(url: str) -> str:
    return url.rpartition(":")[2]
