"""The journal's reading end: every message once and in order, whatever the files look like."""

from __future__ import annotations

import fcntl
import os
import socket
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Self

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frontdesk import journal
from frontdesk.event import COUNTS, MAX_LINE_BYTES, Identify, encode_counts
from frontdesk.journal import ROTATE, Journal
from frontdesk_sidecar.journal.lines import Batch
from frontdesk_sidecar.journal.tail import READ_BYTES, Tail

MOMENT = datetime(2026, 11, 20, 12, tzinfo=UTC)
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - private inside


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory in memory, where a writer writes in its own turn."""
    with tempfile.TemporaryDirectory(dir=MEMORY) as directory:
        yield Path(directory)


def line(name: str, /, **traits: object) -> bytes:
    """One message of a customer, as a line."""
    message = Identify(
        f"id-{name}", MOMENT, name, {"email": f"{name}@example.com", **traits}, "Logged In"
    )
    return message.encode()


def counts(**counted: int) -> bytes:
    """A line of counts alone; a name's first `_` stands for the dot."""
    named = {name.replace("_", ".", 1): number for name, number in counted.items()}
    return encode_counts(MOMENT, named, None)


def line_of(length: int) -> bytes:
    """One good line of exactly `length` bytes, line feed included."""
    missing = length - len(line("long", note=""))
    return line("long", note="x" * missing)


def names(batch: Batch) -> list[str]:
    """Whose messages a batch holds, in its order."""
    return [message.user_id for message in batch.messages]


class Scribe:
    """One segment and its lock, written byte by byte as a web process would."""

    def __init__(self, directory: Path, name: str, *, locked: bool = True) -> None:
        self.path = directory / name
        self._fd = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o640)
        if locked:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.let_go()

    def write(self, content: bytes) -> None:
        """Append bytes: any bytes, not only whole lines."""
        assert os.write(self._fd, content) == len(content)

    def let_go(self) -> None:
        """Close the file, as the end of the process would."""
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1


def _is_within(fd: str, directory: Path) -> bool:
    """A file of the directory, open for reading: the reader's, not a writer's."""
    try:
        flags = fcntl.fcntl(int(fd), fcntl.F_GETFL)
        return os.readlink(f"/proc/self/fd/{fd}").startswith(f"{directory}/") and not flags & 3
    except OSError:
        return False


@contextmanager
def tailing(directory: Path, offsets: dict[str, int] | None = None) -> Iterator[Tail]:
    """A tail; at the end it has left no file open."""
    before = set(os.listdir("/proc/self/fd"))
    yield Tail(directory, offsets or {})
    mine = [fd for fd in os.listdir("/proc/self/fd") if fd not in before]
    assert not [fd for fd in mine if _is_within(fd, directory)]


def drain(reader: Tail) -> Batch:
    """Everything that can be read now, as one batch."""
    whole = Batch()
    while reader.look(afresh=True):
        batch = reader.read()
        if not batch.offsets:
            break
        whole.messages += batch.messages
        whole.offsets |= batch.offsets
        whole.rejected += batch.rejected
        whole.web += batch.web
    return whole


# Whole lines


def test_only_whole_lines_are_taken(tmp_path: Path) -> None:
    """A line that is still being written by a live writer is waited for."""
    ann, bob = line("ann"), line("bob")
    with Scribe(tmp_path, "1.ndjson") as scribe, tailing(tmp_path) as reader:
        scribe.write(ann + bob[:20])
        assert reader.look()
        batch = reader.read()
        assert names(batch) == ["ann"]
        assert batch.offsets == {"1.ndjson": len(ann)}
        assert reader.look()
        waiting = reader.read()
        assert (waiting.messages, waiting.offsets, waiting.rejected) == ([], {}, Counter())
        scribe.write(bob[20:-1])
        assert reader.read().offsets == {}
        scribe.write(bob[-1:])
        assert names(reader.read()) == ["bob"]
        assert not reader.look()
        assert reader.lag_bytes == 0


def test_a_message_comes_back_as_it_was_written(tmp_path: Path) -> None:
    """All of it, and what its process counted is summed up apart."""
    sent = Identify(
        "id-1",
        MOMENT,
        "ann",
        {"email": "ann@example.com", "name": "Ann\u2028Ö"},
        "Signed Up",
        route="POST /register",
        site="electronics",
        counts={"skipped.anonymous": 2, "dropped.journal_full": 1},
    )
    (tmp_path / "1.ndjson").write_bytes(sent.encode() * 2)
    with tailing(tmp_path) as reader:
        batch = drain(reader)
    assert batch.messages == [sent, sent]
    assert batch.web == {"skipped.anonymous": 4, "dropped.journal_full": 2, "captured": 2}


