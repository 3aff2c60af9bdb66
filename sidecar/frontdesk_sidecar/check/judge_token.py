"""What the token endpoint's answer says: which stack, how long a token lives, what is wrong.

Pure. Sources: SAP Help on the `oauth2` extension; RFC 6749, section 5.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from frontdesk_sidecar.check import remedies
from frontdesk_sidecar.check.judge_common import Meanings, failure
from frontdesk_sidecar.check.result import Result, Status, Where
from frontdesk_sidecar.sap.answer import Answer, read_grant
from frontdesk_sidecar.sap.outcome import Outcome

CLASSIC: Final = "the older authorization server (extension oauth2)"
NEWER: Final = "the newer authorization server (2211-jdk21)"
_SEGMENT: Final = re.compile(r"/([A-Za-z0-9_-]{1,40})")
_HOST: Final = re.compile(r"[A-Za-z0-9.-]{1,253}")


def token(where: Where, outcome: Outcome | None, answer: Answer | None) -> Result:
    """`outcome` says why there is no token, None that there is one; `answer` is what came last."""
    tried = f"POST {where.token_path}, client {where.client_id} ({where.auth})"
    if where.is_basic:
        return _basic(where, outcome)
    if outcome is None:
        return _granted(tried, answer)
    details = _details(answer)
    stack = None if answer is None else _stack_of_refusal(answer)
    if outcome.code in ("token.invalid_client", "token.http.401"):
        return failure("token", where, tried, outcome, _bad_client(where, stack), details)
    return failure("token", where, tried, outcome, _meanings(where, answer), details)


def _basic(where: Where, outcome: Outcome | None) -> Result:
    tried = f"name and password of {where.client_id} (sap.auth = basic)"
    if outcome is None:
        return Result(
            "token", Status.OK, tried, "none is needed: a password goes with each request"
        )
    return failure("token", where, tried, outcome, {})


def _granted(tried: str, answer: Answer | None) -> Result:
    grant = None if answer is None else read_grant(answer)
    if grant is None:
        return Result("token", Status.OK, tried, "a token")
    is_signed = grant.token.startswith("eyJ") and grant.token.count(".") == 2
    kind = f"a signed token (JWT) of {NEWER}" if is_signed else f"an opaque token of {CLASSIC}"
    if grant.expires_in_s is None:
        told = f"{kind}; how long it lives is not said, 60 s are assumed"
        return Result("token", Status.OK, tried, told)
    return Result("token", Status.OK, tried, f"{kind}, {grant.expires_in_s:,.0f} s left")


def _stack_of_refusal(answer: Answer) -> str | None:
    """Which authorization server refuses: the older one names its realm and describes the error."""
    if "error" not in answer.json_object():
        return None
    realm = 'realm="hybris"' in answer.header("www-authenticate")
    return CLASSIC if realm or "error_description" in answer.json_object() else NEWER


def _bad_client(where: Where, stack: str | None) -> Meanings:
    whom = f" It was refused by {stack}." if stack else ""
    means = f"The client is unknown, or its secret is another one.{whom}"
    todo = (
        f"{remedies.CLIENTS}: compare sap.client_id ({where.client_id}), also with the environment",
        _OLDER if stack == CLASSIC else _NEWER,
        *remedies.new_secret(where),
    )
    return dict.fromkeys(("token.invalid_client", "token.http.401"), (means, todo))


_OLDER: Final = (
    "also there: the client is not disabled (oauth2.maxAuthenticationAttempts disables it after"
    " many failures)"
)
_NEWER: Final = (
    "on 2211-jdk21 also: the client was migrated, and has a secret, a grant type and an authority;"
    ' sap.auth = "oauth_basic" if it takes client_secret_basic alone'
)


def _meanings(where: Where, answer: Answer | None) -> Meanings:
    client = remedies.client(where)
    forbidden = _BLOCKED, remedies.ip_filter()
    if answer is not None and answer.json_object():
        forbidden = _FORBIDDEN, (f"{remedies.CLIENTS}: look at its authorities", *client)
    path = f"sap.token_path: {where.token_path} is SAP's own unless a gateway stands before it"
    no_endpoint = _NO_ENDPOINT, (*remedies.right_host(where), path)
    lost = "look for a proxy or firewall that drops the form body or its Content-Type"
    kinds = ("unauthorized_client", "unsupported_grant_type", "invalid_grant")
    return {
        "token.http.403": forbidden,
        **dict.fromkeys(("token.http.404", "token.http.405"), no_endpoint),
        **dict.fromkeys(("token.http.400", "token.invalid_request"), (_LOST, (lost, *client))),
        **{f"token.{kind}": (_WRONG_KIND, client) for kind in kinds},
        "token.unreadable": (_SOMEBODY_ELSE, remedies.right_host(where)),
    }


_BLOCKED: Final = "The token endpoint may not be reached from here: the endpoint's IP filter."
_FORBIDDEN: Final = "The authorization server itself refuses the client."
_NO_ENDPOINT: Final = (
    "There is no token endpoint at this address: the host serves no /authorizationserver."
)
_LOST: Final = "The authorization server misses a part of the request, which was sent."
_WRONG_KIND: Final = "The client is there, but may not use the grant type client_credentials."
_SOMEBODY_ELSE: Final = (
    "It is not the authorization server that answers: a login page or another system."
)


def _details(answer: Answer | None) -> tuple[str, ...]:
    """Where a redirect leads, as far as that is nobody's secret: the host, or the first segment."""
    if answer is None or not 300 <= answer.status <= 399:
        return ()
    try:
        parts = urlsplit(answer.header("location"))
    except ValueError:
        return ()
    if parts.hostname and _HOST.fullmatch(parts.hostname):
        return (f"it redirects to {parts.scheme}://{parts.hostname}",)
    segment = _SEGMENT.match(parts.path)
    return (f"it redirects to {segment[0]}",) if segment else ()
