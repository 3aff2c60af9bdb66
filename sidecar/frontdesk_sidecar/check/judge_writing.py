"""The test customer: created, changed, read back, deleted. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from frontdesk_sidecar.check import remedies
from frontdesk_sidecar.check.judge_common import failure, outcome_of
from frontdesk_sidecar.check.judge_posting import forbidden, no_hook
from frontdesk_sidecar.check.result import Result, Status, Where
from frontdesk_sidecar.sap.answer import Answer, Failure
from frontdesk_sidecar.sap.outcome import Kind, Outcome

Reply = Answer | Failure | Outcome


@dataclass(frozen=True, slots=True)
class Written:
    """What SAP said to each request, None for one that was not made."""

    uid: str
    created: Reply
    changed: Reply | None = None
    read: Reply | None = None
    deleted: Reply | None = None
    #: what was sent of simple attributes
    sent: tuple[tuple[str, object], ...] = ()


def writing(
    where: Where,
    written: Written,
    hooks: Sequence[str],
    *,
    private: Sequence[str],
    now: float,
) -> Result:
    """What came of it."""
    tried = f"POST {where.service}/{where.entity_set} of {written.uid}, read back, delete"
    for reply, what in ((written.created, "create"), (written.changed, "change")):
        outcome = None if reply is None else outcome_of(reply, private, now)
        if outcome is not None and outcome.kind is not Kind.DELIVERED:
            own = {**forbidden(where, outcome), **no_hook(hooks)}
            details = (f"it came to {what} the test customer", *_left(written, what))
            return failure("write-test", where, tried, outcome, own, details)
    return _read_back(where, written, tried, private, now)


def _left(written: Written, what: str) -> tuple[str, ...]:
    """What may be in SAP nevertheless: the answer to the first post may have been lost."""
    if what == "create" and isinstance(written.created, Answer):
        return ()
    may = "may be" if what == "create" else "stays"
    return (f"{written.uid} {may} in SAP; delete it in {remedies.CUSTOMERS}",)


def _read_back(
    where: Where, written: Written, tried: str, private: Sequence[str], now: float
) -> Result:
    status, told, means, todo = _compared(where, written, private, now)
    told = f"created and changed{told}"
    if status is Status.FAILED:
        return Result("write-test", status, tried, told, means, todo)
    if _is_deleted(written):
        return Result("write-test", status, tried, f"{told}, deleted", means, todo)
    stays = f"delete {written.uid} in {remedies.CUSTOMERS}; {_NO_DELETING}"
    return Result(
        "write-test", status, tried, f"{told}; {written.uid} stays", means, todo, (stays,)
    )


def _compared(
    where: Where, written: Written, private: Sequence[str], now: float
) -> tuple[Status, str, str, tuple[str, ...]]:
    """What came back beside what was sent."""
    found = entities(written.read)
    if written.read is None or found is None:
        code = "not asked" if written.read is None else outcome_of(written.read, private, now).code
        return Status.WARNING, f", not read back [{code}]", _NOT_READ, remedies.groups(where)
    if not found:
        return Status.FAILED, "; then it was not there", _GONE, _lost(where)
    if names := different(written.sent, found[0]):
        compare = f"compare them in {remedies.CUSTOMERS}, or map them otherwise"
        told = f", read back, other values in {', '.join(names)}"
        return Status.WARNING, told, _CHANGED, (compare,)
    return Status.OK, ", read back", "", ()


_NOT_READ: Final = "SAP said that it stored the customer, but not what it stored."
_GONE: Final = (
    "SAP says 201 and keeps nothing: a pre-persist hook that returns nothing drops the customer,"
    " or a job or search restriction hides it."
)
_CHANGED: Final = "SAP changes these: an interceptor, a hook or a name strategy."
_NO_DELETING: Final = (
    "frontdesk may only if its user is in integrationdeletegroup, which it needs for nothing else"
)


def _lost(where: Where) -> tuple[str, ...]:
    return (
        "sap.pre_persist_hook, and the hooks of the project: what they return",
        (
            f"{remedies.EMPLOYEES}: the user should not be in employeegroup or customergroup, whose"
            " search restrictions hide customers"
        ),
        *remedies.look_for_records(where),
    )


def _is_deleted(written: Written) -> bool:
    reply = written.deleted
    return isinstance(reply, Answer) and reply.status in (200, 202, 204)


def entities(reply: Reply | None) -> list[dict[str, Any]] | None:
    """The entities of an answer to a filter; None when it is no such answer."""
    if not isinstance(reply, Answer) or reply.status != 200:
        return None
    found = reply.json_object().get("d")
    if isinstance(found, dict):
        found = found.get("results", [found])
    if not isinstance(found, list):
        return None
    return [one for one in found if isinstance(one, dict)]


def different(sent: Sequence[tuple[str, object]], found: dict[str, Any]) -> list[str]:
    """The names of attributes that came back with another value; those not told are not."""
    return [name for name, value in sent if name in found and found[name] != value]
