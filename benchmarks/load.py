"""Load generators: wrk when it is installed, else a client of our own. 127.0.0.1 alone."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import shutil
import subprocess
import tempfile
from collections.abc import Coroutine
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Final

import uvloop

from benchmarks.client import Client
from benchmarks.measure import percentile
from benchmarks.scenes import CUSTOMERS, LOGIN, credentials, email_of

CONNECTIONS: Final = 32
#: no slice is longer or larger than this, whatever it is asked for
_MOST_S: Final = 30.0
_MOST_LOGINS: Final = 500_000

_LUA: Final = """
local requests, number = {}, 0
init = function(args)
  wrk.headers["Content-Type"] = "application/json"
  for i = 1, %(customers)d do
    local body = string.gsub('%(body)s', "@", string.format("%%04d@", i - 1), 1)
    requests[i] = wrk.format("POST", "%(path)s", nil, body)
  end
end
request = function()
  number = number %% #requests + 1
  return requests[number]
end
done = function(summary, latency, _)
  local e = summary.errors
  io.write(string.format(
    '\\n{"logins":%%d,"seconds":%%f,"p50":%%f,"p90":%%f,"p99":%%f,"errors":%%d}\\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3,
    latency:percentile(90) / 1e3, latency:percentile(99) / 1e3,
    e.connect + e.read + e.write + e.status + e.timeout))
end
"""


@dataclass
class Slice:
    """What one slice of load found; latencies in milliseconds, sorted, where they are kept."""

    logins: int
    seconds: float
    p50: float
    p90: float
    p99: float
    errors: int
    latencies: tuple[float, ...] = ()

    @property
    def rate(self) -> float:
        """Logins a second."""
        return self.logins / self.seconds


def generator() -> str:
    """What makes the full load: the path of wrk, or nothing for our own client."""
    return shutil.which("wrk") or ""


def saturate(port: int, seconds: float) -> Slice:
    """As many logins as 32 connections can make, one after the other on each."""
    seconds = min(seconds, _MOST_S)
    wrk = generator()
    return _wrk(wrk, port, seconds) if wrk else _uvloop(_saturate(port, seconds))


def paced(port: int, rate: float, seconds: float, seed: int) -> Slice:
    """Logins at random moments (Poisson), so many a second, on connections kept open."""
    return _uvloop(_paced(port, rate, min(seconds, _MOST_S), random.Random(seed)))


def _uvloop(work: Coroutine[Any, Any, Slice]) -> Slice:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


def bodies() -> list[bytes]:
    """The logins of a thousand customers."""
    return [credentials(email_of(customer)) for customer in range(CUSTOMERS)]


def _wrk(wrk: str, port: int, seconds: float) -> Slice:
    body = credentials().decode().replace("0001@", "@")
    script = _LUA % {"body": body, "path": LOGIN.path, "customers": CUSTOMERS}
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script)
        file.flush()
        length = f"-d{max(1, round(seconds))}s"
        command = [wrk, "-t1", f"-c{CONNECTIONS}", length, "-s", file.name]
        address = f"http://127.0.0.1:{port}"
        done = subprocess.run(
            [*command, address], capture_output=True, text=True, check=True, timeout=_MOST_S * 2
        )
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return Slice(**figures)


async def _saturate(port: int, seconds: float) -> Slice:
    end = perf_counter() + seconds
    async with Client.connected(port, CONNECTIONS, bodies()) as client:
        start = perf_counter()

        async def drive() -> None:
            while perf_counter() < end and client.sent < _MOST_LOGINS:
                await client.login(perf_counter())

        await asyncio.gather(*(drive() for _ in range(CONNECTIONS)))
        return _slice(client, perf_counter() - start)


async def _paced(port: int, rate: float, seconds: float, chance: random.Random) -> Slice:
    async with Client.connected(port, CONNECTIONS, bodies()) as client:
        start = due = perf_counter()
        under_way = set()
        for _ in itertools.islice(itertools.count(), _MOST_LOGINS):
            due += chance.expovariate(rate)
            if due > start + seconds:
                break
            await asyncio.sleep(max(0.0, due - perf_counter()))
            # A login is timed from when it is sent, or from when it was due if none was free.
            since = None if client.is_free else due
            task = asyncio.ensure_future(client.login(since))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
        await asyncio.gather(*under_way)
        return _slice(client, perf_counter() - start)


def _slice(client: Client, seconds: float) -> Slice:
    ordered = tuple(sorted(client.latencies)) or (0.0,)
    p50, p90, p99 = (percentile(ordered, share) for share in (0.5, 0.9, 0.99))
    return Slice(len(client.latencies), seconds, p50, p90, p99, client.errors, ordered)
