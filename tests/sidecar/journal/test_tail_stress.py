"""The journal's reading end among real trouble: full disks, dead writers, strangers, crowds."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from frontdesk import journal as journal_module
from frontdesk.event import MAX_LINE_BYTES, Identify
from frontdesk.journal import ROTATE, Journal
from frontdesk_sidecar.journal import intake as intake_module
from frontdesk_sidecar.journal import segments
from frontdesk_sidecar.journal.intake import POLL_S, Intake
from frontdesk_sidecar.journal.lines import Batch
from frontdesk_sidecar.journal.segments import CROWD, CUT, IRREGULAR, LINKED, REPLACED, SHARE
from frontdesk_sidecar.journal.tail import (
    HELD_AT_ONCE,
    READER,
    REMOVED_AT_ONCE,
    JournalInUse,
    Tail,
)
from frontdesk_sidecar.store import Store
from frontdesk_sidecar.store.sqlite import SQLiteStore
from frontdesk_sidecar.store.writer import Writer
from frontdesk_sidecar.telemetry import Telemetry

MOMENT = datetime(2026, 11, 20, 12, tzinfo=UTC)
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - private inside
NOBODY = 65_534
ROOT = os.geteuid() == 0


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory in memory."""
    with tempfile.TemporaryDirectory(dir=MEMORY) as directory:
        yield Path(directory)


@pytest.fixture
def mount(place: Path) -> Iterator[Callable[[str], Path]]:
    """Mounts a tmpfs with these options, for which one must be allowed to."""
    mounted: list[Path] = []

    def made(options: str) -> Path:
        point = place / "mounted"
        point.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(point)]
        if not ROOT or subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("needs the right to mount a tmpfs")
        mounted.append(point)
        return point

    yield made
    for point in mounted:
        subprocess.run(["umount", "-l", str(point)], check=True)


def line(name: str, note: str = "") -> bytes:
    """One message of a customer."""
    traits = {"email": f"{name}@example.com", "note": note}
    return Identify(f"id-{name}", MOMENT, name, traits, "Logged In").encode()


def names(batch: Batch) -> list[str]:
    """Whose messages a batch holds, in its order."""
    return [message.user_id for message in batch.messages]


def drain(reader: Tail, readings: int = 100) -> Batch:
    """Everything that can be read now, as one batch, in so many readings at most."""
    whole = Batch()
    for _ in range(readings):
        if not reader.look(afresh=True):
            return whole
        batch = reader.read()
        if not batch.offsets:
            return whole
        whole.messages += batch.messages
        whole.offsets |= batch.offsets
        whole.rejected += batch.rejected
    raise AssertionError(f"not at the end after {readings} readings")


def in_child(scenario: Callable[[], object], directory: Path) -> object:
    """What a function returns in a process without root's rights, which owns the directory."""
    if ROOT:
        os.chown(directory, NOBODY, NOBODY)
    reached, told = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.chdir(directory)  # the directories above may be closed to it
            if ROOT:
                os.setgroups([])
                os.setresgid(NOBODY, NOBODY, NOBODY)
                os.setresuid(NOBODY, NOBODY, NOBODY)
            try:
                answer = scenario()
            except BaseException as error:  # noqa: BLE001 - told to the parent
                answer = repr(error)
            os.write(told, json.dumps(answer).encode())
        finally:
            os._exit(0)
    os.close(told)
    with open(reached, "rb") as pipe:
        answer = json.load(pipe)
    os.waitpid(child, 0)
    return answer


# A full disk


