"""The commands where there are several targets, or customers of one that is no more."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import orjson
import pytest

from frontdesk.event import Identify
from frontdesk_sidecar import cli
from frontdesk_sidecar.admin import http
from frontdesk_sidecar.store import DEFAULT_TARGET, Dead, Store
from frontdesk_sidecar.store.sqlite import SQLiteStore

T = TypeVar("T")
SECOND = 1_000_000
T0 = 1_700_000_000 * SECOND
BUSINESS = '[sap.target.business]\nsites = ["business"]\n'
Run = Callable[..., tuple[object, str, str]]


def login(name: str, site: str) -> Identify:
    """A login of a marked person."""
    traits = {"email": f"marked.{name}@example.com"}
    return Identify(name, datetime.fromtimestamp(T0 / SECOND, UTC), name, traits, site=site)


def by_site(message: Identify) -> str:
    """A site that has a target, or the default one."""
    return str(message.site)


def fill(store: SQLiteStore) -> None:
    """One dead letter of each of three targets, of which one is gone, and one that waits there."""
    people = [login("ann", DEFAULT_TARGET), login("ann", "business"), login("joe", "gone")]
    store.absorb([*people, login("kim", "gone")], {}, T0, by_site)
    for target in (DEFAULT_TARGET, "business", "gone"):
        for claim in store.claim(1, T0, SECOND, target=target):
            store.settle([Dead(claim, "mapping", "no uid")], T0)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation with a store, in which no sidecar runs."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "journal").mkdir()
    write(tmp_path, BUSINESS)
    with SQLiteStore.open(tmp_path / "f.db") as store:
        fill(store)
    return tmp_path


def write(place: Path, targets: str) -> None:
    """The settings."""
    (place / "frontdesk.toml").write_text(
        f'[capture]\njournal = "{place}/journal"\n[store]\npath = "{place}/f.db"\n'
        "[http]\nport = 0\n"
        '[sap]\nbase_url = "sap.example.com"\nclient_id = "f"\nclient_secret = "s"\n' + targets
    )


@pytest.fixture
def run(place: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """`frontdesk` with these arguments: exit code, output, errors."""

    def command(*arguments: str) -> tuple[object, str, str]:
        try:
            code: object = cli.main([*arguments, "--config", "frontdesk.toml"])
        except SystemExit as ended:
            code = ended.code
        out, err = capsys.readouterr()
        assert "marked." not in out + err
        return code, out, err

    return command


def status(run: Run) -> dict[str, Any]:
    """The document."""
    code, out, _ = run("status", "--json")
    assert code == 0
    found: dict[str, Any] = json.loads(out)
    return found


def test_the_status_of_several_targets_without_a_sidecar(run: Run) -> None:
    """Each for itself, and the one that is gone."""
    found = status(run)
    assert [one["name"] for one in found["targets"]] == ["business", DEFAULT_TARGET]
    assert [one["dead"] for one in found["targets"]] == [{"mapping": 1}] * 2
    assert found["unknownTargets"] == {"gone": {"customers": 2, "dead": 1}}
    assert (found["dead"], found["state"]) == ({"mapping": 2}, "stopped")
    assert found["customers"]["dead"] == 2
    shown = run("status")[1].splitlines()
    assert "unknown target gone: 2 customers that nobody sends" in shown
    assert "target business (stopped): https://sap.example.com/odata2webservices" in "".join(shown)


def test_with_one_nothing_is_said_of_several(run: Run, place: Path) -> None:
    """But of what is left of others."""
    with SQLiteStore.open(place / "f.db") as store:
        store.drop_target("gone")
        store.drop_target("business")
    write(place, "")
    found = status(run)
    assert "targets" not in found
    assert "unknownTargets" not in found
    assert "target" not in run("status")[1]
    assert "target" not in run("dead", "list")[1]


def test_a_pause_is_for_one_or_for_all(run: Run, place: Path) -> None:
    """And a name that is not there is said with those that are."""
    code, out, _ = run("pause", "--target", "business")
    assert (code, out.splitlines()[0]) == (
        0,
        (
            "paused: nothing is sent to business until frontdesk resume --target business;"
            " what comes in is kept"
        ),
    )
    assert [one["gate"]["state"] for one in status(run)["targets"]] == ["hand", "open"]
    assert status(run)["state"] == "paused"
    assert run("pause")[0] == 0
    assert [one["gate"]["state"] for one in status(run)["targets"]] == ["hand", "hand"]
    assert run("resume", "--target", DEFAULT_TARGET)[0] == 0
    assert [one["gate"]["state"] for one in status(run)["targets"]] == ["hand", "open"]
    code, _, err = run("pause", "--target", "gone")
    assert (code, err) == (
        1,
        "frontdesk: target: expected a target of the settings: business, default\n",
    )
    with SQLiteStore.open(place / "f.db") as store:
        assert store.recall("pause") is None
        assert store.recall("pause:business")["by"] == "hand"


def test_dead_letters_tell_their_target(run: Run) -> None:
    """In the list and in an export; of one target alone where it is asked for."""
    code, out, _ = run("dead", "list")
    assert code == 0
    assert out.splitlines()[0].split() == [
        *("number", "target", "died", "at", "reason", "tries", "customer"),
    ]
    assert {line.split()[1] for line in out.splitlines()[1:4]} == {
        *("business", "default", "gone"),
    }
    assert run("dead", "list", "--target", "business", "--json")[1].count('"diedAt"') == 1
    lines = run("dead", "export", "--target", "gone")[1].splitlines()
    assert [json.loads(line)["target"] for line in lines] == ["gone"]
    exported = [json.loads(line)["target"] for line in run("dead", "export")[1].splitlines()]
    assert sorted(exported) == ["business", "default", "gone"]
    shown = run("dead", "show", "marked.ann@example.com", "--target", "business")[1]
    assert shown.splitlines()[0].startswith("dead letter 2 of business, since ")


def test_dead_letters_of_one_target_are_retried_and_discarded(run: Run) -> None:
    """All of it, or one customer's; another target's stay."""
    assert run("dead", "retry", "marked.ann@example.com", "--target", "business")[1].startswith(
        "1 dead letter to be sent again"
    )
    assert [one["customers"]["dead"] for one in status(run)["targets"]] == [0, 1]
    code, out, _ = run("dead", "discard", "--target", "gone", "--yes")
    assert (code, out) == (0, "1 dead letter discarded\n")
    assert status(run)["unknownTargets"] == {"gone": {"customers": 1, "dead": 0}}
    code, out, _ = run("dead", "discard", "--target", "gone", "--yes")
    assert (code, out) == (0, "there are no dead letters of gone\n")


@pytest.mark.parametrize("command", ["retry", "discard"])
def test_to_name_none_is_no_wish_for_all(run: Run, command: str) -> None:
    """A slip deletes and sends nothing."""
    code, _, err = run("dead", command)
    assert code == 2
    assert err.endswith("one of KEY, --reason, --all and --target is needed\n")


def test_customers_of_a_target_that_is_gone_are_moved(run: Run, place: Path) -> None:
    """Those that wait and the dead letters; the notes of its time go with it."""
    with SQLiteStore.open(place / "f.db") as store:
        store.remember("gate:gone", {"why": "setup"})
    code, out, _ = run("target", "move", "gone", "--to", "business")
    assert (code, out) == (0, "2 customers of gone moved to business\n")
    found = status(run)
    assert "unknownTargets" not in found
    assert found["targets"][0]["customers"]["pending"] == 2
    with SQLiteStore.open(place / "f.db") as store:
        assert store.recall("gate:gone") is None
    code, _, err = run("target", "move", "gone", "--to", "business")
    assert (code, err) == (1, "frontdesk: there are no customers of a target gone\n")


def test_customers_of_a_target_that_is_gone_are_dropped(run: Run) -> None:
    """Only where somebody says yes."""
    code, _, err = run("target", "drop", "gone")
    assert (code, err) == (2, "frontdesk: there is no terminal to ask at: add --yes\n")
    code, out, _ = run("target", "drop", "gone", "--yes")
    assert (code, out) == (0, "2 customers of gone deleted\n")
    assert "unknownTargets" not in status(run)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("drop", "business", "--yes"), "target: it is in the settings"),
        (("drop", DEFAULT_TARGET, "--yes"), "target: it is in the settings"),
        (("move", "business", "--to", DEFAULT_TARGET), "target: it is in the settings"),
        (("move", "gone", "--to", "gone"), "to: expected a target of the settings"),
        (("move", "gone", "--to", "new"), "to: expected a target of the settings"),
    ],
)
def test_customers_that_somebody_sends_stay(
    run: Run, arguments: tuple[str, ...], said: str
) -> None:
    """And nobody is moved to where nobody would send them either."""
    before = status(run)
    code, _, err = run("target", *arguments)
    assert code == 1
    assert err.startswith(f"frontdesk: {said}")
    assert status(run)["customers"] == before["customers"]


class Desk:
    """Controls of a running sidecar over a store, which note what is asked."""

    targets = ("business", DEFAULT_TARGET)

    def __init__(self, store: SQLiteStore) -> None:
        self.store = store
        self.asked: list[str] = []

    async def status(self) -> dict[str, Any]:
        """Not asked."""
        raise AssertionError

    async def pause(self, target: str | None = None) -> dict[str, Any]:
        """Noted."""
        self.asked.append(f"pause {target}")
        return {"paused": True}

    async def resume(self, target: str | None = None) -> dict[str, Any]:
        """Noted."""
        self.asked.append(f"resume {target}")
        return {"paused": False}

    async def reload(self) -> dict[str, Any]:
        """Not asked for here."""
        raise AssertionError

    async def forget(self, key: str) -> dict[str, Any]:
        """Not asked."""
        raise AssertionError

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
        return operation(self.store)


async def test_a_running_sidecar_is_told_of_targets(place: Path) -> None:
    """By the same operations; what was moved is sent at once."""

    async def ask(operation: str, **arguments: object) -> tuple[int, dict[str, Any]]:
        return await http.answer(desk, operation, orjson.dumps(arguments))

    with SQLiteStore.open(place / "f.db") as store:
        desk = Desk(store)
        assert await ask("pause", target="business") == (200, {"paused": True})
        assert await ask("resume") == (200, {"paused": False})
        assert (await ask("pause", target="gone"))[0] == 400
        assert (await ask("pause", other=1))[0] == 400
        assert desk.asked == ["pause business", "resume None"]
        moved = await ask("target.move", target="gone", to="business", limit=1)
        assert moved == (200, {"moved": 1, "more": True})
        assert desk.asked[-1] == "wake"
        assert await ask("target.drop", target="gone") == (200, {"dropped": 1, "more": False})
        refused = await ask("target.drop", target="business")
        assert refused[0] == 400
        assert (await ask("target.drop"))[1] == {"error": "target: is required"}
        letters = (await ask("dead.list", target="business"))[1]["letters"]
        assert [letter["target"] for letter in letters] == ["business"]
        assert (await ask("dead.retry"))[0] == 400
        assert (await ask("dead.retry", target="business"))[1] == {"retried": 1}
