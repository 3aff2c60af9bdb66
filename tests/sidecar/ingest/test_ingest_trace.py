"""The door and traces: what a request says of its trace is kept with each of its messages."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest

from frontdesk_sidecar.store.sqlite import SQLiteStore

TRACE = f"00-{7:032x}-{8:016x}-01"


@pytest.mark.parametrize(("given", "taken"), [(TRACE, TRACE), ("marked", None), (None, None)])
def test_messages_are_of_their_requests_trace(
    house: Any, given: str | None, taken: str | None
) -> None:
    """Of one batch all; what is none is ignored, and the messages are taken."""
    people = [
        {"type": "identify", "userId": name, "traits": {"email": f"{name}@example.com"}}
        for name in ("ann", "bob")
    ]
    headers = {} if given is None else {"traceparent": given, "tracestate": "a=marked"}
    with house.open() as url, httpx.Client(auth=("write-key-1", ""), trust_env=False) as client:
        answer = client.post(f"{url}/v1/batch", json={"batch": people}, headers=headers)
        assert answer.status_code == 200
    with SQLiteStore.open(house.path) as store:
        claims = store.claim(9, time.time_ns() // 1000 + 1, 1)
    assert [one.traceparent for one in claims] == [taken, taken]
    assert b"marked" not in house.path.read_bytes()


def test_pages_may_send_their_trace(house: Any) -> None:
    """A browser asks first."""
    asked = {
        "origin": "http://shop.example",
        "access-control-request-method": "POST",
        "access-control-request-headers": "traceparent",
    }
    with house.open() as url:
        answer = httpx.options(f"{url}/v1/identify", headers=asked, trust_env=False)
    allowed = answer.headers["access-control-allow-headers"].split(", ")
    assert "traceparent" in allowed
    assert "tracestate" not in allowed
