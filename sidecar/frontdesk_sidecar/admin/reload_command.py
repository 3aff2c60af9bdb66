"""`frontdesk reload`: have a running sidecar read its settings anew."""

from __future__ import annotations

from frontdesk_sidecar.admin.command import FAILED, OK
from frontdesk_sidecar.admin.desk import Desk
from frontdesk_sidecar.admin.terminal import Terminal


def reload(desk: Desk, terminal: Terminal) -> int:
    """Say what changed, or every problem: then nothing did."""
    told = desk.call("reload")
    if not told["applied"]:
        terminal.complain("refused, nothing changed:")
        for problem in told["problems"]:
            terminal.complain(problem)
        return FAILED
    changed = ", ".join(told["changed"])
    terminal.say([f"reloaded; changed: {changed}" if changed else "reloaded; no setting changed"])
    return OK
