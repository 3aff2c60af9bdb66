"""What success looks like: did this exchange log somebody in, or register them?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urljoin, urlsplit

from frontdesk.event import SIGNED_UP
from frontdesk.exchange import Exchange, header

#: `auto`, `2xx`, `redirect`, or the statuses that mean success.
When = str | tuple[int, ...]
NAMED: Final = ("auto", "2xx", "redirect")

#: 307 and 308 repeat the POST elsewhere (RFC 9110 section 15.4): nothing has happened yet.
_REDIRECTS: Final = frozenset((301, 302, 303))
_LOGIN_PAGES: Final = frozenset(
    [
        "login",
        "log-in",
        "log_in",
        "signin",
        "sign-in",
        "sign_in",
        "authenticate",
        "mfa",
        "2fa",
        "otp",
        "two-factor",
        "two_factor",
        "challenge",
    ]
)
_REGISTER_PAGES: Final = frozenset(
    ["register", "registration", "signup", "sign-up", "sign_up", "create-account", "create_account"]
)
_ERROR_KEYS: Final = frozenset(("error", "errors", "success", "ok", "status"))
_NO: Final = (False, "false", "False")  # 0 equals False
_ERROR_STATES: Final = frozenset(("error", "fail", "failed", "failure", "unauthorized"))


def failure(when: When, exchange: Exchange, event: str) -> str | None:
    """None when the exchange succeeded, else the reason why not: a word for the counters."""
    status = exchange.status
    if isinstance(when, tuple):
        return None if status in when else "status"
    if when == "2xx":
        return None if 200 <= status < 300 else "status"
    if when == "redirect":
        return _redirected_back(exchange, event) if status in _REDIRECTS else "status"
    if 200 <= status < 300:
        return _answered_badly(exchange)
    if status in _REDIRECTS:
        return _redirected_back(exchange, event) if exchange.request.is_form else "not_a_form"
    return "status"


def _answered_badly(exchange: Exchange) -> str | None:
    if not exchange.response.is_json:
        # An HTML page with 200 is the form, shown again.
        return None if exchange.response.is_empty else "no_json"
    document = exchange.response.json()
    if document is None and not exchange.response.is_empty:
        return "unreadable"  # it may as well say that the login failed
    if type(document) is dict and not _ERROR_KEYS.isdisjoint(document) and _is_error(document):
        return "error_in_answer"
    return None


def _is_error(document: Mapping[str, object]) -> bool:
    state = document.get("status")
    return (
        bool(document.get("error") or document.get("errors"))
        or any(document.get(key) in _NO for key in ("success", "ok"))
        or (isinstance(state, str) and state.lower() in _ERROR_STATES)
    )


def _redirected_back(exchange: Exchange, event: str) -> str | None:
    here: str = exchange.scope["path"]
    root: str = exchange.scope.get("root_path") or ""
    location = header(exchange.response_headers, b"location") or ""
    try:
        # A location may be relative to the request (RFC 9110 section 10.2.2).
        target = urlsplit(urljoin(here, location))
    except ValueError:
        return "redirected_back"
    path = target.path.rstrip("/").lower()
    forms = {form.rstrip("/").lower() for form in (here, here.removeprefix(root), root + here)}
    pages = _REGISTER_PAGES if event == SIGNED_UP else _LOGIN_PAGES
    query = target.query.lower()
    leads_back = path in forms or not pages.isdisjoint(path.split("/"))
    return "redirected_back" if leads_back or "error" in query or "fail" in query else None
