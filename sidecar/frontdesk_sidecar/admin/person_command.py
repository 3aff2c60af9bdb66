"""`frontdesk show`. Gives the exit code."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from frontdesk_sidecar.admin.command import FAILED, OK
from frontdesk_sidecar.admin.desk import Desk
from frontdesk_sidecar.admin.person import person_lines
from frontdesk_sidecar.admin.terminal import Terminal


def show(desk: Desk, terminal: Terminal, *, who: str, reveal: bool, as_json: bool) -> int:
    """Everything about a customer; `who` is the address, the user id, or `-`: it is typed in."""
    who = terminal.line() if who == "-" else who
    # First: what comes into the store meanwhile is then not in neither of them.
    status = desk.call("status")
    found = _found(desk, who.strip(), reveal=reveal)
    if as_json:
        journal = {name: status["journal"].get(name) for name in ("lagBytes", "unseen")}
        terminal.data({"customers": found, "journal": journal, "running": status["running"]})
        return OK if found else FAILED
    lines = person_lines(found, status, datetime.now().astimezone())
    masked = bool(found) and not reveal
    terminal.say([*lines, "", "values are masked; --reveal shows them"] if masked else lines)
    return OK if found else FAILED


def _found(desk: Desk, who: str, *, reveal: bool) -> list[dict[str, Any]]:
    if "@" in who:
        return list(desk.call("customer.show", key=who, reveal=reveal)["customers"])
    found: dict[int, dict[str, Any]] = {}  # one address at several targets is found for each
    after: int | None = None
    while True:
        page = desk.call("customer.find", userId=who, after=after)
        for number in page["ids"]:
            if number not in found:
                rows = desk.call("customer.show", id=number, reveal=reveal)["customers"]
                found |= {row["id"]: row for row in rows}
        after = page["after"]
        if after is None:
            return list(found.values())
