"""Litestar's security backends as its documentation shows them: sessions, and JWTs."""

from dataclasses import dataclass
from typing import Any

from litestar import Litestar, Request, Response, get, post
from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException
from litestar.middleware.session.server_side import ServerSideSessionConfig
from litestar.security.jwt import JWTAuth, JWTCookieAuth, Token
from litestar.security.session_auth import SessionAuth
from litestar.stores.memory import MemoryStore


@dataclass
class User:
    """A customer."""

    id: str
    name: str
    email: str


@dataclass
class SignUp:
    """What a customer registers with."""

    name: str
    email: str
    password: str


@dataclass
class Login:
    """What a customer logs in with."""

    email: str
    password: str


users: dict[str, User] = {}
passwords: dict[str, str] = {}


def checked(data: Login) -> User:
    """The user whose password it is."""
    user = users.get(data.email.lower())
    if user is None or passwords[user.id] != data.password:
        raise NotAuthorizedException
    return user


def register(data: SignUp) -> User:
    """A new user."""
    if data.email.lower() in users:
        raise NotAuthorizedException("taken")
    user = User(str(len(users) + 1), data.name, data.email)
    users[data.email.lower()], passwords[user.id] = user, data.password
    return user


async def by_session(
    session: dict[str, Any], connection: ASGIConnection[Any, Any, Any, Any]
) -> User | None:
    """Who a session is of."""
    return next((user for user in users.values() if user.id == session.get("user_id")), None)


async def by_token(token: Token, connection: ASGIConnection[Any, Any, Any, Any]) -> User | None:
    """Who a token is of."""
    return next((user for user in users.values() if user.id == token.sub), None)


@post("/login")
async def login(data: Login, request: Request[Any, Any, Any]) -> User:
    """Log in with a session."""
    user = checked(data)
    request.set_session({"user_id": user.id})
    return user


@post("/signup")
async def signup(data: SignUp, request: Request[Any, Any, Any]) -> User:
    """Register, and be logged in."""
    user = register(data)
    request.set_session({"user_id": user.id})
    return user


@get("/user", sync_to_thread=False)
def me(request: Request[User, Any, Any]) -> User:
    """Who I am."""
    return request.user


@get("/products", sync_to_thread=False)
def products() -> list[dict[str, str]]:
    """What is sold."""
    return [{"name": "chair", "contact": "seller@example.com"}]


@get("/admin/users", sync_to_thread=False)
def customers() -> list[User]:
    """All customers."""
    return list(users.values())


@post("/forgot-password", sync_to_thread=False)
def forgot_password(data: dict[str, str]) -> dict[str, str]:
    """A mail with a link."""
    return {"email": data["email"], "message": "sent"}


@post("/logout", sync_to_thread=False)
def logout(request: Request[User, Any, Any]) -> dict[str, str]:
    """Leave."""
    if "session" in request.scope:
        request.clear_session()
    return {"email": request.user.email}


PAGES = [me, products, customers, forgot_password, logout]
OPEN = ["/login", "/signup", "/products", "/admin", "/forgot-password"]

session_auth = SessionAuth[User, Any](
    retrieve_user_handler=by_session,
    session_backend_config=ServerSideSessionConfig(),
    exclude=OPEN,
)
by_sessions = Litestar(
    [login, signup, *PAGES],
    on_app_init=[session_auth.on_app_init],
    stores={"sessions": MemoryStore()},
)

jwt_auth = JWTCookieAuth[User](
    retrieve_user_handler=by_token,
    token_secret="a-signing-key-of-more-than-thirty-two-bytes",
    exclude=OPEN,
)


@post("/login")
async def token_login(data: Login) -> Response[Any]:
    """Log in with a token in a cookie, and an empty body."""
    return jwt_auth.login(identifier=checked(data).id)


@post("/signup")
async def token_signup(data: SignUp) -> User:
    """Register."""
    return register(data)


by_tokens = Litestar([token_login, token_signup, *PAGES], on_app_init=[jwt_auth.on_app_init])

header_auth = JWTAuth[User](
    retrieve_user_handler=by_token,
    token_secret="a-signing-key-of-more-than-thirty-two-bytes",
    exclude=OPEN,
)


@post("/login")
async def header_login(data: Login) -> Response[Any]:
    """Log in with a token in a header, and the user as the body."""
    user = checked(data)
    return header_auth.login(identifier=user.id, response_body=user)


by_headers = Litestar([header_login, token_signup, *PAGES], on_app_init=[header_auth.on_app_init])
