"""What SAP says an object looks like: fetched, kept in the store, fetched again."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

import anyio

from frontdesk_sidecar.metadata import Metadata, MetadataError, read_edmx
from frontdesk_sidecar.plan import Plan, make_plan
from frontdesk_sidecar.sap.answer import Answer, Failure
from frontdesk_sidecar.sap.outcome import Outcome, classify
from frontdesk_sidecar.sap.session import Session
from frontdesk_sidecar.settings_types import DEFAULT_TARGET, Target
from frontdesk_sidecar.store import Store, StoreFull
from frontdesk_sidecar.store.writer import Writer

MAX_EDMX_BYTES: Final = 16 * 1024 * 1024
_XML: Final = {"Accept": "application/xml"}
#: After so many misses in a row customers are sent as the mapping makes them: what comes of that
#: says what stands in the way, where asking for `$metadata` alone may be what is refused.
MISSES: Final = 3
#: As long as nothing is known, or what is known does not fit, it is asked for again so soon.
_SOON_S: Final = 60.0
#: While nothing may be asked it is looked so often whether that is over.
_QUIET_LOOK_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Description:
    """An object's metadata as the document that it was read from; or why there is none."""

    metadata: Metadata | None
    document: bytes = b""
    code: str = ""
    text: str = ""


async def describe(session: Session, url: str) -> Description:
    """Ask SAP once. Never raises for what it or the network does."""
    reply = await session.get(url, _XML, MAX_EDMX_BYTES)
    if isinstance(reply, Outcome):
        return Description(None, code=reply.code, text=reply.text)
    if isinstance(reply, Failure) or reply.status != 200:
        outcome = classify(reply, private=session.private)
        return Description(None, code=outcome.code, text=outcome.text)
    return read(reply)


def read(answer: Answer) -> Description:
    """What an answer of `$metadata` says."""
    try:
        return Description(read_edmx(answer.body), answer.body)
    except MetadataError as error:
        return Description(None, code="metadata", text=f"$metadata {error}")


class Teller(Protocol):
    """What hears of it, such as `Telemetry`."""

    def described(self, target: str, plan: Plan) -> None:
        """The object is known, or looks different from before."""

    def not_described(self, target: str, code: str, text: str) -> None:
        """SAP did not say what the object looks like."""


class Describer:
    """Keeps one target's plan true to what SAP describes.

    `use` takes each new plan. `may_ask` says whether SAP wants no silence: a question for
    `$metadata` begins a cool-down anew as any other request does. The last description is kept in
    the store, so that a restart while SAP is down knows as much as before.
    """

    def __init__(
        self,
        target: Target,
        session: Session,
        writer: Writer[Store],
        teller: Teller,
        *,
        use: Callable[[Plan], None],
        may_ask: Callable[[], bool] = lambda: True,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        self._target = target
        self._may_ask = may_ask
        self._session = session
        self._writer = writer
        self._teller = teller
        self._use = use
        self._sleep = sleep
        self._document = b""
        self._misses = 0
        self.plan = make_plan(target.mapping, None, target.destination.entity_set)

    async def restore(self) -> None:
        """Take up what an earlier run kept."""
        note = await self._writer.run(lambda store: store.recall(self._name))
        document = _kept(note, self._target.destination.metadata_url)
        if document:
            try:
                self._adopt(read_edmx(document), document)
            except MetadataError:
                return

    async def run(self) -> None:
        """Until cancelled. StoreError passes through."""
        while True:
            while not self._may_ask():
                await self._sleep(_QUIET_LOOK_S)
            await self.look()
            await self._sleep(self._wait_s())

    def _wait_s(self) -> float:
        if self.plan.item is not None and not self.plan.unfit and not self._misses:
            return self._target.metadata_s
        # It grows with each miss in a row.
        soon_s = _SOON_S if not self._misses else min(_SOON_S, 2.0 ** (self._misses - 1))
        return min(soon_s, self._target.metadata_s)

    async def look(self) -> None:
        """Ask SAP once, and use what it says."""
        url = self._target.destination.metadata_url
        found = await describe(self._session, url)
        if found.metadata is None:
            self._misses += 1
            self._teller.not_described(self._target.name, found.code, found.text)
            if self._misses >= MISSES:
                self._use(self.plan)
            return
        self._misses = 0
        if found.document != self._document:
            self._adopt(found.metadata, found.document)
            note = {"url": url, "edmx": found.document.decode(errors="replace")}
            with contextlib.suppress(StoreFull):
                await self._writer.run(lambda store: store.remember(self._name, note))

    def _adopt(self, metadata: Metadata, document: bytes) -> None:
        self._document = document
        target = self._target
        self.plan = make_plan(target.mapping, metadata, target.destination.entity_set)
        self._use(self.plan)
        self._teller.described(target.name, self.plan)

    @property
    def _name(self) -> str:
        name = self._target.name
        return "metadata" if name == DEFAULT_TARGET else f"metadata:{name}"


def _kept(note: Any, url: str) -> bytes:
    """What was kept of this address; another object's says nothing."""
    if isinstance(note, dict) and note.get("url") == url and isinstance(note.get("edmx"), str):
        return str(note["edmx"]).encode()
    return b""
