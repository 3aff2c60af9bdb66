"""The store in one SQLite file, for one process."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final, Self

import orjson

from frontdesk.event import Identify
from frontdesk_sidecar import customer
from frontdesk_sidecar.customer import Customer, Facts
from frontdesk_sidecar.store import Store
from frontdesk_sidecar.store import sqlite_sql as sql
from frontdesk_sidecar.store.errors import StoreFull
from frontdesk_sidecar.store.salvage import SalvageReport
from frontdesk_sidecar.store.sqlite_file import SQLiteFile
from frontdesk_sidecar.store.types import (
    Absorbed,
    Attempt,
    Claim,
    Counts,
    Dead,
    DeadLetter,
    Delivered,
    Release,
    Retry,
    Settled,
    Settlement,
    Which,
)

SQLITE_VERSION: Final = sqlite3.sqlite_version
#: So many failed attempts are kept with a customer.
HISTORY: Final = 5
_SETTLING: Final = {
    Delivered: sql.DELIVERED,
    Retry: sql.RETRY,
    Dead: sql.DEAD,
    Release: sql.RELEASE,
}


class SQLiteStore(Store):
    """See `Store`. Any thread may use it, one at a time."""

    def __init__(self, file: SQLiteFile, token: Callable[[], str]) -> None:
        self._file = file
        self._connection = file.connection
        self._token = token

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        quiet_until: int = 0,
        latest: int | None = None,
        max_bytes: int | None = None,
        ballast_bytes: int | None = None,
        token: Callable[[], str] = lambda: secrets.token_hex(8),
    ) -> Self:
        """Open or create the file, bring its schema up to date and end the leases found in it.

        Customers that were leased are due at `quiet_until`, none is due later than `latest`.

        A missing directory is made 0700 and the file 0600. A damaged file is set aside and
        salvaged, see `report`. Above nine tenths of `max_bytes` no messages are taken in;
        `ballast_bytes` are kept on the disk for the time when it is full. `token` makes lease
        tokens, each a new one. Raises StoreLocked, StoreTooNew, StoreFailed or another StoreError.
        """
        file = SQLiteFile.open(
            path,
            sql.MIGRATIONS,
            max_bytes=max_bytes,
            ballast_bytes=ballast_bytes,
            sound=_is_sound,
        )
        try:
            file.connection.create_function("forgotten", 1, _forgotten, deterministic=True)
            file.connection.create_function("remembered", 2, _remembered, deterministic=True)
            try:
                _begin(file, quiet_until, latest)
            except StoreFull:
                if not file.give_up_ballast():
                    raise
                _begin(file, quiet_until, latest)
        except BaseException:
            file.close()
            raise
        return cls(file, token)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def transaction(self) -> AbstractContextManager[None]:
        """See `Store.transaction`."""
        return self._file.transaction()

    def absorb(
        self, messages: Sequence[Identify], offsets: Mapping[str, int], now: int
    ) -> Absorbed:
        """See `Store.absorb`."""
        self._file.refuse_intake()
        gathered, anonymous = customer.gather(messages, latest=now)
        with self.transaction():
            changed = self._merge(gathered, now)
            self._connection.executemany(
                sql.SAVE_OFFSET, [(name, offset, now) for name, offset in offsets.items()]
            )
        return Absorbed(len(gathered), changed, anonymous)

    def _merge(self, gathered: dict[str, Facts], now: int) -> int:
        """Write what is new of each customer; how many there were."""
        changes = []
        fresh = gathered.copy()
        for row_id, key, stored in self._connection.execute(
            sql.FIND, (orjson.dumps(list(gathered)).decode(),)
        ):
            known = customer.decode(stored)
            merged = customer.encode(customer.merge(known, fresh.pop(key), latest=now))
            if merged != stored:
                changes.append({"id": row_id, "facts": merged, "now": now})
        self._connection.executemany(sql.CHANGE, changes)
        self._connection.executemany(
            sql.CREATE,
            [(key, customer.encode(facts), now, now, now, now) for key, facts in fresh.items()],
        )
        return len(changes) + len(fresh)

    def offsets(self) -> dict[str, int]:
        """See `Store.offsets`."""
        with self.transaction():
            return dict(self._connection.execute(sql.OFFSETS).fetchall())

    def forget_segments(self, names: Iterable[str]) -> None:
        """See `Store.forget_segments`."""
        with self.transaction():
            self._connection.executemany(sql.FORGET_SEGMENT, [(name,) for name in names])

    def claim(
        self,
        limit: int,
        now: int,
        lease_us: int,
        *,
        failed: bool = False,
        untried: bool = False,
    ) -> list[Claim]:
        """See `Store.claim`."""
        token, until = self._token(), now + lease_us
        with self.transaction():
            statement = sql.DUE_UNTRIED if untried else sql.DUE
            due = self._connection.execute(statement, (failed, now, limit)).fetchall()
            self._connection.executemany(sql.LEASE, [(token, until, row_id) for row_id, *_ in due])
        return [_claim(row, token, until) for row in due]

    def is_due(self, now: int) -> bool:
        """See `Store.is_due`."""
        with self.transaction():
            (found,) = self._connection.execute(sql.IS_DUE, (now, now)).fetchone()
        return bool(found)

    def bring_forward(self, latest: int) -> int:
        """See `Store.bring_forward`."""
        with self.transaction():
            return self._connection.execute(sql.BRING_FORWARD, (latest, latest)).rowcount

    def settle(self, settlements: Sequence[Settlement], now: int) -> Settled:
        """See `Store.settle`."""
        settled = 0
        with self.transaction():
            for kind, statement in _SETTLING.items():
                rows = [_parameters(one, now) for one in settlements if type(one) is kind]
                if rows:
                    settled += self._connection.executemany(statement, rows).rowcount
        return Settled(settled, len(settlements) - settled)

    def scrub(self, before: int, limit: int = 1000) -> int:
        """See `Store.scrub`."""
        with self.transaction():
            return self._connection.execute(sql.SCRUB, (before, limit)).rowcount

    def counts(self, now: int) -> Counts:
        """See `Store.counts`; `bytes` includes the write-ahead log."""
        with self.transaction():
            row = self._connection.execute(sql.COUNT_OPEN, (now,)).fetchone()
            (dead,) = self._connection.execute(sql.COUNT_DEAD).fetchone()
            (total,) = self._connection.execute(sql.COUNT_ALL).fetchone()
        pending, leased, due, oldest = row
        return Counts(
            pending=pending,
            due=due,
            leased=leased,
            dead=dead,
            clean=total - pending - leased - dead,
            oldest_us=None if oldest is None else max(0, now - oldest),
            bytes=self._file.size(),
        )

    def dead(self, which: Which, limit: int) -> list[DeadLetter]:
        """See `Store.dead`."""
        with self.transaction():
            rows = self._connection.execute(
                sql.LIST_DEAD, _conditions(which) | {"limit": limit}
            ).fetchall()
        return [_dead_letter(*row) for row in rows]

    def dead_codes(self) -> dict[str, int]:
        """See `Store.dead_codes`."""
        with self.transaction():
            return dict(self._connection.execute(sql.COUNT_DEAD_CODES).fetchall())

    def revive(self, which: Which, now: int) -> int:
        """See `Store.revive`."""
        with self.transaction():
            return self._connection.execute(sql.REVIVE, _conditions(which) | {"now": now}).rowcount

    def discard(self, which: Which, limit: int = 1000) -> int:
        """See `Store.discard`."""
        with self.transaction():
            return self._connection.execute(
                sql.DISCARD, _conditions(which) | {"limit": limit}
            ).rowcount

    def forget(self, key: str) -> bool:
        """See `Store.forget`."""
        with self.transaction():
            return self._connection.execute(sql.FORGET, (key,)).rowcount > 0

    def recall(self, name: str) -> Any:
        """See `Store.recall`."""
        with self.transaction():
            row = self._connection.execute(sql.RECALL, (name,)).fetchone()
        return None if row is None else orjson.loads(row[0])

    def remember(self, name: str, value: object) -> None:
        """See `Store.remember`."""
        with self.transaction():
            if value is None:
                self._connection.execute(sql.DROP_NOTE, (name,))
            else:
                self._connection.execute(sql.REMEMBER, (name, orjson.dumps(value)))

    @property
    def report(self) -> SalvageReport | None:
        """What was salvaged while it was opened; None when the file was whole."""
        return self._file.report

    def relieve(self) -> bool:
        """See `Store.relieve`."""
        return self._file.give_up_ballast()

    def held(self) -> str | None:
        """See `Store.held`."""
        return self._file.held()

    def checkpoint(self) -> None:
        """Move the write-ahead log into the file and empty it; not within a transaction."""
        self._file.checkpoint()

    def close(self) -> None:
        """See `Store.close`."""
        self._file.close()


def _begin(file: SQLiteFile, quiet_until: int, latest: int | None) -> None:
    with file.transaction():
        file.connection.execute(sql.END_LEASES, (quiet_until,))
        if latest is not None:
            file.connection.execute(sql.BRING_FORWARD, (latest, latest))


def _is_sound(table: str, row: Mapping[str, Any]) -> bool:
    """Whether a salvaged row can be worked with; SQLite itself has no checksums."""
    if table == "customers":
        Customer.of(row["key"], customer.decode(row["facts"]))
        [Attempt(*one) for one in orjson.loads(row["history"] or b"[]")]
    elif table == "notes":
        orjson.loads(row["value"])
    return True


def _claim(row: tuple[Any, ...], token: str, until: int) -> Claim:
    _, key, facts, revision, attempts, sent_revision, sent_hash, sent_at, code = row
    return Claim(
        customer=Customer.of(key, customer.decode(facts)),
        revision=revision,
        attempts=attempts,
        sent_revision=sent_revision,
        sent_hash=sent_hash,
        sent_at=sent_at,
        code=code,
        token=token,
        lease_until=until,
    )


def _parameters(settlement: Settlement, now: int) -> dict[str, Any]:
    claim = settlement.claim
    fence = {"key": claim.key, "token": claim.token}
    match settlement:
        case Delivered(_, sent_hash, sent_at):
            sent = {"sent_hash": sent_hash, "sent_at": now if sent_at is None else sent_at}
            return fence | sent | {"revision": claim.revision, "now": now}
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


def _conditions(which: Which) -> dict[str, Any]:
    return {
        "ids": None if which.ids is None else orjson.dumps(which.ids).decode(),
        "key": which.key,
        "code": which.code,
        "since": which.since,
        "before": which.before,
    }


def _dead_letter(
    row_id: int,
    key: str,
    facts: bytes,
    code: str | None,
    text: str | None,
    attempts: int,
    died_at: int,
    history: bytes | None,
) -> DeadLetter:
    tried = tuple(Attempt(*one) for one in orjson.loads(history or b"[]"))
    who = Customer.of(key, customer.decode(facts))
    return DeadLetter(row_id, who, code or "", text or "", attempts, died_at, tried)


def _forgotten(facts: bytes) -> bytes:
    return customer.encode(customer.forgotten(customer.decode(facts)))


def _remembered(history: bytes | None, attempt: bytes | None) -> bytes | None:
    if attempt is None:
        return history
    tried = [*orjson.loads(history or b"[]"), orjson.loads(attempt)]
    return orjson.dumps(tried[-HISTORY:])
