"""What an answer of SAP Commerce means, and nothing about what to do with it.

The code is found here; kind and advice are those of its row in `outcome_table`. Sources: RFC 9110
(status codes), RFC 6749, section 5 (token endpoint), SAP Help topics "Error Messages" and "POST"
of the Integration API Module, and "Endpoints" of the Cloud Portal (time limit, rate limit,
maintenance).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from types import MappingProxyType
from typing import Final

import orjson

from frontdesk_sidecar.sap.answer import Answer, Failure, read_grant, retry_after_s
from frontdesk_sidecar.sap.odata import KNOWN_CODES, ODataError, read_error
from frontdesk_sidecar.sap.outcome_table import Kind, find_reason
from frontdesk_sidecar.sap.scrub import MAX_VALUES, scrub

__all__ = ["Answer", "Failure", "Kind", "Outcome", "classify", "classify_token"]

MAX_TEXT_CHARS: Final = 300
AMBIGUOUS_KEYS: Final = "odata.ambiguous_keys"
"""The code of "ambiguous unique keys": a lost race the first time, a foreign uid after that."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an attempt came to, safe to store, log and show.

    ``code`` is a stable reason such as ``odata.invalid_property``, ``http.503``, ``timeout`` or
    ``token.invalid_client``; `outcome_table` has them all. ``text`` is at most 300 characters and
    holds no customer value. ``advice`` tells operations what it means and what to do; it is empty
    only when nothing went wrong. ``retry_after_s`` is what SAP asked for. ``is_unknown`` says that
    SAP may have acted, or may still be at it. ``is_about_record`` says of a failure that SAP
    worked on this very record, so that the way to it, the token and the rights are in order.
    ``family`` is the code of the HTTP status when ``code`` is a word that SAP does not document.
    ``status`` is that of HTTP, if there was an answer.
    """

    kind: Kind
    code: str
    text: str = ""
    advice: str = ""
    retry_after_s: float | None = None
    is_unknown: bool = False
    is_about_record: bool = False
    family: str = field(default="", compare=False, repr=False)
    status: int | None = field(default=None, compare=False, repr=False)


_FAILURE_TEXTS: Final[Mapping[Failure, str]] = MappingProxyType(
    {
        Failure.CONNECT: "no connection",
        Failure.REFUSED: "the connection was refused",
        Failure.CONNECT_TIMEOUT: "no connection in time",
        Failure.TLS: "the TLS handshake failed",
        Failure.DNS: "the host name does not resolve",
        Failure.TIMEOUT: "no answer in time",
        Failure.DISCONNECTED: "the connection broke before the answer was whole",
        Failure.PROTOCOL: "the answer was not valid HTTP, or packed unasked",
        Failure.TOO_LARGE: "the answer was larger than the limit",
    }
)
# What these say is said by the status alone: 401 has no OData body in any source, and the others
# are given by what stands in front of SAP.
_NOT_ODATA: Final = (401, 407, 429, 502, 503, 504, 511)
#: Answers to a body that SAP had read, and so about the record in it.
_RECORD_STATUSES: Final = (400, 409, 422, 500)
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
    reply: Answer | Failure,
    *,
    private: Iterable[str] = (),
    now: float | None = None,
    most: int = MAX_VALUES,
) -> Outcome:
    """Say what the answer to an upsert means. Total: any status and any bytes have a meaning.

    ``private`` are the texts that must not come back in ``text``: the payload's values, and better
    all of the customer's; with more than ``most`` of them there is no text of SAP's. ``now`` is the
    wall clock in seconds since the epoch, for a ``Retry-After`` that is a date. Never raises.
    """
    if isinstance(reply, Failure):
        return _of_failure(reply, prefix="")
    if reply.status in (200, 201):
        return _of_success(reply)
    error = read_error(reply.body) if 400 <= reply.status <= 599 else None
    wait_s = _wait_s(reply, now)
    code = _http_code(reply.status)
    if error is None:
        return replace(_outcome(code, _described(reply), wait_s=wait_s), status=reply.status)
    values = tuple(islice(private, most + 1))
    text = _cut(scrub(error.message, values, most=most)) or _described(reply)
    kind, family = None, ""
    if reply.status not in _NOT_ODATA and (own := _odata_code(error, values, most)):
        if not _is_documented(own):
            kind, family = _kind_of(code), code
        code = own
    about_record = _is_about_record(reply.status, code, error)
    outcome = _outcome(code, text, kind=kind, wait_s=wait_s, is_about_record=about_record)
    return replace(outcome, family=family, status=reply.status)


def judged_by_status(outcome: Outcome) -> Outcome:
    """The same under the code of its status: SAP's own could be a value of the customer's."""
    judged = _outcome(
        outcome.family,
        outcome.text,
        kind=outcome.kind,
        wait_s=outcome.retry_after_s,
        is_about_record=outcome.is_about_record,
    )
    return replace(judged, status=outcome.status)


def _outcome(
    code: str,
    text: str,
    *,
    kind: Kind | None = None,
    wait_s: float | None = None,
    is_about_record: bool = False,
) -> Outcome:
    """The outcome by the row of ``code``; ``kind`` when it is not the row's first."""
    reason = find_reason(code)
    if reason is None:  # no code is without a row, as tests show; and this must not raise
        return Outcome(kind or Kind.TRANSIENT, code, text, retry_after_s=wait_s)
    if wait_s is not None and Kind.THROTTLED in reason.also:
        kind = Kind.THROTTLED
    return Outcome(
        kind or reason.kind,
        code,
        text,
        reason.advice,
        wait_s,
        is_unknown=reason.is_unknown,
        is_about_record=is_about_record,
    )


