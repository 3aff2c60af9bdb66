"""From a whole body to messages in the store, and the answer."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from frontdesk.privacy import Privacy
from frontdesk_sidecar.ingest import answers
from frontdesk_sidecar.ingest.admission import Visitor
from frontdesk_sidecar.ingest.answers import Answer
from frontdesk_sidecar.ingest.committer import Commit
from frontdesk_sidecar.ingest.document import (
    Reading,
    parse,
    read_batch,
    read_lines,
    read_one,
    split_lines,
)
from frontdesk_sidecar.ingest.message import Envelope
from frontdesk_sidecar.ingest.routes import BATCH, IMPORT, Route
from frontdesk_sidecar.ingest.tally import Tally

#: Lines of a file are taken so many at a time: others get their turn in between.
LINES: Final = 500
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Rules:
    """What the settings say: pages of which origins, and what is done with what they send.

    `site` is that of messages that name none in their context.
    """

    origins: Collection[str] = ()
    site: str | None = None
    privacy: Privacy = field(default_factory=Privacy)


class Taker:
    """Takes what a body holds."""

    def __init__(self, commit: Commit, rules: Rules, tally: Tally) -> None:
        self._commit = commit
        self._rules = rules
        self._tally = tally

    async def take(
        self,
        route: Route,
        visitor: Visitor,
        body: bytearray,
        received_us: int,
        trace: str | None = None,
    ) -> Answer:
        """The answer, after the commit. Raises Refusal, Malformed and StoreError.

        `trace` is the request's `traceparent`.
        """
        envelope = self._envelope(received_us, trace)
        if route.kind == IMPORT:
            reading = await self._lines(split_lines(body), envelope)
            return answers.of_reading(reading, with_counts=True)
        document = parse(body)
        visitor.check_key(document)
        if route.kind == BATCH:
            reading = read_batch(document, len(body), envelope)
        else:
            reading = read_one(document, route.kind, envelope)
        del document  # it may be many times as large as the messages in it
        await self._keep(reading)
        return answers.of_reading(reading)

    async def take_lines(self, lines: Sequence[bytes], received_us: int) -> Reading:
        """What a person handed over, committed. Raises StoreError."""
        return await self._lines(lines, self._envelope(received_us))

    def _envelope(self, received_us: int, trace: str | None = None) -> Envelope:
        received = _EPOCH + timedelta(microseconds=received_us)
        rules = self._rules
        return Envelope(
            received, os.urandom(8).hex(), site=rules.site, privacy=rules.privacy, trace=trace
        )

    async def _lines(self, lines: Sequence[bytes], envelope: Envelope) -> Reading:
        whole = Reading()
        for start in range(0, len(lines), LINES):
            reading = read_lines(lines[start : start + LINES], start + 1, envelope)
            await self._keep(reading)
            whole.add(reading)
        return whole

    async def _keep(self, reading: Reading) -> None:
        if reading.messages:
            await self._commit(reading.messages)
        self._tally.door_took(reading.counts)
