"""What people ask of the store, and decide: dead letters, one customer, who is to be forgotten."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import AbstractContextManager
from typing import Final

from frontdesk_sidecar.store import sqlite_sql as sql
from frontdesk_sidecar.store.sqlite_rows import conditions, dead_letter_of, key_of, known_of
from frontdesk_sidecar.store.types import Again, DeadLetter, Known, Which

#: So many of those that failed are looked at for a status.
_LOOKED_AT: Final = 1000


class SQLitePeople:
    """The part of `SQLiteStore` that deliveries have no use for."""

    #: see `SQLiteStore.open`
    rest_us: int
    _connection: sqlite3.Connection

    def transaction(self) -> AbstractContextManager[None]:
        """See `Store.transaction`."""
        raise NotImplementedError

    def dead(self, which: Which, limit: int) -> list[DeadLetter]:
        """See `Store.dead`."""
        with self.transaction():
            rows = self._connection.execute(
                sql.LIST_DEAD, conditions(which) | {"limit": limit}
            ).fetchall()
        return [dead_letter_of(row) for row in rows]

    def dead_codes(self, target: str | None = None) -> dict[str, int]:
        """See `Store.dead_codes`."""
        codes = Counter[str]()
        with self.transaction():
            for found, code, number in self._connection.execute(sql.COUNT_DEAD):
                if target in (None, found):
                    codes[code] += number
        return dict(codes)

    def failing(self, target: str) -> tuple[int, int, str] | None:
        """See `Store.failing`."""
        with self.transaction():
            asked = {"target": target, "limit": _LOOKED_AT}
            number, most, code = self._connection.execute(sql.FAILING, asked).fetchone()
        return (number, most, code) if number else None

    def known(self, key: str) -> list[Known]:
        """See `Store.known`."""
        with self.transaction():
            rows = self._connection.execute(sql.KNOWN, {"key": key}).fetchall()
        return [known_of(row) for row in rows]

    def key_of(self, number: int) -> str | None:
        """See `Store.key_of`."""
        with self.transaction():
            row = self._connection.execute(sql.KEY_OF, (number,)).fetchone()
        return None if row is None else key_of(*row)

    def of_user(self, user_id: str, after: int, limit: int) -> tuple[list[int], int | None]:
        """See `Store.of_user`."""
        with self.transaction():
            last, number = self._connection.execute(sql.PART, (after, limit)).fetchone()
            found = self._connection.execute(sql.OF_USER, (user_id, after, last or 0)).fetchall()
        return [row_id for (row_id,) in found], last if number == limit else None

    def under_way(self, target: str | None, now: int) -> int:
        """See `Store.under_way`."""
        with self.transaction():
            asked = {"target": target, "now": now}
            (number,) = self._connection.execute(sql.UNDER_WAY, asked).fetchone()
        return int(number)

    def again(
        self, target: str | None, after: int, limit: int, now: int
    ) -> tuple[Again, int | None]:
        """See `Store.again`."""
        with self.transaction():
            last, number = self._connection.execute(sql.PART, (after, limit)).fetchone()
            part = {"target": target, "after": after, "last": last or 0, "now": now}
            (erased,) = self._connection.execute(sql.COUNT_ERASED, part).fetchone()
            due = self._connection.execute(sql.AGAIN, part).rowcount
        return Again(due, erased), last if number == limit else None

    def revive(self, which: Which, now: int) -> int:
        """See `Store.revive`."""
        with self.transaction():
            chosen = conditions(which) | {"now": now, "rest": self.rest_us}
            return self._connection.execute(sql.REVIVE, chosen).rowcount

    def discard(self, which: Which, limit: int = 1000) -> int:
        """See `Store.discard`."""
        with self.transaction():
            return self._connection.execute(
                sql.DISCARD, conditions(which) | {"limit": limit}
            ).rowcount

    def forget(self, key: str) -> bool:
        """See `Store.forget`."""
        with self.transaction():
            return self._connection.execute(sql.FORGET, {"key": key}).rowcount > 0
