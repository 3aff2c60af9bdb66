"""The commands, without a sidecar on a real store, and with one that is served."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pwd
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest
import uvicorn

from frontdesk.event import Identify
from frontdesk.journal import Journal
from frontdesk_sidecar import cli
from frontdesk_sidecar.endpoints import create_app
from frontdesk_sidecar.store import Claim, Dead, Store, StoreError
from frontdesk_sidecar.store.sqlite import SQLiteStore
from server_support import free_port, wait_until

T = TypeVar("T")
KEY = "marked-key"
EMAIL = "marked.ann@marked-host.example"
MISSING = "odata.missing_property"
TEXT = "Property [name] is required for EntityType [Customer]."
SECOND = 1_000_000
T0 = 1_700_000_000 * SECOND
RESUMED: dict[str, Any] = {
    "target": "default",
    "byHand": True,
    "gate": "open",
    "code": "",
    "quietUntil": None,
}
REVEALED = (EMAIL, "marked-user-ann", "Markedlast")


@dataclass
class Spoken:
    """What a command said and ended with."""

    code: object
    out: str
    err: str

    @property
    def personal(self) -> list[str]:
        """What of it nobody asked for."""
        return [mark for mark in ("marked", "Marked") if mark in self.out + self.err]


class Place:
    """An installation in a directory."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.root = root
        self.store = root / "var" / "frontdesk.db"
        self.door = root / "var" / "frontdesk.db.sock"
        self.journal = root / "journal"
        self.port = free_port()
        self._capsys = capsys
        self.journal.mkdir()
        self.config = root / "frontdesk.toml"
        self.config.write_text(
            f'[capture]\njournal = "{self.journal}"\n'
            '[sap]\nbase_url = "sap.example.com"\nclient_id = "f"\nclient_secret = "s"\n'
            f'[store]\npath = "{self.store}"\n'
            f'[http]\nport = {self.port}\nkey = "{KEY}"\n'
        )

    def run(self, *arguments: str) -> Spoken:
        """`frontdesk` with these arguments."""
        self._capsys.readouterr()
        try:
            code: object = cli.main([*arguments, "--config", str(self.config)])
        except SystemExit as ended:
            code = ended.code
        out, err = self._capsys.readouterr()
        # The directory is named after the test.
        return Spoken(code, out.replace(str(self.root), "@"), err.replace(str(self.root), "@"))

    def opened(self) -> SQLiteStore:
        """The store, in this process."""
        return SQLiteStore.open(self.store)

    def fill(self, *names: str, code: str = MISSING) -> None:
        """Dead letters of these."""
        with self.opened() as store:
            claims = absorbed(store, *names)
            store.settle([Dead(one, code, TEXT, "id-1") for one in claims], T0)


def absorbed(store: SQLiteStore, *names: str) -> list[Claim]:
    """They logged in and are leased."""
    now = datetime.fromtimestamp(T0 / SECOND, UTC)
    store.absorb(
        [
            Identify(
                *(name, now, f"marked-user-{name}"),
                {"email": f"marked.{name}@marked-host.example", "lastName": "Markedlast"},
            )
            for name in names
        ],
        {},
        T0,
    )
    return store.claim(999, T0, SECOND)


@pytest.fixture
def place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Place:
    """Without a sidecar, and without a terminal."""
    for name in os.environ:
        if name.startswith("FRONTDESK"):
            monkeypatch.delenv(name)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    return Place(tmp_path, capsys)


