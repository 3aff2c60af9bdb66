"""The SQL of the SQLite store: its statements by name."""

from __future__ import annotations

from typing import Final

from frontdesk_sidecar.store.sqlite_schema import MIGRATIONS as MIGRATIONS

#: keys of rows as a JSON array -> the rows there are
FIND: Final = """
SELECT id, key, facts FROM customers WHERE key IN (SELECT value FROM json_each(?))
"""

#: key of the row, target, facts, trace, now x 4
CREATE: Final = """
INSERT INTO customers (key, target, facts, trace, due_at, waiting_since, created_at, updated_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""

#: New facts for a known customer. In an UPDATE every right-hand side sees the row as it was.
#: One that failed, and so has a code, keeps its time: SAP may still be at work on it. So it may
#: on a dead letter, for the time `rest` after the last attempt.
CHANGE: Final = """
UPDATE customers SET
    facts = :facts,
    trace = coalesce(:trace, trace),
    revision = revision + 1,
    updated_at = :now,
    scrubbed = 0,
    state = CASE state WHEN 'leased' THEN 'leased' ELSE 'pending' END,
    due_at = CASE
        WHEN state = 'leased' OR (state = 'pending' AND code IS NOT NULL) THEN due_at
        WHEN state = 'pending' THEN min(due_at, :now)
        WHEN state = 'dead' THEN max(:now, settled_at + :rest)
        ELSE :now
    END,
    waiting_since = coalesce(waiting_since, :now),
    attempts = CASE state WHEN 'dead' THEN 0 ELSE attempts END,
    settled_at = NULL
WHERE id = :id
"""

OFFSETS: Final = "SELECT name, offset FROM segments"

#: name, offset, now
SAVE_OFFSET: Final = """
INSERT INTO segments (name, offset, updated_at) VALUES (?, ?, ?)
ON CONFLICT (name) DO UPDATE SET offset = excluded.offset, updated_at = excluded.updated_at
"""

FORGET_SEGMENT: Final = "DELETE FROM segments WHERE name = ?"

#: target, failed before (0 or 1), now, limit
DUE: Final = """
SELECT
    id, key, facts, revision, attempts, sent_revision, sent_hash, sent_at, code, trace
FROM customers INDEXED BY customers_due
WHERE target = ? AND (code IS NOT NULL) = ? AND due_at <= ? AND due_at IS NOT NULL
ORDER BY due_at LIMIT ?
"""

#: The same, the latest due first.
DUE_LATEST: Final = DUE.replace("ORDER BY due_at", "ORDER BY due_at DESC")

#: target, now
IS_DUE: Final = """
SELECT
    EXISTS (SELECT 1 FROM customers INDEXED BY customers_due
            WHERE target = :target AND (code IS NOT NULL) = 0
                AND due_at <= :now AND due_at IS NOT NULL)
    OR EXISTS (SELECT 1 FROM customers INDEXED BY customers_due
               WHERE target = :target AND (code IS NOT NULL) = 1
                   AND due_at <= :now AND due_at IS NOT NULL)
"""

#: token, end of the lease, id
LEASE: Final = """
UPDATE customers SET state = 'leased', lease_token = ?, due_at = ? WHERE id = ?
"""

#: Whoever opens the file is its only user, so a lease found in it belongs to a dead process.
#: quiet until: whoever held the lease may have a request under way at the target, and so nobody
#: knows what SAP has: no hash is left to find the customer unchanged by.
END_LEASES: Final = """
UPDATE customers SET state = 'pending', lease_token = NULL, sent_hash = NULL, due_at = ?
WHERE due_at IS NOT NULL AND state = 'leased'
"""

#: latest, latest: where the clock was ahead, nobody waits for it to be there again
BRING_FORWARD: Final = """
UPDATE customers SET due_at = ? WHERE due_at > ? AND state = 'pending'
"""

DELIVERED: Final = """
UPDATE customers SET
    sent_revision = :revision,
    sent_hash = :sent_hash,
    sent_at = :sent_at,
    sent_id = coalesce(:sent_id, sent_id),
    attempts = 0,
    code = NULL,
    text = NULL,
    history = NULL,
    trace = CASE WHEN revision > :revision THEN nullif(trace, :trace) END,
    lease_token = NULL,
    state = CASE WHEN revision > :revision THEN 'pending' ELSE 'clean' END,
    due_at = CASE WHEN revision > :revision THEN :now END,
    waiting_since = CASE WHEN revision > :revision THEN updated_at END,
    settled_at = CASE WHEN revision > :revision THEN NULL ELSE :now END
