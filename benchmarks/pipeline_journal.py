"""Fills a journal as web workers would have, with nobody reading it yet."""

from __future__ import annotations

import random
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
    desk = Desk(Capture(journal=str(journal), journal_limit_bytes=_LIMIT_BYTES))
    for number in customers:
        if not desk.note(_login(number)):
            raise RuntimeError(f"the journal took no more: {desk.statistics()}")
    desk.journal.close()
    return sum(segment.stat().st_size for segment in journal.iterdir())


def _login(number: int) -> Finding:
    first, last = f"Jane{number % 977}", f"Doe{number % 7919}"
    traits = {
        "email": f"shopper{number}@example.com",
        "firstName": first,
        "lastName": last,
        "name": f"{first} {last}",
    }
    return Finding(LOGGED_IN, str(number), traits, "POST /api/login")
