"""Medians, ranges, ratios, cores, and a description of the machine."""

from __future__ import annotations

import gc
import os
import platform
import statistics
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

PACKAGES: Final = (
    "frontdesk",
    "uvicorn",
    "uvloop",
    "httptools",
    "starlette",
    "orjson",
    "opentelemetry-instrumentation-asgi",
    "sentry-sdk",
    "segment-analytics-python",
    "httpx",
)


@dataclass(frozen=True)
class Spread:
    """A median and the quartiles around it."""

    median: float
    low: float
    high: float

    def text(self, digits: int) -> str:
        """`1.23 [1.20 … 1.31]`."""
        middle, low, high = (f"{x:,.{digits}f}" for x in (self.median, self.low, self.high))
        return f"{middle} [{low} … {high}]"


def spread(values: Sequence[float]) -> Spread:
    """Median and interquartile range; of a single value, that value."""
    if len(values) == 1:
        return Spread(values[0], values[0], values[0])
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(middle, low, high)


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """The ratio of the medians; the range is that of the rounds' own ratios."""
    ranges = spread([a / b for a, b in zip(ours, theirs, strict=True) if b])
    middle = statistics.median(ours) / statistics.median(theirs)
    return Spread(middle, ranges.low, ranges.high)


def percentile(ordered: Sequence[float], share: float) -> float:
    """A percentile of sorted values, by the nearest rank."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def pin(core: int) -> None:
    """Keep this process, and those it starts, on one core, as far as the system allows it."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if len(cores) > 1:
        os.sched_setaffinity(0, {cores[min(core, len(cores) - 1)]})


def cpu_ns(pid: int) -> int:
    """The processor time that a process has used, all its threads together, proc_pid_schedstat."""
    used = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        used += int((task / "schedstat").read_text().split()[0])
    return used


def settle_memory() -> None:
    """Take what set-up made out of the collector's sight; it stays on."""
    gc.collect()
    gc.freeze()


def machine() -> dict[str, object]:
    """What the figures were taken on."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "compiler": platform.python_compiler(),
        "load_at_start": round(os.getloadavg()[0], 2),
        "versions": dict(_versions(PACKAGES)),
        "arguments": sys.argv[1:],
    }


def _versions(names: Iterable[str]) -> Iterable[tuple[str, str]]:
    for name in names:
        try:
            yield name, version(name)
        except PackageNotFoundError:
            yield name, "not installed"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((x.split(":", 1)[1].strip() for x in lines if x.startswith("model name")), "?")
