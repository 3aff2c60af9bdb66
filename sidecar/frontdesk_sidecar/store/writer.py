"""All work on the store in one thread, as many pieces to a commit as there are.

While one commit waits for the disk, the next pieces gather; they share the next commit. No timer
is involved: an idle store commits at once, a busy one commits larger groups.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Concatenate, Final, Generic, ParamSpec, Self, TypeVar

from anyio import CancelScope, CapacityLimiter, Event, to_thread

from frontdesk_sidecar.store import Store, StoreError, StoreFailed, StoreFull
from frontdesk_sidecar.store.errors import StoreHeld

P = ParamSpec("P")
T = TypeVar("T")
S = TypeVar("S", bound=Store)

#: So many pieces go into one commit at most, and so many may be under way; others wait in `run`.
MAX_GROUP: Final = 128
MAX_WAITING: Final = 1024


@dataclass(frozen=True, slots=True)
class WriterStatistics:
    """Since the start: commits, groups that could not be committed, and pieces of work done.

    `waiting` pieces are under way now, those whose caller has gone left out.
    """

    commits: int
    failures: int
    pieces: int
    waiting: int


@dataclass(slots=True, eq=False)
class _Piece(Generic[S]):
    """One caller's work, and after `done` what became of it."""

    work: Callable[[S], Any]
    alone: bool = False
    done: Event = field(default_factory=Event)
    value: Any = None
    error: BaseException | None = None


class Writer(Generic[S]):
    """Runs work on `store`, which stays the caller's to open and to close.

    Use it as `async with Writer(store) as writer`. Leaving the block waits for the work that was
    handed in before.
    """

    def __init__(
        self, store: S, *, max_group: int = MAX_GROUP, max_waiting: int = MAX_WAITING
    ) -> None:
        self._store = store
        self._max_group = max_group
        self._slots = CapacityLimiter(max_waiting)
        self._queue: SimpleQueue[_Piece[S] | None] = SimpleQueue()
        self._thread = Thread(target=self._serve, name="frontdesk-store", daemon=True)
        self._loop: asyncio.AbstractEventLoop
        self._open = False
        self._commits = self._failures = self._pieces = 0

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._thread.start()
        self._open = True
        return self

    async def __aexit__(self, *_: object) -> None:
        self._open = False
        self._queue.put(None)
        with CancelScope(shield=True):
            await to_thread.run_sync(self._thread.join)

    async def run(
        self, work: Callable[Concatenate[S, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `work(store, *args, **kwargs)` and return its result once it is on disk.

        `work` is a function, or a method of the protocol, as in `run(Store.claim, 10, now, lease)`.
        Pieces run in the order they were handed in, each all or nothing: when `work` raises, its
        own changes are undone and the caller gets the exception; other pieces are not touched.
        Work should touch nothing but the store, for it is run again when its group was undone.
        Raises StoreError when the commit failed, and then nothing of the piece was kept, or when
        the writer is closed. A caller that is cancelled has let go of the result only: work that
        was handed in is done all the same.
        """
        value: T = await self._hand_in(_Piece[S](partial(_call, work, args, kwargs)))
        return value

    async def run_alone(self, work: Callable[[S], T]) -> T:
        """Run `work(store)` outside of any transaction, when its turn comes."""
        value: T = await self._hand_in(_Piece[S](work, alone=True))
        return value

    async def _hand_in(self, piece: _Piece[S]) -> Any:
        async with self._slots:
            if not self._open:
                raise StoreError("the writer is closed")
            self._queue.put(piece)
            await piece.done.wait()
        if piece.error is not None:
            raise piece.error
        return piece.value

    def statistics(self) -> WriterStatistics:
        """What was done so far."""
        return WriterStatistics(
            self._commits, self._failures, self._pieces, self._slots.borrowed_tokens
        )

    def _serve(self) -> None:
        """The thread: until the None that closing puts at the end of the queue."""
        more = True
        while more:
            group, more = self._gather()
            if group:
                self._commit_or_relieve([piece for piece in group if not piece.alone])
                for piece in group:
                    if piece.alone:
                        self._attempt(piece, nullcontext())
                self._pieces += len(group)
                # anyio's own way would have this thread wait until the loop has done it.
                self._loop.call_soon_threadsafe(_hand_out, group)

    def _gather(self) -> tuple[list[_Piece[S]], bool]:
        """Wait for work and take what is there; False when it is the last."""
        group: list[_Piece[S]] = []
        try:
            piece = self._queue.get()
            while piece is not None:
                group.append(piece)
                if len(group) == self._max_group:
                    return group, True
                piece = self._queue.get_nowait()
        except Empty:
            return group, True
        return group, False

    def _commit_or_relieve(self, group: list[_Piece[S]]) -> None:
        """Commit; what found no room is tried once more when the store could make some."""
        if group:
            self._commit(group)
        wanting = [
            piece
            for piece in group
            if isinstance(piece.error, StoreFull) and not isinstance(piece.error, StoreHeld)
        ]
        if wanting and self._store.relieve():
            for piece in wanting:
                piece.error = None
            self._commit(wanting)

    def _commit(self, group: list[_Piece[S]]) -> None:
        if len(group) == 1:
            self._commit_one(group[0])
            return
        try:
            with self._store.transaction():
                for piece in group:
                    self._attempt(piece, self._store.transaction())
        except Exception as error:  # noqa: BLE001 (whatever it is, the callers must hear of it)
            self._failures += 1
            if not isinstance(error, StoreFailed):
                # A full disk makes SQLite undo the others too: each gets its own transaction.
                for piece in group:
                    piece.error = None
                    self._commit([piece])
                return
            for piece in group:
                piece.error = piece.error or _copy(error)
        else:
            self._commits += 1

    def _commit_one(self, piece: _Piece[S]) -> None:
        """Its transaction is that of the commit: a savepoint within it would keep nothing more."""
        is_done = False
        try:
            with self._store.transaction():
                piece.value = piece.work(self._store)
                is_done = True
        except BaseException as error:  # noqa: BLE001 (as in `_attempt`)
            piece.error = error
        if piece.error is None:
            self._commits += 1
        elif is_done or isinstance(piece.error, StoreError):
            self._failures += 1

    def _attempt(self, piece: _Piece[S], transaction: AbstractContextManager[None]) -> None:
        try:
            with transaction:
                piece.value = piece.work(self._store)
        except BaseException as error:  # noqa: BLE001 (it belongs to the caller, not to the thread)
            piece.error = error


def _call(
    work: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], store: Store
) -> Any:
    name = getattr(work, "__name__", "")
    if getattr(Store, name, None) is work:  # the protocol's method stands for the store's own
        return getattr(store, name)(*args, **kwargs)
    return work(store, *args, **kwargs)


def _hand_out(group: list[_Piece[S]]) -> None:
    for piece in group:
        piece.done.set()


def _copy(error: Exception) -> StoreError:
    """An exception for one caller alone: raising it adds to its traceback."""
    kind = type(error) if isinstance(error, StoreError) else StoreError
    copy = kind.__new__(kind, *error.args)
    copy.args = error.args
    copy.__cause__ = error
    return copy
