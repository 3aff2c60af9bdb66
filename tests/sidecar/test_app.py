"""The sidecar as a process: what it answers, how it ends, and what it never tells anybody."""

from __future__ import annotations

import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from frontdesk import __version__
from frontdesk.event import Identify
from frontdesk.journal import Journal
from frontdesk_sidecar.simulator import SimulatorConfig
from frontdesk_sidecar.simulator.server import running
from frontdesk_sidecar.store.sqlite import SQLiteStore
from quick_start import Forked

STARTED = re.compile(r"started http=(\S+)")
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - private inside
ENVIRON = {name: value for name, value in os.environ.items() if not name.startswith("FRONTDESK")}


def until(condition: Callable[[], bool], within_s: float = 15.0) -> None:
    """Wait for a condition; fails when it does not come."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.04)


class Sidecar:
    """`python -m frontdesk_sidecar run` and its log."""

    def __init__(self, config: Path, log: Path) -> None:
        self.log = log
        command = [sys.executable, "-m", "frontdesk_sidecar", "run", "--config", str(config)]
        self.process = Forked(command, log, ENVIRON)

    def said(self) -> str:
        """Its log so far."""
        return self.log.read_text(encoding="utf-8")

    def ready(self) -> str:
        """Wait until it is ready; its address."""
        until(lambda: STARTED.search(self.said()) is not None or self.process.poll() is not None)
        started = STARTED.search(self.said())
        assert started is not None, self.said()
        url = started[1]
        until(lambda: get(f"{url}/readyz").status_code == 200)
        return url

    def end(self, number: int = signal.SIGTERM, within_s: float = 10.0) -> int:
        """Send a signal; the exit code."""
        self.process.send_signal(number)
        return self.process.wait(within_s)


def get(url: str, **headers: str) -> httpx.Response:
    """One request; 599 when nobody answers."""
    try:
        return httpx.get(url, headers=headers, timeout=5, trust_env=False)
    except httpx.TransportError:
        return httpx.Response(599)


class House:
    """A directory with a journal, a store and a configuration, and the sidecars started in it."""

    def __init__(self, place: Path, sap: str) -> None:
        self.place, self.sap = place, sap
        self.journal = place / "journal"
        self.store = place / "var" / "frontdesk.db"
        self.config = place / "frontdesk.toml"
        self.sidecars: list[Sidecar] = []
        self.configure()

    def configure(
        self,
        settings: str = "",
        *,
        secret: str = "secret",
        mapping: str = "",
        retention_s: float = 3600,
    ) -> None:
        """Write the configuration anew, with more lines."""
        file = self.place / "client_secret"
        file.write_text(f"{secret}\n")
        text = f"""
