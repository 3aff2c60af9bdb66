"""The schema of the SQLite store, step by step, and what its columns hold."""

from __future__ import annotations

from typing import Final

#: Migration n brings the schema to version n (`PRAGMA user_version`). Never change one that was
#: released: add the next.
MIGRATIONS: Final[tuple[tuple[str, ...], ...]] = (
    (
        # facts           canonical JSON, name -> [value, time]; see frontdesk_sidecar.customer
        # due_at          when the row may be claimed: of a leased row, the end of its lease;
        #                 null when there is nothing to do
        # waiting_since   when the oldest data not yet delivered came
        # attempts        failures in a row
        # settled_at      when the row became clean or dead
        # scrubbed        the values have been erased
        """
        CREATE TABLE customers (
            id INTEGER PRIMARY KEY,
            key TEXT NOT NULL UNIQUE,
            facts BLOB NOT NULL,
            revision INTEGER NOT NULL DEFAULT 1,
            sent_revision INTEGER NOT NULL DEFAULT 0,
            sent_hash BLOB,
            state TEXT NOT NULL DEFAULT 'pending'
                CHECK (state IN ('pending', 'leased', 'clean', 'dead')),
            due_at INTEGER CHECK ((due_at IS NULL) = (state IN ('clean', 'dead'))),
            waiting_since INTEGER,
            attempts INTEGER NOT NULL DEFAULT 0,
            lease_token TEXT CHECK ((lease_token IS NOT NULL) = (state = 'leased')),
            code TEXT,
            text TEXT,
            scrubbed INTEGER NOT NULL DEFAULT 0,
            created_at INTEGER NOT NULL,
            updated_at INTEGER NOT NULL,
            settled_at INTEGER
        )
        """,
        # Serves the claims by its first two columns, and the counts without touching the table.
        """
        CREATE INDEX customers_due ON customers (due_at, attempts, state, waiting_since)
        WHERE due_at IS NOT NULL
        """,
        """
        CREATE INDEX customers_dead ON customers (settled_at) WHERE state = 'dead'
        """,
        """
        CREATE INDEX customers_unscrubbed ON customers (settled_at)
        WHERE state = 'clean' AND scrubbed = 0
        """,
        """
        CREATE TABLE segments (
            name TEXT PRIMARY KEY,
            offset INTEGER NOT NULL,
            updated_at INTEGER NOT NULL
        ) WITHOUT ROWID
        """,
    ),
    (
        # sent_at    when the last delivery was made
        # history    the last failed attempts, JSON [[at, code, text, message id], …]; null if none
        "ALTER TABLE customers ADD COLUMN sent_at INTEGER",
        "ALTER TABLE customers ADD COLUMN history BLOB",
        "DROP INDEX customers_due",
        # Fresh customers and failed ones are claimed apart, so that neither starves the other.
        """
        CREATE INDEX customers_due ON customers (attempts > 0, due_at, state, waiting_since)
        WHERE due_at IS NOT NULL
        """,
        # Small things of the sidecar itself, such as why it is paused.
        """
        CREATE TABLE notes (
            name TEXT PRIMARY KEY,
            value BLOB NOT NULL
        ) WITHOUT ROWID
        """,
    ),
    (
        # target    where the customer goes. `key` is the e-mail address; of any target but
        #           `default` with a separator and the target's name, see sqlite_rows.row_key:
        #           to make another UNIQUE constraint SQLite would have to write the table anew,
        #           for which a file that is nearly full has no room.
        "ALTER TABLE customers ADD COLUMN target TEXT NOT NULL DEFAULT 'default'",
        "DROP INDEX customers_due",
        # Who has a code failed, or was in the company of somebody who did, and goes alone.
        # The target first: however many are due for one that is paused, the claims of another
        # pass over none of them.
        """
        CREATE INDEX customers_due ON customers
        (target, code IS NOT NULL, due_at, state, waiting_since) WHERE due_at IS NOT NULL
        """,
        "DROP INDEX customers_dead",
        """
        CREATE INDEX customers_dead ON customers (settled_at, target, code, state)
        WHERE state = 'dead'
        """,
        # Who goes elsewhere, so that counting them does not read the table; costs nothing where
        # nobody does.
        "CREATE INDEX customers_elsewhere ON customers (target) WHERE target <> 'default'",
    ),
    (
        # trace    the `traceparent` of the newest message that had one, until it was delivered
        "ALTER TABLE customers ADD COLUMN trace TEXT",
        # sent_id    the `integrationMessageId` of the last delivery
        "ALTER TABLE customers ADD COLUMN sent_id TEXT",
    ),
)
