"""Whether the sidecar gets anywhere: looks healthy and does nothing is the worst of failures."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """How things stand; times in seconds of one monotonic clock.

    `due_since`: since when without a break customers are due, None when none is. `open_since`:
    the same of the way to SAP being open. `completed_at`: when a customer was last settled.
    `store_asked_at`: when the store was asked something that it has not answered yet.
    """

    due_since: float | None
    open_since: float | None
    completed_at: float
    store_asked_at: float | None


def stuck(progress: Progress, now: float, limit_s: float) -> str | None:
    """Why the sidecar should be started anew; None when it works, or only SAP does not."""
    asked_at = progress.store_asked_at
    if asked_at is not None and now - asked_at >= limit_s:
        return f"the store has not answered for {now - asked_at:.0f} s"
    if progress.due_since is None or progress.open_since is None:
        return None
    idle_s = now - max(progress.due_since, progress.open_since, progress.completed_at)
    if idle_s >= limit_s:
        return f"customers are due and the way is open, but none was finished for {idle_s:.0f} s"
    return None