[capture]
journal = "{self.journal}"
[sap]
base_url = "{self.sap}"
client_id = "frontdesk"
client_secret_file = "{file}"
{mapping}
[store]
path = "{self.store}"
retention_s = {retention_s}
[forward]
rate = 2000
retry_base_s = 0.05
retry_cap_s = 0.2
rest_s = 0.3
quiet_s = 0.3
breaker_s = 0.3
probe_s = 0.3
reject_base_s = 0.05
[log]
level = "debug"
"""
        http = "" if "[http]" in settings else "[http]\nport = 0\n"
        forward = settings.partition("[forward]\n")[2] if "[forward]" in settings else ""
        for line in forward.splitlines():  # instead of the line that is there
            name = line.partition(" ")[0]
            text = re.sub(rf"(?m)^{name} = .*\n", "", text)
        text = text.replace("[forward]\n", f"[forward]\n{forward}")
        self.config.write_text(text + http + ("" if forward else settings))

    def start(self) -> Sidecar:
        """Start a sidecar; not waited for."""
        sidecar = Sidecar(self.config, self.place / f"log-{len(self.sidecars)}")
        self.sidecars.append(sidecar)
        return sidecar

    def run(self) -> tuple[int, str]:
        """Start one that will end by itself: its exit code and what it said."""
        sidecar = self.start()
        return sidecar.process.wait(15), sidecar.said()

    def write(self, *lines: bytes) -> None:
        """A dead web process left these lines."""
        self.journal.mkdir(exist_ok=True)
        name = self.journal / f"{time.time_ns():020d}-1-x.ndjson"
        name.with_suffix(".part").write_bytes(b"".join(lines))
        name.with_suffix(".part").rename(name)

    def faults(self, *faults: dict[str, Any]) -> None:
        """What goes wrong in SAP from now on."""
        httpx.post(f"{self.sap}/_sim/faults", json=list(faults), trust_env=False).raise_for_status()

    def customers(self) -> list[dict[str, Any]]:
        """Who is in SAP."""
        found: list[dict[str, Any]] = get(f"{self.sap}/_sim/customers").json()
        return found

    def uids(self) -> list[str]:
        """Their uids, sorted."""
        return sorted(customer["uid"] for customer in self.customers())

    def hits(self) -> int:
        """How many requests the first fault has struck."""
        [fault] = get(f"{self.sap}/_sim/faults").json()
        struck: int = fault["hits"]
        return struck


@contextmanager
def house_with(config: SimulatorConfig) -> Iterator[House]:
    """A house and its simulator; whatever a test started is ended."""
    with tempfile.TemporaryDirectory(dir=MEMORY) as directory, running(config) as sap:
        house = House(Path(directory), sap)
        try:
            yield house
        finally:
            for sidecar in house.sidecars:
                if sidecar.process.poll() is None:
                    sidecar.process.kill()
                sidecar.process.wait()


@pytest.fixture
def house() -> Iterator[House]:
    """A house with the usual simulator."""
    with house_with(SimulatorConfig()) as built:
        yield built


def login(name: str, **traits: object) -> bytes:
    """A login as a line."""
    now = datetime.now(UTC)
    return Identify(
        f"id-{name}", now, name, {"email": f"{name}@example.com"} | traits, "Logged In"
    ).encode()


def metric(url: str, line: str) -> bool:
    """Whether the metrics have this line."""
    return line in get(f"{url}/metrics").text.splitlines()


# Its life


def test_a_login_goes_all_the_way(house: House) -> None:
    """From the journal's real writer into SAP; then everything is put away and counted."""
    sidecar = house.start()
    url = sidecar.ready()
    assert get(f"{url}/livez").text == "ok\n"
    assert house.journal.stat().st_mode & 0o7777 == 0o2770
    journal = Journal(house.journal)
    try:
        assert journal.append(login("ann", firstName="Ann", lastName="Lee"))
        until(lambda: house.uids() == ["ann@example.com"])
    finally:
        journal.close()
    [customer] = house.customers()
    assert (customer["name"], customer["writes"]) == ("Ann Lee", 1)
    until(lambda: metric(url, 'frontdesk_customers{state="clean",target="default"} 1.0'))
    assert metric(url, 'frontdesk_messages_total{event="Logged In"} 1.0')
    delivered = 'code="http.201",outcome="delivered",target="default"'
    assert metric(url, f"frontdesk_deliveries_total{{{delivered}}} 1.0")
    until(lambda: list(house.journal.glob("*.ndjson")) == [])
    assert sidecar.end() == 0
    log = sidecar.said()
    assert "stopping: finishing what is under way" in log
    assert '"event":"stopped"' in log.splitlines()[-1]
    assert "Traceback" not in log
    left = {file.name.removeprefix(house.store.name) for file in house.store.parent.iterdir()}
    assert left - {".ballast"} == {"", ".key"}


def test_an_interrupt_ends_it_too(house: House) -> None:
    """Ctrl-C is a wish, not a failure; idle, it is fulfilled at once."""
    sidecar = house.start()
    sidecar.ready()
    assert sidecar.end(signal.SIGINT, within_s=4) == 0
    assert "Traceback" not in sidecar.said()
    assert '"event":"stopped"' in sidecar.said().splitlines()[-1]


def test_an_end_right_after_the_start_is_an_orderly_one(house: House) -> None:
    """Once it says that it has started, a SIGTERM is heard: as a container's first process too."""
    command = [sys.executable, "-m", "frontdesk_sidecar", "run", "--config", str(house.config)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=ENVIRON, text=True) as sidecar:
        try:
            assert sidecar.stderr is not None
            assert any(STARTED.search(line) for line in sidecar.stderr)
            sidecar.send_signal(signal.SIGTERM)
            assert '"event":"stopped"' in sidecar.stderr.read().splitlines()[-1]
            assert sidecar.wait(10) == 0
        finally:
            sidecar.kill()


