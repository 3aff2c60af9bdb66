"""What the store's tests share: what the migrations make is asked of SQLite once."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest

from frontdesk_sidecar.store import damage
from frontdesk_sidecar.store.damage import Migrations, Schema


@pytest.fixture(scope="package", autouse=True)
def known_schemas() -> Iterator[None]:
    """Each opening asks for two of them, and here thousands of files are opened."""
    made = cache(damage.schema)

    def schema(migrations: Migrations) -> Schema:
        return made(tuple(tuple(statements) for statements in migrations))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(damage, "schema", schema)
        yield
