"""What an SAP system tells of itself: its objects, their attributes, and codes that exist."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from frontdesk_sidecar.describing import describe
from frontdesk_sidecar.init.choosing import USUAL, customer_sets, entries, object_names
from frontdesk_sidecar.init.known import GROUP_ITEMS
from frontdesk_sidecar.init.report import Miss
from frontdesk_sidecar.metadata import Item, Metadata
from frontdesk_sidecar.sap.advice import advice_for
from frontdesk_sidecar.sap.answer import Answer
from frontdesk_sidecar.sap.destination import Destination
from frontdesk_sidecar.sap.session import Session

_JSON: Final = {"Accept": "application/json"}
_SERVICE: Final = "IntegrationService"
#: The listings of the meta API; what is exposed is in the first, if the client may see it.
_LISTINGS: Final = (
    "InboundChannelConfigurations?$top=200",
    "IntegrationObjects?$top=200&$expand=integrationType",
)
#: With more than that, codes are nothing to choose from.
_MOST_CODES: Final = 100
#: So many lists of codes are asked for, so that a large object is no burden.
_MOST_LISTS: Final = 12
_NO_EDMX: Final = (
    "Something else answers in the place of the Integration API: check that the host serves"
    " odata2webservices, often the backoffice endpoint."
)


@dataclass(frozen=True, slots=True)
class Seen:
    """An object that could be read, and its sets that look like customers."""

    name: str
    metadata: Metadata
    sets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class View:
    """All that was found. `were_listed`: SAP said itself which objects there are."""

    seen: tuple[Seen, ...] = ()
    misses: tuple[Miss, ...] = ()
    were_listed: bool = False


async def look(session: Session, destination: Destination, name: str | None) -> View:
    """The object of that name, or all that may hold customers. Never raises for what SAP does."""
    listed = [] if name is not None else await _listed(session, destination)
    seen: list[Seen] = []
    misses: list[Miss] = []
    for one in [name] if name is not None else listed or USUAL:
        url = replace(destination, integration_object=one).metadata_url
        found = await describe(session, url)
        if found.metadata is not None:
            seen.append(Seen(one, found.metadata, tuple(customer_sets(found.metadata))))
            continue
        remedy = _NO_EDMX if found.code == "metadata" else advice_for(found.code)
        misses.append(Miss(one, found.text, remedy))
        if _is_of_all(found.code):
            break
    return View(tuple(seen), tuple(misses), bool(listed))


def _is_of_all(code: str) -> bool:
    """Whether every other object would be missed for the same reason: no token, or no network."""
    return code.startswith("token.") or ("." not in code and code != "metadata")


async def _listed(session: Session, destination: Destination) -> list[str]:
    """The objects that SAP lists; none where the client may not see them, which is usual."""
    for listing in _LISTINGS:
        url = f"{replace(destination, integration_object=_SERVICE).service_url}/{listing}"
        document = await _document(session, url)
        if document is not None and (names := object_names([document])):
            return names
    return []


async def _document(session: Session, url: str) -> Mapping[str, Any] | None:
    reply = await session.get(url, _JSON)
    if isinstance(reply, Answer) and reply.status == 200:
        return reply.json_object()
    return None


async def look_up_codes(
    session: Session, destination: Destination, metadata: Metadata, item: Item
) -> dict[str, Sequence[str]]:
    """Titles, languages and the like that exist, by item, as far as this client may read them."""
    codes: dict[str, Sequence[str]] = {}
    for target in _worth_asking(metadata, item):
        found = await _codes(session, destination, metadata, target)
        if found is not None:
            codes[target.name] = found
    return codes


def _worth_asking(metadata: Metadata, item: Item) -> list[Item]:
    """The items that a customer refers to by one attribute, such as titles and enumerations.

    What has a uid is mostly a person, whose name has no business in a file of settings.
    """
    referred = [metadata.items.get(to.target) for to in item.navigations.values() if not to.creates]
    found = {
        one.name: one
        for one in referred
        if one is not None and len(one.key) == 1 and one.key[0] in one.properties
    }
    fit = [one for one in found.values() if "uid" not in one.key or one.name in GROUP_ITEMS]
    return fit[:_MOST_LISTS]


async def _codes(
    session: Session, destination: Destination, metadata: Metadata, target: Item
) -> list[str] | None:
    sets = [name for name, item in metadata.entity_sets.items() if item == target.name]
    if not sets:
        return None
    url = f"{destination.service_url}/{sets[0]}?$top={_MOST_CODES}"
    document = await _document(session, url)
    codes = [] if document is None else [one.get(target.key[0]) for one in entries(document)]
    found = [code for code in codes if isinstance(code, str)]
    return found if 0 < len(found) < _MOST_CODES else None
