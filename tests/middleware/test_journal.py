"""The journal's writing end: whole lines, own segments, and never a wait."""

import fcntl
import json
import os
import re
import resource
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import anyio.to_thread
import pytest

from asgi_support import read_lines
from frontdesk import disk as disk_module
from frontdesk import journal as journal_module
from frontdesk.disk import is_memory_backed
from frontdesk.event import COUNTS, MAX_LINE_BYTES
from frontdesk.journal import ROTATE, SEGMENT_BYTES, SUFFIX, Journal

LINE = b'{"type":"identify"}\n'
ROOT = os.geteuid() == 0


class Clock:
    """A clock that only moves when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """The journal's clock."""
    return Clock()


@pytest.fixture
def dropped() -> Iterator[list[str]]:
    """Why lines were dropped, in order; each is a word that readers know."""
    reasons: list[str] = []
    yield reasons
    assert {f"dropped.{reason}" for reason in reasons} <= COUNTS


@pytest.fixture
def open_journal(
    journal: Path, clock: Clock, dropped: list[str]
) -> Iterator[Callable[..., Journal]]:
    """Makes journals in the journal's directory, or another, and closes them."""
    made: list[Journal] = []

    def make(directory: Path = journal, limit_bytes: int = 64 * 1024 * 1024) -> Journal:
        made.append(
            Journal(
                directory,
                on_drop=lambda line, reason: dropped.append(reason),
                limit_bytes=limit_bytes,
                clock=clock,
            )
        )
        return made[-1]

    yield make
    for one in made:
        one.close()


def segments(directory: Path) -> list[Path]:
    """The segments there are, oldest first."""
    return sorted(directory.glob(f"*{SUFFIX}"))


def is_locked(path: Path) -> bool:
    """True when another open file cannot take the segment's lock."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def line_of(number: int, size: int = 40) -> bytes:
    """A line of a known size that tells itself from others."""
    return str(number).encode().rjust(size - 1, b"0") + b"\n"


def test_nothing_is_opened_before_the_first_line(
    open_journal: Callable[..., Journal], journal: Path
) -> None:
    """A journal that is made, and closed, leaves nothing."""
    made = open_journal()
    assert segments(journal) == []
    made.close()
    assert list(journal.iterdir()) == []


def test_what_is_appended_is_what_is_there(
    open_journal: Callable[..., Journal], journal: Path
) -> None:
    """No header, no index: the lines and nothing else, in order, in one segment."""
    made = open_journal()
    lines = [line_of(number) for number in range(100)]
    assert all(made.append(line) for line in lines)
    (segment,) = segments(journal)
    assert segment.read_bytes() == b"".join(lines)


def test_a_segment(open_journal: Callable[..., Journal], journal: Path) -> None:
    """A sortable unique name, mode 0640 whatever the umask, flocked while it may be written."""
    before = os.umask(0o077)
    try:
        made = open_journal()
        assert made.append(LINE)
    finally:
        os.umask(before)
    (segment,) = segments(journal)
    assert re.fullmatch(rf"\d{{20}}-{os.getpid()}-[0-9a-f]{{8}}\.ndjson", segment.name)
    assert stat.S_IMODE(segment.stat().st_mode) == 0o640
    assert is_locked(segment)
    made.close()
    assert not is_locked(segment)


def test_two_journals_of_one_directory(open_journal: Callable[..., Journal], journal: Path) -> None:
    """Each has a segment of its own."""
    first, second = open_journal(), open_journal()
    assert first.append(LINE)
    assert second.append(LINE)
    assert len(segments(journal)) == 2
    assert all(is_locked(segment) for segment in segments(journal))


def test_a_line_is_one_write(
    open_journal: Callable[..., Journal], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One message, one system call: a reader sees all of it or none."""
    real, written = os.write, []

    def counted(fd: int, line: bytes) -> int:
        written.append(line)
        return real(fd, line)

    monkeypatch.setattr(os, "write", counted)
    made = open_journal()
    lines = [line_of(number, size) for number, size in enumerate((40, 4096, MAX_LINE_BYTES))]
    assert all(made.append(line) for line in lines)
    assert written == lines


