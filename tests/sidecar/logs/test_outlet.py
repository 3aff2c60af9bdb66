"""The log when nobody takes it: whoever logs goes on, and what is missing is counted."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

from frontdesk_sidecar.logs.outlet import Outlet
from lifecycle_support import town
from server_support import wait_until

_ROOM = 4096


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """The ends to read and to write of a pipe with room for a page."""
    ends = os.pipe()
    fcntl.fcntl(ends[1], fcntl.F_SETPIPE_SZ, _ROOM)
    yield ends
    for end in ends:
        try:
            os.close(end)
        except OSError:
            continue


def fill(end: int) -> None:
    """Let nobody else write there without waiting."""
    os.set_blocking(end, False)
    try:
        while True:
            os.write(end, b"x" * _ROOM)
    except BlockingIOError:
        os.set_blocking(end, True)


def notice(lines: int) -> bytes:
    """What says how many are missing."""
    return b"%d lost\n" % lines


def test_nobody_waits_for_whoever_reads(pipe: tuple[int, int]) -> None:
    """Lines come in order when somebody reads again; those beyond the bound are counted."""
    ours, theirs = pipe
    fill(theirs)
    outlet = Outlet(theirs, notice, most_bytes=50)
    for number in range(8):
        outlet.put(b"line %d..\n" % number)
    assert not outlet.flush(0.0)
    with open(ours, "rb", closefd=False) as reader:
        assert reader.read(_ROOM) == b"x" * _ROOM
        assert outlet.flush(10.0)
        outlet.put(b"line 8..\n")
        assert [reader.readline() for _ in range(7)] == [
            *(b"line %d..\n" % number for number in range(5)),
            b"3 lost\n",
            b"line 8..\n",
        ]


def test_a_pipe_that_does_not_block_gets_whole_lines(pipe: tuple[int, int]) -> None:
    """Whoever else has it may have made it so."""
    ours, theirs = pipe
    os.set_blocking(theirs, False)
    line = b"y" * (3 * _ROOM) + b"\n"
    outlet = Outlet(theirs, notice)
    outlet.put(line)
    with open(ours, "rb", closefd=False) as reader:
        assert reader.readline() == line


def test_whoever_hung_up_stops_nobody(pipe: tuple[int, int]) -> None:
    """What cannot be written is over."""
    ours, theirs = pipe
    os.close(ours)
    outlet = Outlet(theirs, notice)
    outlet.put(b"a\n")
    outlet.put(b"b\n")
    assert outlet.flush(10.0)


def test_a_sidecar_whose_log_nobody_reads_works_and_ends(pipe: tuple[int, int]) -> None:
    """It delivers, answers its probes, and heeds SIGTERM."""
    fill(pipe[1])
    with town() as here:
        command = [sys.executable, "-m", "frontdesk_sidecar", "run"]
        process = subprocess.Popen(
            [*command, "--config", str(here.stack.config)], stderr=pipe[1], stdin=subprocess.DEVNULL
        )
        try:
            wait_until(lambda: is_ready(here.url), "it is ready")
            here.log_in("ann")
            here.wait_for("ann")
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
        finally:
            process.kill()
            process.wait()


def is_ready(url: str) -> bool:
    """Whether `/readyz` says so."""
    try:
        return httpx.get(f"{url}/readyz", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def test_a_process_without_standard_error_goes_on() -> None:
    """And no file of ours gets a number that libraries write to."""
    code = (
        "import os\n"
        "from frontdesk_sidecar.logs.starting import start\n"
        "from frontdesk_sidecar.logs.speaking import Voice\n"
        "start('info', 'auto')\n"
        "Voice('frontdesk.sidecar').say('stopped')\n"
        "assert os.open('/', os.O_RDONLY) > 2\n"
    )
    shell = f'exec {sys.executable} -c "$0" <&- >&- 2>&-'
    assert subprocess.run(["/bin/sh", "-c", shell, code], check=False).returncode == 0
