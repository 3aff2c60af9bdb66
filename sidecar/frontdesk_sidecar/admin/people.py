"""Everything about one customer, as functions over an open store; see `operations` for how.

    customer.show  key | id, reveal          {"customers": […], "at": time}: one for each target
    customer.find  userId, after, limit      {"ids": [int], "after": int | null}: page by page

`key` is the address as typed, `id` a number that `customer.find` or a dead letter gave. Nothing is
logged: an answer may hold what a person asked to see.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from frontdesk.traits import mask, masked
from frontdesk_sidecar.admin.arguments import BadArgument, flag, needed_text, number, only
from frontdesk_sidecar.admin.operations import key_of
from frontdesk_sidecar.sap.advice import advice_for
from frontdesk_sidecar.status import iso
from frontdesk_sidecar.store import Known, Store

Operation: TypeAlias = Callable[[Store, Mapping[str, Any], int], dict[str, Any]]

#: So many rows are looked at in one transaction: others have their turn in between.
PAGE: Final = 5000
_GREATEST: Final = (1 << 63) - 1


def _show(store: Store, arguments: Mapping[str, Any], now: int) -> dict[str, Any]:
    only(arguments, "key", "id", "reveal")
    reveal = flag(arguments, "reveal")
    if ("key" in arguments) == ("id" in arguments):
        raise BadArgument("key, id: expected exactly one of them")
    if "id" in arguments:
        key = store.key_of(number(arguments, "id", 1, _GREATEST))
    else:
        key = key_of(arguments)
    found = [] if key is None else store.known(key)
    return {"customers": [document(one, reveal=reveal) for one in found], "at": iso(now)}


def _find(store: Store, arguments: Mapping[str, Any], now: int) -> dict[str, Any]:
    only(arguments, "userId", "after", "limit")
    limit = number(arguments, "limit", PAGE, PAGE)
    after = number(arguments, "after", 1, _GREATEST) if "after" in arguments else 0
    ids, last = store.of_user(needed_text(arguments, "userId"), after, limit)
    return {"ids": ids, "after": last}


PEOPLE: Final[Mapping[str, Operation]] = MappingProxyType(
    {"customer.show": _show, "customer.find": _find}
)


def document(one: Known, *, reveal: bool = False) -> dict[str, Any]:
    """As JSON; address, user id and traits are masked unless `reveal`."""
    who, code = one.customer, one.code or ""
    user_id = who.user_id
    return {
        "id": one.id,
        "target": one.target,
        "state": one.state,
        "customer": who.key if reveal else mask(who.key),
        "userId": user_id if reveal or user_id is None else mask(user_id),
        "event": who.event,
        "eventAt": who.timestamp,
        "site": who.site,
        "firstSeenAt": iso(one.created_at),
        "changedAt": iso(one.updated_at),
        "waitingSince": _time(one.waiting_since),
        "nextTryAt": _time(one.due_at),
        "settledAt": _time(one.settled_at),
        "delivered": None
        if one.sent_at is None
        else {"at": iso(one.sent_at), "integrationMessageId": one.sent_id},
        "attempts": one.attempts,
        "code": code,
        "text": one.text or "",
        "advice": advice_for(code) if code else "",
        "history": [
            {
                "at": iso(tried.at),
                "code": tried.code,
                "text": tried.text,
                "integrationMessageId": tried.message_id,
            }
            for tried in one.history
        ],
        "erased": one.is_erased,
        "traits": {} if one.is_erased else dict(who.traits) if reveal else masked(who.traits),
    }


def _time(moment: int | None) -> str | None:
    return None if moment is None else iso(moment)
