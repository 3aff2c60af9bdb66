"""Who is at the browser: the signed session cookie, and the tokens of its forms."""

import hmac
import secrets
from typing import cast
from urllib.parse import urlsplit

from starlette.datastructures import FormData
from starlette.requests import Request

from shop.accounts import Accounts, User

FORM_PATHS = frozenset({"/login", "/register", "/logout"})


def accounts_of(request: Request) -> Accounts:
    """Return the accounts of the shop that the request came to."""
    return cast(Accounts, request.app.state.accounts)


async def current_user(request: Request) -> User | None:
    """Return the customer who is logged in here."""
    user_id = request.session.get("user_id")
    return await accounts_of(request).find(user_id) if isinstance(user_id, int) else None


def sign_in(request: Request, user: User) -> None:
    """Begin a new session, so that nothing planted in the old one survives."""
    request.session.clear()
    request.session["user_id"] = user.id


def sign_out(request: Request) -> None:
    """End the session."""
    request.session.clear()


def form_token(request: Request) -> str:
    """Return the token that a form of this session must send back."""
    if "form_token" not in request.session:
        request.session["form_token"] = secrets.token_urlsafe(16)
    return cast(str, request.session["form_token"])


def is_our_form(request: Request, form: FormData) -> bool:
    """Tell whether the form came from a page of this session, not from another site."""
    sent, expected = form.get("form_token"), request.session.get("form_token")
    if not isinstance(sent, str) or not isinstance(expected, str):
        return False
    return hmac.compare_digest(sent.encode(), expected.encode())


def local_path(target: object, otherwise: str = "/account") -> str:
    """Return the target when it is a page of this shop to go to after login."""
    if not isinstance(target, str) or not target.startswith("/") or not target.isprintable():
        return otherwise
    # Browsers read both "//host" and "/\host" as another site.
    if target.startswith("//") or "\\" in target:
        return otherwise
    return otherwise if urlsplit(target).path in FORM_PATHS else target
