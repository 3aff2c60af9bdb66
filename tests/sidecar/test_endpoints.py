"""The sidecar's own HTTP: short constant answers, and the metrics behind a key."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from frontdesk_sidecar.endpoints import create_app

KEY = "marked-key"


class Sidecar:
    """What the endpoints ask, and how often."""

    reason: str | None = None
    asked = 0

    async def ready(self) -> str | None:
        """Why it is not ready."""
        self.asked += 1
        return self.reason

    async def metrics(self, accept: str) -> tuple[bytes, str]:
        """The exposition, in what was asked for."""
        self.asked += 1
        return b"frontdesk_up 1.0\n", accept if accept.startswith("application/") else "text/plain"


@asynccontextmanager
async def client(sidecar: Sidecar, key: str | None = None) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the app."""
    app = create_app(ready=sidecar.ready, metrics=sidecar.metrics, key=key)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as opened:
        yield opened


async def test_alive_is_said_without_looking() -> None:
    """A restart would mend nothing that can be looked at."""
    sidecar = Sidecar()
    sidecar.reason = "store: locked"
    async with client(sidecar, KEY) as http:
        answer = await http.get("/livez")
    assert (answer.status_code, answer.text) == (200, "ok\n")
    assert sidecar.asked == 0


async def test_ready_or_why_not() -> None:
    """503 with the reason on one line, and 200 again when it is gone; no key is needed."""
    sidecar = Sidecar()
    async with client(sidecar, KEY) as http:
        answer = await http.get("/readyz")
        assert (answer.status_code, answer.text) == (200, "ok\n")
        sidecar.reason = "journal: No such file or directory"
        answer = await http.get("/readyz")
        assert (answer.status_code, answer.text) == (503, "journal: No such file or directory\n")
        sidecar.reason = None
        assert (await http.get("/readyz")).status_code == 200


async def test_metrics_are_in_the_format_that_prometheus_asks_for() -> None:
    """What `Accept` says is handed on; the type is that of the answer. Open without a key."""
    accept = "application/openmetrics-text; version=1.0.0"
    async with client(Sidecar()) as http:
        headers = {"Authorization": "Bearer whatever", "Accept": accept}
        answer = await http.get("/metrics", headers=headers)
    assert (answer.status_code, answer.content) == (200, b"frontdesk_up 1.0\n")
    assert answer.headers["content-type"] == accept


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        f"Bearer {KEY}x",
        f"Bearer {KEY[:-1]}",
        f"Basic {KEY}",
        f"Bearer Bearer {KEY}",
        f"Bearer {KEY}\u00e9",
    ],
)
async def test_metrics_without_the_key_are_refused(header: str | None) -> None:
    """With one answer for whatever is wrong, and nothing is counted for a stranger."""
    sidecar = Sidecar()
    headers = [] if header is None else [(b"Authorization", header.encode("latin-1"))]
    async with client(sidecar, KEY) as http:
        answer = await http.get("/metrics", headers=headers)
    assert (answer.status_code, answer.text) == (401, "a bearer key is needed\n")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert sidecar.asked == 0


async def test_metrics_with_the_key_are_given() -> None:
    """The key is compared as a whole."""
    async with client(Sidecar(), KEY) as http:
        answer = await http.get("/metrics", headers={"Authorization": f"Bearer {KEY}"})
    assert answer.status_code == 200


@pytest.mark.parametrize("path", ["/", "/admin", "/livez/", "/docs", "/x"])
async def test_there_is_nothing_else(path: str) -> None:
    """A path that is none of ours tells nothing."""
    async with client(Sidecar(), KEY) as http:
        answer = await http.get(path)
    assert answer.status_code in (307, 404)
    assert KEY not in answer.text


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
async def test_they_can_only_be_read(method: str, path: str) -> None:
    """405, and nothing is asked."""
    sidecar = Sidecar()
    async with client(sidecar) as http:
        assert (await http.request(method, path)).status_code == 405
    assert sidecar.asked == 0
