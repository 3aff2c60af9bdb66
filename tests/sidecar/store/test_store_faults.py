"""What the store says when the disk's own calls fail, as the kernel reports it.

In a child process a seccomp filter answers chosen system calls with an error; it cannot be taken
back, and needs no privilege. See https://man7.org/linux/man-pages/man2/seccomp.2.html.
"""

from __future__ import annotations

import errno
import platform
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from frontdesk_sidecar.store.sqlite import SQLiteStore

NOW = 1_795_176_000_000_000
#: machine -> its number for the kernel, and those of fsync, fdatasync and pwrite64
MACHINES: Final = {
    "x86_64": (0xC000003E, 74, 75, 18),
    "aarch64": (0xC00000B7, 82, 83, 68),
}
MACHINE: Final = MACHINES.get(platform.machine())

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or MACHINE is None, reason="needs seccomp on x86_64 or aarch64"
)

#: `deny(calls, error, offset)`: from now on these calls fail; if an offset is given, only when
#: their fourth argument is at least that.
CHILD: Final = """
import ctypes, os, pathlib, struct, sys
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from frontdesk.event import Identify
from frontdesk_sidecar.store import Delivered, StoreError, StoreFailed, StoreFull
from frontdesk_sidecar.store import sqlite_sql as sql
from frontdesk_sidecar.store.sqlite import SQLiteStore
from frontdesk_sidecar.store.sqlite_file import SQLiteFile

NOW = 1_795_176_000_000_000
path = pathlib.Path(sys.argv[1])
MACHINE, FSYNC, FDATASYNC, PWRITE = {machine}

def deny(calls, error, offset=None):
    load, equal, greater, give = 0x20, 0x15, 0x35, 0x06
    allow, refuse = 0x7FFF0000, 0x00050000 | error
    steps = [(load, 0, 0, 4), (equal, 1, 0, MACHINE), (give, 0, 0, allow), (load, 0, 0, 0)]
    for call in calls:
        if offset is None:
            steps += [(equal, 0, 1, call), (give, 0, 0, refuse)]
        else:  # of a little-endian argument the lower half comes first
            steps += [(equal, 0, 3, call), (load, 0, 0, 16 + 3 * 8), (greater, 0, 1, offset),
                      (give, 0, 0, refuse), (load, 0, 0, 0)]
    steps.append((give, 0, 0, allow))
    program = b"".join(struct.pack("HBBI", *step) for step in steps)
    buffer = ctypes.create_string_buffer(program)
    header = struct.pack("HxxxxxxP", len(steps), ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, ctypes.c_char_p(header), 0, 0):
        print("no seccomp", os.strerror(ctypes.get_errno()), flush=True)
        os._exit(77)

def login(name, note=""):
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=NOW)
    return Identify(name, moment, name, {{"email": name + "@example.com", "note": note}})

def attempt(name, work):
    try:
        work()
    except StoreError as error:
        print(name, type(error).__name__, error, sep="|", flush=True)
    else:
        print(name, "done", "", sep="|", flush=True)
"""


def run(path: Path, code: str) -> dict[str, tuple[str, str]]:
    """What a child process said: of each attempt how it ended, and the error's text."""
    text = CHILD.format(machine=MACHINE) + code + "\nsys.stdout.flush()\nos._exit(0)"
    ended = subprocess.run(
        [sys.executable, "-c", text, str(path)], capture_output=True, text=True, check=False
    )
    if ended.returncode == 77:
        pytest.skip(ended.stdout)
    assert ended.returncode == 0, ended.stderr
    lines = [line.split("|") for line in ended.stdout.splitlines()]
    return {name: (kind, said) for name, kind, said in lines}


