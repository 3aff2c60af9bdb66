"""A small storefront that real servers import: `app` is watched, `bare` is not."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from frontdesk import CaptureMiddleware


async def login(request: Request) -> Response:
    """Everybody whose password is right is logged in."""
    typed = await request.json()
    if typed.get("password") != "right":
        return JSONResponse({"error": "wrong"}, 401)
    answer = JSONResponse({"user": {"email": typed["email"], "id": typed.get("id", 1)}})
    answer.set_cookie("session", "1")
    answer.set_cookie("csrf", "2")
    return answer


async def about(request: Request) -> Response:
    """Which process answers, and what its lifespan left in the state."""
    return JSONResponse({"pid": os.getpid(), "opened": getattr(request.state, "opened", None)})


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[dict[str, Any]]:
    """Leaves a mark when it starts and when it ends."""
    marks = os.environ.get("SHOP_MARKS")
    if marks:
        (Path(marks) / "startup").touch()
    yield {"opened": "yes"}
    if marks:
        (Path(marks) / "shutdown").touch()


bare = Starlette(
    routes=[Route("/login", login, methods=["POST"]), Route("/about", about)], lifespan=lifespan
)
app = CaptureMiddleware(bare)


class Shops:
    """A holder, for servers that take `module:holder.attribute`."""

    garden = bare
