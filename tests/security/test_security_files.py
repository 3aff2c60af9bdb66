"""What lies on the disk, and who may read it; with the worst umask there is."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from frontdesk.journal import Journal
from frontdesk_sidecar.openings import make_journal
from frontdesk_sidecar.store import StoreError, ownership
from server_support import wait_until

JANE = "jane@example.com"


@contextmanager
def umask(mask: int) -> Iterator[None]:
    """For this process and those it starts."""
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def modes(directory: Path) -> dict[str, str]:
    """The mode of everything below, by name."""
    found = (directory, *sorted(directory.rglob("*")))
    return {one.name: oct(stat.S_IMODE(one.lstat().st_mode)) for one in found}


@pytest.fixture
def careless(open_running: Any) -> Iterator[Any]:
    """A sidecar that somebody started with umask 0."""
    with umask(0), open_running() as sidecar:
        yield sidecar


def test_the_umask_opens_nothing(careless: Any) -> None:
    """Store, log, key, ballast and socket are the owner's; a segment may be read by the group."""
    with umask(0):
        journal = Journal(careless.stack.journal)
        assert journal.append(careless.login(JANE, "Logged In"))
    try:
        url = f"{careless.stack.sap_url}/_sim/customers"
        wait_until(lambda: httpx.get(url, trust_env=False).json(), "she is in SAP")
        store = modes(careless.stack.directory / "store")
        assert {"frontdesk.db", "frontdesk.db-wal", "frontdesk.db.sock"} <= set(store)
        assert store.pop("store") == "0o700"
        assert set(store.values()) == {"0o600"}, store
        found = modes(careless.stack.journal)
        assert found.pop("journal") == "0o2770"
        assert found.pop("rotate", "0o644") == "0o644"  # it is empty
        assert set(found.values()) == {"0o640"}, found
    finally:
        journal.close()


def test_what_is_missing_above_is_nobody_elses(tmp_path: Path) -> None:
    """Whoever could write above the directory could put another one in its place."""
    with umask(0):
        make_journal(tmp_path / "a" / "b" / "journal")
        ownership.secure(tmp_path / "c" / "d" / "store" / "frontdesk.db")
    assert modes(tmp_path / "a") == {"a": "0o755", "b": "0o755", "journal": "0o2770"}
    assert modes(tmp_path / "c") == {"c": "0o755", "d": "0o755", "store": "0o700"}


def test_a_stranger_s_file_is_not_opened_as_the_store(tmp_path: Path) -> None:
    """Neither by a link nor in place of it: the store is refused, and what it led to is whole."""
    victim = tmp_path / "victim"
    victim.write_text("somebody else's")
    place = tmp_path / "store"
    place.mkdir(mode=0o700)
    for name in ("frontdesk.db", "frontdesk.db-wal", "frontdesk.db.key", "frontdesk.db.ballast"):
        (place / name).symlink_to(victim)
        with pytest.raises(StoreError, match="symbolic link"):
            ownership.secure(place / "frontdesk.db")
        (place / name).unlink()
    os.mkfifo(place / "frontdesk.db")
    with pytest.raises(StoreError, match="is not a file"):
        ownership.secure(place / "frontdesk.db")
    assert victim.read_text() == "somebody else's"
    assert stat.S_IMODE(victim.stat().st_mode) != 0o600
