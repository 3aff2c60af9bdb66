"""An Integration Object as its `$metadata` describes it.

Sources: OData V2 CSDL; SAP Help, "Integration API Module", on entity data models, for the
annotations of the namespace http://schemas.sap.com/commerce.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

#: In every item; SAP computes it and ignores what is sent.
INTEGRATION_KEY: Final = "integrationKey"
#: The navigation to an item's values in other languages.
LOCALIZED: Final = "localizedAttributes"


@dataclass(frozen=True, slots=True)
class Property:
    """A simple attribute.

    `type` is its Edm type, such as `Edm.String`. `is_localized`: a value for each language.
    """

    name: str
    type: str = "Edm.String"
    nullable: bool = True
    is_unique: bool = False
    is_localized: bool = False
    max_length: int | None = None


@dataclass(frozen=True, slots=True)
class Navigation:
    """A reference to another item, or `many` of them.

    `target` is that item's name. What is not found is created only if `creates`: the attribute is
    auto-created or part of its owner.
    """

    name: str
    target: str
    many: bool = False
    nullable: bool = True
    is_unique: bool = False
    creates: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """An entity type: attributes by name, in the order of the EDMX."""

    name: str
    properties: Mapping[str, Property]
    navigations: Mapping[str, Navigation]
    alias: str = ""

    @property
    def attributes(self) -> tuple[str, ...]:
        """The names of all that can be written."""
        return tuple(one.name for one in self._written)

    @property
    def key(self) -> tuple[str, ...]:
        """The names of what makes up the integration key."""
        return tuple(one.name for one in self._written if one.is_unique)

    @property
    def required(self) -> tuple[str, ...]:
        """The names of what a new item must have."""
        return tuple(one.name for one in self._written if not one.nullable)

    @property
    def _written(self) -> list[Property | Navigation]:
        attributes: list[Property | Navigation] = [*self.properties.values()]
        attributes += self.navigations.values()
        return [one for one in attributes if one.name != INTEGRATION_KEY]


@dataclass(frozen=True, slots=True)
class Metadata:
    """The items by name, and the names of the items by entity set."""

    items: Mapping[str, Item]
    entity_sets: Mapping[str, str]

    def item_of(self, entity_set: str) -> Item | None:
        """The item behind an entity set, whose name is case-sensitive."""
        return self.items.get(self.entity_sets.get(entity_set, ""))
