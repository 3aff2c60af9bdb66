"""What success looks like: did this exchange log somebody in, or register them?"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import SplitResult, parse_qsl, unquote, urljoin, urlsplit

from frontdesk.coding import is_readable
from frontdesk.event import SIGNED_UP
from frontdesk.exchange import Body, Exchange, fields
from frontdesk.headers import header
from frontdesk.traits import ID_SPELLINGS, TOKEN_SPELLINGS, USER_ID_SPELLINGS, spellings
from frontdesk.when import JUDGING, REDIRECTS, Condition, When

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
_NO_QUERY: Final = (b"", None)
#: grants in which nobody logs in (RFC 6749 sections 4.4 and 6, RFC 8693, UMA 2.0)
_OTHER_GRANTS: Final = frozenset(
    (
        *("refresh_token", "client_credentials"),
        "urn:ietf:params:oauth:grant-type:token-exchange",
        "urn:ietf:params:oauth:grant-type:uma-ticket",
    )
)

_MESSAGES: Final = frozenset(("message", "msg", "__typename", "clientMutationId"))
_ERRORS: Final = spellings("error", "errors", "error message", "error code", "error description")
_FLAGS: Final = spellings(
    "success", "ok", "authenticated", "is authenticated", "logged in", "is logged in", "succeeded",
    "is success", "valid", "is valid",
)  # fmt: skip
_CODES: Final = spellings("status", "code", "status code", "result")
_UNFINISHED: Final = spellings(
    "mfa", "mfa required", "requires mfa", "mfa token", "two factor", "two factor required",
    "requires two factor", "requires 2fa", "2fa required", "otp required", "requires otp",
    "challenge", "challenge name",
)  # fmt: skip
_MARKS: Final = _ERRORS | _FLAGS | _CODES | _UNFINISHED
_SIGNS: Final = TOKEN_SPELLINGS | USER_ID_SPELLINGS | ID_SPELLINGS
_ENVELOPES: Final = ("data", "result", "payload", "response")
_TELLING: Final = _MARKS.union(_ENVELOPES)
_NO: Final = (False, "false", "False")  # 0 equals False
_NOTHING_SAID: Final = frozenset(("", "0", "false", "none", "null", "ok", "success"))
_ERROR_STATES: Final = frozenset(("error", "fail", "failed", "failure", "unauthorized"))
_GOOD_STATES: Final = frozenset(("ok", "success", "successful", "authenticated"))


def failure(when: When, exchange: Exchange, event: str) -> str | None:
    """None when the exchange succeeded, else the reason why not: a word for the counters."""
    status = exchange.status
    if when in JUDGING:
        if 200 <= status < 300:
            reason = _answered_badly(exchange)
            if reason is None and _may_ask_for_else(exchange):
                reason = _asked_for_else(exchange)
            return reason
        if when == "auto" and is_redirect(exchange):
            return _redirected_badly(exchange, event)
        return "status"
    if isinstance(when, Condition):
        if status not in when.statuses:
            return "status"
        return None if when.holds(exchange) else "condition"
    if when == "2xx":
        return None if 200 <= status < 300 else "status"
    if when == "redirect":
        return _redirected_back(exchange, event) if is_redirect(exchange) else "status"
    return None if status in when else "status"


def is_redirect(exchange: Exchange) -> bool:
    """True when the shopper is sent on; a POST that is to be repeated elsewhere is not done yet.

    A GET is a GET wherever it is repeated (RFC 9110 sections 15.4.8 and 15.4.9).
    """
    status = exchange.status
    return status in REDIRECTS or (status in (307, 308) and exchange.scope["method"] == "GET")


def shows_success(exchange: Exchange, event: str) -> bool:
    """True when an answer that names nobody still says that it went well.

    Many an API tells a failed login with 200 and a sentence; what was typed is then no customer.
    """
    if is_redirect(exchange) or exchange.response.is_empty:
        return True
    if event == SIGNED_UP and exchange.status == 201:
        return True
    document = exchange.response.json()
    return isinstance(document, dict) and any(_is_good(part) for part in _parts(document))


def says_more(payload: object) -> bool:
    """False for an operation's payload that is a message alone, which may be its refusal."""
    if type(payload) is not dict:
        return True
    return any(value is not None and key not in _MESSAGES for key, value in payload.items())


