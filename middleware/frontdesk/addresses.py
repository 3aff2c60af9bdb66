"""A person's own postal address, and which of several addresses is theirs by default.

The trait is the Segment spec's `address`: street, city, postalCode, state, country. Spellings are
those of OpenID Connect Core 1.0 section 5.1.1, schema.org's PostalAddress, SAP Commerce's OCC v2
(`Address`), Magento, Shopify, commercetools, Saleor, Vendure, Spree and WooCommerce.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from frontdesk.traits import clean, spellings

#: What an object has beyond so many keys, or a list beyond so many elements, is not looked at.
MAX_KEYS: Final = 256
MAX_ELEMENTS: Final = 64

#: one part of an address -> its spellings, the most exact ones first: a code says more than a name
_WORDS: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = {
    "street": (
        ("street", "street address", "street name", "street line 1", "street 1"),
        ("line 1", "address line 1", "address line1", "address 1", "address1", "street line1"),
        ("street address 1", "street address1"),
    ),
    "number": (("street number", "house number"),),
    "more": (
        ("line 2", "address line 2", "address line2", "address 2", "address2", "street line2"),
        ("street line 2", "street 2", "street address 2", "street address2"),
        ("additional street info",),
    ),
    "city": (("city", "town", "locality", "address locality", "city name"),),
    "postalCode": (("postal code", "post code", "zip", "zip code"),),
    "state": (
        ("state code", "province code", "region code"),
        ("state", "province", "region", "address region", "country area", "state name"),
    ),
    "country": (
        ("country code", "country iso", "country iso code", "country code v2", "country alpha2"),
        ("country", "address country", "country id", "country name"),
    ),
}
#: spelling -> the part of an address, and how exact it is (0 is best)
FIELDS: Final[Mapping[Any, tuple[str, int]]] = {
    spelling: (part, rank)
    for part, ranks in _WORDS.items()
    for rank, words in enumerate(ranks)
    for spelling in spellings(*words)
}
#: how an object in place of a text is written: `{"isocode": "DE"}`, `{"code": "US", …}`
_CODES: Final = ("isocode", "isocodeShort", "code", "iso", "region_code", "abbreviation", "name")
_TEXT_PARTS: Final = 4

_OWN: Final = (
    *("address", "defaultAddress", "default_address", "primaryAddress", "primary_address"),
    *("defaultShippingAddress", "default_shipping_address"),
)
_LISTS: Final = ("addresses", "address")
OWN_KEYS: Final = frozenset((*_OWN, *_LISTS))
_MARKS: Final = OWN_KEYS.union(FIELDS)

_FLAGS: Final = spellings(
    *("default", "is default", "primary", "is primary", "preferred", "is preferred"),
    *("default address", "is default address", "default shipping", "is default shipping"),
    *("default shipping address", "is default shipping address", "is default for shipping"),
)
_CHOSEN: Final = tuple(
    spellings("default address id", "primary address id", "default shipping address id")
)
_KINDS: Final = spellings("type", "address type", "usage", "kind")
_FOR_BILLS: Final = frozenset(("billing", "bill", "invoice", "bill_to", "bill-to"))

_PHONES: Final = tuple(spellings("phone", "telephone", "phone number", "mobile", "cellphone"))

#: every name that is looked at in here, for those who copy
ADDRESS_NAMES: Final = frozenset(
    (*FIELDS, *OWN_KEYS, *_FLAGS, *_CHOSEN, *_KINDS, *_CODES, *_PHONES)
)


def own_address(person: Mapping[Any, Any]) -> tuple[dict[str, str], str | None]:
    """A person's own address by Segment's names, empty if there is none, and the phone in it.

    First hit: `address`, a default address, the default or only one of `addresses`, fields of
    the person itself. One for bills is never taken.
    """
    if _MARKS.isdisjoint(person):
        return {}, None
    for holder in _holders(person):
        found = _read(holder)
        if found:
            phone = next((holder[key] for key in _PHONES if type(holder.get(key)) is str), "")
            return found, clean(phone)
    flat = _read(person)
    if not flat.keys() & {"city", "postalCode"}:
        flat.pop("state", None)  # also active, or blocked
    written = person.get("address")
    if "street" not in flat and type(written) is str and " " in written and "@" not in written:
        street = clean(written)
        flat = {"street": street, **flat} if street else flat
    return flat, None


def default_of(listed: Sequence[Any], chosen: object = None) -> Any:
    """The only element of a list, or of several the one with the id `chosen`, or marked default."""
    if len(listed) == 1:
        return listed[0]
    elements = [one for one in islice(listed, MAX_ELEMENTS) if type(one) is dict]
    if type(chosen) in (str, int):
        for one in elements:
            if one.get("id") == chosen:
                return one
    return next((one for one in elements if any(one.get(flag) == 1 for flag in _FLAGS)), None)


def items_of(holder: Mapping[Any, Any]) -> Iterator[tuple[Any, Any]]:
    """What is looked at of an object."""
    return islice(holder.items(), MAX_KEYS)


def _holders(person: Mapping[Any, Any]) -> Iterator[Mapping[Any, Any]]:
    for key in _OWN:
        holder = person.get(key)
        if type(holder) is dict and not _is_for_bills(holder):
            yield holder
    chosen = next((person[key] for key in _CHOSEN if key in person), None)
    for key in _LISTS:
        listed = person.get(key)
        if type(listed) is list:
            own = [one for one in listed[:MAX_ELEMENTS] if not _is_for_bills(one)]
            holder = default_of(own, chosen)
            if type(holder) is dict:
                yield holder


def _is_for_bills(address: Any) -> bool:
    if type(address) is not dict:
        return False
    kinds = (address[key] for key in _KINDS if key in address)
    return any(type(kind) is str and kind.lower() in _FOR_BILLS for kind in kinds)


def _read(holder: Mapping[Any, Any]) -> dict[str, str]:
    best: dict[str, tuple[int, str]] = {}
    for key, value in items_of(holder):
        field = FIELDS.get(key)
        if field is None:
            continue
        part, rank = field
        if part not in best or rank < best[part][0]:
            text = _text(value, part)
            if text is not None:
                best[part] = (rank, text)
    found = {part: text for part, (_, text) in best.items()}
    street = " ".join(found[part] for part in ("street", "number") if part in found)
    lines = (line for line in (street if "street" in found else "", found.get("more")) if line)
    written = clean(", ".join(lines)) if "street" in found else None
    address = {"street": written} if written else {}
    for part in ("city", "postalCode", "state", "country"):
        if part in found:
            address[part] = found[part]
    return address if address.keys() - {"state"} else {}


def _text(value: Any, part: str) -> str | None:
    """A part as text; a number is a house's or a postal code, else a key of another table."""
    if type(value) is str:
        return clean(value)
    if type(value) is int:
        return str(value) if part in ("number", "postalCode") else None
    if type(value) is dict:
        codes = (value[key] for key in _CODES if type(value.get(key)) is str)
        return clean(next(codes, ""))
    if type(value) is list:
        lines = [line for line in value[:_TEXT_PARTS] if type(line) is str]
        return clean(", ".join(filter(None, map(clean, lines))))
    return None
