"""What the type system may do to a customer on its own, each behind a switch.

No source tells whether an Integration API save runs any of it; see `switches`.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from frontdesk_sidecar.simulator.edm import IntegrationObject, Item
    from frontdesk_sidecar.simulator.payload import Entry
    from frontdesk_sidecar.simulator.state import Stores
    from frontdesk_sidecar.simulator.switches import Switches

_GROUP = "customergroup"


def change_uid(entry: Entry, switches: Switches) -> Entry:
    """The entry with its uid in lower case, if that is switched on."""
    if not switches.lowerCaseUid:
        return entry
    uid = entry.get("uid")
    return {**entry, "uid": uid.lower()} if isinstance(uid, str) else entry


def complete(
    definition: IntegrationObject, item: Item, entry: Entry, stores: Stores, switches: Switches
) -> Entry:
    """The entry of a create with what the switches add to it."""
    if not switches.completes:
        return entry
    added: Entry = {}
    if switches.setOriginalUid and "originalUid" in item.by_name:
        added["originalUid"] = entry.get("uid")
    if switches.generateCustomerId and "customerID" in item.by_name:
        added["customerID"] = str(uuid.uuid4())
    groups = item.navigation_by_name.get("groups")
    if switches.addCustomerGroup and groups is not None:
        target = definition.target(groups)
        if stores.of(target).find(_GROUP) is not None:
            added["groups"] = [{target.key[0].name: _GROUP}]
    given = {name: part for name, part in entry.items() if part is not None}
    return {**entry, **added, **given}
