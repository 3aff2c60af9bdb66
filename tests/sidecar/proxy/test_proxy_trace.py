"""The proxy and traces: the shop gets the headers as they came, the journal the trace."""

from __future__ import annotations

from pathlib import Path

import httpx

from asgi_support import JANE, as_json, read_messages
from proxy_support import Wire, proxied, raw_upstream

TRACE = f"00-{7:032x}-{8:016x}-01"


def test_a_trace_goes_on_to_the_shop_and_into_the_journal(journal: Path) -> None:
    """`traceparent` and `tracestate` to the one, `traceparent` alone into the other."""
    got: list[bytes] = []
    body = as_json({"user": {"email": JANE, "id": 7}})

    def shop(wire: Wire) -> None:
        while (request := wire.request()) is not None:
            got.extend((*request.all(b"traceparent"), *request.all(b"tracestate")))
            head = (
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
            )
            wire.send(head % len(body) + body)

    headers = {"traceparent": TRACE, "tracestate": "vendor=marked"}
    with raw_upstream(shop) as raw, proxied(raw.url, journal) as url:
        httpx.post(f"{url}/login", json={"email": JANE}, headers=headers, trust_env=False)
        httpx.post(f"{url}/login", json={"email": JANE}, trust_env=False)
    assert got == [TRACE.encode(), b"vendor=marked"]
    assert [one.traceparent for one in read_messages(journal)] == [TRACE, None]
