"""A shell that is told what a page says, and what it shows beside what the page says it does."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from docs_support import Block, shown_as
from frontdesk_sidecar import cli
from quick_start import STARTER

DEADLINE_S = 15.0
_END = "-- that was it"
_NOTICE = re.compile(r"bash: line \d+: +\d+ (Killed|Terminated).*\n|^\[\d+\].*\n", re.MULTILINE)
_PLAIN = re.compile(r"frontdesk [^|&;<>$`]*")


def _frontdesk(arguments: list[str], folder: Path, environ: Mapping[str, str], shown: Path) -> None:
    """One command, in a process of its own; what it prints goes to a file."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    with shown.open("wb") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    sys.exit(cli.main(arguments))


class Terminal:
    """One shell, for one command after the other; `own` replaces what pages name, such as ports.

    `quick`: what is `frontdesk` and nothing else is not started by the shell.
    """

    def __init__(
        self, folder: Path, own: Mapping[str, str], *, quick: bool = False, **environ: str
    ) -> None:
        self.folder = folder
        self._own = own
        self._quick = quick
        #: the exit code of the last command that was not started by the shell
        self.exit_code: int | None = None
        kept = {name: value for name, value in os.environ.items() if "FRONTDESK" not in name}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self._environ = {**kept, "PATH": path, "NO_PROXY": "*", **environ}
        self._process = subprocess.Popen(
            ["bash", "--norc", "--noprofile"],
            cwd=folder,
            env=self._environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.run("set -m")  # jobs have numbers, as for a person

    def run(self, command: str) -> str:
        """What a command prints, without the shell's notices of jobs that ended."""
        if self._quick and _PLAIN.fullmatch(command):
            return self._run_quickly(command)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{command}\necho; echo '{_END}'\n")
        self._process.stdin.flush()
        lines: list[str] = []
        for line in iter(self._process.stdout.readline, ""):
            if line == f"{_END}\n":
                return _NOTICE.sub("", "".join(lines)).rstrip("\n")
            lines.append(line)
        raise AssertionError("the shell has ended")

    def _run_quickly(self, command: str) -> str:
        shown = self.folder / "shown"
        given = (shlex.split(command)[1:], self.folder, self._environ, shown)
        process = STARTER.Process(target=_frontdesk, args=given)
        process.start()
        process.join()
        self.exit_code = process.exitcode
        process.close()
        return shown.read_text().rstrip("\n")

    def follow(self, block: Block) -> int:
        """Write the file that a block is, or run its commands; gives how many there were."""
        if block.title:
            (self.folder / block.title).write_text(self._ours(block.text))
            return 0
        commands = list(block.commands())
        for command, shown in commands:
            self._do(block, self._ours(command), self._ours(shown))
        return len(commands)

    def _do(self, block: Block, command: str, shown: str) -> None:
        """A command shows what the page says; one that asks is said again until it does."""
        deadline = time.monotonic() + DEADLINE_S
        pattern = shown_as(shown)
        while True:
            told = self.run(command)
            if pattern.fullmatch(told):
                return
            assert shown, f"{block.name}: {command}\n{told}"
            assert time.monotonic() < deadline, f"{block.name}: {command}\n{told}"
            time.sleep(0.1)

    def _ours(self, text: str) -> str:
        for name, value in self._own.items():
            text = re.sub(rf"(?<!\d){re.escape(name)}(?!\d)", value, text)
        return text

    def close(self) -> None:
        """End it with all that it started."""
        self.run("kill -9 $(jobs -p) 2>/dev/null")
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()
