"""Rows of the SQLite store as values, and values as parameters of its statements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from frontdesk.trace_context import traceparent
from frontdesk_sidecar import customer
from frontdesk_sidecar.customer import Customer
from frontdesk_sidecar.store.types import (
    DEFAULT_TARGET,
    Attempt,
    Claim,
    Counts,
    Dead,
    DeadLetter,
    Delivered,
    Known,
    Release,
    Retry,
    Settlement,
    Which,
)

#: So many failed attempts are kept with a customer.
HISTORY: Final = 5
#: Between e-mail address and target in a row's key, char(31) in SQL; no address can hold it.
_SEPARATOR: Final = "\x1f"


def row_key(key: str, target: str) -> str:
    """What `key` is unique by: the customer's key and the target, which alone is left out if it
    is the default one, for rows of earlier versions are its."""
    return key if target == DEFAULT_TARGET else f"{key}{_SEPARATOR}{target}"


def key_of(key: str, target: str) -> str:
    """The customer's key in a row's. Raises ValueError when the row is not of that target."""
    if not isinstance(key, str):
        raise ValueError("the key is no text")
    found, _, named = key.partition(_SEPARATOR)
    if (named or DEFAULT_TARGET) != target:
        raise ValueError("key and target do not fit")
    return found


def is_sound(table: str, row: Mapping[str, Any]) -> bool:
    """Whether a salvaged row can be worked with; SQLite itself has no checksums."""
    if table == "customers":
        return _is_sound_customer(row)
    if table == "notes":
        orjson.loads(row["value"])
        return isinstance(row["name"], str)
    return isinstance(row["name"], str) and type(row["offset"]) is int


_NUMBERS: Final = ("revision", "sent_revision", "attempts", "created_at", "updated_at")
_TEXTS_OR_NULL: Final = ("code", "text", "trace", "sent_id")
_NUMBERS_OR_NULL: Final = ("due_at", "waiting_since", "settled_at", "sent_at")


def _is_sound_customer(row: Mapping[str, Any]) -> bool:
    """A bit that was flipped may have made a text into bytes, or a time into another."""
    facts = customer.decode(row["facts"])
    Customer.of(key_of(row["key"], row.get("target", DEFAULT_TARGET)), facts)
    [Attempt(*one) for one in orjson.loads(row["history"] or b"[]")]
    return (
        all(type(row[name]) is int for name in _NUMBERS)
        and all(type(row.get(name)) in (int, type(None)) for name in _NUMBERS_OR_NULL)
        and all(type(row.get(name)) in (str, type(None)) for name in _TEXTS_OR_NULL)
        and isinstance(row["sent_hash"], bytes | None)
        and all(len(fact) == 2 and type(fact[1]) is int for fact in facts.values())
    )


def claim_of(row: tuple[Any, ...], target: str, token: str, until: int) -> Claim:
    """A row of `sqlite_sql.DUE`, leased."""
    _, key, facts, revision, attempts, sent_revision, sent_hash, sent_at, code, trace = row
    return Claim(
        customer=Customer.of(key_of(key, target), customer.decode(facts)),
        revision=revision,
        attempts=attempts,
        sent_revision=sent_revision,
        sent_hash=sent_hash,
        sent_at=sent_at,
        code=code,
        token=token,
        lease_until=until,
        target=target,
        traceparent=traceparent(trace),
    )


def parameters(settlement: Settlement, now: int) -> dict[str, Any]:
    """Of the statement that settles."""
    claim = settlement.claim
    fence = {"key": row_key(claim.key, claim.target), "token": claim.token}
    match settlement:
        case Delivered(_, sent_hash, sent_at, message_id):
            sent = {"sent_hash": sent_hash, "sent_at": now if sent_at is None else sent_at}
            return (
                fence
                | sent
                | {
                    "revision": claim.revision,
                    "now": now,
                    "trace": claim.traceparent,
                    "sent_id": message_id or None,
                }
            )
        case Retry(_, due_at, code, text, message_id, counted):
            # Without either it is told in as few bytes as can be: there is hardly any room left.
            attempt = orjson.dumps([now, code, text, message_id]) if text or message_id else None
            said = {"code": code, "text": text, "attempt": attempt}
            return fence | said | {"due_at": due_at, "counted": counted}
        case Dead(_, code, text, message_id):
            attempt = orjson.dumps([now, code, text, message_id])
            said = {"code": code, "text": text, "attempt": attempt}
            return fence | said | {"revision": claim.revision, "now": now}
        case Release(_, due_at):
            return fence | {"due_at": due_at}


def conditions(which: Which) -> dict[str, Any]:
    """Of the statements about dead letters."""
    return {
        "ids": None if which.ids is None else orjson.dumps(which.ids).decode(),
        "key": which.key,
        "code": which.code,
        "since": which.since,
        "before": which.before,
        "target": which.target,
    }


def counts_of(total: int, opened: Sequence[Any] | None, dead: int, now: int, size: int) -> Counts:
    """The counts of one target; `opened`: what `sqlite_sql.COUNT_OPEN` says of it, if anything."""
    pending, leased, due, oldest = opened or (0, 0, 0, None)
    return Counts(
        pending=pending,
        due=due,
        leased=leased,
        dead=dead,
        clean=total - pending - leased - dead,
        oldest_us=None if oldest is None else max(0, now - oldest),
        bytes=size,
    )


def dead_letter_of(row: tuple[Any, ...]) -> DeadLetter:
    """A row of `sqlite_sql.LIST_DEAD`."""
    row_id, key, target, facts, code, text, attempts, died_at, history = row
    tried = tuple(Attempt(*one) for one in orjson.loads(history or b"[]"))
    who = Customer.of(key_of(key, target), customer.decode(facts))
    return DeadLetter(row_id, who, code or "", text or "", attempts, died_at, tried, target)


def known_of(row: tuple[Any, ...]) -> Known:
    """A row of `sqlite_sql.KNOWN`."""
    row_id, key, target, facts, state, due_at, since, attempts, code, text, history, *rest = row
    sent_at, sent_id, created_at, updated_at, settled_at, scrubbed = rest
    return Known(
        id=row_id,
        customer=Customer.of(key_of(key, target), customer.decode(facts)),
        target=target,
        state=state,
        due_at=due_at,
        waiting_since=since,
        attempts=attempts,
        code=code,
        text=text,
        history=tuple(Attempt(*one) for one in orjson.loads(history or b"[]")),
        sent_at=sent_at,
        sent_id=sent_id,
        created_at=created_at,
        updated_at=updated_at,
        settled_at=settled_at,
        is_erased=bool(scrubbed),
    )


def forgotten(facts: bytes) -> bytes:
    """SQL's `forgotten`: facts without their values."""
    return customer.encode(customer.forgotten(customer.decode(facts)))


def remembered(history: bytes | None, attempt: bytes | None) -> bytes | None:
    """SQL's `remembered`: a history with one attempt more, the earliest left out."""
    if attempt is None:
        return history
    tried = [*orjson.loads(history or b"[]"), orjson.loads(attempt)]
    return orjson.dumps(tried[-HISTORY:])
