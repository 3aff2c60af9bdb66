"""The proxy's own paths below a prefix: `livez`, `readyz`, `status`, `metrics`.

`livez` and `readyz` say one word to whoever asks. The rest is told to this machine, asked by its
own name and not on behalf of somebody else, or to whoever has the key; to others the path does
not exist.
"""

from __future__ import annotations

import asyncio
import hmac
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import orjson

from frontdesk.asgi import Receive, Send
from frontdesk.exchange import Scope
from frontdesk_sidecar.proxy.fields import one
from frontdesk_sidecar.proxy.pool import Pool
from frontdesk_sidecar.proxy.tally import Tally
from frontdesk_sidecar.proxy.trouble import Trouble
from frontdesk_sidecar.sap.destination import is_loopback

_TEXT: Final = "text/plain; charset=utf-8"
_METRICS: Final = "text/plain; version=0.0.4; charset=utf-8"
_JSON: Final = "application/json"
#: Probes come often and from several places; the upstream is asked no more often than this.
_PROBE_S: Final = 1.0

Reply = tuple[int, str, bytes]


@dataclass
class Inside:
    """Answers what is below `prefix`. `about`: what does not change, for `/status`."""

    prefix: str
    pool: Pool
    tally: Tally
    captured: Callable[[], Mapping[str, int]]
    key: str | None = None
    about: Mapping[str, Any] = field(default_factory=dict)
    _problem: str | None = None
    _asked_at: float | None = None
    _asking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> bool:
        """Whether the path is ours; then it was answered."""
        path: str = scope["path"]
        if not path.startswith(self.prefix) or path[len(self.prefix) :][:1] not in ("", "/"):
            return False
        status, kind, body = await self._reply(scope, path[len(self.prefix) :])
        headers = [
            (b"content-type", kind.encode()),
            (b"content-length", b"%d" % len(body)),
            (b"cache-control", b"no-store"),
            (b"x-content-type-options", b"nosniff"),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
        return True

    async def _reply(self, scope: Scope, path: str) -> Reply:
        if scope["method"] not in ("GET", "HEAD"):
            return 405, _TEXT, b"GET alone\n"
        if path == "/livez":
            return 200, _TEXT, b"ok\n"
        if path == "/readyz":
            problem = await self._ask_upstream()
            return (200, _TEXT, b"ok\n") if problem is None else (503, _TEXT, problem.encode())
        if path not in ("/status", "/metrics") or not self._may_know(scope):
            return 404, _TEXT, b"there is nothing here\n"
        if path == "/metrics":
            gauges = {"connections": self.pool.in_use, "idle_connections": self.pool.idle}
            return 200, _METRICS, self.tally.exposition(self.captured(), gauges).encode()
        return 200, _JSON, orjson.dumps(await self._status(), option=orjson.OPT_INDENT_2) + b"\n"

    async def _status(self) -> dict[str, Any]:
        problem = await self._ask_upstream()
        return {
            **self.about,
            "pid": os.getpid(),
            "upstream_problem": problem and problem.strip(),
            "connections": {"in_use": self.pool.in_use, "idle": self.pool.idle},
            **self.tally.status(),
            "capture": dict(self.captured()),
        }

    async def _ask_upstream(self) -> str | None:
        """None, or why the upstream cannot be connected now."""
        async with self._asking:
            now = asyncio.get_running_loop().time()
            if self._asked_at is None or now - self._asked_at >= _PROBE_S:
                try:
                    await self.pool.probe()
                    self._problem = None
                except Trouble as trouble:
                    self._problem = f"{trouble.cause.name.lower()}: {trouble.cause.text}\n"
                self._asked_at = asyncio.get_running_loop().time()
            return self._problem

    def _may_know(self, scope: Scope) -> bool:
        headers = scope["headers"]
        if self.key is not None:
            given = (one(headers, b"authorization") or b"").removeprefix(b"Bearer ")
            return hmac.compare_digest(given, self.key.encode())
        client = scope.get("client")
        is_near = not client or not client[0] or is_loopback(client[0])
        is_relayed = any(
            name in (b"forwarded", b"via") or name.startswith(b"x-forwarded-")
            for name, _ in headers
        )
        return is_near and not is_relayed and _is_for_loopback(one(headers, b"host") or b"")


def _is_for_loopback(host: bytes) -> bool:
    """Against a page in a browser that gets here by a name of its own (DNS rebinding)."""
    try:
        name = urlsplit(f"//{host.decode('latin-1')}").hostname
    except ValueError:
        return False
    return name is not None and is_loopback(name)
