"""The command line: its words, and its exit codes 0, 1, 2 and 78."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from frontdesk import __version__
from frontdesk_sidecar import cli

COMMANDS = (
    *("run", "simulate", "demo", "explain", "check", "init", "proxy"),
    *("status", "dead", "pause", "resume", "reload", "forget", "target", "show", "top"),
    "backfill",
)
ENVIRON = {name: value for name, value in os.environ.items() if not name.startswith("FRONTDESK")}


def frontdesk(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "frontdesk_sidecar", *arguments],
        env=ENVIRON,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def exits(*arguments: str) -> object:
    """The exit code of a command that ends within the parser."""
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    return caught.value.code


def test_every_command_is_tested_here(capsys: pytest.CaptureFixture[str]) -> None:
    """The help lists them, each with what it does."""
    assert exits("--help") == 0
    listed = re.findall(r"^    ([a-z-]+)  +\S", capsys.readouterr().out, re.MULTILINE)
    assert tuple(listed) == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_shows_an_example(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One that could be typed: its options exist."""
    assert exits(command, "--help") == 0
    shown = capsys.readouterr().out
    example = re.search(rf"^example:\n  .*?frontdesk ({command}\b.*)$", shown, re.MULTILINE)
    assert example is not None
    options = set(re.findall(r"--[a-z-]+", example[1]))
    assert options <= set(re.findall(r"--[a-z-]+", shown[: example.start()]))
    assert all(len(line) <= 100 for line in shown.splitlines())


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("fly",),
        ("run", "--fast"),
        ("run", "extra"),
        ("simulate", "--port", "eighty"),
        ("simulate", "--tokens", "paper"),
        ("demo", "--twice"),
        ("dead",),
        ("dead", "bury", "17"),
        ("dead", "list", "--limit", "0"),
        ("dead", "retry"),
        ("dead", "discard", "17", "--all"),
        ("forget",),
    ],
)
def test_a_wrong_usage_is_two(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """With the usage on standard error."""
    assert exits(*arguments) == 2
    spoken = capsys.readouterr()
    assert spoken.out == ""
    assert spoken.err.startswith("usage: frontdesk")


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    """On standard output, where a script reads it."""
    assert exits("--version") == 0
    assert capsys.readouterr().out == f"frontdesk {__version__}\n"


def test_a_process_ends_with_the_code() -> None:
    """`python -m frontdesk_sidecar` hands it on."""
    assert frontdesk("--version").returncode == 0
    assert frontdesk("fly").returncode == 2


def test_a_configuration_that_is_wrong_is_78(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As sysexits(3) has it, with every problem on a line of its own."""
    for name in os.environ:
        if name.startswith("FRONTDESK"):
            monkeypatch.delenv(name)
    config = tmp_path / "frontdesk.toml"
    config.write_text("[sapp]\n")
    assert cli.main(["run", "--config", str(config)]) == 78
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 4
    assert all(line.startswith("frontdesk: ") for line in lines)
    assert cli.main(["run", "--config", str(tmp_path / "missing.toml")]) == 78
    assert "cannot be read: No such file or directory" in capsys.readouterr().err


def test_a_definition_that_is_wrong_is_78(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The simulator's configuration is one too; a file that is not there is a failure."""
    definition = tmp_path / "object.json"
    definition.write_text("{}")
    assert cli.main(["simulate", "--port", "0", "--definition", str(definition)]) == 78
    assert capsys.readouterr().err.startswith("frontdesk: definition: ")
    assert cli.main(["simulate", "--port", "0", "--definition", str(tmp_path / "no")]) == 1
    assert capsys.readouterr().err == "frontdesk: simulate: No such file or directory\n"


def test_a_port_that_is_taken_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    """Said in words."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert cli.main(["simulate", "--port", port]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("frontdesk: simulate: Address already in use")


def test_the_simulator_says_where_it_is_and_ends_on_a_signal() -> None:
    """Port 0 takes a free one; SIGTERM ends it with 0."""
    command = [sys.executable, "-m", "frontdesk_sidecar", "simulate", "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=ENVIRON, text=True) as simulator:
        try:
            assert simulator.stderr is not None
            first = simulator.stderr.readline()
            assert re.fullmatch(
                r"SAP Commerce simulator on http://127\.0\.0\.1:\d+  \(client_id frontdesk\)\n",
                first,
            )
            simulator.send_signal(signal.SIGTERM)
            assert simulator.wait(10) == 0
        finally:
            simulator.kill()


_WITHOUT = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "{dependency}":
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
from frontdesk_sidecar.__main__ import main
sys.exit(main())
"""


def without(dependency: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process that has not installed a dependency."""
    return subprocess.run(
        [sys.executable, "-c", _WITHOUT.format(dependency=dependency), *arguments],
        env=ENVIRON,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize(
    ("dependency", "command"),
    [
        ("anyio", "run"),
        ("httpx", "run"),
        ("jmespath", "run"),
        ("prometheus_client", "run"),
        ("starlette", "run"),
        ("uvicorn", "run"),
        ("orjson", "run"),
        ("uvicorn", "simulate"),
        ("httpx", "demo"),
    ],
)
def test_a_missing_dependency_is_one_sentence(dependency: str, command: str) -> None:
    """With what to install, for somebody who installed the web side alone; no traceback."""
    ended = without(dependency, command)
    remedy = 'install the sidecar: pip install "frontdesk[sidecar]"'
    assert ended.stderr == f"frontdesk: {dependency} is missing; {remedy}\n"
    assert ended.returncode == 1


def test_the_help_needs_none_of_them() -> None:
    """Somebody may look before installing."""
    ended = without("httpx", "--help")
    assert ended.returncode == 0
    assert ended.stdout.startswith("usage: ")


def test_a_hang_up_while_it_starts_does_not_end_it() -> None:
    """As from whoever changes the settings and tells it so at once."""
    code = (
        "import os, signal, sys\n"
        "from frontdesk_sidecar.cli import main\n"
        "class HangUp:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'frontdesk_sidecar.app':\n"
        "            os.kill(os.getpid(), signal.SIGHUP)\n"
        "sys.meta_path.insert(0, HangUp())\n"
        "sys.exit(main(['run', '--config', os.devnull]))\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert ended.returncode == cli.EX_CONFIG