@dataclass
class Desk:
    """Controls over a store that is held open, as by a running sidecar."""

    store: SQLiteStore
    segments: int = 0
    failure: StoreError | None = None
    asked: list[str] = field(default_factory=list)
    resumed: list[dict[str, Any]] = field(default_factory=lambda: [dict(RESUMED)])

    @property
    def targets(self) -> tuple[str, ...]:
        """Two."""
        return ("business", "default")

    async def status(self) -> dict[str, Any]:
        """The document."""
        self.asked.append("status")
        return {"running": True, "version": "9.9.9", "dead": self.store.dead_codes()}

    async def pause(self, target: str | None = None) -> dict[str, Any]:
        """By hand."""
        self.asked.append(f"pause {target}" if target else "pause")
        if self.failure is not None:
            raise self.failure
        return {"paused": True}

    async def resume(self, target: str | None = None) -> dict[str, Any]:
        """The end of it."""
        self.asked.append(f"resume {target}" if target else "resume")
        return {"paused": False, "resumed": self.resumed}

    async def reload(self) -> dict[str, Any]:
        """Not asked for here."""
        raise AssertionError

    async def forget(self, key: str) -> dict[str, Any]:
        """With what is left."""
        self.asked.append("forget")
        found = self.store.forget(key)
        return {"forgotten": found, "segments": self.segments, "damagedFiles": []}

    async def take(self, lines: Sequence[bytes]) -> Any:
        """Not asked here."""
        raise NotImplementedError

    async def room(self, target: str | None = None) -> Any:
        """Not asked here."""
        raise NotImplementedError

    def wake(self) -> None:
        """Noted."""
        self.asked.append("wake")

    async def run(self, operation: Callable[[Store], T]) -> T:
        """At once."""
        with self.store.transaction():
            return operation(self.store)


@contextlib.contextmanager
def sidecar(place: Place, *, over: str = "socket", key: str | None = KEY) -> Iterator[Desk]:
    """One that runs and answers at one of its doors."""
    with place.opened() as store:
        listener: socket.socket
        if over == "socket":
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(str(place.door))
        else:
            listener = socket.create_server(("127.0.0.1", place.port))
        desk = Desk(store)
        app = create_app(
            ready=_nothing, metrics=_nothing, controls=desk, key=key, trusted=over == "socket"
        )
        config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", ws="none")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            wait_until(lambda: server.started or not thread.is_alive(), "the server is up")
            yield desk
        finally:
            server.should_exit = True
            thread.join(20)
            listener.close()


async def _nothing(*_: object) -> None:
    return None


# Without a sidecar


def test_the_status_is_told_from_the_store(place: Place) -> None:
    """That nothing runs comes first; then what is there."""
    place.fill("ann", "bob")
    spoken = place.run("status")
    assert spoken.code == 0
    assert spoken.out.startswith("not running: ")
    assert f"dead        2 {MISSING}: " in spoken.out
    assert "store       @/var/frontdesk.db: " in spoken.out
    document = json.loads(place.run("status", "--json").out)
    assert (document["running"], document["state"]) == (False, "stopped")
    assert document["customers"]["dead"] == 2
    assert document["store"]["diskFreeBytes"] > 0
    assert spoken.personal == []


def test_a_pause_without_a_sidecar_is_for_its_start(place: Place) -> None:
    """Its time stays when it is said again; resume ends it."""
    place.fill()
    assert "it will start paused" in place.run("pause").out
    with place.opened() as store:
        first = store.recall("pause")
    assert first["by"] == "hand"
    assert place.run("pause").code == 0
    with place.opened() as store:
        assert store.recall("pause") == first
    spoken = place.run("status")
    assert "\npaused by hand since " in spoken.out
    assert "\ndo: frontdesk resume\n" in spoken.out
    assert place.run("resume").code == 0
    with place.opened() as store:
        assert store.recall("pause") is None


def test_why_nothing_was_sent_is_told_when_it_ended(place: Place) -> None:
    """From what the sidecar left in the store."""
    with place.opened() as store:
        store.remember("gate", {"why": "setup", "code": "http.403", "text": "HTTP 403", "at": T0})
    spoken = place.run("status")
    assert "\nwhen it ended, nothing was sent: " in spoken.out
    assert "[http.403]" in spoken.out


