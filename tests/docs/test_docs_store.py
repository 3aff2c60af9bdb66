"""docs/store.md and docs/privacy.md say what a real store holds, and what is gone when."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from docs_support import DOCS, assert_generated
from frontdesk.event import Identify
from frontdesk_sidecar.settings_table import SETTINGS
from frontdesk_sidecar.store import Delivered
from frontdesk_sidecar.store.ownership import BESIDE
from frontdesk_sidecar.store.sqlite import SQLiteStore
from frontdesk_sidecar.store.sqlite_sql import MIGRATIONS

PAGE = DOCS / "store.md"
PRIVACY = DOCS / "privacy.md"
JANE = "jane.marked@example.com"
VALUE = "Marked-First-Name"
NOW = 1_800_000_000_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a store is to be."""
    return tmp_path / "store" / "frontdesk.db"


def opened(path: Path) -> SQLiteStore:
    """The store, with little ballast."""
    return SQLiteStore.open(path, ballast_bytes=4096)


def message() -> Identify:
    """Jane has logged in."""
    at = datetime.fromtimestamp(NOW / 1e6, UTC)
    return Identify("1", at, "user-1", {"email": JANE, "firstName": VALUE}, event="Logged In")


def held(path: Path) -> bytes:
    """Everything in the store's directory."""
    return b"".join(one.read_bytes() for one in sorted(path.parent.iterdir()) if one.is_file())


def deliver(store: SQLiteStore) -> None:
    """SAP takes whoever is due."""
    for claim in store.claim(10, NOW, 1_000_000):
        store.settle([Delivered(claim, b"fingerprint", NOW)], NOW)


def test_the_version_is_the_codes() -> None:
    """UPDATE_DOCS=1 writes it."""
    assert_generated(PAGE, "version", f"This is version {len(MIGRATIONS)}.")


def test_every_column_is_told(path: Path) -> None:
    """Tables and columns of the page are those of a new store."""
    opened(path).close()
    with sqlite3.connect(path) as connection:
        names = [
            name
            for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
        ]
        found = {
            name: {column[1] for column in connection.execute(f"PRAGMA table_info({name})")}
            for name in names
        }
    connection.close()
    told = dict(_tables())
    assert told.keys() == found.keys()
    for name, columns in found.items():
        assert told[name] ^ columns == set(), name


def _tables() -> Iterator[tuple[str, set[str]]]:
    for part in PAGE.read_text().split("\n### ")[1:]:
        name, _, text = part.partition("\n")
        cells = re.findall(r"^\| (`.*?) \|", text, re.MULTILINE)
        yield name, set(re.findall(r"`(\w+)`", " ".join(cells)))


def test_every_file_is_told(path: Path) -> None:
    """Those beside a store, with the mode that the page says."""
    with opened(path) as store:
        store.absorb([message()], {}, NOW)
        there = {one.name: one.stat().st_mode & 0o777 for one in path.parent.iterdir()}
    assert set(there.values()) == {0o600}
    assert path.parent.stat().st_mode & 0o777 == 0o700
    text = PAGE.read_text()
    suffixes = {suffix for suffix in BESIDE if suffix != "-journal"}  # SQLite's, not in WAL mode
    for name in {*there, *(f"frontdesk.db{suffix}" for suffix in suffixes)}:
        assert f"| `{name}` |" in text, name


def test_after_the_retention_the_address_alone_is_left(path: Path) -> None:
    """The values are gone from the files; the row stays."""
    with opened(path) as store:
        store.absorb([message()], {}, NOW)
        deliver(store)
        assert store.scrub(NOW + 1) == 1
        store.checkpoint()
    assert VALUE.encode() not in held(path)
    assert JANE.encode() in held(path)


def test_after_forget_nothing_is_left(path: Path) -> None:
    """Neither value nor address, in any file of the store."""
    with opened(path) as store:
        store.absorb([message()], {}, NOW)
        assert store.forget(JANE)
        store.checkpoint()
    assert VALUE.encode() not in held(path)
    assert JANE.encode() not in held(path)


def test_the_times_are_the_settings() -> None:
    """The page names each with its default."""
    defaults = {one.name: one.default for one in SETTINGS}
    assert defaults["store.retention_s"] == 86_400
    assert "`store.retention_s` (a day)" in PRIVACY.read_text()
    assert defaults["store.dead_retention_s"] == 30 * 86_400
    assert "`store.dead_retention_s` (30 days)" in PRIVACY.read_text()
    assert f"`store.dead_limit` ({defaults['store.dead_limit']:,})" in PRIVACY.read_text()
