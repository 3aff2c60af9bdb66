"""A web app with one login route, answering with what it was asked: quick to start and to kill.

`bare` is the app itself; `app` is the same behind the middleware, configured by the environment.
"""

from __future__ import annotations

import json
from typing import Any

from frontdesk import CaptureMiddleware


async def bare(scope: Any, receive: Any, send: Any) -> None:
    """`POST /auth/login` gives the user it was sent, `POST /auth/login?deny` refuses."""
    if scope["type"] != "http":
        return
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    user = json.loads(body) if body else {}
    user.pop("password", None)
    status = 401 if scope["query_string"] == b"deny" else 200
    answer = json.dumps({"user": user, "token": "tok-marked-0001"}).encode()
    headers = [(b"content-type", b"application/json"), (b"set-cookie", b"sid=cookie-marked-0001")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": answer[:20], "more_body": True})
    await send({"type": "http.response.body", "body": answer[20:]})


app = CaptureMiddleware(bare)
