"""The judge: reads what SAP applied, in its order, and compares it with the book.

It takes no word of the sidecar's for anything that is in SAP.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from chaos.book import Book, Customer, name_of, version_of


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise that was broken: for whom, what was expected, what was there."""

    kind: str
    customer: str
    wanted: str
    found: str

    def __str__(self) -> str:
        return f"{self.kind.upper()}: {self.customer}: wanted {self.wanted}; found {self.found}"


class Judge:
    """Everything SAP applied so far."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self.seen = 0
        #: the newest state by uid, as SAP has it
        self.marks: dict[str, int] = {}
        self.calls: Counter[str] = Counter()
        self.duplicates: Counter[str] = Counter()
        self.resurrected = 0
        self.violations: list[Violation] = []
        self._amnesty: dict[str, int] = {}

    def take(self, commits: list[dict[str, Any]]) -> None:
        """Judge the writes that follow those taken before."""
        for commit in commits:
            if commit["seq"] != self.seen + 1:
                self._report("gap", "-", f"commit {self.seen + 1}", f"commit {commit['seq']}")
            self.seen = commit["seq"]
            uid, payload = str(commit["uid"]), commit["payload"]
            customer = self._book.customers.get(uid)
            if customer is None:
                self._report("stranger", uid, "nobody but those who logged in", str(payload))
            elif self._is_as_typed(customer, payload, "commit"):
                self._in_order(uid, version_of(payload.get("lastName")), commit)

    def _is_as_typed(self, customer: Customer, payload: Any, where: str) -> bool:
        version = version_of(payload.get("lastName")) if isinstance(payload, dict) else 0
        wanted = customer.record(version)
        # A login that is being answered right now counts: `tried` is raised before it is sent.
        if 1 <= version <= customer.tried and payload == wanted:
            return True
        names = f"{name_of(1)} to {name_of(customer.tried)}"
        self._report("foreign", customer.email, f"{wanted} with {names}", f"{where} {payload}")
        return False

    def _in_order(self, uid: str, version: int, commit: dict[str, Any]) -> None:
        mark = self.marks.get(uid, 0)
        self.calls[uid] += 1
        if version == mark:
            self.duplicates[uid] += 1
        elif version < mark:
            if mark < self._amnesty.get(uid, 0):
                self.resurrected += 1
            else:
                self._report(
                    "reordered",
                    uid,
                    f"{name_of(mark)} or newer",
                    f"{name_of(version)} in commit {commit['seq']}"
                    f" ({commit['integrationMessageId']})",
                )
        self.marks[uid] = version

    def forgive(self) -> None:
        """The store was damaged: older states may come until each customer logged in anew."""
        for customer in list(self._book.customers.values()):
            self._amnesty[customer.email] = customer.tried + 1

    def owed(self) -> list[Customer]:
        """Those of whom SAP has neither the newest answered state nor a newer one."""
        return [one for one in self._book.obliged() if self.marks.get(one.email, 0) < one.answered]

    def final(
        self, customers: list[dict[str, Any]], dead: dict[str, str], *, is_over: bool = True
    ) -> None:
        """Judge the end: whom SAP has, and the reasons of the dead letters by customer.

        When the run is not `is_over` but was broken off, what is owed may still have come.
        """
        for customer in self.owed() if is_over else ():
            if not (customer.is_poisoned and dead.get(customer.email)):
                mark = self.marks.get(customer.email, 0)
                found = name_of(mark) if mark else "nothing"
                letter = dead.get(customer.email, "none")
                self._report(
                    "lost",
                    customer.email,
                    f"{name_of(customer.answered)} to {name_of(customer.tried)}",
                    f"{found}; dead letter: {letter}",
                )
        for uid in dead.keys() - self._book.poisoned():
            self._report("dead", uid, "delivery: nobody made it poison", dead[uid])
        self._compare(customers)

    def _compare(self, customers: list[dict[str, Any]]) -> None:
        """What SAP has is what its commits say."""
        for stored in customers:
            uid = str(stored.get("uid"))
            customer = self._book.customers.get(uid)
            if customer is None:
                self._report("stranger", uid, "nobody but those who logged in", str(stored))
                continue
            kept = {name: stored.get(name) for name in customer.record(0)}
            self._is_as_typed(customer, kept, "SAP")
            if version_of(stored.get("lastName")) != self.marks.get(uid):
                newest = name_of(self.marks.get(uid, 0))
                self._report("commits", uid, newest, str(stored.get("lastName")))

    def violated(self, kind: str, wanted: str, found: str) -> None:
        """A promise was broken that is not about one customer."""
        self._report(kind, "-", wanted, found)

    def _report(self, kind: str, customer: str, wanted: str, found: str) -> None:
        self.violations.append(Violation(kind, customer, wanted, found))

    def count(self, kind: str) -> int:
        """How many violations of a kind."""
        return sum(one.kind == kind for one in self.violations)
