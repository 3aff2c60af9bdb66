"""Faults: what goes wrong on purpose, when, and for whom.

A fault is one JSON object. Common fields: `kind`, `on` ("odata", "token" or "all"; default
"odata"), `times` (how often it strikes; without it, until cleared), `match` (only requests about
this uid), and one of `every` (each n-th eligible request) or `probability` with `seed`.

    {"kind": "latency", "seconds": 2, "when": "after"}
    {"kind": "status", "status": 503, "body": "<html>…</html>", "contentType": "text/html"}
    {"kind": "status", "status": 500, "code": "internal_error", "message": "stale", "times": 3}
    {"kind": "drop", "when": "after"}
    {"kind": "throttle", "threshold": 50, "cooldown": 5}
    {"kind": "maintenance"}                  503, an HTML page
    {"kind": "login"}                        302 to a login page
    {"kind": "blocked"}                      403, an HTML page: the IP filter
    {"kind": "timeout", "seconds": 60, "when": "after"}    504, an HTML page, after that time
    {"kind": "stale"}, {"kind": "deadlock"}  500 internal_error
    {"kind": "ambiguous"}                    500 internal_error: a parallel create won
    {"kind": "clock", "seconds": -300}       shifts the header `Date`

`when` is "before" or "after" the commit. The faults `stale`, `deadlock` and
`ambiguous` strike the parts of a batch one by one.

A `$batch` is one request to all faults, to the throttle too, with two exceptions. A `match` means
every uid in it: a matched drop or latency strikes the whole request, a matched status fault only
the part (changeset) that has the uid, which then fails with that answer, "before" without its
changes, "after" with them stored. And a status fault can have `parts`: it is consulted for each
part of a batch (and each single request), so that every record can be refused:

    {"kind": "status", "status": 400, "code": "missing_property", "parts": true}

`times`, `every` and `probability` of such faults count parts. They strike behind the token check
and only when the envelope of the batch is good.

The throttle is the web application firewall of SAP
Commerce Cloud: more than `threshold` requests are answered 429 until `cooldown` seconds passed
without any request. With `interval` the count also starts anew that many seconds after its first
request; without, only silence resets it.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    Uids = Callable[[], Collection[str]]

Target = Literal["token", "odata"]
Scope = Literal["single", "batch", "part"]
When = Literal["before", "after"]
Kind = Literal[
    "latency",
    "status",
    "drop",
    "throttle",
    "maintenance",
    "login",
    "blocked",
    "timeout",
    "stale",
    "deadlock",
    "ambiguous",
    "clock",
]
_OF_PARTS = frozenset({"stale", "deadlock", "ambiguous"})
# These leave the answer as it is.
_HARMLESS = frozenset({"latency", "clock"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault as it was asked for; which fields mean something depends on `kind`."""

    kind: Kind
    on: Literal["token", "odata", "all"] = "odata"
    times: int | None = None
    match: str | None = None
    every: int | None = None
    probability: float | None = None
    seed: int | None = None
    when: When = "before"
    seconds: float = 0.0
    status: int = 500
    body: object = None
    content_type: str | None = None
    headers: Mapping[str, str] | None = None
    code: str | None = None
    message: str | None = None
    threshold: int = 500
    cooldown: float = 5.0
    interval: float | None = None
    parts: bool = False

    def concerns(self, scope: Scope) -> bool:
        """Whether it is consulted for a single request, for a whole batch, for a part of one."""
        if scope == "single":
            return True
        is_chosen = self.kind == "status" and (self.parts or self.match is not None)
        return (is_chosen or self.kind in _OF_PARTS) == (scope == "part")


class ActiveFault:
    """A fault at work: how many requests it saw and struck."""

    def __init__(self, fault: Fault, document: Mapping[str, Any]) -> None:
        self.fault = fault
        self.hits = 0
        self._document = document
        self._seen = 0
        self._random = random.Random(fault.seed)  # noqa: S311 - repeatable chance, no secret
        self._counted = 0
        self._first = self._last = float("-inf")

    def strikes(self, target: Target, uids: Uids, now: float) -> bool:
        """Whether this request (at `now`, seconds) is struck; counts it when it is eligible."""
        fault = self.fault
        if fault.on not in (target, "all") or self._is_spent():
            return False
        if fault.match is not None and fault.match not in uids():
            return False
        self._seen += 1
        struck = self._is_chosen() and (fault.kind != "throttle" or self._is_over(now))
        self.hits += struck
        return struck

    def to_json(self) -> dict[str, Any]:
        """The fault as it was posted, with `hits` and, if limited, what `remaining` of it."""
        state: dict[str, Any] = {**self._document, "hits": self.hits}
        if self.fault.times is not None:
            state["remaining"] = self.fault.times - self.hits
        return state

    def _is_spent(self) -> bool:
        return self.fault.times is not None and self.hits >= self.fault.times

    def _is_chosen(self) -> bool:
        if self.fault.every is not None:
            return self._seen % self.fault.every == 0
        if self.fault.probability is not None:
            return self._random.random() < self.fault.probability
        return True

    def _is_over(self, now: float) -> bool:
        fault = self.fault
        silent = now - self._last >= fault.cooldown
        renewed = (
            fault.interval is not None
            and self._counted <= fault.threshold
            and now - self._first >= fault.interval
        )
        if silent or renewed:
            self._counted, self._first = 0, now
        self._last = now
        self._counted += 1
        return self._counted > fault.threshold


@dataclass(frozen=True, slots=True)
class Effects:
    """What faults do to one request: waits in seconds, and what replaces the answer.

    `shift` is what they add to the clock that the answer shows, in seconds.
    """

    wait_before: float = 0.0
    wait_after: float = 0.0
    before: Fault | None = None
    after: Fault | None = None
    shift: float = 0.0


class FaultBoard:
    """The active faults, in the order they were given."""

    def __init__(self) -> None:
        self._active: list[ActiveFault] = []

    def set(self, faults: Iterable[ActiveFault]) -> None:
        """Replaces all faults."""
        self._active = list(faults)

    def to_json(self) -> list[dict[str, Any]]:
        """The faults with their counts."""
        return [active.to_json() for active in self._active]

    def consult(
        self, target: Target, uids: Uids, now: float, *, scope: Scope = "single"
    ) -> Effects:
        """Takes what the faults do to this request, or to this part of a batch.

        `uids` tells whom it is about; it is called only when a fault wants to know. Waits add
        up. The first fault that replaces the answer wins, one before the commit over one after
        it; faults behind a winner do not count the request.
        """
        if not self._active:
            return _NOTHING
        waits, shift = {"before": 0.0, "after": 0.0}, 0.0
        after: Fault | None = None
        for active in self._active:
            fault = active.fault
            is_late = after is not None and fault.kind not in _HARMLESS and fault.when == "after"
            if is_late or not fault.concerns(scope) or not active.strikes(target, uids, now):
                continue
            if fault.kind == "clock":
                shift += fault.seconds
                continue
            waits[fault.when] += fault.seconds
            if fault.kind == "latency":
                continue
            if fault.when == "before":
                return Effects(waits["before"], 0.0, fault, None, shift)
            after = fault
        return Effects(waits["before"], waits["after"], None, after, shift)


_NOTHING = Effects()