def test_counts_alone_are_taken(tmp_path: Path) -> None:
    """They go into the sums, no message is made of them, and they are read once."""
    content = counts(skipped_status=3, error=1) + line("ann") + counts(skipped_status=2)
    (tmp_path / "1.ndjson").write_bytes(content)
    with tailing(tmp_path) as reader:
        batch = drain(reader)
        assert names(batch) == ["ann"]
        assert batch.web == {"skipped.status": 5, "error": 1, "captured": 1}
        assert batch.rejected == {}
        assert batch.offsets == {"1.ndjson": len(content)}
        assert reader.remove_finished() == ["1.ndjson"]


def test_a_segment_of_counts_alone_is_read_and_removed(tmp_path: Path) -> None:
    """As it comes from a process in which no login was ever captured."""
    content = counts(skipped_no_sign=1) * 3
    (tmp_path / "1.ndjson").write_bytes(content)
    with tailing(tmp_path) as reader:
        assert reader.look()
        batch = reader.read()
        assert (batch.messages, batch.offsets) == ([], {"1.ndjson": len(content)})
        assert batch.web == {"skipped.no_sign": 3}
        reader.rewind(batch)
        assert reader.look()
        assert reader.read().web == {"skipped.no_sign": 3}
        assert reader.remove_finished() == ["1.ndjson"]


@pytest.mark.parametrize("kind", ["counts", "identify"])
def test_a_line_makes_up_no_names_and_no_numbers(tmp_path: Path, kind: str) -> None:
    """Of either kind: what no web process counts is `other`, what is no count is nothing."""
    told = {
        "skipped.status": 2,
        "captured": 5,
        "matched": 5,
        "other": 1,
        "marked@person.example": 2**53 - 1,
        "error": 2**53,
        "dropped.too_large": 2**64 - 1,
        "skipped.no_sign": -1,
        "skipped.anonymous": 1.5,
        "skipped.stream": True,
        "skipped.vetoed": "9",
    }
    alone = {"type": "counts", "counts": told}
    beside = GOOD | {"traits": {"email": "ann@example.com"}, "context": {"counts": told}}
    document = alone if kind == "counts" else beside
    (tmp_path / "1.ndjson").write_bytes(orjson.dumps(document) + b"\n")
    with tailing(tmp_path) as reader:
        batch = drain(reader)
    own = {} if kind == "counts" else {"captured": 1}
    assert batch.web == {"skipped.status": 2, "other": 2**53 + 10, **own}
    assert batch.rejected == {}


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(sorted(COUNTS)) | st.text(), inner, max_size=5)
        ),
    )
)
def test_any_line_of_counts_is_taken_or_rejected(told: object) -> None:
    """Whatever stands where the counts should: closed names, bounded numbers, no error."""
    batch = Batch()
    try:
        content = orjson.dumps({"type": "counts", "counts": told})
    except orjson.JSONEncodeError:
        return  # lone surrogates are no JSON
    batch.take(content)
    assert batch.web.keys() <= COUNTS | {"other"}
    assert all(0 < number < 2**53 * 5 for number in batch.web.values())
    assert batch.rejected == ({} if isinstance(told, dict) else {"malformed.counts": 1})


def test_calls_of_identify_are_not_captured_requests(tmp_path: Path) -> None:
    """They are messages like any other, and no rule was about them."""
    called = Identify("id-1", MOMENT, "ann", {"email": "ann@example.com"}, route="identify")
    (tmp_path / "1.ndjson").write_bytes(called.encode() + line("bob"))
    with tailing(tmp_path) as reader:
        batch = drain(reader)
    assert names(batch) == ["ann", "bob"]
    assert batch.web == {"captured": 1}


def test_segments_are_read_in_the_order_of_their_names(tmp_path: Path) -> None:
    """Which is that of time, whatever order the directory has."""
    for name in ("3", "1", "2"):
        (tmp_path / f"{name}.ndjson").write_bytes(line(f"a{name}") + line(f"b{name}"))
    with tailing(tmp_path) as reader:
        assert names(drain(reader)) == ["a1", "b1", "a2", "b2", "a3", "b3"]