def _answered_badly(exchange: Exchange) -> str | None:
    if not exchange.response.is_json:
        # An HTML page with 200 is the form, shown again.
        return None if exchange.response.is_empty else "no_json"
    document = exchange.response.json()
    if document is None and not (exchange.response.is_empty or exchange.response.is_null):
        # It may as well say that the login failed.
        return "unreadable" if is_readable(exchange.response.coding) else "unreadable_encoding"
    if type(document) is not dict or _TELLING.isdisjoint(document):
        return None  # nearly every login: there is nothing to look into
    return "error_in_answer" if any(map(_is_bad, _parts(document))) else None


def _parts(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The document, and what is inside its envelope."""
    inner = (document[key] for key in _ENVELOPES if key in document)
    return [document, *(part for part in inner if type(part) is dict)]


def _is_bad(part: Mapping[str, Any]) -> bool:
    if _MARKS.isdisjoint(part):
        return False
    return any(
        (key in _ERRORS and _is_said(value))
        or (key in _FLAGS and value in _NO)
        or (key in _CODES and _is_bad_state(value))
        or (key in _UNFINISHED and _is_said(value))
        for key, value in part.items()
        if key in _MARKS
    )


def _is_said(value: object) -> bool:
    if isinstance(value, dict):
        return any(_is_said(inner) for inner in value.values())
    if isinstance(value, str):
        return value.strip().lower() not in _NOTHING_SAID
    return bool(value)


def _is_bad_state(value: object) -> bool:
    if isinstance(value, str):
        return value.lower() in _ERROR_STATES or (value.isdecimal() and 400 <= int(value) < 600)
    return value is False or (isinstance(value, int) and 400 <= value < 600)


def _is_good(part: Mapping[str, Any]) -> bool:
    return any(
        (key in _SIGNS and isinstance(value, str | int) and bool(value))
        or (key in _FLAGS and value in (True, "true", "True"))
        or (key in _CODES and isinstance(value, str) and value.lower() in _GOOD_STATES)
        for key, value in part.items()
    )


def _may_ask_for_else(exchange: Exchange) -> bool:
    """False for nearly every login, which pays for being asked."""
    scope = exchange.scope
    return (
        exchange.request.holds(b"grant_type")
        or scope.get("query_string") not in _NO_QUERY
        or scope["method"] == "GET"
    )


def _asked_for_else(exchange: Exchange) -> str | None:
    """A token endpoint also renews tokens and serves machines; a GET may ask who is logged in."""
    scope = exchange.scope
    if scope["method"] == "GET" and not _comes_back(exchange):
        return "no_callback"
    body = exchange.request
    if body.holds(b"grant_type"):
        grant = body.form().get("grant_type") if body.is_form else _typed_grant(body)
    else:
        grant = _query(exchange).get("grant_type")
    return "other_grant" if grant in _OTHER_GRANTS else None


def _typed_grant(body: Body) -> object:
    document = body.json()
    return document.get("grant_type") if type(document) is dict else None


def _comes_back(exchange: Exchange) -> bool:
    """A sign-on elsewhere came back, with what it came back for (RFC 6749 section 4.1.2)."""
    query = _query(exchange)
    return "error" not in query and not _CALLBACK.isdisjoint(query)


def _query(exchange: Exchange) -> dict[str, str]:
    return fields(bytes(exchange.scope.get("query_string") or b""))


def _redirected_badly(exchange: Exchange, event: str) -> str | None:
    if exchange.scope["method"] == "GET":
        if not _comes_back(exchange):
            return "no_callback"
    elif not exchange.request.is_form:
        return "not_a_form"
    return _redirected_back(exchange, event)


def awaits_proof(exchange: Exchange) -> bool:
    """True when a redirect leads to a page that wants to see that the address is the shopper's."""
    if exchange.status not in REDIRECTS:
        return False
    location = header(exchange.response_headers, b"location") or ""
    return _STEP.search(_page(location.partition("?")[0]).rpartition("/")[2]) is not None


def _redirected_back(exchange: Exchange, event: str) -> str | None:
    if exchange.scope["method"] == "GET" and "error" in _query(exchange):
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