def test_ready_depends_on_the_journal(house: House) -> None:
    """503 with the reason while its directory is away; alive all the time, and ready again."""
    sidecar = house.start()
    url = sidecar.ready()
    away = house.place / "away"
    house.journal.rename(away)
    answer = get(f"{url}/readyz")
    assert (answer.status_code, answer.text) == (503, "journal: No such file or directory\n")
    assert get(f"{url}/livez").status_code == 200
    away.rename(house.journal)
    assert get(f"{url}/readyz").text == "ok\n"
    assert sidecar.end() == 0


def test_metrics_need_the_key(house: House) -> None:
    """Health does not, so that an orchestrator needs none."""
    house.configure('[http]\nport = 0\nkey = "marked-key"\n')
    url = house.start().ready()
    assert get(f"{url}/metrics").status_code == 401
    assert get(f"{url}/metrics", Authorization="Bearer marked-key").status_code == 200
    assert get(f"{url}/livez").status_code == get(f"{url}/readyz").status_code == 200


def test_an_end_while_sap_hangs_is_in_time_and_loses_nothing(house: House) -> None:
    """An orchestrator kills after ten seconds; what was under way is sent again by the next one."""
    sidecar = house.start()
    sidecar.ready()
    house.faults({"kind": "latency", "seconds": 30})
    house.write(login("ann"))
    until(lambda: house.hits() == 1)
    started = time.monotonic()
    assert sidecar.end() == 0
    assert time.monotonic() - started < 10
    assert house.uids() == []
    assert "Traceback" not in sidecar.said()
    house.faults()
    again = house.start()
    again.ready()
    until(lambda: house.uids() == ["ann@example.com"])
    assert again.end() == 0


