"""Customers who log in over and over, and what of it has to be in SAP in the end.

A login becomes an obligation when its client has the whole answer.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import urlencode

import httpx

#: How a login is asked for and answered: what completes the answer differs. See `login_app`.
_WAYS: list[Callable[[dict[str, str]], tuple[str, str, str]]] = [
    lambda user: ("", "application/json", json.dumps(user)),
    lambda user: ("split", "application/json", json.dumps(user)),
    lambda user: ("redirect", "application/x-www-form-urlencoded", urlencode(user)),
]


class Client:
    """One customer, logging in again and again with a name that counts up."""

    def __init__(self, number: int, port: int) -> None:
        self.email = f"customer{number}@example.com"
        self._number = number
        self.answered = 0
        self.tried = 0
        self.port = port

    def log_in(self) -> bool:
        """One login; True when the answer arrived whole."""
        self.tried += 1
        user = {"email": self.email, "firstName": "Kim", "lastName": f"v{self.tried:06d}"}
        way, kind, body = _WAYS[(self._number + self.tried) % len(_WAYS)](user)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("POST", f"/auth/login?{way}", body, {"content-type": kind})
            answer = connection.getresponse()
            answered = answer.status in (200, 303) and answer.read()[-1:] in (b"}", b"")
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
        if answered:
            self.answered = self.tried
        return answered


@contextmanager
def logging_in(clients: Sequence[Client]) -> Iterator[None]:
    """Clients log in one after the other, each in its own thread, until the block ends."""
    done = threading.Event()

    def visit(client: Client) -> None:
        while not done.is_set():
            if not client.log_in():
                done.wait(0.02)  # the workers are being replaced

    threads = [threading.Thread(target=visit, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        done.set()
        for thread in threads:
            thread.join()


def missing(sap_url: str, clients: Sequence[Client]) -> dict[str, str]:
    """Who is not in SAP with the answered name or a newer one that was tried, and why not."""
    found = {c["uid"]: c for c in httpx.get(f"{sap_url}/_sim/customers", trust_env=False).json()}
    assert found.keys() <= {client.email for client in clients}
    names = {one.email: found.get(one.email, {}).get("lastName", "nothing") for one in clients}
    return {
        one.email: f"{names[one.email]} is not v{one.answered:06d}"
        for one in clients
        if not f"v{one.answered:06d}" <= names[one.email] <= f"v{one.tried:06d}"
    }


def wait_until_delivered(
    sap_url: str, clients: Sequence[Client], told: Callable[[], object]
) -> None:
    """Wait until nobody is missing; `told` says more when that does not come."""
    deadline = time.monotonic() + 60
    while absent := missing(sap_url, clients):
        assert time.monotonic() < deadline, (absent, told())
        time.sleep(0.05)
