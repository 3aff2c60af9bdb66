"""`frontdesk status` as lines: what is the matter and what to do first, then the figures.

Pure: from the document of `/status`, of which everything may be missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final, TypeAlias

from frontdesk_sidecar.admin import facts
from frontdesk_sidecar.admin.facts import part, within
from frontdesk_sidecar.admin.figures import ago, counted, size, span
from frontdesk_sidecar.sap.outcome_table import find_reason
from frontdesk_sidecar.status import MAPPING_TEXT

Document: TypeAlias = Mapping[str, Any]

_STOPPED: Final = (
    "not running: nothing is read or sent; web processes go on, and nothing is lost until the"
    " journal is full"
)
_ALL: Final = "SAP has everything that is known"
_GATES: Final = {
    "setup": "paused",
    "rejections": "paused",
    "throttled": "silent, because SAP asks for it,",
    "failing": "waiting",
}
_REFUSED: Final = "SAP refuses most customers, so the mapping does not fit"
_NOTHING_TO_SEND: Final = "sap.mapping makes nothing that SAP would take of most customers"


def status_lines(document: Document, now: datetime) -> list[str]:
    """The whole screen; `now` is aware, and its zone is the one that times are told in."""
    lines = [line for trouble in _troubles(document, now) for line in trouble]
    lines = lines or [_all_well(document, now)]
    for one in _targets(document):
        lines += [
            "",
            f"target {one['name']} ({one.get('state', '')}): {_sap(one)}".removesuffix(": "),
        ]
        lines += _columns(_figures(one))
    return [*lines, "", *_columns(_facts(document, now))]


def _columns(rows: Iterable[tuple[str, str]]) -> list[str]:
    return [f"{name:<12}{text}" for name, text in rows]


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
    failing = any(failing_lines(one) for one in _targets(document) or [document])
    return "fine" if gate == "open" and not waiting and not failing else "attention"


#: The exit codes of `frontdesk status --exit-code`.
FINE: Final = 0
ACT: Final = 3
NO_SIDECAR: Final = 4
WAITS: Final = 5


def exit_code(document: Document) -> int:
    """What a script is told: `ACT` when a person must do something, `WAITS` when SAP does not
    take customers now and frontdesk goes on by itself as soon as it does."""
    if not document.get("running"):
        return NO_SIDECAR
    gates = {part(one, "gate").get("state", "open") for one in _targets(document) or [document]}
    left = part(document, "dead") or part(document, "unknownTargets")
    if _faults(document) or left or gates & {"hand", "setup", "rejections"}:
        return ACT
    return FINE if mood(document) == "fine" else WAITS


def _troubles(document: Document, now: datetime) -> Iterator[list[str]]:
    """What is the matter, the worst first; of each a headline and what to do."""
    if not document.get("running"):
        wrong = "; ".join(document.get("settingsRefused") or ())
        first = f"correct the settings ({wrong}), then " if wrong else ""
        yield [_STOPPED, f"do: {first}start it with frontdesk run, or start its service"]
    yield from _stopping(document)
    yield from _faults(document)
    running = bool(document.get("running"))
    failing = False
    for one in _targets(document) or [document]:
        if part(one, "gate").get("state", "open") != "open":
            yield _gate(part(one, "gate"), now, running=running, target=one.get("name"))
        elif lines := failing_lines(one):
            failing = True
            yield lines
    if failing or _is_shut(document):
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


def _stopping(document: Document) -> Iterator[list[str]]:
    """A sidecar that was told to stop, and still delivers."""
    draining = part(document, "draining")
    if draining:
        number, left_s = _on_the_way(document), span(draining.get("leftSeconds") or 0)
        yield [f"stopping: {counted(number, 'customer')} still to deliver, at most {left_s} left"]


def _is_shut(document: Document) -> bool:
    """Whether nothing is sent, to one target at least, or nothing is taken in."""
    shut = any(
        part(one, "gate").get("state", "open") != "open" for one in _targets(document) or [document]
    )
    held = part(document, "store").get("held")
    return shut or bool(held) or not document.get("running")


def _waiting(document: Document) -> str:
    """What waits, for whoever fears for it."""
    waiting, journal = _on_the_way(document), part(document, "journal")
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
    reload = part(document, "reload")
    if reload and not reload.get("applied"):
        why = "; ".join(reload.get("problems") or ())
        remedy = "correct that, then frontdesk reload; until then the settings of before are used"
        found.append([f"reload refused at {reload.get('at')}: {why}", f"do: {remedy}"])
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
        means, todo = refused(code), str(gate.get("advice") or todo)
    lead += f"{_GATES.get(state, state)}{since}" if running else "when it ended, nothing was sent"
    lines = [f"{lead}: {within(means) or 'see the log'}" + (f" [{code}]" if code else "")]
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
    sooner = f", by itself; frontdesk resume{option} tries at once" if can_try else ", by itself"
    return [when + sooner]


def failing_lines(one: Document) -> list[str]:
    """What is said of customers that are tried in vain while the gate is open; else nothing.

    In an outage of a quiet site there are too few of them to shut it.
    """
    found, tried, waiting = part(one, "failing"), part(one, "outcomes"), _on_the_way(one)
    codes = part(tried, "codes")
    if not waiting or part(one, "gate").get("state", "open") != "open":
        return []
    if tried.get("transient") and not tried.get("delivered") and codes:
        code = found.get("code") or max(codes, key=lambda code: codes[code])
        said = f"SAP took nobody in the last {span(tried.get('seconds') or 0)}"
    elif found:
        code, number = str(found.get("code")), found.get("customers", 0)
        worst = "" if number == 1 else ", the worst"
        those = "" if number >= waiting else f", {number:,} of them"
        said = (
            f"{counted(waiting, 'customer')} on the way to SAP{those} failed{worst} at least"
            f" {found.get('attempts', 0):,} times, and the last time"
        )
    else:
        return []
    lead, reason = f"{one['name']}: " if "name" in one else "", find_reason(code)
    lines = [f"{lead}{said}: {within(reason.means) if reason else 'see the log'} [{code}]"]
    return [*lines, f"do: {reason.todo}"] if reason and reason.todo else lines


def _on_the_way(document: Document) -> int:
    customers = part(document, "customers")
    return int(customers.get("pending", 0) + customers.get("leased", 0))


def _all_well(document: Document, now: datetime) -> str:
    waiting = _on_the_way(document)
    known = f"{counted(waiting, 'customer')} on the way to SAP" if waiting else _ALL
    return f"fine: {known}{facts.silence(document, now)}"


def refused(code: str) -> str:
    """Why nothing is sent when most customers were refused: by SAP, or before it was asked."""
    return _NOTHING_TO_SEND if code.startswith("mapping") else _REFUSED


def _figures(document: Document) -> Iterator[tuple[str, str]]:
    """Of one target, or of all."""
    yield from facts.customers(document)
    yield from facts.pace(document)
    yield from facts.dead(part(document, "dead"))


def _facts(document: Document, now: datetime) -> Iterator[tuple[str, str]]:
    if not _targets(document):
        yield from _figures(document)
        if _sap(document):
            yield "SAP", _sap(document)
    yield from facts.places(document)
    yield from facts.heard(document, now)
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
