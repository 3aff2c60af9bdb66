"""Stores an entry with everything nested in it: references, collections, children.

Nested entries are handled in the order of the payload, outer to inner: one that is found by its
own key gets the attributes given and is linked; one that is not is created when the attribute is
`autoCreate` or part-of. Source: SAP Help, "Integration API Module", on POST and PATCH.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from frontdesk_sidecar.simulator.access import check_type
from frontdesk_sidecar.simulator.edm import LOCALIZED
from frontdesk_sidecar.simulator.errors import ODataError, ambiguous_key
from frontdesk_sidecar.simulator.links import check_required, not_there, nothing_to_store
from frontdesk_sidecar.simulator.upsert import key_of, merge, merge_localized

if TYPE_CHECKING:
    from collections.abc import Sequence

    from frontdesk_sidecar.simulator.access import User
    from frontdesk_sidecar.simulator.config import SimulatorConfig
    from frontdesk_sidecar.simulator.edm import IntegrationObject, Item, Navigation
    from frontdesk_sidecar.simulator.payload import Entry
    from frontdesk_sidecar.simulator.state import Content, ItemStore, Kept, Stored, Stores
    from frontdesk_sidecar.simulator.upsert import Verb


@dataclass(slots=True)
class Occasion:
    """What is the same for everything one request stores. `key` is the root's, for errors."""

    definition: IntegrationObject
    verb: Verb
    language: str
    now_ms: int
    key: str
    user: User | None


class Saver:
    """Stores and removes entries, under the settings of the simulator."""

    def __init__(self, config: SimulatorConfig, stores: Stores) -> None:
        self._config = config
        self._stores = stores
        self._rivals: dict[tuple[str, ...], tuple[ItemStore, ...]] = {}

    def save(self, occasion: Occasion, item: Item, entry: Entry, key: str) -> Stored:
        """Creates or updates one item. Raises `ODataError`; what is stored then is undone."""
        store = self._stores.of(item)
        found = store.find(key)
        current = None if found is None else found.attributes
        content = merge(
            item,
            current,
            entry,
            occasion.key,
            switches=self._config.switches,
            language=occasion.language,
        )
        if found is None:
            self._check_principals(item, entry, key)
        if not item.navigations:
            return store.put(key, content, occasion.now_ms)
        if LOCALIZED in entry:
            part, languages = entry[LOCALIZED], self._config.languages
            merge_localized(item, content, part, verb=occasion.verb, languages=languages)
        check_required(item, entry, current, occasion.key, occasion.verb)
        # The owner comes first: a child may name it in its own key.
        stored = store.put(key, content, occasion.now_ms)
        stored.attributes = {**content, **self._links(occasion, item, entry, content)}
        return stored

    def remove(self, definition: IntegrationObject, item: Item, stored: Stored) -> None:
        """Deletes an item and its part-of children."""
        self._stores.of(item).remove(stored.key)
        for navigation in item.navigations:
            if navigation.part_of:
                self._remove_all(definition, navigation, _keys(stored.attributes, navigation))

    def _links(
        self, occasion: Occasion, item: Item, entry: Entry, content: Content
    ) -> dict[str, Kept]:
        links: dict[str, Kept] = {}
        for name, part in entry.items():
            navigation = item.navigation_by_name.get(name)
            if navigation is None or name == LOCALIZED:
                continue
            if occasion.definition.target(navigation).kind == "map":
                links[name] = self._mapped(occasion, navigation, part, content.get(name))
            elif part is None:
                # A collection cannot be cleared by null: it stays.
                links[name] = content.get(name, ()) if navigation.many else ()
            else:
                given = part if isinstance(part, list) else [part]
                links[name] = self._linked(occasion, item, navigation, given, content)  # type: ignore[arg-type] # entries
            self._drop_orphans(occasion, navigation, content, links[name])
        return links

    def _linked(
        self,
        occasion: Occasion,
        item: Item,
        navigation: Navigation,
        given: Sequence[Entry],
        content: Content,
    ) -> tuple[str, ...]:
        keys = [self._related(occasion, item, navigation, one) for one in given]
        if navigation.many and occasion.verb == "POST":
            keys = [*_keys(content, navigation), *keys]
        return tuple(dict.fromkeys(keys))

    def _related(self, occasion: Occasion, item: Item, navigation: Navigation, entry: Entry) -> str:
        """The key of what a nested entry names, stored if need be."""
        target = occasion.definition.target(navigation)
        key = key_of(occasion.definition, target, entry)
        found = self._stores.of(target).find(key)
        user, switches = occasion.user, self._config.switches
        if found is None:
            if not (navigation.part_of or navigation.auto_create or target.kind == "value"):
                raise not_there(item, navigation, target, key, occasion.key)
            check_type(user, "create", target, switches)
        elif nothing_to_store(target, entry):
            check_type(user, "read", target, switches)
            return found.key
        else:
            check_type(user, "change", target, switches)
        return self.save(occasion, target, entry, key).key

    def _mapped(
        self, occasion: Occasion, navigation: Navigation, part: object, current: Kept
    ) -> Kept:
        kept = dict(current) if isinstance(current, dict) and occasion.verb == "POST" else {}
        for one in part if isinstance(part, list) else ():
            if one.get("key") is None:
                text = f"Key [key] is required for EntityType [{navigation.target}]."
                raise ODataError(400, "missing_key", text, occasion.key)
            kept[one["key"]] = one.get("value")
        return kept

    def _drop_orphans(
        self, occasion: Occasion, navigation: Navigation, content: Content, now: Kept
    ) -> None:
        if navigation.part_of:
            left = now if isinstance(now, tuple) else ()
            gone = [key for key in _keys(content, navigation) if key not in left]
            self._remove_all(occasion.definition, navigation, gone)

    def _remove_all(
        self, definition: IntegrationObject, navigation: Navigation, keys: Sequence[str]
    ) -> None:
        target = definition.target(navigation)
        for key in keys:
            child = self._stores.of(target).find(key)
            if child is not None:
                self.remove(definition, target, child)

    def _check_principals(self, item: Item, entry: Entry, key: str) -> None:
        """A uid is unique over customers, employees and groups alike."""
        if all(attribute.name != "uid" for attribute in item.key):
            return
        uid = str(entry["uid"])
        rivals = self._rivals.get(item.store_id)
        if rivals is None:
            rivals = self._rivals[item.store_id] = self._stores.others_by("uid", item)
        spelling = uid if self._config.case_sensitive else uid.lower()
        if spelling in self._config.principals or any(one.find(key) is not None for one in rivals):
            status = self._config.switches.conflictStatus
            raise ambiguous_key(item.code, f"uid={uid}", key, status)


def _keys(content: Content, navigation: Navigation) -> tuple[str, ...]:
    kept = content.get(navigation.name, ())
    return kept if isinstance(kept, tuple) else ()
