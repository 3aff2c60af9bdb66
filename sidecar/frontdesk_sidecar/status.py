"""The document of `/status`: how things stand, in the shape that `frontdesk status` shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from frontdesk_sidecar.forward.gate import Shut, Why
from frontdesk_sidecar.forward.limits import Concurrency, Rate
from frontdesk_sidecar.recent import SECONDS, Recent
from frontdesk_sidecar.sap.outcome import Kind
from frontdesk_sidecar.sap.outcome_table import find_reason
from frontdesk_sidecar.store import Counts

_MINUTE_S: Final = 60.0
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_S: Final = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // timedelta(seconds=1)
_LAST_S: Final = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // timedelta(seconds=1)
#: What is said of most refusals when SAP says nothing.
MAPPING_TEXT: Final = "SAP refuses the records of most customers"
_MAPPING_ADVICE: Final = (
    "Compare sap.mapping with the integration object, correct it, then run frontdesk reload."
)
_DEAD_ADVICE: Final = "`frontdesk dead list` says what SAP refuses."


#: The states and the gates', the worst last.
_STATES: Final = ("fine", "stopped", "slowing", "paused", "held", "stuck")
_GATES: Final = ("open", "throttled", "failing", "hand", "setup", "rejections")
#: What one target's document has of its own, of it what is added up, and of what the largest is
#: told.
_OWN: Final = (
    *("state", "gate", "customers", "oldestPendingSeconds", "dead", "outcomes", "rate"),
    *("watchdog", "clientId", "failing"),
)
_SUMS: Final = ("customers", "dead", "outcomes", "rate")
_LARGEST: Final = ("oldestPendingSeconds", "watchdog")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What one target's document is made of. Times: microseconds since the epoch, but `clock_s`."""

    now_us: int
    clock_s: float
    started_us: int
    paused_us: int | None
    shut: Shut | None
    stuck: str | None
    counts: Counts
    dead: Mapping[str, int]
    recent: Recent
    rate: Rate
    concurrency: Concurrency
    batching: bool
    journal: Mapping[str, Any]
    store: Mapping[str, Any]
    failing: tuple[int, int, str] | None = None


def document(now: Snapshot) -> dict[str, Any]:
    """The document as JSON; holds no key, trait or secret."""
    counts = now.counts
    return {
        "startedAt": iso(now.started_us),
        "state": _state(now),
        "gate": _gate(now),
        "customers": {
            name: getattr(counts, name) for name in ("pending", "due", "leased", "clean", "dead")
        },
        "oldestPendingSeconds": (counts.oldest_us or 0) / 1e6,
        "dead": by_reason(now.dead),
        "failing": _failing(now.failing),
        "outcomes": _outcomes(now.recent),
        "rate": _rate(now),
        "journal": dict(now.journal),
        "store": dict(now.store),
        "watchdog": now.stuck,
    }


def _failing(found: tuple[int, int, str] | None) -> dict[str, Any] | None:
    """How many customers failed more than once, the most often, and why; None if there are none."""
    if found is None:
        return None
    number, attempts, code = found
    return {"customers": number, "attempts": attempts, "code": next(iter(by_reason({code: 1})))}


@dataclass(frozen=True, slots=True)
class Standing:
    """How one of several targets stands; `sap` is its address."""

    name: str
    sap: str
    now: Snapshot
    client_id: str = ""


def document_of(targets: Sequence[Standing], unknown: Mapping[str, Counts]) -> dict[str, Any]:
    """The document of all targets; of one it is that one's own."""
    told = together(
        [(one.name, one.sap, {**document(one.now), "clientId": one.client_id}) for one in targets],
        unknown,
    )
    if len(targets) > 1:
        rates = {id(one.now.rate): one.now.rate.current for one in targets}  # one for each host
        told["rate"]["limitPerSecond"] = round(sum(rates.values()), 2)
    return told


def together(
    targets: Sequence[tuple[str, str, dict[str, Any]]], unknown: Mapping[str, Counts]
) -> dict[str, Any]:
    """One document of several, each with its target's name and address; the worst one's state.

    `unknown` are the customers of targets that the settings do not have. They are no part of the
    other figures: nobody sends them.
    """
    documents = [document for _, _, document in targets]
    told = {**documents[0], "sap": targets[0][1]}
    if len(documents) > 1:
        worst = max(documents, key=_gravity)
        told |= {name: worst[name] for name in ("state", "gate")}
        told |= {name: _sum(documents, name) for name in _SUMS if name in told}
        told |= {name: _greatest(documents, name) for name in _LARGEST if name in told}
        del told["sap"]
        told.pop("clientId", None)
        told["targets"] = [
            {"name": name, "sap": sap, **{key: one[key] for key in _OWN if key in one}}
            for name, sap, one in targets
        ]
    if unknown:
        told["unknownTargets"] = {
            name: {"customers": counts.total, "dead": counts.dead}
            for name, counts in sorted(unknown.items())
        }
    return told


