"""Logins settled per second when nine of ten change nothing: from the journal to done."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from threading import Thread
from typing import Any, Final

from benchmarks.measure import cpu_ns, spread
from benchmarks.pipeline_journal import arrive, login, new_desk, write
from benchmarks.pipeline_parts import (
    Reading,
    Sidecar,
    requests_at,
    sidecar,
    simulator,
    unused_address,
)
from benchmarks.pipeline_places import Place, place
from benchmarks.pipeline_types import Plan
from benchmarks.table import bullets, table
from frontdesk.rules import Finding
from frontdesk_sidecar.forward.pace import Pace

AIM: Final = 2000
_WITHIN_S: Final = 900.0
#: of ten logins one changes something: every second of these is a new customer
_CHANGED_EVERY: Final = 10
_OUTCOMES: Final = ("delivered", "unchanged")
_TICK_S: Final = 0.01


@dataclass(frozen=True, slots=True)
class Setup:
    """How customers are sent, and how the mix comes."""

    name: str
    batch_size: int
    logins_each: int = 1
    per_s: int | None = None
    rate: float = 100_000.0


SETUPS: Final = (
    Setup("all in the journal, each customer once", 100),
    Setup("all in the journal, each customer 4 times", 100, logins_each=4),
    Setup(f"{AIM:,} a second, each customer once", 100, per_s=AIM),
    Setup("all in the journal, each customer once, the default `rate`", 100, rate=Pace().rate),
    Setup("all in the journal, each customer once", 1),
    Setup("all in the journal, each customer 4 times", 1, logins_each=4),
)

_NOTES: Final = (
    (
        "The known customers were all delivered before, so that the store knows their hashes; then "
        "the sidecar was started anew. Of the mix 90 % are logins of known customers with the same "
        "traits, 5 % with another last name, 5 % of new customers, in a random order."
    ),
    (
        "*All in the journal*: finished segments are moved into it at once; the time is from then "
        "until the last message was absorbed and no row is pending, due or leased, seen up to "
        "0.1 s late."
    ),
    (
        "Logins of one customer that lie in the store together are one row to settle: *rows* says "
        "how many there were. Where each customer comes once, nothing merges."
    ),
    (
        "*A second*: written evenly by one process beside it; *most waiting* is the largest "
        "number of rows not settled, looked at every 0.1 s."
    ),
    (
        f"`forward.rate` does not bind, but where it is the default, {Pace().rate:.0f} requests a "
        "second; `forward.concurrency` is 8, and the simulator answers at once on the same cores."
    ),
)


def run(plan: Plan) -> dict[str, Any]:
    """Every set-up, the rounds one after the other."""
    rows: list[dict[str, Any]] = [
        {"name": setup.name, "batch_size": setup.batch_size, "rounds": []} for setup in SETUPS
    ]
    for number in range(plan.rounds):
        for setup, row in zip(SETUPS, rows, strict=True):
            row["rounds"].append(_measure(plan, setup, plan.seed + number))
    return {"logins": plan.repeats, "arrive_s": plan.arrive_s, "rows": rows}


def _measure(plan: Plan, setup: Setup, seed: int) -> dict[str, float]:
    number = plan.repeats if setup.per_s is None else int(setup.per_s * plan.arrive_s)
    known = number // setup.logins_each
    with ExitStack() as stack:
        where = stack.enter_context(place(plan.disk))
        url = unused_address()
        stack.enter_context(simulator(where, url))
        with sidecar(where, url, concurrency=8, batch_size=100) as server:
            write(where.journal, (login(customer) for customer in range(known)))
            _await_settled(server, known)
        logins = mix(number, known, seed)
        server = stack.enter_context(
            sidecar(where, url, concurrency=8, batch_size=setup.batch_size, rate=setup.rate)
        )
        asked = requests_at(url)
        found = _settle(server, where, setup, logins)
        return found | {"requests": requests_at(url) - asked - 1}


def mix(number: int, known: int, seed: int) -> list[Finding]:
    """So many logins of these customers, known ones and, by their numbers, new ones."""
    chosen = random.Random(seed)
    logins = []
    for one in range(number):
        customer = one % known
        change = one % (2 * _CHANGED_EVERY)
        if change == 0:
            customer += known
        logins.append(login(customer, version=int(change == _CHANGED_EVERY)))
    chosen.shuffle(logins)
    return logins


def _settle(server: Sidecar, where: Place, setup: Setup, logins: list[Finding]) -> dict[str, float]:
    pid = server.process.pid
    coming = _staged(where, logins) if setup.per_s is None else _paced(where, logins, setup.per_s)
    with coming as come:
        first, used = server.read(), cpu_ns(pid)
        started = time.perf_counter()
        come()
        last, waiting = _await_settled(server, len(logins))
        seconds, used = last.at - started, cpu_ns(pid) - used
    rows = {name: _outcomes(last, name) - _outcomes(first, name) for name in _OUTCOMES}
    attempts = last.total("frontdesk_deliveries_total")
    return rows | {
        "per_s": len(logins) / seconds,
        "rows_per_s": sum(rows.values()) / seconds,
        "seconds": seconds,
        "logins": len(logins),
        "waiting": waiting,
        "failed": attempts - sum(rows.values()),
        "sidecar_us": used / 1e3 / len(logins),
        "row_us": used / 1e3 / sum(rows.values()),
        "busy_percent": used / 1e9 / seconds * 100,
    }


@contextmanager
def _staged(where: Place, logins: list[Finding]) -> Iterator[Callable[[], None]]:
    """Segments that are finished, and what moves them into the journal."""
    staged = where.logs / "staged"
    staged.mkdir()
    write(staged, logins)
    yield lambda: arrive(staged, where.journal)


@contextmanager
def _paced(where: Place, logins: list[Finding], per_s: int) -> Iterator[Callable[[], None]]:
    """What starts a thread that writes evenly."""

    def work() -> None:
        desk, started = new_desk(where.journal), time.perf_counter()
        for number, one in enumerate(logins):
            while number > (time.perf_counter() - started) * per_s:
                time.sleep(_TICK_S)
            desk.note(one)
        desk.journal.close()

    thread = Thread(target=work)
    yield thread.start
    thread.join()


def _await_settled(server: Sidecar, messages: int) -> tuple[Reading, int]:
    """The metrics when all was taken in and is settled, and the most rows that waited."""
    most, done = 0, None
    for reading in server.readings(_WITHIN_S):
        # A row that is due is one that is pending or leased.
        waiting = reading.customers("pending") + reading.customers("leased")
        most = max(most, waiting)
        if waiting or reading.total("frontdesk_messages_total") < messages:
            done = None
        elif done is not None:
            break  # seen twice, for the rows are counted a moment before the messages
        else:
            done = reading
    assert done is not None
    return done, most


def _outcomes(reading: Reading, name: str) -> float:
    return reading.total("frontdesk_deliveries_total", f'outcome="{name}"')


def report(found: dict[str, Any]) -> str:
    """A table and what to know about it."""
    rows = [
        [
            row["name"],
            "single posts" if row["batch_size"] == 1 else f"`$batch` of up to {row['batch_size']}",
            *(
                _cell(row, column)
                for column in ("per_s", "rows_per_s", "delivered", "requests", "waiting")
            ),
            spread([_unchanged(one) for one in row["rounds"]]).text(1),
            *(_cell(row, column) for column in ("sidecar_us", "row_us", "busy_percent")),
            f"{sum(one['failed'] for one in row['rounds']):.0f}",
        ]
        for row in found["rows"]
    ]
    head = [
        "logins",
        "changes sent as",
        "logins settled/s",
        "rows settled/s",
        "upserts",
        "requests",
        "most waiting",
        "unchanged, % of rows",
        "µs of the sidecar's processor per login",
        "the same per row",
        "its processor, % of a core",
        "failed attempts",
    ]
    points = [
        f"{found['logins']:,} logins where all are in the journal; the aim is {AIM:,} a second",
        f"Where they come evenly, they do for {found['arrive_s']:.0f} s.",
        *_NOTES,
    ]
    return f"## From the journal to settled\n\n{table(head, rows)}\n{bullets(points)}"


def _unchanged(one: dict[str, float]) -> float:
    return 100 * one["unchanged"] / (one["unchanged"] + one["delivered"])


def _cell(row: dict[str, Any], column: str) -> str:
    return spread([one[column] for one in row["rounds"]]).text(0)
