"""What a running sidecar lets a person do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from frontdesk_sidecar.admin.backfill import Room
    from frontdesk_sidecar.ingest.document import Reading
    from frontdesk_sidecar.store import Store

T = TypeVar("T")


class Controls(Protocol):
    """The live side. Every method that is awaited may raise StoreError."""

    @property
    def targets(self) -> Sequence[str]:
        """The names of the targets, the default one last."""

    async def status(self) -> dict[str, Any]:
        """How things stand, as JSON; nothing personal in it."""

    async def pause(self, target: str | None = None) -> dict[str, Any]:
        """Send nothing more to a target, or to all, until `resume`; `{"paused": true}`."""

    async def resume(self, target: str | None = None) -> dict[str, Any]:
        """Send again, and try at once what stood in the way.

        `{"paused": false, "resumed": [{"target": name, "byHand": bool, "gate": state,
        "code": text, "quietUntil": time | null}]}`.
        """

    async def reload(self) -> dict[str, Any]:
        """Read the settings anew, and go by all of them or, where one is wrong, by none.

        `{"applied": bool, "at": time, "changed": [setting], "problems": [text]}`.
        """

    async def forget(self, key: str) -> dict[str, Any]:
        """Delete a customer: `{"forgotten": bool, "segments": int, "damagedFiles": [path]}`.

        `segments` of the journal still name the customer; the damaged files may.
        """

    async def take(self, lines: Sequence[bytes]) -> Reading:
        """Take messages, one a line. They are committed."""

    async def room(self, target: str | None = None) -> Room:
        """How many customers are on their way to a target, or to all, and whether more may be."""

    def wake(self) -> None:
        """Something became due: send it now."""

    async def run(self, operation: Callable[[Store], T]) -> T:
        """Run `operation` on the store, in its thread; it may be run again."""
