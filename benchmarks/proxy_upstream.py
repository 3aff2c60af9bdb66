"""The shop behind the proxies: a login, megabytes, a stream of events that hold their time.

`uvicorn benchmarks.proxy_upstream:app`
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

LOGIN: Final = b'{"user":{"id":7,"email":"jane.doe@example.com","firstName":"Jane"}}'
MEGABYTE: Final = b"x" * 1_048_576
EVENT_S: Final = 0.1


async def app(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
    """The shop."""
    if scope["type"] == "lifespan":
        return
    while (await receive()).get("more_body"):
        pass
    path: str = scope["path"]
    if path == "/events":
        await _events(send)
    elif path.startswith("/megabytes/"):
        number = int(path.rpartition("/")[2])
        await _start(send, b"application/octet-stream", number * len(MEGABYTE))
        for _ in range(number):
            await send({"type": "http.response.body", "body": MEGABYTE, "more_body": True})
        await send({"type": "http.response.body"})
    else:
        await _start(send, b"application/json", len(LOGIN))
        await send({"type": "http.response.body", "body": LOGIN})


async def _start(send: Send, kind: bytes, length: int | None) -> None:
    headers = [(b"content-type", kind)]
    if length is not None:
        headers.append((b"content-length", b"%d" % length))
    await send({"type": "http.response.start", "status": 200, "headers": headers})


async def _events(send: Send) -> None:
    await _start(send, b"text/event-stream", None)
    while True:
        body = b"data: %d\n\n" % time.monotonic_ns()
        await send({"type": "http.response.body", "body": body, "more_body": True})
        await asyncio.sleep(EVENT_S)
