"""Shares what there is to see among all who look: it is made once, and only while somebody does."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import anyio
import orjson

from frontdesk_sidecar.dashboard.view import charts, snapshot
from frontdesk_sidecar.dashboard.watch import Watch
from frontdesk_sidecar.store import StoreError

#: So often it is made anew, unless that takes longer than a tenth of it.
EACH_S: Final = 1.0
_SHARE: Final = 10
CHARTS_S: Final = 5.0
#: Nobody looks from more places at once.
MOST_VIEWERS: Final = 16
_CLOSE_S: Final = 1.0


class Hub:
    """What is sent to whoever looks, as server-sent events.

    `hello` once, with what does not change; `snapshot` each second; `charts`; `trace` with what was
    delivered since the last one.
    """

    def __init__(
        self,
        watch: Watch,
        status: Callable[[], Awaitable[dict[str, Any]]],
        hello: Callable[[], dict[str, Any]],
    ) -> None:
        self._watch = watch
        self._status = status
        self._hello = hello
        self._lock = anyio.Lock()
        self._closing = anyio.Event()
        self._left = anyio.Event()
        self._snapshot, self._charts = b"", b""
        self._due_at = self._charts_due_at = 0.0
        self._seats = MOST_VIEWERS

    @contextmanager
    def seat(self) -> Iterator[bool]:
        """A place among those who look, taken at once; False when there is none."""
        is_free = self._seats > 0
        self._seats -= is_free
        try:
            yield is_free
        finally:
            self._seats += is_free

    async def stream(self, *, may_act: bool) -> AsyncIterator[bytes]:
        """Until `close`, or until whoever looks is gone."""
        with self._viewer():
            yield _event("hello", orjson.dumps(self._hello() | {"mayAct": may_act}))
            seen, charts_seen, unseen = 0, b"", self._watch.unseen
            closing = self._closing
            while not closing.is_set():
                await self._renew()
                parts = [self._snapshot]
                if self._charts is not charts_seen:
                    charts_seen = self._charts
                    parts.append(charts_seen)
                fresh = [(number, told) for number, told in self._watch.traces if number > seen]
                missed, unseen = self._watch.unseen - unseen, self._watch.unseen
                if fresh or missed > 0:
                    seen = fresh[-1][0] if fresh else seen
                    joined = b",".join(told for _, told in fresh)
                    parts.append(_event("trace", b'{"unseen":%d,"list":[%s]}' % (missed, joined)))
                yield b"".join(parts)
                with anyio.move_on_after(max(0.05, self._due_at - self._watch.clock())):
                    await closing.wait()

    def let_go(self) -> None:
        """End the streams there are. A page begins another, for which it needs the key of then."""
        if not self._closing.is_set():
            self._closing.set()
            self._closing = anyio.Event()

    async def close(self) -> None:
        """Let everybody go: the sidecar ends."""
        self._closing.set()
        if self._watch.viewers:
            with anyio.move_on_after(_CLOSE_S):
                await self._left.wait()

    @contextmanager
    def _viewer(self) -> Iterator[None]:
        self._watch.begin()
        try:
            yield
        finally:
            self._watch.end()
            if not self._watch.viewers:
                self._left.set()
                self._left = anyio.Event()

    async def _renew(self) -> None:
        """Whoever is first makes it, the others take it."""
        async with self._lock:
            watch = self._watch
            began = watch.clock()
            if began < self._due_at:
                return
            self._snapshot = _event("snapshot", await self._made())
            if began >= self._charts_due_at:
                self._charts_due_at = began + CHARTS_S
                self._charts = _event("charts", orjson.dumps(charts(watch.history, began)))
            took_s = watch.clock() - began
            self._due_at = began + max(EACH_S, took_s * _SHARE)

    async def _made(self) -> bytes:
        watch = self._watch
        try:
            status = await self._status()
        except StoreError as error:
            return orjson.dumps({"error": f"the store cannot be asked: {error}"})
        customers = status["customers"]
        note(
            watch,
            pending=customers["pending"] + customers["leased"],
            oldest=status["oldestPendingSeconds"] or 0,
        )
        clock_s, now_s = watch.clock(), watch.now() / 1e6
        told = snapshot(status, watch.history, watch.web, clock_s=clock_s, now_s=now_s)
        return orjson.dumps(told)


def note(watch: Watch, *, pending: int, oldest: float) -> None:
    """Readings for the charts."""
    clock = watch.clock()
    watch.history.measure(clock, "pending", pending)
    watch.history.measure(clock, "oldest", oldest)


def _event(name: str, data: bytes) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name.encode(), data)
