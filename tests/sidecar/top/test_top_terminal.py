"""`frontdesk top` on a real terminal, before a real sidecar and a simulated SAP."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from frontdesk.event import LOGGED_IN, Identify
from frontdesk.journal import Journal
from frontdesk_sidecar import cli
from frontdesk_sidecar.admin.client import Client
from frontdesk_sidecar.demo.stack import Stack
from frontdesk_sidecar.settings import load
from pty_support import Session, on_terminal
from quick_start import QuickStack
from server_support import wait_until

KEY = "marked-key-77"
EMAIL = "marked.jane@example.com"


class Place:
    """A sidecar and its SAP, and a web process's journal."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.journal = Journal(stack.journal)
        self.number = 0

    def command(self, *arguments: str) -> list[str]:
        """`frontdesk top` of this place."""
        config = ["--config", str(self.stack.config)]
        return [sys.executable, "-m", "frontdesk_sidecar", "top", *config, *arguments]

    def log_in(self, email: str) -> None:
        """As a line of the journal."""
        self.number += 1
        who = ({"email": email}, LOGGED_IN, "login", "shop")
        message = Identify(f"m{self.number}", datetime.now(UTC), "marked-id", *who)
        assert self.journal.append(message.encode())

    def state(self) -> str:
        """Whether the sidecar is paused."""
        told = Client(load(str(self.stack.config)).http).call("status", {})
        return str(told["gate"]["state"])


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    """One for all: what a test changes it puts right."""
    # No attribute of the object is mapped, so that each customer is a dead letter at once.
    with_none = '[sap.mapping]\nuid = "none_such"\n'
    stack = QuickStack(settings=f"reject_tries = 1\n{with_none}")
    made = Place(stack)
    # Whoever looks here comes by the socket all the same.
    config = stack.config.read_text()
    assert "[http]\n" in config
    stack.config.write_text(config.replace("[http]\n", f'[http]\nkey = "{KEY}"\n'))
    stack.config.chmod(0o600)
    try:
        stack.start_sap()
        stack.start_sidecar()
        made.log_in(EMAIL)
        client = Client(load(str(stack.config)).http)
        wait_until(lambda: client.call("status", {})["customers"]["dead"] == 1, "she is refused")
        yield made
    finally:
        made.journal.close()
        stack.close()


def frames(session: Session) -> int:
    """How many plain frames there were up to now."""
    session.read()
    return session.written.count("came in")


def is_left_as_found(session: Session) -> bool:
    """The screen of before, a cursor, and keys as they were."""
    modes = session.screen.modes
    shown = (modes["?1049"], modes["?25"], modes["?7"])
    return shown == (False, True, True) and session.mode() == session.found


def test_somebody_looks(place: Place) -> None:
    """At the way of a login, another size, help, dead letters, a pause; then quits."""
    with on_terminal(place.command()) as session:
        session.wait("captured", "SAP", "1 dead letter", "q quit", "came in")
        cleared = session.screen.cleared
        before = session.screen.text().splitlines()[0]
        wait_until(lambda: session.wait("q quit").splitlines()[0] != before, "the clock goes on")
        assert session.screen.cleared == cleared, "it flickers"
        assert "\x1b[1;" in session.written, "there are colours"
        session.resize(40, 12)
        session.wait("captured OK", "q quit  ? help")
        session.resize(100, 30)
        session.wait("dead letters  ? help")
        session.press(b"?")
        session.wait("A broken arrow")
        session.press(b"\x1b")
        session.press(b"d")
        shown = session.wait("m•••@e•••.com", "mapping")
        assert "marked" not in shown
        session.press(b"q")
        session.wait("p pause")
        session.press(b"p")
        session.wait("[y/N] pause")
        session.press(b"n")
        session.wait("p pause")
        assert place.state() != "hand"
        session.press(b"py")
        session.wait("paused by hand", "STUCK")
        assert place.state() == "hand"
        session.press(b"ry")
        session.wait("captured", "resumed")
        assert place.state() != "hand"
        session.press(b"q")
        assert session.end() == 0
        assert is_left_as_found(session)
        assert "marked" not in session.written


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_ends_it_in_order(place: Place, number: int, code: int) -> None:
    """The terminal is as before, and nothing is complained of."""
    with on_terminal(place.command(), rows=10) as session:
        session.wait("captured")
        if number == signal.SIGINT:
            session.press(b"\x03")  # Ctrl-C
        else:
            session.process.send_signal(number)
        assert session.end() == code
        assert is_left_as_found(session)
        assert "Traceback" not in session.written


