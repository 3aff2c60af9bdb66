"""The desk: stamps findings, counts what became no message, and never raises."""

import atexit
import contextlib
import itertools
import json
import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from asgi_support import JANE, SECRET, all_lines, read_counts, read_lines, read_messages
from frontdesk import desk as desk_module
from frontdesk import disk, identify
from frontdesk.desk import Desk, desk_of
from frontdesk.event import COUNTS, IDENTIFIED, IDENTIFY, LOGGED_IN, MAX_LINE_BYTES
from frontdesk.exceptions import FrontdeskError
from frontdesk.journal import Journal
from frontdesk.rules import Finding
from frontdesk.settings import Capture

FINDING = Finding(LOGGED_IN, "user-1", {"email": JANE}, "POST /login")
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def settings(journal: Path) -> Capture:
    """Settings with a journal of their own."""
    return Capture(journal=str(journal), site="electronics")


@pytest.fixture
def desk(settings: Capture) -> Iterator[Desk]:
    """A desk that writes there."""
    made = Desk(settings)
    yield made
    made.journal.close()


def test_a_finding_becomes_a_message(desk: Desk, journal: Path) -> None:
    """The finding, stamped with an id, the time and the site."""
    before = datetime.now(UTC)
    assert desk.note(FINDING)
    (message,) = read_messages(journal)
    assert (message.event, message.user_id, message.route) == (LOGGED_IN, "user-1", "POST /login")
    assert (message.traits, message.site, message.counts) == ({"email": JANE}, "electronics", {})
    assert before <= message.timestamp <= datetime.now(UTC)
    assert desk.statistics() == {}


def test_message_ids(desk: Desk, settings: Capture, journal: Path) -> None:
    """Each has the shape of a UUID and no other message has it, of this desk or another."""
    other = Desk(settings)
    for _ in range(50):
        assert desk.note(FINDING)
        assert other.note(FINDING)
    other.journal.close()
    ids = [message.message_id for message in read_messages(journal)]
    assert len(set(ids)) == 100
    assert all(uuid.UUID(one).version == 8 and str(uuid.UUID(one)) == one for one in ids)


def test_times_strictly_increase(settings: Capture, journal: Path) -> None:
    """The order of one process's messages is in their times, though the clock stand or step."""
    moments = iter([NOON, NOON, NOON - timedelta(milliseconds=999), NOON + timedelta(seconds=1)])
    made = Desk(settings, now=lambda: next(moments))
    assert all(made.note(FINDING) for _ in range(4))
    made.journal.close()
    tick = timedelta(microseconds=1)
    times = [message.timestamp for message in read_messages(journal)]
    assert times == [NOON, NOON + tick, NOON + 2 * tick, NOON + timedelta(seconds=1)]


def test_a_clock_that_is_set_back(settings: Capture, journal: Path) -> None:
    """A large step is believed: the clock was wrong before."""
    moments = iter([NOON, NOON - timedelta(hours=1), NOON - timedelta(hours=1)])
    made = Desk(settings, now=lambda: next(moments))
    assert all(made.note(FINDING) for _ in range(3))
    made.journal.close()
    first, second, third = (message.timestamp for message in read_messages(journal))
    assert (first, second) == (NOON, NOON - timedelta(hours=1))
    assert third > second


def test_many_threads(desk: Desk, journal: Path) -> None:
    """Every message once, with its own id and its own time, and no count is lost."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)

    def work() -> None:
        for _ in range(250):
            desk.count("skipped.status")
            assert desk.note(FINDING)

    try:
        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    messages = read_messages(journal)
    assert len({message.message_id for message in messages}) == 2000
    assert len({message.timestamp for message in messages}) == 2000
    assert desk.statistics() == {"skipped.status": 2000}
    assert read_counts(journal) == {"skipped.status": 2000}


def test_the_first_use_by_two_threads(settings: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads that come first at the same time lose no count of each other's."""
    real, together = os.urandom, threading.Barrier(2)

    def overlapping(size: int) -> bytes:
        with contextlib.suppress(threading.BrokenBarrierError):
            together.wait(0.2)  # one that comes alone waits no longer
        if threading.current_thread().name == "second":
            first.join(10)
        return real(size)

    made = Desk(settings)
    monkeypatch.setattr(os, "urandom", overlapping)
    first = threading.Thread(target=made.count, args=["skipped.status"], name="first")
    second = threading.Thread(target=made.count, args=["skipped.status"], name="second")
    for thread in (first, second):
        thread.start()
    for thread in (first, second):
        thread.join(10)
    assert made.statistics() == {"skipped.status": 2}


