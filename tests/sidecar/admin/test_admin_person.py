"""`frontdesk show`: without a sidecar on a real store, and with a real one; how it is worded."""

from __future__ import annotations

import io
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from frontdesk.event import LOGGED_IN, Identify
from frontdesk.journal import Journal
from frontdesk_sidecar import cli
from frontdesk_sidecar.admin.arguments import BadArgument
from frontdesk_sidecar.admin.people import PEOPLE
from frontdesk_sidecar.admin.person import person_lines
from frontdesk_sidecar.demo.stack import Stack
from frontdesk_sidecar.store import Dead, Delivered
from frontdesk_sidecar.store.sqlite import SQLiteStore
from server_support import free_port, wait_until

EMAIL = "marked.ann@marked-host.example"
SECOND = 1_000_000
T0 = 1_795_176_000 * SECOND
NOW = datetime.fromtimestamp(T0 / SECOND + 180, UTC)
RUNNING: dict[str, Any] = {
    "running": True,
    "gate": {"state": "open"},
    "journal": {"path": "/j", "lagBytes": 0},
}


def login(name: str, *, at: int = T0) -> Identify:
    """Of somebody whose every value is marked."""
    moment = datetime.fromtimestamp(at / SECOND, UTC)
    traits = {"email": f"marked.{name}@marked-host.example", "lastName": "Markedlast"}
    return Identify(f"{name}{at}", moment, f"marked-id-{name}", traits, LOGGED_IN, "login", "shop")


