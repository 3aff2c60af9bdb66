"""Where records are that do not appear: with the sidecar, or in SAP's monitoring. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from frontdesk_sidecar.check import remedies
from frontdesk_sidecar.check.judge_writing import entities
from frontdesk_sidecar.check.result import Result, Status, Where
from frontdesk_sidecar.sap.answer import Answer, Failure
from frontdesk_sidecar.sap.outcome import Outcome

_STATUSES: Final = {
    "fine": Status.OK,
    "attention": Status.WARNING,
    "bad": Status.FAILED,
}


def sidecar(document: Mapping[str, Any] | None, lines: Sequence[str], mood: str) -> Result:
    """By what `frontdesk status` says: `lines` are its lines, `document` None when none runs."""
    tried = "asked a running sidecar how things stand"
    if document is None:
        told = "none answers here; customers reach SAP while frontdesk run runs"
        return Result("sidecar", Status.SKIPPED, tried, told)
    troubles = list(lines[: lines.index("")]) if "" in lines else list(lines)
    todo = tuple(line.removeprefix("do: ") for line in troubles if line.startswith("do: "))
    said = [line for line in troubles if not line.startswith("do: ")]
    status = _STATUSES.get(mood, Status.WARNING)
    means = "" if status is Status.OK else "Customers wait there, or stay; nothing is lost."
    return Result(
        "sidecar", status, tried, said[0] if said else "it runs", means, todo, tuple(said[1:])
    )


def sidecar_refused(reason: str) -> Result:
    """It is there and does not tell."""
    return Result(
        "sidecar",
        Status.WARNING,
        "asked a running sidecar how things stand",
        reason,
        "Whether customers wait in it cannot be said.",
        ("run this as the sidecar's user and with its settings",),
    )


def arrival(where: Where, reply: Answer | Failure | Outcome) -> Result:
    """Whether SAP's monitoring of inbound requests can be read; it need not be."""
    tried = "GET /odata2webservices/InboundIntegrationMonitoring/InboundRequests"
    look = remedies.look_for_records(where)
    found = entities(reply)
    if found:
        told = "SAP keeps what comes in, and this client can read it"
        return Result("arrival", Status.OK, tried, told, details=look)
    if found is not None:
        told = "it can be read and is empty: nothing came in, or monitoring is off"
        return Result("arrival", Status.OK, tried, told, details=look)
    status = f"HTTP {reply.status}" if isinstance(reply, Answer) else "no answer"
    told = f"not for this client ({status}), which is usual; see Backoffice"
    return Result("arrival", Status.SKIPPED, tried, told, details=look)
