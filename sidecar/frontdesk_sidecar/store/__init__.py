"""The store: one row per customer, durable, merged on write, leased for delivery.

A row is in one of four states:

    pending   something is to be delivered, once `due_at` has come
    leased    somebody is delivering it; when the lease runs out, it may be claimed again
    clean     the target has everything
    dead      the target will not take it; only new data or a person brings it back
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from frontdesk.event import Identify
from frontdesk_sidecar.store.errors import (
    StoreError,
    StoreFailed,
    StoreFull,
    StoreLocked,
    StoreTooNew,
)
from frontdesk_sidecar.store.types import (
    Absorbed,
    Claim,
    Counts,
    Dead,
    DeadLetter,
    Delivered,
    Release,
    Retry,
    Settled,
    Settlement,
)

__all__ = [
    "Absorbed",
    "Claim",
    "Counts",
    "Dead",
    "DeadLetter",
    "Delivered",
    "Release",
    "Retry",
    "Settled",
    "Settlement",
    "Store",
    "StoreError",
    "StoreFailed",
    "StoreFull",
    "StoreLocked",
    "StoreTooNew",
]


class Store(Protocol):
    """What every engine does. Synchronous, for one thread at a time; see `store.writer`.

    All times are integer microseconds since the epoch and given by the caller. Every method is
    one durable transaction of its own, or part of the one opened with `transaction`, and raises
    StoreError. The bodies here raise, so that calling `Store.claim(store, …)` is loud.
    """

    def transaction(self) -> AbstractContextManager[None]:
        """All or nothing, on disk when the block is left; inside another one, a savepoint."""
        raise NotImplementedError

    def absorb(
        self, messages: Sequence[Identify], offsets: Mapping[str, int], now: int
    ) -> Absorbed:
        """Merge messages and record how far the journal's segments (name -> bytes) were read.

        A customer with anything new is due now, with these exceptions: one leased becomes due
        when settled; one waiting after failures keeps its time, so that logins cannot defeat the
        back-off; one due already keeps its place. New data revives a dead customer.
        """
        raise NotImplementedError

    def offsets(self) -> dict[str, int]:
        """How far each known segment was absorbed, in bytes."""
        raise NotImplementedError

    def forget_segments(self, names: Iterable[str]) -> None:
        """Drop the offsets of segments that no longer exist."""
        raise NotImplementedError

    def claim(self, limit: int, now: int, lease_us: int) -> list[Claim]:
        """Lease up to `limit` due customers, longest due first, fresh ones before retries."""
        raise NotImplementedError

    def settle(self, settlements: Sequence[Settlement], now: int) -> Settled:
        """Record what became of claims. A claim whose lease went to somebody else has no effect."""
        raise NotImplementedError

    def scrub(self, before: int, limit: int = 1000) -> int:
        """Erase the values of up to `limit` customers that are clean since before that time.

        Key, revision, hash and the times of the facts stay. Returns how many: fewer than `limit`
        means done.
        """
        raise NotImplementedError

    def counts(self, now: int) -> Counts:
        """How many customers are in which state."""
        raise NotImplementedError

    def dead(self, limit: int) -> list[DeadLetter]:
        """The latest dead letters, newest first."""
        raise NotImplementedError

    def close(self) -> None:
        """Let go of everything. A second call does nothing."""
        raise NotImplementedError
