"""One shopper at the storefront's JSON API, on one kept connection."""

from __future__ import annotations

import json
import time
from http.client import HTTPConnection

_PASSWORD = "correct horse battery staple"


class Shopper:
    """Registers and logs in; each call gives the moment its answer was read, in epoch ns."""

    def __init__(self, address: str) -> None:
        self._connection = HTTPConnection(address.removeprefix("http://"), timeout=30)

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def register(self, email: str) -> int:
        """Open an account."""
        names = {"firstName": "Jane", "lastName": "Doe"}
        return self._post("/api/register", {"email": email, "password": _PASSWORD, **names}, 201)

    def log_in(self, email: str) -> int:
        """Log in to an account."""
        return self._post("/api/login", {"email": email, "password": _PASSWORD}, 200)

    def _post(self, path: str, body: dict[str, str], expected: int) -> int:
        headers = {"Content-Type": "application/json"}
        self._connection.request("POST", path, json.dumps(body), headers)
        with self._connection.getresponse() as response:
            response.read()
            answered = time.time_ns()
        if response.status != expected:
            raise RuntimeError(f"{path}: expected {expected}, got {response.status}")
        return answered
