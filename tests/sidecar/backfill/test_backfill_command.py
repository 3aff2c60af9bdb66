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
from frontdesk_sidecar.demo.stack import Stack
from quick_start import QuickStack
from server_support import wait_until

TABLE = """email;first_name;last_name
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
    assert in_sap(stack) == {"joe@example.com": None}
    assert run(stack, str(file)) == 0
    both = {"ann@example.com": "Ann Lee", "joe@example.com": "Joseph Day"}
    wait_until(lambda: in_sap(stack) == both, "both are in SAP")
    told = capsys.readouterr()
    assert "2 customers, as of 2023-11-14 22:13:20 UTC" in told.out
    assert "2 without a usable e-mail address" in told.out
    assert "line 4.traits.email: is no usable e-mail address" in told.out
    assert "marked" not in told.out + told.err
    asked = posts(stack)
    assert run(stack, str(file)) == 0
    login(stack, "zoe@example.com")
    wait_until(lambda: "zoe@example.com" in in_sap(stack), "zoe is in SAP")
    assert posts(stack) == asked + 1


def test_everybody_known_is_sent_once_more(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also to a SAP that has forgotten them; few customers wait for it at a time."""
    addresses = {f"c{number}@example.com" for number in range(3)}
    for address in addresses:
        login(stack, address)
    wait_until(lambda: customers(stack)["clean"] == len(addresses), "all are in SAP")
    httpx.post(f"{stack.sap_url}/_sim/reset", trust_env=False)
    assert run(stack, "--known") == 0
    assert "3 customers to be sent once more" in capsys.readouterr().out
    wait_until(lambda: in_sap(stack).keys() == addresses, "all are in SAP")
    assert run(stack, "--known", "--target", "elsewhere") == 1
    assert "target: expected a target of the settings: default" in capsys.readouterr().err


def test_a_large_file_keeps_nobody_waiting(stack: Stack, tmp_path: Path) -> None:
    """While SAP takes nobody it stops at a number; stopped, it says how to go on."""
    assert cli.main(["pause", "--config", str(stack.config)]) == 0
    file = tmp_path / "customers.ndjson"
    lines = (f'{{"traits":{{"email":"c{number}@example.com"}}}}' for number in range(3000))
    file.write_text("\n".join(lines))
    command = [sys.executable, "-m", "frontdesk_sidecar", "backfill", str(file)]
    process = subprocess.Popen(
        [*command, "--config", str(stack.config)], stdout=subprocess.PIPE, text=True
    )
    with process:
        wait_until(lambda: customers(stack)["due"] > 500, "some wait")
        assert process.stdout is not None
        while "paused by hand" not in (line := process.stdout.readline()):
            assert line
        assert customers(stack)["due"] <= 1000
        process.send_signal(signal.SIGINT)
        assert "run it again to go on" in process.stdout.read()
    assert process.returncode == 1
    assert cli.main(["resume", "--config", str(stack.config)]) == 0
    assert run(stack, str(file)) == 0
    wait_until(lambda: len(in_sap(stack)) == 3000, "all are in SAP")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"email\nmarked@example.com,x\n", "line 2: has more cells than line 1 has names"),
        (b"email\n\xff\xfe\n", "is not UTF-8"),
        (b"", "0 customers"),
        (None, "No such file or directory"),
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
    assert run(idle, str(file)) == 1
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
        ("--known", "--after", "-1"),
    ],
)
def test_what_makes_no_sense(arguments: tuple[str, ...]) -> None:
    """Is a usage error."""
    with pytest.raises(SystemExit) as caught:
        cli.main(["backfill", *arguments])
    assert caught.value.code == 2
