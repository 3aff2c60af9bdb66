"""Every setting of the sidecar in one table, from which loading and the README's section come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

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
    Setting("sap", "ca_file", "text", None, "PEM file of certificate authorities, instead of the usual ones"),
    Setting("sap", "connect_timeout_s", "seconds", 5.0, "Time to connect"),
    Setting("sap", "total_timeout_s", "seconds", 50.0, "Time for one upsert in all; SAP's proxy gives up after 60 s"),
    Setting("store", "path", "text", "/var/lib/frontdesk/frontdesk.db", "The SQLite file, made with mode 0600"),
    Setting("store", "retention_s", "seconds", 86400.0, "Settled customers lose their trait values after this long"),
    Setting("forward", "concurrency", "count", 4, "Customers under way at once"),
    Setting("forward", "retry_base_s", "seconds", 2.0, "Longest wait before the second attempt; doubles with each"),
    Setting("forward", "retry_cap_s", "seconds", 300.0, "Longest wait between attempts"),
    Setting("forward", "rest_s", "seconds", 60.0, "Rest of a customer whose outcome is not known: SAP may still be at work on it"),
    Setting("forward", "quiet_s", "seconds", 10.0, "Silence when SAP says it is too much, or when nothing can work; longer than its WAF's 5 s"),
    Setting("http", "host", "text", "127.0.0.1", "Address for health and metrics"),
    Setting("http", "port", "port", 8077, "Its port; 0 takes a free one"),
    Setting("http", "key", "secret", None, "Bearer key for all but health; needed beyond loopback"),
    Setting("http", "key_file", "text", None, "File that holds the key"),
    Setting("log", "level", "level", "info", "`debug`, `info`, `warning` or `error`"),
)  # fmt: skip


def read(kind: str, given: Any) -> Any:
    """The value, or None when it is not of the kind. Numbers may be written as text."""
    if kind in ("text", "secret"):
        return given if isinstance(given, str) and given.strip() else None
    if kind == "level":
        return given if given in ("debug", "info", "warning", "error") else None
    if isinstance(given, bool):
        return None
    try:
        number = float(given)
    except (TypeError, ValueError):
        return None
    if kind == "seconds":
        return number if 0 < number <= 31_622_400 else None
    low, high = (1, 256) if kind == "count" else (0, 65_535)
    return int(number) if number.is_integer() and low <= number <= high else None


#: What each kind of setting takes, as a problem says it.
EXPECTED: Final = {
    "text": "text",
    "secret": "text",
    "level": "debug, info, warning or error",
    "seconds": "a number of seconds above 0",
    "count": "a whole number from 1 to 256",
    "port": "a port from 0 to 65535",
}
