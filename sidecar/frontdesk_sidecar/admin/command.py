"""`frontdesk status`, `pause`, `resume` and `forget`. Each gives the exit code."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from frontdesk_sidecar.admin.client import NotHere, Refused
from frontdesk_sidecar.admin.desk import Desk
from frontdesk_sidecar.admin.figures import counted
from frontdesk_sidecar.admin.reach import Reach
from frontdesk_sidecar.admin.screen import NO_SIDECAR, exit_code, mood, status_lines
from frontdesk_sidecar.admin.terminal import Terminal

OK: Final = 0
FAILED: Final = 1
USAGE: Final = 2
_WATCH_S: Final = 1.0
#: A store that is opened too often might be in the way of a sidecar that starts.
_WATCH_OFFLINE_S: Final = 5.0


def run(reach: Reach, command: Callable[[Desk, Terminal], int]) -> int:
    """Run one command; says why when it was refused, and what else is wrong."""
    terminal = Terminal()
    code = _run(reach, command, terminal)
    if reach.refused:
        problems = "; ".join(reach.refused)
        terminal.note(f"these settings would be refused at the next start: {problems}")
        if not reach.names_a_file:
            terminal.note("a file is named by --config, or by FRONTDESK_CONFIG")
    return code


def _run(reach: Reach, command: Callable[[Desk, Terminal], int], terminal: Terminal) -> int:
    try:
        return command(Desk(reach), terminal)
    except Refused as error:
        terminal.complain(str(error))
        return FAILED
    except BrokenPipeError:  # `| head` has enough
        terminal.hang_up()
        return FAILED


def status(
    desk: Desk, terminal: Terminal, *, as_json: bool, watch: bool, telling: bool = False
) -> int:
    """How things stand, once or until Ctrl-C; once and `telling`, by the exit code too."""
    if not watch:
        try:
            document = desk.call("status")
        except NotHere as error:
            terminal.complain(str(error))
            return NO_SIDECAR if telling else FAILED
        _tell_status(document, terminal, as_json=as_json, redraw=False)
        return exit_code(document) if telling else OK
    try:
        while True:
            time.sleep(_look(desk, terminal, as_json=as_json))
    except KeyboardInterrupt:
        return OK


def _look(desk: Desk, terminal: Terminal, *, as_json: bool) -> float:
    """Show it once more; how long to wait then. Whoever watches sees a restart through."""
    try:
        document = desk.call("status")
    except Refused as error:
        if as_json or not terminal.is_screen:
            terminal.complain(str(error))
        else:
            terminal.redraw([str(error)], mood="bad")
        return _WATCH_S
    _tell_status(document, terminal, as_json=as_json, redraw=terminal.is_screen)
    return _WATCH_S if document.get("running") else _WATCH_OFFLINE_S


def _tell_status(
    document: dict[str, Any], terminal: Terminal, *, as_json: bool, redraw: bool
) -> None:
    if as_json:
        terminal.data(document)
        return
    lines = status_lines(document, datetime.now().astimezone())
    if redraw:
        terminal.redraw(lines, mood=mood(document))
    else:
        terminal.say(lines, mood=mood(document))


def pause(desk: Desk, terminal: Terminal, *, target: str | None = None) -> int:
    """Send nothing to a target, or to any, until `resume`."""
    told = desk.call("pause", target=target)
    of, again = ("", "") if target is None else (f" to {target}", f" --target {target}")
    lines = [f"paused: nothing is sent{of} until frontdesk resume{again}; what comes in is kept"]
    terminal.say([*lines, *_when_stopped(told, "it will start paused")])
    return OK


def resume(desk: Desk, terminal: Terminal, *, target: str | None = None) -> int:
    """Send again."""
    told = desk.call("resume", target=target)
    resumed = told.get("resumed", [])
    lines = [_resumed(one, name=len(resumed) > 1) for one in resumed] or ["resumed"]
    if told.get("running") is False:
        lines = ["resumed: the pause by hand is over"]
    terminal.say([*lines, *_when_stopped(told, "it sends when it is started")])
    return OK


def _resumed(one: dict[str, Any], *, name: bool) -> str:
    """What it means for a target; `name` it where there are several."""
    over = "the pause by hand is over" if one["byHand"] else "it was not paused by hand"
    gate, quiet = one["gate"], one["quietUntil"]
    why = f"{gate}, {one['code']}" if one["code"] else gate
    if gate == "open":
        then = "what is due is sent"
    elif quiet is not None:
        until = datetime.fromisoformat(quiet).astimezone()
        then = f"SAP asked for silence until {until:%H:%M:%S}, which resume does not shorten"
    else:
        then = (
            f"the first customer due is tried now, and the others are sent if SAP takes it ({why})"
        )
    return (f"{one['target']}: " if name else "resumed: ") + f"{over}; {then}"


def _when_stopped(told: dict[str, Any], what: str) -> list[str]:
    return [f"the sidecar does not run; {what}"] if told.get("running") is False else []


def forget(desk: Desk, terminal: Terminal, *, email: str, yes: bool) -> int:
    """Delete a customer everywhere, and say what cannot be reached."""
    question = "delete everything known of this customer, for good?"
    refused = unless_confirmed(terminal, question, yes=yes)
    if refused is not None:
        return refused
    told = desk.call("forget", key=email)
    if told["forgotten"]:
        terminal.say(["forgotten: the store holds nothing of this customer any more"])
    else:
        terminal.complain("the store holds nothing of this customer")
    for warning in _left(told):
        terminal.complain(warning)
    return OK if told["forgotten"] else FAILED


def _left(told: dict[str, Any]) -> list[str]:
    """What may hold the customer still."""
    warnings = []
    if told["segments"]:
        still = f"{counted(told['segments'], 'segment')} of the journal still name this customer"
        warnings.append(
            f"{still}: what of it was not read yet comes in when the sidecar starts; start it and"
            " forget again"
            if told.get("running") is False
            else f"{still}; they were read and are deleted once their web processes let go of them"
        )
    warnings += [
        f"{path} was set aside as damaged and may hold this customer; delete it when it is not"
        " needed"
        for path in told["damagedFiles"]
    ]
    return warnings


def unless_confirmed(terminal: Terminal, question: str, *, yes: bool) -> int | None:
    """The exit code with which to end, or None to go on."""
    if yes:
        return None
    if not terminal.can_ask:
        terminal.complain("there is no terminal to ask at: add --yes")
        return USAGE
    if terminal.confirmed(question):
        return None
    terminal.complain("nothing was deleted")
    return FAILED