def _gravity(one: Mapping[str, Any]) -> tuple[int, int]:
    gate = one["gate"]["state"]  # without a sidecar it is what the store says
    return _STATES.index(one["state"]), _GATES.index(gate) if gate in _GATES else 0


def _sum(documents: Sequence[Mapping[str, Any]], name: str) -> dict[str, Any]:
    """The numbers of a part that all have, added up; what is no number is the first one's."""
    total: dict[str, Any] = {}
    for one in documents:
        for key, value in one[name].items():
            if isinstance(value, Mapping):
                total[key] = dict(Counter(total.get(key, {})) + Counter(value))
            elif isinstance(value, bool):
                total[key] = total.get(key, False) or value
            elif key == "seconds":
                total[key] = value
            else:
                total[key] = round(total.get(key, 0) + value, 2)
    return total


def _greatest(documents: Sequence[Mapping[str, Any]], name: str) -> Any:
    return max((one[name] for one in documents if one[name] is not None), default=None)


def by_reason(codes: Mapping[str, int]) -> dict[str, int]:
    """Numbers by code as numbers by row of `outcome_table`.

    The rows are ours and few; a word of SAP's own could be anything, and there could be thousands.
    """
    told = Counter[str]()
    for code, number in codes.items():
        reason = find_reason(code)
        told["other" if reason is None else reason.code] += number
    return dict(told)


def iso(moment_us: int) -> str:
    """Microseconds since the epoch in ISO 8601, UTC, to the second.

    What a store holds may be any number: it is taken for the first or last second of the calendar.
    """
    seconds = min(max(moment_us // 1_000_000, _FIRST_S), _LAST_S)
    return (_EPOCH + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def _state(now: Snapshot) -> str:
    if now.stuck is not None:
        return "stuck"
    if now.store.get("held"):
        return "held"
    if now.paused_us is not None:
        return "paused"
    if now.shut is None:
        return "fine"
    return "paused" if now.shut.why in (Why.SETUP, Why.REJECTIONS) else "slowing"


def _gate(now: Snapshot) -> dict[str, Any]:
    shut = now.shut
    if now.paused_us is not None:
        text, advice = "paused by hand", "`frontdesk resume` ends it."
        since = iso(now.paused_us)
        return _gate_entry("hand", since, "", text, advice, None)
    if shut is None:
        return _gate_entry("open", None, "", "", "", None)
    since = iso(now.now_us - int((now.clock_s - shut.since) * 1e6))
    next_at = iso(now.now_us + int(max(0.0, shut.next_at - now.clock_s) * 1e6))
    text, advice = shut.text, shut.advice
    if shut.why is Why.REJECTIONS:
        text = text or MAPPING_TEXT
        # What was found here has its remedy already.
        ours = [] if shut.code.startswith("mapping") and advice else [_MAPPING_ADVICE]
        advice = " ".join(filter(None, [*ours, _DEAD_ADVICE if now.dead else "", advice]))
    return _gate_entry(str(shut.why), since, shut.code, text, advice, next_at)


def _gate_entry(
    state: str, since: str | None, code: str, text: str, advice: str, next_at: str | None
) -> dict[str, Any]:
    said = {"code": code, "text": text, "advice": advice}
    return {"state": state, "since": since, **said, "nextTryAt": next_at}


def _outcomes(recent: Recent) -> dict[str, Any]:
    kinds, codes = recent.totals()
    return {"seconds": SECONDS, **{str(kind): kinds[kind] for kind in Kind}, "codes": dict(codes)}


def _rate(now: Snapshot) -> dict[str, Any]:
    kinds, _ = now.recent.totals(_MINUTE_S)
    settled = kinds[Kind.DELIVERED] + kinds[Kind.UNCHANGED]
    return {
        "customersPerSecond": round(settled / _MINUTE_S, 2),
        "limitPerSecond": round(now.rate.current, 2),
        "concurrency": now.concurrency.limit,
        "concurrencyLimit": now.concurrency.most,
        "batching": now.batching,
    }
