"""The journal's and the store's directories, and files with secrets, as they are found."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from frontdesk_sidecar.check import files, judge_local, judge_places
from frontdesk_sidecar.check.judge_local import SecretFile
from frontdesk_sidecar.check.judge_places import Directory, File, Segments
from frontdesk_sidecar.check.mounts import Mount, holder, mount_of
from frontdesk_sidecar.check.result import Result, Status
from frontdesk_sidecar.journal.tail import Tail

MOUNTS = r"""
22 1 8:1 / / rw - overlay overlay rw
30 22 0:25 / /run rw - tmpfs tmpfs rw
31 30 0:26 / /run/front\040desk rw - ext4 /dev/sda1 rw
32 22 0:27 / /data rw - ext4 /dev/sdb1 rw
33 32 0:28 / /data rw - nfs4 server:/x rw
no mount
"""
GOOD = Directory(
    "/run/frontdesk/journal",
    mode=0o2770,
    owner="frontdesk",
    group="web",
    free_bytes=1 << 30,
    mount=Mount("/run", "tmpfs"),
)
STORE = replace(GOOD, path="/var/lib/frontdesk", mode=0o700, mount=Mount("/", "ext4"))


def journal(place: Directory = GOOD, found: Segments | None = None, **more: Any) -> Result:
    """The journal judged, in order unless something is said."""
    options = {"in_memory": True, "limit_bytes": 64 << 20, "user": "frontdesk", **more}
    return judge_places.journal(place, found or Segments(), **options)


def store(place: Directory = STORE, file: File | None = None) -> Result:
    """The store's directory judged."""
    return judge_places.store(place, file or File(), needed_bytes=1 << 29, user="frontdesk")


@pytest.mark.parametrize(
    ("place", "mount"),
    [
        ("/etc", Mount("/", "overlay")),
        ("/run", Mount("/run", "tmpfs")),
        ("/running", Mount("/", "overlay")),
        ("/run/front desk/journal", Mount("/run/front desk", "ext4")),
        ("/data/x", Mount("/data", "nfs4")),
    ],
)
def test_the_mount_of_a_place(place: str, mount: Mount) -> None:
    """The deepest, and of several on a point the last."""
    assert mount_of(place, MOUNTS) == mount
    assert mount_of(place, "") == Mount()


def test_who_holds_a_lock() -> None:
    """By device and inode; of other locks on the file nothing is taken."""
    locks = (
        "1: POSIX  ADVISORY  WRITE 7 08:01:42 0 EOF\n"
        "2: FLOCK  ADVISORY  WRITE 4711 08:01:42 0 EOF\n"
        "3: FLOCK  ADVISORY  WRITE -1 08:01:43 0 EOF\n"
        "short\n"
    )
    device = os.makedev(8, 1)
    assert holder(device, 42, locks) == 4711
    assert holder(device, 43, locks) == 0
    assert holder(device, 44, locks) is None


def test_a_journal_in_order() -> None:
    """In memory, for the group, with room."""
    result = journal()
    assert (result.status, result.todo) == (Status.OK, ())
    assert result.found == (
        "/run/frontdesk/journal: in memory, mode 2770, group web, no segment: no web process writes"
        " there now"
    )


def test_a_journal_that_is_read() -> None:
    """Segments that are old are no matter then."""
    result = journal(found=Segments(3, 2048, 9000.0, 4711))
    assert result.status is Status.OK
    assert result.found.endswith("3 segments (2.0 KiB), read by process 4711")
    assert "another container" in journal(found=Segments(1, 1, 9.0, 0)).found


@pytest.mark.parametrize(
    ("result", "status", "words"),
    [
        (journal(in_memory=False), Status.WARNING, "medium: Memory"),
        (journal(replace(GOOD, mode=0o2750)), Status.WARNING, "chmod 2770"),
        (journal(replace(GOOD, mode=0o0770)), Status.WARNING, "chmod g+s"),
        (journal(replace(GOOD, mode=0o2777)), Status.WARNING, "chmod o-w"),
        (journal(replace(GOOD, free_bytes=1 << 20)), Status.WARNING, "journal_limit_bytes"),
        (journal(replace(GOOD, mount=Mount("/", "overlay"))), Status.WARNING, "one volume"),
        (journal(found=Segments(2, 99, 7200.0)), Status.WARNING, "begun 2 h ago"),
        (journal(replace(GOOD, is_there=False, can_make=True)), Status.WARNING, "makes it"),
        (journal(replace(GOOD, is_there=False)), Status.FAILED, "capture.journal"),
        (journal(replace(GOOD, is_directory=False)), Status.FAILED, "not a directory"),
        (journal(replace(GOOD, can_use=False)), Status.FAILED, "cannot read and write"),
        (store(), Status.OK, "no store yet"),
        (store(file=File(True, 4096)), Status.OK, "store 4.0 KiB"),
        (store(file=File(True, 4096, 0o644)), Status.OK, "makes it 0600"),
        (store(replace(STORE, mount=Mount("/", "nfs4"))), Status.WARNING, "block volume"),
        (store(replace(STORE, mount=Mount("/", "fuse.sshfs"))), Status.WARNING, "SQLite"),
        (store(replace(STORE, mount=Mount("/", "tmpfs"))), Status.WARNING, "persistent volume"),
        (store(replace(STORE, mount=Mount("/", "overlay"))), Status.WARNING, "persistent volume"),
        (store(replace(STORE, free_bytes=1 << 20)), Status.WARNING, "store.max_bytes"),
        (store(replace(STORE, complaint="bad; remedy: chmod it")), Status.FAILED, "chmod it"),
        (store(file=File(True, 1, 0o600, "not ours")), Status.FAILED, "another store.path"),
        (store(replace(STORE, is_there=False, can_make=True)), Status.WARNING, "makes it"),
        (store(replace(STORE, is_there=False)), Status.FAILED, "store.path"),
    ],
)
def test_what_is_wrong_with_a_directory(result: Result, status: Status, words: str) -> None:
    """Each with what to do."""
    assert result.status is status
    assert words in " ".join((result.found, result.means, *result.details, *result.todo))
    assert status is Status.OK or all((result.means, *result.todo))


