"""Client threads that log customers in through the real web app, again and again."""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import urlencode

from chaos.book import ANONYMOUS, DENIED, FIRST_NAME, PASSWORD, Book, Customer, name_of

#: Above every stop of a web worker: who gave up waiting would not know whether it was captured
#: later, after a newer login.
_TIMEOUT_S: Final = 60.0
_PAUSE_S: Final = 0.06
_FORM: Final = "application/x-www-form-urlencoded"


class Crowd:
    """Some thread each takes a customer and logs in: a few often, most rarely, some for the first
    time, some with the name of before, some in vain."""

    def __init__(self, book: Book, port: int, seed: int, *, threads: int, most: int) -> None:
        self.book = book
        self._port = port
        self._most = most
        self._going = threading.Event()
        self._ended = threading.Event()
        self._gate = threading.Condition()
        self._busy = 0
        for _ in range(max(1, most // 2)):
            book.new()
        self._threads = [
            threading.Thread(target=self._visit, args=(random.Random(f"{seed}-{number}"),))
            for number in range(threads)
        ]

    def start(self) -> None:
        """Let them in."""
        self._going.set()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let them finish, and nobody follow."""
        self._ended.set()
        self._going.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Nobody is logging in during the block; who was, has the answer or gave up."""
        self._going.clear()
        with self._gate:
            self._gate.wait_for(lambda: self._busy == 0)
        try:
            yield
        finally:
            self._going.set()

    def rush(self, number: int) -> None:
        """So many new customers log in now, one after the other."""
        for _ in range(number):
            self.log_in(self.book.new(), way=0)

    def everybody(self, *, patience_s: float) -> None:
        """Every customer logs in with a new name, until it is answered. Raises TimeoutError."""
        deadline = time.monotonic() + patience_s
        for customer in list(self.book.customers.values()):
            while not self.log_in(customer, way=customer.number % 3):
                if time.monotonic() > deadline:
                    raise TimeoutError("the web app does not answer")
                self._ended.wait(0.02)

    def _visit(self, chance: random.Random) -> None:
        while not self._ended.is_set():
            self._going.wait()
            if not self._enter():
                continue
            try:
                done = self._one(chance)
            finally:
                self._leave()
            self._ended.wait(chance.random() * _PAUSE_S if done else 0.02)

    def _enter(self) -> bool:
        with self._gate:
            allowed = self._going.is_set() and not self._ended.is_set()
            self._busy += allowed
            return allowed

    def _leave(self) -> None:
        with self._gate:
            self._busy -= 1
            self._gate.notify_all()

    def _one(self, chance: random.Random) -> bool:
        dice = chance.random()
        if dice < 0.05:
            return self._in_vain(DENIED if dice < 0.03 else ANONYMOUS)
        known = list(self.book.customers.values())
        if dice < 0.08 and len(known) < self._most:
            return self.log_in(self.book.new(), way=chance.randrange(3))
        # Half of all logins are those of a few.
        few = max(1, len(known) // 15)
        customer = known[chance.randrange(few if dice > 0.5 else len(known))]
        return self.log_in(customer, way=chance.randrange(3), again=chance.random() < 0.3)

    def log_in(self, customer: Customer, *, way: int, again: bool = False) -> bool:
        """One login, with a new name or the one of before; True when it was answered."""
        with customer.lock:
            excused = self.book.excuses
            customer.tried += not again or not customer.tried
            user = {"email": customer.email, "firstName": FIRST_NAME, "password": PASSWORD}
            answered = self._ask({**user, "lastName": name_of(customer.tried)}, way) in (200, 303)
            if answered:
                self.book.answered(customer, excused=excused or self.book.excuses)
            return answered

    def _in_vain(self, kind: str) -> bool:
        user = {"firstName": FIRST_NAME, "lastName": kind, "password": PASSWORD}
        if kind == DENIED:
            user["email"] = f"{kind}@chaos.example"
        return self._ask(user, 3 if kind == DENIED else 0) in (200, 401)

    def _ask(self, user: dict[str, str], way: int) -> int:
        """The status of a whole answer; 0 when there was none."""
        body = urlencode(user) if way == 2 else json.dumps(user)
        query = ("", "split", "redirect", "deny")[way]
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_TIMEOUT_S)
        kind = {"content-type": _FORM if way == 2 else "application/json"}
        try:
            connection.request("POST", f"/auth/login?{query}", body, kind)
            answer = connection.getresponse()
            return answer.status if answer.read()[-1:] in (b"}", b"") else 0
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()