def test_names_are_never_reused(
    open_journal: Callable[..., Journal], journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A segment is made anew or not at all: one that is there is left as it is."""
    monkeypatch.setattr(time, "time_ns", lambda: 1)
    monkeypatch.setattr(os, "urandom", bytes)
    taken = journal / f"{1:020d}-{os.getpid()}-00000000{SUFFIX}"
    taken.write_bytes(b"somebody else's\n")
    assert not open_journal().append(LINE)
    assert taken.read_bytes() == b"somebody else's\n"


def test_a_segment_that_a_reader_took_is_opened_again(
    open_journal: Callable[..., Journal], journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader that locks or removes the new, still unlocked segment makes for another try."""
    real = fcntl.flock
    attempts = []

    def race(fd: int, operation: int) -> None:
        attempts.append(fd)
        if len(attempts) == 1:
            raise BlockingIOError
        if len(attempts) == 2:
            segments(journal)[-1].unlink()
        real(fd, operation)

    monkeypatch.setattr(fcntl, "flock", race)
    assert open_journal().append(LINE)
    assert len(attempts) == 3
    assert [path.read_bytes() for path in segments(journal)] == [b"", LINE]


def test_a_full_segment_is_followed_by_another(
    open_journal: Callable[..., Journal], journal: Path
) -> None:
    """After four mebibytes a new segment begins, and the old one is let go."""
    made = open_journal()
    lines = [line_of(number, MAX_LINE_BYTES) for number in range(70)]
    assert all(made.append(line) for line in lines)
    first, second = segments(journal)
    assert first.stat().st_size == SEGMENT_BYTES
    assert first.read_bytes() + second.read_bytes() == b"".join(lines)
    assert not is_locked(first)
    assert is_locked(second)


def test_the_sidecar_may_ask_for_a_new_segment(
    open_journal: Callable[..., Journal], journal: Path, clock: Clock
) -> None:
    """Touching `rotate` lets the segment go with the next line, once."""
    made = open_journal()
    assert made.append(LINE)
    (journal / ROTATE).touch()
    moment = segments(journal)[0].stat().st_mtime_ns + 10**9
    os.utime(journal / ROTATE, ns=(moment, moment))
    assert made.append(LINE)
    assert len(segments(journal)) == 1  # it is looked at once a second
    clock.now += 1
    assert made.append(LINE)
    first, second = segments(journal)
    assert not is_locked(first)
    assert is_locked(second)
    os.utime(journal / ROTATE, ns=(1, 1))
    clock.now += 1
    assert made.append(LINE)
    assert len(segments(journal)) == 2


def test_a_removed_segment_is_noticed(
    open_journal: Callable[..., Journal], journal: Path, clock: Clock
) -> None:
    """Who clears the directory by hand loses what was in it, and nothing after the next look."""
    made = open_journal()
    assert made.append(LINE)
    segments(journal)[0].unlink()
    clock.now += 1
    assert made.append(LINE)
    assert read_lines(journal) == [LINE]


def test_a_missing_directory_costs_a_look_now_and_then(
    open_journal: Callable[..., Journal],
    journal: Path,
    clock: Clock,
    dropped: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The looks back off, and the first one after the directory is there succeeds."""
    late = journal / "late"
    looks = []
    real = os.scandir

    def counted(path: str) -> object:
        looks.append(clock.now)
        return real(path)

    monkeypatch.setattr(os, "scandir", counted)
    made = open_journal(late)
    for tenth in range(1200):
        clock.now = 1000 + tenth / 10
        assert not made.append(LINE)
    assert set(dropped) == {"journal_missing"}
    assert len(dropped) == 1200
    assert looks == [1000, 1001, 1003, 1007, 1015, 1031, 1061, 1091]
    late.mkdir()
    assert not made.append(LINE)
    clock.now = 1121
    assert made.append(LINE)
    assert read_lines(late) == [LINE]


def test_a_directory_that_vanishes(
    open_journal: Callable[..., Journal], journal: Path, clock: Clock, dropped: list[str]
) -> None:
    """A volume that is unmounted and mounted again is written to again."""
    place = journal / "volume"
    place.mkdir()
    made = open_journal(place)
    assert made.append(LINE)
    segments(place)[0].unlink()
    place.rmdir()
    clock.now += 1
    assert not made.append(LINE)
    assert dropped == ["journal_missing"]
    place.mkdir()
    clock.now += 1
    assert made.append(LINE)
    clock.now += 1
    assert made.append(LINE)
    assert read_lines(place) == [LINE, LINE]


def test_a_file_in_place_of_the_directory(
    open_journal: Callable[..., Journal], journal: Path, dropped: list[str]
) -> None:
    """It is as good as no directory."""
    (journal / "file").touch()
    assert not open_journal(journal / "file").append(LINE)
    assert dropped == ["journal_missing"]


def test_a_name_no_directory_can_have(tmp_path: Path, dropped: list[str]) -> None:
    """Whatever the directory is called, appending never raises."""
    made = Journal(f"{tmp_path}/\x00", on_drop=lambda line, reason: dropped.append(reason))
    assert not made.append(LINE)
    assert len(dropped) == 1


def test_a_symbolic_link_is_not_followed(
    open_journal: Callable[..., Journal], journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody who can write to the directory chooses which file is written."""
    monkeypatch.setattr(time, "time_ns", lambda: 1)
    monkeypatch.setattr(os, "urandom", bytes)
    link = journal / f"{1:020d}-{os.getpid()}-00000000{SUFFIX}"
    link.symlink_to(journal / "target")
    assert not open_journal().append(LINE)
    assert not (journal / "target").exists()


@pytest.fixture
def mounted(journal: Path) -> Iterator[Path]:
    """A tmpfs of 64 KiB, for which one must be allowed to mount."""
    place = journal / "mounted"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)]
    if not ROOT or subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("needs the right to mount a tmpfs")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_file_system(
    open_journal: Callable[..., Journal], mounted: Path, clock: Clock, dropped: list[str]
) -> None:
    """What does not fit is dropped, no torn line goes on, and it heals when there is room."""
    made = open_journal(mounted)
    line = line_of(1, 9000)
    taken = [made.append(line) for _ in range(12)]
    assert taken == [True] * 7 + [False] * 5
    assert set(dropped) == {"journal_full"}
    (segment,) = segments(mounted)
    assert segment.read_bytes().startswith(line * 7)
    assert not is_locked(segment)  # it may end in a torn line, so nothing more comes after it
    segment.unlink()
    clock.now += 1
    assert made.append(line)
    assert read_lines(mounted) == [line]


