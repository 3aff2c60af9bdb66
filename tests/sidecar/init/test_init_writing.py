"""A new file is whole and checked once it is there, and takes nobody's place."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import NoReturn

import pytest

from frontdesk_sidecar.init.writing import CannotWrite, keep_secret, places, write


def no_check(_: Path) -> None:
    """All is well."""


def test_a_file_is_checked_before_it_is_there(tmp_path: Path) -> None:
    """What fails leaves nothing behind, whatever it was."""
    path = tmp_path / "frontdesk.toml"

    def refuse(new: Path) -> NoReturn:
        assert new.read_text() == "text"
        assert not path.exists()
        raise KeyError

    with pytest.raises(KeyError):
        write(path, "text", refuse, force=True)
    assert os.listdir(tmp_path) == []


def test_what_came_meanwhile_stays(tmp_path: Path) -> None:
    """Between the first look and the end."""
    path = tmp_path / "frontdesk.toml"

    def meanwhile(_: Path) -> None:
        path.write_text("theirs")

    with pytest.raises(CannotWrite, match="exists already"):
        write(path, "text", meanwhile, force=False)
    assert path.read_text() == "theirs"
    assert os.listdir(tmp_path) == ["frontdesk.toml"]


def test_a_file_system_without_second_names_is_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as many that are mounted into a container."""

    def refuse(*_: object) -> NoReturn:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    path = tmp_path / "frontdesk.toml"
    write(path, "text", no_check, force=False)
    assert path.read_text() == "text"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert os.listdir(tmp_path) == ["frontdesk.toml"]


def test_a_disk_that_refuses_is_said_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In words, with the name that was asked for."""

    def refuse(*_: object, **__: object) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tempfile.mkstemp", refuse)
    with pytest.raises(CannotWrite, match=r"frontdesk.toml cannot be written: No space left"):
        write(tmp_path / "frontdesk.toml", "text", no_check, force=False)


def test_a_secret_is_for_its_owner_and_in_a_new_file(tmp_path: Path) -> None:
    """An old one may be in use."""
    path = tmp_path / "frontdesk.secret"
    keep_secret(path, "s3cret")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(CannotWrite, match="File exists"):
        keep_secret(path, "another")
    assert path.read_text() == "s3cret\n"


def test_who_may_not_make_the_usual_places_gets_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """For a try as an ordinary user."""
    monkeypatch.setattr(os, "access", lambda *_: True)
    assert places() == ("/run/frontdesk/journal", "/var/lib/frontdesk/frontdesk.db")
    monkeypatch.setattr(os, "access", lambda *_: False)
    journal, store = places()
    assert journal.endswith(f"/frontdesk-{os.getuid()}")
    assert store == "frontdesk.db"
