"""The same operations without a running sidecar, on the store it left."""

from __future__ import annotations

import os
import pwd
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from frontdesk_sidecar.admin.arguments import BadArgument, text
from frontdesk_sidecar.admin.client import Away, NotHere, Refused
from frontdesk_sidecar.admin.operations import OPERATIONS, Missing, key_of
from frontdesk_sidecar.admin.people import PEOPLE
from frontdesk_sidecar.admin.reach import Reach
from frontdesk_sidecar.admin.strays import STRAYS, one_of
from frontdesk_sidecar.forward.draw import GATE, PAUSE, note_of
from frontdesk_sidecar.forward.verdict import SECOND
from frontdesk_sidecar.journal.erasure import segments_naming, unread
from frontdesk_sidecar.live import disk_free, versions
from frontdesk_sidecar.status import by_reason, iso, together
from frontdesk_sidecar.store import Counts, Store, StoreError, StoreLocked
from frontdesk_sidecar.store.sqlite import SQLiteStore

_STATES: Final = ("pending", "due", "leased", "clean", "dead")


class Offline:
    """Opens the store for one operation at a time. Raises Refused."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach

    def call(self, operation: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The operation's result, with `"running": false`."""
        path, now = self._reach.store.path, time.time_ns() // 1000
        if operation.startswith("backfill."):
            raise self._away(path)
        if operation == "reload":
            raise NotHere("no sidecar runs here; its start reads the settings")
        _refuse_another_user(path, operation)
        try:
            if not path.exists():
                raise NotHere(f"no sidecar runs, and there is no store {path}; store.path names it")
            with self._opened(now) as store:
                return {**self._perform(store, operation, arguments, now), "running": False}
        except StoreLocked:
            raise NotHere(
                f"another process has {path} open, but no sidecar answers at"
                f" {self._reach.http.socket}: wait if one is just starting or ending; else run this"
                " as the sidecar's user and with its settings, or set http.key"
            ) from None
        except StoreError as error:
            raise Refused(f"store {path}: {error}") from None
        except OSError as error:
            raise Refused(f"{path}: {error.strerror}; run this as the sidecar's user") from None
        except (BadArgument, Missing) as error:
            raise Refused(str(error)) from None
        except Refused:
            raise
        except Exception as error:  # whatever a store of somebody's holds; the text may be of it
            raise Refused(
                f"store {path}: {operation} met something unexpected ({type(error).__name__});"
                " start the sidecar, which checks the file, and try again"
            ) from error

    def _away(self, path: Path) -> Refused:
        """Nobody would be sent; where the store is here, whoever listens is no sidecar."""
        _refuse_another_user(path, "backfill")
        kind = Away if os.path.exists(path) else NotHere
        return kind("no sidecar runs here, so nobody would be sent; start it first")

    def _opened(self, now: int) -> SQLiteStore:
        """Opened as the sidecar does it, for opening ends the leases."""
        keeping = self._reach.store
        return SQLiteStore.open(
            keeping.path,
            # Whoever was killed a moment ago may have requests under way at SAP.
            quiet_until=now + int(self._reach.rest_s * SECOND),
            rest_us=int(self._reach.rest_s * SECOND),
            max_bytes=keeping.max_bytes,
            ballast_bytes=keeping.ballast_bytes,
        )

    def _perform(
        self, store: Store, operation: str, arguments: Mapping[str, Any], now: int
    ) -> dict[str, Any]:
        if operation == "status":
            return self._status(store, now)
        if operation in ("pause", "resume"):
            return self._pause(store, arguments, now, pausing=operation == "pause")
        if operation in STRAYS:
            return STRAYS[operation](store, arguments, now, self._targets)
        if operation == "forget":
            return self._forget(store, key_of(arguments))
        function = PEOPLE.get(operation) or OPERATIONS[operation]
        return function(store, arguments, now)

    @property
    def _targets(self) -> list[str]:
        return list(self._reach.targets)

    def _pause(
        self, store: Store, arguments: Mapping[str, Any], now: int, *, pausing: bool
    ) -> dict[str, Any]:
        target = text(arguments, "target")
        chosen = self._targets if target is None else [one_of(target, "target", self._targets)]
        for name in (note_of(PAUSE, one) for one in chosen):
            known = store.recall(name)
            store.remember(name, (known or {"since": now, "by": "hand"}) if pausing else None)
        return {"paused": pausing}

    def _forget(self, store: Store, key: str) -> dict[str, Any]:
        found = store.forget(key)
        store.checkpoint()
        path = self._reach.store.path
        return {
            "forgotten": found,
            "segments": segments_naming(self._reach.journal, key),
            "damagedFiles": sorted(str(one) for one in path.parent.glob(f"{path.name}.damaged-*")),
        }

    def _status(self, store: Store, now: int) -> dict[str, Any]:
        reach, counts = self._reach, store.counts_by_target(now)
        nothing = Counts.together((), store.size())
        parts = [
            (
                name,
                address,
                _standing(store, name, counts.pop(name, nothing), now) | {"clientId": client},
            )
            for name, (address, client) in reach.targets.items()
        ]
        return {
            **versions(),
            "pid": None,
            "settingsRefused": list(reach.refused),
            **together(parts, counts),
            "journal": self._journal(store),
            "store": {
                "path": str(reach.store.path),
                "bytes": store.size(),
                "limitBytes": reach.store.max_bytes,
                "diskFreeBytes": disk_free(reach.store.path),
                "held": store.held(),
            },
        }

    def _journal(self, store: Store) -> dict[str, Any]:
        """What waits there, as far as this user may see it: web processes go on writing."""
        told: dict[str, Any] = {"path": str(self._reach.journal)}
        try:
            lag_bytes, segments = unread(self._reach.journal, store.offsets())
        except OSError as error:
            return told | {"unseen": error.strerror}
        return told | {"lagBytes": lag_bytes, "segments": segments}