def test_one_reading_is_bounded(tmp_path: Path) -> None:
    """A day's journal is not taken into one transaction."""
    content = b"".join(line(f"c{number}", note="x" * 900) for number in range(1500))
    assert len(content) > 2 * READ_BYTES
    (tmp_path / "1.ndjson").write_bytes(content)
    (tmp_path / "2.ndjson").write_bytes(line("last"))
    sizes, found = [], list[str]()
    with tailing(tmp_path) as reader:
        before = 0
        while reader.look():
            batch = reader.read()
            sizes.append(sum(batch.offsets.values()) - before)
            before = batch.offsets["1.ndjson"]
            found += names(batch)
    assert max(sizes) <= READ_BYTES
    assert found == [*(f"c{number}" for number in range(1500)), "last"]


@settings(deadline=None)
@given(chance=st.randoms(use_true_random=False))
def test_every_message_is_taken_exactly_once_and_in_order(chance: Random) -> None:
    """However writers slice their lines, and wherever the reader stops and starts anew."""
    with tempfile.TemporaryDirectory(dir=MEMORY) as directory:
        place = Path(directory)
        history = History(place, chance)
        try:
            for _ in range(chance.randint(5, 60)):
                history.step()
            history.finish()
        finally:
            history.close()
        assert list(place.iterdir()) == []
    for segment, expected in history.expected.items():
        assert [name for name in history.taken if name.startswith(f"{segment}-")] == expected
    assert len(history.taken) == sum(map(len, history.expected.values()))
    assert history.told == history.counted
    assert not history.rejected


class History:
    """Writers and one reader, moved by chance; `committed` is what a store would hold."""

    def __init__(self, place: Path, chance: Random) -> None:
        self.place, self.chance = place, chance
        self.committed: dict[str, int] = {}
        self.taken: list[str] = []
        self.rejected: Counter[str] = Counter()
        #: what lines of counts alone say, and what was committed of it
        self.counted = self.told = 0
        self.expected: dict[str, list[str]] = {}
        self._unwritten: dict[Scribe, bytes] = {}
        self._reader = Tail(place, {})

    def step(self) -> None:
        """One thing happens."""
        actions = [self._open, self._write, self._write, self._write, self._read, self._read]
        rarer = [self._uncommitted, self._rewound, self._restart, self._remove]
        self.chance.choice([*actions, *rarer])()

    def finish(self) -> None:
        """Everything is written, let go, read and removed."""
        for scribe, content in self._unwritten.items():
            scribe.write(content)
            scribe.let_go()
        self._restart()
        while self._reader.look(afresh=True):
            self._commit(self._reader.read())
        self._remove()

    def close(self) -> None:
        """Close every file."""
        for scribe in self._unwritten:
            scribe.let_go()

    def _open(self) -> None:
        number = len(self.expected)
        if number >= 4:
            return
        who = [f"s{number}-{count}" for count in range(self.chance.randint(0, 8))]
        self.expected[f"s{number}"] = who
        pads = (0, 10, 2000, 60_000)
        content = b"".join(line(name, note="x" * self.chance.choice(pads)) for name in who)
        for _ in range(self.chance.randint(0, 3)):
            cut = self.chance.choice([0, *(at + 1 for at, b in enumerate(content) if b == 10)])
            skipped = self.chance.randint(1, 1000)
            content = content[:cut] + counts(skipped_status=skipped) + content[cut:]
            self.counted += skipped
        self._unwritten[Scribe(self.place, f"{number}.ndjson")] = content

    def _write(self) -> None:
        if self._unwritten:
            scribe = self.chance.choice(list(self._unwritten))
            content = self._unwritten[scribe]
            cut = self.chance.choice((1, 7, 150, len(content), self.chance.randint(0, 70_000)))
            scribe.write(content[:cut])
            self._unwritten[scribe] = content[cut:]
            if not content[cut:] and self.chance.random() < 0.5:
                scribe.let_go()
                del self._unwritten[scribe]

    def _read(self) -> None:
        if self._reader.look(afresh=True):
            self._commit(self._reader.read())

    def _commit(self, batch: Batch) -> None:
        self.committed |= batch.offsets
        self.taken += names(batch)
        self.rejected += batch.rejected
        self.told += batch.web["skipped.status"]

    def _uncommitted(self) -> None:
        """The sidecar dies after reading and before the commit."""
        self._reader.look(afresh=True)
        self._reader.read()
        self._restart()

    def _rewound(self) -> None:
        self._reader.look(afresh=True)
        self._reader.rewind(self._reader.read())

    def _restart(self) -> None:
        self._reader = Tail(self.place, self.committed)

    def _remove(self) -> None:
        for name in self._reader.remove_finished():
            self.committed.pop(name, None)


# Lines that are none


