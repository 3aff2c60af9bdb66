"""The values that go into and come out of a store. Times are microseconds since the epoch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

from frontdesk.traits import mask
from frontdesk_sidecar.customer import Customer

#: The target of customers for whom nothing else was said; rows of earlier versions are its.
DEFAULT_TARGET: Final = "default"


@dataclass(frozen=True, slots=True)
class Absorbed:
    """What became of a batch of messages.

    `merged` customers were touched, of whom `changed` have something new to deliver; `anonymous`
    messages had no key and were left out.
    """

    merged: int
    changed: int
    anonymous: int

    @property
    def unchanged(self) -> int:
        """Customers of whom everything was known already, or newer."""
        return self.merged - self.changed


@dataclass(frozen=True, slots=True)
class Claim:
    """One customer due for one target, leased to whoever claimed it until `lease_until`.

    `revision` counts the customer's changes; `attempts` the failures in a row, of which the last
    one had `code`; `sent_revision`, `sent_hash` and `sent_at` are those of the last delivery.
    `token` is the fence for settling. `traceparent` is that of the newest message which had one
    and was not delivered yet.
    """

    customer: Customer
    revision: int
    attempts: int
    sent_revision: int
    sent_hash: bytes | None
    sent_at: int | None
    code: str | None
    token: str
    lease_until: int
    target: str = DEFAULT_TARGET
    traceparent: str | None = None

    @property
    def key(self) -> str:
        """The customer's key."""
        return self.customer.key


@dataclass(frozen=True, slots=True)
class Delivered:
    """It arrived, or was known there already: clean, or due again if newer data came meanwhile.

    `sent_hash` is stored as given: pass `claim.sent_hash` to keep it; None means unknown. So is
    `sent_at`, the time of the call; None means now. `message_id` is the `integrationMessageId` of
    the call; empty when there was none, and that of the one before is kept.
    """

    claim: Claim
    sent_hash: bytes | None = None
    sent_at: int | None = None
    message_id: str = ""


@dataclass(frozen=True, slots=True)
class Retry:
    """It failed: one more attempt is `counted` and the customer is due again at `due_at`."""

    claim: Claim
    due_at: int
    code: str
    text: str
    message_id: str = ""
    counted: bool = True


@dataclass(frozen=True, slots=True)
class Dead:
    """It will not succeed: a dead letter, unless newer data came meanwhile; that gets its try."""

    claim: Claim
    code: str
    text: str
    message_id: str = ""


@dataclass(frozen=True, slots=True)
class Release:
    """It was not tried: due again at `due_at`, and no attempt is counted."""

    claim: Claim
    due_at: int


Settlement: TypeAlias = Delivered | Retry | Dead | Release


@dataclass(frozen=True, slots=True)
class Settled:
    """How many settlements took effect, and how many came from a lease that is no longer held."""

    settled: int
    stale: int


@dataclass(frozen=True, slots=True)
class Again:
    """How many customers are sent once more, and of how many the values were erased by age."""

    due: int
    erased: int


@dataclass(frozen=True, slots=True)
class Counts:
    """How many customers are in which state, and how large the whole store is.

    `due` are those that `claim` would find now, a lease that ran out included. `oldest_us` is the
    age of the oldest data not yet delivered, dead letters aside; None when there is none.
    """

    pending: int
    due: int
    leased: int
    dead: int
    clean: int
    oldest_us: int | None
    bytes: int

    @property
    def total(self) -> int:
        """All there are; those that are due are pending or leased."""
        return self.pending + self.leased + self.dead + self.clean

    @classmethod
    def together(cls, several: Iterable[Counts], size: int) -> Counts:
        """The counts of several targets as one; `size` is that of the store."""
        found = list(several)
        ages = [one.oldest_us for one in found if one.oldest_us is not None]
        return cls(
            pending=sum(one.pending for one in found),
            due=sum(one.due for one in found),
            leased=sum(one.leased for one in found),
            dead=sum(one.dead for one in found),
            clean=sum(one.clean for one in found),
            oldest_us=max(ages, default=None),
            bytes=size,
        )


@dataclass(frozen=True, slots=True)
class Attempt:
    """One failed attempt: when, SAP's code and safe text, and the `integrationMessageId`.

    By that id the request is found in the Backoffice's inbound monitoring; it is empty when
    nothing was sent.
    """

    at: int
    code: str
    text: str
    message_id: str


@dataclass(frozen=True, slots=True, repr=False)
class DeadLetter:
    """A customer set aside at the time `died_at`, after `attempts` failures, with the last one.

    It is dead for its `target` alone.
    `history` are the last attempts, oldest first. `id` names the letter where the key must not be
    shown.
    """

    id: int
    customer: Customer
    code: str
    text: str
    attempts: int
    died_at: int
    history: tuple[Attempt, ...] = ()
    target: str = DEFAULT_TARGET

    @property
    def key(self) -> str:
        """The customer's key."""
        return self.customer.key

    def __repr__(self) -> str:
        return f"DeadLetter({self.id}, {mask(self.key)!r}, {self.code!r}, attempts={self.attempts})"


@dataclass(frozen=True, slots=True, repr=False)
class Known:
    """All that is known of a customer and one target.

    `state` is one of those of `store`; `due_at` is when it may be sent, None when there is nothing
    to do; `waiting_since` is the age of the oldest data not yet delivered. `attempts`, `code`,
    `text` and `history` are those of failures since the last delivery, which was made at `sent_at`
    with the `integrationMessageId` `sent_id`. `is_erased`: the values were, by their age.
    """

    id: int
    customer: Customer
    target: str
    state: str
    due_at: int | None
    waiting_since: int | None
    attempts: int
    code: str | None
    text: str | None
    history: tuple[Attempt, ...]
    sent_at: int | None
    sent_id: str | None
    created_at: int
    updated_at: int
    settled_at: int | None
    is_erased: bool

    def __repr__(self) -> str:
        return f"Known({self.id}, {mask(self.customer.key)!r}, {self.target!r}, {self.state!r})"


@dataclass(frozen=True, slots=True, repr=False)
class Which:
    """Which dead letters are meant: those for which everything given is true; all, if nothing is.

    `since`: died at that time or later; `before`: died before it.
    """

    ids: tuple[int, ...] | None = None
    key: str | None = None
    code: str | None = None
    since: int | None = None
    before: int | None = None
    target: str | None = None
