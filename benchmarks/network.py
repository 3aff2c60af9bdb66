"""Over a network: a Starlette login under uvicorn, bare and wrapped, slice beside slice."""

from __future__ import annotations

import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from benchmarks.load import Slice, generator, paced, saturate
from benchmarks.measure import cpu_ns, pin
from benchmarks.processes import Child, child
from benchmarks.stack import NotAvailable, start_sidecar
from benchmarks.wrappers import MEMORY, clear

RATE: Final = 100.0
#: of full load; at the fixed rate it is twice as long
SLICE_S: Final = 1.0
#: for a sidecar, to take in what a slice has left
_REST_S: Final = 0.5
#: a writer looks once a second whether its segment is still there
_NOTICED_S: Final = 1.1


@dataclass(frozen=True)
class Condition:
    """What stands at the journal's other end."""

    title: str
    variants: Sequence[str]
    beside: Callable[[Path], AbstractContextManager[None]] = lambda _: nullcontext()
    #: remove the segments between slices, as a reader that keeps up would
    clears: bool = False
    has_sidecar: bool = False


CONDITIONS: Final = (
    Condition("", ("bare", "ours", "segment"), clears=True),
    Condition(", nobody reads the journal", ("ours",)),
    Condition(", sidecar running", ("ours",), start_sidecar, has_sidecar=True),
    Condition(
        ", sidecar running, SAP takes 30 s",
        ("ours",),
        lambda journal: start_sidecar(journal, 30.0),
        has_sidecar=True,
    ),
)


@dataclass
class Shop:
    """A server under test."""

    child: Child
    port: int
    forgotten: int = 0

    def measure(self, load: Callable[[int], Slice]) -> tuple[Slice, float]:
        """One slice of load, and the µs of processor time that each login took the server.

        What was put off, such as an upload, is waited for and counts.
        """
        start = cpu_ns(self.child.pid)
        found = load(self.port)
        self.settle()
        return found, (cpu_ns(self.child.pid) - start) / 1e3 / max(1, found.logins)

    def settle(self) -> int | None:
        """Let it end what it still has to do; how many logins it has handed over, if it knows."""
        said = self.child.ask()
        return None if said == "None" else int(said) - self.forgotten

    def forget(self) -> None:
        """Count from here."""
        self.forgotten += self.settle() or 0


@dataclass
class Row:
    """What was found of one variant under one condition, slice by slice."""

    title: str
    full: list[dict[str, float]] = field(default_factory=list)
    paced: list[dict[str, float]] = field(default_factory=list)
    #: pooled latencies at the fixed rate: the variant's, and those of the bare slices beside it
    latencies: list[float] = field(default_factory=list)
    bare_latencies: list[float] = field(default_factory=list)
    answered: int = 0
    handed_over: int | None = None


def run(rounds: int, seed: int) -> dict[str, Any]:
    """Measure every condition, one after the other."""
    pin(1)
    shuffle = random.Random(seed)
    found: dict[str, Any] = {
        "rounds": rounds,
        "seconds": SLICE_S,
        "generator": generator() or "built-in client",
        "rows": [],
        "missing": {},
    }
    with child("benchmarks.stub") as stub:
        address = f"http://127.0.0.1:{stub.read()}/"
        for condition in CONDITIONS:
            try:
                rows = _condition(condition, address, rounds, shuffle)
            except NotAvailable as error:
                found["missing"][condition.title.lstrip(", ")] = str(error)
            else:
                found["rows"] += [vars(row) for row in rows]
    return found


def _condition(condition: Condition, stub: str, rounds: int, shuffle: random.Random) -> list[Row]:
    rows = {name: Row(_TITLES[name] + condition.title) for name in condition.variants}
    with ExitStack() as stack:
        journal = stack.enter_context(_journal())
        stack.enter_context(condition.beside(journal))
        bare = stack.enter_context(_shop("bare", journal, stub))
        shops = {name: stack.enter_context(_shop(name, journal, stub)) for name in rows}
        for shop in (bare, *shops.values()):
            saturate(shop.port, SLICE_S)
            shop.forget()
        if not condition.has_sidecar:
            clear(journal)
            time.sleep(_NOTICED_S)
        for number in range(rounds):
            for name in shuffle.sample(list(shops), len(shops)):
                _round(rows[name], bare, shops[name], number)
                _after(condition, rows[name], shops[name], journal)
        if not condition.has_sidecar and not condition.clears:
            rows["ours"].handed_over = clear(journal)
    return list(rows.values())


_TITLES: Final = {
    "bare": "bare (the method's own error)",
    "ours": "**frontdesk**",
    "segment": "Segment `identify()`",
}


def _round(row: Row, bare: Shop, shop: Shop, number: int) -> None:
    """Both kinds of load, each on the bare server and on this one, in turn first."""
    for kind in ("full", "paced"):
        found: dict[str, tuple[Slice, float]] = {}
        pair = [("bare", bare), ("shop", shop)]
        for name, server in pair if number % 2 else reversed(pair):
            if kind == "full":
                found[name] = server.measure(lambda port: saturate(port, SLICE_S))
            else:
                found[name] = server.measure(lambda port: paced(port, RATE, 2 * SLICE_S, number))
        _note(row, kind, *found["bare"], *found["shop"])


def _note(row: Row, kind: str, bare: Slice, bare_cpu: float, slice_: Slice, cpu: float) -> None:
    row.answered += slice_.logins
    figures = row.full if kind == "full" else row.paced
    figures.append(
        {
            "rate": slice_.rate,
            "share": slice_.rate / bare.rate,
            "p50": slice_.p50,
            "p99": slice_.p99,
            "added_p50": slice_.p50 - bare.p50,
            "added_cpu_us": cpu - bare_cpu,
            "errors": slice_.errors + bare.errors,
        }
    )
    if kind == "paced":
        row.latencies += slice_.latencies
        row.bare_latencies += bare.latencies


def _after(condition: Condition, row: Row, shop: Shop, journal: Path) -> None:
    taken = shop.settle()
    if taken is not None:
        row.handed_over = taken
    elif condition.clears and "frontdesk" in row.title:
        row.handed_over = (row.handed_over or 0) + clear(journal)
    elif condition.has_sidecar:
        time.sleep(_REST_S)


@contextmanager
def _journal() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="frontdesk-bench-", dir=MEMORY))
    try:
        yield directory
    finally:
        shutil.rmtree(directory)


@contextmanager
def _shop(name: str, journal: Path, stub: str) -> Iterator[Shop]:
    with child("benchmarks.shop", name, str(journal), stub) as process:
        yield Shop(process, int(process.read()))
