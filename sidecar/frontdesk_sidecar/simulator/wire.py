"""The ASGI messages of one request: its body in, its answer out, or a cut connection."""

from __future__ import annotations

from email.utils import formatdate
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NoReturn

from starlette.requests import ClientDisconnect

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from frontdesk_sidecar.simulator.media import Answer

CUT: Final = "frontdesk.simulator.cut"
"""Name in `scope["state"]` under which the server offers to cut the connection."""


class ConnectionCutError(ConnectionAbortedError):
    """A `drop` fault struck and the server offers no way to cut the connection.

    Tests that run the app in their own process (`httpx.ASGITransport`) see this one.
    """


async def read_body(receive: Receive, limit: int) -> bytes | None:
    """The whole body; None when it is longer than the limit, which is still read to its end.

    Raises `ClientDisconnect` when the body never comes to its end.
    """
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        part = message.get("body", b"")
        size += len(part)
        if size <= limit:
            parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts) if size <= limit else None


async def send_answer(send: Send, answer: Answer, now: float) -> None:
    """Sends the answer with its length, dated `now` (epoch seconds; RFC 9110, section 6.6.1)."""
    headers = [(b"date", http_date(int(now)))]
    headers += [
        (name.lower().encode("latin-1"), one.encode("latin-1")) for name, one in answer.headers
    ]
    if answer.content_type is not None:
        headers.append((b"content-type", answer.content_type.encode("latin-1")))
    headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


@lru_cache(maxsize=16)
def http_date(seconds: int) -> bytes:
    """A moment in epoch seconds as the header `Date` has it."""
    return formatdate(seconds, usegmt=True).encode()


async def cut_connection(scope: Scope, receive: Receive, send: Send) -> None:
    """Ends the connection without a byte where the server can, else inside an answer."""
    cut = scope.get("state", {}).get(CUT)
    if cut is None:
        await _break_off(send)
    cut()
    while (await receive())["type"] != "http.disconnect":
        pass


async def _break_off(send: Send) -> NoReturn:
    headers = [(b"content-length", b"1")]
    await send({"type": "http.response.start", "status": 500, "headers": headers})
    raise ConnectionCutError("a drop fault cut the connection")
