"""The rules of references and collections, and what an attribute leads to.

Source: the tables on null and absent attributes in SAP Help, "Integration API Module".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from frontdesk_sidecar.simulator.edm import LANGUAGE
from frontdesk_sidecar.simulator.errors import ODataError, cannot_save
from frontdesk_sidecar.simulator.keys import form_encode
from frontdesk_sidecar.simulator.state import Stored

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from frontdesk_sidecar.simulator.edm import IntegrationObject, Item, Navigation
    from frontdesk_sidecar.simulator.payload import Entry
    from frontdesk_sidecar.simulator.state import Content, Kept, Stores
    from frontdesk_sidecar.simulator.upsert import Verb


def check_required(item: Item, entry: Entry, current: Content | None, key: str, verb: Verb) -> None:
    """Required references must be given or there; a PATCH must not clear what is complex.

    Raises `ODataError` with `missing_nav_property` or `invalid_attribute_value`.
    """
    for navigation in item.navigations:
        name = navigation.name
        is_null = name in entry and entry[name] is None
        if is_null and verb == "PATCH":
            raise cannot_save(item.code, f"attribute [{name}] cannot be set to null", key)
        if not (navigation.required or navigation.unique):
            continue
        # A collection that is there is kept by a null.
        is_kept = current is not None and navigation.many
        if (is_null and not is_kept) or (name not in entry and current is None):
            text = f"NavigationProperty [{name}] is required for EntityType [{item.code}]."
            raise ODataError(400, "missing_nav_property", text, key)


def not_there(item: Item, navigation: Navigation, target: Item, key: str, inner: str) -> ODataError:
    """A reference to an item that does not exist and must not be created."""
    text = (
        f"Item referenced by attribute [{navigation.name}] in [{item.code}] item does not exist"
        f" in the system. Cannot create referenced item [{target.code}] with integration key"
        f" [{key}] because it is not allowed to be auto-created."
    )
    return ODataError(400, "missing_nav_property", text, inner)


def nothing_to_store(target: Item, entry: Entry) -> bool:
    """Whether a nested entry has no more than its key."""
    return all(
        (name in target.by_name and target.by_name[name].unique)
        or (name in target.navigation_by_name and target.navigation_by_name[name].unique)
        for name in entry
    )


def related(
    definition: IntegrationObject, stores: Stores, navigation: Navigation, stored: Stored
) -> list[Stored]:
    """What an attribute of an item leads to; what was deleted since is not there any more."""
    target = definition.target(navigation)
    if target.kind == "localized":
        return list(_localized(target, stored))
    kept = stored.attributes.get(navigation.name)
    if target.kind == "map":
        pairs = kept.items() if isinstance(kept, dict) else ()
        return [_made({"key": name, "value": value}, stored, name) for name, value in pairs]
    store = stores.of(target)
    keys = kept if isinstance(kept, tuple) else ()
    return [found for key in keys if (found := store.find(key)) is not None]


def _localized(target: Item, stored: Stored) -> Iterator[Stored]:
    names = [attribute.name for attribute in target.attributes if attribute.name != LANGUAGE]
    values: dict[str, Mapping[str, object]] = {}
    for name in names:
        kept = stored.attributes.get(name)
        if isinstance(kept, dict):
            values[name] = kept
    for language in sorted({one for kept in values.values() for one in kept}):
        content: dict[str, Kept] = {name: kept.get(language) for name, kept in values.items()}  # type: ignore[misc] # simple values
        yield _made({LANGUAGE: language, **content}, stored, language)


def _made(content: Content, owner: Stored, key: str) -> Stored:
    return Stored(form_encode(key), content, owner.created, owner.updated, owner.writes)
