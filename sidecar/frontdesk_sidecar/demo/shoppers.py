"""Shoppers, as the storefront meets them: through its HTML forms and its JSON API."""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import httpx

_TOKEN = re.compile(r'name="form_token" value="([^"]+)"')
_PASSWORD = "correct horse battery staple"  # noqa: S105 - a shopper of the demo


@dataclass(frozen=True, slots=True)
class Shopper:
    """One invented person."""

    first_name: str
    last_name: str
    email: str
    password: str = _PASSWORD


class Browser:
    """One shopper's visit: cookies are kept, redirects are not followed. A context manager."""

    def __init__(self, shop_url: str) -> None:
        self._http = httpx.Client(base_url=shop_url, timeout=30, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._http.close()

    def look_around(self) -> None:
        """Page views that identify nobody."""
        for path in ("/", "/login", "/register", "/api/products", "/api/search?q=desk"):
            self._http.get(path)

    def register_by_form(self, shopper: Shopper) -> httpx.Response:
        """Fill in the registration form; 303 when it worked."""
        form = {
            "first_name": shopper.first_name,
            "last_name": shopper.last_name,
            "email": shopper.email,
            "password": shopper.password,
        }
        return self._submit("/register", form)

    def log_in_by_form(self, shopper: Shopper, password: str | None = None) -> httpx.Response:
        """Fill in the login form; 303 when it worked."""
        form = {"email": shopper.email, "password": password or shopper.password, "next": ""}
        return self._submit("/login", form)

    def register_by_api(self, shopper: Shopper) -> httpx.Response:
        """Register through the JSON API; 201 when it worked."""
        body = {
            "firstName": shopper.first_name,
            "lastName": shopper.last_name,
            "email": shopper.email,
            "password": shopper.password,
        }
        return self._http.post("/api/register", json=body)

    def log_in_by_api(self, shopper: Shopper, password: str | None = None) -> httpx.Response:
        """Log in through the JSON API; 200 when it worked."""
        body = {"email": shopper.email, "password": password or shopper.password}
        return self._http.post("/api/login", json=body)

    def _submit(self, path: str, form: dict[str, str]) -> httpx.Response:
        token = _TOKEN.search(self._http.get(path).text)
        if token is None:
            raise LookupError(f"{path} shows no form")
        return self._http.post(path, data={**form, "form_token": token[1]})
