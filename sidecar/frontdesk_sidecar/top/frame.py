"""A scene as the rows of a screen of any size: where room is short, what matters most. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias

from frontdesk_sidecar.admin.facts import part
from frontdesk_sidecar.admin.figures import span
from frontdesk_sidecar.admin.letters import dead_lines
from frontdesk_sidecar.admin.screen import mood
from frontdesk_sidecar.dashboard.view import headlines
from frontdesk_sidecar.top import blocks
from frontdesk_sidecar.top.rows import Pen, Row
from frontdesk_sidecar.top.scene import QUESTIONS, Scene

Document: TypeAlias = Mapping[str, Any]

STYLES: Final = {"fine": "good", "attention": "warn", "bad": "bad"}
_WORDS: Final = {"fine": "FINE", "attention": "ATTENTION", "bad": "ACT NOW"}
_KEYS: Final = "q quit  p pause  r resume  d dead letters  ? help"
_HANGING: Final = 12
#: What begins here in a list of dead letters goes on below itself.
_PROSE: Final = 10
_FEW_KEYS: Final = "q quit  ? help"
_HELP: Final = (
    "A login is captured, written into the journal, taken into the store, sent to SAP.",
    "A broken arrow is where it is stuck; the first lines say what to do.",
    "",
    "came in     messages of web processes and of HTTP that were taken into the store",
    "delivered   customers that SAP took",
    "failed      attempts that SAP did not take, for whatever reason",
    "waiting     customers that are known and not in SAP yet",
    "latency     from the login to SAP; of half, of 95 and of 99 of 100 customers",
    "",
    "p           pause: nothing is sent, what comes in is kept (asks before)",
    "r           resume: end that, and try at once whatever stands in the way (asks before)",
    "d           the dead letters, masked: customers that SAP refuses",
    "up, down    scroll",
    "q, Ctrl-C   quit",
    "",
    "One target alone: frontdesk pause --target NAME",
    "One customer: frontdesk show EMAIL",
)


@dataclass(frozen=True, slots=True)
class Size:
    """Of a terminal; `rows` is None where a frame may be as long as it is."""

    columns: int
    rows: int | None = None


@dataclass(frozen=True, slots=True)
class _Block:
    """Rows that belong together, how much they matter (0 is most), and how many say anything."""

    rank: int
    rows: Sequence[Row]
    least: int = 1


def frame(scene: Scene, size: Size, now: datetime, *, ascii_only: bool = False) -> list[Row]:
    """The rows, none wider than the screen and never more than it has; `now` is aware."""
    pen = Pen(size.columns, ascii_only=ascii_only)
    head, foot = _head(scene, pen, now), _foot(scene, pen, has_keys=size.rows is not None)
    room = None if size.rows is None else max(0, size.rows - len(head) - len(foot))
    match scene.page:
        case "dead":
            body = _scrolled(_letters(scene, pen), scene, room)
        case "help":
            body = _scrolled(_help(pen), scene, room)
        case _:
            body = _fitted(_blocks(scene, pen, now, room), room)
    if room is not None:
        body += [()] * (room - len(body))
    rows = [*head, *body, *foot]
    return rows if size.rows is None else rows[: size.rows]


def _head(scene: Scene, pen: Pen, now: datetime) -> list[Row]:
    status = part(scene.snapshot, "status")
    clock = f"{now:%H:%M:%S %Z}".rstrip()
    if not scene.is_heard:
        since = "" if scene.since is None else f" for {span((now - scene.since).total_seconds())}"
        word, style = f"NO SIDECAR{since}", "bad"
    elif not status:
        word, style = "", ""
    else:
        how = mood(status)
        word, style = _WORDS[how], STYLES[how]
    return [pen.ends([("frontdesk  ", "strong"), (word, style)], clock)]


def _foot(scene: Scene, pen: Pen, *, has_keys: bool) -> list[Row]:
    if not has_keys:
        return []
    if scene.question:
        return [pen.row((f"[y/N] {QUESTIONS[scene.question]}", "warn"))]
    if scene.note:
        return [pen.row((scene.note, "strong"))]
    if scene.page != "ways":
        return [pen.row(("q back  up, down scroll", "faint"))]
    return [pen.row((_KEYS if pen.width >= len(_KEYS) else _FEW_KEYS, "faint"))]


def _blocks(scene: Scene, pen: Pen, now: datetime, room: int | None) -> list[_Block]:
    status = part(scene.snapshot, "status")
    found = []
    if not scene.is_heard:
        found.append(_Block(0, blocks.away(scene, pen)))
    if not status:
        return found
    style = STYLES[mood(status)]
    said = blocks.said(_headlines(scene.snapshot, now), pen, style)
    # However much is the matter, where it is stuck is to be seen too.
    most = len(said) if room is None or len(said) <= 3 else max(2, room * 2 // 5)
    found += [
        _Block(1, said[:most]),
        _Block(2, blocks.stations(scene.snapshot, pen, now)),
        _Block(3, blocks.targets(status, pen), 2),
        _Block(5, blocks.activity(scene.charts, pen), 3),
        _Block(6, blocks.latency(scene.snapshot, pen)),
        _Block(7, blocks.pace(status, pen)),
        _Block(4, blocks.dead(status, pen), 2),
    ]
    return found


def _headlines(snapshot: Document, now: datetime) -> list[Document]:
    """Those of the dashboard, told in the zone and at the time of whoever looks."""
    ours: list[Document] = [*headlines(part(snapshot, "status"), now, 1)]
    return ours + list(snapshot.get("headlines") or ())[len(ours) :]


def _fitted(found: Sequence[_Block], room: int | None) -> list[Row]:
    """The blocks one below the other; where there is no room for all, those that matter most."""
    kept: dict[int, Sequence[Row]] = {}
    left = room
    for place in sorted(range(len(found)), key=lambda place: found[place].rank):
        rows = found[place].rows if left is None else found[place].rows[:left]
        if len(rows) >= found[place].least:
            kept[place] = rows
            left = None if left is None else left - len(rows)
    gaps = len(kept) if left is None else left
    body: list[Row] = []
    for place in sorted(kept):
        if body and gaps > 0:
            body.append(())
            gaps -= 1
        body += kept[place]
    return body


def _help(pen: Pen) -> list[Row]:
    return [
        row
        for line in _HELP
        for row in pen.paragraph(line, indent=" " * (_HANGING if "   " in line else 0))
    ]


def _letters(scene: Scene, pen: Pen) -> list[Row]:
    if scene.dead is None:
        return [pen.row("asking ...")]
    rows: list[Row] = []
    for line in dead_lines(scene.dead):
        is_prose = not line[:_PROSE].strip()
        rows += pen.paragraph(line, indent=" " * _PROSE) if is_prose else [pen.row(line)]
    return rows


def _scrolled(rows: Sequence[Row], scene: Scene, room: int | None) -> list[Row]:
    if room is None:
        return list(rows)
    start = min(scene.scroll, max(0, len(rows) - room))
    return list(rows[start : start + room])
