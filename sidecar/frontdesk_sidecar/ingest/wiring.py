"""The door of a sidecar, made of its settings and its parts."""

from __future__ import annotations

from collections.abc import Callable

from frontdesk.event import Identify
from frontdesk_sidecar.ingest.committer import Committer
from frontdesk_sidecar.ingest.door import Door
from frontdesk_sidecar.ingest.taking import Rules
from frontdesk_sidecar.ingest.tally import Tally
from frontdesk_sidecar.settings_types import Settings
from frontdesk_sidecar.store import Store
from frontdesk_sidecar.store.writer import Writer


def make_door(
    settings: Settings,
    writer: Writer[Store],
    tally: Tally,
    *,
    on_new: Callable[[], None],
    target_of: Callable[[Identify], str] | None,
) -> Door:
    """What `[capture]` drops and hashes, and its site, hold for what comes in here too."""
    capture, options = settings.capture, settings.ingest
    commit = Committer(writer, on_new=on_new, target_of=target_of, tally=tally)
    rules = Rules(options.origins, capture.site, capture.privacy)
    return Door(options.keys, commit, rules, tally=tally)
