"""The object definition: which items an Integration Object has, and their attributes.

Source of the rules: SAP Help, "Integration API Module", on entity data models.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMESPACE: Final = "HybrisCommerceOData"
INTEGRATION_KEY: Final = "integrationKey"

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
OnWrite = Literal["store", "ignore", "reject"]


@dataclass(frozen=True, slots=True)
class Attribute:
    """One simple attribute of an item.

    `unique` makes it part of the integration key, `required` mandatory without a default.
    `default` is what a create without the attribute stores. `max_length` counts characters.
    `on_write` says what a POST of it does, for getter-only attributes such as
    `Customer.contactEmail`: "store", "ignore" or "reject" (400).
    """

    name: str
    type: EdmType = "Edm.String"
    unique: bool = False
    required: bool = False
    default: Value = None
    max_length: int | None = None
    on_write: OnWrite = "store"

    @property
    def nullable(self) -> bool:
        """Whether `$metadata` calls it nullable: not when unique, nor when required."""
        return not (self.unique or self.required)


@dataclass(frozen=True)
class Item:
    """One item of the object: an entity type and its entity set."""

    code: str
    entity_set: str
    attributes: tuple[Attribute, ...]

    @cached_property
    def by_name(self) -> Mapping[str, Attribute]:
        """The attributes by their (case-sensitive) name."""
        return {attribute.name: attribute for attribute in self.attributes}

    @cached_property
    def key(self) -> tuple[Attribute, ...]:
        """The unique attributes in the order of the integration key: ASCII, by alias segment."""
        unique = (attribute for attribute in self.attributes if attribute.unique)
        return tuple(sorted(unique, key=lambda attribute: f"{self.code}_{attribute.name}"))

    @cached_property
    def alias(self) -> str:
        """The `s:Alias` of the integration key, such as `Customer_uid`."""
        return "|".join(f"{self.code}_{attribute.name}" for attribute in self.key)

    @cached_property
    def type_name(self) -> str:
        """The full name of the entity type, such as `HybrisCommerceOData.Customer`."""
        return f"{NAMESPACE}.{self.code}"


@dataclass(frozen=True)
class IntegrationObject:
    """An inbound Integration Object. The first item is the root."""

    code: str
    items: tuple[Item, ...]

    @property
    def root(self) -> Item:
        """The root item."""
        return self.items[0]

    @cached_property
    def by_entity_set(self) -> Mapping[str, Item]:
        """The items by entity set, whose name is case-sensitive."""
        return {item.entity_set: item for item in self.items}


INBOUND_CUSTOMER: Final = IntegrationObject(
    "InboundCustomer",
    (
        Item(
            "Customer",
            "Customers",
            (
                Attribute("uid", unique=True, max_length=255),
                Attribute("name", max_length=255),
                Attribute("contactEmail", max_length=255),
                Attribute("firstName", max_length=255),
                Attribute("lastName", max_length=255),
                Attribute("customerID", max_length=255),
                Attribute("originalUid", max_length=255),
                Attribute("loginDisabled", "Edm.Boolean", default=False),
                Attribute("deactivationDate", "Edm.DateTime"),
            ),
        ),
    ),
)
"""The default object. SAP ships none of this name; every project models its own."""
