"""What an answer of SAP Commerce means, and nothing about what to do with it.

Only a positive list counts as delivered. Sources: RFC 9110 (status codes), RFC 6749, section 5
(token endpoint), SAP Help topics "Error Messages" and "POST" of the Integration API Module, and
"Endpoints" of the Cloud Portal (time limit, rate limit, maintenance).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from frontdesk_sidecar.advice import advice_for
from frontdesk_sidecar.answer import Answer, Failure, read_grant, retry_after_s
from frontdesk_sidecar.odata import KNOWN_CODES, ODataError, read_error
from frontdesk_sidecar.scrub import scrub

__all__ = ["Answer", "Failure", "Kind", "Outcome", "classify", "classify_token"]

MAX_TEXT_CHARS: Final = 300
AMBIGUOUS_KEYS: Final = "odata.ambiguous_keys"
"""The code of "ambiguous unique keys": a lost race the first time, a foreign uid after that."""


class Kind(StrEnum):
    """What follows from an outcome."""

    DELIVERED = "delivered"
    """SAP has the customer."""
    UNCHANGED = "unchanged"
    """Nothing new to send; decided before any call."""
    THROTTLED = "throttled"
    """Silence towards SAP, at least for ``retry_after_s``."""
    TRANSIENT = "transient"
    """Nobody's fault; the same call may succeed later."""
    SETUP = "setup"
    """Every customer would fail the same way; somebody must change something."""
    REJECTED = "rejected"
    """SAP refuses this customer's record."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an attempt came to, safe to store, log and show.

    ``code`` is a stable reason such as ``odata.invalid_property``, ``http.503``, ``timeout`` or
    ``token.invalid_client``. ``text`` is at most 300 characters and holds no customer value.
    ``advice`` is one sentence for operations, or empty. ``retry_after_s`` is what SAP asked for.
    ``is_unknown`` says that SAP may have acted, or may still be at it.
    """

    kind: Kind
    code: str
    text: str = ""
    advice: str = ""
    retry_after_s: float | None = None
    is_unknown: bool = False


_GATEWAYS: Final = (502, 504)  # given by a proxy, behind which SAP may still be at it
_UNKNOWN: Final = frozenset(
    (Failure.TIMEOUT, Failure.DISCONNECTED, Failure.PROTOCOL, Failure.TOO_LARGE)
)
_FAILURES: Final[Mapping[Failure, tuple[Kind, str]]] = MappingProxyType(
    {
        Failure.CONNECT: (Kind.TRANSIENT, "no connection"),
        Failure.TLS: (Kind.SETUP, "the TLS handshake failed"),
        Failure.DNS: (Kind.SETUP, "the host name does not resolve"),
        Failure.TIMEOUT: (Kind.TRANSIENT, "no answer in time"),
        Failure.DISCONNECTED: (Kind.TRANSIENT, "the connection broke before the answer was whole"),
        Failure.PROTOCOL: (Kind.TRANSIENT, "the answer was not valid HTTP"),
        Failure.TOO_LARGE: (Kind.TRANSIENT, "the answer was larger than the limit"),
    }
)
_STATUSES: Final[Mapping[int, Kind]] = MappingProxyType(
    dict.fromkeys((401, 403, 404, 405), Kind.SETUP)
    | dict.fromkeys((400, 413, 415, 422), Kind.REJECTED)
    | {429: Kind.THROTTLED}
)
# A 400 that every customer would get: the object or the hook is misconfigured, not the record.
_SETUP_CODES: Final = frozenset(
    {
        "odata.hook_not_found",
        "odata.invalid_key_definition",
        "odata.invalid_property_definition",
        "odata.misconfigured_attribute",
        "odata.schema_generation_error",
    }
)
_OAUTH_ERRORS: Final = frozenset(
    [
        "invalid_client",
        "invalid_grant",
        "invalid_request",
        "invalid_scope",
        "unauthorized_client",
        "unsupported_grant_type",
    ]
)
# A media type is shown only when it is one of these: it is text from outside too.
_MEDIA_TYPES: Final = frozenset(
    [
        "application/atom+xml",
        "application/json",
        "application/octet-stream",
        "application/problem+json",
        "application/xml",
        "multipart/mixed",
        "text/html",
        "text/plain",
        "text/xml",
    ]
)


