"""The store in one SQLite file, for one process."""

from __future__ import annotations

import secrets
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final, Self

import orjson

from frontdesk import __version__
from frontdesk.event import Identify
from frontdesk_sidecar import customer
from frontdesk_sidecar.customer import Facts
from frontdesk_sidecar.store import Store
from frontdesk_sidecar.store import sqlite_sql as sql
from frontdesk_sidecar.store.errors import StoreFull
from frontdesk_sidecar.store.salvage import SalvageReport
from frontdesk_sidecar.store.sqlite_file import SQLiteFile
from frontdesk_sidecar.store.sqlite_people import SQLitePeople
from frontdesk_sidecar.store.sqlite_rows import (
    claim_of,
    counts_of,
    forgotten,
    is_sound,
    key_of,
    parameters,
    remembered,
    row_key,
)
from frontdesk_sidecar.store.types import (
    DEFAULT_TARGET,
    Absorbed,
    Claim,
    Counts,
    Dead,
    Delivered,
    Release,
    Retry,
    Settled,
    Settlement,
)
from frontdesk_sidecar.store.versions import PROGRAM, program_of

SQLITE_VERSION: Final = sqlite3.sqlite_version
_SETTLING: Final = {
    Delivered: sql.DELIVERED,
    Retry: sql.RETRY,
    Dead: sql.DEAD,
    Release: sql.RELEASE,
}


