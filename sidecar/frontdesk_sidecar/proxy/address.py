"""Where the upstream is, and where to listen, as an operator writes it. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

_is_base: Final = re.compile(r"(/[A-Za-z0-9\-._~%!$&'()*+,;=:@]+)*").fullmatch


@dataclass(frozen=True, slots=True)
class Upstream:
    """A server behind: `socket` is the path of its Unix socket, if it has one."""

    host: str
    port: int
    is_tls: bool
    base: str = ""
    socket: str | None = None

    @property
    def authority(self) -> str:
        """What stands in `Host` when it is the upstream's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.is_tls else 80) else f"{host}:{self.port}"

    def __str__(self) -> str:
        if self.socket is not None:
            return f"unix:{self.socket}"
        return f"{'https' if self.is_tls else 'http'}://{self.authority}{self.base}"


@dataclass(frozen=True, slots=True)
class Listener:
    """One of: host and port, a Unix socket's path, an open file descriptor."""

    host: str = "127.0.0.1"
    port: int = 8078
    socket: str | None = None
    fd: int | None = None

    def __str__(self) -> str:
        if self.socket is not None:
            return f"unix:{self.socket}"
        if self.fd is not None:
            return f"fd:{self.fd}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def upstream_of(text: str) -> Upstream:
    """`http://host:port`, `https://host`, `unix:/path`. Raises ValueError."""
    if text.startswith("unix:/"):
        return Upstream("localhost", 80, is_tls=False, socket=text.removeprefix("unix:"))
    parts = urlsplit(text)
    base = parts.path.rstrip("/")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        raise ValueError(text)
    if parts.query or parts.fragment or not _is_base(base):
        raise ValueError(text)
    is_tls = parts.scheme == "https"
    return Upstream(parts.hostname, parts.port or (443 if is_tls else 80), is_tls, base)


def listener_of(text: str) -> Listener:
    """`host:port`, `:port`, `unix:/path`, `fd:3`. Raises ValueError."""
    if text.startswith("unix:/"):
        return Listener(socket=text.removeprefix("unix:"))
    if text.startswith("fd:"):
        return Listener(fd=int(text.removeprefix("fd:")))
    host, colon, port = text.rpartition(":")
    number = int(port)
    if not colon or not 0 <= number <= 65_535:
        raise ValueError(text)
    return Listener(host.removeprefix("[").removesuffix("]") or "0.0.0.0", number)
