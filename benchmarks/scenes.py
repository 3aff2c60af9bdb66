"""The requests that are measured, and the apps that answer them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from frontdesk.asgi import ASGIApp, Receive, Send
from frontdesk.exchange import Scope

#: What an endpoint calls with the user who has logged in; what it gives, if any, is awaited.
OnLogin = Callable[[Mapping[str, Any]], Awaitable[None] | None]

CUSTOMERS: Final = 1000
_CREDENTIALS: Final = b'{"email":"%s","password":"correct-horse-battery-staple-7"}'
_PRODUCT: Final = orjson.dumps({"id": 42, "name": "Desk lamp", "price": 39.9, "stock": 7})

_GRAPH: Final = orjson.dumps({"data": {"products": [{"id": n, "name": "x"} for n in range(60)]}})

_HEADERS: Final = (
    (b"host", b"shop.example.com"),
    (b"user-agent", b"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
    (b"accept", b"application/json, text/plain, */*"),
    (b"accept-language", b"en-GB,en;q=0.7,de;q=0.3"),
    (b"accept-encoding", b"gzip, deflate, br, zstd"),
    (b"cookie", b"visitor=0b8f6e1c5a; consent=1; cart=5f2c7d"),
)


def email_of(customer: int) -> str:
    """The address of one of a thousand customers."""
    return f"jane.doe.{customer:04d}@example.com"


EMAIL: Final = email_of(1)


def credentials(email: str = EMAIL) -> bytes:
    """The body of a login."""
    return _CREDENTIALS % email.encode()


def answer(email: str) -> dict[str, Any]:
    """What the shop answers to a login: about 300 bytes of JSON."""
    return {
        "user": {
            "id": "8f14e45f-ceea-467f-a0d5-1c9b2c5b6c1a",
            "email": email,
            "firstName": "Jane",
            "lastName": "Doe",
        },
        "session": {"token": "kq3J0uX9bV7tYw2LrZc8sQ", "expiresAt": "2031-05-01T09:30:00Z"},
        "cart": {"id": "5f2c7d", "items": 3, "total": "129.70", "currency": "EUR"},
        "redirect": "/account",
    }


@dataclass(frozen=True)
class Scene:
    """One kind of request."""

    name: str
    title: str
    method: str
    path: str
    body: bytes = b""
    is_login: bool = False

    def scope(self) -> Scope:
        """A scope as uvicorn makes it, with eight headers for a POST; new for each request."""
        headers = list(_HEADERS)
        if self.body:
            headers.append((b"content-type", b"application/json"))
            headers.append((b"content-length", b"%d" % len(self.body)))
        else:
            headers.append((b"referer", b"https://shop.example.com/lamps"))
            headers.append((b"connection", b"keep-alive"))
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "server": ("127.0.0.1", 8000),
            "client": ("127.0.0.1", 51744),
            "scheme": "http",
            "method": self.method,
            "root_path": "",
            "path": self.path,
            "raw_path": self.path.encode(),
            "query_string": b"",
            "headers": headers,
            "state": {},
        }


PRODUCT: Final = Scene("product", "GET /product/42, which no rule matches", "GET", "/product/42")
LOGIN: Final = Scene(
    "login", "POST /auth/login, a JSON login", "POST", "/auth/login", credentials(), is_login=True
)
_LISTED: Final = (
    'query Products($first: Int!) { products(first: $first, channel: "web") { edges { node {'
    " id name slug thumbnail { url alt } pricing { priceRange { start { gross { amount } } } }"
    " } } } }"
)
_ADDED: Final = (
    "mutation CheckoutLinesAdd($id: ID!, $lines: [CheckoutLineInput!]!) {"
    " checkoutLinesAdd(id: $id, lines: $lines) { checkout { id lines { id quantity variant {"
    " id name pricing { price { gross { amount currency } } } } } totalPrice { gross { amount }"
    " } } errors { field message code } } }"
)
_VARIABLES: Final = {"id": "Q2hlY2tvdXQ6MQ==", "first": 20, "lines": [{"variantId": "1"}]}
GRAPHQL: Final = tuple(
    Scene(
        f"graphql-{kind}",
        f"POST /graphql, a {kind} that no rule names",
        "POST",
        "/graphql",
        orjson.dumps({"query": text, "variables": _VARIABLES}),
    )
    for kind, text in (("query", _LISTED), ("mutation", _ADDED))
)
SCENES: Final[Mapping[str, Scene]] = {scene.name: scene for scene in (PRODUCT, *GRAPHQL, LOGIN)}


def raw_app(on_login: OnLogin | None = None) -> ASGIApp:
    """A bare ASGI function with ready answers."""
    login_answer = orjson.dumps(answer(EMAIL))
    user = answer(EMAIL)["user"]

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        body = _PRODUCT
        if scope["method"] == "POST":
            while (await receive()).get("more_body", False):
                pass
            body = login_answer if scope["path"] == LOGIN.path else _GRAPH
            if on_login is not None and body is login_answer:
                waiting = on_login(user)
                if waiting is not None:
                    await waiting
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


def starlette_app(on_login: OnLogin | None = None) -> ASGIApp:
    """A Starlette app with two routes, written as its users write them."""

    async def login(request: Request) -> Response:
        given = await request.json()
        said = answer(given["email"])
        if on_login is not None:
            waiting = on_login(said["user"])
            if waiting is not None:
                await waiting
        return JSONResponse(said)

    async def product(request: Request) -> Response:
        return JSONResponse({"id": request.path_params["id"], "name": "Desk lamp", "stock": 7})

    async def graphql(request: Request) -> Response:
        await request.json()
        return Response(_GRAPH, media_type="application/json")

    routes = [
        Route("/auth/login", login, methods=["POST"]),
        Route("/graphql", graphql, methods=["POST"]),
        Route("/product/{id:int}", product),
    ]
    return Starlette(routes=routes)


APPS: Final[Mapping[str, Callable[[OnLogin | None], ASGIApp]]] = {
    "raw": raw_app,
    "starlette": starlette_app,
}
TITLES: Final[Mapping[str, str]] = {"raw": "raw ASGI app", "starlette": "Starlette app"}
