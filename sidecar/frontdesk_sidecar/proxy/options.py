"""The proxy's options in one table: what `[proxy]`, the environment and the command line take. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from frontdesk_sidecar.proxy.address import Listener, Upstream, listener_of, upstream_of
from frontdesk_sidecar.proxy.forwarded import Trust, trust_of

SECTION: Final = "proxy"
REQUIRED: Final = object()
PREFIX: Final = "FRONTDESK_PROXY__"


@dataclass(frozen=True, slots=True)
class Options:
    """Every option, read. The names are the table's, where each is explained."""

    upstream: Upstream
    listen: Listener
    socket_mode: int
    workers: int
    http: str
    tls_cert_file: str | None
    tls_key_file: str | None
    upstream_ca_file: str | None
    upstream_cert_file: str | None
    upstream_key_file: str | None
    upstream_name: str | None
    host: str | None
    trust: Trust
    forwarded: bool
    via: str
    connect_timeout_s: float
    connect_tries: int
    answer_timeout_s: float
    idle_timeout_s: float
    keepalive_s: float
    connections: int
    queue_timeout_s: float
    clients: int
    websocket_bytes: int
    drain_s: float
    prefix: str
    key: str | None
    key_file: str | None
    access_log: bool
    log_level: str


@dataclass(frozen=True, slots=True)
class Option:
    """One option: its key, how it is read, what stands without it, what it is for."""

    key: str
    kind: Kind
    default: Any
    help: str

    @property
    def flag(self) -> str:
        """On the command line."""
        return "--" + self.key.replace("_", "-")

    @property
    def variable(self) -> str:
        """In the environment."""
        return PREFIX + self.key.upper()


@dataclass(frozen=True, slots=True)
class Kind:
    """What a value must be, in words, and how it is read; ValueError when it is not."""

    expected: str
    read: Callable[[Any], Any]
    is_switch: bool = False


def read_options(given: Mapping[str, Any], problems: list[str]) -> Options | None:
    """The options from values by key; None when something is wrong, which `problems` then says."""
    known = {one.key for one in OPTIONS}
    before = len(problems)
    problems += [f"{SECTION}.{key}: is not a setting" for key in sorted(given.keys() - known)]
    values = {}
    for option in OPTIONS:
        value = given.get(option.key, option.default)
        if value is REQUIRED:
            problems.append(f"{SECTION}.{option.key}: is required ({option.flag})")
        elif value is not None:
            try:
                value = option.kind.read(value)
            except (ValueError, TypeError):
                problems.append(f"{SECTION}.{option.key}: expected {option.kind.expected}")
        values[option.key] = value
    for first, second in (("tls_key_file", "tls_cert_file"), ("key_file", "key")):
        if first == "tls_key_file" and values[first] and not values[second]:
            problems.append(f"{SECTION}.{first}: expected {SECTION}.{second} as well")
        elif first == "key_file" and values[first] and values[second]:
            problems.append(f"{SECTION}.key: give it or {SECTION}.key_file, not both")
    return None if len(problems) > before else Options(**values)


def _text(given: Any) -> str:
    if not isinstance(given, str) or not given.strip() or "\0" in given:
        raise ValueError
    return given


def _matching(pattern: str) -> Callable[[Any], str]:
    fits = re.compile(pattern).fullmatch

    def read(given: Any) -> str:
        if not isinstance(given, str) or not fits(given):
            raise ValueError
        return given

    return read


def _number(low: float, high: float, *, is_whole: bool) -> Callable[[Any], Any]:
    def read(given: Any) -> Any:
        if isinstance(given, bool):
            raise ValueError  # noqa: TRY004 - as for any other value that does not fit
        number = float(given)
        if not low <= number <= high or (is_whole and not number.is_integer()):
            raise ValueError
        return int(number) if is_whole else number

    return read


def _switch(given: Any) -> bool:
    if isinstance(given, bool):
        return given
    return {"true": True, "false": False}[_text(given).lower()]


def _host(given: Any) -> str | None:
    return None if given == "keep" else _matching(r"[A-Za-z0-9.\-_:\[\]]+")(given)


def _trust(given: Any) -> Trust:
    words = given.split(",") if isinstance(given, str) else given
    return trust_of([word.strip() for word in words if word.strip()])


def _mode(given: Any) -> int:
    return int(_matching(r"0?[0-7]{3}")(given), 8)


