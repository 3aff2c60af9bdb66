"""The Unix socket: made where nothing or a left socket is, and taken away only by who made it."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from frontdesk_sidecar.openings import CannotRun, listen_locally


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the socket is to be."""
    return tmp_path / "store.db.sock"


def test_the_door_is_its_owner_s_and_goes_with_it(path: Path) -> None:
    """0600; at the end nothing is left."""
    door = listen_locally(path)
    assert door is not None
    with door.listener:
        assert stat.S_ISSOCK(path.lstat().st_mode)
        assert stat.S_IMODE(path.lstat().st_mode) == 0o600
    door.remove()
    assert not os.path.lexists(path)
    door.remove()  # somebody else took it away already


def test_a_socket_of_somebody_who_died_is_replaced(path: Path) -> None:
    """The store is ours alone, so whoever made it does not run."""
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    door = listen_locally(path)
    assert door is not None
    with door.listener, socket.socket(socket.AF_UNIX) as caller:
        caller.connect(str(path))


@pytest.mark.parametrize("kind", ["file", "link", "directory", "fifo"])
def test_what_is_no_socket_is_left_alone(path: Path, kind: str) -> None:
    """It is somebody's; the message names the setting."""
    precious = path.with_name("precious")
    precious.write_text("precious")
    if kind == "file":
        precious.rename(path)
    elif kind == "link":
        path.symlink_to(precious)
    elif kind == "directory":
        path.mkdir()
    else:
        os.mkfifo(path)
    before = path.lstat()
    with pytest.raises(CannotRun, match=r"http\.socket .* no socket"):
        listen_locally(path)
    assert os.path.samestat(before, path.lstat())
    if kind in ("file", "link"):
        assert path.read_text() == "precious"


def test_what_somebody_put_in_its_place_stays(path: Path) -> None:
    """A second sidecar's socket, or a file: it is not ours to delete."""
    door = listen_locally(path)
    assert door is not None
    with door.listener:
        path.unlink()
        path.write_text("precious")
    door.remove()
    assert path.read_text() == "precious"


def test_a_place_that_cannot_be_is_no_reason_not_to_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A path that is too long for a socket, or a directory that is missing: said, no more."""
    assert listen_locally(tmp_path / "missing" / "door") is None
    assert listen_locally(tmp_path / ("d" * 200)) is None
    assert [record.message.split()[0] for record in caplog.records] == ["no_socket"] * 2
