"""A person's traits that are not written in one field: objects in place of a text, lists.

`{"language": {"isocode": "de"}}`, `{"company": {"name": "Acme"}}`, `{"name": {"first": "Jane"}}`,
and a person's own e-mail addresses or phone numbers as a list (SCIM, Clerk, Azure AD B2C).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from frontdesk.addresses import default_of, items_of
from frontdesk.traits import SPELLINGS, clean, ranked, spellings

_NAME_PARTS: Final[Mapping[Any, str]] = SPELLINGS | {
    "first": "firstName",
    "given": "firstName",
    "last": "lastName",
    "family": "lastName",
    "formatted": "name",
}
_CODES: Final[Mapping[Any, tuple[str, ...]]] = {
    "locale": ("isocode", "code", "iso", "tag", "locale"),
    "title": ("code", "displayName", "name"),
    "company": ("name",),
    "email": ("address", "value", "email"),
    "phone": ("number", "value"),
}

#: name of a list -> the trait that one of it is
LISTS: Final[Mapping[Any, str]] = dict.fromkeys(
    spellings("emails", "email addresses"), "email"
) | dict.fromkeys(spellings("phone numbers", "phones"), "phone")
_CHOSEN: Final = {
    "email": tuple(spellings("primary email address id", "primary email id")),
    "phone": tuple(spellings("primary phone number id", "primary phone id")),
}
_WRITTEN: Final = ("value", *ranked("email", "email address", "address", "phone number", "phone"))
#: every name that is looked at in here, for those who copy
DETAIL_NAMES: Final = frozenset(
    (*LISTS, *_CHOSEN["email"], *_CHOSEN["phone"], *_WRITTEN, *_NAME_PARTS)
).union(*_CODES.values())


def details(holder: Mapping[Any, Any], *, is_bare: bool) -> Iterator[tuple[str, str]]:
    """Traits and their texts. In a bare document a list may be anybody's, and an `email` a mail."""
    for key, value in items_of(holder):
        if type(value) is dict:
            trait = SPELLINGS.get(key)
            if trait != "email" or not is_bare:
                yield from _of_object(trait, value)
        elif type(value) is list and not is_bare and key in LISTS:
            trait = LISTS[key]
            text = _own(value, holder, _CHOSEN[trait])
            if text is not None:
                yield trait, text


def _of_object(trait: str | None, value: Mapping[Any, Any]) -> Iterator[tuple[str, str]]:
    found: list[tuple[str, Any]] = []
    if trait == "name":
        parts = ((_NAME_PARTS.get(key), text) for key, text in items_of(value))
        found += [(part, text) for part, text in parts if part in _NAMES]
    elif trait is not None and trait in _CODES:
        codes = (value[key] for key in _CODES[trait] if key in value)
        found.append((trait, next(codes, None)))
    for name, written in found:
        text = clean(written) if type(written) is str else None
        if text is not None:
            yield name, text


_NAMES: Final = ("firstName", "lastName", "name")


def _own(listed: list[Any], holder: Mapping[Any, Any], names: tuple[str, ...]) -> str | None:
    """The only one of a list, the one that the holder points to, or the primary one."""
    chosen = next((holder[name] for name in names if name in holder), None)
    one = default_of(listed, chosen)
    if type(one) is dict:
        one = next((one[name] for name in _WRITTEN if type(one.get(name)) is str), None)
    return clean(one) if type(one) is str else None
