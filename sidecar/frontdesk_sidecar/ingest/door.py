"""The door itself: an ASGI app for `/v1/*`, wherever that is mounted."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from typing import Any, Final, TypeAlias

import orjson

from frontdesk.trace_context import traceparent
from frontdesk_sidecar.ingest import answers, cors
from frontdesk_sidecar.ingest.admission import Refusal, admit, sink
from frontdesk_sidecar.ingest.answers import Answer
from frontdesk_sidecar.ingest.body import BODY_S, Body, Gone, Receive, TooSlow
from frontdesk_sidecar.ingest.budget import Budget, Busy
from frontdesk_sidecar.ingest.committer import Commit
from frontdesk_sidecar.ingest.document import Malformed, Reading
from frontdesk_sidecar.ingest.inflate import Damaged, TooLarge
from frontdesk_sidecar.ingest.keys import Keys
from frontdesk_sidecar.ingest.proof import is_known
from frontdesk_sidecar.ingest.routes import Head, Route, find_route, settings_key
from frontdesk_sidecar.ingest.taking import Rules, Taker
from frontdesk_sidecar.ingest.tally import Nobody, Tally
from frontdesk_sidecar.logs.speaking import Voice
from frontdesk_sidecar.store import StoreError, StoreFull

Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_PRIVATE: Final = "access-control-request-private-network"
_HOST: Final = re.compile(r"[A-Za-z0-9.:\[\]-]{1,255}")


class Door:
    """The ASGI app. `now` gives microseconds since the epoch."""

    def __init__(
        self,
        keys: Keys,
        commit: Commit,
        rules: Rules | None = None,
        *,
        tally: Tally | None = None,
        budget: Budget | None = None,
        body_s: float = BODY_S,
        now: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self._log = Voice("frontdesk.ingest")
        self._keys = keys
        self._rules = rules or Rules()
        self._tally = tally or Nobody()
        self._taker = Taker(commit, self._rules, self._tally)
        self._budget = budget or Budget()
        self._body_s = body_s
        self._now = now
        self._is_closing = False

    def close(self) -> None:
        """Take nothing in any more, and say so; who is being served is."""
        self._is_closing = True

    async def take_lines(self, lines: Sequence[bytes]) -> Reading:
        """See `Taker.take_lines`: for who has come in by another door."""
        return await self._taker.take_lines(lines, self._now())

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        head, body = Head(scope), Body(receive, seconds=self._body_s)
        try:
            answer = await self._answer(head, body)
        except Gone:
            return
        except Exception as error:  # noqa: BLE001 - its text may hold a person's values
            self._log.say("ingest_failed", error=type(error).__name__)
            answer = answers.FAILED
        self._tally.door_answered(answer.status)
        more = cors.headers(head["origin"], self._rules.origins)
        if head.method == "POST" and not body.is_whole:
            more["connection"] = "close"  # what is still to come is not wanted
        await _send(send, answer, more)

    async def _answer(self, head: Head, body: Body) -> Answer:
        received = self._now()
        try:
            found = self._at_once(head)
            if isinstance(found, Answer):
                return found
            return await self._taken(head, found, body, received)
        except Refusal as refusal:
            answer = refusal.answer
        except TooSlow:
            return answers.SLOW
        except (Damaged, Malformed) as error:
            answer = answers.malformed(str(error))
        # Who is still sending would not see the answer; who waits to be told to go on would send.
        if not head.waits:
            await body.drain()
        return answer

    def _at_once(self, head: Head) -> Answer | Route:
        """The answer that needs no body, or by which route the body comes. Raises Refusal."""
        if not self._keys.are_there:
            raise Refusal(answers.CLOSED)
        if self._is_closing:
            raise Refusal(answers.STOPPING)
        if not cors.is_allowed(head["origin"], self._rules.origins):
            raise Refusal(answers.ORIGIN)
        key, route = settings_key(head), find_route(head)
        if key is None and route is None:
            raise Refusal(answers.NOT_FOUND)
        if head.method == "OPTIONS":
            return Answer(204, headers=cors.preflight(to_private_network=head[_PRIVATE] == "true"))
        if key is not None:
            return self._settings(head, key)
        if route is None or head.method != "POST":
            raise Refusal(answers.only("POST", "OPTIONS"))
        return route

    def _settings(self, head: Head, key: str) -> Answer:
        """What analytics.js asks for when it starts: to send everything here, and nothing else."""
        if head.method != "GET":
            raise Refusal(answers.only("GET", "OPTIONS"))
        host = head["host"] or ""
        if not is_known(key, self._keys.write()) or not _HOST.fullmatch(host):
            raise Refusal(answers.NOT_FOUND)
        here = {"apiKey": key, "apiHost": f"{host}/v1", "protocol": head.scheme}
        return Answer(
            200, {"integrations": {"Segment.io": here}, "plan": {}, "metrics": {"sampleRate": 0}}
        )

    async def _taken(self, head: Head, route: Route, body: Body, received: int) -> Answer:
        visitor = admit(head, route, self._keys, received / 1e6)
        with self._budget.share(is_stranger=not visitor.is_known) as share:
            try:
                content = await body.read(sink(head, route), share, visitor.signature)
                visitor.check_signature()
                trace = traceparent(head["traceparent"])
                return await self._taker.take(route, visitor, content, received, trace)
            except TooLarge:
                raise Refusal(answers.too_large(route.limit)) from None
            except Busy:
                raise Refusal(answers.BUSY) from None
            except StoreFull:
                return answers.HELD
            except StoreError:
                return answers.NO_STORE


async def _send(send: Send, answer: Answer, more: Mapping[str, str]) -> None:
    content = b"" if answer.document is None else orjson.dumps(answer.document)
    headers = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
    if content:
        headers["content-type"] = "application/json"
        headers["content-length"] = str(len(content))
    headers |= {**answer.headers, **more}
    encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": encoded})
    await send({"type": "http.response.body", "body": content})