def test_the_torn_last_line_of_a_dead_writer_is_counted_and_passed_over(tmp_path: Path) -> None:
    """It is waited for as long as its writer lives, and then holds nothing up."""
    with Scribe(tmp_path, "1.ndjson") as scribe, tailing(tmp_path) as reader:
        scribe.write(line("ann") + line("bob")[:-1])
        assert names(drain(reader)) == ["ann"]
        scribe.let_go()
        batch = drain(reader)
        assert (batch.messages, batch.rejected) == ([], {"torn": 1})
        assert batch.offsets == {"1.ndjson": scribe.path.stat().st_size}
        assert reader.remove_finished() == ["1.ndjson"]
        assert not scribe.path.exists()


def test_a_torn_line_is_counted_once_across_a_restart(tmp_path: Path) -> None:
    """What was committed of it is not looked at again."""
    (tmp_path / "1.ndjson").write_bytes(b'{"type":"ide')
    with tailing(tmp_path) as reader:
        batch = drain(reader)
    assert batch.rejected == {"torn": 1}
    with tailing(tmp_path, batch.offsets) as reader:
        assert drain(reader).rejected == {}
        assert reader.remove_finished() == ["1.ndjson"]


def test_the_longest_line_is_taken_and_a_longer_one_is_not(tmp_path: Path) -> None:
    """`MAX_LINE_BYTES` counts the line feed, here as in the writer."""
    good = line_of(MAX_LINE_BYTES)
    assert len(good) == MAX_LINE_BYTES
    (tmp_path / "1.ndjson").write_bytes(good + line_of(MAX_LINE_BYTES + 1) + line("ann"))
    with tailing(tmp_path) as reader:
        batch = drain(reader)
    assert names(batch) == ["long", "ann"]
    assert batch.rejected == {"oversize": 1}


def test_the_longest_line_is_waited_for(tmp_path: Path) -> None:
    """All of it but the line feed is no reason to give it up."""
    good = line_of(MAX_LINE_BYTES)
    with Scribe(tmp_path, "1.ndjson") as scribe, tailing(tmp_path) as reader:
        scribe.write(good[:-1])
        assert drain(reader).offsets == {}
        scribe.write(good[-1:])
        assert names(drain(reader)) == ["long"]


def test_an_oversize_line_is_skipped_with_bounded_memory_and_counted_once(tmp_path: Path) -> None:
    """Sixteen megabytes without a line feed cost no more than a reading's share."""
    with Scribe(tmp_path, "1.ndjson") as scribe, tailing(tmp_path) as reader:
        scribe.write(line("ann"))
        for _ in range(16):
            scribe.write(b"x" * 1024 * 1024)
        scribe.write(b"\n" + line("bob"))
        tracemalloc.start()
        try:
            batch = drain(reader)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert names(batch) == ["ann", "bob"]
    assert batch.rejected == {"oversize": 1}
    assert peak < 4 * READ_BYTES


def test_an_oversize_line_in_the_making_is_counted_once(tmp_path: Path) -> None:
    """It is skipped as it grows, piece by piece, up to its line feed."""
    with Scribe(tmp_path, "1.ndjson") as scribe, tailing(tmp_path) as reader:
        whole = Batch()
        for _ in range(5):
            scribe.write(b"x" * (MAX_LINE_BYTES + 1))
            whole.rejected += drain(reader).rejected
        scribe.write(b"x\n" + line("ann"))
        batch = drain(reader)
    assert whole.rejected + batch.rejected == {"oversize": 1}
    assert names(batch) == ["ann"]


def test_an_oversize_line_of_a_dead_writer_is_passed_over(tmp_path: Path) -> None:
    """It has no line feed and never gets one; the segment is finished all the same."""
    (tmp_path / "1.ndjson").write_bytes(b"x" * (3 * MAX_LINE_BYTES))
    with tailing(tmp_path) as reader:
        assert drain(reader).rejected == {"oversize": 1}
        assert reader.remove_finished() == ["1.ndjson"]


def test_the_rest_of_an_oversize_line_is_no_message_after_a_restart(tmp_path: Path) -> None:
    """The reader stops in the middle of it and starts anew from what was committed."""
    forged = line("mallory")
    assert READ_BYTES > MAX_LINE_BYTES
    (tmp_path / "1.ndjson").write_bytes(b"x" * READ_BYTES + forged + line("ann"))
    with tailing(tmp_path) as reader:
        reader.look()
        first = reader.read()
    assert first.offsets == {"1.ndjson": READ_BYTES}
    assert first.rejected == {"oversize": 1}
    with tailing(tmp_path, first.offsets) as reader:
        second = drain(reader)
    assert names(second) == ["ann"]
    assert second.rejected == {}


