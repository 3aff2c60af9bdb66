"""The sidecar's settings as the rest of it sees them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from frontdesk import Capture
from frontdesk_sidecar.forward.pace import Pace
from frontdesk_sidecar.ingest.options import Options
from frontdesk_sidecar.mapping import AttributeMapping
from frontdesk_sidecar.sap.destination import Destination
from frontdesk_sidecar.store.types import DEFAULT_TARGET

__all__ = ["DEFAULT_TARGET", "Http", "Keeping", "Settings", "Target"]


@dataclass(frozen=True, slots=True)
class Target:
    """Where customers go: one client of one integration object, and who goes there.

    Of several the first whose `sites` and `events` hold takes a message; empty sets hold for all.
    Without a `mapping` it is the default one. Every `metadata_s` seconds SAP is asked anew what
    the object looks like.
    """

    name: str
    destination: Destination
    mapping: AttributeMapping | None = None
    secret_file: Path | None = None
    sites: frozenset[str] = frozenset()
    events: frozenset[str] = frozenset()
    metadata_s: float = 3600.0

    def takes(self, site: str | None, event: str) -> bool:
        """Whether a message of this site and event is for this target."""
        return (not self.sites or site in self.sites) and (not self.events or event in self.events)


@dataclass(frozen=True, slots=True)
class Http:
    """Where the sidecar answers."""

    host: str
    port: int
    socket: Path
    key: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Keeping:
    """Where the store is, how large it may get, and how long it keeps what is settled."""

    path: Path
    max_bytes: int
    ballast_bytes: int
    retention_s: float
    dead_limit: int
    dead_retention_s: float


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the sidecar runs with; secrets do not show in its `repr`."""

    capture: Capture
    targets: tuple[Target, ...]
    store: Keeping
    pace: Pace
    stuck_s: float
    http: Http
    log_level: str
    ingest: Options = field(default_factory=Options)
    drain_s: float = 0.0
    log_format: str = "auto"
    otlp_endpoint: str | None = None

    @property
    def default(self) -> Target:
        """The target that `[sap]` describes; it is the last, and takes what no other does."""
        return self.targets[-1]

    @property
    def store_path(self) -> Path:
        """The store's file."""
        return self.store.path

    @property
    def socket(self) -> Path:
        """The Unix socket for the commands."""
        return self.http.socket

    @property
    def journal(self) -> Path:
        """The directory shared with the web processes."""
        return Path(self.capture.journal)
