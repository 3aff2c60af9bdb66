"""A web app with one login route, answering with what it was asked: quick to start and to kill.

`bare` is the app itself; `app` is the same behind the middleware, configured by the environment.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

from frontdesk import CaptureMiddleware


async def bare(scope: Any, receive: Any, send: Any) -> None:
    """`POST /auth/login` gives the user it was sent, as its query asks: see `ANSWERS`."""
    if scope["type"] != "http":
        return
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    is_form = any(value.startswith(b"application/x-www") for _, value in scope["headers"])
    user = dict(parse_qsl(body.decode())) if is_form else json.loads(body or b"{}")
    user.pop("password", None)
    answer = json.dumps({"user": user, "token": "tok-marked-0001"}).encode()
    for message in ANSWERS.get(scope["query_string"], chunked)(answer):
        await send(message)


def _started(status: int, *headers: tuple[bytes, bytes]) -> dict[str, Any]:
    cookie = (b"set-cookie", b"sid=cookie-marked-0001")
    return {"type": "http.response.start", "status": status, "headers": [cookie, *headers]}


def _chunk(body: bytes, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": body, "more_body": more}


JSON = (b"content-type", b"application/json")


def chunked(answer: bytes) -> list[dict[str, Any]]:
    """JSON in two chunks, of no stated length."""
    return [_started(200, JSON), _chunk(answer[:20], more=True), _chunk(answer[20:])]


def split(answer: bytes) -> list[dict[str, Any]]:
    """JSON of a stated length, and an empty last chunk: as behind BaseHTTPMiddleware."""
    length = (b"content-length", str(len(answer)).encode())
    return [_started(200, JSON, length), _chunk(answer, more=True), _chunk(b"")]


def redirect(answer: bytes) -> list[dict[str, Any]]:
    """A form's redirect: its head is the whole answer."""
    return [_started(303, (b"location", b"/account"), (b"content-length", b"0")), _chunk(b"")]


def deny(answer: bytes) -> list[dict[str, Any]]:
    """No login."""
    return [_started(401, JSON), _chunk(answer)]


ANSWERS = {b"split": split, b"redirect": redirect, b"deny": deny}
app = CaptureMiddleware(bare)
