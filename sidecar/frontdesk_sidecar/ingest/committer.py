"""Group commit: the messages of requests that come while a commit runs share the next one.

The store's writer groups pieces of work too, each in a savepoint of its own; here the messages of
many requests are one piece, so a request costs the store's thread next to nothing beside them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final, Protocol

import anyio

from frontdesk.event import Identify
from frontdesk_sidecar.ingest.tally import Nobody, Tally
from frontdesk_sidecar.store import Absorbed, Store, StoreError
from frontdesk_sidecar.store.writer import Writer

#: A transaction of more keeps others waiting: the journal, and who settles deliveries.
MAX_MESSAGES: Final = 2_000


class Commit(Protocol):
    """Puts messages into the store; they are on disk when it returns. Raises StoreError."""

    async def __call__(self, messages: Sequence[Identify], /) -> None:
        """Take these."""
        ...


class _Group:
    """Messages that are committed together, and what came of it."""

    def __init__(self) -> None:
        self.messages: list[Identify] = []
        self.is_led = False
        self.done = anyio.Event()
        self.error: Exception | None = None


class Committer:
    """The `Commit` of a store. `on_new` is called when customers became due."""

    def __init__(
        self,
        writer: Writer[Store],
        *,
        on_new: Callable[[], None],
        target_of: Callable[[Identify], str] | None = None,
        now: Callable[[], int] = lambda: time.time_ns() // 1000,
        tally: Tally | None = None,
    ) -> None:
        self._writer = writer
        self._on_new = on_new
        self._tally = tally or Nobody()
        self._target_of = target_of
        self._now = now
        self._turn = anyio.Lock()
        self._gathering = _Group()

    async def __call__(self, messages: Sequence[Identify], /) -> None:
        """See `Commit`. A caller that is cancelled lets go of the result only."""
        group = self._gathering
        group.messages += messages
        if len(group.messages) >= MAX_MESSAGES:
            self._gathering = _Group()
        if group.is_led:
            await group.done.wait()
        else:
            group.is_led = True
            with anyio.CancelScope(shield=True):  # the others depend on it
                await self._lead(group)
        if group.error is not None:
            # Each caller has its own: raising one adds to its traceback.
            raise type(group.error)(*group.error.args) from group.error

    async def _lead(self, group: _Group) -> None:
        """Commit a group when it is its turn; until then it grows."""
        async with self._turn:
            if self._gathering is group:
                self._gathering = _Group()
            try:
                await self._commit(group.messages)
            except Exception as error:  # noqa: BLE001 - everybody in the group must hear of it
                group.error = error if isinstance(error, StoreError) else StoreError(str(error))
            finally:
                group.done.set()

    async def _commit(self, messages: Sequence[Identify]) -> None:
        began, target_of = time.perf_counter(), self._target_of
        now = self._now()
        absorbed: Absorbed = await self._writer.run(
            lambda store: store.absorb(messages, {}, now, target_of)
        )
        self._tally.door_committed(len(messages), time.perf_counter() - began)
        if absorbed.changed:
            self._on_new()