_FILE = Kind("the name of a file", _text)
_SECONDS = Kind("seconds above 0", _number(0.001, 86_400, is_whole=False))
_COUNT = Kind("a whole number from 1", _number(1, 65_536, is_whole=True))
_SWITCH = Kind("true or false", _switch, is_switch=True)

OPTIONS: Final = (
    Option("upstream", Kind("http://host:port, https://host or unix:/path", lambda given: upstream_of(_text(given))), REQUIRED, "the shop: http://host:port, https://host or unix:/path"),
    Option("listen", Kind("host:port, unix:/path or fd:N", lambda given: listener_of(_text(given))), "127.0.0.1:8078", "where to listen: host:port, unix:/path or fd:N"),
    Option("socket_mode", Kind("three octal digits", _mode), "660", "mode of the Unix socket listened on"),
    Option("workers", Kind("a whole number from 1 to 64", _number(1, 64, is_whole=True)), 1, "processes; one that dies is replaced"),
    Option("http", Kind("h11 or httptools", _matching("h11|httptools")), "h11", "parser of requests; httptools is faster and not as strict"),
    Option("tls_cert_file", _FILE, None, "PEM file with the certificate for those who connect here"),
    Option("tls_key_file", _FILE, None, "PEM file with its key, if it is not in the same file"),
    Option("upstream_ca_file", _FILE, None, "PEM file of authorities for the upstream's certificate, instead of the usual ones"),
    Option("upstream_cert_file", _FILE, None, "PEM file with the certificate to show to the upstream"),
    Option("upstream_key_file", _FILE, None, "PEM file with its key, if it is not in the same file"),
    Option("upstream_name", Kind("a host name", _matching(r"[A-Za-z0-9.\-:]+")), None, "name in the upstream's certificate, if it is not its host"),
    Option("host", Kind("keep, upstream or a host", _host), "keep", "Host for the upstream: keep the client's, upstream (its own), or a host"),
    Option("trust", Kind("loopback, unix, addresses or networks", _trust), "loopback,unix", "whose X-Forwarded-* and Forwarded count: loopback, unix, addresses, networks"),
    Option("forwarded", _SWITCH, False, "write Forwarded (RFC 7239) also where none came; one that came is continued"),
    Option("via", Kind("a name, or nothing", _matching(r"[A-Za-z0-9.\-_]*")), "frontdesk", "our name in Via; empty for no Via"),
    Option("connect_timeout_s", _SECONDS, 5.0, "time to connect to the upstream, all tries together"),
    Option("connect_tries", Kind("a whole number from 1 to 10", _number(1, 10, is_whole=True)), 3, "how often connecting is tried"),
    Option("answer_timeout_s", _SECONDS, 60.0, "time for the upstream to begin its answer"),
    Option("idle_timeout_s", _SECONDS, 300.0, "time without a byte within an answer or a request's body"),
    Option("keepalive_s", Kind("seconds, 0 or more", _number(0, 3600, is_whole=False)), 4.0, "how long a connection to the upstream may lie idle; less than the upstream allows"),
    Option("connections", _COUNT, 512, "most connections to the upstream in use at once, per worker"),
    Option("queue_timeout_s", _SECONDS, 5.0, "time to wait for one of them, then 503"),
    Option("clients", _COUNT, 4096, "most connections of clients at once, per worker, then 503"),
    Option("websocket_bytes", Kind("a number of bytes", _number(1024, 1 << 30, is_whole=True)), 16_777_216, "largest WebSocket message"),
    Option("drain_s", Kind("seconds, 0 or more", _number(0, 3600, is_whole=False)), 30.0, "after SIGTERM, time for what is under way"),
    Option("prefix", Kind("a path such as /_frontdesk, or nothing", _matching(r"|(/[A-Za-z0-9\-._~]+)+")), "/_frontdesk", "path below which livez, readyz, status and metrics are; empty for none"),
    Option("key", Kind("text", _text), None, "bearer key for status and metrics; without it they are told to this machine alone"),
    Option("key_file", _FILE, None, "file that holds the key"),
    Option("access_log", _SWITCH, False, "log a line for each request, without addresses, queries and paths that no rule names"),
    Option("log_level", Kind("debug, info, warning or error", _matching("debug|info|warning|error")), "info", "debug, info, warning or error"),
)  # fmt: skip
