"""The reverse proxy beside nginx and beside nothing, in one run: `python -m benchmarks.proxy`.

On two cores: the proxy that is measured has one to itself, the shop and the load share the other.
Rounds go round, so that what disturbs the machine disturbs all. Needs nginx, wrk and taskset.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from benchmarks.measure import machine, percentile
from benchmarks.processes import stoppable
from benchmarks.proxy_ways import Way, open_ways
from benchmarks.table import bullets, table

RATE: Final = 100
STREAMS: Final = 100


def _paced(way: Way, what: str, number: int, seconds: float) -> list[float]:
    root = Path(__file__).parents[1]
    command = [sys.executable, "-m", "benchmarks.proxy_load", what, str(way.port), str(number)]
    done = subprocess.run(
        ["taskset", "-c", "1", *command, str(seconds)],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    times: list[float] = json.loads(done.stdout)
    return times


def _wrk(way: Way, path: str, connections: int, seconds: int, script: Path | None) -> list[float]:
    """Requests a second, p50 and p99 in µs."""
    options = ["-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
    options += [] if script is None else ["-s", str(script)]
    command = ["taskset", "-c", "1", "wrk", *options, f"http://127.0.0.1:{way.port}{path}"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "Non-2xx" not in text, text
    assert "Socket errors" not in text, text
    found = [re.findall(rf"\s{share}%\s+([\d.]+)(us|ms|s)", text)[0] for share in (50, 99)]
    unit = {"us": 1.0, "ms": 1e3, "s": 1e6}
    rate = float(re.findall(r"Requests/sec:\s+([\d.]+)", text)[0])
    return [rate, *(float(number) * unit[name] for number, name in found)]


def _round(way: Way, seconds: int, script: Path) -> None:
    before = way.cpu_us()
    times = _paced(way, "logins", RATE, seconds)
    way.note("cpu", (way.cpu_us() - before) / len(times))
    way.note("login p50", percentile(times, 0.5))
    way.note("login p99", percentile(times, 0.99))
    rate, *_ = _wrk(way, "/login", 16, seconds, script)
    way.note("logins/s", rate)
    way.note("memory, logins", way.memory_mb())
    for name, value in zip(
        ("MB/s", "MB p50", "MB p99"), _wrk(way, "/megabytes/1", 4, seconds, None), strict=True
    ):
        way.note(name, value)
    way.note("memory, megabytes", way.memory_mb())
    ages = _paced(way, "events", STREAMS, seconds)
    way.note("event p50", percentile(ages, 0.5))
    way.note("event p99", percentile(ages, 0.99))
    way.note("events/s", len(ages) / seconds)
    way.note("memory, events", way.memory_mb())


def _large(way: Way) -> None:
    """A gigabyte each way; what the process held at most."""
    url = f"http://127.0.0.1:{way.port}"
    before = way.memory_mb("VmHWM")
    subprocess.run(["curl", "-sf", "-o", "/dev/null", f"{url}/megabytes/1024"], check=True)
    source = subprocess.Popen(["head", "-c", "1073741824", "/dev/zero"], stdout=subprocess.PIPE)
    upload = ["curl", "-sf", "-o", "/dev/null", "-T", "-", "-H", "Expect:", f"{url}/upload"]
    with source:
        subprocess.run(upload, stdin=source.stdout, check=True)
    way.note("memory, gigabyte", way.memory_mb("VmHWM") - before)


def _report(ways: Sequence[Way], arguments: argparse.Namespace, about: Mapping[str, object]) -> str:
    direct = ways[0]

    def added(way: Way, name: str) -> str:
        value = way.median(name) / 1e3
        if way is direct:
            return f"{value:.2f}"
        return f"{value:.2f} ({value - direct.median(name) / 1e3:+.2f})"

    rows = [
        [
            way.name,
            *(added(way, name) for name in ("login p50", "login p99")),
            f"{way.median('cpu'):,.0f}" if way.pid else "",
            f"{way.median('logins/s'):,.0f}",
            f"{way.median('MB/s'):,.0f}",
            *(added(way, name) for name in ("MB p50", "MB p99", "event p50", "event p99")),
            f"{way.median('events/s'):,.0f}",
        ]
        for way in ways
    ]
    head = ["", f"{RATE} logins/s: p50, ms", "p99, ms", "CPU µs each", "logins/s at most"]
    head += ["1 MB/s at most", "1 MB of 4 at once: p50, ms", "p99, ms"]
    head += [f"event of {STREAMS} streams: p50, ms", "p99, ms", "events/s"]
    rounds = f"{arguments.rounds} round{'s' * (arguments.rounds > 1)}"
    return "\n".join(
        [
            bullets([f"{name}: {value}" for name, value in about.items()]),
            f"{rounds} of {arguments.seconds} s a scene; medians; in brackets what is added.\n",
            table(head, rows),
            *_memory(ways),
        ]
    )


def _memory(ways: Sequence[Way]) -> list[str]:
    """Resident memory of the processes on the way, when they began and after each scene."""
    scenes = {"start": "MB at the start", "logins": "after logins", "megabytes": "after 1 MB each"}
    scenes |= {"events": f"after {STREAMS} streams"}
    rows = [
        [
            way.name,
            *(f"{way.median(f'memory, {scene}'):.0f}" for scene in scenes),
            f"{way.median('memory, gigabyte'):+.1f}",
        ]
        for way in ways[1:]
    ]
    head = ["", *scenes.values(), "at most more in 1 GiB down and 1 GiB up"]
    return [table(head, rows)]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="The reverse proxy beside nginx and nothing.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=6)
    arguments = parser.parse_args()
    missing = [name for name in ("nginx", "wrk", "taskset", "curl") if not shutil.which(name)]
    if missing:
        raise SystemExit(f"needs {', '.join(missing)}")
    about = machine()
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - a journal's place
    with stoppable(), tempfile.TemporaryDirectory(dir=memory) as name:
        place = Path(name)
        script = place / "login.lua"
        script.write_text(
            'wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\n'
            """wrk.body = '{"email":"jane.doe@example.com","password":"correct horse"}'\n"""
        )
        with open_ways(place) as ways:
            for way in ways:
                way.note("memory, start", way.memory_mb())
            for number in range(arguments.rounds):
                for way in ways:
                    _round(way, arguments.seconds, script)
                    for old in (place / "journal").iterdir():
                        old.write_bytes(b"")  # nobody reads it here
                print(f"round {number + 1} of {arguments.rounds}", file=sys.stderr)
            for way in ways[1:]:
                _large(way)
            print(_report(ways, arguments, about))


if __name__ == "__main__":
    main()
