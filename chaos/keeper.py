"""Keeps the sidecar running, as Kubernetes would: whenever it ends, it is started again."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import httpx

from frontdesk_sidecar.demo.stack import Process

_LOOK_S: Final = 0.03
_BACKOFF_S: Final = (0.1, 2.0)
#: Who ran for so long and then ended is started anew at once.
_STEADY_S: Final = 5.0


class Keeper:
    """One process, started by `start`, again and again until `close`."""

    def __init__(self, start: Callable[[], Process], url: str, say: Callable[[str], None]) -> None:
        self._start = start
        self._url = url
        self._say = say
        self._lock = threading.RLock()
        self._held = False
        self._ended = threading.Event()
        self._wait_s = 0.0
        self.starts = 0
        #: how often it ended by itself, not by our hand
        self.exits = 0
        self.process = self._begin()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _begin(self) -> Process:
        self.starts += 1
        self._started_at = time.monotonic()
        self._is_killed = False
        return self._start()

    def _watch(self) -> None:
        while not self._ended.wait(_LOOK_S):
            with self._lock:
                code = self.process.poll()
                if code is None or self._held:
                    continue
                if not self._is_killed:
                    self.exits += 1
                    self._say(f"the sidecar ended with {code}: {self.process.tail(1)}")
                    lasted = time.monotonic() - self._started_at
                    low, high = _BACKOFF_S
                    self._wait_s = low if lasted > _STEADY_S else min(high, 2 * self._wait_s + low)
                    self._is_killed = True  # told once
                    self._ended.wait(self._wait_s)
                self.process = self._begin()

    def kill(self) -> None:
        """SIGKILL; another one is started at once."""
        with self._lock:
            self._is_killed = True
            self.process.signal(signal.SIGKILL)
            self.process.wait()

    def end(self) -> None:
        """SIGTERM, and wait for its end; another one is started at once."""
        with self._lock:
            self._is_killed = True
            self.process.stop()

    @contextmanager
    def down(self, *, gently: bool = False) -> Iterator[None]:
        """Killed, or asked to end, and not started during the block."""
        with self._lock:
            self._held = True
            if gently:
                self.end()
            else:
                self.kill()
        try:
            yield
        finally:
            with self._lock:
                self._held = False

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """SIGSTOP, and SIGCONT behind the block."""
        process = self.process
        process.signal(signal.SIGSTOP)
        try:
            yield
        finally:
            process.signal(signal.SIGCONT)

    def await_ready(self, patience_s: float) -> str | None:
        """Wait until it says that it is ready; None, or what it said last."""
        deadline = time.monotonic() + patience_s
        said = "nothing"
        while time.monotonic() < deadline:
            try:
                answer = httpx.get(f"{self._url}/readyz", timeout=2, trust_env=False)
                if answer.status_code == 200:
                    return None
                said = f"{answer.status_code} {answer.text.strip()}"
            except httpx.TransportError as error:
                said = type(error).__name__
            time.sleep(0.05)
        return said

    def close(self) -> int:
        """Ask it to end, for good; its exit code, or that of its last end."""
        self._ended.set()
        self._thread.join()
        code = self.process.poll()
        return self.process.stop() if code is None else code
