"""Whose files the store takes for its own, and what it says of others."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from frontdesk_sidecar.store import StoreError
from frontdesk_sidecar.store import sqlite_sql as sql
from frontdesk_sidecar.store.ownership import Identity, secure
from frontdesk_sidecar.store.sqlite_file import SQLiteFile

#: Whoever runs the tests, seen as a user without privileges.
US = replace(Identity.current(), uid=os.geteuid() or 10001)
STRANGER = replace(US, uid=US.uid + 1, groups=frozenset({987_654}))


@pytest.fixture(autouse=True)
def umask() -> Iterator[None]:
    """Modes are what is asked for."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """An empty store file of ours, in a directory of ours."""
    made = tmp_path / "var" / "store.db"
    made.parent.mkdir(mode=0o700)
    made.touch(0o600)
    if os.geteuid() == 0:
        os.chown(made, US.uid, -1)
        os.chown(made.parent, US.uid, -1)
    return made


def refusal(path: Path, who: Identity = US) -> str:
    """Why the store is not opened there."""
    with pytest.raises(StoreError) as caught:
        secure(path, who)
    return str(caught.value)


def mode(path: Path) -> int:
    """The permission bits."""
    return stat.S_IMODE(path.stat().st_mode)


def test_our_own_is_fine(path: Path) -> None:
    """The case that the others are variations of."""
    secure(path, US)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize("suffix", ["", "-wal", "-journal", ".ballast", ".key"])
def test_a_file_of_another_user_is_refused(path: Path, suffix: str) -> None:
    """With the command that sets it right."""
    file = path.with_name(path.name + suffix)
    file.touch(0o600)
    os.chown(file, STRANGER.uid, -1)
    said = refusal(path)
    assert f"{file} belongs to user {STRANGER.uid}" in said
    assert said.endswith(f"remedy: chown {US.uid} {file}")
    os.chown(file, US.uid, -1)
    secure(path, US)


def test_a_directory_of_another_user_is_refused(path: Path) -> None:
    """Whoever owns it can put another file in its place."""
    said = refusal(path, STRANGER)
    assert f"{path.parent} belongs to user {US.uid}" in said
    assert said.endswith(f"remedy: chown {STRANGER.uid} {path.parent}")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory to root")
@pytest.mark.parametrize("bits", [0o2770, 0o770, 0o755, 0o3770])
def test_a_volume_of_kubernetes_is_fine(path: Path, bits: int) -> None:
    """It belongs to root, and its group, which we are in, may write."""
    os.chown(path.parent, 0, 10001)
    path.parent.chmod(bits)
    secure(path, replace(US, groups=frozenset({10001})))
    if bits & 0o1020 == 0o020:
        said = refusal(path, replace(US, groups=frozenset({5})))
        assert said.endswith(f"remedy: chmod g-w {path.parent}")


def test_root_may_use_what_belongs_to_another(path: Path) -> None:
    """For commands that are run in the container."""
    secure(path, replace(US, uid=0))


def test_a_directory_that_all_can_write_is_refused(path: Path) -> None:
    """Unless it is sticky, as /tmp is."""
    path.parent.chmod(0o777)
    assert refusal(path).endswith(f"remedy: chmod o-w {path.parent}")
    assert refusal(path, replace(US, uid=0)).endswith(f"remedy: chmod o-w {path.parent}")
    path.parent.chmod(0o1777)
    secure(path, US)


@pytest.mark.parametrize("suffix", ["", "-wal", "-journal", ".ballast", ".key"])
@pytest.mark.parametrize("bits", [0o666, 0o640, 0o400, 0o4600])
def test_the_mode_of_our_own_file_is_set_right(path: Path, suffix: str, bits: int) -> None:
    """Nobody has to do anything."""
    file = path.with_name(path.name + suffix)
    file.touch()
    if os.geteuid() == 0:
        os.chown(file, US.uid, -1)
    file.chmod(bits)
    secure(path, US)
    assert mode(file) == 0o600


@pytest.mark.parametrize("suffix", ["", "-wal", ".ballast", ".key"])
@pytest.mark.parametrize("dangling", [True, False])
def test_a_symbolic_link_is_refused(path: Path, suffix: str, dangling: bool) -> None:
    """What it leads to stays as it was."""
    target = path.with_name("elsewhere")
    if not dangling:
        target.touch(0o644)
    link = path.with_name(path.name + suffix)
    link.unlink(missing_ok=True)
    link.symlink_to(target)
    assert f"{link} is a symbolic link" in refusal(path)
    assert target.exists() is not dangling
    if not dangling:
        assert mode(target) == 0o644


def test_a_link_to_the_directory_is_what_it_leads_to(path: Path) -> None:
    """One that we or root made; what it leads to is looked at like any other."""
    link = path.parent.with_name("link")
    link.symlink_to(path.parent)
    if os.geteuid() == 0:
        os.chown(link, US.uid, -1, follow_symlinks=False)
    secure(link / path.name, US)
    path.parent.chmod(0o777)
    assert refusal(link / path.name).endswith(f"remedy: chmod o-w {link}")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a link away")
def test_a_link_of_somebody_else_is_refused(path: Path) -> None:
    """He could let it lead elsewhere any time."""
    link = path.parent.with_name("link")
    link.symlink_to(path.parent)
    os.chown(link, STRANGER.uid, -1, follow_symlinks=False)
    assert f"{link} belongs to user {STRANGER.uid}" in refusal(link / path.name)


@pytest.mark.parametrize("name", ["store.db", "store.db-wal"])
def test_what_is_no_file_is_refused(tmp_path: Path, name: str) -> None:
    """A directory, for example."""
    (tmp_path / "var" / name).mkdir(parents=True)
    with pytest.raises(StoreError, match=r"is not a file; store\.path"):
        SQLiteFile.open(tmp_path / "var" / "store.db", sql.MIGRATIONS)


def test_opening_looks_first(tmp_path: Path) -> None:
    """A place that is refused is left as it is."""
    place = tmp_path / "var"
    place.mkdir()
    place.chmod(0o777)
    with pytest.raises(StoreError, match=re.escape(f"chmod o-w {place}")):
        SQLiteFile.open(place / "store.db", sql.MIGRATIONS)
    assert list(place.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root opens what belongs to another user")
def test_what_root_makes_belongs_to_the_owner(tmp_path: Path) -> None:
    """Otherwise the sidecar could not open its store after root's command."""
    path = tmp_path / "var" / "store.db"
    SQLiteFile.open(path, sql.MIGRATIONS).close()
    os.chown(path, 10001, 10001)
    file = SQLiteFile.open(path, sql.MIGRATIONS, ballast_bytes=4096)
    with file.transaction():
        file.connection.execute("INSERT INTO segments VALUES ('s', 1, 1)")
    owners = {one.name: one.stat().st_uid for one in path.parent.iterdir()}
    file.close()
    assert owners == dict.fromkeys(["store.db", "store.db-wal", "store.db.ballast"], 10001)
