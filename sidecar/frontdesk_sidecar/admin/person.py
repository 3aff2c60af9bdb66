"""What is known of a customer as lines, for whoever has that person on the phone. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from frontdesk_sidecar.admin.facts import part, within
from frontdesk_sidecar.admin.figures import ago, at, size, span
from frontdesk_sidecar.sap.outcome_table import find_reason
from frontdesk_sidecar.store import DEFAULT_TARGET

Document: TypeAlias = Mapping[str, Any]


def person_lines(found: Sequence[Document], status: Document, now: datetime) -> list[str]:
    """Where the customer is, at each target; `status` is how things stand, `now` is aware."""
    if not found:
        return ["never seen: the store holds nothing of this customer", *_unread(status, found)]
    name_it = len(found) > 1 or {one["target"] for one in found} != {DEFAULT_TARGET}
    lines: list[str] = []
    for one in found:
        lead = f"{one['target']}: " if name_it else ""
        lines += [*([""] if lines else []), *_standing(one, status, now, lead)]
        lines += ["", *(f"{label:<12}{text}" for label, text in _facts(one, now))]
        lines += _tries(one)
    return [*lines, *_unread(status, found)]


def _standing(one: Document, status: Document, now: datetime, lead: str) -> list[str]:
    """In which state, why, and what to do."""
    match one["state"]:
        case "clean":
            return [f"{lead}in SAP{_sent(one, now)}"]
        case "dead":
            tries = "1 try" if one["attempts"] == 1 else f"{one['attempts']:,} tries"
            lines = [f"{lead}dead{ago(one['settledAt'], now)} after {tries}: {_why(one)}"]
            then = f"then: frontdesk dead retry {one['id']}; a new login brings it back too"
            return [*lines, *_advice(one), then]
        case "leased":
            return [f"{lead}being sent right now{ago(one['waitingSince'], now)}"]
    lines = [f"{lead}waits{ago(one['waitingSince'], now)}"]
    if one["code"]:
        lines = [f"{lines[0]}: the last try failed, {_why(one)}", *_advice(one)]
    if one["delivered"]:
        lines.append(f"SAP has older data{_sent(one, now)}")
    return [*lines, _next(one, status, now)]


def _sent(one: Document, now: datetime) -> str:
    told = one["delivered"]
    if not told:
        return ""
    known = told["integrationMessageId"]
    return f", delivered {at(told['at'], now)}" + (
        f", integrationMessageId {known}" if known else ""
    )


def _why(one: Document) -> str:
    reason = find_reason(one["code"])
    said = within(reason.means) if reason else "SAP's own words say why"
    return f"{said} [{one['code']}]"


def _advice(one: Document) -> list[str]:
    reason = find_reason(one["code"])
    told = [f"answer: {one['text']}"] if one["text"] else []
    todo = (reason.todo if reason else "") or one["advice"]
    return [*told, f"do: {todo}"] if todo else told


def _next(one: Document, status: Document, now: datetime) -> str:
    """When it is sent."""
    if not status.get("running"):
        return "next try: when the sidecar runs again; now it does not"
    lane = _lane(one, status)
    if lane is None:
        return "next try: none, for this target is not in the settings (frontdesk target move)"
    gate = part(lane, "gate").get("state", "open")
    if gate == "hand":
        return "next try: after frontdesk resume; somebody paused"
    if gate != "open":
        return "next try: when SAP takes customers again; frontdesk status says why it does not"
    left_s = (datetime.fromisoformat(one["nextTryAt"]) - now).total_seconds()
    return f"next try: in {span(left_s)}" if left_s > 0 else "next try: now, it is due"


def _lane(one: Document, status: Document) -> Document | None:
    """How the customer's target stands; None when nobody sends to it."""
    several = status.get("targets")
    if not isinstance(several, list):
        return status if one["target"] == DEFAULT_TARGET else None
    return next((lane for lane in several if lane.get("name") == one["target"]), None)


def _facts(one: Document, now: datetime) -> Iterator[tuple[str, str]]:
    yield "customer", str(one["customer"])
    yield "user id", str(one["userId"] or "(none)")
    event = f"{one['event'] or '(none)'}" + (f" at {one['site']}" if one["site"] else "")
    if one["eventAt"]:
        event += f", {at(one['eventAt'], now)}"
    yield "last event", event
    yield "first seen", at(one["firstSeenAt"], now)
    if one["erased"]:
        yield "values", "erased by their age; only that the customer is in SAP is known"
    for name, value in sorted(one["traits"].items()):
        shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        yield "trait", f"{name} = {shown}"


def _tries(one: Document) -> Iterator[str]:
    if one["history"]:
        yield ""
        yield "failed tries, the latest at the end (by its id the Backoffice finds each):"
    for tried in one["history"]:
        sent = tried["integrationMessageId"] or "nothing was sent"
        yield f"  {tried['at']}  {tried['code']}  {sent}"
        if tried["text"]:
            yield f"    {tried['text']}"


def _unread(status: Document, found: Sequence[Document]) -> list[str]:
    """What may be known and is not in the store yet."""
    journal = part(status, "journal")
    what = "a newer login of this customer" if found else "this customer"
    if journal.get("unseen") or journal.get("error"):
        why = journal.get("unseen") or journal["error"]
        return ["", f"{what} may still be in the journal, which cannot be read from here ({why})"]
    if journal.get("lagBytes"):
        unread = size(journal["lagBytes"])
        return ["", f"{what} may still be in the journal: {unread} of it were not read yet"]
    return [] if found else ["the journal is read to its end; frontdesk explain: is it captured?"]
