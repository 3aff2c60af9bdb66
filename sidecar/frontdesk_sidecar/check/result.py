"""What a step of the check comes to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """How a step ended; nothing can be said of a skipped one."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Result:
    """One step: what was tried, what came back, what it means, what to do.

    `todo` are lines to follow, with ImpEx to paste. `details` are told when more is asked for, and
    always when something is wrong. `target` is the name of the target that it is about.
    """

    step: str
    status: Status
    tried: str
    found: str
    means: str = ""
    todo: tuple[str, ...] = ()
    details: tuple[str, ...] = ()
    target: str = ""


@dataclass(frozen=True, slots=True)
class Where:
    """What texts name of a target. Nothing of it is secret."""

    base_url: str
    object: str
    entity_set: str
    client_id: str
    auth: str = "oauth"
    token_path: str = "/authorizationserver/oauth/token"  # noqa: S105 - an address

    @property
    def host(self) -> str:
        """The host, with its port if it has one."""
        return self.base_url.partition("://")[2]

    @property
    def service(self) -> str:
        """The path of the object's service."""
        return f"/odata2webservices/{self.object}"

    @property
    def is_basic(self) -> bool:
        """Whether a name and a password go with each request."""
        return self.auth == "basic"
