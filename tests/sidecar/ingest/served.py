"""The door alone, served as the sidecar serves it: `python -m served`.

PORT, STORE and BODY_S are its environment.
"""

from __future__ import annotations

import os
from pathlib import Path

import anyio
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from frontdesk_sidecar.ingest.committer import Committer
from frontdesk_sidecar.ingest.door import Door
from frontdesk_sidecar.ingest.keys import Keys, given
from frontdesk_sidecar.serving import configure
from frontdesk_sidecar.store import Store
from frontdesk_sidecar.store.sqlite import SQLiteStore
from frontdesk_sidecar.store.writer import Writer


async def main() -> None:
    """Serve until told to end."""
    with SQLiteStore.open(Path(os.environ["STORE"])) as store:
        writer: Writer[Store] = Writer(store)
        async with writer:
            commit = Committer(writer, on_new=lambda: None)
            door = Door(Keys(given("write-key-1")), commit, body_s=float(os.environ["BODY_S"]))
            config = configure(Starlette(routes=[Mount("/v1", door)]))
            config.port = int(os.environ["PORT"])
            await uvicorn.Server(config).serve()


if __name__ == "__main__":
    anyio.run(main)