def test_rewinding_in_an_oversize_line_skips_and_counts_it_again(tmp_path: Path) -> None:
    """What was not committed was not counted either."""
    content = b"x" * (READ_BYTES + 10) + b"\n" + line("ann")
    (tmp_path / "1.ndjson").write_bytes(content)
    with tailing(tmp_path) as reader:
        reader.look()
        first = reader.read()
        assert first.rejected == {"oversize": 1}
        reader.rewind(first)
        assert reader.read().rejected == {"oversize": 1}
        second = reader.read()
        assert names(second) == ["ann"]
        reader.rewind(second)
        again = reader.read()
    assert names(again) == ["ann"]
    assert again.rejected == {}


GOOD = {
    "type": "identify",
    "messageId": "id-1",
    "timestamp": "2026-11-20T12:00:00Z",
    "userId": "ann",
    "traits": {"email": "marked-value@example.com"},
    "context": {"event": "Logged In"},
}


@pytest.mark.parametrize(
    ("reason", "content"),
    [
        ("malformed.json", b"marked-value"),
        ("malformed.json", b""),
        ("malformed.json", b'{"type":"identify","userId":"marked-value'),
        ("malformed.json", b'{"userId":"marked-value\xff"}'),
        ("malformed.json", b"[" * 60_000),
        ("malformed.type", b'["marked-value"]'),
        ("malformed.type", orjson.dumps(GOOD | {"type": "marked-value"})),
        ("malformed.counts", orjson.dumps(GOOD | {"type": "counts"})),
        ("malformed.counts", b'{"type":"counts","counts":["marked-value"]}'),
        ("malformed.type", b'{"type":"Counts","counts":{"error":1}}'),
        ("malformed.traits", orjson.dumps(GOOD | {"traits": "marked-value"})),
        ("malformed.messageId", orjson.dumps(GOOD | {"messageId": ["marked-value"]})),
        ("malformed.userId", orjson.dumps(GOOD | {"userId": ""})),
        ("malformed.timestamp", orjson.dumps(GOOD | {"timestamp": "marked-value"})),
        ("malformed.timestamp", orjson.dumps(GOOD | {"timestamp": "2026-11-20T12:00:00"})),
        ("malformed.timestamp", orjson.dumps(GOOD | {"timestamp": "0001-01-01T00:00:00+23:00"})),
        ("anonymous", orjson.dumps(GOOD | {"traits": {"email": "marked-value"}})),
        ("anonymous", orjson.dumps(GOOD | {"traits": {"email": ["marked-value@example.com"]}})),
    ],
)
def test_a_line_that_is_no_message_is_counted_by_its_fault(
    tmp_path: Path, reason: str, content: bytes
) -> None:
    """The count names the field, never the value, and the next line is taken."""
    (tmp_path / "1.ndjson").write_bytes(content + b"\n" + line("ann"))
    with tailing(tmp_path) as reader:
        batch = drain(reader)
    assert names(batch) == ["ann"]
    assert batch.rejected == {reason: 1}
    assert "marked-value" not in repr(batch.rejected)


def test_a_batch_shows_no_value(tmp_path: Path) -> None:
    """Its `repr` masks who is in it."""
    (tmp_path / "1.ndjson").write_bytes(line("ann", name="Marked Name"))
    with tailing(tmp_path) as reader:
        shown = repr(drain(reader))
    assert "ann@example.com" not in shown
    assert "Marked" not in shown


# Foreign things


