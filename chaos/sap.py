"""The simulated SAP, as the harness sees it: its faults, its credentials, and what it applied."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

_TIMEOUT_S = 15.0  # it may stand still for a moment


class Sap:
    """The `/_sim` endpoints at an address."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=_TIMEOUT_S, trust_env=False)
        self._lock = threading.Lock()
        self._passing: dict[int, list[dict[str, Any]]] = {}
        self._poison: dict[str, dict[str, Any]] = {}
        self._number = 0
        #: how many requests each kind of fault has struck
        self.struck: Counter[str] = Counter()

    @contextmanager
    def faulty(self, *faults: dict[str, Any]) -> Iterator[None]:
        """These faults are at work during the block."""
        self._number += 1
        number = self._number
        self._passing[number] = list(faults)
        self._post_faults()
        try:
            yield
        finally:
            del self._passing[number]
            self._post_faults()

    def poison(self, uid: str, code: str) -> None:
        """SAP refuses this customer's record from now on."""
        fault = {"kind": "status", "status": 400, "match": uid, "code": code}
        self._poison[uid] = {**fault, "message": "chaos says that this record is poison"}
        self._post_faults()

    def cure(self, uid: str) -> None:
        """SAP takes this customer's record again."""
        self._poison.pop(uid, None)
        self._post_faults()

    def _post_faults(self) -> None:
        for fault in self._get("/_sim/faults"):
            status = f" {fault['status']}" if "status" in fault else ""
            self.struck[fault["kind"] + status] += fault["hits"]
        # An outage is an outage for poisoned customers too: it comes first.
        passing = [fault for group in self._passing.values() for fault in group]
        self._post("/_sim/faults", {"faults": [*passing, *self._poison.values()]})

    def revoke_tokens(self) -> None:
        """Tokens given so far are worth nothing any more."""
        self._post("/_sim/tokens/revoke", None)

    def change_secret(self, secret: str) -> None:
        """The client secret is another one from now on."""
        self._post("/_sim/credentials", {"client_secret": secret})

    def commits(self, since: int) -> list[dict[str, Any]]:
        """The writes applied after this number, in their order."""
        answer = self._get(f"/_sim/commits?since={since}")
        commits: list[dict[str, Any]] = answer["commits"]
        return commits

    def customers(self) -> list[dict[str, Any]]:
        """Whom SAP has."""
        found: list[dict[str, Any]] = self._get("/_sim/customers")
        return found

    def _get(self, path: str) -> Any:
        with self._lock:
            return self._client.get(path).raise_for_status().json()

    def _post(self, path: str, document: Any) -> None:
        with self._lock:
            self._client.post(path, json=document).raise_for_status()

    def close(self) -> None:
        """Let its connection go."""
        self._client.close()
