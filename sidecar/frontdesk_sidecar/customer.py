"""The merged picture of one customer: for every fact the newest value wins.

A fact is a trait, or one of four that are no traits and start with "@". Each has a value and the
time it was true, in microseconds since the epoch, so messages may come in any order, from any
number of web processes, and again: the result is the same. That is a last-writer-wins map, see
Shapiro et al., "A comprehensive study of Convergent and Commutative Replicated Data Types", 2011.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeAlias

import orjson

from frontdesk.event import SIGNED_UP, Identify
from frontdesk.traits import mask, masked

USER_ID: Final = "@userId"
EVENT: Final = "@event"
ROUTE: Final = "@route"
SITE: Final = "@site"
#: The last registration, beside whatever came after it.
SIGN_UP: Final = "@signedUp"

#: name -> [value, microseconds since the epoch]. The value is any JSON value; null says that
#: nothing is known any more as of that time.
Facts: TypeAlias = dict[str, list[Any]]

#: More than this is not kept of one customer; what names who it is does not count.
MAX_TRAITS: Final = 256
MAX_BYTES: Final = 131_072
_KEPT: Final = frozenset((USER_ID, EVENT, ROUTE, SITE, SIGN_UP, "email"))

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, repr=False)
class Customer:
    """What is known of one customer now; null values are left out.

    `timestamp` is the time of the last message in ISO 8601, `signed_up_at` that of the last
    registration in microseconds since the epoch.
    """

    key: str
    user_id: str | None
    event: str | None
    route: str | None
    site: str | None
    traits: Mapping[str, object]
    timestamp: str | None = None
    signed_up_at: int | None = None

    @classmethod
    def of(cls, key: str, facts: Facts) -> Customer:
        """The customer that `facts` describe."""
        known = {name: value for name, (value, _) in facts.items() if value is not None}
        event = known.pop(EVENT, None)
        known.setdefault("email", key)  # the one thing that is known when all else was forgotten
        return cls(
            key,
            user_id=known.pop(USER_ID, None),
            event=event,
            route=known.pop(ROUTE, None),
            site=known.pop(SITE, None),
            signed_up_at=None if known.pop(SIGN_UP, None) is None else facts[SIGN_UP][1],
            timestamp=None if event is None else _iso(facts[EVENT][1]),
            traits=known,
        )

    def __repr__(self) -> str:
        return f"Customer({mask(self.key)!r}, {self.event!r}, traits={masked(self.traits)!r})"


def _iso(time_us: int) -> str | None:
    try:
        moment = _EPOCH + timedelta(microseconds=time_us)
    except OverflowError:
        return None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def microseconds(moment: datetime) -> int:
    """An aware datetime as whole microseconds since the epoch, without a float in between."""
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def merge(one: Facts, other: Facts, latest: int | None = None) -> Facts:
    """Both together: of each fact the newer one, and at equal times the greater canonical JSON.

    Commutative, associative and idempotent. With `latest`, `one` is what is known and `other` what
    comes in at that time: a known fact of a later time was written before the clock was set back,
    and gives way, or else everything would lose to it until then. The arguments stay as they are.

    What is more than `capped` keeps is dropped, the oldest first. By number alone that changes
    nothing of the above: whoever is among the newest of all was so among fewer. By size it does:
    a trait that had no room is not there any more when a newer, shorter value of another one would
    make some. The same in another order may then keep a few old traits more or less.
    """
    merged = one.copy()
    for name, fact in other.items():
        known = merged.get(name)
        is_ahead = known is not None and latest is not None and known[1] > latest
        if known is None or is_ahead or _supersedes(fact, known):
            merged[name] = fact
    return capped(merged)


def capped(facts: Facts) -> Facts:
    """The same, or without the oldest traits when there are too many or they are too large."""
    if len(facts) <= MAX_TRAITS and len(_canonical(facts)) <= MAX_BYTES:
        return facts
    traits = [(fact[1], name) for name, fact in facts.items() if name not in _KEPT]
    kept = {name: fact for name, fact in facts.items() if name in _KEPT}
    room = MAX_BYTES - len(_canonical(kept))
    for _, name in sorted(traits, reverse=True)[:MAX_TRAITS]:
        size = len(_canonical({name: facts[name]}))
        if size <= room:
            kept[name] = facts[name]
            room -= size
    return kept


def _supersedes(fact: list[Any], known: list[Any]) -> bool:
    if fact[1] != known[1]:
        return bool(fact[1] > known[1])
    return _canonical(fact[0]) > _canonical(known[0])


def from_message(message: Identify, latest: int | None = None) -> Facts:
    """What one message says, with the message's time.

    A time after `latest` is taken for `latest`: a clock that is ahead must not make a value
    unbeatable. Left out are traits that start with "@", values without a JSON form, and what is
    more than `capped` keeps.
    """
    time = microseconds(message.timestamp)
    if latest is not None and time > latest:
        time = latest
    facts = {name: [value, time] for name, value in message.traits.items() if name[:1] != "@"}
    facts[USER_ID] = [message.user_id, time]
    facts[EVENT] = [message.event, time]
    if message.event == SIGNED_UP:
        facts[SIGN_UP] = [True, time]
    if message.route is not None:
        facts[ROUTE] = [message.route, time]
    if message.site is not None:
        facts[SITE] = [message.site, time]
    if not _has_json(facts):
        facts = {name: fact for name, fact in facts.items() if _has_json({name: fact})}
    return capped(facts)


def by_target(
    messages: Sequence[Identify], target_of: Callable[[Identify], str] | None, otherwise: str
) -> dict[str, Sequence[Identify]]:
    """The messages for each target, in their order; all are for `otherwise` without `target_of`."""
    if target_of is None:
        return {otherwise: messages}
    found: dict[str, list[Identify]] = {}
    for message in messages:
        found.setdefault(target_of(message), []).append(message)
    return {target: tuple(said) for target, said in found.items()}


def gather(messages: Sequence[Identify], latest: int | None = None) -> tuple[dict[str, Facts], int]:
    """The facts of many messages by customer key, and how many messages were anonymous.

    Messages of later times than `latest` are taken for that time, each customer's in their order.
    """
    gathered: dict[str, Facts] = {}
    anonymous = 0
    ends = {} if latest is None else _held_back(messages, latest)
    for number, message in enumerate(messages):
        key = message.key
        if key is None:
            anonymous += 1
            continue
        facts = from_message(message, ends.get(number))
        known = gathered.get(key)
        gathered[key] = facts if known is None else merge(known, facts)
    return gathered, anonymous


def traces(messages: Sequence[Identify]) -> dict[str, str]:
    """By customer key, the `traceparent` of the newest message that has one."""
    found: dict[str, tuple[datetime, str]] = {}
    for message in messages:
        if message.traceparent is None or message.key is None:
            continue
        known = found.get(message.key)
        if known is None or known[0] <= message.timestamp:
            found[message.key] = (message.timestamp, message.traceparent)
    return {key: trace for key, (_, trace) in found.items()}


def _held_back(messages: Sequence[Identify], latest: int) -> dict[int, int]:
    """The times of messages that are ahead, by place: a customer's last one is at `latest`."""
    ahead: dict[str | None, list[tuple[int, int]]] = {}
    for number, message in enumerate(messages):
        time = microseconds(message.timestamp)
        if time > latest:
            ahead.setdefault(message.key, []).append((time, number))
    return {
        number: latest - place
        for entries in ahead.values()
        for place, (_, number) in enumerate(sorted(entries, reverse=True))
    }


def forgotten(facts: Facts) -> Facts:
    """The same facts without their values. The times stay, so late old messages stay beaten.

    A name can say something too: of those there are never more than `capped` keeps.
    """
    return capped({name: [None, time] for name, (_, time) in facts.items()})


def encode(facts: Facts) -> bytes:
    """Canonical JSON: equal facts give equal bytes."""
    return _canonical(facts)


def decode(encoded: bytes) -> Facts:
    """What `encode` wrote."""
    facts: Facts = orjson.loads(encoded)
    return facts


def since_login(customer: Customer, now_us: int) -> float | None:
    """Seconds since the customer's last message; None when nothing is known of it."""
    if customer.timestamp is None:
        return None
    at_us = datetime.fromisoformat(customer.timestamp).timestamp() * 1e6
    return max(0.0, (now_us - at_us) / 1e6)


def _canonical(value: object) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def _has_json(facts: Facts) -> bool:
    """orjson reads 1,024 levels of nesting but writes 254, and no lone surrogates."""
    try:
        orjson.dumps(facts, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        return False
    return True