def test_foreign_things_do_not_disturb(tmp_path: Path) -> None:
    """Directories, links, fifos, sockets and other files: reported or ignored, never followed."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "secret").write_bytes(line("linked"))
    place = tmp_path / "journal"
    place.mkdir()
    (place / "0.ndjson").symlink_to(elsewhere / "secret")
    (place / "1.ndjson").symlink_to(place / "nowhere")
    (place / "2.ndjson").mkdir()
    os.mkfifo(place / "3.ndjson")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(place / "4.ndjson"))
    (place / "notes.txt").write_bytes(line("text"))
    (place / "5.ndjson.part").write_bytes(line("part"))
    (place / "6.ndjson").write_bytes(line("ann"))
    before = set(place.iterdir())
    with tailing(place) as reader:
        assert names(drain(reader)) == ["ann"]
        assert set(reader.unreadable) == {f"{number}.ndjson" for number in range(5)}
        assert all(reader.unreadable.values())
        assert reader.remove_finished() == ["6.ndjson"]
        assert before - set(place.iterdir()) == {place / "6.ndjson"}
        (place / "0.ndjson").unlink()
        reader.look(afresh=True)
        assert "0.ndjson" not in reader.unreadable
    assert (elsewhere / "secret").read_bytes() == line("linked")


def test_a_segment_that_becomes_readable_is_read(tmp_path: Path) -> None:
    """It is tried again at each listing and no longer reported."""
    (tmp_path / "target").write_bytes(line("ann"))
    (tmp_path / "1.ndjson").symlink_to("target")
    with tailing(tmp_path) as reader:
        assert names(drain(reader)) == []
        assert list(reader.unreadable) == ["1.ndjson"]
        (tmp_path / "target").rename(tmp_path / "1.ndjson")
        assert names(drain(reader)) == ["ann"]
        assert reader.unreadable == {}


def test_a_segment_without_permission_is_reported(tmp_path: Path) -> None:
    """By the error's name; the others are read. Root may read everything, so a child drops it."""
    tmp_path.chmod(0o755)
    (tmp_path / "1.ndjson").write_bytes(line("bob"))
    (tmp_path / "1.ndjson").chmod(0)
    (tmp_path / "2.ndjson").write_bytes(line("ann"))
    (tmp_path / "2.ndjson").chmod(0o644)
    reached, told = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if os.getuid() == 0:
                os.chdir(tmp_path)
                os.setresgid(65_534, 65_534, 65_534)
                os.setresuid(65_534, 65_534, 65_534)
            else:
                os.chdir(tmp_path)
            reader = Tail(Path(), {})
            reader.look()
            os.write(told, repr((names(reader.read()), reader.unreadable)).encode())
        finally:
            os._exit(0)
    os.close(told)
    os.waitpid(child, 0)
    with open(reached, "rb") as answer:
        assert answer.read().decode() == repr((["ann"], {"1.ndjson": "Permission denied"}))


def test_a_directory_that_is_missing_is_an_oserror(tmp_path: Path) -> None:
    """Whoever drives the tail decides what to do; a later look finds it again."""
    place = tmp_path / "journal"
    with tailing(place) as reader:
        with pytest.raises(FileNotFoundError):
            reader.look()
        place.mkdir()
        (place / "1.ndjson").write_bytes(line("ann"))
        assert names(drain(reader)) == ["ann"]


# Removal


def test_a_segment_is_removed_only_when_let_go_read_and_committed(tmp_path: Path) -> None:
    """Each of the three alone keeps it."""
    with Scribe(tmp_path, "1.ndjson") as scribe, tailing(tmp_path) as reader:
        scribe.write(line("ann"))
        drain(reader)
        assert reader.remove_finished() == []  # its writer lives
        scribe.write(line("bob"))
        scribe.let_go()
        assert reader.remove_finished() == []  # it was not read to the end
        reader.look()
        uncommitted = reader.read()
        reader.rewind(uncommitted)
        assert reader.remove_finished() == []  # it could not be committed
        assert names(drain(reader)) == ["bob"]
        assert reader.remove_finished() == ["1.ndjson"]
        assert not scribe.path.exists()
        assert reader.remove_finished() == []


def test_a_segment_held_by_another_process_stays(place: Path) -> None:
    """Until that process dies, by whatever: its lock goes with it."""
    code = (
        "import sys\n"
        "from frontdesk.journal import Journal\n"
        "journal = Journal(sys.argv[1])\n"
        "assert journal.append(bytes.fromhex(sys.argv[2]))\n"
        "print('written', flush=True)\n"
        "sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", code, str(place), line("ann").hex()]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe) as child, tailing(place) as reader:
        assert child.stdout is not None
        assert child.stdout.readline() == b"written\n"
        assert names(drain(reader)) == ["ann"]
        assert reader.remove_finished() == []
        child.kill()
        child.wait()
        assert len(reader.remove_finished()) == 1
    assert list(place.iterdir()) == []


def test_a_finished_segment_found_at_a_start_is_removed(tmp_path: Path) -> None:
    """The sidecar died between its commit and the removal."""
    (tmp_path / "1.ndjson").write_bytes(line("ann"))
    with tailing(tmp_path, {"1.ndjson": len(line("ann")), "gone.ndjson": 5}) as reader:
        assert reader.stale_offsets() == ["gone.ndjson"]
        assert drain(reader).messages == []
        assert reader.remove_finished() == ["1.ndjson"]


def test_an_offset_beyond_the_end_is_not_believed(tmp_path: Path) -> None:
    """It is another file's; this one is read from its start."""
    (tmp_path / "1.ndjson").write_bytes(line("ann"))
    with tailing(tmp_path, {"1.ndjson": 10_000}) as reader:
        assert names(drain(reader)) == ["ann"]


