"""Fills a journal as web workers would have, with nobody reading it yet."""

from __future__ import annotations

import random
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from benchmarks.pipeline_types import Workload
from frontdesk.desk import Desk
from frontdesk.event import LOGGED_IN
from frontdesk.rules import Finding
from frontdesk.settings import Capture

_LIMIT_BYTES: Final = 2 * 1024**3  # the usual limit is less than a whole workload


def fill(journal: Path, workload: Workload, seed: int) -> int:
    """Write the messages through frontdesk's own desk; how many bytes they take."""
    customers = [number % workload.customers for number in range(workload.messages)]
    random.Random(seed).shuffle(customers)
    return write(journal, (login(number) for number in customers))


def write(journal: Path, logins: Iterable[Finding]) -> int:
    """Write these logins; how many bytes the journal has then."""
    desk = new_desk(journal)
    for one in logins:
        if not desk.note(one):
            raise RuntimeError(f"the journal took no more: {desk.statistics()}")
    desk.journal.close()
    return sum(segment.stat().st_size for segment in journal.iterdir())


def new_desk(journal: Path) -> Desk:
    """What web workers write with."""
    return Desk(Capture(journal=str(journal), journal_limit_bytes=_LIMIT_BYTES))


def arrive(staged: Path, journal: Path) -> None:
    """Move finished segments into a journal on the same file system, all at once nearly."""
    for segment in sorted(staged.iterdir()):
        segment.rename(journal / segment.name)


def login(number: int, version: int = 0) -> Finding:
    """A login of a customer; a version of its own changes the name."""
    traits = traits_of(number, version)
    return Finding(LOGGED_IN, str(number), traits, "POST /api/login")


def traits_of(number: int, version: int = 0) -> dict[str, object]:
    """What a shop tells of a customer."""
    first, last = f"Jane{number % 977}", f"Doe{(number + version) % 7919}"
    return {
        "email": f"shopper{number}@example.com",
        "firstName": first,
        "lastName": last,
        "name": f"{first} {last}",
    }
