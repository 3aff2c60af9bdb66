"""The settings of a simulator."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal, get_args

import anyio

from frontdesk_sidecar.simulator.access import Client, User
from frontdesk_sidecar.simulator.shipped import INBOUND_CUSTOMER
from frontdesk_sidecar.simulator.switches import Switches

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from frontdesk_sidecar.simulator.edm import IntegrationObject
    from frontdesk_sidecar.simulator.hooks import Hook

TokenMode = Literal["classic", "jdk21"]
_RUN_AS = User("frontdeskIntegrationUser")


@dataclass(frozen=True, kw_only=True)
class SimulatorConfig:
    """Everything that can be chosen; the defaults are those of a fresh SAP Commerce Cloud.

    mode: the token endpoint's manner: "classic" (SAP Commerce up to 2211 on JDK 17) hands out
        one opaque token for 43,200 s again and again; "jdk21" (2211-jdk21) a new JWT for 300 s.
    client_id, client_secret: the first OAuth client. It runs as the user of that uid in
        `client_user`, by default one who may do everything.
    clients, users: more OAuth clients, and employees with passwords, groups and type rights.
    token_lifetime_s: seconds, instead of the mode's own.
    expired_token_grace_s: how long an expired token still passes; 2211-jdk21 allows about 60 s.
    definition: the Integration Object that is exposed; `others` are exposed beside it.
    case_sensitive: whether integration keys differ by case; depends on the real database.
    other_principals: uids taken by employees and groups, which no customer can have.
    languages: what `Content-Language` may name; `language` is the one without it.
    hooks: the beans that the hook headers may name.
    webhook: a URL that every saved root item is posted to.
    switches: answers to what no source tells.
    max_body_bytes: bodies above it are refused with 413 by the ingress.
    request_log_size: how many requests `GET /_sim/requests` can show.
    commit_log_size: how many applied writes `GET /_sim/commits` can show.
    batch_enabled: without it a `$batch` is a 501.
    batch_limit: parts of a `$batch`, however many changes are in them
        (`odata2services.batch.limit`).
    clock: epoch seconds. sleep: waits for the given seconds (for latency faults).

    Raises `ValueError` for an unknown mode.
    """

    mode: TokenMode = "classic"
    client_id: str = "frontdesk"
    client_secret: str = field(default="secret", repr=False)
    client_user: str | None = None
    clients: tuple[Client, ...] = ()
    users: tuple[User, ...] = ()
    token_lifetime_s: int | None = None
    expired_token_grace_s: float = 0.0
    definition: IntegrationObject = INBOUND_CUSTOMER
    others: tuple[IntegrationObject, ...] = ()
    case_sensitive: bool = True
    other_principals: frozenset[str] = frozenset({"admin", "anonymous"})
    languages: frozenset[str] = frozenset({"en", "de", "fr", "es"})
    language: str = "en"
    hooks: Mapping[str, Hook] = field(default_factory=dict)
    webhook: str | None = None
    switches: Switches = field(default_factory=Switches)
    max_body_bytes: int = 8 * 1024 * 1024
    request_log_size: int = 10_000
    commit_log_size: int = 200_000
    batch_enabled: bool = True
    batch_limit: int = 200
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep

    def __post_init__(self) -> None:
        if self.mode not in get_args(TokenMode):
            raise ValueError(f"mode: expected one of {', '.join(get_args(TokenMode))}")

    @property
    def served(self) -> tuple[IntegrationObject, ...]:
        """Every object there is, the main one first."""
        return (self.definition, *self.others)

    @cached_property
    def by_uid(self) -> Mapping[str, User]:
        """The users by uid, with the one that the first client runs as by default."""
        return {user.uid: user for user in (_RUN_AS, *self.users)}

    @property
    def run_as(self) -> str:
        """The uid of the user that the first client runs as."""
        return self.client_user or _RUN_AS.uid

    @cached_property
    def principals(self) -> frozenset[str]:
        """Every uid that is taken by employees and groups, in lower case where case is nothing."""
        taken = self.other_principals | {user.uid for user in self.users}
        return taken if self.case_sensitive else frozenset(map(str.lower, taken))