_BROKEN = """
import sys
from frontdesk_sidecar import cli
from frontdesk_sidecar.top import command
command.frame = lambda *_, **__: sys.exit("broken on purpose")
sys.exit(cli.main(sys.argv[1:]))
"""


def test_an_error_leaves_the_terminal_as_it_was(place: Place, tmp_path: Path) -> None:
    """And is to be read there afterwards."""
    (tmp_path / "broken.py").write_text(_BROKEN)
    command = [sys.executable, "-m", "broken", *place.command()[3:]]
    with on_terminal(command, PYTHONPATH=str(tmp_path)) as session:
        assert session.end() == 1
        assert is_left_as_found(session)
        after = session.written.rpartition("\x1b[?1049l")[2]
        assert "broken on purpose" in after


def test_a_plain_terminal_gets_plain_frames(place: Place) -> None:
    """Without a cursor that can be placed, and in the locale C: nothing but ASCII lines."""
    with on_terminal(place.command("--each", "0.3"), TERM="dumb", LANG="C") as session:
        wait_until(lambda: frames(session) >= 2, "two frames")
        session.press(b"\x03")
        assert session.end() == 0
        assert "\x1b" not in session.written
        assert session.written.isascii()
        assert "captured ---" in session.written


def test_without_colours_it_is_the_same_text(place: Place) -> None:
    """NO_COLOR, and the locale C on a terminal that places the cursor."""
    with on_terminal(place.command(), NO_COLOR="1", LC_ALL="C") as session:
        session.wait("captured ---", "ATTENTION", "1 dead letter")
        session.press(b"q")
        assert session.end() == 0
        assert re.findall(r"\x1b\[[1-9][\d;]*m", session.written) == []
        assert session.screen.text().isascii()


def test_one_frame_for_a_script(place: Place) -> None:
    """In a pipe: plain text as long as it is, and no longer than anybody reads."""
    environ = {**os.environ, "COLUMNS": "70"}
    told = subprocess.run(
        place.command("--once"), capture_output=True, env=environ, timeout=30, check=False
    )
    shown = told.stdout.decode()
    assert (told.returncode, told.stderr) == (0, b"")
    assert all(said in shown for said in ("captured", "came in", "1 dead letter", "rate"))
    assert "\x1b" not in shown
    assert "q quit" not in shown
    assert max(map(len, shown.splitlines())) <= 70
    reader, writer = os.pipe()
    os.close(reader)
    try:
        ended = subprocess.run(
            place.command("--once"), stdout=writer, stderr=subprocess.PIPE, timeout=30, check=False
        )
    finally:
        os.close(writer)
    assert (ended.returncode, ended.stderr) == (1, b"")


@pytest.mark.parametrize(("key", "code"), [(KEY, 0), ("another", 1)])
def test_somebody_elsewhere_needs_the_key(
    place: Place, key: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Over TCP, where neither socket nor store is; the key is not repeated."""
    config = place.stack.config.read_text()
    elsewhere = place.stack.directory / "elsewhere.toml"
    elsewhere.write_text(config.replace("/store/", "/no-such/").replace(KEY, key))
    elsewhere.chmod(0o600)
    assert cli.main(["top", "--once", "--config", str(elsewhere)]) == code
    told = capsys.readouterr()
    assert ("captured" in told.out) == (code == 0)
    assert ("another http.key" in told.err) == (code == 1)
    assert "marked" not in told.out + told.err


def test_a_sidecar_that_goes_and_comes(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """It is told at once; when it is back, so is all there was. Comes last: it starts anew."""
    with on_terminal(place.command()) as session:
        session.wait("captured", "q quit")
        place.stack.parts.pop("sidecar").stop()
        session.wait("NO SIDECAR", "what it said last")
        place.stack.start_sidecar()
        session.wait("ATTENTION", "captured", "1 dead letter")
        session.press(b"q")
        assert session.end() == 0
    place.stack.parts.pop("sidecar").stop()
    nowhere = place.stack.directory / "nowhere.toml"
    nowhere.write_text(place.stack.config.read_text().replace("/store/", "/no-such/"))
    nowhere.chmod(0o600)
    assert cli.main(["top", "--once", "--config", str(nowhere)]) == 4
    assert "there is no store" in capsys.readouterr().out
    assert cli.main(["top", "--once", "--config", str(place.stack.config)]) == 4
    told = capsys.readouterr().out
    assert "not running: nothing is read or sent" in told
    assert "NO SIDECAR" in told
    assert json.dumps(EMAIL) not in told
