"""`frontdesk top`: live on a terminal, as plain frames elsewhere. Gives the exit code."""

from __future__ import annotations

import signal
import time
from datetime import datetime
from typing import Final

from frontdesk_sidecar.admin.client import NotHere
from frontdesk_sidecar.admin.desk import Desk
from frontdesk_sidecar.admin.screen import FINE, NO_SIDECAR
from frontdesk_sidecar.admin.terminal import Terminal
from frontdesk_sidecar.top.console import Console, Ended, is_ascii, is_dumb, wants_colour
from frontdesk_sidecar.top.feed import Feed
from frontdesk_sidecar.top.frame import Size, frame
from frontdesk_sidecar.top.rows import plain
from frontdesk_sidecar.top.scene import Scene, heard, pressed

#: The clock and the times since go on when nothing is heard.
_TICK_S: Final = 1.0
#: What a shell says of a process that a signal ended.
_BY_SIGNAL: Final = 128


def top(desk: Desk, terminal: Terminal, *, once: bool, each_s: float, ascii_only: bool) -> int:
    """Until somebody quits; plain frames where there is no terminal to draw on."""
    ascii_only = ascii_only or is_ascii()
    if once:
        return _once(desk, terminal, ascii_only=ascii_only)
    if terminal.is_screen and not is_dumb():
        return _live(desk, ascii_only=ascii_only)
    return _frames(desk, terminal, each_s, ascii_only=ascii_only)


def _now() -> datetime:
    return datetime.now().astimezone()


def _live(desk: Desk, *, ascii_only: bool) -> int:
    scene, console = Scene(), Console(colour=wants_colour())
    feed = Feed(desk, console.wake)
    try:
        with console:
            feed.start()
            while _turn(scene, console, feed, ascii_only=ascii_only):
                pass
    except Ended as ended:
        return FINE if ended.number == signal.SIGINT else _BY_SIGNAL + ended.number
    return FINE


def _turn(scene: Scene, console: Console, feed: Feed, *, ascii_only: bool) -> bool:
    """Show how things stand, then wait for news or keys; False when somebody quits."""
    size = console.size
    console.draw(frame(scene, size, _now(), ascii_only=ascii_only), size)
    typed = console.wait(_TICK_S)
    for name, document in feed.heard():
        heard(scene, name, document, _now())
    for key in typed:
        wish = pressed(scene, key)
        if wish is not None and wish.operation == "quit":
            return False
        if wish is not None:
            feed.ask(wish)
    return True


def _once(desk: Desk, terminal: Terminal, *, ascii_only: bool) -> int:
    scene = Scene()
    try:
        for name, document in desk.events():
            heard(scene, name, document, _now())
            if not scene.is_heard or (scene.snapshot and scene.charts):
                break
    except NotHere as error:
        heard(scene, "away", {"why": str(error)}, _now())
    _say(scene, terminal, ascii_only=ascii_only)
    return FINE if scene.is_heard else NO_SIDECAR


def _frames(desk: Desk, terminal: Terminal, each_s: float, *, ascii_only: bool) -> int:
    scene, feed = Scene(), Feed(desk)
    feed.start()
    try:
        while True:
            until = time.monotonic() + each_s
            while (left_s := until - time.monotonic()) > 0:
                for name, document in feed.heard(left_s):
                    heard(scene, name, document, _now())
            _say(scene, terminal, ascii_only=ascii_only)
            terminal.say([""])
    except KeyboardInterrupt:
        return FINE


def _say(scene: Scene, terminal: Terminal, *, ascii_only: bool) -> None:
    rows = frame(scene, Size(terminal.columns), _now(), ascii_only=ascii_only)
    terminal.say([plain(row) for row in rows])