class Place:
    """An installation in a directory."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.store = root / "var" / "frontdesk.db"
        self.journal = root / "journal"
        self.config = root / "frontdesk.toml"
        self._capsys = capsys
        self.journal.mkdir()
        self.config.write_text(
            f'[capture]\njournal = "{self.journal}"\n'
            '[sap]\nbase_url = "sap.example.com"\nclient_id = "f"\nclient_secret = "s"\n'
            '[sap.target.business]\nsites = ["b2b"]\n'
            f'[store]\npath = "{self.store}"\n[http]\nport = {free_port()}\n'
        )

    def run(self, *arguments: str) -> tuple[object, str, str]:
        """`frontdesk` with these: exit code, what it said, what it complained of."""
        self._capsys.readouterr()
        code = cli.main([*arguments, "--config", str(self.config)])
        return code, *self._capsys.readouterr()


@pytest.fixture
def place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Place:
    """Without a sidecar."""
    for name in os.environ:
        if name.startswith("FRONTDESK"):
            monkeypatch.delenv(name)
    return Place(tmp_path, capsys)


def test_one_customer_without_a_sidecar(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """At two targets; by address, by user id and typed in; masked until somebody asks."""
    with SQLiteStore.open(place.store) as store:
        store.absorb([login("ann"), login("bob")], {}, T0)
        store.absorb([login("ann")], {}, T0, lambda _: "business")
        done = next(one for one in store.claim(9, T0, SECOND) if "ann" in one.key)
        store.settle([Delivered(done, None, T0, "id-of-delivery")], T0)
        (refused,) = store.claim(9, T0, SECOND, target="business")
        store.settle([Dead(refused, "mapping", "no name", "")], T0)
    code, out, err = place.run("show", EMAIL.upper())
    assert (code, err) == (0, "")
    assert "default: in SAP, delivered " in out
    assert "integrationMessageId id-of-delivery" in out
    assert "business: dead since " in out
    assert "after 1 try: " in out
    assert "then: frontdesk dead retry 3" in out
    assert out.endswith("values are masked; --reveal shows them\n")
    assert "marked" not in out
    assert "Marked" not in out
    assert place.run("show", "marked-id-ann")[1] == out
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{EMAIL}\n"))
    assert place.run("show", "-")[1] == out
    revealed = place.run("show", EMAIL, "--reveal")[1]
    assert all(value in revealed for value in (EMAIL, "marked-id-ann", "Markedlast"))
    code, out, _ = place.run("show", EMAIL, "--json")
    told = json.loads(out)
    assert code == 0
    assert [one["state"] for one in told["customers"]] == ["clean", "dead"]
    assert told["customers"][0]["delivered"]["integrationMessageId"] == "id-of-delivery"
    assert (told["running"], told["journal"]) == (False, {"lagBytes": 0, "unseen": None})
    assert "arked" not in out
    code, out, _ = place.run("show", "marked.bob@marked-host.example")
    assert "default" not in out.splitlines()[0]
    assert "\nnext try: when the sidecar runs again" in out


@pytest.mark.parametrize("who", [EMAIL, "marked-id-ann"])
def test_who_was_never_seen_may_be_in_the_journal(place: Place, who: str) -> None:
    """So many bytes of it; the status of a sidecar that does not run tells them too."""
    with SQLiteStore.open(place.store):
        pass
    code, out, err = place.run("show", who)
    assert (code, err) == (1, "")
    assert out.startswith("never seen: the store holds nothing of this customer\n")
    assert "the journal is read to its end" in out
    journal = Journal(place.journal)
    journal.append(login("ann").encode())
    journal.close()
    size = sum(path.stat().st_size for path in place.journal.glob("*.ndjson"))
    _, out, _ = place.run("show", who)
    assert f"may still be in the journal: {size} B of it were not read yet" in out
    assert "arked" not in out
    _, out, _ = place.run("status")
    assert f"nothing is lost: 0 customers wait in the store, {size} B in the journal\n" in out
    assert json.loads(place.run("status", "--json")[1])["journal"]["lagBytes"] == size
    for path in place.journal.iterdir():
        path.unlink()
    place.journal.rmdir()
    _, out, _ = place.run("show", who)
    assert "journal, which cannot be read from here (No such file or directory)" in out
    _, out, _ = place.run("status")
    assert "what waits there cannot be seen from here (No such file or directory)" in out


def test_the_exit_code_of_the_status(place: Place) -> None:
    """As ever without the option; with it, what a script needs to know."""
    assert place.run("status", "--exit-code")[0] == 4  # no store, no sidecar
    assert place.run("status")[0] == 1
    with SQLiteStore.open(place.store):
        pass
    assert place.run("status", "--exit-code")[0] == 4
    assert place.run("status")[0] == 0
    place.config.write_text("[sap\n")
    assert place.run("status", "--exit-code")[0] == 78


def test_one_customer_with_a_sidecar(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Delivered with the id that SAP saw; in an outage of a quiet site it waits, and why.

    And the address is in no log.
    """
    for name in os.environ:
        if name.startswith("FRONTDESK"):
            monkeypatch.delenv(name)
    stack = Stack(settings="retry_base_s = 0.2\nretry_cap_s = 0.5\n")

    def run(*arguments: str) -> tuple[object, str]:
        capsys.readouterr()
        code = cli.main([*arguments, "--config", str(stack.config)])
        return code, capsys.readouterr().out

    journal = Journal(stack.journal)
    try:
        stack.start_sap()
        stack.start_sidecar()
        journal.append(login("ann", at=int(datetime.now(UTC).timestamp()) * SECOND).encode())
        wait_until(lambda: run("show", EMAIL)[1].startswith("in SAP"), "she is in SAP")
        assert run("status", "--exit-code")[0] == 0
        told = json.loads(run("show", "marked-id-ann", "--json")[1])
        delivered = told["customers"][0]["delivered"]["integrationMessageId"]
        seen = stack.parts["sap"].log.read_text()
        requests = httpx.get(f"{stack.sap_url}/_sim/requests", trust_env=False).text
        assert delivered in requests
        stack.parts.pop("sap").stop()
        journal.append(login("bob", at=int(datetime.now(UTC).timestamp()) * SECOND).encode())
        wait_until(lambda: run("status", "--exit-code")[0] == 5, "it fails more than once")
        status = run("status")[1]
        assert status.startswith("1 customer on the way to SAP failed at least ")
        assert status.splitlines()[1].startswith("do: ")
        told_of: list[str] = []

        def waits() -> bool:  # not while a try is under way
            code, out = run("show", "marked.bob@marked-host.example")
            told_of[:] = [out]
            return code == 0 and out.startswith("waits since ")

        wait_until(waits, "it waits for the next try")
        [out] = told_of
        assert ": the last try failed, " in out
        assert "\nnext try: " in out
        assert "failed tries, the latest at the end" in out
        assert EMAIL not in stack.parts["sidecar"].log.read_text() + seen
    finally:
        journal.close()
        stack.close()


