"""The secret that keys fingerprints: made once, kept apart, and no reason not to run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from frontdesk_sidecar.store import StoreError
from frontdesk_sidecar.store.keyfile import KEY_BYTES, read_or_make_key


def test_the_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    """The same one after a restart; 0600; nothing else is left behind."""
    path = tmp_path / "frontdesk.db.key"
    key = read_or_make_key(path)
    assert len(key) == KEY_BYTES
    assert read_or_make_key(path) == key
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("half", [b"", b"x" * (KEY_BYTES - 1), b"x" * (KEY_BYTES + 1)])
def test_a_key_that_is_not_whole_is_replaced(tmp_path: Path, half: bytes) -> None:
    """Then every customer is sent once more, which harms nobody."""
    path = tmp_path / "key"
    path.write_bytes(half)
    (tmp_path / "key.new").write_bytes(b"left by somebody who died")
    key = read_or_make_key(path)
    assert len(key) == KEY_BYTES
    assert path.read_bytes() == key


def test_without_a_place_the_key_is_a_passing_one(tmp_path: Path) -> None:
    """A full disk, or none: the sidecar runs."""
    path = tmp_path / "missing" / "key"
    assert len(read_or_make_key(path)) == KEY_BYTES
    assert read_or_make_key(path) != read_or_make_key(path)


def refusal(path: Path, **options: int) -> str:
    """Why there is no key; it names the file and the remedy."""
    with pytest.raises(StoreError) as caught:
        read_or_make_key(path, **options)
    said = str(caught.value)
    assert f"remedy: rm {path}" in said
    return said


@pytest.mark.parametrize("kind", ["fifo", "directory", "link"])
def test_what_is_no_file_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    """A FIFO would be waited at for ever; where a link leads to is somebody else's."""
    path = tmp_path / "key"
    known = tmp_path / "known"
    known.write_bytes(b"k" * KEY_BYTES)
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "directory":
        path.mkdir()
    else:
        path.symlink_to(known)
    before = path.lstat()
    assert str(path) in refusal(path)
    assert os.path.samestat(before, path.lstat())
    assert known.read_bytes() == b"k" * KEY_BYTES


def test_a_key_of_somebody_else_is_refused(tmp_path: Path) -> None:
    """Who knows it can guess values from their fingerprints."""
    path = tmp_path / "key"
    key = read_or_make_key(path)
    assert f"belongs to user {os.geteuid()}" in refusal(path, uid=os.geteuid() + 1)
    assert read_or_make_key(path, uid=os.geteuid()) == key


def test_the_mode_of_a_key_is_repaired(tmp_path: Path) -> None:
    """As that of the store is."""
    path = tmp_path / "key"
    key = read_or_make_key(path)
    path.chmod(0o644)
    assert read_or_make_key(path) == key
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_link_is_not_written_through(tmp_path: Path) -> None:
    """Whoever can put a link there must not have our key written elsewhere."""
    other = tmp_path / "other"
    os.symlink(other, tmp_path / "key.new")
    read_or_make_key(tmp_path / "key")
    assert not other.exists()
