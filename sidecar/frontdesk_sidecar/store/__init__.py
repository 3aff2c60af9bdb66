"""The store: one row per customer and target, durable, merged on write, leased for delivery.

A row is in one of four states:

    pending   something is to be delivered, once `due_at` has come
    leased    somebody is delivering it; when the lease runs out, it may be claimed again
    clean     the target has everything
    dead      the target will not take it; only new data or a person brings it back
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from frontdesk.event import Identify
from frontdesk_sidecar.store.errors import (
    StoreError,
    StoreFailed,
    StoreFull,
    StoreLocked,
    StoreTooNew,
)
from frontdesk_sidecar.store.types import (
    DEFAULT_TARGET,
    Absorbed,
    Again,
    Attempt,
    Claim,
    Counts,
    Dead,
    DeadLetter,
    Delivered,
    Known,
    Release,
    Retry,
    Settled,
    Settlement,
    Which,
)

__all__ = [
    "DEFAULT_TARGET",
    "Absorbed",
    "Again",
    "Attempt",
    "Claim",
    "Counts",
    "Dead",
    "DeadLetter",
    "Delivered",
    "Known",
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
    "Which",
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
        self,
        messages: Sequence[Identify],
        offsets: Mapping[str, int],
        now: int,
        target_of: Callable[[Identify], str] | None = None,
    ) -> Absorbed:
        """Merge messages and record how far the journal's segments (name -> bytes) were read.

        Each message goes into the customer's row of the target that `target_of` names, without it
        of DEFAULT_TARGET: what one target is told never shows at another.
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

    def claim(
        self,
        limit: int,
        now: int,
        lease_us: int,
        *,
        target: str = DEFAULT_TARGET,
        failed: bool = False,
        untried: bool = False,
    ) -> list[Claim]:
        """Lease up to `limit` customers due for a target, longest due first.

        With `untried` those alone that have no failure to their name, the latest due first.
        Those that never `failed` since their last delivery, or those that did: the caller says how
        many of each, so that neither starves the other.
        """
        raise NotImplementedError

    def is_due(self, now: int, target: str = DEFAULT_TARGET) -> bool:
        """Whether there is a customer that could be claimed; quick, however many there are."""
        raise NotImplementedError

    def bring_forward(self, latest: int) -> int:
        """Let nobody be due later than at `latest`: the clock was set back; how many were."""
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
        """How many customers are in which state, of all targets together."""
        raise NotImplementedError

    def counts_by_target(self, now: int) -> dict[str, Counts]:
        """The same for each target that has customers, also for those nobody claims for."""
        raise NotImplementedError

    def size(self) -> int:
        """Bytes on the disk."""
        raise NotImplementedError

    def dead(self, which: Which, limit: int) -> list[DeadLetter]:
        """Dead letters, the latest to die first."""
        raise NotImplementedError

    def dead_codes(self, target: str | None = None) -> dict[str, int]:
        """How many dead letters there are of each code, for one target or for all."""
        raise NotImplementedError

    def failing(self, target: str) -> tuple[int, int, str] | None:
        """Of those that wait for a target, how many failed more than once; the most often, and
        the code of that one. Among many only the first ones are looked at, and of attempts that
        were not counted, as in an outage, only the last five.
        """
        raise NotImplementedError

    def known(self, key: str) -> list[Known]:
        """All that is known of a customer, for each target; empty when there is nothing."""
        raise NotImplementedError

    def key_of(self, number: int) -> str | None:
        """The key of the customer whose `Known.id` or `DeadLetter.id` this is."""
        raise NotImplementedError

    def of_user(self, user_id: str, after: int, limit: int) -> tuple[list[int], int | None]:
        """The numbers, as for `key_of`, of those with this user id, among `limit` after a number.

        And the last of these, from which to go on; None at the end. No index serves it.
        """
        raise NotImplementedError

    def under_way(self, target: str | None, now: int) -> int:
        """How many customers of a target, or of all, are due or leased."""
        raise NotImplementedError

    def again(
        self, target: str | None, after: int, limit: int, now: int
    ) -> tuple[Again, int | None]:
        """Have customers of a target, or of all, sent once more, changed or not; not the dead.

        Looks at `limit` customers after a number, as `of_user` does, and gives the last of these
        or None at the end. Whoever waits for a delivery already keeps the time of it.
        """
        raise NotImplementedError

    def revive(self, which: Which, now: int) -> int:
        """Make dead letters due now, as if they had never failed; how many."""
        raise NotImplementedError

    def discard(self, which: Which, limit: int = 1000) -> int:
        """Delete up to `limit` dead letters, the earliest to die first; how many.

        Nothing of those customers stays; a new login makes a new customer.
        """
        raise NotImplementedError

    def forget(self, key: str) -> bool:
        """Delete everything known of a customer, whatever its state; False when there is nothing.

        Of all targets. A delivery under way has no effect on the store any more.
        """
        raise NotImplementedError

    def drop_target(self, target: str, limit: int = 1000) -> int:
        """Delete up to `limit` customers of a target that nobody claims for; how many.

        Whatever their state. Nothing of DEFAULT_TARGET.
        """
        raise NotImplementedError

    def move_target(self, source: str, target: str, now: int, limit: int = 1000) -> int:
        """Give up to `limit` customers of a target that nobody claims for to another; how many.

        As if they had logged in there: what is known is merged with what that target was told,
        and is due. Those whose values were erased are left out. Nothing of DEFAULT_TARGET.
        """
        raise NotImplementedError

    def recall(self, name: str) -> Any:
        """The JSON value remembered under a name, or None."""
        raise NotImplementedError

    def remember(self, name: str, value: object) -> None:
        """Keep a small JSON value under a name; None drops it."""
        raise NotImplementedError

    def relieve(self) -> bool:
        """Give up room kept in reserve; True when what failed with StoreFull may succeed now."""
        return False

    def held(self) -> str | None:
        """Why no messages are taken in just now, in words; None when they are."""
        return None

    def checkpoint(self) -> None:
        """Tidy up on the disk what can be; not within a transaction."""
        raise NotImplementedError

    def close(self) -> None:
        """Let go of everything. A second call does nothing."""
        raise NotImplementedError