def test_a_directory_as_it_is(tmp_path: Path) -> None:
    """Mode, room and whose it is; what is missing is not made."""
    tmp_path.chmod(0o2770)
    found = files.directory(tmp_path)
    assert (found.is_there, found.is_directory, found.can_use) == (True, True, True)
    assert found.mode == stat.S_IMODE(tmp_path.stat().st_mode)
    assert found.free_bytes > 0
    missing = files.directory(tmp_path / "a" / "b")
    assert (missing.is_there, missing.can_make) == (False, True)
    assert not (tmp_path / "a").exists()
    file = tmp_path / "file"
    file.touch()
    assert not files.directory(file).is_directory


def test_segments_and_their_reader(tmp_path: Path) -> None:
    """Who holds the lock is found without asking for it, so nobody is in a sidecar's way."""
    assert files.segments(tmp_path / "none") == Segments()
    (tmp_path / "a.ndjson").write_text("{}\n")
    os.utime(tmp_path / "a.ndjson", (0, 0))
    (tmp_path / "b.ndjson").touch()
    (tmp_path / "other").write_text("x")
    (tmp_path / "c.ndjson").symlink_to("a.ndjson")
    found = files.segments(tmp_path)
    assert (found.number, found.total_bytes, found.reader) == (2, 3, None)
    assert found.oldest_s > 1e9
    tail = Tail(tmp_path, {})
    tail.claim()
    try:
        assert files.segments(tmp_path).reader in (os.getpid(), None)
    finally:
        tail.release()


def test_a_segment_that_is_written_to_all_the_time_is_as_old_as_its_name(tmp_path: Path) -> None:
    """Else nobody would be told that web processes write where no sidecar reads."""
    (tmp_path / f"{10**18:020}-17-ab.ndjson").write_text("{}\n")
    assert files.segments(tmp_path).oldest_s > 1e8


def test_the_store_is_looked_at_from_outside(tmp_path: Path) -> None:
    """Neither made nor changed."""
    path = tmp_path / "store" / "frontdesk.db"
    assert files.store_file(path) == File()
    assert not files.store_directory(path.parent).is_there
    path.parent.mkdir(mode=0o700)
    path.write_bytes(b"x")
    path.chmod(0o644)
    assert files.store_file(path) == File(True, 1, 0o644)
    log = path.with_name(f"{path.name}-wal")
    log.write_bytes(b"22")  # `frontdesk status` counts it too
    assert files.store_file(path).total_bytes == 3
    log.unlink()
    assert files.store_directory(path.parent).complaint == ""
    assert path.stat().st_mode & 0o777 == 0o644
    assert [one.name for one in path.parent.iterdir()] == ["frontdesk.db"]
    path.parent.chmod(0o777)
    assert "chmod o-w" in files.store_directory(path.parent).complaint
    assert "is not a file" in files.store_file(path.parent).problem


def test_a_secret_is_looked_at_from_outside(tmp_path: Path) -> None:
    """Its form and mode; never what is in it."""
    path = tmp_path / "secret"
    assert "No such file" in files.secret_file(path).error
    path.write_text("Marked-Value\n")
    path.chmod(0o604)
    found = files.secret_file(path)
    assert (found.mode, found.ends_in_break, found.has_blank_inside) == (0o604, True, False)
    assert "Marked" not in repr(found)
    path.write_text(" \n")
    assert files.secret_file(path).is_empty
    path.write_text("two words")
    assert files.secret_file(path).has_blank_inside


@pytest.mark.parametrize(
    ("files_", "inline", "status", "words"),
    [
        ([SecretFile("/s", 0o440)], False, Status.OK, "mode 0440"),
        ([SecretFile("/s", 0o644)], False, Status.WARNING, "defaultMode: 0440"),
        ([SecretFile("/s", 0o440, has_blank_inside=True)], False, Status.WARNING, "look at /s"),
        ([SecretFile("/s", error="Permission denied")], False, Status.FAILED, "Permission"),
        ([SecretFile("/s", is_empty=True)], False, Status.FAILED, "is empty"),
        ([SecretFile("/s", 0o440, ends_in_break=True)], False, Status.OK, "line break"),
        ([], True, Status.OK, "better: sap.client_secret_file"),
    ],
)
def test_secrets(files_: list[SecretFile], inline: bool, status: Status, words: str) -> None:
    """Readable for us and for nobody else."""
    result = judge_local.secret(files_, is_inline=inline)
    assert result.status is status
    assert words in " ".join((result.found, result.means, *result.details, *result.todo))
