"""The stored items."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from frontdesk_sidecar.simulator.journal import Journal
from frontdesk_sidecar.simulator.keys import join_key, split_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from frontdesk_sidecar.simulator.edm import IntegrationObject, Item, Value

    # What an attribute holds: a simple value, the integration keys of what it leads to, or a
    # value for each language (or for each key of a map). Never changed, only replaced.
    Kept = Value | tuple[str, ...] | Mapping[str, Value]
    Content = Mapping[str, Kept]


@dataclass(slots=True)
class Stored:
    """One stored item. `created` and `updated` are epoch milliseconds; `writes` counts upserts."""

    key: str
    attributes: Content
    created: int
    updated: int
    writes: int

    def restore(self, key: str, attributes: Content, updated: int, writes: int) -> None:
        """Takes back what an update changed."""
        self.key, self.attributes, self.updated, self.writes = key, attributes, updated, writes


class ItemStore:
    """The items of one type by integration key, in the order of their creation.

    With `case_sensitive` off, keys that differ in case are one item, as with a
    case-insensitive collation of the database. Within a transaction of the journal every write
    can be undone.
    """

    def __init__(
        self, segments: int, *, case_sensitive: bool = True, journal: Journal | None = None
    ) -> None:
        self._segments = segments
        self._case_sensitive = case_sensitive
        self._journal = journal or Journal()
        self._items: dict[str, Stored] = {}

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Stored]:
        return iter(self._items.values())

    def __contains__(self, stored: object) -> bool:
        return isinstance(stored, Stored) and self.find(stored.key) is stored

    def find(self, key: str) -> Stored | None:
        """The item with this integration key."""
        return self._items.get(self._fold(key))

    def put(self, key: str, attributes: Content, now_ms: int) -> Stored:
        """Creates the item or replaces its attributes."""
        folded = self._fold(key)
        stored = self._items.get(folded)
        if stored is None:
            stored = self._items[folded] = Stored(key, attributes, now_ms, now_ms, 1)
            if self._journal.is_open:
                self._journal.note(partial(self._items.pop, folded))
        else:
            if self._journal.is_open:
                before = (stored.key, stored.attributes, stored.updated, stored.writes)
                self._journal.note(partial(stored.restore, *before))
            stored.key, stored.attributes, stored.updated = key, attributes, now_ms
            stored.writes += 1
        return stored

    def remove(self, key: str) -> bool:
        """Deletes the item; False when there is none."""
        folded = self._fold(key)
        if folded not in self._items:
            return False
        if self._journal.is_open:
            # A copy, because an item put back would come last in the order of creation.
            self._journal.note(partial(self._put_back, dict(self._items)))
        del self._items[folded]
        return True

    def clear(self) -> None:
        """Deletes everything."""
        self._items.clear()

    def _put_back(self, items: dict[str, Stored]) -> None:
        self._items.clear()
        self._items.update(items)

    def _fold(self, key: str) -> str:
        if self._case_sensitive:
            return key
        return join_key(value.lower() for value in split_key(key, self._segments))


class Stores:
    """The stores of all objects; items of one type and key share theirs."""

    def __init__(self, journal: Journal, *, case_sensitive: bool) -> None:
        self._journal = journal
        self._case_sensitive = case_sensitive
        self._stores: dict[tuple[str, ...], ItemStore] = {}

    def add(self, definition: IntegrationObject) -> None:
        """Makes the stores of an object's items, as far as they are not there."""
        for item in definition.items:
            if item.store_id not in self._stores:
                self._stores[item.store_id] = ItemStore(
                    definition.segment_count(item),
                    case_sensitive=self._case_sensitive,
                    journal=self._journal,
                )

    def of(self, item: Item) -> ItemStore:
        """The store of an item."""
        return self._stores[item.store_id]

    def others_by(self, name: str, item: Item) -> tuple[ItemStore, ...]:
        """The stores of other types that have this one attribute as their key."""
        return tuple(
            store
            for (code, *names), store in self._stores.items()
            if names == [name] and code != item.store_id[0]
        )

    def clear(self) -> None:
        """Deletes everything."""
        for store in self._stores.values():
            store.clear()
