"""Redirects: does this one end a login, lead back to the form, or on to another step?"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import SplitResult, parse_qsl, unquote, urljoin, urlsplit

from frontdesk.event import SIGNED_UP
from frontdesk.exchange import Exchange, fields
from frontdesk.headers import header
from frontdesk.traits import spellings
from frontdesk.when import REDIRECTS

_LOGIN_PAGES: Final = spellings("login", "log in", "signin", "sign in", "authenticate")
_REGISTER_PAGES: Final = spellings(
    "register", "registration", "signup", "sign up", "create account"
)
#: a page that asks a login for one thing more
_STEP: Final = re.compile(r"2fa|mfa|otp|two.?factor|verif|challenge|locked|confirm")
_NO_WORDS: Final = frozenset(
    ("error", "errors", "err", "fail", "failed", "failure", "invalid", "denied", "wrong")
)
#: a redirect to another host with one of these asks somebody else to log the shopper in
_SIGN_ON: Final = frozenset(("client_id", "redirect_uri", "samlrequest"))

#: what a provider adds when it sends the shopper back: OAuth 2 and OpenID Connect, OAuth 1, CAS
_CALLBACK: Final = frozenset(("code", "id_token", "access_token", "oauth_verifier", "ticket"))


def is_redirect(exchange: Exchange) -> bool:
    """True when the shopper is sent on; a POST that is to be repeated elsewhere is not done yet.

    A GET is a GET wherever it is repeated (RFC 9110 sections 15.4.8 and 15.4.9).
    """
    status = exchange.status
    return status in REDIRECTS or (status in (307, 308) and exchange.scope["method"] == "GET")


def comes_back(exchange: Exchange) -> bool:
    """A sign-on elsewhere came back, with what it came back for (RFC 6749 section 4.1.2)."""
    query = query_of(exchange)
    return "error" not in query and not _CALLBACK.isdisjoint(query)


def query_of(exchange: Exchange) -> dict[str, str]:
    """The request's query."""
    return fields(bytes(exchange.scope.get("query_string") or b""))


def redirected_badly(exchange: Exchange, event: str) -> str | None:
    """None when a redirect is the end of a login or registration, else the reason why not."""
    if exchange.scope["method"] == "GET":
        if not comes_back(exchange):
            return "no_callback"
    elif not exchange.request.is_form:
        return "not_a_form"
    return redirected_back(exchange, event)


def awaits_proof(exchange: Exchange) -> bool:
    """True when a redirect leads to a page that wants to see that the address is the shopper's."""
    if exchange.status not in REDIRECTS:
        return False
    location = header(exchange.response_headers, b"location") or ""
    return _STEP.search(_page(location.partition("?")[0]).rpartition("/")[2]) is not None


def redirected_back(exchange: Exchange, event: str) -> str | None:
    """None when a redirect leads on, else the reason why it does not."""
    if exchange.scope["method"] == "GET" and "error" in query_of(exchange):
        return "no_callback"
    here: str = exchange.scope["path"]
    root: str = exchange.scope.get("root_path") or ""
    location = header(exchange.response_headers, b"location") or ""
    try:
        # A location may be relative to the request (RFC 9110 section 10.2.2).
        target = urlsplit(urljoin(here, location))
    except ValueError:
        return "redirected_back"
    forms = {_page(form) for form in (here, here.removeprefix(root), root + here)}
    path = _page(target.path)
    if path in forms or _leads_back(path, event) or _says_no(target):
        return "redirected_back"
    return "sent_elsewhere" if _is_sign_on(target, exchange) and event != SIGNED_UP else None


def _page(path: str) -> str:
    """A path as it is compared: decoded, in lower case, without slashes at its end."""
    return unquote(path).lower().rstrip("/")


def _leads_back(path: str, event: str) -> bool:
    segments = path.split("/")
    last = segments[-1].partition(";")[0].partition(".")[0]
    if last == "new" and len(segments) > 1:  # /sessions/new
        last = segments[-2].removesuffix("s").replace("session", "login")
    if event == SIGNED_UP:
        return last in _REGISTER_PAGES
    return last in _LOGIN_PAGES or last in _NO_WORDS or _STEP.search(last) is not None


def _says_no(target: SplitResult) -> bool:
    for text in (target.query, target.fragment):
        for name, value in parse_qsl(text, keep_blank_values=True):
            words = {name.lower(), *name.lower().split("_"), value.lower()}
            if not _NO_WORDS.isdisjoint(words):
                return True
    return target.fragment.lower() in _NO_WORDS


def _is_sign_on(target: SplitResult, exchange: Exchange) -> bool:
    host = header(exchange.scope.get("headers", ()), b"host") or ""
    if not target.netloc or target.netloc.lower() == host.lower():
        return False
    return not _SIGN_ON.isdisjoint(name.lower() for name, _ in parse_qsl(target.query))