class SQLiteStore(SQLitePeople, Store):
    """See `Store`. Any thread may use it, one at a time."""

    def __init__(self, file: SQLiteFile, token: Callable[[], str], rest_us: int = 0) -> None:
        self._file = file
        #: see `open`; may change as the settings do
        self.rest_us = rest_us
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
        rest_us: int = 0,
        token: Callable[[], str] = lambda: secrets.token_hex(8),
    ) -> Self:
        """Open or create the file, bring its schema up to date and end the leases found in it.

        Customers that were leased are due at `quiet_until`, none is due later than `latest`. A
        dead letter with new data, or that is revived, is due `rest_us` after it died at the
        earliest: SAP may still be at work on the last attempt.

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
            sound=is_sound,
        )
        try:
            file.connection.create_function("forgotten", 1, forgotten, deterministic=True)
            file.connection.create_function("remembered", 2, remembered, deterministic=True)
            try:
                _begin(file, quiet_until, latest)
            except StoreFull:
                if not file.give_up_ballast():
                    raise
                _begin(file, quiet_until, latest)
        except BaseException:
            file.close()
            raise
        return cls(file, token, rest_us)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def transaction(self) -> AbstractContextManager[None]:
        """See `Store.transaction`."""
        return self._file.transaction()

    def absorb(
        self,
        messages: Sequence[Identify],
        offsets: Mapping[str, int],
        now: int,
        target_of: Callable[[Identify], str] | None = None,
    ) -> Absorbed:
        """See `Store.absorb`."""
        self._file.refuse_intake()
        gathered: dict[str, dict[str, Facts]] = {}
        anonymous = changed = 0
        for target, said in customer.by_target(messages, target_of, DEFAULT_TARGET).items():
            gathered[target], number = customer.gather(said, latest=now)
            anonymous += number
        traces = customer.traces(messages)
        with self.transaction():
            for target, known in gathered.items():
                changed += self._merge(known, target, now, traces)
            self._connection.executemany(
                sql.SAVE_OFFSET, [(name, offset, now) for name, offset in offsets.items()]
            )
        return Absorbed(sum(map(len, gathered.values())), changed, anonymous)

    def _merge(
        self, gathered: dict[str, Facts], target: str, now: int, traces: Mapping[str, str]
    ) -> int:
        """Write what is new of each customer of a target; how many there were."""
        if target != DEFAULT_TARGET:
            gathered = {row_key(key, target): facts for key, facts in gathered.items()}
        changes = []
        fresh = gathered.copy()
        for row_id, key, stored in self._connection.execute(
            sql.FIND, (orjson.dumps(list(gathered)).decode(),)
        ):
            known = customer.decode(stored)
            merged = customer.encode(customer.merge(known, fresh.pop(key), latest=now))
            if merged != stored:
                trace = traces.get(key_of(key, target)) if traces else None
                new = {"id": row_id, "facts": merged, "trace": trace}
                changes.append(new | {"now": now, "rest": self.rest_us})
        self._connection.executemany(sql.CHANGE, changes)
        self._connection.executemany(
            sql.CREATE,
            [
                (
                    *(key, target, customer.encode(facts)),
                    traces.get(key_of(key, target)) if traces else None,
                    *(now, now, now, now),
                )
                for key, facts in fresh.items()
            ],
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
        target: str = DEFAULT_TARGET,
        failed: bool = False,
        untried: bool = False,
    ) -> list[Claim]:
        """See `Store.claim`."""
        token, until = self._token(), now + lease_us
        with self.transaction():
            statement = sql.DUE_LATEST if untried else sql.DUE
            due = self._connection.execute(statement, (target, failed, now, limit)).fetchall()
            self._connection.executemany(sql.LEASE, [(token, until, row_id) for row_id, *_ in due])
        return [claim_of(row, target, token, until) for row in due]

    def is_due(self, now: int, target: str = DEFAULT_TARGET) -> bool:
        """See `Store.is_due`."""
        with self.transaction():
            asked = {"target": target, "now": now}
            (found,) = self._connection.execute(sql.IS_DUE, asked).fetchone()
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
                rows = [parameters(one, now) for one in settlements if type(one) is kind]
                if rows:
                    settled += self._connection.executemany(statement, rows).rowcount
        return Settled(settled, len(settlements) - settled)

    def scrub(self, before: int, limit: int = 1000) -> int:
        """See `Store.scrub`."""
        with self.transaction():
            return self._connection.execute(sql.SCRUB, (before, limit)).rowcount

    def counts(self, now: int) -> Counts:
        """See `Store.counts`."""
        return Counts.together(self.counts_by_target(now).values(), self.size())

    def counts_by_target(self, now: int) -> dict[str, Counts]:
        """See `Store.counts_by_target`."""
        with self.transaction():
            opened = self._connection.execute(sql.COUNT_OPEN, (now,)).fetchall()
            dead = Counter[str]()
            for target, _, number in self._connection.execute(sql.COUNT_DEAD):
                dead[target] += number
            (everybody,) = self._connection.execute(sql.COUNT_ALL).fetchone()
            totals = dict(self._connection.execute(sql.COUNT_ELSEWHERE).fetchall())
        if everybody > sum(totals.values()):
            totals[DEFAULT_TARGET] = everybody - sum(totals.values())
        known = {target: figures for target, *figures in opened}
        size = self.size()
        return {
            target: counts_of(total, known.get(target), dead[target], now, size)
            for target, total in sorted(totals.items())
        }

    def size(self) -> int:
        """See `Store.size`; includes the write-ahead log."""
        return self._file.size()

    def drop_target(self, target: str, limit: int = 1000) -> int:
        """See `Store.drop_target`."""
        return len(self._take_out(target, limit))

    def move_target(self, source: str, target: str, now: int, limit: int = 1000) -> int:
        """See `Store.move_target`."""
        with self.transaction():
            rows = self._take_out(source, limit)
            known = {
                key_of(key, source): customer.decode(facts)
                for _, key, facts, scrubbed in rows
                if not scrubbed
            }
            self._merge(known, target, now, {})
        return len(rows)

    def _take_out(self, target: str, limit: int) -> list[tuple[int, str, bytes, int]]:
        """Rows of a target, which are no longer there."""
        with self.transaction():
            rows = self._connection.execute(sql.ELSEWHERE, (target, limit)).fetchall()
            self._connection.executemany(sql.REMOVE, [(row_id,) for row_id, *_ in rows])
        return rows

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
        if program_of(file.connection) != __version__:
            note = orjson.dumps({"version": __version__})
            file.connection.execute(sql.REMEMBER, (PROGRAM, note))