def test_a_full_disk_is_emptied_and_filled_again(
    mount: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of what was written every line arrives once; what was cut is torn, and merges with none."""
    monkeypatch.setattr(journal_module, "_RETRY_S", (0.0, 0.0))
    place = mount("size=64k")
    written, found, torn, dropped = list[str](), list[str](), 0, 0
    reader = Tail(place, {})
    with closing(Journal(place)) as web:
        for number in range(900):
            if web.append(line(f"c{number}", "x" * (number * 37 % 1500))):
                written.append(f"c{number}")
            else:
                dropped += 1
            if number % 150 == 149:
                batch = drain(reader)
                found, torn = found + names(batch), torn + batch.rejected.pop("torn", 0)
                assert not batch.rejected
                reader.remove_finished()
    batch = drain(reader)
    assert found + names(batch) == written
    assert dropped > 100, "it was never full"
    assert torn > 0, "no line was ever cut"
    assert reader.unreadable == {}


# Torn lines


def test_a_line_torn_between_any_two_bytes(place: Path) -> None:
    """It is counted once, wherever it ends and whenever the reader starts anew; others go on."""
    whole = line("torn")
    for cut in range(len(whole) + 1):
        (place / "1.ndjson").write_bytes(line("ann") + whole[:cut])
        (place / "2.ndjson").write_bytes(line("bob"))
        committed: dict[str, int] = {}
        found, rejected = list[str](), Counter[str]()
        for _ in range(3):
            uncommitted = Tail(place, committed)
            uncommitted.look()
            uncommitted.read()
            reader = Tail(place, committed)
            reader.look()
            batch = reader.read()
            found, rejected = found + names(batch), rejected + batch.rejected
            committed |= batch.offsets
        expected = ["torn"] if cut == len(whole) else []
        assert found == ["ann", *expected, "bob"], cut
        assert rejected == ({"torn": 1} if 0 < cut < len(whole) else {}), cut
        assert reader.remove_finished() == ["1.ndjson", "2.ndjson"]


@pytest.mark.parametrize("cut", [1, 60, -1])
def test_a_writer_killed_within_a_line(place: Path, cut: int) -> None:
    """The line is waited for until the process is dead, and found torn by whoever reads then."""
    reached, told = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            web = Journal(place)
            web.append(line("ann"))
            os.write(web._segments._fd, line("bob")[:cut])
            os.write(told, b"x")
            signal.pause()
        finally:
            os._exit(1)
    os.close(told)
    try:
        assert os.read(reached, 1) == b"x"
        os.close(reached)
        with closing(Journal(place)) as other:
            other.append(line("cid"))
            first = drain(Tail(place, {}))
            assert (names(first), first.rejected) == (["ann", "cid"], {})
            again = Tail(place, first.offsets)
            assert drain(again).rejected == {}
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert drain(again).rejected == {"torn": 1}
    assert drain(again).rejected == {}
    assert len(again.remove_finished()) == 2


# Strangers


def test_what_is_no_segment_is_never_opened(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To open a fifo or a device does something to it; to follow a link reads what it names."""
    (place / "secret").write_bytes(line("linked"))
    (place / "1.ndjson").symlink_to(place / "secret")
    os.mkfifo(place / "2.ndjson")
    (place / "3.ndjson").mkdir()
    os.link(place / "secret", place / "4.ndjson")
    (place / "5.ndjson").write_bytes(line("ann"))
    (place / "6\n.ndjson").write_bytes(line("mallory"))
    (place / f"{'7' * 201}.ndjson").write_bytes(line("mallory"))
    before = set(place.iterdir())
    touched: list[str] = []
    real = os.open

    def noted(path: str, *rest: int, **more: int) -> int:
        touched.append(os.path.basename(path))
        return real(path, *rest, **more)

    monkeypatch.setattr(os, "open", noted)
    reader = Tail(place, {})
    for _ in range(5):
        found = drain(reader)
        reader.remove_finished()
        reader.look()
        if names(found):
            assert names(found) == ["ann"]
    monkeypatch.undo()
    assert before - set(place.iterdir()) == {place / "5.ndjson"}
    assert set(touched) <= {"4.ndjson", "5.ndjson"}
    assert reader.unreadable == {
        **dict.fromkeys(("1.ndjson", "2.ndjson", "3.ndjson"), IRREGULAR),
        "4.ndjson": LINKED,
        "'6\\n.ndjson'": "not a name of ours",
        f"'{'7' * 201}.ndjson'": "not a name of ours",
    }


def test_a_hard_link_is_read_when_it_is_the_only_name(place: Path) -> None:
    """Until then it is nothing that a writer made, and stays as it is."""
    (place / "kept").write_bytes(line("ann"))
    os.link(place / "kept", place / "1.ndjson")
    reader = Tail(place, {})
    assert names(drain(reader)) == []
    assert reader.remove_finished() == []
    assert reader.unreadable == {"1.ndjson": LINKED}
    (place / "kept").unlink()
    assert names(drain(reader)) == ["ann"]
    assert reader.unreadable == {}
    assert reader.remove_finished() == ["1.ndjson"]


def test_a_huge_sparse_file_holds_nobody_up(place: Path) -> None:
    """A tebibyte of nothing is passed over in a few readings, and what follows it is read."""
    with (place / "1.ndjson").open("wb") as file:
        file.write(line("ann"))
        file.truncate(2**40)
        file.seek(2**40)
        file.write(b"\n" + line("bob"))
    with (place / "2.ndjson").open("wb") as file:
        file.truncate(2**40)
    (place / "3.ndjson").write_bytes(line("cid"))
    reader = Tail(place, {})
    batch = drain(reader, readings=12)
    assert names(batch) == ["ann", "bob", "cid"]
    assert batch.rejected == {"oversize": 2}
    assert len(reader.remove_finished()) == 3


@pytest.mark.parametrize(
    ("content", "malformed"),
    [
        (b"\xef\xbb\xbf" + line("ann") + line("bob"), 0),
        (line("ann").replace(b"\n", b"\r\n") + line("bob").replace(b"\n", b"\r\n"), 0),
        (b"\n" + line("ann") + b"\r\n \n" + line("bob") + b"\n", 4),
        (b"\t" + line("ann") + b" " + line("bob").replace(b'":', b'" : '), 0),
        (line("ann") + b"\xef\xbb\xbf" + line("x") + line("bob"), 1),
        (line("ann") + line("x").decode().encode("utf-16") + b"\n" + line("bob"), 2),
        (line("ann") + b"\0" * 5000 + b"\n" + line("bob"), 1),
    ],
    ids=["bom", "crlf", "blank", "spaces", "bom-within", "utf-16", "nul"],
)
def test_what_other_languages_write(place: Path, content: bytes, malformed: int) -> None:
    """What is clear is taken, and what is not costs no more than its own line."""
    (place / "1.ndjson").write_bytes(content)
    batch = drain(Tail(place, {}))
    assert names(batch) == ["ann", "bob"]
    assert batch.rejected == ({"malformed.json": malformed} if malformed else {})


def test_a_link_in_place_of_the_marker(place: Path, tmp_path: Path) -> None:
    """Nobody chooses by it which file of the sidecar's is touched; writers are asked later."""
    (tmp_path / "secret").touch()
    os.utime(tmp_path / "secret", ns=(1, 1))
    (place / "1.ndjson").write_bytes(line("ann"))
    reader = Tail(place, {})
    drain(reader)
    for target in (tmp_path / "secret", tmp_path / "new"):
        (place / ROTATE).symlink_to(target)
        assert not reader.ask_rotation()
        assert ROTATE in reader.unreadable
        (place / ROTATE).unlink()
    assert (tmp_path / "secret").stat().st_mtime_ns == 1
    assert not (tmp_path / "new").exists()
    assert reader.ask_rotation()
    assert (place / ROTATE).exists()


# Rights, and files that are not what they were


def test_segments_without_rights_are_told_and_not_tried_at_every_poll(place: Path) -> None:
    """Also an empty one, which nobody has to read; and no word of them when they are mended."""

    def scenario() -> object:
        here = Path()
        for number in range(40):
            (here / f"{number:02d}.ndjson").write_bytes(line("ann") if number else b"")
            (here / f"{number:02d}.ndjson").chmod(0)
        (here / "live.ndjson").write_bytes(line("bob"))
        reader = Tail(here, {})
        first = names(drain(reader))
        reader.remove_finished()
        told = dict(Counter(reader.unreadable.values()))
        grown = [reader.look() for _ in range(50)]
        for number in range(40):
            (here / f"{number:02d}.ndjson").chmod(0o640)
        last = len(names(drain(reader)))
        reader.remove_finished()
        return [first, told, any(grown), last, len(reader.unreadable), os.listdir()]

    assert in_child(scenario, place) == [["bob"], {"Permission denied": 40}, False, 39, 0, []]


def test_a_directory_that_may_be_listed_and_not_entered(place: Path) -> None:
    """Each segment is told with the reason, nothing is forgotten, and it heals."""

    def scenario() -> object:
        here = Path("journal")
        here.mkdir()
        (here / "1.ndjson").write_bytes(line("ann"))
        reader = Tail(here, {"1.ndjson": 7})
        here.chmod(0o600)
        closed = [names(drain(reader)), dict(reader.unreadable), reader.remove_finished()]
        stale = reader.stale_offsets()
        here.chmod(0o700)
        reader = Tail(here, {})
        return [closed, stale, names(drain(reader)), dict(reader.unreadable)]

    closed = [[], {"1.ndjson": "Permission denied"}, []]
    assert in_child(scenario, place) == [closed, [], ["ann"], {}]


def test_a_directory_that_may_not_be_listed(place: Path) -> None:
    """It is an OSError for whoever drives the tail, no end, and nothing is forgotten for it."""

    def scenario() -> object:
        here = Path("journal")
        here.mkdir()
        (here / "1.ndjson").write_bytes(line("ann"))
        reader = Tail(here, {"0.ndjson": 7})
        here.chmod(0o300)
        try:
            reader.look(afresh=True)
        except OSError as error:
            told = error.strerror
        stale = reader.stale_offsets()
        here.chmod(0o700)
        return [told, stale, names(drain(reader)), reader.stale_offsets()]

    assert in_child(scenario, place) == ["Permission denied", [], ["ann"], ["0.ndjson"]]


def test_a_directory_of_somebody_else(place: Path) -> None:
    """What can be read is read, once; what cannot be removed is told until it can be."""

    def scenario() -> object:
        here = Path("journal")
        here.mkdir()
        (here / "1.ndjson").write_bytes(line("ann"))
        here.chmod(0o500)
        reader = Tail(here, {})
        rounds = [[names(drain(reader)), reader.remove_finished()] for _ in range(2)]
        told, asked, claimed = dict(reader.unreadable), reader.ask_rotation(), reader.claim()
        here.chmod(0o700)
        reader.look(afresh=True)
        removed = reader.remove_finished()
        return [rounds, told, asked, claimed, removed, dict(reader.unreadable), reader.claim()]

    denied = {"1.ndjson": "Permission denied"}
    rounds = [[["ann"], []], [[], []]]
    expected = [rounds, denied, False, False, ["1.ndjson"], {}, True]
    assert in_child(scenario, place) == expected


def test_a_segment_that_is_cut_is_read_again(place: Path) -> None:
    """As logrotate's copytruncate cuts it; its writer goes on at the new end."""
    reader = Tail(place, {})
    with (place / "1.ndjson").open("ab", buffering=0) as writer:
        fcntl.flock(writer, fcntl.LOCK_EX)
        writer.write(line("ann") * 20)
        assert len(names(drain(reader))) == 20
        writer.truncate(0)
        cut = drain(reader)
        assert (cut.offsets, cut.rejected) == ({"1.ndjson": 0}, {CUT: 1})
        writer.write(line("bob") * 30)
        batch = drain(Tail(place, cut.offsets))
        assert names(batch) == names(drain(reader)) == ["bob"] * 30
        assert reader.remove_finished() == []
    assert reader.remove_finished() == ["1.ndjson"]


def test_a_segment_that_is_another_file_is_read_from_its_start(place: Path) -> None:
    """Whatever its size: it is neither read on in the middle nor removed unread."""
    reader = Tail(place, {})
    for content in (line("a") * 3, line("b") * 3, line("c") * 9, line("d")):
        (place / "new").write_bytes(content)
        (place / "new").rename(place / "1.ndjson")
        assert reader.remove_finished() == []
        reader.look(afresh=True)
        batch = reader.read()
        reader.rewind(batch)
        again = reader.read()
        assert names(batch) == names(again) == [names(batch)[0]] * content.count(b"\n")
        assert batch.rejected == again.rejected
        assert batch.rejected == ({} if content.startswith(line("a")) else {REPLACED: 1})
    assert reader.remove_finished() == ["1.ndjson"]


def test_a_segment_replaced_by_one_of_the_same_size_is_not_removed_unread(place: Path) -> None:
    """Between the last look and the removal."""
    (place / "1.ndjson").write_bytes(line("ann"))
    reader = Tail(place, {})
    drain(reader)
    (place / "new").write_bytes(line("bob"))
    (place / "new").rename(place / "1.ndjson")
    assert reader.remove_finished() == []
    assert names(drain(reader)) == ["bob"]
    assert reader.remove_finished() == ["1.ndjson"]


def test_a_directory_made_anew(place: Path) -> None:
    """A segment of the same name in it is another."""
    here = place / "journal"
    reader = Tail(here, {})
    for name in ("ann", "bob"):
        here.mkdir()
        (here / "0.ndjson").touch()  # so that the next is not the same inode by chance
        (here / f"{name}.tmp").touch()
        (here / "1.ndjson").write_bytes(line(name) * (1 + (name == "bob")))
        assert set(names(drain(reader))) == {name}
        here.rename(place / f"old-{name}")
        with pytest.raises(FileNotFoundError):
            reader.look()


# Crowds


class Crowd:
    """Many segments that are still held by their writers."""

    def __init__(self, place: Path, number: int) -> None:
        self.paths = [place / f"{count:06d}.ndjson" for count in range(number)]
        self.files: list[int] = []
        for path in self.paths:
            fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
            fcntl.flock(fd, fcntl.LOCK_EX)
            self.files.append(fd)

    def close(self) -> None:
        """All writers die."""
        for fd in self.files:
            os.close(fd)


@pytest.fixture
def crowd(place: Path) -> Iterator[Crowd]:
    """A thousand live segments, each read to its end."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 1500:
        pytest.skip("needs 1500 open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 1500), hard))
    try:
        with closing(Crowd(place, 1000)) as made:
            for fd in made.files:
                os.write(fd, line("idle"))
            yield made
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_poll_asks_a_few_of_many(
    crowd: Crowd, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And all of them in their turn, without waiting for housekeeping."""
    reader = Tail(place, {})
    drain(reader)
    asked: list[str] = []
    real = os.lstat

    def noted(path: str) -> os.stat_result:
        asked.append(path)
        return real(path)

    monkeypatch.setattr(os, "lstat", noted)
    turns = -(-len(crowd.paths) // SHARE)
    for _ in range(turns):
        before = len(asked)
        assert not reader.look()
        assert len(asked) - before <= SHARE
    assert set(asked) == set(map(str, crowd.paths))
    for number in (0, 499, 500, 999):
        os.write(crowd.files[number], line(f"c{number}"))
        assert any(reader.look() for _ in range(turns))
        assert names(reader.read()) == [f"c{number}"]


def test_a_poll_of_many_costs_little(crowd: Crowd, place: Path) -> None:
    """A hundred polls a second and a housekeeping take less than two hundredths of a core."""
    reader = Tail(place, {})
    drain(reader)
    best_s = 1.0
    for _ in range(10):
        began_s = time.thread_time()
        for _ in range(round(1 / POLL_S)):
            reader.look()
        reader.look(afresh=True)
        assert reader.lag_bytes == 0
        reader.remove_finished()
        best_s = min(best_s, time.thread_time() - began_s)
    assert len(crowd.paths) == 1000
    assert best_s < 0.02


def test_removal_asks_a_few_of_many_held_ones(
    crowd: Crowd, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dead one among them has its turn soon."""
    reader = Tail(place, {})
    drain(reader)
    opened: list[object] = []
    real = os.open

    def noted(path: str, *rest: int) -> int:
        opened.append(path)
        return real(path, *rest)

    monkeypatch.setattr(os, "open", noted)
    fcntl.flock(crowd.files[600], fcntl.LOCK_UN)
    removed: list[str] = []
    for _ in range(-(-len(crowd.paths) // HELD_AT_ONCE)):
        before = len(opened)
        removed += reader.remove_finished()
        assert len(opened) - before <= HELD_AT_ONCE + 1
    assert removed == [crowd.paths[600].name]


def test_a_crowded_directory_that_always_changes_is_not_listed_at_every_poll(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new segment in it waits for a moment in proportion to what a listing takes."""
    now, used = [100.0], [0.0]

    def thread_time() -> float:
        used[0] += 0.004  # a listing takes 4 ms
        return used[0]

    monkeypatch.setattr(time, "thread_time", thread_time)
    for number in range(CROWD + 1):
        (place / f"{number:06d}.ndjson").touch()
    listing = segments.Listing(place, {}, clock=lambda: now[0])
    listing.update(afresh=False)
    (place / "new.ndjson").write_bytes(line("ann"))
    os.utime(place, ns=(1, 1))
    listing.update(afresh=False)
    assert not listing.grown
    now[0] += 0.07
    listing.update(afresh=False)
    assert not listing.grown
    now[0] += 0.02
    listing.update(afresh=False)
    assert listing.grown == {"new.ndjson"}


async def test_thousands_of_dead_writers_are_read_in_order_and_removed(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Housekeeping does not rest while there is more to remove: it is done in two seconds."""
    number = 3 * REMOVED_AT_ONCE + 1
    for count in range(number):
        (place / f"{count:06d}.ndjson").write_bytes(line(f"c{count}"))
    found: list[str] = []
    real = Tail.read

    def noted(reader: Tail) -> Batch:
        batch = real(reader)
        found.extend(names(batch))
        return batch

    monkeypatch.setattr(Tail, "read", noted)
    now, tail = [0.0], Tail(place, {})
    monkeypatch.setattr(intake_module, "_REST", 0)  # however slow the machine is
    with SQLiteStore.open(tmp_path / "store.db") as store:
        async with Writer[Store](store) as writer:
            intake = Intake(tail, writer, Telemetry(), on_new=lambda: None, clock=lambda: now[0])
            while os.listdir(place):
                assert now[0] < 2.0
                await intake.turn()
                now[0] += POLL_S
        assert store.offsets() == {}
    assert found == [f"c{count}" for count in range(number)]


def test_a_live_writer_within_a_line_is_not_tried_at_every_poll(place: Path) -> None:
    """What was found to be a part of a line is looked at again when it grew, or at housekeeping."""
    with ExitStack() as stack:
        made = stack.enter_context(closing(Crowd(place, 20)))
        for fd in made.files:
            os.write(fd, line("ann")[:-1])
        reader = Tail(place, {})
        assert drain(reader).offsets == {}
        assert not any(reader.look() for _ in range(10))
        assert reader.lag_bytes == 20 * (len(line("ann")) - 1)
        os.write(made.files[7], b"\n")
        assert any(reader.look() for _ in range(-(-20 // SHARE)))
        assert names(reader.read()) == ["ann"]
    assert drain(reader).rejected == {"torn": 19}
    assert len(reader.remove_finished()) == 20


def test_a_line_of_any_length_after_a_long_backlog(place: Path) -> None:
    """Readings that end by their bound miss nothing, whatever was appended meanwhile."""
    with closing(Journal(place)) as web:
        reader, found, number = Tail(place, {}), list[str](), 0
        for turn in range(30):
            for _ in range(12):
                web.append(line(f"c{number}", "x" * (MAX_LINE_BYTES // 2 + turn)))
                number += 1
            if reader.look():
                found += names(reader.read())
        while reader.look():
            found += names(reader.read())
    assert found == [f"c{count}" for count in range(number)]


# Two readers

HOLDER = """
import sys
from pathlib import Path
from frontdesk_sidecar.journal.tail import Tail
tail = Tail(Path(sys.argv[1]), {})
print(tail.claim(), flush=True)
sys.stdin.read()
"""


def test_a_second_reader_is_refused_until_the_first_one_dies(place: Path) -> None:
    """However it dies; what the error says names the directory and what to do."""
    command = [sys.executable, "-c", HOLDER, str(place)]
    pipe = subprocess.PIPE
    reader = Tail(place, {})
    with subprocess.Popen(command, stdin=pipe, stdout=pipe) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == b"True\n"
            with pytest.raises(JournalInUse) as refused:
                reader.claim()
        finally:
            child.kill()
    assert str(refused.value) == (
        f"{place}: another sidecar reads this journal; stop it, or give each a journal of its own"
    )
    assert reader.claim()
    assert (place / READER).stat().st_mode & 0o777 == 0o640 & ~_umask()
    with pytest.raises(JournalInUse):
        Tail(place, {}).claim()
    assert reader.claim()  # what one holds one may claim again
    reader.release()
    other = Tail(place, {})
    assert other.claim()
    other.release()


def _umask() -> int:
    before = os.umask(0)
    os.umask(before)
    return before


def test_the_reader_s_file_is_no_segment(place: Path) -> None:
    """It is neither read nor removed nor counted."""
    reader = Tail(place, {})
    with closing(Journal(place)) as web:
        assert reader.claim()
        assert web.append(line("ann"))
    assert names(drain(reader)) == ["ann"]
    reader.remove_finished()
    assert (os.listdir(place), reader.unreadable) == ([READER], {})
    reader.release()


def test_where_no_lock_can_be_had_a_warning_is_enough(
    mount: Callable[[str], Path], caplog: pytest.LogCaptureFixture
) -> None:
    """A read-only journal is read by whoever can; the warning comes once."""
    place = mount("size=1m")
    (place / "1.ndjson").write_bytes(line("ann"))
    subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
    reader = Tail(place, {})
    with caplog.at_level(logging.WARNING):
        assert [reader.claim() for _ in range(3)] == [False] * 3
    assert names(drain(reader)) == ["ann"]
    [record] = caplog.records
    assert "journal_unclaimed reason=Read-only file system" in record.getMessage()
    subprocess.run(["mount", "-o", "remount,rw", str(place)], check=True)
    assert reader.claim()
    reader.release()


@pytest.mark.parametrize("kind", ["link", "directory", "fifo"])
def test_something_else_in_place_of_the_reader_s_file(
    place: Path, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    """It is not followed, not waited for, and no reason not to read."""
    if kind == "link":
        (place / READER).symlink_to(place / "target")
    elif kind == "directory":
        (place / READER).mkdir()
    else:
        os.mkfifo(place / READER)
    assert not Tail(place, {}).claim()
    assert "journal_unclaimed" in caplog.text
    assert not (place / "target").exists()


def test_a_claim_follows_the_directory(place: Path) -> None:
    """One that is missing, or was made anew, is claimed when it is there; unless others did."""
    here = place / "journal"
    reader, other = Tail(here, {}), Tail(here, {})
    other.renew()  # claims nothing: nobody asked it to
    assert not reader.claim()
    here.mkdir()
    reader.renew()
    with pytest.raises(JournalInUse):
        other.claim()
    shutil.rmtree(here)
    here.mkdir()
    assert other.claim()
    with pytest.raises(JournalInUse):
        reader.renew()
    other.release()
    reader.renew()
    with pytest.raises(JournalInUse):
        other.claim()
    reader.release()


async def test_an_intake_whose_journal_others_took_waits(
    place: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It says so, takes nothing meanwhile, and goes on when the other one has gone."""
    monkeypatch.setattr(intake_module, "HOUSEKEEPING_S", 0.0)
    here = place / "journal"
    here.mkdir()
    reader, other = Tail(here, {}), Tail(here, {})
    assert reader.claim()
    shutil.rmtree(here)
    here.mkdir()
    assert other.claim()
    (here / "1.ndjson").write_bytes(line("ann"))
    with SQLiteStore.open(tmp_path / "store.db") as store:
        async with Writer[Store](store) as writer:
            intake = Intake(reader, writer, Telemetry(), on_new=lambda: None)
            assert not await intake.turn()
            assert "another sidecar reads this journal" in caplog.text
            other.release()
            assert await intake.turn()
    assert os.listdir(here) == [READER]
    reader.release()
