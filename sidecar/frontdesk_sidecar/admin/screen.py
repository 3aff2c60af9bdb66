"""`frontdesk status` as lines: what is the matter and what to do first, then the figures.

Pure: from the document of `/status`, of which everything may be missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final, TypeAlias

from frontdesk_sidecar.admin.figures import ago, at, counted, size, span
from frontdesk_sidecar.sap.outcome_table import find_reason
from frontdesk_sidecar.status import MAPPING_TEXT

Document: TypeAlias = Mapping[str, Any]

_STOPPED: Final = (
    "not running: nothing is read or sent; web processes go on, and nothing is lost until the"
    " journal is full"
)
_GATES: Final = {
    "setup": "paused",
    "rejections": "paused",
    "throttled": "silent, because SAP asks for it,",
    "failing": "waiting",
}
_REFUSED: Final = "SAP refuses most customers, so the mapping does not fit"


def status_lines(document: Document, now: datetime) -> list[str]:
    """The whole screen; `now` is aware, and its zone is the one that times are told in."""
    lines = [line for trouble in _troubles(document, now) for line in trouble]
    lines = lines or [_all_well(document)]
    for one in _targets(document):
        lines += [
            "",
            f"target {one['name']} ({one.get('state', '')}): {_sap(one)}".removesuffix(": "),
        ]
        lines += _columns(_figures(one))
    return [*lines, "", *_columns(_facts(document, now))]


def _columns(facts: Iterable[tuple[str, str]]) -> list[str]:
    return [f"{name:<12}{text}" for name, text in facts]


def _targets(document: Document) -> list[Document]:
    """The targets, where there are several."""
    found = document.get("targets")
    return [one for one in found if "name" in one] if isinstance(found, list) else []


def mood(document: Document) -> str:
    """`bad` when somebody must do something now, `attention`, or `fine`."""
    gate = part(document, "gate").get("state", "open")
    if not document.get("running") or _faults(document) or gate in ("setup", "rejections"):
        return "bad"
    waiting = part(document, "dead") or part(document, "unknownTargets")
    failing = any(part(one, "failing") for one in _targets(document) or [document])
    return "fine" if gate == "open" and not waiting and not failing else "attention"


def part(document: Document, name: str) -> Document:
    """A part of the document; empty when it is missing or null."""
    found = document.get(name)
    return found if isinstance(found, Mapping) else {}


def _troubles(document: Document, now: datetime) -> Iterator[list[str]]:
    """What is the matter, the worst first; of each a headline and what to do."""
    if not document.get("running"):
        yield [_STOPPED, "do: start it with frontdesk run, or start its service"]
    yield from _faults(document)
    running = bool(document.get("running"))
    for one in _targets(document) or [document]:
        if part(one, "gate").get("state", "open") != "open":
            yield _gate(part(one, "gate"), now, running=running, target=one.get("name"))
    if _is_shut(document):
        yield [_waiting(document)]
    for name, found in part(document, "unknownTargets").items():
        remedy = f"put it back into the settings, or frontdesk target move {name} --to NAME,"
        yield [
            f"unknown target {name}: {counted(found['customers'], 'customer')} that nobody sends",
            f"do: {remedy} or frontdesk target drop {name}",
        ]
    dead = part(document, "dead")
    if dead:
        letters = counted(sum(dead.values()), "dead letter")
        yield [f"{letters}: customers that wait for somebody, see below", "do: frontdesk dead list"]


def _is_shut(document: Document) -> bool:
    """Whether nothing is sent, to one target at least, or nothing is taken in."""
    shut = any(
        part(one, "gate").get("state", "open") != "open" for one in _targets(document) or [document]
    )
    held = part(document, "store").get("held")
    return shut or bool(held) or not document.get("running")


def _waiting(document: Document) -> str:
    """What waits, for whoever fears for it."""
    customers, journal = part(document, "customers"), part(document, "journal")
    waiting = customers.get("pending", 0) + customers.get("leased", 0)
    verb = "waits" if waiting == 1 else "wait"
    text = f"nothing is lost: {counted(waiting, 'customer')} {verb} in the store"
    if "lagBytes" in journal:
        text += f", {size(journal['lagBytes'])} in the journal"
        if journal.get("limitBytes"):
            text += f" (of {size(journal['limitBytes'])})"
    return text


def _faults(document: Document) -> list[list[str]]:
    """What is wrong here, not with SAP."""
    journal, store, found = part(document, "journal"), part(document, "store"), []
    if document.get("watchdog"):
        remedy = "start it anew, nothing is lost; a liveness probe of /livez does it alone"
        found.append([f"stuck: {document['watchdog']}", f"do: {remedy}"])
    if journal.get("error"):
        remedy = "capture.journal names the directory; the sidecar's user must read and write there"
        found.append([f"the journal cannot be read: {journal['error']}", f"do: {remedy}"])
    if journal.get("unreadable"):
        segments = counted(journal["unreadable"], "segment")
        remedy = "the log names them; web processes and sidecar need a group in common"
        found.append([f"{segments} of the journal cannot be read", f"do: {remedy}"])
    if store.get("held"):
        by_limit = "store.max_bytes" in str(store["held"])  # else it is the disk
        room = "raise store.max_bytes, then restart" if by_limit else "make room on the disk"
        remedy = f"{room}; the journal keeps what comes"
        found.append([f"held, nothing is taken in: {store['held']}", f"do: {remedy}"])
    return found


def _gate(gate: Document, now: datetime, *, running: bool, target: str | None) -> list[str]:
    """Why nothing is sent; `target` where there are several."""
    state, since = str(gate["state"]), ago(gate.get("since"), now)
    lead, option = ("", "") if target is None else (f"{target}: ", f" --target {target}")
    if state == "hand":
        return [
            f"{lead}paused by hand{since}: nothing is sent",
            f"do: frontdesk resume{option}",
        ]
    code, text = str(gate.get("code") or ""), str(gate.get("text") or "")
    reason = find_reason(code)
    means, todo = (reason.means, reason.todo) if reason else (text, "")
    if state == "rejections":
        means, todo = _REFUSED, str(gate.get("advice") or todo)
    lead += f"{_GATES.get(state, state)}{since}" if running else "when it ended, nothing was sent"
    lines = [f"{lead}: {_within(means) or 'see the log'}" + (f" [{code}]" if code else "")]
    if text and text not in (means, MAPPING_TEXT):
        lines.append(f"answer: {text}")
    if todo or gate.get("advice"):
        lines.append(f"do: {todo or gate['advice']}")
    if running:
        lines += _next_try(state, gate.get("nextTryAt"), now, option)
    return lines


def _next_try(state: str, moment: object, now: datetime, option: str) -> list[str]:
    if not isinstance(moment, str):
        return []
    left_s = (datetime.fromisoformat(moment) - now).total_seconds()
    when = f"next try in {span(left_s)}" if left_s > 0 else "next try: as soon as one is due"
    can_try = state in ("setup", "rejections", "failing")  # not what SAP itself asks for
    sooner = f"; frontdesk resume{option} tries at once" if can_try else ""
    return [when + sooner]


def _all_well(document: Document) -> str:
    customers = part(document, "customers")
    waiting = customers.get("pending", 0) + customers.get("leased", 0)
    if not waiting:
        return "fine: SAP has everything that is known"
    found = [part(one, "failing") for one in _targets(document) or [document]]
    worst = max(found, key=lambda one: one.get("attempts", 0))
    if not worst:
        return f"fine: {counted(waiting, 'customer')} on the way to SAP"
    number = sum(one.get("customers", 0) for one in found)
    times = f"{worst['attempts']:,} times" + ("" if number == 1 else " at most")
    return (
        f"{counted(waiting, 'customer')} on the way to SAP, {number:,} of them failed {times}:"
        f" {worst['code']}"
    )


def _figures(document: Document) -> Iterator[tuple[str, str]]:
    """Of one target, or of all."""
    yield from _customers(document)
    yield from _pace(document)
    yield from _dead(part(document, "dead"))


def _facts(document: Document, now: datetime) -> Iterator[tuple[str, str]]:
    if not _targets(document):
        yield from _figures(document)
        if _sap(document):
            yield "SAP", _sap(document)
    yield from _places(document)
    yield from _heard(document, now)
    versions = [
        f"{label} {document[name]}"
        for name, label in (("version", "frontdesk"), ("python", "Python"), ("sqlite", "SQLite"))
        if document.get(name)
    ]
    if document.get("running") and document.get("pid"):
        versions.append(f"process {document['pid']}{ago(document.get('startedAt'), now)}")
    yield "versions", ", ".join(versions) or "unknown"


def _sap(document: Document) -> str:
    """Where customers go, and as whom."""
    address, client = document.get("sap") or "", document.get("clientId")
    return f"{address}, client {client}" if address and client else str(address)


def _customers(document: Document) -> Iterator[tuple[str, str]]:
    customers = part(document, "customers")
    if not customers:
        return
    pending, due, leased, clean, dead = (
        customers.get(name, 0) for name in ("pending", "due", "leased", "clean", "dead")
    )
    yield "customers", f"{pending:,} pending ({due:,} due now), {leased:,} being sent"
    if pending or leased:
        yield "oldest", f"waits for {span(document.get('oldestPendingSeconds') or 0)}"
    yield "settled", f"{clean:,} in SAP, {dead:,} dead"


def _pace(document: Document) -> Iterator[tuple[str, str]]:
    outcomes, rate = part(document, "outcomes"), part(document, "rate")
    if outcomes:
        names = ("delivered", "unchanged", "throttled", "transient", "setup", "rejected")
        told = [f"{outcomes[name]:,} {name}" for name in names if outcomes.get(name)]
        label = f"last {span(outcomes.get('seconds') or 0)}"
        yield label, ", ".join(told) or "nothing was sent"
        codes = sorted(part(outcomes, "codes").items(), key=lambda one: (-one[1], one[0]))
        if codes:
            yield "failures", ", ".join(f"{number:,} {code}" for code, number in codes[:6])
    if rate:
        told = [f"{rate.get('customersPerSecond', 0):g} customers/s"]
        if "requestsPerSecond" in rate:
            told.append(f"{rate['requestsPerSecond']:g} requests/s")
        if "limitPerSecond" in rate:
            told.append(f"limit {rate['limitPerSecond']:g} requests/s")
        if "concurrency" in rate:
            most = rate.get("concurrencyLimit", "?")
            told.append(f"at most {rate['concurrency']} of {most} at once")
        told.append("in batches when many are due" if rate.get("batching") else "one by one")
        yield "rate", ", ".join(told)


def _dead(dead: Document) -> Iterator[tuple[str, str]]:
    label = "dead"
    for code, number in sorted(dead.items(), key=lambda one: (-one[1], one[0])):
        reason = find_reason(code)
        yield label, f"{number:,} {code}" + (f": {_within(reason.means)}" if reason else "")
        if reason and reason.todo:
            yield "", f"do: {reason.todo}"
        label = ""
    if any(code.endswith(("*", "xx")) for code in dead):
        yield "", "codes: frontdesk dead list"
    if dead:
        yield "", "then: frontdesk dead retry --reason REASON"


def _places(document: Document) -> Iterator[tuple[str, str]]:
    journal, store = part(document, "journal"), part(document, "store")
    if journal:
        text = str(journal.get("path", ""))
        if "lagBytes" in journal:
            text += f": {size(journal['lagBytes'])} not read yet"
        if "segments" in journal:
            text += f", {counted(journal['segments'], 'segment')}"
        yield "journal", text
    if store:
        text = f"{store.get('path', '')}: {size(store.get('bytes') or 0)}"
        text += f" of {size(store['limitBytes'])}" if store.get("limitBytes") else ""
        free = store.get("diskFreeBytes")
        yield "store", text + (f", {size(free)} left on the disk" if free is not None else "")
        if store.get("salvaged"):
            yield "", f"set aside as damaged: {store['salvaged']}; its report beside it says more"


def _heard(document: Document, now: datetime) -> Iterator[tuple[str, str]]:
    """When a web process last wrote something that was read."""
    journal = part(document, "journal")
    if "lastLineAt" not in journal:
        return
    moment = journal["lastLineAt"]
    if isinstance(moment, str):
        yield "heard", f"last line {at(moment, now)}"
        return
    start = document.get("startedAt")
    began = f" at {at(start, now)}" if isinstance(start, str) else ""
    path = journal.get("path", "the journal")
    yield (
        "heard",
        (
            f"nothing since the start{began}: do the web processes write to {path}?"
            ' (README, "Nothing arrives?")'
        ),
    )


def _within(sentence: str) -> str:
    """A sentence as the part of another: `The name …` as `the name …`, `SAP …` as it is."""
    text = sentence.rstrip(".")
    return text[:1].lower() + text[1:] if text[1:2].islower() or text[1:2] == " " else text
