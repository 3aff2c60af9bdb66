"""What the page shows, as JSON: made of the document of `/status` and of the history. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import takewhile
from typing import Any, Final, TypeAlias

from frontdesk_sidecar.admin.facts import heard, part
from frontdesk_sidecar.admin.screen import failing_lines, mood, refused, status_lines
from frontdesk_sidecar.dashboard.history import History
from frontdesk_sidecar.sap.outcome_table import find_reason

Document: TypeAlias = Mapping[str, Any]

#: Beginnings of lines that go on with the headline before them.
_NOTES: Final = ("answer: ", "do: ", "next try", "nothing is lost: ")
_MINUTE: Final = 60
_HOUR: Final = 60
_DAY: Final = 1440
#: So much may be waiting in the journal at any moment.
_LAG_BYTES: Final = 262_144


def snapshot(
    status: Document, history: History, web: Mapping[str, int], *, clock_s: float, now_s: float
) -> dict[str, Any]:
    """How things stand now."""
    now = datetime.fromtimestamp(now_s, UTC)
    return {
        "at": int(now_s * 1000),
        "mood": mood(status),
        "headlines": headlines(status, now, history.total_minutes(clock_s, "messages", _DAY)),
        "stations": stations(status, history, web, clock_s),
        "reasons": _reasons(part(status, "dead")),
        "latency": {
            "minutes5": history.latency(clock_s, 5),
            "hour": history.latency(clock_s, _HOUR),
            "day": history.latency(clock_s, _DAY),
        },
        "status": status,
    }


def charts(history: History, clock_s: float) -> dict[str, Any]:
    """The last minutes, hour and day, each in parts of equal length, the present one at the end."""
    hour = clock_s // 60 * 60  # parts of a day begin where they did a minute ago
    return {
        "minutes": {
            "each": 5,
            **history.recent(clock_s, 5),
            "latencyEach": 60,
            "p50": history.latencies(clock_s, 5, 1, 0.5),
            "p95": history.latencies(clock_s, 5, 1, 0.95),
        },
        "hour": {
            "each": 60,
            **history.series(hour, _HOUR, 1),
            "p50": history.latencies(hour, _HOUR, 1, 0.5),
            "p95": history.latencies(hour, _HOUR, 1, 0.95),
        },
        "day": {
            "each": 900,
            **history.series(hour, _DAY, 15),
            "p50": history.latencies(hour, _DAY, 15, 0.5),
            "p95": history.latencies(hour, _DAY, 15, 0.95),
        },
    }


def headlines(status: Document, now: datetime, taken: int = 0) -> list[dict[str, Any]]:
    """What `frontdesk status` says first: each headline with what belongs to it.

    `of` is the part of the page that says more, if any. A sidecar that has not `taken` a message
    yet says that it heard nothing: that all is well with SAP would hide it.
    """
    found: list[dict[str, Any]] = []
    for line in takewhile(bool, status_lines(status, now)):
        if found and line.startswith(_NOTES):
            found[-1]["notes"].append(line)
        else:
            found.append({"text": line, "notes": [], "of": None})
    if part(status, "dead"):
        found[-1]["of"] = "dead"
    if not taken and _is_silent(part(status, "journal")):
        told = [f"{verb} {text}" for verb, text in heard(status, now)]
        found += [{"text": one, "notes": [], "of": None} for one in told]
    return found


def stations(
    status: Document, history: History, web: Mapping[str, int], clock_s: float
) -> list[dict[str, Any]]:
    """The way of a login. `state` is `ok`, `quiet` where nothing was ever heard, `slow` or `stuck`;
    `why` says why it is not `ok`.
    """

    def last(name: str) -> dict[str, int]:
        return {
            "minute": history.total(clock_s, name, seconds=_MINUTE),
            "hour": history.total_minutes(clock_s, name, _HOUR),
        }

    customers, store = part(status, "customers"), part(status, "store")
    journal = part(status, "journal")
    captured = {"captured": web.get("captured", 0), "leftOut": _sum_of(web, "skipped.")}
    read = {"lagBytes": journal.get("lagBytes", 0), "lastLineAt": journal.get("lastLineAt")}
    kept = {
        "pending": customers.get("pending", 0) + customers.get("leased", 0),
        "oldest": status.get("oldestPendingSeconds") or 0,
        "bytes": store.get("bytes", 0),
    }
    unchanged = last("unchanged")
    settled = {
        "clean": customers.get("clean", 0),
        "dead": sum(part(status, "dead").values()),
        "unchangedMinute": unchanged["minute"],
        "unchangedHour": unchanged["hour"],
        "sends": any(_gate(one) == "open" for one in status.get("targets") or [status]),
    }
    return [
        {"name": "captured", **_captured(web), **last("messages"), "facts": captured},
        {"name": "journal", **_journal(journal), "facts": read},
        {"name": "store", **_store(status), "facts": kept},
        {"name": "sap", **_sap(status), **last("delivered"), "facts": settled},
    ]


def _told(state: str, why: str = "") -> dict[str, str]:
    return {"state": state, "why": why}


def _captured(web: Mapping[str, int]) -> dict[str, str]:
    dropped = {name: number for name, number in web.items() if "dropped." in name and number}
    if not dropped:
        return _told("ok")
    name = max(dropped, key=lambda one: dropped[one])
    return _told("slow", f"{sum(dropped.values()):,} not written, most: {name}")


def _journal(journal: Document) -> dict[str, str]:
    if journal.get("error"):
        return _told("stuck", f"cannot be read: {journal['error']}")
    if journal.get("unreadable"):
        return _told("stuck", f"{journal['unreadable']} segments cannot be opened")
    if journal.get("lagBytes", 0) > _LAG_BYTES:
        return _told("slow", "more comes in than is read")
    if _is_silent(journal):
        return _told("quiet", "no web process wrote here since the start")
    return _told("ok")


def _is_silent(journal: Document) -> bool:
    return "lastLineAt" in journal and journal["lastLineAt"] is None and not journal.get("error")


def _store(status: Document) -> dict[str, str]:
    if held := part(status, "store").get("held"):
        return _told("stuck", f"takes nothing in: {held}")
    if status.get("watchdog"):
        return _told("stuck", str(status["watchdog"]))
    return _told("ok")


def _sap(status: Document) -> dict[str, str]:
    gate, state = part(status, "gate"), _gate(status)
    # Of several targets the worst one's gate is told.
    names = [one["name"] for one in status.get("targets", ()) if part(one, "gate") == gate]
    of = f"{names[0]}: " if names and state != "open" else ""
    if state == "rejections":
        return _told("stuck", of + refused(str(gate.get("code") or "")))
    if state in ("hand", "setup"):
        reason = find_reason(str(gate.get("code") or ""))
        means = reason.means if reason else str(gate.get("text") or "paused")
        return _told("stuck", of + means)
    if state != "open":
        asked = "asks for silence" if state == "throttled" else "does not answer as it should"
        return _told("slow", f"{of}SAP {asked}")
    if any(failing_lines(one) for one in status.get("targets") or [status]):
        return _told("slow", "who is tried is not taken")  # too few on a quiet site to shut a gate
    return _told("ok")


def _gate(status: Document) -> str:
    return str(part(status, "gate").get("state", "open"))


def _sum_of(web: Mapping[str, int], prefix: str) -> int:
    return sum(number for name, number in web.items() if name.startswith(prefix))


def _reasons(dead: Document) -> dict[str, dict[str, str]]:
    """What the rows of dead letters mean."""

    def rows() -> Iterator[tuple[str, dict[str, str]]]:
        for code in dead:
            if (reason := find_reason(code)) is not None:
                yield code, {"means": reason.means, "todo": reason.todo}

    return dict(rows())