def classify(
    reply: Answer | Failure, *, private: Iterable[str] = (), now: float | None = None
) -> Outcome:
    """Say what the answer to an upsert means. Total: any status and any bytes have a meaning.

    ``private`` are the texts that must not come back in ``text``, usually the payload's values.
    ``now`` is the wall clock in seconds since the epoch, for a ``Retry-After`` that is a date.
    Never raises.
    """
    if isinstance(reply, Failure):
        return _of_failure(reply, prefix="")
    if reply.status in (200, 201):
        return _of_success(reply)
    error = read_error(reply.body)
    kind, wait = _kind(reply, now)
    fallback = _http_code(reply.status)
    if error is None:
        is_unknown = reply.status in _GATEWAYS
        text = _described(reply)
        return Outcome(kind, fallback, text, advice_for(fallback), wait, is_unknown)
    values = tuple(private)
    code = _odata_code(error, values) or fallback
    text = _cut(scrub(error.message, values)) or _described(reply)
    return Outcome(_refined(kind, code), code, text, advice_for(code, fallback), wait)


def _of_failure(failure: Failure, *, prefix: str) -> Outcome:
    kind, text = _FAILURES[failure]
    is_unknown = not prefix and failure in _UNKNOWN  # a token is asked for again without harm
    return Outcome(
        kind, f"{prefix}{failure}", text, advice_for(failure.value), is_unknown=is_unknown
    )


def _of_success(answer: Answer) -> Outcome:
    entity = answer.json_object().get("d")
    if isinstance(entity, dict) and any(
        isinstance(entity.get(name), str) for name in ("integrationKey", "uid")
    ):
        return Outcome(Kind.DELIVERED, f"http.{answer.status}")
    code = "answer.no_entity"
    return Outcome(Kind.TRANSIENT, code, _described(answer), advice_for(code))


def _http_code(status: int) -> str:
    if 300 <= status <= 399:
        return "redirected"
    return f"http.{status}" if 100 <= status <= 599 else "http.unknown"


def _kind(answer: Answer, now: float | None) -> tuple[Kind, float | None]:
    """What the status alone says, and the seconds to wait that came with it."""
    if answer.status not in (429, 503):
        return _STATUSES.get(answer.status, Kind.TRANSIENT), None
    wait = retry_after_s(answer, now=now)
    return (Kind.TRANSIENT if answer.status == 503 and wait is None else Kind.THROTTLED), wait


def _odata_code(error: ODataError, private: tuple[str, ...]) -> str:
    """The stable code for an error, or an empty text when its own could be a customer's value."""
    if "ambiguous unique keys" in error.message.lower():
        return AMBIGUOUS_KEYS
    code = error.code.strip()
    if code in KNOWN_CODES:
        return f"odata.{code}"
    is_word = code.isascii() and code.replace("_", "a").isalnum() and len(code) <= 64
    return f"odata.{code}" if is_word and scrub(code, private) == code else ""


def _refined(kind: Kind, code: str) -> Kind:
    """The kind when the status left room: SAP answers 400 to more than a bad record."""
    if kind is not Kind.REJECTED:
        return kind
    if code == AMBIGUOUS_KEYS:
        return Kind.TRANSIENT
    return Kind.SETUP if code in _SETUP_CODES else kind


def classify_token(reply: Answer | Failure, *, now: float | None = None) -> Outcome:
    """Say what the answer of the token endpoint means (RFC 6749, sections 5.1 and 5.2).

    Delivered with the code ``token.ok`` when the answer holds a token. Texts are our own: an
    ``error_description`` is never repeated. Never raises.
    """
    if isinstance(reply, Failure):
        return _of_failure(reply, prefix="token.")
    if reply.status == 200:
        return _of_token(reply)
    kind, wait = _kind(reply, now)
    if 400 <= reply.status <= 499 and reply.status not in (408, 425, 429):
        kind = Kind.SETUP
    status = _http_code(reply.status)
    error = reply.json_object().get("error")
    known = isinstance(error, str) and error in _OAUTH_ERRORS
    code = f"token.{error if known else status}"
    general = "token" if kind is Kind.SETUP else status
    return Outcome(kind, code, _described(reply), advice_for(code, general), wait)


def _of_token(answer: Answer) -> Outcome:
    if read_grant(answer) is not None:
        return Outcome(Kind.DELIVERED, "token.ok")
    code = "token.unreadable"
    return Outcome(Kind.SETUP, code, _described(answer), advice_for(code))


def secret_unreadable() -> Outcome:
    """The outcome when there is no client secret to ask for a token with."""
    code = "token.secret_unreadable"
    return Outcome(Kind.SETUP, code, "the client secret cannot be read", advice_for(code))


def _described(answer: Answer) -> str:
    """An answer without an OData text, described without repeating any of it."""
    if not answer.body:
        return f"HTTP {answer.status}, no body"
    media_type = answer.header("content-type").partition(";")[0].strip().lower()
    shown = media_type if media_type in _MEDIA_TYPES else "another media type"
    return f"HTTP {answer.status}, {shown}"


def _cut(text: str) -> str:
    return text if len(text) <= MAX_TEXT_CHARS else text[: MAX_TEXT_CHARS - 1] + "…"
