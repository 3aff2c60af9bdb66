"""What the store does when there is no room: its own limit, a full disk, and the ballast."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from frontdesk.event import Identify
from frontdesk_sidecar.store import Delivered, StoreFull
from frontdesk_sidecar.store import sqlite_sql as sql
from frontdesk_sidecar.store.ballast import Ballast
from frontdesk_sidecar.store.errors import StoreHeld
from frontdesk_sidecar.store.sqlite import SQLiteStore
from frontdesk_sidecar.store.sqlite_file import SQLiteFile

NOW = 1_795_176_000_000_000
LEASE = 60_000_000
MIB = 1 << 20


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a store may be made."""
    return tmp_path / "var" / "store.db"


class Disk:
    """What `statvfs` says, and a clock."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, free: int) -> None:
        self.free = free
        self.looks = 0
        self.now = 0.0
        monkeypatch.setattr(os, "statvfs", self._statvfs)

    def _statvfs(self, _: object) -> SimpleNamespace:
        self.looks += 1
        return SimpleNamespace(f_bavail=self.free, f_frsize=1)

    def clock(self) -> float:
        """Seconds."""
        return self.now

    def becomes(self, free: int) -> None:
        """A while later there is so much."""
        self.free = free
        self.now += 5


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    """One with 100 MiB free."""
    return Disk(monkeypatch, 100 * MIB)


def login(name: str, size: int = 500) -> Identify:
    """A customer whose row takes about so many bytes."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=NOW)
    return Identify(name, moment, name, {"email": f"{name}@example.com", "note": "x" * size})


def fill(file: SQLiteFile, store: SQLiteStore) -> int:
    """Take customers in until it is refused; how many there are."""
    for number in range(0, 100_000, 10):
        try:
            file.refuse_intake()
        except StoreHeld:
            return number
        store.absorb([login(f"c{number + n}") for n in range(10)], {}, NOW)
    raise AssertionError("it is never refused")


def test_intake_is_held_before_the_limit_and_settling_is_not(path: Path) -> None:
    """At nine tenths nothing new comes in; what is known is claimed and settled to the last."""
    file = SQLiteFile.open(path, sql.MIGRATIONS, max_bytes=MIB)
    with closing(SQLiteStore(file, token=lambda: "token")) as store:
        count = fill(file, store)
        assert count > 800
        with pytest.raises(
            StoreFull, match=r"(0\.9|1\.0) MiB of its 1\.0 MiB \(store\.max_bytes\)"
        ):
            file.refuse_intake()
        assert "store.max_bytes" in (file.held() or "")
        claims = store.claim(count, NOW, LEASE)
        assert store.settle([Delivered(claim, b"h" * 32) for claim in claims], NOW).settled == count
        store.checkpoint()
        assert path.stat().st_size <= MIB


