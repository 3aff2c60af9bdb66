"""The directories of the benchmark, what they are on, and the description of it all."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.measure import machine
from benchmarks.pipeline_types import Plan
from benchmarks.table import bullets

MEMORY: Final = Path("/dev/shm")  # noqa: S108 - directories of our own are made in it
_PACKAGES: Final = ("frontdesk", "uvicorn", "httptools", "starlette", "orjson", "httpx")


@dataclass(frozen=True, slots=True)
class Place:
    """The directories of one round: the journal in memory, the store where it was asked for."""

    journal: Path
    store: Path
    logs: Path


@contextmanager
def place(store: Path) -> Iterator[Place]:
    """Make the directories of a round, the store's in `store`, and remove them."""
    memory = Path(tempfile.mkdtemp(prefix="frontdesk-bench-", dir=MEMORY))
    disk = Path(tempfile.mkdtemp(prefix="frontdesk-bench-", dir=store))
    try:
        journal = memory / "journal"
        journal.mkdir()
        yield Place(journal, disk / "frontdesk.db", memory)
    finally:
        shutil.rmtree(memory, ignore_errors=True)
        shutil.rmtree(disk, ignore_errors=True)


def file_system(directory: Path) -> str:
    """The type of the file system below a directory, proc_pid_mountinfo(5)."""
    where = Path(os.path.realpath(directory))
    found, kind = -1, "?"
    for line in Path("/proc/self/mountinfo").read_text(errors="replace").splitlines():
        before, _, after = line.partition(" - ")
        point = Path(before.split(" ")[4])
        if where.is_relative_to(point) and len(point.parts) >= found:
            found, kind = len(point.parts), after.split(" ")[0]
    return kind


def environment(plan: Plan) -> dict[str, Any]:
    """What the figures were taken on."""
    described = machine()
    versions = described["versions"]
    assert isinstance(versions, dict)
    return described | {
        "versions": {name: versions[name] for name in _PACKAGES},
        "sqlite": sqlite3.sqlite_version,
        "store_directory": str(plan.disk),
        "store_file_system": file_system(plan.disk),
        "journal_directory": str(MEMORY),
        "journal_file_system": file_system(MEMORY),
        "rounds": plan.rounds,
    }


def heading(described: dict[str, Any]) -> str:
    """The description as Markdown."""
    versions = ", ".join(f"{name} {version}" for name, version in described["versions"].items())
    points = [
        (
            f"{described['processor']}, {described['cores']} cores, shared by all processes of a "
            f"measurement; {described['system']}"
        ),
        f"{described['python']}; SQLite {described['sqlite']}; {versions}",
        (
            f"store on {described['store_file_system']} ({described['store_directory']}), "
            f"journal on {described['journal_file_system']}"
        ),
        f"rounds: {described['rounds']}; figures are medians [quartiles]",
        f"load at the start: {described['load_at_start']} (0 is best: other work shows)",
    ]
    return f"# From the journal to SAP, measured\n\n{bullets(points)}"