def test_a_segment_removed_under_us_is_let_go(tmp_path: Path) -> None:
    """Its file is closed, and the others are read on."""
    with Scribe(tmp_path, "1.ndjson") as gone, Scribe(tmp_path, "2.ndjson") as stays:
        gone.write(line("ann"))
        stays.write(line("bob"))
        with tailing(tmp_path) as reader:
            assert names(drain(reader)) == ["ann", "bob"]
            gone.path.unlink()
            gone.write(line("lost"))
            stays.write(line("cid"))
            assert names(drain(reader)) == ["cid"]
            assert reader.lag_bytes == 0
            stays.path.unlink()
            stays.let_go()
            assert reader.remove_finished() == []


def test_a_journal_that_was_away_is_not_read_twice(tmp_path: Path) -> None:
    """A volume that comes back has the segments that were read already."""
    place, away = tmp_path / "journal", tmp_path / "away"
    place.mkdir()
    with Scribe(place, "1.ndjson") as scribe, tailing(place) as reader:
        scribe.write(line("ann"))
        assert names(drain(reader)) == ["ann"]
        place.rename(away)
        place.mkdir()
        assert names(drain(reader)) == []
        place.rmdir()
        away.rename(place)
        scribe.write(line("bob"))
        assert names(drain(reader)) == ["bob"]


# The race of a segment that is not yet locked