def test_opening_the_store_lets_what_was_under_way_rest(place: Place) -> None:
    """A sidecar that was killed a moment ago may have left requests at SAP."""
    with place.opened() as store:
        absorbed(store, "ann")
    assert place.run("status").code == 0
    now = int(datetime.now(UTC).timestamp()) * SECOND
    with place.opened() as store:
        counts = store.counts(now)
        assert (counts.pending, counts.leased) == (1, 0)
        assert counts.due == 0


def test_dead_letters_without_a_sidecar(place: Place) -> None:
    """List, show, retry, discard; masked all along."""
    place.fill("ann", "bob", "cid")
    place.fill("dan", code="mapping")
    for arguments in (
        ("dead", "list"),
        ("dead", "list", "--reason", "mapping", "--limit", "1"),
        ("dead", "list", "--json"),
        ("dead", "show", "1"),
        ("dead", "show", EMAIL.upper(), "--json"),
        ("dead", "export"),
    ):
        spoken = place.run(*arguments)
        assert (spoken.code, spoken.err, spoken.personal) == (0, "", [])
    assert "the latest 1 of 4 dead letters" in place.run("dead", "list", "--limit", "1").out
    assert "--reveal shows them" in place.run("dead", "show", "1").out
    assert place.run("dead", "retry", EMAIL).out.startswith("1 dead letter to be sent again")
    assert place.run("dead", "retry", "--reason", "no.such").out.startswith("there are no")
    assert place.run("dead", "discard", "2", "--yes").out == "1 dead letter discarded\n"
    assert place.run("dead", "discard", "--all", "--yes").out == "2 dead letters discarded\n"
    assert place.run("dead", "list").out == "there are no dead letters\n"
    with place.opened() as store:
        assert store.counts(T0).pending == 1


def test_more_than_a_piece_is_discarded(place: Place) -> None:
    """Piece after piece, to the end."""
    place.fill(*(f"n{number}" for number in range(999)))
    place.fill(*(f"m{number}" for number in range(7)))
    assert place.run("dead", "discard", "--all", "--yes").out == "1,006 dead letters discarded\n"


@pytest.mark.parametrize("arguments", [("show", "1"), ("show", EMAIL, "--json"), ("export",)])
def test_reveal_shows_the_person(place: Place, arguments: tuple[str, ...]) -> None:
    """When somebody asks for it."""
    place.fill("ann")
    spoken = place.run("dead", *arguments, "--reveal")
    assert spoken.code == 0
    assert all(value in spoken.out for value in REVEALED)


@pytest.mark.parametrize("key", ["77", "marked.nobody@marked-host.example"])
@pytest.mark.parametrize("command", [("show",), ("retry",), ("discard", "--yes")])
def test_a_key_that_is_not_there_is_one(place: Place, command: tuple[str, ...], key: str) -> None:
    """And is not repeated."""
    place.fill("ann")
    spoken = place.run("dead", *command, key)
    assert (spoken.code, spoken.out) == (1, "")
    assert spoken.err == "frontdesk: there is no dead letter of this number or address\n"


def test_an_export_is_a_new_private_file(place: Place) -> None:
    """0600 whatever the umask, one letter a line, never over another file or through a link."""
    place.fill(*(f"n{number}" for number in range(501)))
    output = place.root / "dead.ndjson"
    before = os.umask(0)
    try:
        spoken = place.run("dead", "export", "--output", str(output))
    finally:
        os.umask(before)
    assert (spoken.code, spoken.out) == (0, "501 dead letters in @/dead.ndjson\n")
    assert output.stat().st_mode & 0o777 == 0o600
    letters = [json.loads(line) for line in output.read_text().splitlines()]
    assert len({letter["id"] for letter in letters}) == 501
    assert "marked" not in output.read_text().lower()
    content = output.read_bytes()
    link = place.root / "link"
    link.symlink_to(place.root / "elsewhere")
    for target in (output, link, place.root / "no" / "such"):
        spoken = place.run("dead", "export", "--output", str(target))
        assert spoken.code == 1
        assert spoken.err.startswith(f"frontdesk: @/{target.relative_to(place.root)}: ")
    assert output.read_bytes() == content
    assert not (place.root / "elsewhere").exists()


