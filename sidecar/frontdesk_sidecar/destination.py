"""Where customers are sent, and with whose credentials."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final
from urllib.parse import SplitResult, urlsplit

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(rf"(?=.{{1,253}}$){_LABEL}(?:\.{_LABEL})*\.?")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)+")
_EXPECTED: Final = "expected a host such as api.example.com, or https://host[:port]"


def parse_base_url(text: str) -> str:
    """``scheme://host[:port]`` in lower case from ``host[:port]``, ``https://…`` or ``http://…``.

    Without a scheme it is https. Plain http is taken for loopback hosts alone. Raises
    ``ValueError`` with what was expected; the message never repeats the text, which may hold a
    password.
    """
    text = text.strip().lower()
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
        port = "" if parts.port is None else f":{parts.port}"
    except ValueError:
        raise ValueError(_EXPECTED) from None
    host = _host(parts)
    if parts.scheme == "http" and not is_loopback(host):
        raise ValueError("plain http is for loopback hosts only; use https")
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}{port}"


def _host(parts: SplitResult) -> str:
    if parts.scheme not in ("http", "https"):
        raise ValueError(f"{_EXPECTED}; the scheme must be https")
    if "@" in parts.netloc:
        raise ValueError(f"{_EXPECTED}; credentials do not belong into it")
    if parts.path.rstrip("/") or parts.query or parts.fragment:
        raise ValueError(f"{_EXPECTED}; leave out the path, it is added")
    host = parts.hostname or ""
    if not (_HOST.fullmatch(host) or _is_address(host)):
        raise ValueError(_EXPECTED)
    return host


def is_loopback(host: str) -> bool:
    """Whether ``host`` is ``localhost`` or a loopback address. No name is resolved."""
    return host == "localhost" or (_is_address(host) and ip_address(host).is_loopback)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Destination:
    """One integration object in one SAP Commerce system.

    ``base_url`` takes whatever `parse_base_url` takes and holds what it gives. ``client_secret``
    is called in a worker thread for every token request, so that a rotated file is seen; it may
    raise ``OSError`` or ``ValueError`` when there is none. ``total_timeout_s`` covers a whole
    upsert with its token and its repetition; SAP's proxy gives up after 60 s. ``ca_file`` (PEM)
    replaces the usual certificate authorities. Raises ``ValueError`` for unusable values.
    """

    base_url: str
    integration_object: str
    entity_set: str
    client_id: str
    client_secret: Callable[[], str] = field(repr=False)
    token_path: str = "/authorizationserver/oauth/token"  # noqa: S105 - an address
    connect_timeout_s: float = 5.0
    total_timeout_s: float = 50.0
    max_connections: int = 8
    ca_file: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "base_url", parse_base_url(self.base_url))
        for name in ("integration_object", "entity_set"):
            if not _NAME.fullmatch(getattr(self, name)):
                raise ValueError(f"{name}: expected letters, digits and underscores")
        if not self.client_id:
            raise ValueError("client_id: expected a text")
        if not _PATH.fullmatch(self.token_path):
            raise ValueError("token_path: expected a path such as /authorizationserver/oauth/token")
        for name in ("connect_timeout_s", "total_timeout_s", "max_connections"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name}: expected a number above zero")

    @property
    def token_url(self) -> str:
        """Where access tokens come from."""
        return f"{self.base_url}{self.token_path}"

    @property
    def entity_url(self) -> str:
        """Where customers are posted to."""
        return f"{self.base_url}/odata2webservices/{self.integration_object}/{self.entity_set}"

    @property
    def batch_url(self) -> str:
        """Where `$batch` requests are posted to."""
        return f"{self.base_url}/odata2webservices/{self.integration_object}/$batch"

    @property
    def is_loopback(self) -> bool:
        """Whether the host is this machine."""
        return is_loopback(urlsplit(self.base_url).hostname or "")
