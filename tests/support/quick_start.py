"""Starts `python -m` programs in processes forked from one that has imported what they need.

Each is a process as any other, with memory, sockets, signals and an end of its own; what it is
spared is half a second of imports.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final, cast

from frontdesk_sidecar.demo.stack import Process, Stack

#: There is one such starter in a process, for all who use it: all that they need is in its list.
STARTER: Final = multiprocessing.get_context("forkserver")
STARTER.set_forkserver_preload(
    [
        "__main__",  # else each process would import it anew
        "anyio._backends._asyncio",
        "frontdesk_sidecar.admin.dead_command",
        "frontdesk_sidecar.admin.offline",
        "frontdesk_sidecar.admin.person_command",
        "frontdesk_sidecar.admin.reload_command",
        "frontdesk_sidecar.app",
        "frontdesk_sidecar.check.command",
        "frontdesk_sidecar.cli",
        "frontdesk_sidecar.demo.stack",
        "frontdesk_sidecar.explain",
        "frontdesk_sidecar.simulator.server",
        "frontdesk_sidecar.top.command",
        "httpcore",
        "uvicorn.lifespan.off",
        "uvicorn.lifespan.on",
        "uvicorn.loops.auto",
        "uvicorn.main",
        "uvicorn.protocols.http.auto",
        "uvicorn.protocols.websockets.auto",
        "uvloop",
    ]
)


def _begin(
    module: str, arguments: Sequence[str], log: Path, environ: Mapping[str, str], begun: Connection
) -> None:
    """The new process: what `python -m` does."""
    os.setsid()
    os.environ.clear()
    os.environ.update(environ)
    output = os.open(log, os.O_RDWR | os.O_APPEND | os.O_CREAT)  # a terminal is now its own
    for number in (0, 1, 2) if os.isatty(output) else (1, 2):
        os.dup2(output, number)
    os.close(output)
    sys.stdin = os.fdopen(0, closefd=False)
    sys.stdout, sys.stderr = (
        os.fdopen(number, "w", buffering=1, encoding="utf-8", errors=errors, closefd=False)
        for number, errors in ((1, "strict"), (2, "backslashreplace"))
    )
    sys.argv = [module, *arguments]
    sys.path[:0] = [one for one in environ.get("PYTHONPATH", "").split(os.pathsep) if one]
    begun.send(None)
    begun.close()
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    finally:
        # The end of a forked process leaves them out.
        atexit._run_exitfuncs()


class Forked:
    """What `subprocess.Popen` would be for `python -m MODULE ...`, in a session of its own.

    What it prints is added to `log`; that may be a terminal, from which it then reads too.
    """

    def __init__(self, command: Sequence[str], log: Path, environ: Mapping[str, str]) -> None:
        python, option, module, *arguments = command
        assert (python, option) == (sys.executable, "-m"), command
        self.args = command
        begun, begin = STARTER.Pipe(duplex=False)
        with begun, begin:
            given = (module, arguments, log, dict(environ), begin)
            self._process = STARTER.Process(target=_begin, args=given, daemon=True)
            self._process.start()
            begun.recv()  # from now on signals to its group reach it
        pid = self._process.pid
        assert pid is not None
        self.pid = pid

    @property
    def returncode(self) -> int | None:
        """The exit code, or None while it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """The same."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end; the exit code."""
        self._process.join(timeout)
        code = self._process.exitcode
        if code is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal, if it runs still."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)


class QuickProcess(Process):
    """A part of a stack that was started so."""

    def __init__(
        self, name: str, command: Sequence[str], log: Path, env: Mapping[str, str]
    ) -> None:
        self.name = name
        self.log = log
        environ = {**os.environ, "PYTHONUNBUFFERED": "1", **env}
        self._process = cast("subprocess.Popen[bytes]", Forked(command, log, environ))


class QuickStack(Stack):
    """A stack whose parts are started so, but for a shop with several workers."""

    def _start(self, name: str, command: list[str], env: dict[str, str], url: str) -> Process:
        kind = Process if name == "shop" and self.shop_workers > 1 else QuickProcess
        part = self.parts[name] = kind(name, command, self.directory / f"{name}.log", env)
        part.await_answer(url)
        return part