def test_a_read_only_file_system(
    open_journal: Callable[..., Journal], mounted: Path, clock: Clock, dropped: list[str]
) -> None:
    """It is told apart from other failures, and written to when it is writable again."""
    subprocess.run(["mount", "-o", "remount,ro", str(mounted)], check=True)
    made = open_journal(mounted)
    assert not made.append(LINE)
    assert dropped == ["journal_readonly"]
    subprocess.run(["mount", "-o", "remount,rw", str(mounted)], check=True)
    assert not made.append(LINE)
    clock.now += 1
    assert made.append(LINE)


@pytest.mark.skipif(not ROOT, reason="only root can become somebody without rights")
def test_a_directory_of_somebody_else(journal: Path) -> None:
    """Without the right to write there, lines are dropped as denied."""
    script = """
import os, sys
from frontdesk.journal import Journal
os.setgroups([]); os.setgid(65534); os.setuid(65534)
reasons = []
assert not Journal(sys.argv[1], on_drop=lambda line, reason: reasons.append(reason)).append(b"x\\n")
print(*reasons)
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(journal)], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("journal_denied\n", "")


def test_the_largest_file_one_may_write(
    open_journal: Callable[..., Journal], journal: Path, dropped: list[str]
) -> None:
    """Where the process may write no more, a line is cut at most once and none follows it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    made = open_journal()
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
        taken = [made.append(line_of(number, 300)) for number in range(6)]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert taken == [True] * 3 + [False] * 3
    assert set(dropped) == {"journal_full"}
    (segment,) = segments(journal)
    assert (
        segment.read_bytes() == b"".join(line_of(number, 300) for number in range(3)) + b"0" * 100
    )
    assert not is_locked(segment)


