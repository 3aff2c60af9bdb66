"""Where customers are sent, and with whose credentials."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
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
    if not text.isprintable():  # urlsplit would leave out line breaks and tabs
        raise ValueError(_EXPECTED)
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


class Auth(StrEnum):
    """How SAP is told who asks.

    Client credentials (RFC 6749, section 4.4) with id and secret in the form or, as `oauth_basic`,
    in a Basic header; or `basic`: name and password with each request, for an object whose channel
    configuration says BASIC.
    """

    OAUTH = "oauth"
    OAUTH_BASIC = "oauth_basic"
    BASIC = "basic"


#: What a header that the settings add must not be: what the client sets, or what a proxy drops.
RESERVED_HEADERS: Final = frozenset(
    (
        *("accept", "accept-encoding", "authorization", "connection", "content-encoding"),
        *("content-language", "content-length", "content-type", "cookie", "expect", "host"),
        *("integrationmessageid", "keep-alive", "pre-persist-hook", "post-persist-hook"),
        *("sap-passport", "te", "traceparent", "trailer", "transfer-encoding", "upgrade"),
        "user-agent",
    )
)
_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HEADER_VALUE: Final = re.compile(r"[!-~\xa0-\xff](?:[ -~\xa0-\xff]*[!-~\xa0-\xff])?")
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*")
_HOOK: Final = re.compile(r"[!-~]{1,200}")


@dataclass(frozen=True, slots=True)
class Destination:
    """One integration object in one SAP Commerce system.

    ``base_url`` takes whatever `parse_base_url` takes and holds what it gives. ``client_secret``
    is called in a worker thread for every token request, so that a rotated file is seen; it may
    raise ``OSError`` or ``ValueError`` when there is none. ``total_timeout_s`` covers a whole
    upsert with its token and its repetition; SAP's proxy gives up after 60 s. ``ca_file`` (PEM)
    replaces the usual certificate authorities; ``client_cert_file`` and ``client_key_file`` (PEM)
    are for mutual TLS. ``headers`` go with every request, for a gateway before SAP; their values
    are asked for each time and may be secret. Raises ``ValueError`` for unusable values.
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
    client_cert_file: str | None = None
    client_key_file: str | None = None
    auth: Auth = Auth.OAUTH
    content_language: str | None = None
    pre_persist_hook: str | None = None
    post_persist_hook: str | None = None
    passport: bool = False
    headers: Mapping[str, Callable[[], str]] = field(repr=False, default_factory=dict)

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
        self._check_extras()

    def _check_extras(self) -> None:
        if self.client_key_file is not None and self.client_cert_file is None:
            raise ValueError("client_key_file: is for client_cert_file, which is missing")
        language = self.content_language
        if language is not None and not _LANGUAGE.fullmatch(language):
            raise ValueError("content_language: expected a language such as en or de_CH")
        for name in ("pre_persist_hook", "post_persist_hook"):
            hook = getattr(self, name)
            if hook is not None and not _HOOK.fullmatch(hook):
                raise ValueError(f"{name}: expected the id of a bean or script")
        for name in self.headers:
            if not _HEADER_NAME.fullmatch(name) or name.lower() in RESERVED_HEADERS:
                raise ValueError(f"headers.{name}: is no header that can be added")

    @property
    def change_headers(self) -> Mapping[str, str]:
        """The headers of each upsert, within a `$batch` as well."""
        named = {
            "Content-Language": self.content_language,
            "Pre-Persist-Hook": self.pre_persist_hook,
            "Post-Persist-Hook": self.post_persist_hook,
        }
        return {name: value for name, value in named.items() if value is not None}

    @property
    def service_url(self) -> str:
        """The root of the object's service: its service document."""
        return f"{self.base_url}/odata2webservices/{self.integration_object}"

    @property
    def metadata_url(self) -> str:
        """The object's EDMX."""
        return f"{self.service_url}/$metadata"

    @property
    def token_url(self) -> str:
        """Where access tokens come from."""
        return f"{self.base_url}{self.token_path}"

    @property
    def entity_url(self) -> str:
        """Where customers are posted to."""
        return f"{self.service_url}/{self.entity_set}"

    @property
    def batch_url(self) -> str:
        """Where `$batch` requests are posted to."""
        return f"{self.service_url}/$batch"

    @property
    def is_loopback(self) -> bool:
        """Whether the host is this machine."""
        return is_loopback(urlsplit(self.base_url).hostname or "")


def is_header_value(value: str) -> bool:
    """Whether a text can be the value of a header (RFC 9110, section 5.5)."""
    return len(value) <= 8192 and _HEADER_VALUE.fullmatch(value) is not None
