"""Sign-on by OpenID Connect with Authlib, as its documentation shows it, and a small provider."""

import os
import secrets
import time
from typing import Any

from authlib.integrations.starlette_client import OAuth, OAuthError
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route

ISSUER = os.environ["SHOP_ISSUER"]
KEY = RSAKey.generate_key(2048, {"kid": "1", "use": "sig"})
PEOPLE = {
    "jane": {"email": "jane.doe@example.com", "given_name": "Jane", "family_name": "Doe"},
    "bob": {"email": "BOB.RAY@EXAMPLE.COM", "name": "Bob Ray", "locale": "de"},
}
asked: dict[str, dict[str, Any]] = {}
issued_tokens: list[dict[str, Any]] = []


async def discovery(request: Request) -> Response:
    """What the provider says of itself."""
    return JSONResponse(
        {
            "issuer": ISSUER,
            "authorization_endpoint": f"{ISSUER}/authorize",
            "token_endpoint": f"{ISSUER}/token",
            "jwks_uri": f"{ISSUER}/jwks",
            "id_token_signing_alg_values_supported": ["RS256"],
        }
    )


async def jwks(request: Request) -> Response:
    """The provider's key."""
    return JSONResponse({"keys": [KEY.as_dict(private=False)]})


async def authorize(request: Request) -> Response:
    """The shopper is somebody at once, or refuses."""
    query = request.query_params
    back = f"{query['redirect_uri']}?state={query['state']}"
    who = request.headers.get("x-who", "")
    if who not in PEOPLE:
        return RedirectResponse(f"{back}&error=access_denied", 302)
    code = secrets.token_urlsafe(16)
    asked[code] = {"sub": who, "nonce": query["nonce"], **PEOPLE[who]}
    return RedirectResponse(f"{back}&code={code}", 302)


async def token(request: Request) -> Response:
    """A code becomes a token."""
    form = await request.form()
    known = asked.pop(str(form["code"]), None)
    if known is None:
        return JSONResponse({"error": "invalid_grant"}, 400)
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": "shop", "iat": now, "exp": now + 600, **known}
    id_token = jwt.encode({"alg": "RS256", "kid": "1"}, claims, KEY)
    access = secrets.token_urlsafe(24)
    answer = {"access_token": access, "token_type": "Bearer", "id_token": id_token}
    issued_tokens.append(answer)
    return JSONResponse(answer)


async def issued_so_far(request: Request) -> Response:
    """What the shop got from the provider and no browser saw; for the test alone."""
    return JSONResponse(issued_tokens)


oauth = OAuth()
oauth.register(
    "provider",
    server_metadata_url=f"{ISSUER}/.well-known/openid-configuration",
    client_id="shop",
    client_secret="shop-secret",
    client_kwargs={"scope": "openid email profile"},
)


async def home(request: Request) -> Response:
    """Who I am, as a page says it."""
    user = request.session.get("user")
    return HTMLResponse(f"hello {user['email'] if user else 'stranger'}")


async def login(request: Request) -> Response:
    """To the provider."""
    answer: Response = await oauth.provider.authorize_redirect(request, request.url_for("auth"))
    return answer


async def auth(request: Request) -> Response:
    """Back from the provider."""
    try:
        issued = await oauth.provider.authorize_access_token(request)
    except OAuthError as error:
        if "x-home" in request.headers:  # as other shops do
            return RedirectResponse("/")
        return HTMLResponse(f"<h1>{error.error}</h1>")
    user = issued.get("userinfo")
    if user:
        request.session["user"] = user
    return RedirectResponse("/")


async def me(request: Request) -> Response:
    """Who I am, as a script asks."""
    return JSONResponse({"user": request.session.get("user")})


async def logout(request: Request) -> Response:
    """Leave."""
    request.session.pop("user", None)
    return RedirectResponse("/")


provider = Mount(
    "/provider",
    routes=[
        Route("/.well-known/openid-configuration", discovery),
        Route("/jwks", jwks),
        Route("/authorize", authorize),
        Route("/token", token, methods=["POST"]),
        Route("/issued", issued_so_far),
    ],
)
app = Starlette(
    routes=[
        Route("/", home),
        Route("/login", login),
        Route("/auth", auth, name="auth"),
        Route("/logout", logout),
        Route("/me", me),
        provider,
    ],
    middleware=[Middleware(SessionMiddleware, secret_key="a-signing-key-of-the-shop")],
)
