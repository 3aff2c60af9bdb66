"""The shop under uvicorn: `python -m benchmarks.shop VARIANT JOURNAL STUB`.

It prints its port. A line on standard input makes it end what is still to be done (flush) and
print how many logins it has handed over; the end of standard input ends it.
"""

from __future__ import annotations

import socket
import sys
import threading

import uvicorn

from benchmarks.measure import pin
from benchmarks.scenes import APPS
from benchmarks.wrappers import WRAPPERS, Wrapped
from frontdesk import CaptureMiddleware


def variant(name: str, journal: str, stub: str) -> Wrapped:
    """The Starlette app in one of the wrappers; ours writes to the journal given."""
    make = APPS["starlette"]
    if name == "ours":
        return Wrapped(CaptureMiddleware(make(None), journal=journal))
    return WRAPPERS[name].make(make, stub)


def _obey(server: uvicorn.Server, wrapped: Wrapped) -> None:
    for _ in sys.stdin:
        wrapped.settle()
        print(wrapped.delivered(), flush=True)
    server.should_exit = True


def main(name: str, journal: str, stub: str) -> None:
    """Serve until standard input ends."""
    pin(0)
    wrapped = variant(name, journal, stub)
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
        config = uvicorn.Config(
            wrapped.app,
            loop="uvloop",
            http="httptools",
            lifespan="off",
            log_level="error",
            access_log=False,
        )
        server = uvicorn.Server(config)
        threading.Thread(target=_obey, args=(server, wrapped), daemon=True).start()
        print(listener.getsockname()[1], flush=True)
        server.run(sockets=[listener])
    wrapped.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
