"""One wrapper in a process of its own, measured against the bare app on request.

`python -m benchmarks.worker SCENE APP WRAPPER STUB BURST_MS`; each line on its standard input is
answered by one visit: bursts of bare (A) and wrapped (B) requests, A B B A A B B A, and B first in
the next visit.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterable
from time import perf_counter_ns
from typing import Final

import uvloop

from benchmarks.measure import pin, settle_memory
from benchmarks.scenes import APPS, SCENES, OnLogin, Scene
from benchmarks.wrappers import WRAPPERS, Wrapped
from frontdesk.asgi import ASGIApp
from frontdesk.exchange import Message

ORDERS: Final = ("ABBAABBA", "BAABBAAB")
_WARM_UP_S: Final = 0.3
_WARM_UP_MOST: Final = 2_000

#: (nanoseconds before the last byte, nanoseconds in all), a request on average
Burst = tuple[float, float]


class Cycle:
    """The server's side of one request."""

    __slots__ = ("_body", "_done", "last")

    def __init__(self, body: bytes) -> None:
        self._body: bytes | None = body
        self._done: asyncio.Event | None = None
        self.last = 0

    async def receive(self) -> Message:
        """The request once, and then, when it is answered, the disconnect."""
        body = self._body
        if body is not None:
            self._body = None
            return {"type": "http.request", "body": body, "more_body": False}
        self._done = asyncio.Event()
        await self._done.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Note when the last part of the answer comes."""
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self.last = perf_counter_ns()
            if self._done is not None:
                self._done.set()


async def burst(app: ASGIApp, scene: Scene, count: int) -> Burst:
    """So many requests, one after the other, each with a turn of the loop for deferred work."""
    before = total = 0
    for _ in range(count):
        scope, cycle = scene.scope(), Cycle(scene.body)
        receive, send = cycle.receive, cycle.send
        start = perf_counter_ns()
        await app(scope, receive, send)
        await asyncio.sleep(0)
        end = perf_counter_ns()
        before += cycle.last - start
        total += end - start
    return before / count, total / count


class Bench:
    """The bare app and the wrapped one, warm, with the number of requests that fills a burst."""

    def __init__(self, plain: ASGIApp, wrapped: Wrapped, scene: Scene, burst_s: float) -> None:
        self._wrapped = wrapped
        self._apps = {"A": plain, "B": wrapped.app}
        self._scene = scene
        self._burst_ns = burst_s * 1e9
        self._count: dict[str, int] = {}

    async def warm_up(self) -> None:
        """Run both until they are warm; check that every login was delivered."""
        sent = 0
        for name, app in self._apps.items():
            done, spent = 0, 0.0
            while spent < _WARM_UP_S * 1e9 and done < _WARM_UP_MOST:
                spent += 5 * (await burst(app, self._scene, 5))[1]
                done += 5
            self._count[name] = max(2, int(self._burst_ns / (spent / done)))
            sent = done
        self._wrapped.settle()
        delivered = self._wrapped.delivered()
        expected = sent if self._scene.is_login else 0
        if delivered is not None and delivered != expected:
            raise RuntimeError(f"{delivered} of {expected} logins were delivered")
        settle_memory()

    async def visit(self, number: int) -> dict[str, list[Burst]]:
        """One visit; it begins with a burst of each that does not count."""
        found: dict[str, list[Burst]] = {"A": [], "B": []}
        for name in "AB":
            await burst(self._apps[name], self._scene, self._count[name])
        self._wrapped.settle()
        for name in ORDERS[number % 2]:
            found[name].append(await burst(self._apps[name], self._scene, self._count[name]))
            if name == "B":
                self._wrapped.settle()
        return found


async def serve(bench: Bench, lines: Iterable[str]) -> None:
    """Answer each line by a visit."""
    await bench.warm_up()
    print("ready", flush=True)
    for number, _ in enumerate(lines):
        print(json.dumps(await bench.visit(number)), flush=True)


def main(scene: str, app: str, wrapper: str, stub: str, burst_ms: str) -> None:
    """Measure until standard input ends."""
    pin(0)
    plain = APPS[app](None)  # one object, bare and wrapped: two would differ by their places

    def make(on_login: OnLogin | None) -> ASGIApp:
        return plain if on_login is None else APPS[app](on_login)

    wrapped = WRAPPERS[wrapper].make(make, stub)
    try:
        bench = Bench(plain, wrapped, SCENES[scene], float(burst_ms) / 1e3)
        uvloop.run(serve(bench, sys.stdin))
    finally:
        wrapped.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
