"""Every setting of the sidecar in one table, from which loading and the README's section come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from frontdesk_sidecar.ingest.cors import origins_of
from frontdesk_sidecar.sap.destination import Auth

#: The default of a setting that has none.
REQUIRED: Final = object()


@dataclass(frozen=True, slots=True)
class Setting:
    """One key: where it stands, what it takes, and what it is for."""

    section: str
    key: str
    kind: str
    default: Any
    help: str

    @property
    def name(self) -> str:
        """`section.key`, as problems name it."""
        return f"{self.section}.{self.key}"

    @property
    def variable(self) -> str:
        """The environment variable."""
        return f"FRONTDESK_{self.section.upper()}__{self.key.upper()}"


SETTINGS: Final = (
    Setting("sap", "base_url", "text", REQUIRED, "Host of the Integration API, always https; `http://` for loopback alone"),
    Setting("sap", "integration_object", "text", "InboundCustomer", "Code of the Integration Object"),
    Setting("sap", "entity_set", "text", "Customers", "Entity set of its root item"),
    Setting("sap", "client_id", "text", REQUIRED, "OAuth2 client of the type IntegrationClientCredentialsDetails"),
    Setting("sap", "client_secret", "secret", None, "Its secret; better in a file"),
    Setting("sap", "client_secret_file", "text", None, "File that holds the secret; read anew for each token"),
    Setting("sap", "token_path", "text", "/authorizationserver/oauth/token", "Path of the token endpoint"),
    Setting("sap", "auth", "auth", "oauth", "How to prove who asks: `oauth` (client credentials in the form), `oauth_basic` (the same in a Basic header) or `basic` (`client_id` and secret are a user's name and password)"),
    Setting("sap", "ca_file", "text", None, "PEM file of certificate authorities, instead of the usual ones"),
    Setting("sap", "client_cert_file", "text", None, "PEM file with the certificate for mutual TLS; read again when it changes"),
    Setting("sap", "client_key_file", "text", None, "PEM file with its key, if it is not in the same file"),
    Setting("sap", "content_language", "text", None, "`Content-Language`: the language that localised attributes are stored in"),
    Setting("sap", "pre_persist_hook", "text", None, "`Pre-Persist-Hook`: bean or script that SAP runs before it saves a customer"),
    Setting("sap", "post_persist_hook", "text", None, "`Post-Persist-Hook`: the same after it saved one"),
    Setting("sap", "passport", "switch", False, "Send `SAP-PASSPORT`, for SAP's end-to-end trace"),
    Setting("sap", "metadata_s", "seconds", 3600.0, "The object's `$metadata` is read again after this long"),
    Setting("sap", "connect_timeout_s", "seconds", 5.0, "Time to connect"),
    Setting("sap", "total_timeout_s", "seconds", 50.0, "Time for one upsert in all; SAP's proxy gives up after 60 s"),
    Setting("store", "path", "text", "/var/lib/frontdesk/frontdesk.db", "The SQLite file, made with mode 0600"),
    Setting("store", "retention_s", "seconds", 86400.0, "Settled customers lose their trait values after this long"),
    Setting("store", "max_bytes", "bytes", 1_073_741_824, "Largest size of the file; above nine tenths of it nothing more is taken in"),
    Setting("store", "ballast_bytes", "bytes", 16_777_216, "Kept on the disk beside the store and given up when the disk is full, so that deliveries go on"),
    Setting("store", "dead_limit", "number", 10_000, "Most dead letters kept; the oldest leave first"),
    Setting("store", "dead_retention_s", "seconds", 2_592_000.0, "Dead letters are deleted after this long"),
    Setting("forward", "rate", "rate", 10.0, "Most requests a second to SAP, batches counted as one"),
    Setting("forward", "concurrency", "count", 8, "Most requests under way at once; fewer while SAP slows down"),
    Setting("forward", "concurrency_min", "count", 1, "Fewest, however slow SAP is"),
    Setting("forward", "batch_above", "number", 20, "With more customers due than this, `$batch` requests are sent"),
    Setting("forward", "batch_size", "batch", 100, "Most customers in one `$batch`, SAP's default limit is 200; 1 sends single posts only"),
    Setting("forward", "resync_s", "seconds", 604_800.0, "An unchanged customer is not sent again until its last delivery is this old"),
    Setting("forward", "retry_base_s", "seconds", 2.0, "Longest wait before the second attempt; doubles with each"),
    Setting("forward", "retry_cap_s", "seconds", 300.0, "Longest wait between attempts"),
    Setting("forward", "retry_tries", "count", 20, "Failures of one customer while SAP takes others, after which it is a dead letter"),
    Setting("forward", "reject_base_s", "seconds", 30.0, "Wait after SAP refused a customer's record; doubles with each refusal"),
    Setting("forward", "reject_tries", "count", 3, "Refusals after which the record is a dead letter"),
    Setting("forward", "rest_s", "seconds", 60.0, "Rest of a customer whose outcome is not known: SAP may still be at work on it"),
    Setting("forward", "quiet_s", "seconds", 10.0, "Silence when SAP says it is too much; longer than its WAF's 5 s"),
    Setting("forward", "breaker_s", "seconds", 10.0, "Silence after many failures in a row; doubles up to six times that while one try after the other fails"),
    Setting("forward", "probe_s", "seconds", 30.0, "While paused because something must be set right, one customer is tried after this long"),
    Setting("forward", "probe_cap_s", "seconds", 300.0, "Longest wait between such tries; it doubles with each"),
    Setting("forward", "stuck_s", "seconds", 180.0, "`/livez` fails when customers are due, nothing stands in the way and none was finished for this long"),
    Setting("forward", "drain_s", "grace", 0.0, "After SIGTERM what is due is still delivered for this long at most; 0: only what is under way is finished"),
    Setting("http", "host", "text", "127.0.0.1", "Address for health, status and metrics"),
    Setting("http", "port", "port", 8077, "Its port; 0 takes a free one"),
    Setting("http", "socket", "text", None, "Unix socket for the commands, made with mode 0600; without it, `store.path` with `.sock` added"),
    Setting("http", "key", "secret", None, "Bearer key for all but health; needed beyond loopback, and for `/admin` over TCP"),
    Setting("http", "key_file", "text", None, "File that holds the key"),
    Setting("ingest", "write_key", "secret", None, "Write key of the Segment door, `/v1/*`; better in a file. Without any key the door is closed"),
    Setting("ingest", "write_key_file", "text", None, "File that holds it; of several lines each is a key. Read again when it changes"),
    Setting("ingest", "hmac_key", "secret", None, "Key for signed requests, for servers without an SDK; better in a file"),
    Setting("ingest", "hmac_key_file", "text", None, "File that holds it, as for `write_key_file`"),
    Setting("ingest", "origins", "origins", None, "Origins whose pages may send from browsers, as a list: `https://shop.example`"),
    Setting("log", "level", "level", "info", "`debug`, `info`, `warning` or `error`"),
    Setting("log", "format", "form", "auto", "`text`, `json` (an object a line), or `auto`: text on a terminal, else JSON"),
    Setting("telemetry", "otlp_endpoint", "endpoint", None, "Collector that spans are sent to by OTLP over HTTP, such as `http://127.0.0.1:4318`; needs `frontdesk[otel]`. Without it, `OTEL_EXPORTER_OTLP_ENDPOINT`"),
)  # fmt: skip


def read(kind: str, given: Any) -> Any:
    """The value, or None when it is not of the kind. Numbers may be written as text."""
    if kind in ("text", "secret"):
        return given if isinstance(given, str) and given.strip() else None
    if kind == "origins":
        return origins_of(given)
    if kind in _WORDS:
        return given if given in _WORDS[kind] else None
    if kind == "endpoint":
        return _endpoint(given)
    if kind == "auth":
        return Auth(given) if given in tuple(Auth) else None
    if kind == "switch":
        return given if isinstance(given, bool) else _SWITCH.get(str(given).strip().lower())
    if isinstance(given, bool):
        return None
    try:
        number = float(given)
    except (TypeError, ValueError):
        return None
    if kind == "seconds":
        return number if 0 < number <= 31_622_400 else None
    if kind == "grace":
        return number if 0 <= number <= 3_600 else None
    if kind == "rate":
        return number if 0 < number <= 100_000 else None
    low, high = _RANGES[kind]
    return int(number) if number.is_integer() and low <= number <= high else None


def _endpoint(given: Any) -> str | None:
    """An http(s) address with a host, and nothing secret in it."""
    if not isinstance(given, str) or not given.isascii() or not given.isprintable():
        return None
    try:
        parts = urlsplit(given.strip())
        whole = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        return None
    return given.strip() if whole and "@" not in parts.netloc else None


_WORDS: Final = {
    "level": ("debug", "info", "warning", "error"),
    "form": ("auto", "json", "text"),
}
_SWITCH: Final = {"true": True, "false": False}
_RANGES: Final = {
    "count": (1, 256),
    "number": (0, 1_000_000_000),
    "batch": (1, 200),
    "port": (0, 65_535),
    "bytes": (1_048_576, 1 << 50),
}

#: What each kind of setting takes, as a problem says it.
EXPECTED: Final = {
    "text": "text",
    "secret": "text",
    "origins": "a list of origins such as https://shop.example",
    "level": "debug, info, warning or error",
    "form": "auto, json or text",
    "endpoint": "an address such as http://127.0.0.1:4318, without credentials",
    "auth": "oauth, oauth_basic or basic",
    "switch": "true or false",
    "seconds": "a number of seconds above 0",
    "grace": "a number of seconds from 0 to 3600",
    "rate": "a number a second above 0",
    "count": "a whole number from 1 to 256",
    "number": "a whole number from 0",
    "batch": "a whole number from 1 to 200",
    "bytes": "a whole number of bytes from 1048576",
    "port": "a port from 0 to 65535",
}
