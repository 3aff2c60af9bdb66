"""`frontdesk target drop|move`: customers of a target that is no longer in the settings."""

from __future__ import annotations

from frontdesk_sidecar.admin.command import FAILED, OK, unless_confirmed
from frontdesk_sidecar.admin.desk import Desk
from frontdesk_sidecar.admin.figures import counted
from frontdesk_sidecar.admin.terminal import Terminal


def drop(desk: Desk, terminal: Terminal, *, target: str, yes: bool) -> int:
    """Delete all that is known of them for that target."""
    question = f"delete all customers of the target {target}, also those not sent yet, for good?"
    refused = unless_confirmed(terminal, question, yes=yes)
    if refused is not None:
        return refused
    number = _repeat(desk, "target.drop", "dropped", target=target)
    return _say(terminal, target, number, "deleted")


def move(desk: Desk, terminal: Terminal, *, target: str, to: str) -> int:
    """Have them sent to another one."""
    number = _repeat(desk, "target.move", "moved", target=target, to=to)
    return _say(terminal, target, number, f"moved to {to}")


def _repeat(desk: Desk, operation: str, told_as: str, **arguments: str) -> int:
    """Some at a time, until there are no more; how many."""
    number, more = 0, True
    while more:
        told = desk.call(operation, **arguments)
        number, more = number + told[told_as], told["more"]
    return number


def _say(terminal: Terminal, target: str, number: int, done: str) -> int:
    if not number:
        terminal.complain(f"there are no customers of a target {target}")
        return FAILED
    terminal.say([f"{counted(number, 'customer')} of {target} {done}"])
    return OK
