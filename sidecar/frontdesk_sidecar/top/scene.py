"""What was heard, which page is looked at, and what a key means. Pure.

`heard` takes in what the feed tells, `pressed` a key; both change the scene. What a key asks of
others is given back as a `Wish`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypeAlias

from frontdesk_sidecar.admin.facts import part

Document: TypeAlias = Mapping[str, Any]

#: So many dead letters are fetched for the list.
LETTERS: Final = 200
_BACK: Final = ("escape", "q", "d", "?", "enter")
_STEPS: Final = {"up": -1, "k": -1, "down": 1, "j": 1, "page up": -10, "page down": 10, " ": 10}
QUESTIONS: Final = {
    "pause": "pause: nothing is sent until resume, what comes in is kept. Sure?",
    "resume": "resume: end the pause by hand, and try at once. Sure?",
}
_DONE: Final = {
    "pause": "paused; r resumes",
    "resume": "resumed",
}


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asked for: `quit`, or an operation of the sidecar with its arguments."""

    operation: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Scene:
    """`away` says why no sidecar answers, `since` when that began; `snapshot` is what was told
    last. `page` is `ways`, `dead` or `help`."""

    snapshot: Document = field(default_factory=dict)
    charts: Document = field(default_factory=dict)
    away: str = "asking for a sidecar"
    since: datetime | None = None
    page: str = "ways"
    question: str = ""
    note: str = ""
    dead: Document | None = None
    scroll: int = 0

    @property
    def is_heard(self) -> bool:
        """Whether a sidecar answers now."""
        return not self.away


def heard(scene: Scene, name: str, document: Document, now: datetime) -> None:
    """Take in one event: of the dashboard's stream, or one that `feed` makes."""
    match name:
        case "snapshot":
            error = document.get("error")
            scene.snapshot = scene.snapshot if error else document
            scene.away, scene.since = (str(error), scene.since or now) if error else ("", None)
        case "charts":
            scene.charts = document
        case "away":
            scene.away, scene.since = str(document.get("why", "")), scene.since or now
            if part(document, "status"):  # what the store says; the charts are of another time
                scene.snapshot, scene.charts = {"status": document["status"]}, {}
        case "dead.list":
            scene.dead = document
        case "refused":
            scene.note = f"not done: {document.get('why', '')}"
        case "pause" | "resume":
            scene.note = _DONE[name]


def pressed(scene: Scene, key: str) -> Wish | None:
    """What a key does, and what it asks for."""
    scene.note = ""
    if key == "end":  # of the input: nobody is there any more
        return Wish("quit")
    if scene.question:
        operation, scene.question = scene.question, ""
        return Wish(operation) if key in ("y", "Y") else None
    if scene.page != "ways":
        return _pressed_aside(scene, key)
    if key == "q":
        return Wish("quit")
    if key in ("?", "h"):
        scene.page = "help"
    elif key in ("p", "r", "d") and not scene.is_heard:
        scene.note = "no sidecar answers; nothing can be asked of it"
    elif key in ("p", "r"):
        scene.question = {"p": "pause", "r": "resume"}[key]
    elif key == "d":
        scene.page, scene.scroll, scene.dead = "dead", 0, None
        return Wish("dead.list", {"limit": LETTERS})
    return None


def _pressed_aside(scene: Scene, key: str) -> Wish | None:
    """On another page than the first."""
    if key in _BACK:
        scene.page, scene.dead = "ways", None
    elif key in _STEPS:
        scene.scroll = max(0, scene.scroll + _STEPS[key])
    return None
