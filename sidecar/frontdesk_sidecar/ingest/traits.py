"""What a message says of a person: plain values under the Segment spec's names, and the address.

An app that calls an SDK chose what it sends, so every trait is taken, as by
`frontdesk.identify()`; but for those that by their names are secrets.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from frontdesk.traits import canonical, email, scalar

#: Traits of tables within tables; what is deeper is left out.
_DEPTH: Final = 8
_SECRET: Final = re.compile(
    r"pass(?:word|wd|code|phrase)|^pwd$|secret|token|^authorization$|^(?:set-)?cookie$|^jwt$|^otp$",
    re.IGNORECASE,
)


class Address(NamedTuple):
    """The e-mail address that traits hold, if any, and the name of what it was found in.

    Without a usable one, the name of what is none, if any; `is_wrong` when that is not even text.
    """

    email: str | None = None
    name: str = ""
    is_wrong: bool = False


def address_in(holders: Mapping[str, Mapping[str, object]]) -> Address:
    """The first usable address in several tables of traits, by the names of these."""
    unusable = Address()
    for holder, traits in holders.items():
        for name, value in traits.items():
            if value is None or value == "" or canonical(name) != "email":
                continue
            usable = email(value)
            if usable is not None:
                return Address(usable, f"{holder}.{name}")
            if not unusable.name:
                unusable = Address(None, f"{holder}.{name}", not isinstance(value, str))
    return unusable


def plain(traits: Mapping[str, object]) -> dict[str, object]:
    """Traits ready to travel, by their canonical names; of several spellings the first."""
    kept: dict[str, object] = {}
    for name, value in traits.items():
        if not _SECRET.search(name):
            found = _plain(value, _DEPTH)
            if found is not None:
                kept.setdefault(canonical(name), found)
    return kept


def _plain(value: object, depth: int) -> object:
    if isinstance(value, str | int | float):
        return scalar(value)
    if not depth:
        return None
    if isinstance(value, dict):
        inner = {
            name: _plain(one, depth - 1) for name, one in value.items() if not _SECRET.search(name)
        }
        return {name: one for name, one in inner.items() if one is not None} or None
    if isinstance(value, list):
        return [one for one in (_plain(one, depth - 1) for one in value) if one is not None] or None
    return None