def test_a_segment_removed_before_it_was_locked_costs_nothing(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The writer sees that its file is gone, or locked by the reader, and opens another."""
    attempts: list[list[str]] = []
    reader = Tail(place, {})

    def flock(fd: int, operation: int) -> None:
        """The reader comes in between `open` and `flock`: it removes the file, then holds one."""
        if not attempts:
            reader.look(afresh=True)
            attempts.append(reader.remove_finished())
            fcntl.flock(fd, operation)
        elif len(attempts) == 1:
            other = os.open(next(place.glob("*.ndjson")), os.O_RDONLY)
            attempts.append([])
            try:
                fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
                fcntl.flock(fd, operation)
            finally:
                os.close(other)
        else:
            fcntl.flock(fd, operation)

    between = SimpleNamespace(flock=flock, LOCK_EX=fcntl.LOCK_EX, LOCK_NB=fcntl.LOCK_NB)
    monkeypatch.setattr(journal, "fcntl", between)
    web = Journal(place)
    try:
        assert web.append(line("ann"))
        assert [len(removed) for removed in attempts] == [1, 0]
        assert names(drain(reader)) == ["ann"]
    finally:
        web.close()


def test_no_message_is_lost_in_the_race_for_fresh_segments(place: Path) -> None:
    """A process opens a segment for every message; a reader removes whatever it may, at once."""
    rounds = 1500
    code = (
        "import sys\n"
        "from frontdesk.journal import Journal\n"
        "dropped = []\n"
        "journal = Journal(sys.argv[1], on_drop=lambda line, reason: dropped.append(reason))\n"
        "for text in sys.stdin.buffer:\n"
        "    journal.append(text)\n"
        "    journal.close()\n"
        "    if dropped:\n"
        "        sys.exit(f'dropped: {dropped}')\n"
    )
    with tempfile.TemporaryFile() as feed:
        command = [sys.executable, "-c", code, str(place)]
        feed.writelines(line(f"c{number}") for number in range(rounds))
        feed.seek(0)
        found = list[str]()
        with (
            subprocess.Popen(command, stdin=feed, stderr=subprocess.PIPE, text=True) as child,
            tailing(place) as reader,
        ):
            deadline = time.monotonic() + 30
            running = True
            while running or any(place.iterdir()):
                assert time.monotonic() < deadline
                running = child.poll() is None
                if reader.look(afresh=True):
                    found += names(reader.read())
                reader.remove_finished()
            assert child.stderr is not None
            dropped = child.stderr.read()
        assert child.returncode == 0, dropped
    assert sorted(found) == sorted(f"c{number}" for number in range(rounds))


# Many segments


def test_a_thousand_segments(tmp_path: Path) -> None:
    """They cost no open files, and are read in the order of their names."""
    number = 1000
    for count in range(number):
        (tmp_path / f"{count:05d}.ndjson").write_bytes(line(f"c{count}"))
    found = list[str]()
    with tailing(tmp_path) as reader:
        before = len(os.listdir("/proc/self/fd"))
        while any(tmp_path.iterdir()):
            assert reader.look(afresh=True)
            assert len(os.listdir("/proc/self/fd")) == before
            found += names(reader.read())
            reader.remove_finished()
    assert found == [f"c{count}" for count in range(number)]


def test_idle_live_segments_do_not_keep_newer_ones_from_being_read(
    tmp_path: Path,
) -> None:
    """More processes live than have logins."""
    scribes = [Scribe(tmp_path, f"{number}.ndjson") for number in range(6)]
    try:
        with tailing(tmp_path) as reader:
            found = list[str]()
            for number, scribe in enumerate(scribes):
                scribe.write(line(f"a{number}"))
            for _ in range(10):
                found += names(drain(reader))
                reader.remove_finished()
            assert sorted(found) == [f"a{number}" for number in range(6)]
            scribes[0].write(line("b0"))
            scribes[5].write(line("b5"))
            for _ in range(10):
                found += names(drain(reader))
                reader.remove_finished()
            assert sorted(found[6:]) == ["b0", "b5"]
    finally:
        for scribe in scribes:
            scribe.let_go()


# Rotation


def test_rotation_is_asked_once_for_what_was_written(tmp_path: Path) -> None:
    """A worker without logins would keep its read messages in the journal for ever."""
    with Scribe(tmp_path, "1.ndjson") as scribe, tailing(tmp_path) as reader:
        assert not reader.ask_rotation()
        reader.look()
        assert not reader.ask_rotation()  # nothing was written
        scribe.write(line("ann"))
        assert not reader.ask_rotation()  # nothing was read
        drain(reader)
        assert reader.ask_rotation()
        assert (tmp_path / ROTATE).stat().st_mode & 0o777 == 0o644
        (tmp_path / ROTATE).unlink()
        assert not reader.ask_rotation()
        assert not (tmp_path / ROTATE).exists()
        scribe.write(line("bob"))
        drain(reader)
        assert reader.ask_rotation()
        scribe.let_go()
        assert reader.remove_finished() == ["1.ndjson"]
        assert not reader.ask_rotation()


def test_a_writer_that_is_asked_lets_its_segment_go(place: Path) -> None:
    """Its next message opens another, and the read one can be removed."""
    now = [0.0]
    web = Journal(place, clock=lambda: now[0])
    try:
        with tailing(place) as reader:
            assert web.append(line("ann"))
            [first] = place.glob("*.ndjson")
            assert names(drain(reader)) == ["ann"]
            assert reader.ask_rotation()
            # The kernel stamps files by a clock that ticks every few milliseconds.
            opened_ns = int(first.name.partition("-")[0])
            while (place / ROTATE).stat().st_mtime_ns <= opened_ns:
                (place / ROTATE).touch()
            now[0] += 60
            assert web.append(line("bob"))
            assert reader.remove_finished() == [first.name]
            assert names(drain(reader)) == ["bob"]
    finally:
        web.close()


# Economy


def test_the_directory_is_listed_only_when_it_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look at a quiet journal costs a `stat` for each segment, and no more."""
    (tmp_path / "1.ndjson").write_bytes(line("ann"))
    listings: list[object] = []
    scandir = os.scandir

    def noted(path: Path) -> object:
        listings.append(path)
        return scandir(path)

    with tailing(tmp_path) as reader:
        drain(reader)
        monkeypatch.setattr(os, "scandir", noted)
        for _ in range(5):
            assert not reader.look()
        assert listings == []
        reader.look(afresh=True)
        assert listings == [tmp_path]


def test_reading_leaves_no_file_open(tmp_path: Path) -> None:
    """Neither of segments that were read nor of those that were removed."""
    before = sorted(os.listdir("/proc/self/fd"))
    for number in range(5):
        (tmp_path / f"{number}.ndjson").write_bytes(line("ann"))
    (tmp_path / "dir.ndjson").mkdir()
    reader = Tail(tmp_path, {})
    drain(reader)
    (tmp_path / "3.ndjson").unlink()
    reader.look(afresh=True)
    assert sorted(os.listdir("/proc/self/fd")) == before


def test_names_that_no_writer_gives_are_reported(tmp_path: Path) -> None:
    """Not even bytes that are no text stop the reader."""
    for name in (b"\xff1.ndjson", b"a b.ndjson", b"\xc3\xa4.ndjson"):
        (tmp_path / os.fsdecode(name)).write_bytes(line("mallory"))
    (tmp_path / "1.ndjson").write_bytes(line("ann"))
    with tailing(tmp_path) as reader:
        assert names(drain(reader)) == ["ann"]
        assert set(reader.unreadable.values()) == {"not a name of ours"}
        assert all(name.isascii() for name in reader.unreadable)
