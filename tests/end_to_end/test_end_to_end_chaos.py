"""A short run of the fault harness, and its judge against runs that are made up.

`python -m chaos` is the long one; CHAOS_SEED=7 chooses other faults here.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from chaos.book import Book, Customer
    from chaos.judge import Judge

ROOT = Path(__file__).parents[2]
SEED = os.environ.get("CHAOS_SEED", "20261121")
SECONDS = os.environ.get("CHAOS_SECONDS", "14")


@pytest.mark.timeout(240)
def test_nothing_is_lost_whatever_breaks(tmp_path: Path) -> None:
    """Faults of every kind under load; the harness's exit code and its own figures."""
    report = tmp_path / "report.json"
    command = [
        *(sys.executable, "-m", "chaos", "--seed", SEED, "--seconds", SECONDS),
        *("--customers", "30", "--json", str(report)),
    ]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as chaos:
        try:
            said, _ = chaos.communicate(timeout=200)
        finally:
            chaos.terminate()  # it ends what it started
    assert chaos.returncode == 0, said
    found = json.loads(report.read_text())
    assert (found["lost"], found["reordered"], found["violations"]) == (0, 0, []), said
    assert found["rounds"] > 2, said
    assert found["obligations"] > 10, said
    assert found["obligations"] == found["delivered"] + sum(found["dead"].values()), said


@pytest.fixture
def book(monkeypatch: pytest.MonkeyPatch) -> Book:
    """A book; `chaos` is no installed package."""
    monkeypatch.syspath_prepend(str(ROOT))
    from chaos.book import Book

    return Book()


@pytest.fixture
def kim(book: Book) -> Customer:
    """A customer who tried three names and was answered for two."""
    customer = book.new()
    customer.tried, customer.answered = 3, 2
    return customer


@pytest.fixture
def judge(book: Book) -> Judge:
    """The judge over the book."""
    from chaos.judge import Judge

    return Judge(book)


def apply(judge: Judge, customer: Customer, *versions: int, **changes: object) -> None:
    """SAP applied these states, with some attributes changed."""
    for version in versions:
        payload = customer.record(version) | changes
        commit = {"seq": judge.seen + 1, "uid": customer.email, "payload": payload}
        judge.take([{**commit, "integrationMessageId": "m"}])


def ended(judge: Judge, customer: Customer, dead: dict[str, str] | None = None) -> list[str]:
    """The kinds of violations at the end, when SAP has what was applied."""
    mark = judge.marks.get(customer.email)
    judge.final([customer.record(mark)] if mark else [], dead or {})
    return [one.kind for one in judge.violations]


@pytest.mark.parametrize(
    ("applied", "kinds"),
    [
        ((2,), []),
        ((1, 3), []),
        ((2, 2), []),
        ((1,), ["lost"]),
        ((), ["lost"]),
        ((2, 1), ["reordered", "lost"]),
        ((2, 1, 2), ["reordered"]),
        ((2, 4), ["foreign"]),
    ],
)
def test_the_judge_sees_what_is_lost_reordered_or_made_up(
    judge: Judge, kim: Customer, applied: tuple[int, ...], kinds: list[str]
) -> None:
    """The newest answered name or a newer one that was tried, and never an older one later."""
    apply(judge, kim, *applied)
    assert ended(judge, kim) == kinds


def test_a_repeated_state_is_a_duplicate(judge: Judge, kim: Customer) -> None:
    """Counted, and no violation."""
    apply(judge, kim, 1, 2, 2, 2)
    assert judge.duplicates[kim.email] == 2
    assert ended(judge, kim) == []


def test_values_that_nobody_typed_are_seen(judge: Judge, kim: Customer) -> None:
    """In any attribute, and attributes beside those typed."""
    apply(judge, kim, 2, firstName="Kin")
    apply(judge, kim, 2, password="password-marked-4711")
    assert [one.kind for one in judge.violations] == ["foreign", "foreign"]


def test_strangers_are_seen(judge: Judge, kim: Customer) -> None:
    """In what was applied, and in what SAP has."""
    stranger = {"uid": "denied@chaos.example", "lastName": "denied"}
    commit: dict[str, Any] = {"seq": 1, "uid": stranger["uid"], "payload": stranger}
    judge.take([commit])
    judge.final([stranger], {})
    assert [one.kind for one in judge.violations] == ["stranger", "lost", "stranger"]


def test_a_gap_in_what_sap_tells_is_seen(judge: Judge, kim: Customer) -> None:
    """A commit that is missing could have been anything."""
    judge.seen = 5
    judge.take([{"seq": 7, "uid": kim.email, "payload": kim.record(2)}])
    assert [one.kind for one in judge.violations] == ["gap"]


def test_dead_letters_are_for_those_made_poison(judge: Judge, kim: Customer) -> None:
    """With a reason they settle what is owed; anybody else's is a violation."""
    assert ended(judge, kim, {kim.email: "odata.x: no"}) == ["lost", "dead"]
    judge.violations.clear()
    kim.is_poisoned = True
    assert ended(judge, kim, {kim.email: "odata.x: no"}) == []
    assert ended(judge, kim, {kim.email: ""}) == ["lost"]


def test_damage_is_forgiven_until_the_next_login_arrived(
    judge: Judge, book: Book, kim: Customer
) -> None:
    """What the store had is lost with it; what was answered afterwards must hold."""
    apply(judge, kim, 3)
    judge.forgive()
    book.void()
    apply(judge, kim, 1)
    assert judge.resurrected == 1
    assert ended(judge, kim) == []
    kim.tried = kim.answered = 4
    apply(judge, kim, 4, 2)
    assert ended(judge, kim) == ["reordered", "lost"]


def test_the_same_seed_injects_the_same_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them before one comes again, and none beside another that touches the same."""
    monkeypatch.syspath_prepend(str(ROOT))
    from chaos import faults_files, faults_process, faults_sap
    from chaos.faults import FAULTS
    from chaos.plan import rounds

    assert faults_files
    assert faults_process
    assert faults_sap
    faults = sorted(FAULTS.values(), key=lambda one: one.name)
    first, second = (list(islice(rounds(faults, 7), len(faults))) for _ in range(2))
    assert first == second
    names = [one.name for drawn in first for one in drawn]
    assert sorted(names[: len(faults)]) == [one.name for one in faults]
    for drawn in first:
        touched = [part for one in drawn for part in one.touches]
        assert len(touched) == len(set(touched))
