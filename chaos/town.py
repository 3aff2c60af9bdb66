"""Web app, sidecar and simulated SAP of a chaos run: real processes on loopback ports."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import httpx

from chaos import settings
from chaos.clock import write_offset
from chaos.keeper import Keeper
from chaos.sap import Sap
from frontdesk_sidecar.demo.ports import free_port
from frontdesk_sidecar.demo.stack import Process, Stack, StackError

ROOT: Final = Path(__file__).resolve().parents[1]
_PATH: Final = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
_APP: Final = ROOT / "tests" / "end_to_end"
#: What the sidecar runs as when we are root: modes mean nothing to root. Another user, as in
#: production; or root that may only do what the modes say.
_NOBODY: Final = 65534
_AS_NOBODY: Final = ("setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups", "--")
_WITHOUT_POWER: Final = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--")
READY_S: Final = 30.0


class Town(Stack):
    """Everything that runs. `say` is told what happens; `close` ends and removes all of it."""

    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__(log_level="debug")
        self.say = say
        self.store = self.directory / "store"
        self.secret = self.directory / "client_secret"
        #: what is added to the sidecar's clock, and to the web workers'
        self.clock = self.directory / "clock"
        self.web_clock = self.directory / "web_clock"
        self.web_port = free_port()
        self._drop = _unprivileged()
        self.has_disk = False
        self.set_clocks(0.0, 0.0)
        for directory in (self.store, self.journal):
            directory.mkdir()
        self.has_disk = os.geteuid() == 0 and _mount(self.store)
        self.own()
        self.keeper: Keeper

    def set_clocks(self, sidecar_s: float, web_s: float) -> None:
        """Let the wall clocks be so far ahead."""
        write_offset(self.clock, sidecar_s)
        write_offset(self.web_clock, web_s)

    @property
    def is_divided(self) -> bool:
        """Whether modes and owners can keep the sidecar from files and the web workers not."""
        return bool(self._drop)

    def own(self) -> None:
        """Give the sidecar what is the sidecar's: web processes write as the group."""
        self.journal.chmod(0o2770)
        self.store.chmod(0o700)
        owner = _NOBODY if self._drop == _AS_NOBODY else os.geteuid()
        if owner == _NOBODY:
            self.directory.chmod(0o711)
        for path in (self.store, self.journal, self.secret):
            os.chown(path, owner, owner if self.is_divided else -1)

    def start(self) -> None:
        """Start the three parts and wait until each answers."""
        self.start_sap()
        self.sap = Sap(self.sap_url)
        self.keeper = Keeper(self._begin_sidecar, self.sidecar_url, self.say)
        if said := self.keeper.await_ready(READY_S):
            raise StackError(f"the sidecar is not ready: {said}\n{self.keeper.process.tail()}")
        self._start_web()

    def _begin_sidecar(self) -> Process:
        command = [
            *self._drop,
            *(sys.executable, "-m", "chaos.clock", str(self.clock)),
            *("run", "--config", str(self.config)),
        ]
        env = {**settings.environment(), "PYTHONPATH": _PATH}
        self.parts["sidecar"] = Process("sidecar", command, self.directory / "sidecar.log", env)
        return self.parts["sidecar"]

    def _start_web(self) -> None:
        command = [
            *(sys.executable, "-m", "gunicorn", "chaos.web:app", "--chdir", str(_APP)),
            *("--worker-class", "uvicorn_worker.UvicornWorker", "--workers", "2", "--preload"),
            *("--bind", f"127.0.0.1:{self.web_port}", "--log-level", "error"),
        ]
        env = {
            "FRONTDESK_CONFIG": str(self.config),
            "PYTHONPATH": _PATH,
            "CHAOS_CLOCK": str(self.web_clock),
        }
        url = f"http://127.0.0.1:{self.web_port}/"
        self._start("web", command, env, url)

    def web_workers(self) -> list[int]:
        """Their process ids."""
        children = Path(f"/proc/{self.parts['web'].pid}/task/{self.parts['web'].pid}/children")
        return [int(pid) for pid in children.read_text().split()]

    def signal_workers(self, number: int, pids: list[int]) -> None:
        """Send a signal to these workers, as far as they are still there."""
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def metrics(self) -> dict[str, float]:
        """The sidecar's figures by name and labels; empty when it does not answer."""
        try:
            text = httpx.get(f"{self.sidecar_url}/metrics", timeout=5, trust_env=False).text
        except httpx.TransportError:
            return {}
        lines = (line.rpartition(" ") for line in text.splitlines() if line[:1] != "#")
        return {name: float(value) for name, _, value in lines if name}

    def is_at_rest(self) -> bool:
        """Whether the sidecar says that it has nothing left to read and nothing to deliver."""
        found = self.metrics()
        names = [name for name in found if _is_work(name)]
        return bool(names) and not any(found[name] for name in names)

    def await_rest(self, patience_s: float) -> bool:
        """Wait until it says so; False when it does not."""
        deadline = time.monotonic() + patience_s
        while not self.is_at_rest():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True

    def close(self) -> None:
        """End every part and remove everything, the store's disk too."""
        self.signal_workers(signal.SIGCONT, [p.pid for p in self.parts.values()])
        if hasattr(self, "keeper"):
            self.keeper.close()
        if hasattr(self, "sap"):
            self.sap.close()
        for name in ("web", "sidecar"):
            if name in self.parts:
                self.parts.pop(name).stop()
        if self.has_disk:
            subprocess.run(["umount", "-l", str(self.store)], check=False)
            self.has_disk = False
        super().close()


def _is_work(name: str) -> bool:
    left = ('state="pending"', 'state="leased"')
    return name.startswith("frontdesk_journal_lag") or (
        name.startswith("frontdesk_customers") and any(state in name for state in left)
    )


def _unprivileged() -> tuple[str, ...]:
    """What makes a command of ours run without root's power over files; empty when nothing does."""
    if os.geteuid() == 0 and shutil.which("setpriv") is not None:
        for drop in (_AS_NOBODY, _WITHOUT_POWER):
            if _runs(drop):
                return drop
    return ()


def _runs(drop: tuple[str, ...]) -> bool:
    """Whether our Python then runs as it does here: it may lie where nobody else can read."""
    check = "import os, chaos.clock, frontdesk_sidecar.cli; print(os.__file__)"
    command = [*drop, sys.executable, "-c", check]
    env = {**os.environ, "PYTHONPATH": _PATH}
    answer = subprocess.run(command, check=False, capture_output=True, env=env, text=True)
    return answer.returncode == 0 and answer.stdout.strip() == os.__file__


def _mount(place: Path) -> bool:
    """Mount a small file system there; False when that is not allowed."""
    options = f"size={settings.DISK_BYTES},mode=700"
    command = ["mount", "-t", "tmpfs", "-o", options, "frontdesk-chaos", str(place)]
    try:
        return subprocess.run(command, check=False, capture_output=True).returncode == 0
    except OSError:
        return False
