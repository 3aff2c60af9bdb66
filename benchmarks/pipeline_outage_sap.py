"""A simulated day: its clock, its logins, and a SAP that is down until it is there again."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import anyio

from benchmarks.pipeline_journal import traits_of
from frontdesk.event import LOGGED_IN, Identify
from frontdesk_sidecar.sap.outcome import Failure, Kind, Outcome, classify

#: Microseconds since the epoch.
START_US: Final = 1_795_176_000_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NO_CONNECTION: Final = classify(Failure.CONNECT)
_TAKEN: Final = Outcome(Kind.DELIVERED, "http.201")
#: What SAP takes for a request, and for each customer in it.
REQUEST_S: Final = 0.02
CUSTOMER_S: Final = 0.002


class Time:
    """Both clocks of the sidecar: they stand still and are moved on, until `run`."""

    def __init__(self) -> None:
        self._passed_s = 0.0
        self._running_since: float | None = None

    def clock(self) -> float:
        """Seconds, monotonic."""
        since = self._running_since
        return self._passed_s if since is None else self._passed_s + time.monotonic() - since

    def now(self) -> int:
        """Microseconds since the epoch."""
        return START_US + int(self.clock() * 1e6)

    def move_to(self, seconds: float) -> None:
        """Let it be later."""
        self._passed_s = max(self._passed_s, seconds)

    def run(self) -> None:
        """From now on as the real one."""
        self._running_since = time.monotonic()


class Sap:
    """A `Target`: no connection, until `is_up`; then it takes all, after a time."""

    def __init__(self, customers: int, clock: Callable[[], float]) -> None:
        self.is_up = False
        self.attempts = 0  # while it was down
        self.taken = bytearray(customers)
        #: when each request came that was answered
        self.requests: list[float] = []
        self._clock = clock

    async def upsert(
        self,
        payload: Mapping[str, object],
        *,
        message_id: Callable[[], str],
        traceparent: object = None,
    ) -> Outcome:
        """One customer."""
        result = await self._answer([payload], lambda _: message_id())
        return result if isinstance(result, Outcome) else result[0]

    async def upsert_many(
        self,
        payloads: Sequence[Mapping[str, object]],
        *,
        message_id: Callable[[int], str],
        traceparent: object = None,
        boundary: str,
    ) -> tuple[Outcome, ...] | Outcome:
        """A `$batch`."""
        return await self._answer(payloads, message_id)

    async def _answer(
        self, payloads: Sequence[Mapping[str, object]], message_id: Callable[[int], str]
    ) -> tuple[Outcome, ...] | Outcome:
        for number in range(len(payloads)):
            message_id(number)
        if not self.is_up:
            self.attempts += 1
            return _NO_CONNECTION
        self.requests.append(self._clock())
        await anyio.sleep(REQUEST_S + CUSTOMER_S * len(payloads))
        for payload in payloads:
            number = int(str(payload["uid"]).removeprefix("shopper").partition("@")[0])
            self.taken[number] = min(self.taken[number] + 1, 255)
        return (_TAKEN,) * len(payloads)


def logins(number: int, customers: int, seed: int) -> Iterator[int]:
    """Who logs in: all of them in a random order, and again, so that each comes as often."""
    order = list(range(customers))
    chosen = random.Random(seed)
    for one in range(number):
        if one % customers == 0:
            chosen.shuffle(order)
        yield order[one % customers]


def message(number: int, customer: int, seconds: float) -> Identify:
    """Login `number`, of this customer, at this time of the day; nobody changes anything."""
    moment = _EPOCH + timedelta(microseconds=START_US + int(seconds * 1e6))
    traits = traits_of(customer)
    return Identify(f"{number}", moment, str(customer), traits, LOGGED_IN, "POST /api/login")
