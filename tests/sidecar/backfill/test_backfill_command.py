"""`frontdesk backfill` with a real sidecar before a simulated SAP."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from frontdesk.event import LOGGED_IN, Identify
from frontdesk.journal import Journal
from frontdesk_sidecar import cli
from frontdesk_sidecar.backfill.source import File
from frontdesk_sidecar.demo.stack import Stack
from quick_start import QuickStack
from server_support import wait_until

TABLE = """email;First Name;last_name
ann@example.com;Ann;Lee
joe@example.com;Joe;Day
marked-nobody;Zoe;Poe
;No;Address
"""


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """Nothing of it runs."""
    for name in os.environ:
        if name.startswith("FRONTDESK"):
            monkeypatch.delenv(name)
    with closing(QuickStack(log_level="info")) as made:
        yield made


@pytest.fixture
def stack(idle: Stack) -> Stack:
    """A sidecar and its SAP."""
    idle.start_sap()
    idle.start_sidecar()
    return idle


def in_sap(stack: Stack) -> dict[str, Any]:
    """Names in SAP by address."""
    found = httpx.get(f"{stack.sap_url}/_sim/customers", trust_env=False).json()
    return {one["uid"]: one["name"] for one in found}


def posts(stack: Stack) -> int:
    """Requests that SAP got."""
    answer = httpx.get(f"{stack.sap_url}/_sim/requests?limit=0", trust_env=False)
    return int(answer.json()["total"])


def customers(stack: Stack) -> dict[str, int]:
    """How many are in which state."""
    answer = httpx.get(f"{stack.sidecar_url}/status", trust_env=False).json()
    return dict(answer["customers"])


def run(stack: Stack, *arguments: str) -> object:
    """The command's exit code."""
    return cli.main(["backfill", *arguments, "--config", str(stack.config)])


def login(stack: Stack, address: str, **traits: object) -> None:
    """Somebody logs in, now."""
    journal = Journal(stack.journal)
    known = Identify("m", datetime.now(UTC), address, {"email": address, **traits}, LOGGED_IN)
    assert journal.append(known.encode())
    journal.close()