def test_room_that_was_made_is_used_again(path: Path) -> None:
    """Pages of customers who left count as free, though the file does not shrink."""
    file = SQLiteFile.open(path, sql.MIGRATIONS, max_bytes=MIB)
    with closing(SQLiteStore(file, token=lambda: "token")) as store:
        for number in range(fill(file, store) // 2):
            assert store.forget(f"c{number}@example.com")
        (size,) = file.connection.execute("PRAGMA page_count").fetchone()
        file.refuse_intake()
        fill(file, store)
        (again,) = file.connection.execute("PRAGMA page_count").fetchone()
        assert again <= size + 2


def test_beyond_the_limit_sqlite_refuses_and_the_ballast_stays(path: Path) -> None:
    """The ballast is for a full disk; of the limit it would not give more."""
    file = SQLiteFile.open(path, sql.MIGRATIONS, max_bytes=MIB, ballast_bytes=MIB)
    with closing(SQLiteStore(file, token=lambda: "token")) as store:
        with pytest.raises(StoreFull, match=r"largest size, store\.max_bytes \(1\.0 MiB\)"):
            store.absorb([login(f"c{n}") for n in range(9999)], {}, NOW)
        assert not file.give_up_ballast()
        assert Ballast(path, MIB).whole
        store.absorb([login("ann")], {}, NOW)


def test_a_store_without_limits_is_never_held(path: Path, disk: Disk) -> None:
    """Nor does it look at the disk for every batch."""
    disk.free = 0
    with closing(SQLiteFile.open(path, sql.MIGRATIONS, clock=disk.clock)) as file:
        assert file.held() is None
        before = disk.looks
        for _ in range(50):
            file.refuse_intake()
        assert disk.looks == before
        disk.becomes(7)
        assert file.disk_free() == 7


def test_the_ballast_is_private_and_really_takes_its_room(path: Path) -> None:
    """A hole in a file would free nothing."""
    before = os.umask(0)
    try:
        with closing(SQLiteFile.open(path, sql.MIGRATIONS, ballast_bytes=MIB)) as file:
            assert file.held() is None
            status = path.with_name("store.db.ballast").stat()
            assert (status.st_mode & 0o777, status.st_size) == (0o600, MIB)
            assert status.st_blocks * 512 >= MIB
    finally:
        os.umask(before)


def no_fallocate(*_: object) -> None:
    """A file system that cannot."""
    raise OSError


def test_where_room_cannot_be_asked_for_it_is_written(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With bytes that do not compress."""
    monkeypatch.setattr(os, "posix_fallocate", no_fallocate)
    path.parent.mkdir()
    path.touch()
    ballast = Ballast(path, 3 * MIB)
    assert ballast.make(6 * MIB)
    assert ballast.path.stat().st_blocks * 512 >= 3 * MIB
    assert len(set(ballast.path.read_bytes()[:4096])) > 200


def test_a_hole_in_the_ballast_is_filled(path: Path) -> None:
    """As after a copy from a backup."""
    path.parent.mkdir()
    path.touch()
    ballast = Ballast(path, MIB)
    ballast.path.touch()
    os.truncate(ballast.path, MIB)
    assert not ballast.whole
    assert ballast.make(2 * MIB)
    assert ballast.path.stat().st_blocks * 512 >= MIB


@pytest.mark.parametrize(("before", "after"), [(1, 3), (3, 1)])
def test_the_ballast_takes_the_size_that_is_set(path: Path, before: int, after: int) -> None:
    """Larger or smaller than it was."""
    path.parent.mkdir()
    path.touch()
    assert Ballast(path, before * MIB).make(100 * MIB)
    assert Ballast(path, after * MIB).make(2 * abs(after - before) * MIB)
    assert Ballast(path, after * MIB).path.stat().st_size == after * MIB


def test_the_ballast_is_made_where_there_is_twice_its_room(path: Path, disk: Disk) -> None:
    """Until then intake is held, and the reason says how much is needed."""
    disk.free = 3 * MIB
    opened = SQLiteFile.open(path, sql.MIGRATIONS, ballast_bytes=2 * MIB, clock=disk.clock)
    with closing(opened) as file:
        assert "4.0 MiB (twice store.ballast_bytes)" in (file.held() or "")
        assert not path.with_name("store.db.ballast").exists()
        disk.free = 4 * MIB
        assert file.held() is not None  # the disk was looked at just now
        disk.becomes(4 * MIB)
        assert file.held() is None
        assert Ballast(path, 2 * MIB).whole


def test_intake_is_held_while_the_disk_runs_full(path: Path, disk: Disk) -> None:
    """From half the ballast on, and the ballast itself is kept for the settling."""
    opened = SQLiteFile.open(path, sql.MIGRATIONS, ballast_bytes=2 * MIB, clock=disk.clock)
    with closing(opened) as file:
        file.refuse_intake()
        disk.becomes(MIB - 1)
        with pytest.raises(StoreHeld, match=r"less than 1\.0 MiB"):
            file.refuse_intake()
        assert not file.give_up_ballast()  # nobody was in want of room
        assert Ballast(path, 2 * MIB).whole
        disk.becomes(MIB)
        file.refuse_intake()


def test_being_asked_costs_little(path: Path, disk: Disk) -> None:
    """The disk is looked at once a second at most."""
    opened = SQLiteFile.open(
        path, sql.MIGRATIONS, max_bytes=MIB, ballast_bytes=MIB, clock=disk.clock
    )
    with closing(opened) as file:
        file.held()
        before = disk.looks
        for _ in range(100):
            file.refuse_intake()
        assert disk.looks == before


def test_the_log_is_small_enough_for_the_ballast(path: Path) -> None:
    """To move it into the file, the file may grow by as much: four times it must fit."""
    file = SQLiteFile.open(path, sql.MIGRATIONS, ballast_bytes=MIB)
    with closing(SQLiteStore(file, token=lambda: "token")) as store:
        for number in range(0, 4000, 20):
            store.absorb([login(f"c{number + n}") for n in range(20)], {}, NOW)
            assert path.with_name("store.db-wal").stat().st_size <= MIB // 2


#: Runs in a mount namespace of its own, with a file system of 4 MiB at argv[1].
SMALL_DISK = """
import json, os, pathlib, sys
sys.path.insert(0, {here!r})
from test_store_space import *

place = pathlib.Path(sys.argv[1])
path, junk = place / "store.db", place / "junk"
said, clock = {{}}, iter(range(0, 10**9, 5))

def opened():
    file = SQLiteFile.open(
        path, sql.MIGRATIONS, ballast_bytes=MIB // 2, clock=lambda: float(next(clock)))
    return file, SQLiteStore(file, token=lambda: str(next(clock)))

def stuff():
    with open(junk, "ab", buffering=0) as more:
        for size in (4096, 1):
            try:
                while True:
                    more.write(b"x" * size)
            except OSError:
                pass
    return os.statvfs(place).f_bavail

def settle(file, store, number):
    def work():
        with file.transaction():
            claims = store.claim(number, NOW, LEASE)
            return store.settle([Delivered(claim, b"h" * 32) for claim in claims], NOW).settled
    try:
        return work()
    except StoreFull:
        said["relieved"] = said.get("relieved", 0) + 1
        assert file.give_up_ballast()
        return work()

def settle_all(file, store):
    count = 0
    while done := settle(file, store, 20):
        count += done
    return count
"""


def test_on_a_full_disk_settling_goes_on(tmp_path: Path) -> None:
    """Intake is held, what is known is settled, and with room again all goes on."""
    said = on_a_small_disk(
        tmp_path,
        """
file, store = opened()
junk.write_bytes(b"x" * MIB)
said["count"] = fill(file, store)
said["left"] = file.disk_free()
said["stuffed"] = stuff()
said["settled"] = settle_all(file, store)
said["held"] = file.held()
store.close()
file, store = opened()
said["still"] = file.held()
said["clean"] = store.counts(NOW).clean
os.unlink(junk)
file.refuse_intake()
said["ballast"] = Ballast(path, MIB // 2).whole
for number in range(5):
    store.absorb([login(f"more{number}")], {"s": number}, NOW)
said["more"] = settle_all(file, store)
said["check"] = file.connection.execute("PRAGMA integrity_check").fetchall()
""",
    )
    assert said["count"] > 1000
    assert 0 < said["left"] < MIB // 4
    assert said["stuffed"] == 0
    assert said["settled"] == said["clean"] == said["count"]
    assert said["relieved"] >= 1
    assert "twice store.ballast_bytes" in said["held"]
    assert "twice store.ballast_bytes" in said["still"]
    assert said["ballast"]
    assert said["more"] == 5
    assert said["check"] == [["ok"]]


def test_without_ballast_a_full_disk_ends_it_all(tmp_path: Path) -> None:
    """What the test above would find if the ballast gave nothing."""
    said = on_a_small_disk(
        tmp_path,
        """
file, store = opened()
said["count"] = fill(file, store)
store.checkpoint()
os.truncate(path.with_name("store.db.ballast"), 0)
said["stuffed"] = stuff()
try:
    settle_all(file, store)
except (StoreFull, AssertionError) as error:
    said["error"] = type(error).__name__
""",
    )
    assert said["error"] in ("StoreFull", "AssertionError")


def test_a_store_on_a_full_disk_is_opened_by_its_ballast(tmp_path: Path) -> None:
    """A sidecar that is started anew there can write down what it delivers."""
    said = on_a_small_disk(
        tmp_path,
        """
file, store = opened()
said["count"] = fill(file, store)
store.close()
said["stuffed"] = stuff()
file, store = opened()
store.remember("opened", 1)  # as what ends the leases: there is room at once
said["settled"] = settle_all(file, store)
said["held"] = file.held()
""",
    )
    assert said["stuffed"] == 0
    assert said["settled"] == said["count"] > 1000
    assert "twice store.ballast_bytes" in said["held"]


def test_settling_goes_on_when_others_take_what_the_ballast_gave(tmp_path: Path) -> None:
    """The log keeps its room on the disk and is written from its beginning again."""
    said = on_a_small_disk(
        tmp_path,
        """
file, store = opened()
said["count"] = fill(file, store)
store.checkpoint()  # else the log has room enough already
stuff()
settled = settle(file, store, 20)
while not said.get("relieved"):
    settled += settle(file, store, 20)
    assert settled < said["count"]
settled += sum(settle(file, store, 20) for _ in range(5))  # the log is as large as it gets
said["stuffed"] = stuff()
said["settled"] = settled + settle_all(file, store)
""",
    )
    assert said["stuffed"] == 0
    assert said["settled"] == said["count"] > 1000


def test_a_damaged_store_without_room_waits_for_some(tmp_path: Path) -> None:
    """Nothing is lost of it meanwhile, and the error says how much is needed."""
    said = on_a_small_disk(
        tmp_path,
        """
file, store = opened()
said["count"] = fill(file, store)
store.close()
with open(path, "r+b") as damaged:
    damaged.write(bytes(100))
before = path.read_bytes()
try:
    opened()
except StoreFull as error:
    said["error"] = str(error)
said["same"] = path.read_bytes() == before
said["names"] = sorted(os.listdir(place))
os.system("mount -o remount,size=16m " + str(place))
file, store = opened()
said["kept"] = file.report.tables["customers"].kept
said["held"] = file.held()
""",
    )
    assert "no room to salvage it: free 3." in said["error"]
    assert said["same"]
    assert said["names"] == ["store.db", "store.db.ballast"]
    assert said["kept"] == said["count"] > 1000
    assert said["held"] is None


def on_a_small_disk(tmp_path: Path, code: str) -> dict[str, Any]:
    """What `said` holds after running `code` where all files together have 4 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("needs unshare(1) for a file system of its own")
    mine = [unshare, "--mount"] if os.geteuid() == 0 else [unshare, "-Urm"]
    mount = 'mount -t tmpfs -o size=4m,mode=700 tmpfs "$1" || exit 77; shift; exec "$@"'
    text = SMALL_DISK.format(here=str(Path(__file__).parent)) + code + "print(json.dumps(said))"
    command = [*mine, "sh", "-c", mount, "sh", str(place), sys.executable, "-c", text, str(place)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode == 77 or "unshare" in ended.stderr:
        pytest.skip(f"no file system can be mounted here: {ended.stderr.strip()}")
    assert ended.returncode == 0, ended.stderr
    said: dict[str, Any] = json.loads(ended.stdout)
    return said