def _kind_of(code: str) -> Kind:
    reason = find_reason(code)
    return Kind.TRANSIENT if reason is None else reason.kind


def _of_failure(failure: Failure, *, prefix: str) -> Outcome:
    return _outcome(f"{prefix}{failure}", _FAILURE_TEXTS[failure])


def _of_success(answer: Answer) -> Outcome:
    entity = answer.json_object().get("d")
    if isinstance(entity, dict) and any(
        isinstance(entity.get(name), str) for name in ("integrationKey", "uid")
    ):
        return Outcome(Kind.DELIVERED, f"http.{answer.status}", status=answer.status)
    return replace(_outcome(_no_success(answer), _described(answer)), status=answer.status)


def _no_success(answer: Answer) -> str:
    """Why a 200 or 201 is not believed."""
    if read_error(answer.body) is not None:
        return "answer.error"
    start = _start(answer)
    if start.startswith(b"<"):
        is_page = any(mark in start for mark in (b"<html", b"<!doctype", b"<head", b"<body"))
        return "answer.page" if is_page else "answer.xml"
    if start.startswith((b"{", b"[")) and not _is_json(answer.body):
        return "answer.truncated"
    return "answer.no_entity"


def _start(answer: Answer) -> bytes:
    """Enough of the body to tell what it is, in lower case and without what may come before."""
    return answer.body[:1024].removeprefix(b"\xef\xbb\xbf").lstrip().lower()


def _is_json(body: bytes) -> bool:
    try:
        orjson.loads(body)
    except ValueError:
        return False
    return True


def _http_code(status: int) -> str:
    if 300 <= status <= 399:
        return "redirected"
    return f"http.{status}" if 100 <= status <= 599 else "http.unknown"


def _wait_s(answer: Answer, now: float | None) -> float | None:
    """Seconds of silence that SAP asks for; only with the statuses that ask for silence."""
    return retry_after_s(answer, now=now) if answer.status in (429, 503) else None


def _odata_code(error: ODataError, private: tuple[str, ...], most: int) -> str:
    """The stable code for an error, or an empty text when its own could be a customer's value."""
    if "ambiguous unique keys" in error.message.lower():
        return AMBIGUOUS_KEYS
    code = error.code.strip()
    if code in KNOWN_CODES:
        return f"odata.{code}"
    is_word = code[:1].isalpha() and code.isascii() and code.replace("_", "a").isalnum()
    is_plain = is_word and len(code) <= 64 and scrub(code, private, most=most) == code
    return f"odata.{code}" if is_plain else ""


def _is_documented(code: str) -> bool:
    return code == AMBIGUOUS_KEYS or code.removeprefix("odata.") in KNOWN_CODES


def _is_about_record(status: int, code: str, error: ODataError) -> bool:
    """Whether SAP worked on this very record: by what the code says, or by naming its key."""
    reason = find_reason(code)
    if status not in _RECORD_STATUSES or reason is None or reason.kind is Kind.SETUP:
        return False
    return reason.is_about_record or bool(error.innererror)


def classify_token(reply: Answer | Failure, *, now: float | None = None) -> Outcome:
    """Say what the answer of the token endpoint means (RFC 6749, sections 5.1 and 5.2).

    Delivered with the code ``token.ok`` when the answer holds a token. Texts are our own: an
    ``error_description`` is never repeated. Never raises.
    """
    if isinstance(reply, Failure):
        return _of_failure(reply, prefix="token.")
    if reply.status == 200:
        return _of_token(reply)
    code = _oauth_error(reply) or _http_code(reply.status)
    return _outcome(f"token.{code}", _described(reply), wait_s=_wait_s(reply, now))


def _oauth_error(answer: Answer) -> str:
    """The error of RFC 6749, or an empty text; only with a status that blames the request."""
    error = answer.json_object().get("error")
    blames = 400 <= answer.status <= 499 and answer.status not in (408, 425, 429)
    return error if blames and isinstance(error, str) and error in _OAUTH_ERRORS else ""


def _of_token(answer: Answer) -> Outcome:
    if read_grant(answer) is not None:
        return Outcome(Kind.DELIVERED, "token.ok")
    code = "token.xml" if b"<oauth" in _start(answer) else "token.unreadable"
    return _outcome(code, _described(answer))


def not_repeated() -> Outcome:
    """The outcome when a token was refused while SAP wants silence: no other one is asked for."""
    return _outcome("token.silence", "the token was refused")


def secret_unreadable() -> Outcome:
    """The outcome when there is no client secret to ask for a token with."""
    return _outcome("token.secret_unreadable", "the client secret cannot be read")


def _described(answer: Answer) -> str:
    """An answer without an OData text, described without repeating any of it."""
    if not answer.body:
        return f"HTTP {_shown(answer.status)}, no body"
    media_type = _media_type(answer)
    shown = media_type if media_type in _MEDIA_TYPES else "another media type"
    return f"HTTP {_shown(answer.status)}, {shown}"


def _shown(status: int) -> str:
    return str(status) if 0 <= status <= 999 else "?"


def _media_type(answer: Answer) -> str:
    return answer.header("content-type").partition(";")[0].strip().lower()


def _cut(text: str) -> str:
    return text if len(text) <= MAX_TEXT_CHARS else text[: MAX_TEXT_CHARS - 1] + "…"
