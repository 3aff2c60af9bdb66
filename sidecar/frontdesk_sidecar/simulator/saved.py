"""What happens once a write is certain: the commit log, and a webhook when there is one."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from frontdesk_sidecar.simulator.call import Call
    from frontdesk_sidecar.simulator.commits import CommitLog
    from frontdesk_sidecar.simulator.journal import Journal
    from frontdesk_sidecar.simulator.state import Stored
    from frontdesk_sidecar.simulator.webhooks import Webhook

_MESSAGE_ID = "integrationmessageid"


class Saves:
    """Notes writes of root items, at the end of their transaction."""

    def __init__(self, journal: Journal, commits: CommitLog, webhook: Webhook | None) -> None:
        self._journal = journal
        self._commits = commits
        self._webhook = webhook

    def note(self, call: Call, stored: Stored, now_ms: int, *, is_deletion: bool = False) -> None:
        """One write of an item; those of other items than the root are not noted."""
        if call.item is not call.definition.root:
            return
        uid, message_id = stored.attributes.get("uid"), call.request.headers.get(_MESSAGE_ID)
        write = partial(self._commits.append, now_ms, uid, message_id, call.request.body)
        self._journal.afterwards(write)
        if self._webhook is not None and not is_deletion:
            self._journal.afterwards(partial(self._webhook.saved, call, stored))
