"""The secret that keys fingerprints: made once, kept apart, and no reason not to run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

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


def test_a_link_is_not_written_through(tmp_path: Path) -> None:
    """Whoever can put a link there must not have our key written elsewhere."""
    other = tmp_path / "other"
    os.symlink(other, tmp_path / "key.new")
    read_or_make_key(tmp_path / "key")
    assert not other.exists()
