"""What success looks like: did this exchange log somebody in, or register them?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from frontdesk.coding import is_readable
from frontdesk.event import SIGNED_UP
from frontdesk.exchange import Body, Exchange
from frontdesk.redirects import (
    comes_back,
    is_redirect,
    query_of,
    redirected_back,
    redirected_badly,
)
from frontdesk.traits import ID_SPELLINGS, TOKEN_SPELLINGS, USER_ID_SPELLINGS, spellings
from frontdesk.when import JUDGING, Condition, When

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
            scope = exchange.scope
            # Nearly every login asks for nothing else, and pays for being asked.
            if reason is None and (
                scope.get("query_string")
                or scope["method"] == "GET"
                or exchange.request.holds(b"grant_type")
            ):
                reason = _asked_for_else(exchange)
            return reason
        if when == "auto" and is_redirect(exchange):
            return redirected_badly(exchange, event)
        return "status"
    if isinstance(when, Condition):
        if status not in when.statuses:
            return "status"
        return None if when.holds(exchange) else "condition"
    if when == "2xx":
        return None if 200 <= status < 300 else "status"
    if when == "redirect":
        return redirected_back(exchange, event) if is_redirect(exchange) else "status"
    return None if status in when else "status"


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


def _asked_for_else(exchange: Exchange) -> str | None:
    """A token endpoint also renews tokens and serves machines; a GET may ask who is logged in."""
    scope = exchange.scope
    if scope["method"] == "GET" and not comes_back(exchange):
        return "no_callback"
    body = exchange.request
    if body.holds(b"grant_type"):
        grant = body.form().get("grant_type") if body.is_form else _typed_grant(body)
    else:
        grant = query_of(exchange).get("grant_type")
    return "other_grant" if grant in _OTHER_GRANTS else None


def _typed_grant(body: Body) -> object:
    document = body.json()
    return document.get("grant_type") if type(document) is dict else None