def test_a_note_within_a_note(desk: Desk, journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that is interrupted by another's note still gives its own id."""
    assert desk.note(FINDING)
    process = desk._process
    real = process.lock

    class Interrupted:
        """The lock at which, once, the other thread comes first."""

        def __enter__(self) -> None:
            monkeypatch.setattr(process, "lock", real)
            other = threading.Thread(target=desk.note, args=[FINDING])
            other.start()
            other.join()
            real.acquire()

        def __exit__(self, *error: object) -> None:
            real.release()

    desk.count("skipped.status")
    desk.count("skipped.status")
    monkeypatch.setattr(process, "lock", Interrupted())
    assert desk.note(FINDING)
    ids = [message.message_id for message in read_messages(journal)]
    assert len(set(ids)) == len(ids) == 3


def test_counts_travel(desk: Desk, journal: Path) -> None:
    """What was counted is told once: the first at once, the rest by the next message."""
    desk.count("skipped.status")
    assert read_counts(journal) == {"skipped.status": 1}
    desk.count("skipped.status")
    desk.count("error")
    assert read_counts(journal) == {"skipped.status": 1}
    assert desk.note(FINDING)
    assert desk.note(FINDING)
    first, second = read_messages(journal)
    assert first.counts == {"skipped.status": 1, "error": 1}
    assert second.counts == {}
    assert read_counts(journal) == desk.statistics() == {"skipped.status": 2, "error": 1}


def test_counts_travel_alone(journal: Path) -> None:
    """A process that captures nothing tells why: at once, and then every ten seconds at most."""
    now = [100.0]
    made = Desk(Capture(journal=str(journal), site="north"), clock=lambda: now[0])
    told = []
    for second in range(31):
        now[0] = 100.0 + second
        made.count("skipped.no_sign")
        told.append(sum(read_counts(journal).values()))
    assert told == [1] * 10 + [11] * 10 + [21] * 10 + [31]
    [first, *_] = all_lines(journal)
    line = json.loads(first)
    assert datetime.fromisoformat(line.pop("timestamp")).tzinfo is not None
    assert line == {
        "type": "counts",
        "counts": {"skipped.no_sign": 1},
        "context": {"site": "north"},
    }
    made.journal.close()


def test_counts_that_cannot_be_written_are_kept(tmp_path: Path) -> None:
    """A line of counts that is dropped takes no customer with it, and nothing is lost."""
    now = [100.0]
    place = tmp_path / "late"
    made = Desk(Capture(journal=str(place)), clock=lambda: now[0])
    made.count("skipped.status")
    now[0] += 20
    made.count("skipped.status")
    assert made.statistics() == {"skipped.status": 2}
    place.mkdir()
    made.journal._segments._review_at = 0.0  # as if the back-off had passed
    now[0] += 20
    made.count("skipped.status")
    made.journal.close()
    assert read_counts(place) == {"skipped.status": 3}


def test_a_line_that_fails_is_not_tried_for_every_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where nothing can be written a count costs no more than elsewhere, and the log says so."""
    now = [100.0]
    made = Desk(Capture(journal=str(tmp_path / "none")), clock=lambda: now[0])
    tried: list[bytes] = []
    append = made.journal.append

    def noted(line: bytes, pid: int | None = None) -> bool:
        tried.append(line)
        return append(line, pid)

    monkeypatch.setattr(made.journal, "append", noted)
    for second in range(70):
        now[0] = 100.0 + second
        made.count("skipped.status")
    assert len(tried) == 7
    assert len(caplog.records) == 2  # once a minute
    assert "FRONTDESK_JOURNAL" in caplog.text
    assert made.statistics() == {"skipped.status": 70}


def test_a_drop_is_counted_by_who_gave_the_message(desk: Desk, journal: Path) -> None:
    """`dropped.…` are messages of requests, which rules matched; calls of `identify` are none."""
    for route in ("POST /login", IDENTIFY):
        finding = FINDING._replace(route=route)
        big = finding._replace(traits={"email": JANE, "name": ["x" * MAX_LINE_BYTES]})
        assert not desk.note(big)
        assert not desk.note(finding._replace(traits={"email": object()}))
    desk.tell()
    assert read_counts(journal) == desk.statistics()
    assert desk.statistics() == {
        "dropped.too_large": 1,
        "dropped.unencodable": 1,
        "identify.too_large": 1,
        "identify.unencodable": 1,
    }


def test_telling(desk: Desk, journal: Path) -> None:
    """What is unsent goes at once; nothing makes no line."""
    desk.tell()
    assert all_lines(journal) == []
    for _ in range(3):
        desk.count("error")
    desk.tell()
    desk.tell()
    assert [json.loads(line)["counts"] for line in all_lines(journal)] == [
        {"error": 1},
        {"error": 2},
    ]


@pytest.mark.parametrize("in_memory", [True, False], ids=["memory", "disk"])
def test_threads_that_count(journal: Path, in_memory: bool) -> None:
    """A line for every count, from many threads at once: each is told once."""
    seconds = itertools.count(0, 10)
    made = Desk(Capture(journal=str(journal)), clock=lambda: next(seconds))
    made.journal._in_memory = in_memory
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)

    def work(name: str) -> None:
        for _ in range(200):
            made.count(name)

    try:
        names = ["skipped.status", "skipped.no_sign", "error"] * 2
        threads = [threading.Thread(target=work, args=[name]) for name in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    made.tell()
    made.journal.close()
    assert read_counts(journal) == made.statistics()
    assert read_counts(journal) == dict.fromkeys(names, 400)


def test_counts_of_a_disk_that_fails_later(journal: Path) -> None:
    """The writing thread tells of what it could not write; its counts travel in a later line."""
    now = [100.0]
    made = Desk(Capture(journal=str(journal), journal_limit_bytes=10), clock=lambda: now[0])
    made.journal._in_memory = False
    made.count("skipped.status")
    assert made.note(FINDING)
    now[0] += 20
    made.count("skipped.status")
    made.journal.close()
    assert all_lines(journal) == []
    assert made.statistics() == {"skipped.status": 2, "dropped.journal_full": 1}
    made.journal._segments._limit = 100_000
    made.journal._segments._review_at = 0.0  # as if the back-off had passed
    made.tell()
    made.journal.close()
    assert read_counts(journal) == made.statistics()


class Counting(RuleBasedStateMachine):
    """A journal that comes, goes and fills up: what was counted is told once or still kept."""

    in_memory = True

    def __init__(self) -> None:
        super().__init__()
        memory = "/dev/shm"  # noqa: S108 - a private directory is made in it
        self.root = Path(tempfile.mkdtemp(dir=memory if os.access(memory, os.W_OK) else None))
        self.place, self.away = self.root / "journal", self.root / "away"
        self.place.mkdir()
        self.now = 1000.0
        self.desk = Desk(Capture(journal=str(self.place)), clock=lambda: self.now)
        self.desk.journal = Journal(
            self.place, on_drop=self.desk._dropped, limit_bytes=16_000, clock=lambda: self.now
        )
        self.desk.journal._in_memory = self.in_memory
        self.counted: Counter[str] = Counter()
        self.noted: Counter[bool] = Counter()  # by whether `identify` gave it
        self.read_lines: list[bytes] = []

    def teardown(self) -> None:
        """In the end, when it can be written again, all of it is told."""
        self.bring_back()
        self.read()
        # A disk's thread that measured while the clock went on rests a hundred times as long.
        self.now += 1_000_000
        self.desk.tell()
        self.read()
        assert self.desk._process.unsent == {}
        atexit.unregister(self.desk._end)
        shutil.rmtree(self.root)

    @rule(name=st.sampled_from(["skipped.status", "skipped.no_sign", "error"]))
    def count(self, name: str) -> None:
        self.desk.count(name)
        self.counted[name] += 1

    @rule(
        is_call=st.booleans(),
        name=st.sampled_from(["Jane", "x" * 5000, "x" * MAX_LINE_BYTES, object()]),
    )
    def note(self, is_call: bool, name: object) -> None:
        route = IDENTIFY if is_call else "POST /login"
        traits = {"email": JANE, "name": name}
        self.desk.note(FINDING._replace(route=route, traits=traits))
        self.noted[is_call] += 1

    @rule(seconds=st.sampled_from([0.1, 4, 10, 60]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @precondition(lambda self: self.place.exists())
    @rule()
    def lose(self) -> None:
        self.place.rename(self.away)

    @rule()
    def bring_back(self) -> None:
        if self.away.exists():
            self.away.rename(self.place)

    @rule()
    def read(self) -> None:
        self.desk.journal.close()
        self.agree()
        for directory in (self.place, self.away):
            self.read_lines += all_lines(directory)
            for path in directory.glob("*"):
                path.unlink()

    @precondition(lambda self: self.in_memory)
    @invariant()
    def agree(self) -> None:
        lines = [*self.read_lines, *all_lines(self.place), *all_lines(self.away)]
        documents = [json.loads(line) for line in lines]
        told: Counter[str] = Counter(self.desk._process.unsent)
        written: Counter[bool] = Counter()
        for document in documents:
            told.update(document.get("counts", document["context"].get("counts", {})))
            if document["type"] == "identify":
                written[document["context"]["route"] == IDENTIFY] += 1
        statistics = self.desk.statistics()
        assert told == statistics
        for name, is_call in (("dropped.", False), ("identify.", True)):
            drops = {key: n for key, n in statistics.items() if key.startswith(name)}
            assert written[is_call] + sum(drops.values()) == self.noted[is_call]
            statistics = {key: n for key, n in statistics.items() if key not in drops}
        assert statistics == self.counted


class CountingOnDisk(Counting):
    """The same where a thread writes: what it holds is nowhere else until it is waited for."""

    in_memory = False

    def __init__(self) -> None:
        super().__init__()
        # On a machine with other work a thread may take longer than a process waits at its end.
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(disk, "_END_S", 60.0)

    def teardown(self) -> None:
        """The same."""
        try:
            super().teardown()
        finally:
            self.patch.undo()


TestCounting = Counting.TestCase
TestCounting.settings = hypothesis_settings(deadline=None)
TestCountingOnDisk = CountingOnDisk.TestCase
TestCountingOnDisk.settings = TestCounting.settings


def test_counting_never_raises(desk: Desk, journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors are told of by counting them, so that this cannot be one."""

    def broken(*args: object) -> None:
        raise RuntimeError(SECRET)

    with monkeypatch.context() as patched:
        patched.setattr(desk.journal, "append", broken)
        desk.count("error")
    assert desk.note(FINDING)
    assert read_counts(journal) == desk.statistics() == {"error": 1}


def test_statistics_are_a_copy(desk: Desk) -> None:
    """Who asks gets numbers, not the counters."""
    desk.statistics()["error"] = 99
    assert desk.statistics() == {}


def test_counts_are_not_lost_with_their_message(
    desk: Desk, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dropped message's counts travel in the next one, its own drop among them."""
    desk.count("skipped.status")
    big = FINDING._replace(traits={"email": JANE, "name": ["x" * MAX_LINE_BYTES]})
    assert not desk.note(big)
    assert not desk.note(FINDING._replace(traits={"email": object()}))
    assert desk.note(FINDING)
    counts = {"skipped.status": 1, "dropped.too_large": 1, "dropped.unencodable": 1}
    assert len(read_messages(journal)) == 1
    assert read_counts(journal) == desk.statistics() == counts


def test_counts_survive_a_missing_journal(tmp_path: Path) -> None:
    """However long there is nowhere to write, all of it is told in the end."""
    place = tmp_path / "late"
    made = Desk(Capture(journal=str(place)))
    made.count("skipped.status")
    for _ in range(5):
        assert not made.note(FINDING)
    place.mkdir()
    made.journal._segments._review_at = 0.0  # as if the back-off had passed
    assert made.note(FINDING)
    made.journal.close()
    (message,) = read_messages(place)
    assert message.counts == {"skipped.status": 1, "dropped.journal_missing": 5}


def test_warnings_are_rare_and_say_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One reason is logged once a minute, with what to do, and with nothing of the customer."""
    now = [5.0]

    caplog.set_level(logging.DEBUG)
    made = Desk(Capture(journal=str(tmp_path / "none")), clock=lambda: now[0])
    finding = FINDING._replace(user_id=SECRET, traits={"email": JANE, "name": SECRET})
    for second in range(121):
        now[0] = 5.0 + second
        assert not made.note(finding)
    made.note(finding._replace(traits={"email": JANE, "name": [SECRET * MAX_LINE_BYTES]}))
    texts = [record.getMessage() for record in caplog.records]
    assert len(texts) == 4
    assert all(
        re.match("frontdesk journal_missing: .*FRONTDESK_JOURNAL", text) for text in texts[:3]
    )
    assert texts[3].startswith("frontdesk too_large: ")
    assert {record.name for record in caplog.records} == {"frontdesk"}
    assert {record.levelno for record in caplog.records} == {logging.WARNING}
    assert SECRET not in caplog.text
    assert JANE not in caplog.text
    assert made.statistics() == {"dropped.journal_missing": 121, "dropped.too_large": 1}


def test_one_desk_for_a_journal(journal: Path) -> None:
    """However its directory is written, a journal has one desk; another site has another."""
    one = desk_of(Capture(journal=str(journal)))
    assert desk_of(Capture(journal=f"{journal}/../{journal.name}")) is one
    assert desk_of(Capture(journal=f"{journal}/", presets=())) is one
    assert desk_of(Capture(journal=str(journal), site="garden")) is not one


def test_identify(settings: Capture, journal: Path) -> None:
    """Said by hand: spellings are reserved, values plain, the event chosen."""
    traits = {
        "email": f" {JANE} ",
        "first_name": "Jane\n",
        "vip": True,
        "tags": ["a"],
        "address": {"city": "Walldorf"},
        "nothing": None,
        "object": object(),
    }
    assert identify("user-1", traits, settings=settings)
    assert identify(None, {"email": "JANE@example.com"}, event=LOGGED_IN, settings=settings)
    assert identify(JANE, {}, settings=settings)
    first, second, third = read_messages(journal)
    assert first.traits == {
        "email": JANE,
        "firstName": "Jane",
        "vip": True,
        "tags": ["a"],
        "address": {"city": "Walldorf"},
    }
    assert (first.user_id, first.event, first.route) == ("user-1", IDENTIFIED, "identify")
    assert (second.user_id, second.event) == ("jane@example.com", LOGGED_IN)
    assert third.traits == {"email": JANE}


@pytest.mark.parametrize("name", ["Email", "mail", "email_address"])
def test_identify_knows_the_address_by_every_spelling(
    settings: Capture, journal: Path, name: str
) -> None:
    """The address may be spelled like any other trait."""
    assert identify("user-1", {name: JANE}, settings=settings)
    assert read_messages(journal)[0].traits == {"email": JANE}


@pytest.mark.parametrize(
    ("user_id", "traits"),
    [(None, {}), ("user-1", {"name": "Jane"}), ("user-1", {"email": "jane"}), ("", {"email": ""})],
    ids=range(4),
)
def test_anonymous(
    settings: Capture, journal: Path, user_id: str | None, traits: dict[str, object]
) -> None:
    """Without a usable address nobody is identified, which is counted."""
    assert not identify(user_id, traits, settings=settings)
    assert desk_of(settings).statistics() == {"identify.anonymous": 1}
    assert read_lines(journal) == []


class Awkward:
    """A value that will not be printed."""

    def __str__(self) -> str:
        raise RuntimeError(SECRET)

    __repr__ = __str__


class Nameless:
    """A value that is printed as nothing."""

    def __str__(self) -> str:
        return ""


CYCLE: list[object] = []
CYCLE.append(CYCLE)

ODD: list[tuple[Any, Any, Any]] = [
    ("u", None, IDENTIFIED),
    ("u", "text", IDENTIFIED),
    ("u", 5, IDENTIFIED),
    ("u", [("email", JANE)], IDENTIFIED),
    (Awkward(), {"email": JANE}, IDENTIFIED),
    (Nameless(), {"email": JANE}, IDENTIFIED),
    (5, {"email": JANE}, IDENTIFIED),
    (b"u", {"email": JANE}, IDENTIFIED),
    ("\ud800", {"email": JANE}, IDENTIFIED),
    ("u" * 70_000, {"email": JANE}, IDENTIFIED),
    ("u", {"email": JANE, 5: "x"}, IDENTIFIED),
    ("u", {"email": JANE, "\ud800": "x"}, IDENTIFIED),
    ("u", {"email": JANE, "x": [object()]}, IDENTIFIED),
    ("u", {"email": JANE, "x": ["\ud800"]}, IDENTIFIED),
    ("u", {"email": JANE, "x": [2**80]}, IDENTIFIED),
    ("u", {"email": JANE, "x": {5: 5}}, IDENTIFIED),
    ("u", {"email": JANE, "x": CYCLE}, IDENTIFIED),
    ("u", {"email": JANE, "x": Awkward()}, IDENTIFIED),
    ("u", {"email": JANE}, None),
    ("u", {"email": JANE}, Awkward()),
    ("u", {"email": JANE}, "Something Else"),
    (None, None, None),
]


@pytest.mark.parametrize("is_there", [True, False], ids=["journal", "no-journal"])
@pytest.mark.parametrize(("user_id", "traits", "event"), ODD, ids=range(len(ODD)))
def test_identify_never_raises(
    journal: Path,
    caplog: pytest.LogCaptureFixture,
    user_id: Any,
    traits: Any,
    event: Any,
    is_there: bool,
) -> None:
    """Whatever is handed in: a whole message or a count, and no value in the log."""
    caplog.set_level(logging.DEBUG)
    settings = Capture(journal=str(journal if is_there else journal / "none"))
    taken = identify(user_id, traits, event=event, settings=settings)
    assert len(read_messages(journal)) == (1 if taken else 0)  # decodable, too
    counted = desk_of(settings).statistics()
    assert taken or sum(counted.values()) == 1
    assert counted.keys() <= COUNTS
    assert SECRET not in caplog.text
    assert JANE not in caplog.text


def test_identify_with_a_broken_configuration(
    journal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A wrong file is logged once and stands in nobody's way."""
    (tmp_path / "frontdesk.toml").write_text("[capture]\ncolour = 'red'")
    monkeypatch.setenv("FRONTDESK_CONFIG", str(tmp_path / "frontdesk.toml"))
    monkeypatch.setattr(desk_module, "Capture", lambda: Capture(journal=str(journal)))
    assert identify("u", {"email": JANE})
    assert identify("u", {"email": JANE})
    records = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [record.getMessage() for record in records] == [
        "configuration: capture.colour: is not a setting"
    ]


def test_identify_reads_the_environment(journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without settings those of the environment are used."""
    monkeypatch.setenv("FRONTDESK_JOURNAL", str(journal))
    assert identify("u", {"email": JANE})
    assert len(read_lines(journal)) == 1


async def test_identify_does_not_block(settings: Capture, journal: Path) -> None:
    """It may be called in an event loop."""
    assert identify("u", {"email": JANE}, settings=settings)
    assert len(read_lines(journal)) == 1


def forked(script: str, directory: Path) -> str:
    """What a script prints in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", script, str(directory)],
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


PREAMBLE = """
import os, sys
from frontdesk.desk import Desk
from frontdesk.rules import Finding
from frontdesk.settings import Capture
desk = Desk(Capture(journal=sys.argv[1]))
finding = Finding("Logged In", "u", {"email": "jane@example.com"}, "POST /login")
def forked(work):
    pid = os.fork()
    if pid == 0:
        try:
            os._exit(0 if work() else 1)
        except BaseException:
            os._exit(2)
    assert os.waitpid(pid, 0)[1] == 0
"""


def test_forks_have_ids_of_their_own(journal: Path) -> None:
    """Parent and children never give two messages one id."""
    forked(
        PREAMBLE
        + """
assert desk.note(finding)
for _ in range(3):
    forked(lambda: all(desk.note(finding) for _ in range(20)))
assert desk.note(finding)
""",
        journal,
    )
    assert len({message.message_id for message in read_messages(journal)}) == 62


def test_a_fork_does_not_repeat_the_parent_s_counts(journal: Path) -> None:
    """What the parent counted is told by the parent alone."""
    forked(
        PREAMBLE
        + """
desk.count("skipped.status")
forked(lambda: desk.note(finding))
assert desk.note(finding)
""",
        journal,
    )
    assert len(read_messages(journal)) == 2
    assert read_counts(journal) == {"skipped.status": 1}


def test_a_fork_while_a_thread_counts(journal: Path) -> None:
    """A lock that another thread held while the process forked does not stop the child."""
    forked(
        PREAMBLE
        + """
import signal
def work():
    signal.alarm(5)  # a child that waits for ever is ended
    desk.count("skipped.status")
    return desk.note(finding)
assert desk.note(finding)
with desk._process.lock:
    pid = os.fork()
    if pid == 0:
        os._exit(0 if work() else 1)
assert os.waitpid(pid, 0)[1] == 0
""",
        journal,
    )


def test_forks_while_threads_count(journal: Path) -> None:
    """Each process tells what it counted itself, whatever its parent's threads were at."""
    told = forked(
        PREAMBLE
        + """
import itertools, threading, warnings
warnings.simplefilter("ignore", DeprecationWarning)  # of forking beside threads: that is the point
seconds = itertools.count(0, 3)
desk._clock = lambda: next(seconds)
sys.setswitchinterval(1e-5)
is_over = threading.Event()
def work():
    while not is_over.is_set():
        desk.count("skipped.status")
threads = [threading.Thread(target=work) for _ in range(3)]
for thread in threads:
    thread.start()
def child():
    for _ in range(50):
        desk.count("skipped.no_sign")
    desk.tell()
    return desk.statistics() == {"skipped.no_sign": 50}
for _ in range(10):
    forked(child)
is_over.set()
for thread in threads:
    thread.join()
desk.tell()
print(desk.statistics()["skipped.status"])
""",
        journal,
    )
    assert read_counts(journal) == {"skipped.no_sign": 500, "skipped.status": int(told)}


@pytest.mark.parametrize("in_memory", [True, False], ids=["memory", "disk"])
def test_the_rest_is_told_at_the_end(journal: Path, in_memory: bool) -> None:
    """A process that ends in an orderly way leaves nothing untold; a child tells only its own."""
    forked(
        PREAMBLE
        + f"""
desk.journal._in_memory = {in_memory}
for _ in range(4):
    desk.count("skipped.status")
pid = os.fork()
if pid == 0:
    sys.exit()
assert os.waitpid(pid, 0)[1] == 0
pid = os.fork()
if pid == 0:
    for _ in range(3):
        desk.count("skipped.no_sign")
    sys.exit()
assert os.waitpid(pid, 0)[1] == 0
""",
        journal,
    )
    assert read_counts(journal) == {"skipped.status": 4, "skipped.no_sign": 3}
    assert len(all_lines(journal)) == 4


def test_an_end_without_a_journal_is_silent(journal: Path) -> None:
    """What cannot be told at the end is said by nobody: not in the log either."""
    forked(
        PREAMBLE
        + """
desk.count("skipped.status")
desk.count("skipped.status")
os.rename(sys.argv[1], sys.argv[1] + ".away")
desk.journal.close()
""",
        journal,
    )
    journal.with_name(f"{journal.name}.away").rename(journal)
    assert read_counts(journal) == {"skipped.status": 1}


def test_the_errors_of_this_package() -> None:
    """Every error has the same base."""
    from frontdesk import ConfigurationError, MalformedMessage

    assert issubclass(ConfigurationError, FrontdeskError)
    assert issubclass(MalformedMessage, FrontdeskError)


def test_lines_hold_nothing_else(desk: Desk, journal: Path) -> None:
    """The line's fields are those of the contract."""
    desk.note(FINDING)
    document = orjson.loads(read_lines(journal)[0])
    fields = {"type", "messageId", "timestamp", "userId", "traits", "context", "boot", "clock"}
    assert document.keys() == fields
    assert document["context"].keys() == {"event", "route", "site", "library"}