WHERE key = :key AND lease_token = :token
"""

#: As in every settlement but a delivery: what was sent may have been stored all the same, so the
#: hash of an earlier delivery says nothing any more.
RETRY: Final = """
UPDATE customers SET
    sent_hash = NULL,
    attempts = attempts + :counted,
    code = :code,
    text = :text,
    history = remembered(history, :attempt),
    lease_token = NULL,
    state = 'pending',
    due_at = :due_at
WHERE key = :key AND lease_token = :token
"""

DEAD: Final = """
UPDATE customers SET
    sent_hash = NULL,
    attempts = CASE WHEN revision > :revision THEN 0 ELSE attempts + 1 END,
    code = :code,
    text = :text,
    history = remembered(history, :attempt),
    lease_token = NULL,
    state = CASE WHEN revision > :revision THEN 'pending' ELSE 'dead' END,
    due_at = CASE WHEN revision > :revision THEN :now END,
    waiting_since = CASE WHEN revision > :revision THEN updated_at END,
    settled_at = CASE WHEN revision > :revision THEN NULL ELSE :now END
WHERE key = :key AND lease_token = :token
"""

RELEASE: Final = """
UPDATE customers SET lease_token = NULL, state = 'pending', due_at = :due_at, sent_hash = NULL
WHERE key = :key AND lease_token = :token
"""

#: before, limit; `forgotten` is the function of frontdesk_sidecar.customer
SCRUB: Final = """
UPDATE customers SET facts = forgotten(facts), scrubbed = 1
WHERE id IN (
    SELECT id FROM customers
    WHERE state = 'clean' AND scrubbed = 0 AND settled_at < ? ORDER BY settled_at LIMIT ?
)
"""

#: now -> target, pending, leased, due, oldest data not yet delivered
COUNT_OPEN: Final = """
SELECT
    target,
    count(*) FILTER (WHERE state = 'pending'),
    count(*) FILTER (WHERE state = 'leased'),
    count(*) FILTER (WHERE due_at <= ?),
    min(waiting_since)
FROM customers WHERE due_at IS NOT NULL GROUP BY target
"""

#: Who fails again and again, as far as `limit` of those that failed tell; the code is that of the
#: one with most tries (https://www.sqlite.org/lang_select.html#bareagg). In an outage no attempt is
#: counted, but `history` has the last ones, also those from before somebody revived a dead letter.
#: -> number, tries, code
FAILING: Final = """\
SELECT count(*), max(tries), code FROM (
    SELECT code, CASE WHEN attempts > 1 OR history IS NULL THEN attempts ELSE (
        SELECT count(*) FROM json_each(CAST(history AS TEXT))
        WHERE json_extract(value, '$[0]') >= waiting_since) END AS tries
    FROM customers INDEXED BY customers_due
    WHERE target = :target AND (code IS NOT NULL) = 1 AND due_at IS NOT NULL LIMIT :limit)
WHERE tries > 1
"""

#: -> target, code, number
COUNT_DEAD: Final = """
SELECT target, coalesce(code, ''), count(*) FROM customers
WHERE state = 'dead' GROUP BY target, code
"""

COUNT_ALL: Final = "SELECT count(*) FROM customers"

#: -> target, number, of all targets but `default`
COUNT_ELSEWHERE: Final = """
SELECT target, count(*) FROM customers WHERE target <> 'default' GROUP BY target
"""

#: target, limit -> id, key, facts, scrubbed; nothing of `default`
ELSEWHERE: Final = """
SELECT id, key, facts, scrubbed FROM customers
WHERE target = ? AND target <> 'default' LIMIT ?
"""

REMOVE: Final = "DELETE FROM customers WHERE id = ?"

#: A condition on dead letters; what is null does not count. `ids` is a JSON array.
_WHICH: Final = """
    state = 'dead'
    AND (:ids IS NULL OR id IN (SELECT value FROM json_each(:ids)))
    AND (:target IS NULL OR target = :target)
    AND (:key IS NULL OR key IN (:key, :key || char(31) || target))
    AND (:code IS NULL OR code = :code)
    AND (:since IS NULL OR settled_at >= :since)
    AND (:before IS NULL OR settled_at < :before)
