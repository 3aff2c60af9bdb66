"""Load that keeps its pace, from one process: logins a second, and streams to listen to.

`python -m benchmarks.proxy_load logins|events PORT …` prints one line of JSON: times in µs, sorted.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import Sequence
from typing import Final

BODY: Final = b'{"email":"jane.doe@example.com","password":"correct horse"}'
LOGIN: Final = (
    b"POST /login HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n"
    b"Accept: application/json\r\nAccept-Language: en\r\nAccept-Encoding: gzip\r\n"
    b"Cookie: session=0123456789abcdef; consent=all\r\nOrigin: https://shop.example\r\n"
    b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
)
EVENTS: Final = b"GET /events HTTP/1.1\r\nHost: shop.example\r\nAccept: text/event-stream\r\n\r\n"
CONNECTIONS: Final = 8


async def logins(port: int, rate: float, seconds: float) -> list[float]:
    """Logins that start at their time whatever the others do; how long each took from then."""
    idle: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    for _ in range(CONNECTIONS):
        idle.put_nowait(await asyncio.open_connection("127.0.0.1", port))
    took: list[float] = []

    async def one(due: float) -> None:
        reader, writer = await idle.get()
        writer.write(LOGIN)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        took.append((time.monotonic() - due) * 1e6)
        idle.put_nowait((reader, writer))

    began, tasks = time.monotonic() + 0.05, []
    for number in range(int(rate * seconds)):
        due = began + number / rate
        await asyncio.sleep(due - time.monotonic())
        tasks.append(asyncio.create_task(one(time.monotonic())))
    await asyncio.gather(*tasks)
    return took


async def events(port: int, streams: int, seconds: float) -> list[float]:
    """Streams listened to at once; how old each event was when it came."""
    ages: list[float] = []

    async def listen() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(EVENTS)
        with contextlib.closing(writer):
            while True:
                line = await reader.readline()
                if line.startswith(b"data: "):
                    ages.append((time.monotonic_ns() - int(line[6:])) / 1e3)
                elif not line:
                    raise ConnectionError("the stream ended")

    tasks = [asyncio.create_task(listen()) for _ in range(streams)]
    done, _ = await asyncio.wait(tasks, timeout=seconds)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert not done, "a stream ended"
    return ages


def main(arguments: Sequence[str]) -> None:
    """What, where, how many, how long."""
    what, port, number, seconds = arguments
    load = {"logins": logins, "events": events}[what]
    print(json.dumps(sorted(asyncio.run(load(int(port), int(number), float(seconds))))))


if __name__ == "__main__":
    main(sys.argv[1:])
