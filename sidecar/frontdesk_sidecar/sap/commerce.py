"""The client of SAP Commerce's Integration API.

Sources: RFC 6750 (bearer tokens), SAP Help topics "Inbound Integration Authentication" and "POST"
of the Integration API Module. Nothing is logged here, and nothing that SAP or the network does is
raised: it becomes an `Outcome`.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from types import TracebackType
from typing import Final, Self

import orjson

from frontdesk_sidecar.sap import batch
from frontdesk_sidecar.sap.advice import advice_for
from frontdesk_sidecar.sap.answer import Answer
from frontdesk_sidecar.sap.batch import Change
from frontdesk_sidecar.sap.destination import Destination, parse_base_url
from frontdesk_sidecar.sap.outcome import Kind, Outcome, classify
from frontdesk_sidecar.sap.passport import passport
from frontdesk_sidecar.sap.scrub import MAX_VALUES, texts_of
from frontdesk_sidecar.sap.session import Reply, Session
from frontdesk_sidecar.sap.tokens import Tokens
from frontdesk_sidecar.sap.transport import MAX_ANSWER_BYTES

__all__ = ["Commerce", "Destination", "Tokens", "parse_base_url"]

MAX_BATCH_BYTES: Final = 16 * MAX_ANSWER_BYTES
_JSON: Final = {"Content-Type": "application/json"}
#: Values to look for in the answer to a whole batch.
_MOST_VALUES: Final = 3000
_MESSAGE_ID: Final = "integrationMessageId"


class Commerce:
    """Upserts customers into one integration object. An async context manager.

    Raises ``OSError`` or ``ssl.SSLError`` at construction when ``destination.ca_file`` is
    unusable. ``clock``, ``now`` and ``on_token`` are those of `Tokens`.
    """

    def __init__(
        self,
        destination: Destination,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
        on_token: Callable[[Outcome], None] | None = None,
    ) -> None:
        self._destination = destination
        self._now = now
        self.session = Session(destination, clock=clock, now=now, on_token=on_token)

    async def __aenter__(self) -> Self:
        await self.session.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.session.__aexit__(exc_type, exc, traceback)

    async def upsert(
        self,
        payload: Mapping[str, object],
        *,
        message_id: Callable[[], str],
        traceparent: Callable[[], str | None] = lambda: None,
    ) -> Outcome:
        """Create or update the customer whose key is in ``payload``, a flat JSON object.

        ``message_id`` is called for each attempt and gives SAP's ``integrationMessageId``, which
        should be unique per attempt; ``traceparent``, called after it, gives the header of that
        name (W3C Trace Context) or None. A refused token is replaced once. Never raises for
        anything the network or SAP does; after a timeout it is unknown whether SAP acted, and
        sending the same payload again is harmless. Cancellation passes through.
        """
        body = orjson.dumps(dict(payload))

        def request() -> tuple[bytes, Mapping[str, str]]:
            return body, _JSON | self._headers(message_id(), traceparent())

        reply = await self.session.ask("POST", self._destination.entity_url, request)
        return self._classified(reply, payload)

    async def upsert_many(
        self,
        payloads: Sequence[Mapping[str, object]],
        *,
        message_id: Callable[[int], str],
        boundary: str,
        traceparent: Callable[[int], str | None] = lambda number: None,
    ) -> tuple[Outcome, ...] | Outcome:
        """Create or update several customers in one ``$batch``, each in a changeset of its own.

        One outcome for each, in order; or a single one when it is that of the whole request, which
        has the code ``batch.unreadable`` when SAP's answer cannot be told apart. ``message_id`` and
        ``traceparent`` are called with the position. ``boundary`` is random text of letters and
        digits. Otherwise as `upsert`.
        """
        bodies = [orjson.dumps(dict(payload)) for payload in payloads]
        entity_set = self._destination.entity_set

        def request() -> tuple[bytes, Mapping[str, str]]:
            changes = [
                Change(body, self._headers(message_id(number), traceparent(number)))
                for number, body in enumerate(bodies)
            ]
            content = batch.encode(changes, entity_set=entity_set, boundary=boundary)
            return content, {"Content-Type": batch.content_type(boundary)}

        reply = await self.session.ask(
            "POST", self._destination.batch_url, request, MAX_BATCH_BYTES
        )
        if not isinstance(reply, Answer) or reply.status != 202:
            return self._classified(reply, *payloads)
        try:
            parts = batch.decode(reply, len(payloads))
        except batch.BatchError as error:
            code = "batch.unreadable"
            return Outcome(Kind.TRANSIENT, code, str(error), advice_for(code))
        return tuple(
            self._classified(part, payload) for part, payload in zip(parts, payloads, strict=True)
        )

    def _headers(self, message_id: str, traceparent: str | None) -> dict[str, str]:
        headers = {**self._destination.change_headers, _MESSAGE_ID: message_id}
        if traceparent is not None:
            headers["traceparent"] = traceparent
        if self._destination.passport:
            headers["SAP-PASSPORT"] = passport(message_id)
        return headers

    def _classified(self, reply: Reply, *payloads: Mapping[str, object]) -> Outcome:
        if isinstance(reply, Outcome):
            return reply
        if isinstance(reply, Answer) and reply.status in (200, 201):
            return classify(reply)  # what says nothing of its own needs no search for values
        private = chain(self.session.private, *map(texts_of, payloads))
        most = min(MAX_VALUES * len(payloads), _MOST_VALUES)
        return classify(reply, private=private, now=self._now(), most=most)
