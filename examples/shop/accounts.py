"""Customers: registering, recognising them again, and their API tokens."""

import hashlib
import os
import secrets
import sqlite3
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from anyio import CapacityLimiter, to_thread

from shop.passwords import hash_password, verify_password
from shop.registration import Registration
from shop.storage import Database

TOKEN_LIFETIME_S = 14 * 24 * 3600


@dataclass(frozen=True, slots=True)
class User:
    """A customer as pages and the API see one."""

    id: int
    email: str
    first_name: str
    last_name: str
    since: datetime


class Accounts:
    """The customers of the shop. All that blocks happens in worker threads."""

    def __init__(self, database: Database, scrypt_n: int) -> None:
        self._database = database
        self._scrypt_n = scrypt_n
        # scrypt takes a core and megabytes: more at once than cores would only cost memory.
        self._hashing = CapacityLimiter(os.cpu_count() or 1)

    async def register(self, registration: Registration) -> User | None:
        """Create a customer; `None` when the e-mail address already has an account."""
        stored = await to_thread.run_sync(
            hash_password, registration.password, self._scrypt_n, limiter=self._hashing
        )
        return await to_thread.run_sync(self._insert, registration, stored)

    async def authenticate(self, email: str, password: str) -> User | None:
        """Return the customer with this e-mail address and password."""
        row = await to_thread.run_sync(self._row_by_email, email)
        if row is None:
            # As slow as a wrong password, so the time does not tell who is a customer.
            await to_thread.run_sync(hash_password, password, self._scrypt_n, limiter=self._hashing)
            return None
        right = await to_thread.run_sync(
            verify_password, password, row["password"], limiter=self._hashing
        )
        return _user(row) if right else None

    async def find(self, user_id: int) -> User | None:
        """Return the customer with this id."""
        return await to_thread.run_sync(self._find, user_id)

    async def issue_token(self, user: User) -> str:
        """Return a new API token, of which only a hash is stored."""
        token = secrets.token_urlsafe(32)
        await to_thread.run_sync(self._insert_token, _digest(token), user.id)
        return token

    async def token_owner(self, token: str) -> User | None:
        """Return the customer to whom a token was issued, until it expires."""
        return await to_thread.run_sync(self._owner, _digest(token))

    def _insert(self, registration: Registration, stored: str) -> User | None:
        names = (registration.first_name, registration.last_name)
        email = registration.email
        statement = (
            "INSERT INTO users (email, email_key, first_name, last_name, password, created_at)"
            " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (email_key) DO NOTHING RETURNING *"
        )
        values = (email, _email_key(email), *names, stored, int(time.time()))
        with self._database.connect() as connection:
            rows = connection.execute(statement, values).fetchall()
        return _user(rows[0]) if rows else None

    def _row_by_email(self, email: str) -> sqlite3.Row | None:
        with self._database.connect() as connection:
            found = connection.execute(
                "SELECT * FROM users WHERE email_key = ?", (_email_key(email),)
            )
            row: sqlite3.Row | None = found.fetchone()
        return row

    def _find(self, user_id: int) -> User | None:
        with self._database.connect() as connection:
            row = connection.execute("SELECT * FROM users WHERE id = ?", (user_id,)).fetchone()
        return _user(row) if row else None

    def _insert_token(self, digest: bytes, user_id: int) -> None:
        now = int(time.time())
        with self._database.connect() as connection:
            connection.execute("DELETE FROM tokens WHERE expires_at <= ?", (now,))
            connection.execute(
                "INSERT INTO tokens VALUES (?, ?, ?)", (digest, user_id, now + TOKEN_LIFETIME_S)
            )

    def _owner(self, digest: bytes) -> User | None:
        with self._database.connect() as connection:
            row = connection.execute(
                "SELECT users.* FROM tokens JOIN users ON users.id = tokens.user_id"
                " WHERE tokens.digest = ? AND tokens.expires_at > ?",
                (digest, int(time.time())),
            ).fetchone()
        return _user(row) if row else None


def _email_key(email: str) -> str:
    """Spell an e-mail address so that equal ones are equal, and SQLite can store it."""
    return email.strip().casefold().encode("utf-8", "replace").decode()


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


def _user(row: sqlite3.Row) -> User:
    return User(
        id=row["id"],
        email=row["email"],
        first_name=row["first_name"],
        last_name=row["last_name"],
        since=datetime.fromtimestamp(row["created_at"], UTC),
    )
