"""`frontdesk dead list|show|retry|discard|export`. Each gives the exit code."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from frontdesk_sidecar.admin.client import Refused
from frontdesk_sidecar.admin.command import OK, unless_confirmed
from frontdesk_sidecar.admin.desk import Desk
from frontdesk_sidecar.admin.figures import counted
from frontdesk_sidecar.admin.letters import dead_lines, letter_lines
from frontdesk_sidecar.admin.terminal import Terminal, as_line

#: So many letters of an export come at once.
_PAGE = 500


@dataclass(frozen=True, slots=True, repr=False)
class Chosen:
    """Which dead letters are meant: at most one of the first three, of one target or of all."""

    key: str | None = None
    reason: str | None = None
    all: bool = False
    target: str | None = None


def listing(
    desk: Desk,
    terminal: Terminal,
    *,
    reason: str | None,
    limit: int,
    as_json: bool,
    target: str | None = None,
) -> int:
    """The latest, and how many of each reason."""
    result = desk.call("dead.list", reason=reason, limit=limit, target=target)
    if as_json:
        terminal.data(result)
    else:
        terminal.say(dead_lines(result, by_target=desk.has_several, reason=reason))
    return OK


def show(
    desk: Desk,
    terminal: Terminal,
    *,
    key: str,
    reveal: bool,
    as_json: bool,
    target: str | None = None,
) -> int:
    """One with its last tries."""
    letter = desk.call("dead.show", key=key, reveal=reveal, target=target)
    if as_json:
        terminal.data(letter)
        return OK
    lines = letter_lines(letter)
    terminal.say(lines if reveal else [*lines, "values are masked; --reveal shows them"])
    return OK


def retry(desk: Desk, terminal: Terminal, chosen: Chosen) -> int:
    """Send them again."""
    told = desk.call("dead.retry", **asdict(chosen))
    letters = counted(told["retried"], "dead letter")
    stopped = told.get("running") is False
    when = (
        "when the sidecar is started" if stopped else "at once or forward.rest_s after the last try"
    )
    terminal.say([f"{letters} to be sent again, {when}" if told["retried"] else _none(chosen)])
    return OK


def discard(desk: Desk, terminal: Terminal, chosen: Chosen, *, yes: bool) -> int:
    """Delete them for good."""
    question = "" if yes or not terminal.can_ask else _question(desk, chosen)
    refused = unless_confirmed(terminal, question, yes=yes)
    if refused is not None:
        return refused
    discarded, more = 0, True
    while more:
        told = desk.call("dead.discard", **asdict(chosen))
        discarded, more = discarded + told["discarded"], told["more"]
    letters = counted(discarded, "dead letter")
    terminal.say([f"{letters} discarded" if discarded else _none(chosen)])
    return OK


def _question(desk: Desk, chosen: Chosen) -> str:
    if chosen.key is not None:
        letter = desk.call("dead.show", key=chosen.key, target=chosen.target)
        what = f"dead letter {letter['id']} ({letter['customer']}, {letter['code']})"
    else:
        found = desk.call("dead.list", reason=chosen.reason, target=chosen.target, limit=1)
        what = counted(found["total"], "dead letter")
    return f"discard {what} with all that is known of the customer, for good?"


def _none(chosen: Chosen) -> str:
    of = " of this reason" if chosen.reason else ""
    return f"there are no dead letters{of}" + (f" of {chosen.target}" if chosen.target else "")


def export(
    desk: Desk,
    terminal: Terminal,
    *,
    reason: str | None,
    reveal: bool,
    output: Path | None,
    target: str | None = None,
) -> int:
    """One JSON object a line; `output` is a new file that only its owner can read."""
    which = {"reason": reason, "target": target}
    if output is None:
        _export(desk, terminal.data, which, reveal=reveal)
        return OK
    try:
        with _new_file(output) as write:
            number = _export(desk, write, which, reveal=reveal)
    except OSError as error:
        raise Refused(f"{output}: {error.strerror or 'cannot be written'}") from None
    terminal.say([f"{counted(number, 'dead letter')} in {output}"])
    return OK


@contextlib.contextmanager
def _new_file(path: Path) -> Iterator[Callable[[object], object]]:
    """Writes documents to a new file, 0600 whatever the umask; leaves nothing that is not whole."""
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            yield lambda document: file.write(as_line(document))
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _export(
    desk: Desk,
    write: Callable[[object], object],
    which: dict[str, str | None],
    *,
    reveal: bool,
) -> int:
    """Write page after page; how many letters."""
    number, after = 0, None
    while True:
        page = desk.call("dead.export", **which, reveal=reveal, limit=_PAGE, after=after)
        for letter in page["letters"]:
            write(letter)
        number, after = number + len(page["letters"]), page["next"]
        if after is None:
            return number
