"""The settings of a simulator."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

import anyio

from frontdesk_sidecar.simulator.edm import INBOUND_CUSTOMER, IntegrationObject

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

TokenMode = Literal["classic", "jdk21"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorConfig:
    """Everything that can be chosen; the defaults are those of a fresh SAP Commerce Cloud.

    mode: the token endpoint's manner: "classic" (SAP Commerce up to 2211 on JDK 17) hands out
        one opaque token for 43,200 s again and again; "jdk21" (2211-jdk21) a new JWT for 300 s.
    client_id, client_secret: the one OAuth client.
    token_lifetime_s: seconds, instead of the mode's own.
    expired_token_grace_s: how long an expired token still passes; 2211-jdk21 allows about 60 s.
    definition: the Integration Object that is exposed.
    case_sensitive: whether integration keys differ by case; depends on the real database.
    other_principals: uids taken by employees and groups, which no customer can have.
    languages: what `Content-Language` may name.
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
    token_lifetime_s: int | None = None
    expired_token_grace_s: float = 0.0
    definition: IntegrationObject = INBOUND_CUSTOMER
    case_sensitive: bool = True
    other_principals: frozenset[str] = frozenset({"admin", "anonymous"})
    languages: frozenset[str] = frozenset({"en", "de", "fr", "es"})
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
