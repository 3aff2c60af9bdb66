"""The journal's writing end where there is no room: real file systems, real limits, real apps."""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

import orjson
import pytest

from asgi_support import Server, finish, logging_in, said, scope_of
from frontdesk import Capture, CaptureMiddleware
from frontdesk import journal as journal_module
from frontdesk.asgi import Receive, Send
from frontdesk.desk import desk_of
from frontdesk.event import counts_of
from frontdesk.exchange import Scope
from frontdesk.journal import SUFFIX, Journal

SIZE_BYTES = 64 * 1024


@pytest.fixture
def small(journal: Path) -> Iterator[Path]:
    """A tmpfs of 64 KiB, for which one must be allowed to mount."""
    place = journal / "small"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_BYTES}", "tmpfs", str(place)]
    if os.geteuid() or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a tmpfs")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a failure the very next line is tried again."""
    monkeypatch.setattr(journal_module, "_RETRY_S", (0.0, 0.0))


class Found:
    """What a reader takes from the directory: whole lines, torn ends, and room again."""

    def __init__(self) -> None:
        self.emails: list[str] = []
        self.counted = 0
        self.torn = 0
        self._offsets: dict[str, int] = {}

    def take(self, directory: Path) -> None:
        """Read what is new of every segment, and remove those that were let go."""
        for path in sorted(directory.glob(f"*{SUFFIX}")):
            with path.open("rb") as file:
                is_finished = is_let_go(file.fileno())
                file.seek(self._offsets.get(path.name, 0))
                *lines, rest = file.read().split(b"\n")
            for line in lines:
                self._take(line)
            self._offsets[path.name] = path.stat().st_size - len(rest)
            if is_finished:
                path.unlink()
                self.torn += bool(rest)

    def _take(self, line: bytes) -> None:
        message = orjson.loads(line)  # raises for a line that was merged with a torn one
        self.counted += counts_of(line).get("dropped.journal_full", 0)
        if message["type"] == "identify":
            traits = message["traits"]
            assert set(traits["firstName"]) == {traits["email"][0]}
            self.emails.append(traits["email"])


def is_let_go(fd: int) -> bool:
    """True when no writer holds the segment."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def test_a_full_disk_under_an_app(small: Path) -> None:
    """Each login is taken whole or counted as dropped, once; the app answers as ever."""
    chance = Random(20261120)
    settings = Capture(journal=str(small))
    found, number = Found(), 1500
    answer: dict[str, str] = {}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await logging_in({"user": answer})(scope, receive, send)

    wrapped = CaptureMiddleware(app, settings=settings)
    for count in range(number):
        who = f"{'abcdefghij'[count % 10]}{count}@example.com"
        answer.update(email=who, firstName=who[0] * chance.randint(1, 250))
        server = finish(Server(said(b"{}")).call(wrapped, scope_of()))
        kinds = [message["type"] for message in server.sent]
        assert kinds == ["http.response.start", "http.response.body"]
        if chance.random() < 0.005:
            found.take(small)
    desk = desk_of(settings)
    found.take(small)
    desk.tell()  # there is room: what was counted and not told yet travels now
    found.take(small)
    dropped = desk.statistics()["dropped.journal_full"]
    assert desk.statistics().keys() == {"dropped.journal_full"}
    assert found.torn > 0, "no line was ever cut: this test shows nothing"
    assert 0 < dropped < number
    assert found.counted == dropped
    assert len(found.emails) == len(set(found.emails)) == number - dropped


CHILD = """
import os, resource, sys
from frontdesk import journal as module
module._RETRY_S = (0.0, 0.0)
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
dropped = []
journal = module.Journal(sys.argv[1], on_drop=lambda line, reason: dropped.append(reason))
limit, size = int(sys.argv[2]), int(sys.argv[3])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
taken = [journal.append(b"%d".rjust(size - 1, b"0") % number + b"\\n") for number in range(10, 90)]
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
taken += [journal.append(b"later\\n") for _ in range(3)]
assert set(dropped) == {"journal_full"}, dropped
assert len(dropped) == taken.count(False)
sys.stdout.write("".join("01"[one] for one in taken))
"""


@pytest.mark.parametrize("size", [100, 250, 300, 999, 1000])
def test_a_limit_on_the_size_of_files(journal: Path, size: int) -> None:
    """A segment that may not grow is let go, also when its last line just fitted."""
    command = [sys.executable, "-c", CHILD, str(journal), "1000", str(size)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert (done.returncode, done.stderr) == (0, "")
    found, whole = [], 0
    for path in sorted(journal.glob(f"*{SUFFIX}")):
        *lines, _ = path.read_bytes().split(b"\n")
        found += lines
        whole += all(len(line) == size - 1 or line == b"later" for line in lines)
    assert whole == len(list(journal.glob(f"*{SUFFIX}")))
    assert done.stdout.count("1") == len(found)
    assert done.stdout.endswith("111")
    # A line in so many is lost to the limit, not every line after the first that did not fit.
    assert done.stdout.count("0") <= 80 // (1000 // size) + 1


def test_no_room_for_another_name(journal: Path) -> None:
    """A file system without inodes left drops and counts, and goes on when there are some."""
    place = journal / "few"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m,nr_inodes=3", "tmpfs", str(place)]
    if os.geteuid() or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a tmpfs")
    try:
        reasons: list[str] = []
        for name in ("one", "two"):
            (place / name).touch()
        made = Journal(place, on_drop=lambda line, reason: reasons.append(reason))
        assert not made.append(b"1\n")
        (place / "one").unlink()
        assert made.append(b"2\n")
        made.close()
        assert reasons == ["journal_full"]
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_file_that_somebody_closed(journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that closes what it did not open, as daemons do, is not told of it by an error."""
    now = [0.0]
    reasons: list[str] = []
    made = Journal(
        journal, on_drop=lambda line, reason: reasons.append(reason), clock=lambda: now[0]
    )
    assert made.append(b"1\n")
    os.close(made._segments._fd)
    taken = []
    for _ in range(4):
        taken.append(made.append(b"2\n"))
        now[0] += 2.0
    made.close()
    assert taken == [False, True, True, True]
    assert reasons == ["journal_error"]


