"""Which object and which of its entity sets holds the customers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import unquote_plus

from frontdesk_sidecar.metadata import Item, Metadata

#: Tried when SAP does not say which objects there are. Of these it ships the second one.
USUAL: Final = ("InboundCustomer", "InboundB2BCustomer")
#: The objects by which SAP's own services are reached: none of them is for customers.
_SERVICES: Final = frozenset(
    (
        *("IntegrationService", "InboundIntegrationMonitoring", "OutboundIntegrationMonitoring"),
        *("OutboundChannelConfig", "WebhookService", "ScriptService", "RuntimeAttributeService"),
    )
)
#: Without a word of customers in its name an object is looked at only after the others.
_MOST: Final = 12
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def customer_sets(metadata: Metadata) -> list[str]:
    """The entity sets that look like customers; one, if all is as usual.

    That is an item with a `uid` to which none of the others refers, as the object's root. What is
    called a customer goes before what is not. Source: SAP Help on entity data models; EDMX does
    not mark the root.
    """
    named = {name: item for name in metadata.entity_sets if (item := metadata.item_of(name))}
    found = {name: item for name, item in named.items() if "uid" in item.properties}
    roots = {name: item for name, item in found.items() if not _is_referred(item, metadata)}
    for some in (roots, found, named):
        if called := [name for name, item in some.items() if _is_called_customer(item)]:
            return called
        if some and some is not named:
            return list(some)
    return []


def _is_called_customer(item: Item) -> bool:
    return item.name.lower().endswith("customer") and not item.name.startswith("Localized___")


def _is_referred(item: Item, metadata: Metadata) -> bool:
    """Whether another item refers to this one without being referred to by it."""
    own = {navigation.target for navigation in item.navigations.values()}
    return any(
        navigation.target == item.name and other.name not in own and other.name != item.name
        for other in metadata.items.values()
        for navigation in other.navigations.values()
    )


def object_names(documents: Sequence[Mapping[str, Any]]) -> list[str]:
    """The objects that may hold customers, likely ones first, out of listings of the meta API.

    The first listing is of channel configurations, which say what is exposed; the other of all
    objects.
    """
    names = [name for document in documents for name in _names(document)]
    fit = [name for name in dict.fromkeys(names) if _is_likely(name)]
    return sorted(fit, key=lambda name: "customer" not in name.lower())[:_MOST]


def _is_likely(name: str) -> bool:
    is_outbound = name.startswith("Outbound")
    return _NAME.fullmatch(name) is not None and name not in _SERVICES and not is_outbound


def _names(document: Mapping[str, Any]) -> Iterator[str]:
    for entry in entries(document):
        kind = entry.get("integrationType")
        if isinstance(kind, dict) and kind.get("code", "INBOUND") != "INBOUND":
            continue
        # A configuration's key is that of the object that it is for: its code.
        name = entry.get("code", entry.get("integrationKey"))
        if isinstance(name, str):
            yield unquote_plus(name)


def entries(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The entries of a feed in OData V2 JSON."""
    feed = document.get("d")
    found = feed.get("results") if isinstance(feed, dict) else feed
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
