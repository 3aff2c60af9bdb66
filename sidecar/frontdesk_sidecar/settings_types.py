"""The sidecar's settings as the rest of it sees them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from frontdesk import Capture
from frontdesk_sidecar.destination import Destination
from frontdesk_sidecar.forward.pace import Pace
from frontdesk_sidecar.mapping import AttributeMapping


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
    destination: Destination
    mapping: AttributeMapping
    store: Keeping
    pace: Pace
    stuck_s: float
    secret_file: Path | None
    http: Http
    log_level: str

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
