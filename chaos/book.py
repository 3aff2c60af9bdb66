"""The harness's own book: which customer tried which name, and which ones were answered."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any, Final

FIRST_NAME: Final = "Kim"
DOMAIN: Final = "chaos.example"
#: Names of those who must never arrive.
DENIED: Final = "denied"
ANONYMOUS: Final = "anonymous"
PASSWORD: Final = "password-marked-4711"


def name_of(version: int) -> str:
    """The last name that counts up."""
    return f"v{version:06d}"


def version_of(name: object) -> int:
    """The count in a last name; 0 when it is none of ours."""
    digits = name[1:] if isinstance(name, str) and name[:1] == "v" else ""
    return int(digits) if len(digits) == 6 and digits.isdecimal() else 0


@dataclass(slots=True)
class Customer:
    """One customer: the newest name tried, and the newest that its client was answered for."""

    number: int
    tried: int = 0
    answered: int = 0
    is_poisoned: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def email(self) -> str:
        """The address, which is the key and SAP's uid."""
        return f"customer{self.number}@{DOMAIN}"

    def record(self, version: int) -> dict[str, Any]:
        """What SAP is to be sent, attribute by attribute."""
        name = name_of(version)
        return {
            "uid": self.email,
            "contactEmail": self.email,
            "name": f"{FIRST_NAME} {name}",
            "firstName": FIRST_NAME,
            "lastName": name,
        }


class Book:
    """All customers. While it `excuses`, an answer makes no obligation: the journal is full."""

    def __init__(self) -> None:
        self.customers: dict[str, Customer] = {}
        self.excuses = False
        self.logins = 0
        self.excused = 0
        self._lock = threading.Lock()

    def new(self) -> Customer:
        """One more customer, who never logged in so far."""
        with self._lock:
            customer = Customer(len(self.customers))
            self.customers[customer.email] = customer
            return customer

    def answered(self, customer: Customer, *, excused: bool) -> None:
        """The client has the whole answer to the newest name; the customer's lock is held."""
        with self._lock:
            self.logins += 1
            self.excused += excused
        if not excused:
            customer.answered = customer.tried

    def obliged(self) -> list[Customer]:
        """Those whose client was answered."""
        return [customer for customer in list(self.customers.values()) if customer.answered]

    def void(self) -> None:
        """What was answered so far may be lost: the store was damaged. Nobody may be logging in."""
        for customer in list(self.customers.values()):
            customer.answered = 0

    def poisoned(self) -> set[str]:
        """Whom SAP refuses because the harness said so."""
        return {one.email for one in list(self.customers.values()) if one.is_poisoned}
