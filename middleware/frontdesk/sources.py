"""Where a trait may come from: `response.json.user.email`, `user.email`, `request.form.email`, …

A source is the first part of such a dotted path; the rest walks into what the source holds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from frontdesk.claims import claims
from frontdesk.exchange import Exchange, fields
from frontdesk.headers import cookies, header


def user_of(exchange: Exchange) -> Any:
    """The app's user: `scope["user"]`, or else `state.user`."""
    user = exchange.scope.get("user")
    return user if user is not None else step(exchange.scope.get("state"), "user")


def step(holder: Any, name: str) -> Any:
    """One step into a mapping (by key), a list (by index) or an object (by attribute)."""
    if isinstance(holder, Mapping):
        return holder.get(name)
    if isinstance(holder, Sequence) and not isinstance(holder, str | bytes):
        return holder[int(name)] if name.isdecimal() and int(name) < len(holder) else None
    if holder is None or name.startswith("_"):
        return None
    return getattr(holder, name, None)


def _query(exchange: Exchange) -> Mapping[str, str]:
    return fields(bytes(exchange.scope.get("query_string", b"")))


class _Headers:
    """Headers as a holder whose keys are names in any case."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw

    def __getattr__(self, name: str) -> str | None:
        return header(self._raw, name.lower().encode("latin-1", "replace"))


#: Longest name first, so that `request.json` is not taken for a source `request`.
SOURCES: Final[Mapping[str, Callable[[Exchange], Any]]] = {
    "response.headers": lambda exchange: _Headers(exchange.response_headers),
    "request.headers": lambda exchange: _Headers(exchange.scope.get("headers", ())),
    "request.cookies": lambda exchange: cookies(exchange.scope.get("headers", ())),
    "response.json": lambda exchange: exchange.response.json(),
    "response.jwt": claims,
    "request.query": _query,
    "request.json": lambda exchange: exchange.request.json(),
    "request.form": lambda exchange: exchange.request.form(),
    "session": lambda exchange: exchange.scope.get("session"),
    "state": lambda exchange: exchange.scope.get("state"),
    "user": user_of,
}


_SECRET: Final = re.compile(
    r"pass(?:word|wd|code|phrase)|^pwd$|secret|token|^authorization$|^(?:set-)?cookie$|^jwt$|^otp$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Path:
    """A compiled dotted path; `str()` gives it back as it was written."""

    source: str
    keys: tuple[str, ...]

    @classmethod
    def parse(cls, text: str, *, leaves: bool = True) -> Path:
        """Raises ValueError, which names the sources there are; what leaves may be no secret."""
        for source in SOURCES:
            if text.startswith(source + "."):
                keys = tuple(text[len(source) + 1 :].split("."))
                if leaves and _SECRET.search(keys[-1]):
                    msg = f"{text!r} would take a secret out of the process"
                    raise ValueError(msg)
                if all(keys):
                    return cls(source, keys)
        msg = f"{text!r} is no path such as response.json.user.email; it starts with one of: "
        raise ValueError(msg + ", ".join(sorted(SOURCES)))

    def __str__(self) -> str:
        return ".".join((self.source, *self.keys))

    def read(self, exchange: Exchange) -> Any:
        """What stands there, or None."""
        value = SOURCES[self.source](exchange)
        for key in self.keys:
            value = step(value, key)
        return value
