"""The parts of the screen, each as rows; empty where there is nothing to say. Pure.

What is shown was computed by the sidecar, for its dashboard.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeAlias

from frontdesk_sidecar.admin import facts
from frontdesk_sidecar.admin.facts import part
from frontdesk_sidecar.admin.figures import counted, size, span
from frontdesk_sidecar.admin.plain import columns
from frontdesk_sidecar.sap.outcome_table import find_reason
from frontdesk_sidecar.top.chart import bars, condensed, largest
from frontdesk_sidecar.top.rows import Pen, Row
from frontdesk_sidecar.top.scene import Scene

Document: TypeAlias = Mapping[str, Any]

#: Where the figures of a row begin.
_LABEL: Final = 11
#: From this width on the stations stand side by side, and the hour beside the minutes.
_ABREAST: Final = 64
_WIDE: Final = 110
_STATES: Final = {"ok": "good", "quiet": "warn", "slow": "warn", "stuck": "bad"}
#: What leads to a station, by its state: the line and its end.
_ARROWS: Final = {"ok": "─▶", "slow": "╌▶", "stuck": "─╳"}
#: Of the last minutes: the row's name, what of the charts is added up, and whether it is counted.
_ROWS: Final = (
    ("came in", ("messages",), True),
    ("delivered", ("delivered",), True),
    ("failed", ("throttled", "transient", "setup", "rejected"), True),
    ("waiting", ("pending",), False),
)


def away(scene: Scene, pen: Pen) -> list[Row]:
    """Why no sidecar answers."""
    rows = pen.paragraph(scene.away, "bad")
    if part(scene.snapshot, "stations") or scene.snapshot.get("stations"):
        return [*rows, pen.row("asking again; what follows is what it said last")]
    return [*rows, pen.row("asking again each moment")]


def said(found: Sequence[Document], pen: Pen, style: str) -> list[Row]:
    """What is the matter and what to do."""
    rows: list[Row] = []
    for one in found:
        rows += pen.paragraph(str(one["text"]), style)
        for note in one["notes"]:
            rows += pen.paragraph(f"  {note}", indent="      ")
    return rows


def stations(snapshot: Document, pen: Pen, now: datetime) -> list[Row]:
    """The way of a login, and where it is stuck."""
    found = [one for one in snapshot.get("stations") or () if isinstance(one, Mapping)]
    if not found:
        return []
    if pen.width < _ABREAST:
        return _below(found, pen, now)
    rows = _abreast(found, pen, now)
    for one in found:
        if one.get("why"):
            rows += pen.paragraph(f"{_name(one)} {_word(one)}: {one['why']}", _style(one))
    return rows


def _name(one: Document) -> str:
    return "SAP" if one["name"] == "sap" else str(one["name"])


def _word(one: Document) -> str:
    """Its state for people: a SAP that is down is not slow."""
    state = str(one.get("state", ""))
    return "look" if state == "slow" else state


def _style(one: Document) -> str:
    return _STATES.get(str(one.get("state")), "")


def _abreast(found: Sequence[Document], pen: Pen, now: datetime) -> list[Row]:
    """Side by side, with arrows."""
    width = pen.width // len(found)
    names = []
    for place, one in enumerate(found):
        arrow = _arrow(found[place + 1], width - len(_name(one)) - 2, pen) if place < 3 else ""
        names += [(_name(one), "strong"), (f" {arrow} ", "")]
    rows = [pen.row(*names)]
    lines = [_figures(one, now) for one in found]
    for number in range(max(map(len, lines))):
        cells = [line[number] if number < len(line) else "" for line in lines]
        rows.append(pen.row(*(pen.cell(cell, width - 1) + " " for cell in cells)))
    states = [(pen.cell(_word(one).upper(), width), _style(one)) for one in found]
    return [*rows, pen.row(*states)]


def _arrow(to: Document, width: int, pen: Pen) -> str:
    arrow = pen.clean(_ARROWS.get(str(to.get("state")), "─▶"))
    return arrow[0] * (width - 1) + arrow[1]


def _below(found: Sequence[Document], pen: Pen, now: datetime) -> list[Row]:
    """One below the other, for a narrow screen; no figure that would be cut off."""
    rows = []
    for one in found:
        lead = f"{_name(one):<9}", f"{_word(one).upper():<6}"
        first, *others = _figures(one, now)
        for other in others:
            longer = f"{first}, {other}"
            first = longer if len(longer) + sum(map(len, lead)) <= pen.width else first
        rows.append(pen.row((lead[0], "strong"), (lead[1], _style(one)), first))
    return rows


def _figures(one: Document, now: datetime) -> list[str]:
    """What is known of a station, the most telling first."""
    known, name = part(one, "facts"), one["name"]
    if name in ("captured", "sap"):
        told = [f"{one.get('minute', 0):,} last minute", f"{one.get('hour', 0):,} last hour"]
        return [*told, f"{known.get('clean', 0):,} up to date"] if name == "sap" else told
    if name == "journal":
        return [f"{size(known.get('lagBytes', 0))} unread", *_last_line(known, now)]
    oldest = known.get("oldest") or 0
    waits = [f"oldest {span(oldest)}"] if known.get("pending") else []
    return [f"{known.get('pending', 0):,} waiting", *waits, size(known.get("bytes", 0))]


def _last_line(known: Document, now: datetime) -> list[str]:
    """How long ago a web process wrote something."""
    last = known.get("lastLineAt")
    if not isinstance(last, str):
        return []
    return [f"heard {span((now - datetime.fromisoformat(last)).total_seconds())} ago"]


def activity(charts: Document, pen: Pen) -> list[Row]:
    """The last minutes as bars, beside them the last hour if there is room."""
    minutes, hour = part(charts, "minutes"), part(charts, "hour")
    if not minutes:
        return []
    parts = [("last 5 min", minutes)] + ([("last hour", hour)] if pen.width >= _WIDE else [])
    each = (pen.width - _LABEL) // len(parts)
    rows = [pen.row(" " * _LABEL, *((pen.cell(title, each), "faint") for title, _ in parts))]
    for label, names, counts in _ROWS:
        style = "bad" if label == "failed" else ""
        cells = [_cell(_series(chart, names), each, pen, counts=counts) for _, chart in parts]
        rows.append(pen.row(f"{label:<{_LABEL}}", *((one, style) for one in cells)))
    return rows


def _series(chart: Document, names: Sequence[str]) -> list[float | None]:
    """The series of these names added up; None where nothing is known."""
    found = [chart.get(name) or () for name in names]
    return [
        None if all(one is None for one in values) else sum(one or 0 for one in values)
        for values in zip(*found, strict=False)
    ]


def _cell(values: Sequence[float | None], width: int, pen: Pen, *, counts: bool) -> str:
    """Bars and the number they come to, in so many columns."""
    known = [one for one in values if one is not None]
    if counts:
        number = f" {sum(known):,.0f}"
    else:
        number = f" {known[-1]:,.0f}, most {largest(known):,.0f}" if known else ""
    room = max(0, width - max(len(number), 12) - 1)
    drawn = bars(condensed(values, room, summed=counts), room, ascii_only=pen.ascii_only)
    return pen.cell(drawn + number, width)


def latency(snapshot: Document, pen: Pen) -> list[Row]:
    """How long it took from the login to SAP."""
    found = part(snapshot, "latency")
    rows: list[Row] = []
    told_of = 0
    for name, title in (("minutes5", "last 5 min"), ("hour", "last hour"), ("day", "last day")):
        one = part(found, name)
        if one.get("count", 0) > told_of:  # else it is the same once more
            told_of = one["count"]
            told = "  ".join(f"p{share} {_short(one.get(f'p{share}'))}" for share in (50, 95, 99))
            lead = "latency" if not rows else ""
            rows.append(pen.row(f"{lead:<{_LABEL}}{title:<11}{told}  of {one['count']:,}"))
    return rows


def _short(seconds: object) -> str:
    if not isinstance(seconds, int | float):
        return "-"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 10 else span(seconds)


def pace(status: Document, pen: Pen) -> list[Row]:
    """What came of the attempts, and how fast it goes."""
    return [
        row
        for label, text in facts.pace(status)
        for row in pen.paragraph(f"{label:<{_LABEL}}{text}", indent=" " * min(_LABEL, 4))
    ]


def dead(status: Document, pen: Pen) -> list[Row]:
    """Dead letters by reason, the most frequent first."""
    found = part(status, "dead")
    if not found:
        return []
    rows = [pen.row((counted(sum(found.values()), "dead letter"), "warn"), ", by reason:")]
    for code, number in sorted(found.items(), key=lambda one: (-one[1], one[0])):
        reason = find_reason(code)
        means = f"  {reason.means}" if reason else ""
        rows.append(pen.row(f"{number:>8,}  {code}", (means, "faint")))
    return rows


def targets(status: Document, pen: Pen) -> list[Row]:
    """A row for each target, where there are several."""
    found = [one for one in status.get("targets") or () if "name" in one]
    if not found:
        return []
    width = min(
        max(len("target"), *(columns(pen.clean(one["name"])) for one in found)), pen.width // 3
    )
    shown = 2 if pen.width < _ABREAST else 4  # of the figures; no column is cut in two
    titles = (f"{'waiting':>9}", f"{'dead':>8}", f"{'in SAP':>12}", f"{'per second':>12}")
    head = f"{pen.cell('target', width)}  {'state':<8}{''.join(titles[:shown])}"
    return [pen.row((head, "faint")), *(_target(one, width, shown, pen) for one in found)]


def _target(one: Document, width: int, shown: int, pen: Pen) -> Row:
    customers, state = part(one, "customers"), str(one.get("state", ""))
    waiting = customers.get("pending", 0) + customers.get("leased", 0)
    rate = part(one, "rate").get("customersPerSecond", 0)
    figures = (
        f"{waiting:>9,}",
        f"{customers.get('dead', 0):>8,}",
        f"{customers.get('clean', 0):>12,}",
        f"{rate:>12g}",
    )
    style = {"fine": "good", "slowing": "warn"}.get(state, "bad")
    name = pen.cell(one["name"], width) + "  "
    return pen.row(name, (pen.cell(state, 8), style), "".join(figures[:shown]))