def test_the_limit(
    open_journal: Callable[..., Journal], journal: Path, clock: Clock, dropped: list[str]
) -> None:
    """Above the limit lines are dropped; when the sidecar has made room they are taken again."""
    made = open_journal(limit_bytes=1000)
    taken = [made.append(line_of(number, 300)) for number in range(5)]
    assert taken == [True, True, True, False, False]
    assert dropped == ["journal_full"] * 2
    assert sum(path.stat().st_size for path in segments(journal)) == 900
    segments(journal)[0].unlink()
    clock.now += 1
    assert made.append(line_of(9, 300))


def test_the_limit_is_the_directory_s(open_journal: Callable[..., Journal], journal: Path) -> None:
    """What other processes have left there counts; what is no segment does not."""
    (journal / "other").write_bytes(b"x" * 5000)
    assert open_journal(limit_bytes=1000).append(line_of(1, 600))
    assert not open_journal(limit_bytes=1000).append(line_of(2, 600))


def test_a_line_that_is_too_large(
    open_journal: Callable[..., Journal], journal: Path, dropped: list[str]
) -> None:
    """One byte over the bound is dropped, and the next line goes through."""
    made = open_journal()
    assert made.append(line_of(1, MAX_LINE_BYTES))
    assert not made.append(line_of(2, MAX_LINE_BYTES + 1))
    assert made.append(LINE)
    assert dropped == ["too_large"]
    assert read_lines(journal) == [line_of(1, MAX_LINE_BYTES), LINE]


