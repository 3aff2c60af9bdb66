"""The end of a run: nothing left to do, nothing sent twice in calm, nothing told to the logs."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final

from chaos.book import DOMAIN, PASSWORD, name_of
from frontdesk_sidecar.store import StoreError, Which
from frontdesk_sidecar.store.sqlite import SQLiteStore

if TYPE_CHECKING:
    from chaos.run import Run
    from chaos.town import Town

_ROW: Final = "SELECT * FROM customers WHERE key = ?"
_LONG: Final = ("facts", "history", "sent_hash", "lease_token")
_REST_S: Final = 40.0
#: What the web app's answers hold besides the customer; see `login_app`.
_SECRETS: Final = (PASSWORD, "tok-marked-0001", "cookie-marked-0001")
_PERSONAL: Final = (*_SECRETS, f"@{DOMAIN}", name_of(1)[:5])


def conclude(run: Run) -> None:
    """Judge the end of a run: `judge.violations`. The sidecar has ended afterwards."""
    was_broken_off = bool(run.judge.violations)
    is_settled = not run.judge.violations and all(one.is_poisoned for one in run.judge.owed())
    # A delivery that a wrong clock dated is no proof that SAP is up to date: it is made once more.
    had_wrong_clock = any(name.startswith("clock") for name in run.injected)
    if is_settled and _rest(run) and not had_wrong_clock:
        _calm(run)
    code = run.town.keeper.close()
    if code != 0 and not was_broken_off:
        run.judge.violated("exit", "code 0 after SIGTERM", str(code))
    run.judge.take(run.town.sap.commits(run.judge.seen))
    run.dead = _dead_letters(run)
    run.judge.final(run.town.sap.customers(), run.dead, is_over=not was_broken_off)
    for text in _leaks(run.town):
        run.judge.violated("leak", "nothing personal", text)


def _rest(run: Run) -> bool:
    if run.town.await_rest(_REST_S):
        return True
    left = {name: value for name, value in run.town.metrics().items() if "{" in name and value}
    run.judge.violated("restless", f"nothing left to do within {_REST_S:.0f} s", str(left))
    return False


def _calm(run: Run) -> None:
    """Nothing is wrong any more: who logs in with the name that SAP has causes no call."""
    run.judge.take(run.town.sap.commits(run.judge.seen))  # what came while it went to rest
    before = run.judge.seen
    for one in list(run.book.customers.values()):
        if one.tried and run.judge.marks.get(one.email) == one.tried:
            run.crowd.log_in(one, way=0, again=True)
    if not _rest(run):
        return
    calls = run.town.sap.commits(before)
    run.judge.take(calls)
    if calls:
        found = ", ".join(f"{one['uid']} in commit {one['seq']}" for one in calls[:9])
        run.judge.violated("needless", "no call for known data", f"{len(calls)}: {found}")


def _dead_letters(run: Run) -> dict[str, str]:
    """The reason by customer, from the file that the sidecar left."""
    try:
        with SQLiteStore.open(run.town.store / "frontdesk.db") as store:
            letters = store.dead(Which(), len(run.book.customers) + 1)
    except StoreError as error:
        run.judge.violated("store", "a store that opens", str(error))
        return {}
    return {letter.key: f"{letter.code}: {letter.text}" for letter in letters if letter.code}


def rows(run: Run) -> list[str]:
    """What the store that the sidecar left says of those who are owed something."""
    connection = sqlite3.connect(run.town.store / "frontdesk.db")
    connection.row_factory = sqlite3.Row
    found = []
    with closing(connection):
        for customer in run.judge.owed():
            for row in connection.execute(_ROW, (customer.email,)):
                said = {name: row[name] for name in row.keys() if name not in _LONG}  # noqa: SIM118 - a sqlite3.Row iterates over its values
                ahead_s = (row["due_at"] or 0) / 1e6 - time.time() if row["due_at"] else None
                found.append(f"store: {said} due in {ahead_s} s, facts {row['facts']!r}")
    return found


def _leaks(town: Town) -> list[str]:
    found = []
    for log in (town.directory / "web.log", town.directory / "sidecar.log"):
        found += [f"{text!r} in {log.name}" for text in _PERSONAL if _has(log, text)]
    for directory in (town.store, town.journal):
        for file in directory.iterdir():
            found += [f"{text!r} in {file.name}" for text in _SECRETS if _has(file, text)]
    return found


def _has(file: Path, text: str) -> bool:
    return file.is_file() and text.encode() in file.read_bytes()
