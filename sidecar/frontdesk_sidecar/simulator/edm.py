"""The object definition: which items an Integration Object has, and their attributes.

Source of the rules: SAP Help, "Integration API Module", on entity data models.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NAMESPACE: Final = "HybrisCommerceOData"
INTEGRATION_KEY: Final = "integrationKey"
LOCALIZED: Final = "localizedAttributes"
LANGUAGE: Final = "language"

EdmType = Literal[
    "Edm.String",
    "Edm.Boolean",
    "Edm.Byte",
    "Edm.SByte",
    "Edm.Int16",
    "Edm.Int32",
    "Edm.Int64",
    "Edm.Single",
    "Edm.Double",
    "Edm.Decimal",
    "Edm.DateTime",
]
# How a value is kept: a DateTime as epoch milliseconds (UTC), Int64 and the types with decimals
# as text, because that is how OData V2 JSON carries them.
Value = str | bool | int | None
OnWrite = Literal["store", "ignore", "reject", "switch"]
Special = Literal["virtual", "classification"]
Kind = Literal["item", "localized", "value", "map"]
Channel = Literal["OAUTH", "BASIC", "ANY"]


@dataclass(frozen=True, slots=True)
class Attribute:
    """One simple attribute of an item.

    `unique` makes it part of the integration key, `required` mandatory without a default.
    `default` is what a create without the attribute stores. `max_length` counts characters.
    `on_write` says what a POST of it does, for getter-only attributes such as
    `Customer.contactEmail`: "store", "ignore", "reject" (400), or "switch": what the switch
    `readOnlyAttribute` says. `source` is the attribute a derived one takes its value from.
    `localized` ones have a value for each language. `optional` is a unique one that may be null.
    """

    name: str
    type: EdmType = "Edm.String"
    unique: bool = False
    required: bool = False
    default: Value = None
    max_length: int | None = None
    on_write: OnWrite = "store"
    localized: bool = False
    optional: bool = False
    source: str | None = None
    special: Special | None = None

    @property
    def nullable(self) -> bool:
        """Whether `$metadata` calls it nullable: not when unique, nor when required."""
        return self.optional or not (self.unique or self.required)


@dataclass(frozen=True, slots=True)
class Navigation:
    """An attribute that leads to other items: a reference, or a collection of them.

    `target` is the code of the item it leads to. `part_of` makes the targets the owner's
    children, which are created and deleted with it; `auto_create` creates what does not exist.
    """

    name: str
    target: str
    many: bool = False
    unique: bool = False
    required: bool = False
    part_of: bool = False
    auto_create: bool = False

    @property
    def nullable(self) -> bool:
        """Whether `$metadata` calls it nullable."""
        return not (self.unique or self.required)


@dataclass(frozen=True)
class Item:
    """One item of the object: an entity type and its entity set.

    `type` is the type of SAP's type system that stands behind it; items of one type and key share
    their data, in whatever object they are. `kind` tells the entity types that Commerce makes by
    itself: `Localized___X`, the wrapper of a primitive ("value") and the entry of a map.
    `presets` are there from the beginning, as JSON entries. A `protected` item cannot be deleted.
    """

    code: str
    entity_set: str
    attributes: tuple[Attribute, ...]
    navigations: tuple[Navigation, ...] = ()
    kind: Kind = "item"
    type: str = ""
    presets: tuple[Mapping[str, object], ...] = ()
    protected: bool = False

    @cached_property
    def by_name(self) -> Mapping[str, Attribute]:
        """The attributes by their (case-sensitive) name."""
        return {attribute.name: attribute for attribute in self.attributes}

    @cached_property
    def navigation_by_name(self) -> Mapping[str, Navigation]:
        """The navigations by their (case-sensitive) name."""
        return {navigation.name: navigation for navigation in self.navigations}

    @cached_property
    def key(self) -> tuple[Attribute, ...]:
        """The simple unique attributes in the order of the integration key."""
        unique = (attribute for attribute in self.attributes if attribute.unique)
        return tuple(sorted(unique, key=lambda attribute: f"{self.code}_{attribute.name}"))

    @cached_property
    def key_navigations(self) -> tuple[Navigation, ...]:
        """The references whose targets' keys are part of the integration key."""
        return tuple(one for one in self.navigations if one.unique)

    @cached_property
    def localized(self) -> tuple[Attribute, ...]:
        """The attributes that have a value for each language."""
        return tuple(attribute for attribute in self.attributes if attribute.localized)

    @cached_property
    def is_simple(self) -> bool:
        """Whether it leads nowhere: an upsert of it is a single write."""
        return not self.navigations

    @cached_property
    def required(self) -> tuple[Attribute, ...]:
        """The simple attributes that must have a value."""
        return tuple(attribute for attribute in self.attributes if attribute.required)

    @cached_property
    def derived(self) -> tuple[Attribute, ...]:
        """The attributes that take their value from another one."""
        return tuple(attribute for attribute in self.attributes if attribute.source is not None)

    @cached_property
    def store_id(self) -> tuple[str, ...]:
        """What items share their data by: the type and the names in the key."""
        names = [one.name for one in self.key] + [one.name for one in self.key_navigations]
        return (self.type or self.code, *sorted(names))

    @cached_property
    def type_name(self) -> str:
        """The full name of the entity type, such as `HybrisCommerceOData.Customer`."""
        return f"{NAMESPACE}.{self.code}"

    @cached_property
    def key_property(self) -> str:
        """The property that is the key of the entity type."""
        names: dict[Kind, str] = {
            "item": INTEGRATION_KEY,
            "localized": LANGUAGE,
            "value": "value",
            "map": "key",
        }
        return names[self.kind]


@dataclass(frozen=True)
class IntegrationObject:
    """An inbound Integration Object. The first item is the root.

    `channel` is the authentication type of its `InboundChannelConfiguration`, None without one,
    "ANY" for either. `broken` is the error code that every request to a faulty definition gets.
    `pojo` marks an object over classes instead of item types, of which only `$metadata` is read.
    """

    code: str
    items: tuple[Item, ...]
    channel: Channel | None = "OAUTH"
    group: str | None = None
    broken: str | None = None
    pojo: bool = False

    @property
    def root(self) -> Item:
        """The root item."""
        return self.items[0]

    @cached_property
    def by_entity_set(self) -> Mapping[str, Item]:
        """The items by entity set, whose name is case-sensitive."""
        return {item.entity_set: item for item in self.items}

    @cached_property
    def by_code(self) -> Mapping[str, Item]:
        """The items by code."""
        return {item.code: item for item in self.items}

    @cached_property
    def aliases(self) -> Mapping[str, str]:
        """The `s:Alias` of each item's integration key by item code, such as `Customer_uid`."""
        return {item.code: "|".join(self.segments(item)) for item in self.items}

    def target(self, navigation: Navigation) -> Item:
        """The item a navigation leads to."""
        return self.by_code[navigation.target]

    def segments(self, item: Item) -> list[str]:
        """The alias segments of an item in the order of the integration key: ASCII."""
        return sorted(self._segments(item))

    def segment_count(self, item: Item) -> int:
        """The number of segments in an item's integration key."""
        return self._counts[item.code]

    @cached_property
    def _counts(self) -> Mapping[str, int]:
        return {item.code: len(self.segments(item)) for item in self.items}

    def _segments(self, item: Item) -> Iterator[str]:
        for attribute in item.key:
            yield f"{item.code}_{attribute.name}"
        for navigation in item.key_navigations:
            yield from self._segments(self.target(navigation))
