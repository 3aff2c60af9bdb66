"""From an answer of SAP to a result, where no step knows better. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from frontdesk_sidecar.check import remedies
from frontdesk_sidecar.check.result import Result, Status, Where
from frontdesk_sidecar.sap.answer import Answer, Failure
from frontdesk_sidecar.sap.outcome import Outcome, classify
from frontdesk_sidecar.sap.outcome_table import find_reason

#: What it means and what to do, by the code of an outcome.
Meanings = Mapping[str, tuple[str, tuple[str, ...]]]


def failure(
    step: str,
    where: Where,
    tried: str,
    outcome: Outcome,
    own: Meanings,
    details: Sequence[str] = (),
) -> Result:
    """A failed step: by what the step itself knows of the code, else by the outcome table."""
    code = outcome.code
    known = own.get(code) or _everywhere(where).get(code.removeprefix("token."))
    if known is None:
        reason = find_reason(code)
        means = reason.means if reason is not None else "It is not known what this means."
        todo = (reason.todo,) if reason is not None and reason.todo else ()
        known = means, todo
    found = f"{outcome.text or 'no text'} [{code}]"
    return Result(step, Status.FAILED, tried, found, *known, details=tuple(details))


def outcome_of(reply: Answer | Failure | Outcome, private: Sequence[str], now: float) -> Outcome:
    """What a reply means; an outcome means itself."""
    return reply if isinstance(reply, Outcome) else classify(reply, private=private, now=now)


def is_page(answer: Answer) -> bool:
    """Whether a web page came, which is never what was asked for."""
    start = answer.body[:1024].lstrip().lower()
    return start.startswith((b"<!doctype html", b"<html")) or b"<html" in start


def _everywhere(where: Where) -> Meanings:
    """What is given by what stands before SAP, whatever was asked."""
    page = "A web page came instead of the Integration API's answer: the wrong host, or a login."
    return {
        "answer.page": (page, remedies.right_host(where)),
        "redirected": (
            "It redirects, to a login or to another host; redirects are never followed.",
            remedies.right_host(where),
        ),
        "http.403": (
            "Refused before SAP looked at it: the endpoint's IP filter, or its firewall.",
            remedies.ip_filter(),
        ),
        "http.429": (
            "The firewall of the ingress counts too many requests from this address.",
            remedies.too_much(),
        ),
        "http.503": (
            "SAP is in maintenance, being deployed, or this side is inactive.",
            remedies.maintenance(),
        ),
    }
