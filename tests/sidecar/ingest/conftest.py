"""The door before a real store, served by uvicorn."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from frontdesk_sidecar.customer import Customer
from frontdesk_sidecar.ingest.budget import Budget
from frontdesk_sidecar.ingest.committer import Committer
from frontdesk_sidecar.ingest.door import Door
from frontdesk_sidecar.ingest.keys import Keys, given
from frontdesk_sidecar.ingest.taking import Rules
from frontdesk_sidecar.store import Store
from frontdesk_sidecar.store.sqlite import SQLiteStore
from frontdesk_sidecar.store.writer import Writer
from server_support import serving

WRITE_KEY = "write-key-1"
SIGNING_KEY = "signing-key-1"
ORIGIN = "http://shop.example"
KEYS = Keys(given(WRITE_KEY), given(SIGNING_KEY))


class Tallied:
    """A tally that keeps what it is told."""

    def __init__(self) -> None:
        self.statuses: Counter[int] = Counter()
        self.messages: Counter[tuple[str, str]] = Counter()
        self.commits: list[int] = []

    def door_answered(self, status: int) -> None:
        self.statuses[status] += 1

    def door_took(self, counts: Mapping[tuple[str, str], int]) -> None:
        self.messages.update(counts)

    def door_committed(self, messages: int, seconds: float) -> None:
        self.commits.append(messages)


class House:
    """A store with a door; the store is read when the door is shut."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.tally = Tallied()
        self.budget = Budget()
        #: how the store is opened
        self.options: dict[str, Any] = {}

    @contextmanager
    def open(
        self,
        keys: Keys = KEYS,
        *,
        before: Callable[[SQLiteStore], None] = lambda store: None,
        server: Mapping[str, Any] | None = None,
        **door: Any,
    ) -> Iterator[str]:
        """Serve; gives the address."""

        @asynccontextmanager
        async def living(app: Starlette) -> AsyncIterator[None]:
            with SQLiteStore.open(self.path, **self.options) as store:
                before(store)
                writer: Writer[Store] = Writer(store)
                async with writer:
                    commit = Committer(writer, on_new=lambda: None, tally=self.tally)
                    options = {"rules": Rules(origins=(ORIGIN,)), "tally": self.tally, **door}
                    behind = Door(keys, commit, budget=self.budget, **options)
                    app.router.routes.append(Mount("/v1", behind))
                    yield

        with serving(Starlette(lifespan=living), **(server or {})) as url:
            yield url

    def customers(self) -> dict[str, Customer]:
        """Everybody in the store by key, with the door shut."""
        with SQLiteStore.open(self.path) as store:
            now = time.time_ns() // 1000 + 1
            return {claim.key: claim.customer for claim in store.claim(1_000_000, now, 1)}


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A house with nobody in it."""
    return House(tmp_path / "store.db")