def test_a_failure_at_the_start_is_said_and_a_next_start_works(house: House) -> None:
    """A port that is taken: exit 1, in words, and the store is left unlocked."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        house.configure(f"[http]\nport = {port}\n")
        code, said = house.run()
    assert code == 1
    assert said == f"frontdesk: http 127.0.0.1:{port}: Address already in use\n"
    sidecar = house.start()
    sidecar.ready()
    assert sidecar.end() == 0


def test_one_store_has_one_sidecar(house: House) -> None:
    """The second says so and ends; the first does not notice."""
    first = house.start()
    url = first.ready()
    code, said = house.run()
    assert code == 1
    assert said.startswith(f"frontdesk: store {house.store}: ")
    assert "another frontdesk has it open" in said
    assert len(said.splitlines()) == 1
    assert get(f"{url}/readyz").status_code == 200
    house.write(login("ann"))
    until(lambda: house.uids() == ["ann@example.com"])
    assert first.end() == 0


def test_a_journal_that_cannot_be_made_is_said(house: House) -> None:
    """With its place and the reason."""
    house.journal = house.place / "file" / "journal"
    (house.place / "file").write_text("")
    house.configure()
    code, said = house.run()
    assert code == 1
    assert said.startswith(f"frontdesk: journal {house.journal}: Not a directory; ")
    assert "FRONTDESK_JOURNAL" in said


def test_a_store_of_a_newer_version_is_left_alone(house: House) -> None:
    """A downgrade says what to do instead of guessing."""
    SQLiteStore.open(house.store).close()
    with closing(sqlite3.connect(house.store)) as connection:
        connection.execute("PRAGMA user_version = 99")
    code, said = house.run()
    assert code == 78
    assert said.startswith(
        f"frontdesk: store {house.store}: frontdesk {__version__} made it schema 99"
    )
    assert "upgrade frontdesk" in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("damage", ["DROP TABLE segments", "DROP TABLE customers", None])
def test_a_damaged_store_is_set_aside(house: House, damage: str | None) -> None:
    """The sidecar says so, keeps what can be read and what was damaged, and goes on."""
    with SQLiteStore.open(house.store) as store:
        store.absorb([Identify.decode(login("ann"))], {}, 1)
    if damage is None:
        house.store.write_bytes(b"this is no database " * 500)
    else:
        with closing(sqlite3.connect(house.store)) as connection:
            connection.execute(damage)
    sidecar = house.start()
    url = sidecar.ready()
    house.write(login("bob"))
    expected = {"bob@example.com"} | ({"ann@example.com"} if damage and "seg" in damage else set())
    until(lambda: set(house.uids()) == expected)
    assert list(house.store.parent.glob("frontdesk.db.damaged-*"))
    assert "salvaged" in sidecar.said()
    assert metric(url, "frontdesk_store_salvages_total 1.0")
    assert sidecar.end() == 0


# When something has to be set right


def test_a_rotated_secret_is_seen_without_a_restart(house: House) -> None:
    """Paused with the reason while it is wrong; at work as soon as the file has the new one."""
    house.configure("[forward]\nprobe_s = 300\n", secret="old")
    sidecar = house.start()
    url = sidecar.ready()
    house.write(login("ann"), login("bob"))
    until(lambda: metric(url, 'frontdesk_gate_shut{reason="setup",target="default"} 1.0'))
    assert metric(url, "frontdesk_degraded 1.0")
    assert get(f"{url}/livez").status_code == get(f"{url}/readyz").status_code == 200
    assert metric(url, 'frontdesk_customers{state="dead",target="default"} 0.0')
    (house.place / "client_secret").write_text("secret\n")
    until(lambda: house.uids() == ["ann@example.com", "bob@example.com"])
    until(lambda: metric(url, "frontdesk_degraded 0.0"))
    said = sidecar.said()
    assert "paused reason=setup code=token.invalid_client" in said
    assert "sending: SAP takes customers again" in said


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 403, "body": "<html>no</html>"},
        {"kind": "status", "status": 404, "code": "not_found", "message": "gone"},
        {"kind": "status", "status": 400, "code": "invalid_property", "parts": True},
    ],
    ids=["403", "404", "mapping"],
)
def test_nobody_is_given_up_while_everybody_would_fare_the_same(
    house: House, fault: dict[str, Any]
) -> None:
    """However often it is tried, also after a restart; it goes on alone when it was set right."""
    house.configure("[forward]\nprobe_s = 0.05\nprobe_cap_s = 0.1\nbatch_above = 3\n")
    house.faults(fault)
    first = house.start()
    first.ready()
    names = [f"c{number}" for number in range(12)]
    house.write(*map(login, names))
    until(lambda: house.hits() >= 3)
    assert first.end() == 0
    second = house.start()
    url = second.ready()
    struck = house.hits()
    until(lambda: house.hits() >= struck + 2)
    assert metric(url, 'frontdesk_customers{state="dead",target="default"} 0.0')
    house.faults()
    until(lambda: house.uids() == sorted(f"{name}@example.com" for name in names), 30)
    assert metric(url, 'frontdesk_customers{state="dead",target="default"} 0.0')


def test_the_second_of_two_leaves_the_first_one_s_door_alone(house: House) -> None:
    """It must not take the socket away from whoever has the store."""
    first = house.start()
    first.ready()
    door = house.store.with_name(house.store.name + ".sock")
    assert door.stat().st_mode & 0o777 == 0o600
    inode = door.stat().st_ino
    assert house.run()[0] == 1
    assert door.stat().st_ino == inode
    assert first.end() == 0
    assert not door.exists()


def test_what_is_no_socket_at_its_place_is_left_alone(house: House) -> None:
    """Exit 1, in words; the file stays, and no damage of the store is suspected."""
    precious = house.place / "precious.txt"
    precious.write_text("precious")
    house.configure(f'[http]\nport = 0\nsocket = "{precious}"\n')
    code, said = house.run()
    assert code == 1
    assert said.startswith(f"frontdesk: http.socket {precious}: ")
    assert len(said.splitlines()) == 1
    assert precious.read_text() == "precious"
    assert not house.store.with_name(house.store.name + ".suspect").exists()


# Privacy

PERSON = {
    "email": "Marked.Person@secret-host.example",
    "firstName": "Markedfirst",
    "lastName": "O'Markedlast Öz",
    "phone": "+49 5550199777",
    "birthday": "1977-07-17",
}
SECRET = "marked-secret-7c1f"


def marked(number: int, **more: object) -> bytes:
    """A login of one of several persons, each with all marked values."""
    traits = {**PERSON, "email": f"{number}.{PERSON['email']}", **more}
    event = "Signed Up"
    return Identify(
        f"m{number}", datetime.now(UTC), f"marked-user-{number}", traits, event
    ).encode()


def uid(number: int) -> str:
    """That person's uid in SAP."""
    return f"{number}.{PERSON['email'].lower()}"


def test_the_values_of_settled_customers_are_erased_when_their_time_is_over(house: House) -> None:
    """Nothing of them is left in the file but the key; newer data is still delivered."""
    first = house.start()
    url = first.ready()
    house.write(login("ann", firstName="Markedfirst", lastName="Markedlast"))
    until(lambda: metric(url, 'frontdesk_customers{state="clean",target="default"} 1.0'))
    assert first.end() == 0
    assert b"Markedfirst" in house.store.read_bytes()
    house.configure(retention_s=0.001)
    second = house.start()
    second.ready()
    assert second.end() == 0
    assert b"Marked" not in house.store.read_bytes()
    third = house.start()
    third.ready()
    house.write(login("ann", firstName="Anna"))
    until(lambda: house.customers()[0]["firstName"] == "Anna")
    assert house.customers()[0]["lastName"] == "Markedlast"
    assert third.end() == 0


