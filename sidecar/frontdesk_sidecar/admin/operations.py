"""What can be done with dead letters, as functions over an open store.

Each takes the store, its arguments as a JSON object and the time in microseconds, and gives a
JSON object. Values are masked unless `reveal` is true. Raises BadArgument (a ValueError), Missing
(a LookupError) and StoreError.

    dead.list     reason, target, limit, reveal      {"letters": […], "total": int,
                                                      "codes": {code: int}, "advice": {code: text}}
    dead.show     key, target, reveal                the letter
    dead.retry    key | reason | all, target         {"retried": int}
    dead.discard  key | reason | all, target, limit  {"discarded": int, "more": bool}
    dead.export   reason, target, limit, after,      {"letters": […], "next": text | null}
                  reveal

`key` is the letter's number or the customer's e-mail address; one who goes to several targets may
have a letter for each, of which the latest is shown. `next` is the `after` of the next page. At
most one of `key`, `reason` and `all` is given, and one of them or `target` must be.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from frontdesk.traits import customer_key, mask, masked
from frontdesk_sidecar.admin.arguments import BadArgument, flag, needed_text, number, only, text
from frontdesk_sidecar.sap.advice import advice_for
from frontdesk_sidecar.status import iso
from frontdesk_sidecar.store import DeadLetter, Store, Which


class Missing(LookupError):  # noqa: N818 - says what is the case
    """There is no such dead letter."""

    def __init__(self) -> None:
        super().__init__("there is no dead letter of this number or address")


Operation: TypeAlias = Callable[[Store, Mapping[str, Any], int], dict[str, Any]]

#: So many letters are listed, and at most so many in one answer.
LIMIT: Final = 50
MOST: Final = 1000
_NUMBER: Final = re.compile(r"[0-9]{1,18}")
_PLACE: Final = re.compile(r"([0-9]{1,18})\.([0-9]{1,18})")
_EVERY: Final = 1 << 62


def document(letter: DeadLetter, *, reveal: bool = False) -> dict[str, Any]:
    """A dead letter as JSON; address, user id and traits are masked unless `reveal`."""
    who = letter.customer
    user_id = who.user_id
    return {
        "id": letter.id,
        "target": letter.target,
        "customer": letter.key if reveal else mask(letter.key),
        "code": letter.code,
        "text": letter.text,
        "advice": advice_for(letter.code),
        "attempts": letter.attempts,
        "diedAt": iso(letter.died_at),
        "history": [
            {
                "at": iso(one.at),
                "code": one.code,
                "text": one.text,
                "integrationMessageId": one.message_id,
            }
            for one in letter.history
        ],
        "event": who.event,
        "userId": user_id if reveal or user_id is None else mask(user_id),
        "traits": dict(who.traits) if reveal else masked(who.traits),
    }


def key_of(arguments: Mapping[str, Any]) -> str:
    """The customer's key for the argument `key`, an address as typed. Raises BadArgument."""
    given = needed_text(arguments, "key")
    return customer_key({"email": given}) or given.lower()


def _list(store: Store, arguments: Mapping[str, Any], now: int) -> dict[str, Any]:
    only(arguments, "reason", "target", "limit", "reveal")
    limit, reveal = number(arguments, "limit", LIMIT, MOST), flag(arguments, "reveal")
    reason, target = text(arguments, "reason"), text(arguments, "target")
    letters = store.dead(Which(code=reason, target=target), limit)
    codes = store.dead_codes(target)
    if reason is not None:
        codes = {reason: codes[reason]} if reason in codes else {}
    return {
        "letters": [document(letter, reveal=reveal) for letter in letters],
        "total": sum(codes.values()),
        "codes": codes,
        "advice": {code: advice_for(code) for code in codes},
    }


def _show(store: Store, arguments: Mapping[str, Any], now: int) -> dict[str, Any]:
    only(arguments, "key", "target", "reveal")
    reveal = flag(arguments, "reveal")
    which = _of_key(needed_text(arguments, "key"))
    for letter in store.dead(replace(which, target=text(arguments, "target")), 1):
        return document(letter, reveal=reveal)
    raise Missing


def _retry(store: Store, arguments: Mapping[str, Any], now: int) -> dict[str, Any]:
    only(arguments, "key", "reason", "all", "target")
    retried = store.revive(_which(arguments), now)
    if not retried and arguments.get("key") is not None:
        raise Missing
    return {"retried": retried}


def _discard(store: Store, arguments: Mapping[str, Any], now: int) -> dict[str, Any]:
    only(arguments, "key", "reason", "all", "target", "limit")
    limit = number(arguments, "limit", MOST, MOST)
    discarded = store.discard(_which(arguments), limit)
    if not discarded and arguments.get("key") is not None:
        raise Missing
    return {"discarded": discarded, "more": discarded == limit and arguments.get("key") is None}


def _export(store: Store, arguments: Mapping[str, Any], now: int) -> dict[str, Any]:
    only(arguments, "reason", "target", "limit", "after", "reveal")
    limit, reveal = number(arguments, "limit", MOST, MOST), flag(arguments, "reveal")
    which = Which(code=text(arguments, "reason"), target=text(arguments, "target"))
    letters = _page(store, which, _place(arguments), limit)
    last = letters[-1] if len(letters) == limit else None
    return {
        "letters": [document(letter, reveal=reveal) for letter in letters],
        "next": None if last is None else f"{last.died_at}.{last.id}",
    }


OPERATIONS: Final[Mapping[str, Operation]] = MappingProxyType(
    {
        "dead.list": _list,
        "dead.show": _show,
        "dead.retry": _retry,
        "dead.discard": _discard,
        "dead.export": _export,
    }
)


def _page(
    store: Store, which: Which, after: tuple[int, int] | None, limit: int
) -> list[DeadLetter]:
    """The letters after a place; many may have died at the same microsecond, of one `$batch`."""
    if after is None:
        return store.dead(which, limit)
    died_at, number_ = after
    together = store.dead(replace(which, since=died_at, before=died_at + 1), _EVERY)
    rest = [letter for letter in together if letter.id < number_]
    return (rest + store.dead(replace(which, before=died_at), limit))[:limit]


def _place(arguments: Mapping[str, Any]) -> tuple[int, int] | None:
    given = text(arguments, "after")
    if given is None:
        return None
    found = _PLACE.fullmatch(given)
    if found is None:
        raise BadArgument("after: expected the next of the page before")
    return int(found[1]), int(found[2])


def _which(arguments: Mapping[str, Any]) -> Which:
    key, reason = text(arguments, "key"), text(arguments, "reason")
    every, target = flag(arguments, "all"), text(arguments, "target")
    given = (key is not None) + (reason is not None) + every
    if given > 1 or (given == 0 and target is None):
        raise BadArgument("key, reason, all: expected exactly one of them, or target alone")
    return replace(Which(code=reason) if key is None else _of_key(key), target=target)


def _of_key(key: str) -> Which:
    if _NUMBER.fullmatch(key):
        return Which(ids=(int(key),))
    return Which(key=key_of({"key": key}))