def test_an_export_that_fails_leaves_no_file(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of it would be taken for all."""
    place.fill("ann")

    def fail(*_: object) -> object:
        raise StoreError("the disk failed")

    monkeypatch.setattr(SQLiteStore, "dead", fail)
    spoken = place.run("dead", "export", "--output", str(place.root / "out"))
    assert (spoken.code, spoken.err) == (
        1,
        "frontdesk: store @/var/frontdesk.db: the disk failed\n",
    )
    assert not (place.root / "out").exists()


def test_forgetting_without_a_sidecar_says_what_is_left(place: Place) -> None:
    """The journal may bring the customer back; a damaged store may hold it."""
    place.fill("ann", "bob")
    journal = Journal(place.journal)
    line = Identify("x", datetime.now(UTC), "u", {"email": EMAIL.upper()})
    assert journal.append(line.encode())
    journal.close()
    damaged = place.store.with_name(place.store.name + ".damaged-20260101T000000Z")
    damaged.write_bytes(b"")
    spoken = place.run("forget", EMAIL.upper(), "--yes")
    assert spoken.code == 0
    assert spoken.out.startswith("forgotten: ")
    assert "1 segment of the journal" in spoken.err
    assert "forget again" in spoken.err
    assert "@/var/frontdesk.db.damaged-20260101T000000Z was set aside" in spoken.err
    assert spoken.personal == []
    assert EMAIL.encode() not in place.store.read_bytes()
    assert b"marked.bob@" in place.store.read_bytes()
    again = place.run("forget", EMAIL, "--yes")
    assert (again.code, again.out) == (1, "")


@pytest.mark.parametrize(
    "arguments", [("forget", EMAIL), ("dead", "discard", "1"), ("dead", "discard", "--all")]
)
def test_without_a_terminal_deleting_needs_yes(place: Place, arguments: tuple[str, ...]) -> None:
    """A script says what it means."""
    place.fill("ann")
    spoken = place.run(*arguments)
    assert (spoken.code, spoken.out) == (2, "")
    assert spoken.err == "frontdesk: there is no terminal to ask at: add --yes\n"
    assert "1 " in place.run("dead", "list").out


class Keyboard(io.StringIO):
    """Somebody at a terminal."""

    def isatty(self) -> bool:
        """They are."""
        return True


@pytest.mark.parametrize(
    ("typed", "code", "left"), [("y\n", 0, 0), ("YES\n", 0, 0), ("n\n", 1, 1), ("", 1, 1)]
)
@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        (("dead", "discard", "1"), f"discard dead letter 1 (m•••@m•••.example, {MISSING}) with"),
        (("dead", "discard", "--all"), "discard 1 dead letter with all that"),
        (("forget", EMAIL), "delete everything known of this customer"),
    ],
)
def test_at_a_terminal_deleting_is_asked_for(
    place: Place,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    asked: str,
    typed: str,
    code: int,
    left: int,
) -> None:
    """What is meant is shown, masked; only yes is yes, and the end of input is no."""
    place.fill("ann")
    monkeypatch.setattr("sys.stdin", Keyboard(typed))
    spoken = place.run(*arguments)
    assert spoken.code == code
    assert spoken.err.startswith(asked)
    assert spoken.personal == []
    with place.opened() as store:
        assert store.counts(T0).dead == left


def test_without_a_store_that_is_said(place: Place) -> None:
    """And none is made."""
    for arguments in (("status",), ("dead", "list"), ("pause",), ("forget", EMAIL, "--yes")):
        spoken = place.run(*arguments)
        assert (spoken.code, spoken.out) == (1, "")
        assert spoken.err.startswith("frontdesk: no sidecar runs, and there is no store @/var/")
    assert not place.store.exists()


def test_a_slip_in_asking_for_dead_letters_is_named(place: Place) -> None:
    """The reason that nobody died of, and the limit that is no number."""
    place.fill("ann")
    spoken = place.run("dead", "list", "--reason", "foo")
    assert (spoken.code, spoken.out) == (0, "there are no dead letters of the reason foo\n")
    spoken = place.run("dead", "list", "--limit", "x")
    assert spoken.code == 2
    assert "expected a whole number" in spoken.err


@pytest.mark.parametrize("is_hidden", [False, True])
def test_another_user_is_told_whose_the_store_is(
    place: Place, monkeypatch: pytest.MonkeyPatch, is_hidden: bool
) -> None:
    """And not to take it away from the sidecar that runs."""
    place.fill("ann")
    us, lstat = os.geteuid(), os.lstat

    def looked(path: Any, **given: Any) -> os.stat_result:
        if is_hidden and path == place.store:
            raise PermissionError(13, "Permission denied", str(path))
        return lstat(path, **given)

    monkeypatch.setattr(os, "lstat", looked)
    monkeypatch.setattr(os, "geteuid", lambda: 987_654)
    name = pwd.getpwuid(us).pw_name
    for arguments in (("status",), ("dead", "list")):
        spoken = place.run(*arguments)
        assert (spoken.code, spoken.out) == (1, "")
        assert spoken.err == (
            f"frontdesk: this store belongs to user {name} ({us}), you are 987654: run the command"
            f" as that user, such as sudo -u {name} frontdesk {' '.join(arguments)}\n"
        )


def test_a_store_that_is_open_elsewhere_without_an_answer(place: Place) -> None:
    """What is the case, and what to do; a socket left by somebody who died is no door."""
    place.fill("ann")
    with place.opened(), contextlib.closing(socket.socket(socket.AF_UNIX)) as left:
        left.bind(str(place.door))
        spoken = place.run("status")
    assert (spoken.code, spoken.out) == (1, "")
    assert "another process has @/var/frontdesk.db open, but no sidecar answers" in spoken.err
    assert "set http.key" in spoken.err


def spoilt(place: Place, statement: str) -> None:
    """A store that holds what frontdesk never wrote."""
    place.fill("ann")
    with contextlib.closing(sqlite3.connect(place.store)) as connection, connection:
        connection.execute(statement)


def test_what_nobody_expected_is_told_in_words(place: Place) -> None:
    """Not as a traceback, which could show values."""
    spoilt(place, "UPDATE customers SET facts = CAST('[[\"marked\"]]' AS BLOB)")
    spoken = place.run("dead", "list")
    assert (spoken.code, spoken.out) == (1, "")
    assert "dead.list met something unexpected" in spoken.err
    assert len(spoken.err.splitlines()) == 1
    assert "arked" not in spoken.err


def test_a_time_beyond_the_calendar_is_shown_all_the_same(place: Place) -> None:
    """It was a clock, or a damaged page."""
    spoilt(place, "UPDATE customers SET settled_at = 1 << 60")
    spoken = place.run("dead", "list")
    assert spoken.code == 0
    assert "9999-12-31T23:59:59Z" in spoken.out


@pytest.mark.parametrize(
    "wrong",
    [
        "[store]\npath = 1\n",
        "[http]\nport = 'x'\n",
        "[capture]\njournal = 'near'\n",
        "[sap]\ntarget = 1\n",
        "[[",
    ],
)
def test_a_configuration_without_which_nothing_is_reached_is_78(place: Place, wrong: str) -> None:
    """As for every command."""
    place.config.write_text(wrong)
    assert place.run("status").code == 78


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            'client_secret = "s"',
            'client_secret_file = "/none"',
            "sap.client_secret_file: cannot be read: No such file or directory",
        ),
        ('client_id = "f"', "", "sap.client_id: is required"),
        ("[store]", '[sap.mapping]\nuid = "no("\n[store]', "sap.mapping.uid"),
        ("[sap]", "rule = 1\n[sap]", "capture.rule: expected [[capture.rule]] tables"),
        ("[store]", "[forward]\nrate = 0\n[store]", "forward.rate: expected"),
    ],
)
def test_what_a_command_does_not_need_does_not_stop_it(
    place: Place, old: str, new: str, problem: str
) -> None:
    """The sidecar runs with what it read when it began; the output says what would be refused."""
    place.fill("ann")
    place.config.write_text(place.config.read_text().replace(old, new))
    for arguments in (
        *(("status",), ("status", "--json"), ("dead", "list"), ("pause",), ("resume",)),
        ("forget", EMAIL, "--yes"),
    ):
        spoken = place.run(*arguments)
        assert (spoken.code, bool(spoken.out)) == (0, True)
        note = "note: these settings would be refused at the next start: "
        assert spoken.err.startswith(note + problem)
        assert len(spoken.err.splitlines()) == 1
    # It does not run, and to start it is no remedy.
    assert f"do: correct the settings ({problem}" in place.run("status").out
    assert place.run("run").code == 78


def test_customers_of_a_target_that_is_wrong_are_nobodys_to_drop(place: Place) -> None:
    """The name is in the settings, whatever else is wrong with it."""
    place.fill("ann")
    place.config.write_text(place.config.read_text() + '[sap.target.b2b]\nclient_id = ""\n')
    spoken = place.run("target", "drop", "b2b", "--yes")
    assert spoken.code == 1
    assert "it is in the settings" in spoken.err


# With a sidecar


@pytest.mark.parametrize("over", ["socket", "tcp"])
def test_a_running_sidecar_is_asked(place: Place, over: str) -> None:
    """Through its socket, or over TCP with the key; the store is its own."""
    place.fill("ann", "bob")
    with sidecar(place, over=over) as desk:
        assert place.run("status").out.startswith("2 dead letters: ")
        assert json.loads(place.run("status", "--json").out)["version"] == "9.9.9"
        assert place.run("pause").out.startswith("paused: nothing is sent until frontdesk resume")
        assert place.run("resume").out == (
            "resumed: the pause by hand is over; what is due is sent\n"
        )
        spoken = place.run("dead", "list")
        assert "m•••@m•••.example" in spoken.out
        assert spoken.personal == []
        spoken = place.run("dead", "show", EMAIL, "--reveal")
        assert all(value in spoken.out for value in REVEALED)
        assert place.run("dead", "retry", "1").out == (
            "1 dead letter to be sent again, at once or forward.rest_s after the last try\n"
        )
        assert desk.asked[-1] == "wake"
        assert place.run("dead", "discard", "1", "--yes").code == 1
        assert place.run("forget", EMAIL, "--yes").code == 0
        desk.segments = 2
        spoken = place.run("forget", "marked.bob@marked-host.example", "--yes")
        assert "2 segments of the journal still name this customer; they were read" in spoken.err
        assert place.run("forget", EMAIL, "--yes").code == 1
        assert desk.store.counts(T0).dead == 0


@pytest.mark.parametrize(
    ("gate", "quiet", "said"),
    [
        ("open", None, "it was not paused by hand; what is due is sent"),
        (
            "failing",
            None,
            (
                "it was not paused by hand; the first customer due is tried now, and the others are"
                " sent if SAP takes it (failing, connect)"
            ),
        ),
        (
            "throttled",
            "2026-11-21T12:50:29Z",
            (
                "it was not paused by hand; SAP asked for silence until @, which resume does not"
                " shorten"
            ),
        ),
    ],
)
def test_what_resuming_means_is_told(place: Place, gate: str, quiet: str | None, said: str) -> None:
    """Nothing is promised that does not happen."""
    code = "" if gate == "open" else "connect"
    one = {"target": "b2b", "byHand": False, "gate": gate, "code": code, "quietUntil": quiet}
    if quiet is not None:
        said = said.replace("@", f"{datetime.fromisoformat(quiet).astimezone():%H:%M:%S}")
    with sidecar(place) as desk:
        desk.resumed = [one]
        assert place.run("resume").out == f"resumed: {said}\n"
        desk.resumed = [one, one]
        assert place.run("resume").out == f"b2b: {said}\n" * 2


def test_while_no_sidecar_runs_nobody_is_told_the_key(place: Place) -> None:
    """Whoever listens at its port then may be anybody; the store is here to be asked."""
    place.fill("ann")
    with socket.create_server(("127.0.0.1", place.port)) as anybody:
        assert place.run("status").code == 0
        anybody.setblocking(False)
        with pytest.raises(BlockingIOError):
            anybody.accept()


def test_the_key_of_another_sidecar_is_refused(place: Place) -> None:
    """And said without any key."""
    place.fill("ann")
    with sidecar(place, over="tcp", key="another") as desk:
        spoken = place.run("dead", "list")
    assert (spoken.code, spoken.out) == (1, "")
    assert spoken.err == "frontdesk: the sidecar has another http.key than these settings\n"
    assert desk.asked == []


def test_no_proxy_of_the_environment_sees_the_key(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person's shell may name one."""
    place.fill("ann")
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    with sidecar(place, over="tcp"):
        assert place.run("status").code == 0


def test_a_sidecar_whose_store_fails_says_so(place: Place) -> None:
    """Nothing is done behind its back."""
    place.fill("ann")
    with sidecar(place) as desk:
        desk.failure = StoreError("the disk is full")
        spoken = place.run("pause")
    assert spoken.code == 1
    assert spoken.err == "frontdesk: the store cannot be asked: the disk is full\n"


def test_something_else_at_the_address_is_no_sidecar(place: Place) -> None:
    """Its answer is not shown; the store is not here, so the key is for whoever has it."""

    async def other(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"<marked>"})

    listener = socket.create_server(("127.0.0.1", place.port))
    config = uvicorn.Config(other, log_config=None, lifespan="off", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        wait_until(lambda: server.started, "the server is up")
        spoken = place.run("status")
    finally:
        server.should_exit = True
        thread.join(20)
        listener.close()
    assert spoken.code == 1
    assert spoken.err == ("frontdesk: HTTP 200: something else answers where the sidecar should\n")


# As processes


def started(place: Place, *arguments: str) -> subprocess.Popen[str]:
    """A command of its own."""
    environ = {name: value for name, value in os.environ.items() if "FRONTDESK" not in name}
    return subprocess.Popen(
        [sys.executable, "-m", "frontdesk_sidecar", *arguments, "--config", str(place.config)],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_watching_sees_a_restart_through_and_ends_on_ctrl_c(place: Place) -> None:
    """A line of JSON each second; what is the matter meanwhile is on standard error."""
    place.fill("ann")
    with started(place, "status", "--watch", "--json") as watching:
        try:
            assert watching.stdout is not None
            assert watching.stderr is not None
            with sidecar(place):
                while not json.loads(watching.stdout.readline())["running"]:
                    pass
            place.door.unlink()
            while json.loads(watching.stdout.readline())["running"]:
                pass
            watching.send_signal(signal.SIGINT)
            assert watching.wait(10) == 0
            assert "Traceback" not in watching.stderr.read()
        finally:
            watching.kill()


def test_a_reader_that_has_enough_is_no_failure_to_speak_of(place: Place) -> None:
    """`frontdesk dead export | head -1`: no traceback."""
    place.fill(*(f"n{number}" for number in range(900)))
    with started(place, "dead", "export") as export:
        assert export.stdout is not None
        assert export.stderr is not None
        export.stdout.readline()
        export.stdout.close()
        assert export.stderr.read() == ""
        assert export.wait(10) == 1
