"""The door for a server of its own: `uvicorn served:app`; STORE and BODY_S are its environment."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.routing import Mount

from frontdesk_sidecar.ingest.committer import Committer
from frontdesk_sidecar.ingest.door import Door
from frontdesk_sidecar.ingest.keys import Keys, given
from frontdesk_sidecar.store import Store
from frontdesk_sidecar.store.sqlite import SQLiteStore
from frontdesk_sidecar.store.writer import Writer


@asynccontextmanager
async def _living(app: Starlette) -> AsyncIterator[None]:
    with SQLiteStore.open(Path(os.environ["STORE"])) as store:
        writer: Writer[Store] = Writer(store)
        async with writer:
            commit = Committer(writer, on_new=lambda: None)
            door = Door(Keys(given("write-key-1")), commit, body_s=float(os.environ["BODY_S"]))
            app.router.routes.append(Mount("/v1", door))
            yield


app = Starlette(lifespan=_living)