def test_threads_write_whole_lines(
    open_journal: Callable[..., Journal], journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many threads, rotation in between: every line once and whole."""
    monkeypatch.setattr(journal_module, "SEGMENT_BYTES", 2_000)
    made = open_journal()
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [
            threading.Thread(
                target=lambda n=n: [made.append(line_of(n * 500 + i, 50)) for i in range(500)]
            )
            for n in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert sorted(read_lines(journal)) == [line_of(number, 50) for number in range(4000)]
    assert len(segments(journal)) == 100


def run(script: str, directory: Path) -> subprocess.CompletedProcess[str]:
    """Run a script in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", script, str(directory)],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def test_a_fork_after_the_first_line(journal: Path) -> None:
    """Parent and children write segments of their own; no byte of one stands among another's."""
    done = run(
        """
import os, sys
from frontdesk.journal import Journal
journal = Journal(sys.argv[1])
journal.append(b"parent 0\\n")
children = []
for child in range(3):
    pid = os.fork()
    if pid == 0:
        for number in range(200):
            assert journal.append(f"child{child} {number}\\n".encode())
        os._exit(0)
    children.append(pid)
for number in range(1, 200):
    assert journal.append(f"parent {number}\\n".encode())
for pid in children:
    assert os.waitpid(pid, 0)[1] == 0
""",
        journal,
    )
    assert (done.returncode, done.stderr) == (0, "")
    found = [path.read_text().splitlines() for path in segments(journal)]
    assert len(found) == 4
    for lines in found:
        name = lines[0].split(" ")[0]
        assert lines == [f"{name} {number}" for number in range(200)]
    assert not any(is_locked(path) for path in segments(journal))


def test_a_fork_while_the_parent_writes(journal: Path) -> None:
    """A lock that another thread held while the process forked does not stop the child."""
    done = run(
        """
import os, sys
from frontdesk.journal import Journal
journal = Journal(sys.argv[1])
journal.append(b"parent\\n")
with journal._segments._lock:
    pid = os.fork()
    if pid == 0:
        os._exit(0 if journal.append(b"child\\n") else 1)
assert os.waitpid(pid, 0)[1] == 0
assert journal.append(b"parent\\n")
""",
        journal,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(read_lines(journal)) == [b"child\n", b"parent\n", b"parent\n"]


def test_a_kill_right_after_the_append(journal: Path) -> None:
    """What was appended is there, though the process dies before its next instruction."""
    done = run(
        """
import os, signal, sys
from frontdesk.journal import Journal
assert Journal(sys.argv[1]).append(b"the last line\\n")
os.kill(os.getpid(), signal.SIGKILL)
""",
        journal,
    )
    assert done.returncode == -signal.SIGKILL
    assert read_lines(journal) == [b"the last line\n"]
    assert not is_locked(segments(journal)[0])


def test_a_child_program_inherits_nothing(journal: Path) -> None:
    """A program that the app starts holds no segment open, and so no lock."""
    done = run(
        """
import os, subprocess, sys
from frontdesk.journal import Journal
journal = Journal(sys.argv[1])
journal.append(b"x\\n")
listing = "import os; print(sum(os.readlink(f'/proc/self/fd/{n}').endswith('.ndjson') " \\
    "for n in os.listdir('/proc/self/fd') if os.path.islink(f'/proc/self/fd/{n}')))"
print(subprocess.run([sys.executable, "-c", listing], close_fds=False,
    capture_output=True, text=True, check=True).stdout.strip())
""",
        journal,
    )
    assert (done.stdout, done.stderr) == ("0\n", "")


def on_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every directory pass for one on a disk."""
    monkeypatch.setattr(journal_module, "is_memory_backed", lambda directory: False)


def test_a_disk_is_written_by_a_thread(
    open_journal: Callable[..., Journal], journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a disk the caller only queues; closing writes what is queued, and reopening works."""
    on_disk(monkeypatch)
    writers = set()
    real = os.write

    def noted(fd: int, line: bytes) -> int:
        writers.add(threading.current_thread().name)
        return real(fd, line)

    monkeypatch.setattr(os, "write", noted)
    made = open_journal()
    lines = [line_of(number) for number in range(300)]
    assert all(made.append(line) for line in lines)
    made.close()
    assert read_lines(journal) == lines
    assert writers == {"frontdesk-journal"}
    assert made.append(LINE)
    made.close()
    assert read_lines(journal) == [*lines, LINE]


async def test_a_disk_does_not_block_the_loop(
    open_journal: Callable[..., Journal], journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In an event loop not one call that could wait for a disk is made in the caller's turn."""
    on_disk(monkeypatch)
    made = open_journal()
    assert made.append(LINE)
    await anyio.to_thread.run_sync(made.close)
    assert read_lines(journal) == [LINE]


def test_a_stalled_disk(
    open_journal: Callable[..., Journal],
    dropped: list[str],
    journal: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """While the disk stalls the caller is never held up; beyond a bound lines are dropped."""
    on_disk(monkeypatch)
    monkeypatch.setattr(disk_module, "_QUEUE_BYTES", 1000)
    disk = threading.Event()
    real = os.write

    def stalled(fd: int, line: bytes) -> int:
        assert disk.wait(30)
        return real(fd, line)

    monkeypatch.setattr(os, "write", stalled)
    made = open_journal()
    taken = [made.append(line_of(number, 100)) for number in range(15)]
    assert taken == [True] * 10 + [False] * 5
    assert dropped == ["queue_full"] * 5
    disk.set()
    made.close()
    assert read_lines(journal) == [line_of(number, 100) for number in range(10)]


def test_a_disk_that_fails_later(
    open_journal: Callable[..., Journal],
    journal: Path,
    dropped: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A line that was queued and could not be written is told of as well."""
    on_disk(monkeypatch)
    made = open_journal(limit_bytes=10)
    assert made.append(LINE)
    made.close()
    assert dropped == ["journal_full"]
    assert read_lines(journal) == []


def test_what_is_written_because_the_end_failed(
    journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is told of a drop while the journal is closed may still have a line written of it."""
    on_disk(monkeypatch)
    told: list[bytes] = []

    def on_drop(line: bytes, reason: str) -> None:
        monkeypatch.undo()
        told.append(line)
        made.append(f"{reason}\n".encode())

    made = Journal(journal, on_drop=on_drop)
    monkeypatch.setattr(made._segments, "write", lambda line: "journal_error")
    assert made.append(LINE)
    made.close()
    assert told == [LINE]
    assert read_lines(journal) == [b"journal_error\n"]


def test_no_thread_can_be_started(
    open_journal: Callable[..., Journal],
    journal: Path,
    dropped: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """At a limit of threads, or at the interpreter's end: dropped, and nothing is raised."""
    on_disk(monkeypatch)

    def start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    made = open_journal()
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", start)
        assert not made.append(LINE)
    assert dropped == ["journal_error"]
    assert made.append(LINE)
    made.close()
    assert read_lines(journal) == [LINE]


def test_a_fork_beside_the_writing_thread(journal: Path) -> None:
    """A child, which has no such thread, starts one of its own."""
    done = run(
        """
import os, sys
from frontdesk import journal as module
module.is_memory_backed = lambda directory: False
journal = module.Journal(sys.argv[1])
journal.append(b"parent\\n")
pid = os.fork()
if pid == 0:
    journal.append(b"child\\n")
    journal.close()
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
journal.close()
""",
        journal,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(read_lines(journal)) == [b"child\n", b"parent\n"]
    assert len(segments(journal)) == 2


def test_what_lies_in_memory(tmp_path: Path) -> None:
    """The kernel's own table of mounts is believed."""
    if not Path("/proc/self/mountinfo").exists():
        pytest.skip("needs Linux's table of mounts")
    mounts = Path("/proc/self/mountinfo").read_text()
    if " /dev/shm " in mounts:
        assert is_memory_backed("/dev/shm")  # noqa: S108 - it is only asked about
        assert is_memory_backed("/dev/shm/not/there/yet")  # noqa: S108 - only asked about
    assert not is_memory_backed("/proc")
    link = tmp_path / "link"
    link.symlink_to("/dev/shm")  # noqa: S108 - it is only asked about
    assert is_memory_backed(str(link)) == is_memory_backed("/dev/shm")  # noqa: S108 - the same


MOUNTS = r"""
22 1 8:1 / / rw - ext4 /dev/sda1 rw
23 22 0:5 / /run rw,nosuid - tmpfs tmpfs rw
24 23 8:2 / /run/disk rw shared:5 master:1 - xfs /dev/sdb rw
25 22 0:6 / /a\040b rw - tmpfs tmpfs rw
26 22 0:7 / /twice rw - tmpfs tmpfs rw
27 22 8:3 / /twice rw - ext4 /dev/sdc rw
28 22 0:8 / /ram rw - ramfs none rw
"""


@pytest.mark.parametrize(
    ("directory", "is_memory"),
    [
        ("/run/frontdesk/journal", True),
        ("/run", True),
        ("/running", False),
        ("/run/disk/journal", False),
        ("/a b/journal", True),
        ("/twice/journal", False),
        ("/ram/x", True),
        ("/srv", False),
    ],
)
def test_the_table_of_mounts(
    directory: str, is_memory: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The nearest mount decides, and of two on one point the later."""
    table = tmp_path / "mountinfo"
    table.write_text(MOUNTS.lstrip())
    real = Path
    monkeypatch.setattr(
        disk_module,
        "Path",
        lambda place: real(table if place == "/proc/self/mountinfo" else place),
    )
    assert is_memory_backed(directory) is is_memory


def test_a_system_without_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it cannot be told, a directory counts as a disk."""
    real = Path
    monkeypatch.setattr(disk_module, "Path", lambda place: real(tmp_path / "none"))
    assert not is_memory_backed("/dev/shm")  # noqa: S108 - it is only asked about


def test_lines_are_read_by_another_program(
    open_journal: Callable[..., Journal], journal: Path
) -> None:
    """`cat` is a reader."""
    open_journal().append(b'{"a": 1}\n')
    done = subprocess.run(["cat", *segments(journal)], capture_output=True, check=True)
    assert json.loads(done.stdout) == {"a": 1}
