"""The figures of `frontdesk status`, each row as its label and its text.

Pure: from the document of `/status`, of which everything may be missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final, TypeAlias

from frontdesk_sidecar.admin.figures import at, counted, size, span
from frontdesk_sidecar.sap.outcome_table import find_reason

Document: TypeAlias = Mapping[str, Any]

#: A silence of web processes that the first line tells of. A shop may be quiet at night: it is no
#: fault, and it is what a journal that is not shared looks like from here.
_QUIET_S: Final = 600.0


def part(document: Document, name: str) -> Document:
    """A part of the document; empty when it is missing or null."""
    found = document.get(name)
    return found if isinstance(found, Mapping) else {}


def customers(document: Document) -> Iterator[tuple[str, str]]:
    """How many are in which state."""
    found = part(document, "customers")
    if not found:
        return
    pending, due, leased, clean, dead = (
        found.get(name, 0) for name in ("pending", "due", "leased", "clean", "dead")
    )
    yield "customers", f"{pending:,} pending ({due:,} due now), {leased:,} being sent"
    if pending or leased:
        yield "oldest", f"waits for {span(document.get('oldestPendingSeconds') or 0)}"
    yield "settled", f"{clean:,} up to date in SAP, {dead:,} dead"


def pace(document: Document) -> Iterator[tuple[str, str]]:
    """What came of the last minutes' attempts, and how fast it goes."""
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


def dead(codes: Document) -> Iterator[tuple[str, str]]:
    """Dead letters by reason, with what to do; `codes`: numbers by reason."""
    label = "dead"
    for code, number in sorted(codes.items(), key=lambda one: (-one[1], one[0])):
        reason = find_reason(code)
        yield label, f"{number:,} {code}" + (f": {within(reason.means)}" if reason else "")
        if reason and reason.todo:
            yield "", f"do: {reason.todo}"
        label = ""
    if any(code.endswith(("*", "xx")) for code in codes):
        yield "", "codes: frontdesk dead list"
    if codes:
        which = next(iter(codes)) if len(codes) == 1 and "*" not in "".join(codes) else "REASON"
        yield "", f"then: frontdesk dead retry --reason {which}"


def places(document: Document) -> Iterator[tuple[str, str]]:
    """Journal and store: where they are, and how full."""
    journal, store = part(document, "journal"), part(document, "store")
    if journal:
        text = str(journal.get("path", ""))
        if "lagBytes" in journal:
            text += f": {size(journal['lagBytes'])} not read yet"
        if journal.get("unseen"):
            text += f": what waits there cannot be seen from here ({journal['unseen']})"
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


def heard(document: Document, now: datetime) -> Iterator[tuple[str, str]]:
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
            " docs/troubleshooting.md goes through it"
        ),
    )


def silence(document: Document, now: datetime) -> str:
    """That web processes have said nothing, or for long, as the end of a line; else empty."""
    journal = part(document, "journal")
    if "lastLineAt" not in journal:
        return ""
    if not isinstance(journal["lastLineAt"], str):
        return "; nothing was heard from web processes since the start"
    quiet_s = (now - datetime.fromisoformat(journal["lastLineAt"])).total_seconds()
    return f"; web processes have been silent for {span(quiet_s)}" if quiet_s > _QUIET_S else ""


def within(sentence: str) -> str:
    """A sentence as the part of another: `The name …` as `the name …`, `SAP …` as it is."""
    text = sentence.rstrip(".")
    return text[:1].lower() + text[1:] if text[1:2].islower() or text[1:2] == " " else text