"""

#: which, limit
LIST_DEAD: Final = f"""
SELECT id, key, target, facts, code, text, attempts, settled_at, history FROM customers
WHERE {_WHICH} ORDER BY settled_at DESC, id DESC LIMIT :limit
"""  # noqa: S608 - the condition is our own text

#: which, now
REVIVE: Final = f"""
UPDATE customers SET
    state = 'pending', due_at = max(:now, settled_at + :rest), waiting_since = :now,
    attempts = 0, settled_at = NULL
WHERE {_WHICH}
"""  # noqa: S608 - the condition is our own text

#: which, limit
DISCARD: Final = f"""
DELETE FROM customers WHERE id IN (
    SELECT id FROM customers WHERE {_WHICH} ORDER BY settled_at, id LIMIT :limit
)
"""  # noqa: S608 - the condition is our own text

#: The customer's rows of all targets, and of nobody whose address begins with this one.
FORGET: Final = """
DELETE FROM customers WHERE id IN (
    SELECT id FROM customers WHERE key = :key
    UNION ALL
    SELECT id FROM customers
    WHERE key > :key || char(31) AND key < :key || char(32) AND key = :key || char(31) || target
)
"""

_KNOWN: Final = """
SELECT id, key, target, facts, state, due_at, waiting_since, attempts, code, text, history, sent_at,
    sent_id, created_at, updated_at, settled_at, scrubbed
FROM customers"""

#: The customer's rows of all targets; as with FORGET, nobody's else.
KNOWN: Final = f"""
{_KNOWN} WHERE key = :key
UNION ALL
{_KNOWN} WHERE key > :key || char(31) AND key < :key || char(32)
    AND key = :key || char(31) || target
"""

#: id -> key, target
KEY_OF: Final = "SELECT key, target FROM customers WHERE id = ?"

#: after, limit -> the last id of a part of the table, and how many rows it has
PART: Final = """
SELECT max(id), count(*) FROM (SELECT id FROM customers WHERE id > ? ORDER BY id LIMIT ?)
"""

UNDER_WAY: Final = """
SELECT count(*) FROM customers
WHERE due_at IS NOT NULL AND (due_at <= :now OR state = 'leased')
    AND (:target IS NULL OR target = :target)
"""

_IN_PART: Final = "id > :after AND id <= :last AND (:target IS NULL OR target = :target)"

#: Without the hash of the last delivery nobody is found unchanged. Who is under way may have been
#: made ready by rules of before, and gets another turn.
AGAIN: Final = f"""
UPDATE customers SET
    state = CASE state WHEN 'leased' THEN 'leased' ELSE 'pending' END,
    revision = revision + (state = 'leased'),
    updated_at = CASE state WHEN 'leased' THEN :now ELSE updated_at END,
    sent_hash = NULL,
    due_at = coalesce(due_at, :now),
    waiting_since = coalesce(waiting_since, :now),
    settled_at = NULL
WHERE {_IN_PART} AND state <> 'dead' AND scrubbed = 0
"""  # noqa: S608 - the condition is our own text

COUNT_ERASED: Final = f"""
SELECT count(*) FROM customers WHERE {_IN_PART} AND state = 'clean' AND scrubbed = 1
"""  # noqa: S608 - the condition is our own text

#: user id, after, last -> id
OF_USER: Final = """
SELECT id FROM customers
WHERE json_extract(CAST(facts AS TEXT), '$."@userId"[0]') = ? AND id > ? AND id <= ? ORDER BY id
"""

RECALL: Final = "SELECT value FROM notes WHERE name = ?"

REMEMBER: Final = "INSERT OR REPLACE INTO notes (name, value) VALUES (?, ?)"

DROP_NOTE: Final = "DELETE FROM notes WHERE name = ?"