def test_nothing_private_leaves_but_to_sap() -> None:
    """Whatever happens to marked persons, no log, metric or answer has a marked value."""
    config = SimulatorConfig(client_secret=SECRET)
    with house_with(config) as house:
        house.configure(
            secret=SECRET,
            mapping='[sap.mapping]\nuid = "lower(email)"\n'
            'contactEmail = "email"\nname = "name || join(\' \', [firstName, lastName])"\n'
            'firstName = "firstName"\nlastName = "lastName"\ncustomerID = "phone"\n',
        )
        token = _token(house.sap)
        texts = _troubled(house)
        private = (*PERSON.values(), SECRET, token, "marked", "Marked", "secret-host", "5550199777")
        for name, text in texts.items():
            found = [value for value in private if value.lower() in text.lower()]
            assert found == [], name
        assert house.store.stat().st_mode & 0o777 == 0o600
        assert house.store.parent.stat().st_mode & 0o777 == 0o700


def _token(sap: str) -> str:
    """The access token that the simulator gives to everybody who asks, for its whole life."""
    form = {"grant_type": "client_credentials", "client_id": "frontdesk", "client_secret": SECRET}
    url = f"{sap}/authorizationserver/oauth/token"
    token: str = httpx.post(url, data=form, trust_env=False).json()["access_token"]
    return token


def _troubled(house: House) -> dict[str, str]:
    """Deliveries, rejections, errors and rubbish; all that could be seen of it, by name."""
    # SAP can repeat what it was sent: the birthday is not among it.
    sent = (value for name, value in PERSON.items() if name != "birthday")
    echo = " | ".join((uid(1), *sent, f"1.{PERSON['email']}"))
    html = {"status": 500, "body": f"<html>{echo} {SECRET}</html>", "contentType": "text/html"}
    grant = {"error": "invalid_client", "error_description": f"{SECRET} {echo}"}
    rejected = {"status": 400, "code": "invalid_attribute_value", "message": f"bad {echo}"}
    house.faults(
        {"kind": "status", "on": "token", "status": 401, "body": grant, "times": 1},
        {"kind": "status", **rejected, "match": uid(1)},
        {"kind": "status", **html, "match": uid(2), "times": 2},
        {"kind": "drop", "match": uid(3), "times": 1},
        {"kind": "status", "status": 400, "code": uid(4), "message": echo, "match": uid(4)},
    )
    house.write(
        *(marked(number) for number in range(5)),
        marked(5, name=["Marked", PERSON["email"]]),
        b"Marked.Person@secret-host.example is no JSON\n",
        marked(6).replace(b'"identify"', b'"Markedfirst"', 1),
        marked(7).replace(b'"timestamp":"', b'"timestamp":"Marked', 1),
        marked(8, email="Markedfirst without an address"),
        marked(9, note="Marked" * 12_000),
        marked(9)[:100],
    )
    sidecar = house.start()
    url = sidecar.ready()
    until(lambda: house.uids() == sorted(uid(number) for number in (0, 2, 3)))
    until(lambda: metric(url, 'frontdesk_customers{state="dead",target="default"} 3.0'))
    until(lambda: metric(url, 'frontdesk_customers{state="clean",target="default"} 3.0'))
    (house.journal / f"{uid(5)}.ndjson").mkdir()
    until(lambda: metric(url, "frontdesk_journal_unreadable_segments 1.0"))
    metrics = get(f"{url}/metrics").text
    house.journal.rename(house.place / "away")
    answer = get(f"{url}/readyz").text
    until(lambda: "journal_unreadable" in sidecar.said())
    assert {file.stat().st_mode & 0o777 for file in house.store.parent.iterdir()} == {0o600}
    assert sidecar.end() == 0
    log = sidecar.said()
    for what in (
        "dead_letter",
        "not_delivered",
        "journal_rejected",
        "delivered customer=",
        "code=mapping",
    ):
        assert what in log
    assert "Traceback" not in log
    return {"log": log, "metrics": metrics, "readyz": answer}