def known(**more: Any) -> dict[str, Any]:
    """As `customer.show` tells of somebody who waits since three minutes."""
    at = "2026-11-20T12:00:00Z"
    said = {"code": "", "text": "", "advice": "", "history": [], "attempts": 0}
    times = {"eventAt": at, "firstSeenAt": at, "changedAt": at, "waitingSince": at}
    who = {"customer": "a•••@b•••", "userId": None, "event": LOGGED_IN, "site": None}
    state = {"id": 7, "target": "default", "state": "pending", "settledAt": None, "erased": False}
    return {
        **said,
        **times,
        **who,
        **state,
        "delivered": None,
        "nextTryAt": at,
        "traits": {},
        **more,
    }


@pytest.mark.parametrize(
    ("one", "status", "line"),
    [
        ({}, {}, "next try: now, it is due"),
        ({"nextTryAt": "2026-11-20T12:03:09Z"}, {}, "next try: in 9 s"),
        ({}, {"gate": {"state": "hand"}}, "next try: after frontdesk resume; somebody paused"),
        ({}, {"gate": {"state": "setup"}}, "next try: when SAP takes customers again; frontdesk"),
        ({}, {"running": False}, "next try: when the sidecar runs again; now it does not"),
        ({"target": "gone"}, {}, "next try: none, for this target is not in the settings"),
        ({"target": "b2b"}, {"targets": [{"name": "b2b"}]}, "next try: now, it is due"),
        ({"state": "leased"}, {}, "being sent right now since 12:00 UTC (3 min)"),
        (
            {"delivered": {"at": "2026-11-20T11:00:00Z", "integrationMessageId": None}},
            {},
            "SAP has older data, delivered 11:00:00 UTC (63 min ago)",
        ),
        ({"state": "clean", "erased": True}, {}, "values      erased by their age; only that"),
        ({"code": "a.word.of.theirs"}, {}, "waits since 12:00 UTC (3 min): the last try failed, S"),
        ({}, {"journal": {"lagBytes": 2048}}, "a newer login of this customer may still be in"),
    ],
)
def test_where_the_customer_is(one: dict[str, Any], status: dict[str, Any], line: str) -> None:
    """Why not in SAP, and when the next try is."""
    lines = person_lines([known(**one)], RUNNING | status, NOW)
    assert any(shown.startswith(line) for shown in lines), lines


def test_what_is_not_an_argument_is_refused(tmp_path: Path) -> None:
    """By its name, never by its value."""
    with SQLiteStore.open(tmp_path / "store.db") as store:
        for name, wrong in (
            ("customer.show", {}),
            ("customer.show", {"key": EMAIL, "id": 1}),
            ("customer.show", {"key": 5}),
            ("customer.show", {"id": EMAIL}),
            ("customer.find", {}),
            ("customer.find", {"userId": "a", "after": -1}),
            ("customer.find", {"userId": "a", EMAIL: 1}),
        ):
            with pytest.raises(BadArgument) as caught:
                PEOPLE[name](store, wrong, T0)
            assert EMAIL not in str(caught.value)
        assert PEOPLE["customer.show"](store, {"id": 5}, T0)["customers"] == []
