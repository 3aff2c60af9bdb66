"""The proxy's options in one table, for `[proxy]`, the environment and the command line. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from frontdesk_sidecar.proxy import option_kinds as kinds
from frontdesk_sidecar.proxy.address import Listener, Upstream
from frontdesk_sidecar.proxy.forwarded import Trust
from frontdesk_sidecar.proxy.option_kinds import Kind

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
    head_timeout_s: float
    client_keepalive_s: float
    websockets: int
    websocket_bytes: int
    drain_s: float
    prefix: str
    key: str | None
    key_file: str | None
    access_log: bool
    log_level: str
    log_format: str


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
            except (ValueError, TypeError, KeyError):
                problems.append(f"{SECTION}.{option.key}: expected {option.kind.expected}")
        values[option.key] = value
    if values["tls_key_file"] and not values["tls_cert_file"]:
        problems.append(f"{SECTION}.tls_key_file: expected {SECTION}.tls_cert_file as well")
    if values["key_file"] and values["key"]:
        problems.append(f"{SECTION}.key: give it or {SECTION}.key_file, not both")
    return None if len(problems) > before else Options(**values)


OPTIONS: Final = (
    Option("upstream", kinds.UPSTREAM, REQUIRED,
           "the shop: http://host:port, https://host or unix:/path"),
    Option("listen", kinds.LISTENER, "127.0.0.1:8078",
           "where to listen: host:port, unix:/path or fd:N"),
    Option("socket_mode", kinds.MODE, "660", "mode of the Unix socket listened on"),
    Option("workers", kinds.FEW, 1, "processes; one that dies is replaced"),
    Option("tls_cert_file", kinds.FILE, None, "PEM file: the certificate for who connects here"),
    Option("tls_key_file", kinds.FILE, None, "PEM file: its key, if it is not in the same file"),
    Option("upstream_ca_file", kinds.FILE, None,
           "PEM file: authorities for the upstream's certificate, instead of the usual ones"),
    Option("upstream_cert_file", kinds.FILE, None,
           "PEM file: the certificate to show to the upstream"),
    Option("upstream_key_file", kinds.FILE, None,
           "PEM file: its key, if it is not in the same file"),
    Option("upstream_name", kinds.SERVER_NAME, None,
           "name in the upstream's certificate, if it is not its host"),
    Option("host", kinds.HOST, "keep",
           "Host for the upstream: keep the client's, upstream (its own), or a host"),
    Option("trust", kinds.TRUST, "loopback,unix",
           "whose X-Forwarded-* and Forwarded count: loopback, unix, addresses, networks"),
    Option("forwarded", kinds.SWITCH, False,
           "write Forwarded (RFC 7239) where none came; one that came is continued"),
    Option("via", kinds.PSEUDONYM, "frontdesk", "our name in Via; empty for no Via"),
    Option("connect_timeout_s", kinds.SECONDS, 5.0,
           "time to connect to the upstream, all tries together"),
    Option("connect_tries", kinds.FEW, 3, "how often connecting is tried"),
    Option("answer_timeout_s", kinds.SECONDS, 60.0, "time for the upstream to begin its answer"),
    Option("idle_timeout_s", kinds.SECONDS, 300.0,
           "time without a byte within an answer or a request's body, from either side"),
    Option("keepalive_s", kinds.SECONDS_OR_NONE, 4.0,
           "how long a connection to the upstream may lie idle; less than the upstream allows"),
    Option("connections", kinds.COUNT, 512,
           "most connections to the upstream in use at once, per worker"),
    Option("queue_timeout_s", kinds.SECONDS, 5.0, "time to wait for one of them, then 503"),
    Option("clients", kinds.COUNT, 4096,
           "most connections of clients at once, per worker, then 503"),
    Option("head_timeout_s", kinds.SECONDS, 60.0,
           "time for a client to send a request's head, then it is hung up on"),
    Option("client_keepalive_s", kinds.SECONDS, 120.0,
           "how long a client's connection may lie idle; more than an ingress keeps its own"),
    Option("websockets", kinds.COUNT, 1024, "most WebSockets at once, per worker, then 503"),
    Option("websocket_bytes", kinds.BYTES, 16_777_216, "largest WebSocket message"),
    Option("drain_s", kinds.SECONDS_OR_NONE, 30.0,
           "after SIGTERM, time for what is under way"),
    Option("prefix", kinds.PATH, "/_frontdesk",
           "path below which livez, readyz, status and metrics are; empty for none"),
    Option("key", kinds.TEXT, None,
           "bearer key for status and metrics; without it they are told to this machine alone"),
    Option("key_file", kinds.FILE, None, "file that holds the key"),
    Option("access_log", kinds.SWITCH, False,
           "log a line for each request: no addresses, no queries, no paths but rules'"),
    Option("log_level", kinds.LEVEL, "info", "debug, info, warning or error"),
    Option("log_format", kinds.FORM, "auto",
           "text, json (an object a line), or auto: text on a terminal, else JSON"),
)  # fmt: skip
