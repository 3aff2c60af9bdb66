"""Stock levels as they change: a stream of Server-Sent Events."""

import json
import time
from collections.abc import AsyncIterator

import anyio
from starlette.requests import Request
from starlette.responses import StreamingResponse

from shop.catalog import stock_levels

TICK_S = 2
# A server that shuts down waits for its streams. Browsers come back by themselves.
EVENTS_PER_STREAM = 15
HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}


def current_tick() -> int:
    """Return the number of the present moment; the same in every worker process."""
    return int(time.time()) // TICK_S


async def stock_stream(request: Request) -> StreamingResponse:
    """`GET /stock/stream`: an event now and one at each tick."""
    return StreamingResponse(_events(), media_type="text/event-stream", headers=HEADERS)


async def _events() -> AsyncIterator[str]:
    yield "retry: 2000\n\n"
    for _ in range(EVENTS_PER_STREAM):
        tick = current_tick()
        yield f"event: stock\nid: {tick}\ndata: {json.dumps(stock_levels(tick))}\n\n"
        await anyio.sleep(TICK_S)
