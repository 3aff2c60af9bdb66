"""What one turn does in the store: settle what is finished, and claim what can be sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from frontdesk_sidecar.store import DEFAULT_TARGET, Claim, Settlement, Store, Which

T = TypeVar("T")
#: The name under which the store remembers why the default target's gate is shut.
GATE = "gate"
#: The same of its being paused by hand.
PAUSE = "pause"


def note_of(name: str, target: str) -> str:
    """The name of a target's own note; the default one's are those of earlier versions."""
    return name if target == DEFAULT_TARGET else f"{name}:{target}"


@dataclass(frozen=True, slots=True)
class Wish:
    """So many requests, each for so many customers when more than `batch_above` are due.

    `untried_first`: those of whom nothing is known before those that failed. `failed_first` of
    the requests are for customers that failed before, if there are any; what the fresh ones leave
    is for them as well.
    """

    requests: int = 0
    per_request: int = 1
    batch_above: int = 0
    failed_first: int = 0
    untried_first: bool = False


@dataclass(frozen=True, slots=True)
class Draw:
    """The customers claimed, in the company in which they are sent."""

    requests: Sequence[Sequence[Claim]]


@dataclass(frozen=True, slots=True)
class Turn:
    """Everything for one transaction; times in microseconds since the epoch."""

    finished: Sequence[Settlement]
    wish: Wish
    now: int
    lease_us: int
    wronged_since: int | None
    gate: Any  # a JSON value to remember, None to forget, False to leave as it is
    target: str = DEFAULT_TARGET


def settle_and_claim(store: Store, turn: Turn) -> Draw:
    """One turn; raises StoreError, and then nothing was done."""
    if turn.finished:
        store.settle(turn.finished, turn.now)
    if turn.wronged_since is not None:
        store.revive(Which(since=turn.wronged_since, target=turn.target), turn.now)
    if turn.gate is not False:
        store.remember(note_of(GATE, turn.target), turn.gate)
    return _claim(store, turn)


def _claim(store: Store, turn: Turn) -> Draw:
    wish = turn.wish

    def claim(limit: int, *, failed: bool = False, untried: bool = False) -> list[Claim]:
        if limit <= 0:
            return []
        return store.claim(
            limit, turn.now, turn.lease_us, target=turn.target, failed=failed, untried=untried
        )

    if wish.untried_first and (untried := claim(wish.requests, untried=True)):
        return Draw([[one] for one in untried])

    failed = claim(wish.failed_first, failed=True)
    room = wish.requests - len(failed)
    fresh = claim(max(room, wish.batch_above + 1) if wish.per_request > 1 and room > 0 else room)
    is_backlog = wish.per_request > 1 and len(fresh) > wish.batch_above
    if is_backlog:
        fresh += claim(room * wish.per_request - len(fresh))
    # A customer that failed goes alone, so that it cannot spoil it for others again.
    requests = chunks(fresh, wish.per_request if is_backlog else 1)
    failed += claim(room - len(requests), failed=True)
    return Draw([[one] for one in failed] + requests)


def chunks(claims: Sequence[Claim], size: int) -> list[Sequence[Claim]]:
    """As few parts as possible of at most `size`, of even lengths, sorted by key."""
    return evenly(sorted(claims, key=lambda claim: claim.key) if size > 1 else claims, size)


def evenly(items: Sequence[T], size: int) -> list[Sequence[T]]:
    """As few parts as possible of at most `size`, of even lengths, in the order given."""
    number = -(-len(items) // size)
    return [
        items[part * len(items) // number : (part + 1) * len(items) // number]
        for part in range(number)
    ]