def test_a_commit_that_was_not_synced_is_not_claimed(path: Path) -> None:
    """The kernel says EIO to fsync; nothing is done any more, and what was done before is there."""
    said = run(
        path,
        f"""
store = SQLiteStore.open(path)
attempt("before", lambda: store.absorb([login("ann")], {{"s1": 1}}, NOW))
deny([FSYNC, FDATASYNC], {errno.EIO})
attempt("absorb", lambda: store.absorb([login("joe")], {{"s1": 2}}, NOW))
attempt("again", lambda: store.absorb([login("joe")], {{"s1": 2}}, NOW))
attempt("claim", lambda: store.claim(1, NOW, 1))
attempt("offsets", lambda: store.offsets())
attempt("checkpoint", lambda: store.checkpoint())
""",
    )
    assert said["before"][0] == "done"
    assert said["absorb"] == ("StoreFailed", "disk I/O error")
    for name in ("again", "claim", "offsets", "checkpoint"):
        kind, text = said[name]
        assert (kind, "failed before" in text) == ("StoreFailed", True), name
    with SQLiteStore.open(path) as store:
        assert store.offsets()["s1"] >= 1


def test_a_checkpoint_that_was_not_synced_ends_it(path: Path) -> None:
    """The log is not emptied, so nothing is lost; and nothing more is done."""
    said = run(
        path,
        f"""
store = SQLiteStore.open(path)
attempt("before", lambda: store.absorb([login("ann")], {{"s1": 1}}, NOW))
size = os.stat(str(path) + "-wal").st_size
deny([FSYNC, FDATASYNC], {errno.EIO})
attempt("checkpoint", lambda: store.checkpoint())
assert os.stat(str(path) + "-wal").st_size == size
attempt("after", lambda: store.absorb([login("joe")], {{"s1": 2}}, NOW))
""",
    )
    assert said["checkpoint"] == ("StoreFailed", "disk I/O error")
    assert said["after"][0] == "StoreFailed"
    with SQLiteStore.open(path) as store:
        assert store.offsets() == {"s1": 1}


def test_a_store_that_cannot_be_synced_is_not_opened(path: Path) -> None:
    """Its first commit ends the leases."""
    said = run(
        path,
        f"""
store = SQLiteStore.open(path)
store.absorb([login("ann")], {{"s1": 1}}, NOW)
store.claim(1, NOW, 1)
store.close()
deny([FSYNC, FDATASYNC], {errno.EIO})
attempt("open", lambda: SQLiteStore.open(path))
""",
    )
    assert said["open"] == ("StoreFailed", "disk I/O error")
    with SQLiteStore.open(path) as store:
        assert store.counts(NOW).pending == 1


def test_a_write_error_is_no_damage(path: Path) -> None:
    """EIO is said of the disk: the file stays where it is."""
    said = run(
        path,
        f"""
store = SQLiteStore.open(path)
store.absorb([login("ann")], {{"s1": 1}}, NOW)
store.close()
deny([PWRITE], {errno.EIO})
attempt("open", lambda: SQLiteStore.open(path).absorb([login("joe")], {{}}, NOW))
""",
    )
    assert said["open"][0] == "StoreFailed"
    assert not list(path.parent.glob("*damaged*"))
    with SQLiteStore.open(path) as store:
        assert store.offsets() == {"s1": 1}


def test_files_that_cannot_grow_are_settled_in(path: Path) -> None:
    """As under a quota that is used up: the log is written from its beginning again."""
    said = run(
        path,
        f"""
file = SQLiteFile.open(path, sql.MIGRATIONS)
store = SQLiteStore(file, token=lambda: os.urandom(4).hex())
count = 400
for n in range(count):
    store.absorb([login(f"c{{n}}", "x" * 300)], {{}}, NOW)
store.checkpoint()
limit = os.stat(path).st_size
os.statvfs = lambda _: SimpleNamespace(f_bavail=0, f_frsize=1)
deny([PWRITE], {errno.ENOSPC}, limit)

def work():
    with file.transaction():
        claims = store.claim(5, NOW, 1)
        return store.settle([Delivered(claim) for claim in claims], NOW).settled

settled = relieved = 0
while settled < count:
    try:
        settled += work()
    except StoreFull as error:
        assert "is full" in str(error)
        relieved += 1
        assert file.give_up_ballast()
        settled += work()
print("settled", settled, relieved, sep="|")
attempt("check", lambda: file.checkpoint())
""",
    )
    settled, relieved = said["settled"]
    assert int(settled) == 400
    assert int(relieved) >= 2
    assert said["check"][0] == "done"
    with SQLiteStore.open(path) as store:
        assert store.counts(NOW).clean == 400


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a store may be made."""
    return tmp_path / "var" / "store.db"