def _refuse_another_user(path: Path, operation: str) -> None:
    """The store stays the sidecar's: who asks is to change, not whom it belongs to."""
    owner, ours = _owner(path), os.geteuid()
    if owner is None or ours in (0, owner):
        return
    name = _user_name(owner)
    sudo = f"sudo -u {name or f'#{owner}'} frontdesk {operation.replace('.', ' ')}"
    raise Refused(
        f"this store belongs to user {_shown(owner)}, you are {_shown(ours)}: run the command as"
        f" that user, such as {sudo}"
    )


def _owner(path: Path) -> int | None:
    """Of the file, else of the directory that does not let us look; None when there is none."""
    for one in (path, *path.parents):
        try:
            return os.lstat(one).st_uid
        except PermissionError:
            continue
        except OSError:
            return None
    return None


def _shown(uid: int) -> str:
    name = _user_name(uid)
    return str(uid) if name is None else f"{name} ({uid})"


def _user_name(uid: int) -> str | None:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:  # as in a container
        return None


def _standing(store: Store, target: str, counts: Counts, now: int) -> dict[str, Any]:
    gate = _gate(store, target, now)
    return {
        "state": "paused" if gate["state"] == "hand" else "stopped",
        "gate": gate,
        "customers": {name: getattr(counts, name) for name in _STATES},
        "oldestPendingSeconds": (counts.oldest_us or 0) / 1e6,
        "dead": by_reason(store.dead_codes(target)),
    }


def _gate(store: Store, target: str, now: int) -> dict[str, Any]:
    """Why the sidecar will not send, or did not when it ended, as far as the store tells."""
    paused, left = (store.recall(note_of(name, target)) for name in (PAUSE, GATE))
    if isinstance(paused, dict):
        return {"state": "hand", "since": iso(paused.get("since", now))}
    if not isinstance(left, dict):
        return {"state": "open"}
    said = {name: str(left.get(name, "")) for name in ("code", "text", "advice")}
    return {"state": str(left.get("why", "open")), **said}