def test_a_table_of_customers_arrives(
    stack: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It fills in what nobody told since; again it changes nothing; an address is never shown."""
    file = tmp_path / "customers.csv"
    file.write_text(TABLE)
    os.utime(file, (1_700_000_000, 1_700_000_000))
    login(stack, "joe@example.com", firstName="Joseph")
    wait_until(lambda: "joe@example.com" in in_sap(stack), "joe is in SAP")
    assert run(stack, str(file), "--check") == 0
    assert capsys.readouterr().out.endswith("nothing was sent\n")
    assert in_sap(stack) == {"joe@example.com": None}
    assert run(stack, str(file)) == 0
    both = {"ann@example.com": "Ann Lee", "joe@example.com": "Joseph Day"}
    wait_until(lambda: in_sap(stack) == both, "both are in SAP")
    told = capsys.readouterr()
    assert "2 rows with a customer" in told.out
    assert "columns: email is email, First Name is firstName, last_name is lastName" in told.out
    assert "count as of 2023-11-14 22:13:20 UTC, when the file was written" in told.out
    assert "2 without a usable e-mail address" in told.out
    assert "line 4.traits.email: is no usable e-mail address" in told.out
    assert "2 of 2 rows handed over" in told.out
    assert "marked" not in told.out + told.err
    asked = posts(stack)
    assert run(stack, str(file)) == 0
    login(stack, "zoe@example.com")
    wait_until(lambda: "zoe@example.com" in in_sap(stack), "zoe is in SAP")
    assert posts(stack) == asked + 1


def test_the_last_of_several_rows_wins(stack: Stack, tmp_path: Path) -> None:
    """And when an SDK sent a message does not make it newer than a login."""
    file = tmp_path / "customers.csv"
    file.write_text("email,name\nann@example.com,Zed\nann@example.com,Adam\n")
    assert run(stack, str(file)) == 0
    wait_until(lambda: in_sap(stack) == {"ann@example.com": "Adam"}, "the last row is in SAP")
    login(stack, "joe@example.com", name="New")
    old = '{"traits":{"email":"joe@example.com","name":"Old","lastName":"Day"}'
    times = ',"timestamp":"2026-03-01T10:00:00Z","sentAt":"2026-03-01T10:00:01Z"}'
    lines = tmp_path / "customers.ndjson"
    lines.write_text(old + times)
    wait_until(lambda: in_sap(stack).get("joe@example.com") == "New", "joe is in SAP")
    asked = posts(stack)
    assert run(stack, str(lines)) == 0
    wait_until(lambda: posts(stack) > asked, "joe's last name is in SAP")
    assert in_sap(stack)["joe@example.com"] == "New"


def test_everybody_known_is_sent_once_more(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also to a SAP that has forgotten them."""
    addresses = {f"c{number}@example.com" for number in range(3)}
    for address in addresses:
        login(stack, address)
    wait_until(lambda: customers(stack)["clean"] == len(addresses), "all are in SAP")
    httpx.post(f"{stack.sap_url}/_sim/reset", trust_env=False)
    assert run(stack, "--known", "--waiting", "2") == 0
    assert capsys.readouterr().out == "3 customers to be sent once more\n"
    wait_until(lambda: in_sap(stack).keys() == addresses, "all are in SAP")
    assert run(stack, "--known", "--target", "elsewhere") == 1
    assert "target: expected a target of the settings: default" in capsys.readouterr().err


class Backfill:
    """The command as a process of its own, and what it says."""

    def __init__(self, stack: Stack, *arguments: str) -> None:
        command = [sys.executable, "-m", "frontdesk_sidecar", "backfill", *arguments]
        config = ["--config", str(stack.config)]
        self._process = subprocess.Popen(
            [*command, *config], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert self._process.stdout is not None
        self._out = self._process.stdout

    def until(self, text: str) -> None:
        """Until it says so."""
        while text not in (line := self._out.readline()):
            assert line, f"it ended without: {text}"

    def ended(self, number: int = 0) -> tuple[int, str]:
        """After a signal, if any: the exit code, and what it said in the end."""
        if number:
            self._process.send_signal(number)
        with self._process:
            return self._process.wait(60), self._out.read()


def many(tmp_path: Path, number: int) -> Path:
    """A file of so many."""
    file = tmp_path / "customers.ndjson"
    lines = (f'{{"traits":{{"email":"c{one}@example.com"}}}}' for one in range(number))
    file.write_text("\n".join(lines))
    return file


def test_a_large_file_keeps_nobody_waiting(stack: Stack, tmp_path: Path) -> None:
    """While SAP takes nobody it stops at a number, and says why; stopped, it can be run again."""
    assert cli.main(["pause", "--config", str(stack.config)]) == 0
    file = many(tmp_path, 2000)
    backfill = Backfill(stack, str(file))
    backfill.until("100 customers on the way: paused by hand")
    assert customers(stack)["due"] == 100
    code, said = backfill.ended(signal.SIGINT)
    assert code == 130
    assert "100 of 2,000 rows handed over; run it again" in said
    assert cli.main(["resume", "--config", str(stack.config)]) == 0
    assert run(stack, str(file)) == 0
    wait_until(lambda: len(in_sap(stack)) == 2000, "all are in SAP")


def test_it_is_stopped_while_it_reads(
    idle: Stack,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing was sent, and that is said."""

    def interrupted(file: File) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(File, "lines", interrupted)
    assert run(idle, str(many(tmp_path, 3)), "--check") == 130
    assert capsys.readouterr().out == "nothing was sent\n"


def test_a_sidecar_that_is_started_anew_is_waited_for(stack: Stack, tmp_path: Path) -> None:
    """Nothing is left out, and nobody has to look."""
    assert cli.main(["pause", "--config", str(stack.config)]) == 0
    backfill = Backfill(stack, str(many(tmp_path, 500)))
    backfill.until("paused by hand")
    stack.parts["sidecar"].signal(signal.SIGKILL)
    backfill.until("no sidecar answers: waiting for it")
    stack.start_sidecar()
    assert cli.main(["resume", "--config", str(stack.config)]) == 0
    code, said = backfill.ended()
    assert (code, "500 of 500 rows handed over" in said) == (0, True)
    wait_until(lambda: len(in_sap(stack)) == 500, "all are in SAP")


def test_going_on_where_it_was_stopped(stack: Stack) -> None:
    """It says where; before the first page it does not, for that would leave somebody out."""
    for number in range(6):
        login(stack, f"c{number}@example.com")
    wait_until(lambda: customers(stack)["clean"] == 6, "all are in SAP")
    assert cli.main(["pause", "--config", str(stack.config)]) == 0
    backfill = Backfill(stack, "--known", "--waiting", "4", "--target", "default")
    backfill.until("on the way: paused by hand")
    code, said = backfill.ended(signal.SIGINT)
    assert code == 130
    assert "go on with: frontdesk backfill --known --target default --after " in said
    backfill = Backfill(stack, "--known", "--waiting", "2")
    backfill.until("on the way: paused by hand")
    _, said = backfill.ended(signal.SIGINT)
    assert "go on with" not in said


def test_a_file_that_changes_meanwhile(stack: Stack, tmp_path: Path) -> None:
    """Is not taken for done."""
    assert cli.main(["pause", "--config", str(stack.config)]) == 0
    file = many(tmp_path, 500)
    backfill = Backfill(stack, str(file))
    backfill.until("paused by hand")
    file.write_text("")
    assert cli.main(["resume", "--config", str(stack.config)]) == 0
    code, said = backfill.ended()
    assert code == 1
    assert "the file changed while it was read" in said
    assert "rows handed over; run it again" in said


def test_who_logs_in_keeps_room_in_the_store(
    idle: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that is too large for it is stopped before intake is."""
    settings = idle.config.read_text()
    idle.config.write_text(settings.replace("[store]\n", "[store]\nmax_bytes = 1048576\n"))
    idle.start_sap()
    idle.start_sidecar()
    assert run(idle, str(many(tmp_path, 8000)), "--waiting", "100000") == 1
    full = "the store is three quarters full, and the rest is for"
    assert full in capsys.readouterr().err
    wait_until(lambda: not customers(idle)["due"], "nobody waits")
    assert run(idle, str(tmp_path / "customers.ndjson")) == 1
    told = capsys.readouterr()
    assert full in told.err
    assert "nothing was sent" in told.err
    assert told.out == ""
    login(idle, "late@example.com")
    wait_until(lambda: "late@example.com" in in_sap(idle), "who logs in is in SAP")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"email\nmarked@example.com,x\n", "line 2: has a cell for which line 1 has no name"),
        (b'email\n"ann"marked\n', "nothing was sent"),
        (b"", "0 rows with a customer"),
        (None, "No such file or directory; nothing was sent"),
    ],
)
def test_a_file_that_cannot_be_taken(
    idle: Stack,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    content: bytes | None,
    why: str,
) -> None:
    """Says why, and shows nothing of it."""
    file = tmp_path / "customers.csv"
    if content is not None:
        file.write_bytes(content)
    assert run(idle, str(file), "--check") == 1
    told = capsys.readouterr()
    assert why in told.out + told.err
    assert "marked" not in told.out + told.err


def test_without_a_sidecar(idle: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody would be sent."""
    file = tmp_path / "customers.csv"
    file.write_text(TABLE)
    assert run(idle, "--known") == 1
    assert run(idle, str(file)) == 1
    assert run(idle, str(file), "--check") == 0
    assert capsys.readouterr().err.count("no sidecar runs") == 2


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("customers.csv", "--known"),
        ("--known", "--check"),
        ("--known", "--at", "2026-01-01"),
        ("customers.csv", "--after", "1"),
        ("customers.csv", "--target", "default"),
        ("customers.csv", "--at", "yesterday"),
        ("customers.csv", "--at", "2999-01-01"),
        ("customers.csv", "--at", "9999-12-31T23:59:59-12:00"),
        ("customers.csv", "--waiting", "0"),
        ("--known", "--after", "-1"),
    ],
)
def test_what_makes_no_sense(arguments: tuple[str, ...]) -> None:
    """Is a usage error."""
    with pytest.raises(SystemExit) as caught:
        cli.main(["backfill", *arguments])
    assert caught.value.code == 2