def test_a_file_that_somebody_closed_before_a_review(journal: Path) -> None:
    """The same, found by the look at the directory rather than by the write."""
    now = [0.0]
    made = Journal(journal, clock=lambda: now[0])
    assert made.append(b"1\n")
    os.close(made._segments._fd)
    now[0] += 2.0
    assert not made.append(b"2\n")
    assert made.append(b"3\n")
    with contextlib.closing(made):
        assert made.append(b"4\n")


def held(directory: Path) -> int:
    """How many segments their writers hold."""
    number = 0
    for path in directory.glob(f"*{SUFFIX}"):
        with path.open("rb") as file:
            number += not is_let_go(file.fileno())
    return number


def test_many_workers_at_the_limit(journal: Path) -> None:
    """What they hold cannot be removed: at the limit they let go, or it would stay reached."""
    now = [0.0]
    workers = [Journal(journal, limit_bytes=40_000, clock=lambda: now[0]) for _ in range(4)]
    line = b"x" * 999 + b"\n"
    try:
        for worker in workers:
            while worker.append(line):
                now[0] += 1.0
        now[0] += 1.0
        assert {worker.append(line) for worker in workers} == {False}
        assert held(journal) == 0
        for path in journal.glob(f"*{SUFFIX}"):
            path.unlink()  # as a reader does with what it has read
        now[0] += 1.0
        assert {worker.append(line) for worker in workers} == {True}
    finally:
        for worker in workers:
            worker.close()


def test_a_disk_that_is_full_to_the_byte(small: Path) -> None:
    """No line is cut, and still the segment is let go: to remove it is what makes room."""
    made = Journal(small)
    line = b"x" * 4095 + b"\n"
    with contextlib.closing(made):
        taken = [made.append(line) for _ in range(SIZE_BYTES // 4096 + 5)]
        assert taken.count(True) == SIZE_BYTES // 4096
        first, *rest = sorted(small.glob(f"*{SUFFIX}"))
        assert len(rest) <= 1, "a segment for each line that does not fit"
        with first.open("rb") as file:
            assert is_let_go(file.fileno())
        first.unlink()
        assert made.append(line)
